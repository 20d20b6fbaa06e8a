"""The shop in a real browser on the whole program: both languages, phone and desk, with and without JavaScript."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright
from tests.browser.test_openapi_pages import QUIET, chromium  # noqa: F401 - a fixture
from tests.factories.market import market_template
from tests.factories.running_program import running_program
from tests.factories.shopper import days_ahead
from tests.factories.stripe_simulator import client_of

from ais.platform.settings import DEMO_OPERATOR_TOKEN

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PHONE, DESK, NARROW = (390, 844), (1280, 800), (360, 740)
READERS = {
    "english-desk": ("en", DESK, True),
    "arabic-phone": ("ar", PHONE, True),
    "english-phone-without-javascript": ("en", PHONE, False),
    "arabic-desk-without-javascript": ("ar", DESK, False),
}
# Each language, each size and both ways are among the others too.
WITH_THE_LONG = {"english-phone-without-javascript"}
# A day of its own for each test, so that none takes another's seats.
DAYS = dict(zip((*READERS, "twice", "tabs", "cancel", "narrow"), range(6, 38, 3), strict=False))


@pytest.fixture(scope="module")
def program(servers, tmp_path_factory):
    """Web, worker and simulator on a market."""
    with (
        servers.database(market_template(servers)) as url,
        running_program(tmp_path_factory.mktemp("shop"), url, servers.cache_url()) as program,
    ):
        yield program


@pytest.fixture(scope="module")
def browser(chromium):  # noqa: F811 - the fixture imported above
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        yield running
        running.close()


class Reader:
    """A person in front of the browser; whatever it asks for elsewhere, and whatever goes wrong in a page, is kept."""

    def __init__(self, browser, program, language, size, *, scripts=True):
        self.program, self.language, self.width = program, language, size[0]
        self.url = f"{program.web[0].url}/{language}"
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale={"ar": "ar-SA", "en": "en-GB"}[language],
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(20_000)
        self.asked, self.trouble = [], []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.page = self.new_page()

    def new_page(self):
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        page.on("console", self._console)
        return page

    def _console(self, message):
        if message.type in {"error", "warning"}:
            self.trouble.append(message.text)

    def requires_nothing_wrong(self):
        """No request left this machine, nothing went wrong in a page."""
        hosts = {urlsplit(url).hostname for url in self.asked if urlsplit(url).scheme in {"http", "https"}}
        assert hosts == {"127.0.0.1"}
        assert self.trouble == []

    def fits(self, page=None):
        """The page is no wider than the screen."""
        assert (page or self.page).evaluate("document.documentElement.scrollWidth") <= self.width

    def query(self, name, **more):
        day = days_ahead(DAYS[name]).isoformat()
        return urlencode({"from": "RUH", "to": "JED", "depart": day, "trip": "oneway", "adults": 1, **more})

    def to_travellers(self, name, page=None, **more):
        page = page or self.page
        page.goto(f"{self.url}/flights?{self.query(name, **more)}")
        page.locator(".brand .button").first.click()
        page.wait_for_selector("#book")

    def fill_in(self, page=None, given="Sara"):
        page = page or self.page
        page.fill("#p0-given", given)
        page.fill("#p0-family", "Al-Harbi")
        page.fill("#email", "sara@example.com")

    def hold(self, page=None):
        page = page or self.page
        page.click("#book")
        page.wait_for_selector(".status-held")
        return order_of(page)

    def pay_on_the_hosted_page(self, page=None):
        page = page or self.page
        assert page.url.startswith(self.program.simulator.url)
        page.check("input[value=pm_card_visa]")
        page.get_by_role("button").first.click()
        page.wait_for_selector(".status-confirmed")


@pytest.fixture
def reader_of(browser, program):
    """Makes readers, each with a browser session of its own."""
    made = []

    def make(language, size, **more):
        made.append(Reader(browser, program, language, size, **more))
        return made[-1]

    yield make
    for each in made:
        each.context.close()


def order_of(page):
    return re.search(r"ord_[a-z0-9]+", page.url)[0]


def orders_since(program, before):
    return [each for each in all_orders(program) if each not in before]


def all_orders(program):
    """The ids of the newest orders, as staff see them."""
    request = urllib.request.Request(
        f"{program.web[0].url}/api/v1/orders?limit=200", headers={"Authorization": f"Bearer {DEMO_OPERATOR_TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return [order["id"] for order in json.load(answer)["items"]]


def charges_of(program, order):
    """The states of the provider's intents of an order."""
    client = client_of(program.simulator.url, program.simulator.api_key)
    intents = client.v1.payment_intents.list(params={"limit": 100}).data
    return [intent.status for intent in intents if intent.metadata.to_dict().get("order_id") == order]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in WITH_THE_LONG else ()) for name in READERS]
)
def test_a_person_searches_holds_pays_and_has_a_ticket(name, program, reader_of, tmp_path):
    language, size, scripts = READERS[name]
    reader = reader_of(language, size, scripts=scripts)
    page = reader.page
    page.goto(f"{program.web[0].url}/")
    assert page.url == f"{reader.url}/"
    assert page.locator("html").get_attribute("dir") == {"ar": "rtl", "en": "ltr"}[language]
    reader.fits()
    page.locator(".segmented label").nth(1).click()
    expect(page.locator("#return")).to_be_hidden()
    page.fill("#from", {"ar": "الرياض", "en": "riyadh"}[language])
    page.fill("#to", "JED")
    page.fill("#depart", days_ahead(DAYS[name]).isoformat())
    page.locator(".go").click()
    expect(page.locator(".flight").first).to_be_visible()
    reader.fits()
    page.locator(".sorting .segmented a").nth(2).click()
    expect(page.locator(".sorting .segmented a").nth(2)).to_have_attribute("aria-current", "true")
    departures = page.locator(".flight .route-end:first-child time").evaluate_all("all => all.map(e => e.dateTime)")
    assert departures == sorted(departures)
    price = page.locator(".brand .price bdi").first.inner_text()
    page.locator(".brand .button").first.click()
    assert price in page.locator("#book").inner_text()
    reader.fits()
    reader.fill_in()
    order = reader.hold()
    reader.fits()
    assert price in page.locator("#pay").inner_text()
    page.click("#pay")
    reader.pay_on_the_hosted_page()
    assert page.url.startswith(f"{reader.url}/orders/{order}")
    assert re.fullmatch(r"991 \d{10}", page.locator(".ticket-number bdi").inner_text())
    reader.fits()
    assert charges_of(program, order) == ["succeeded"]

    page.locator(".switch").click()
    assert page.locator("html").get_attribute("lang") == {"ar": "en", "en": "ar"}[language]
    assert order in page.url
    picture = Path(os.environ.get("AIS_TEST_PICTURES", tmp_path)) / f"shop-{name}.png"
    page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 20_000
    reader.requires_nothing_wrong()


