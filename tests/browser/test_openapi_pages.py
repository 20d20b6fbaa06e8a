"""The API's pages in a real browser: they open by themselves, without a request to anybody else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright
from tests.factories.market import market_template
from tests.factories.running_program import running_program

CHROMIUM = os.environ.get("AIS_TEST_CHROMIUM", "/usr/bin/chromium")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium():
    """The path of the browser. Without one the tests are skipped, on the machine that decides they fail."""
    found = shutil.which(CHROMIUM)
    if found is None:
        sentence = f"No Chromium at {CHROMIUM}: install it, or name it by AIS_TEST_CHROMIUM."
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(sentence)
        pytest.skip(sentence)
    return found


@pytest.fixture(scope="module")
def web(servers, tmp_path_factory):
    """A web process on a market."""
    with (
        servers.database(market_template(servers)) as url,
        running_program(tmp_path_factory.mktemp("browser"), url, servers.cache_url(), started=False) as program,
    ):
        program.start(program.web[0])
        yield program.web[0]


@pytest.fixture
def page(chromium):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        try:
            yield browser.new_page(viewport={"width": 1280, "height": 1600})
        finally:
            browser.close()


def test_the_page_of_the_api_opens_and_an_operation_can_be_tried(web, page, tmp_path):
    asked, trouble = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: trouble.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("requestfailed", lambda request: trouble.append(f"{request.url}: {request.failure}"))
    page.on(
        "response", lambda answer: trouble.append(f"{answer.url}: {answer.status}") if answer.status >= 400 else None
    )

    page.goto(f"{web.url}/schema/swagger")
    page.wait_for_selector(".opblock")
    shown = {text.strip().replace("\u200b", "") for text in page.locator(".opblock-summary-path").all_text_contents()}
    assert {
        "/api/v1/airports",
        "/api/v1/offers/search",
        "/api/v1/offers/{offer_id}",
        "/api/v1/orders",
        "/api/v1/orders/lookup",
        "/api/v1/orders/{order_id}",
        "/api/v1/orders/{order_id}/payments",
        "/health/live",
        "/health/ready",
        "/webhooks/stripe",
    } <= shown
    picture = Path(os.environ.get("AIS_TEST_PICTURES", tmp_path)) / "openapi.png"
    page.screenshot(path=picture)
    assert picture.stat().st_size > 20_000

    airports = page.locator(".opblock", has_text="/api/v1/airports").first
    airports.locator(".opblock-summary-control").click()
    airports.get_by_role("button", name="Try it out").click()
    airports.get_by_placeholder("q").fill("ria")
    airports.get_by_role("button", name="Execute").click()
    answer = airports.locator(".live-responses-table tbody .response-col_description")
    answer.first.wait_for()
    assert "Asia/Riyadh" in answer.first.inner_text()

    ours = urlsplit(web.url).netloc
    others = [url for url in asked if urlsplit(url).scheme in {"http", "https"} and urlsplit(url).netloc != ours]
    assert others == []
    assert trouble == []
    assert asked
