"""The simulator's checkout page in a real browser without JavaScript: a person pays, is declined, proves, leaves."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright
from tests.browser.test_openapi_pages import QUIET, chromium  # noqa: F401 - a fixture
from tests.factories.stripe_simulator import checkout_session, client_of, start_stripe_simulator
from tests.factories.webhook_receiver import webhook_receiver

pytestmark = pytest.mark.browser

READERS = {
    "english-desk": ("en-GB", 1280, "ltr", "123.45 SAR"),
    "arabic-desk": ("ar-SA", 1280, "rtl", "123.45 SAR"),
    "english-phone": ("en-GB", 390, "ltr", "123.45 SAR"),
    "arabic-phone": ("ar-SA", 390, "rtl", "123.45 SAR"),
}
DECLINED = {
    "ltr": "The card was declined. Nothing was paid. Try another one.",
    "rtl": "رُفضت البطاقة ولم يُدفع شيء. جرّب بطاقة أخرى.",
}
UNPROVEN = {
    "ltr": "The bank could not make sure that it is you. Nothing was paid.",
    "rtl": "لم يتمكن البنك من التأكد من هويتك. لم يُدفع شيء.",
}


@pytest.fixture(scope="module")
def shop():
    """A server for the pages to lead back to; it answers 501, which a browser shows."""
    with webhook_receiver() as running:
        parts = urlsplit(running.url)
        yield f"http://{parts.netloc}"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    running = start_stripe_simulator(tmp_path_factory.mktemp("checkout"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def client(simulator):
    simulator.control("POST", "/reset")
    return client_of(simulator.url, simulator.api_key)


@pytest.fixture(scope="module")
def browser(chromium):  # noqa: F811 - the fixture imported above
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        yield running
        running.close()


@pytest.fixture(params=READERS)
def reader(request, browser):
    """A person with a language and a size of screen, and no JavaScript."""
    locale, width, direction, total = READERS[request.param]
    context = browser.new_context(
        locale=locale, viewport={"width": width, "height": 844}, java_script_enabled=False, reduced_motion="reduce"
    )
    page = context.new_page()
    yield page, direction, total, request.param
    context.close()


def session_for(client, shop):
    params = checkout_session(
        success_url=f"{shop}/paid?session={{CHECKOUT_SESSION_ID}}",
        cancel_url=f"{shop}/left",
        client_reference_id="K7QX2M",
    )
    return client.v1.checkout.sessions.create(params=params)


def state(client, session):
    found = client.v1.checkout.sessions.retrieve(session.id)
    return found.status, found.payment_status, sorted(one.status for one in client.v1.charges.list().data)


def choose(page, method):
    page.check(f"input[value={method}]")
    page.get_by_role("button").click()


def test_a_person_pays(client, shop, reader, tmp_path):
    page, direction, total, name = reader
    session = session_for(client, shop)
    page.goto(session.url)
    assert page.locator("html").get_attribute("dir") == direction
    assert page.locator(".sum").inner_text() == total
    assert page.locator("body").evaluate("body => body.scrollWidth <= window.innerWidth")
    assert page.locator("input:not([type=radio]):not([type=email])").count() == 0
    picture = Path(os.environ.get("AIS_TEST_PICTURES", tmp_path)) / f"checkout-{name}.png"
    page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 10_000
    page.get_by_role("button").click()
    assert page.url == f"{shop}/paid?session={session.id}"
    assert state(client, session) == ("complete", "paid", ["succeeded"])
    # Back, reload, and once more: it is paid, and stays paid once.
    page.goto(session.url)
    assert page.locator("form").count() == 0
    page.locator("a.button").click()
    assert page.url == f"{shop}/paid?session={session.id}"
    assert state(client, session) == ("complete", "paid", ["succeeded"])


@pytest.mark.parametrize("reader", ["english-desk", "arabic-phone"], indirect=True)
def test_a_person_is_declined_fails_the_banks_question_and_then_proves(client, shop, reader):
    page, direction, total, _ = reader
    session = session_for(client, shop)
    page.goto(session.url)
    choose(page, "pm_card_visa_chargeDeclined")
    assert page.get_by_role("alert").inner_text() == DECLINED[direction]
    assert state(client, session) == ("open", "unpaid", ["failed"])
    choose(page, "pm_card_threeDSecure2Required")
    assert page.locator("html").get_attribute("dir") == direction
    assert page.locator(".sum").inner_text() == total
    page.locator("button[value=fail]").click()
    assert page.get_by_role("alert").inner_text() == UNPROVEN[direction]
    assert page.locator("html").get_attribute("dir") == direction
    assert state(client, session) == ("open", "unpaid", ["failed"])
    choose(page, "pm_card_threeDSecure2Required")
    page.locator("button[value=succeed]").click()
    assert page.url == f"{shop}/paid?session={session.id}"
    assert state(client, session) == ("complete", "paid", ["failed", "succeeded"])


@pytest.mark.parametrize("reader", ["english-phone", "arabic-desk"], indirect=True)
def test_a_person_changes_the_language_and_leaves(client, shop, reader):
    page, direction, _, _ = reader
    session = session_for(client, shop)
    page.goto(session.url)
    page.locator(".bar a").last.click()
    assert page.locator("html").get_attribute("dir") == {"ltr": "rtl", "rtl": "ltr"}[direction]
    page.locator(".bar a").first.click()
    assert page.url == f"{shop}/left"
    assert state(client, session) == ("open", "unpaid", [])
    client.v1.checkout.sessions.expire(session.id)
    page.go_back()
    page.reload()
    assert page.locator("form").count() == 0
    page.locator("a.button").click()
    assert page.url == f"{shop}/left"
    assert state(client, session) == ("expired", "unpaid", [])