def test_double_click_reload_and_back_are_one_order_and_one_charge(program, reader_of):
    """Without JavaScript, which would keep the second click in the page."""
    reader = reader_of("en", DESK, scripts=False)
    page = reader.page
    reader.to_travellers("twice")
    reader.fill_in()
    before = all_orders(program)
    page.dblclick("#book")
    page.wait_for_selector(".status-held")
    order = order_of(page)
    page.reload()
    page.go_back()
    page.wait_for_selector("#book")
    reader.fill_in()
    assert reader.hold() == order
    assert orders_since(program, before) == [order]

    page.dblclick("#pay")
    # The second click takes the place of the first one's navigation, which a wait for that would fail with.
    expect(page).to_have_url(re.compile(f"^{re.escape(program.simulator.url)}/"))
    page.wait_for_load_state()
    page.go_back()
    page.wait_for_selector("#pay")
    page.click("#pay")
    page.wait_for_url(f"{program.simulator.url}/**")
    reader.pay_on_the_hosted_page()
    page.reload()
    page.wait_for_selector(".status-confirmed")
    assert charges_of(program, order) == ["succeeded"]
    assert orders_since(program, before) == [order]
    reader.requires_nothing_wrong()


def test_two_tabs_are_one_order_and_one_charge(program, reader_of):
    reader = reader_of("ar", PHONE)
    first, second = reader.page, reader.new_page()
    reader.to_travellers("tabs", first)
    second.goto(first.url)
    before = all_orders(program)
    for page in (first, second):
        reader.fill_in(page)
    first.dblclick("#book")
    first.wait_for_selector(".status-held")
    order = order_of(first)
    assert reader.hold(second) == order
    assert orders_since(program, before) == [order]
    for page in (first, second):
        page.click("#pay")
        page.wait_for_url(f"{program.simulator.url}/**")
    assert first.url == second.url
    reader.pay_on_the_hosted_page(first)
    second.reload()
    second.locator("a.button").click()
    second.wait_for_selector(".status-confirmed")
    assert charges_of(program, order) == ["succeeded"]
    reader.requires_nothing_wrong()


def test_a_paid_booking_is_given_up_after_its_quote(program, reader_of):
    reader = reader_of("en", PHONE)
    page = reader.page
    reader.to_travellers("cancel")
    reader.fill_in()
    reader.hold()
    page.click("#pay")
    reader.pay_on_the_hosted_page()
    page.click("#cancel")
    reader.fits()
    page.click("#quote")
    page.wait_for_selector("#give-up")
    reader.fits()
    quoted = page.locator(".refund-total bdi").inner_text()
    page.dblclick("#give-up")
    page.wait_for_selector(".status-cancelled")
    assert quoted in page.locator(".summary").inner_text()
    reader.requires_nothing_wrong()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_no_page_is_wider_than_a_narrow_screen(language, reader_of):
    reader = reader_of(language, NARROW)
    page = reader.page
    back = days_ahead(DAYS["narrow"] + 4).isoformat()
    family = {"adults": 2, "children": 1, "infants": 1}
    search = reader.query("narrow", to="CAI", trip="return", **{"return": back}, **family)
    for path in ("/", f"/flights?{search}", "/booking", "/flights?from=RUH", "/nothing"):
        page.goto(reader.url + path)
        reader.fits()
    page.goto(f"{reader.url}/flights?{search}")
    page.locator(".flight-price .button").first.click()
    reader.fits()
    page.locator(".brand-rules summary").first.click()
    page.locator(".flight-details summary").first.click()
    reader.fits()
    page.locator(".brand .button").first.click()
    for summary in page.locator("details summary").all():
        summary.click()
    reader.fits()
    page.click("#book")
    page.wait_for_selector("#mistakes")
    expect(page.locator("#mistakes")).to_be_focused()
    reader.fits()


def test_the_keyboard_alone_searches_and_the_time_runs(program, reader_of):
    reader = reader_of("en", DESK)
    page = reader.page
    page.goto(f"{reader.url}/?{reader.query('narrow')}")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.locator("#from").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".flight")
    page.locator(".brand .button").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#book")
    reader.fill_in()
    page.keyboard.press("Enter")
    page.wait_for_selector(".status-held")
    shown = page.locator(".countdown-figure").inner_text()
    expect(page.locator(".countdown-figure")).not_to_have_text(shown)
    reader.requires_nothing_wrong()
