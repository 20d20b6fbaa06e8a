"""The account's pages in a real browser: both languages, phone and desk, and nothing that axe-core would mend."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from tests.browser.test_openapi_pages import chromium
from tests.browser.test_shop import DESK, NARROW, PHONE, Reader, browser
from tests.factories.accounts import CREATOR, OTHER_PASSWORD, PASSWORD
from tests.factories.market import market_template
from tests.factories.people_at_large import CHEAP_PASSWORDS
from tests.factories.running_program import running_program

from ais.accounts import UserKind, create_user
from ais.app.accounts import open_accounts
from ais.platform.database import Database
from ais.platform.settings import load_settings

__all__ = ["browser", "chromium"]

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

READERS = {"english-desk": ("en", DESK), "arabic-phone": ("ar", PHONE)}
SAID = {
    "en": {"wrong": "is not right", "on": "Chrome on Linux", "changed": "Your password was changed"},
    "ar": {"wrong": "غير صحيحة", "on": "Chrome على Linux", "changed": "تم تغيير كلمة مرورك"},
}


@pytest.fixture(scope="module")
def program(servers, tmp_path_factory):
    """A web process on a market."""
    with (
        servers.database(market_template(servers)) as url,
        running_program(
            tmp_path_factory.mktemp("account"), url, servers.cache_url(), started=False, environment=CHEAP_PASSWORDS
        ) as program,
    ):
        program.start(program.web[0])
        yield program


@pytest.fixture
def email(program, request):
    """Somebody with an account, made beside the program; in a thread, because the browser's loop has this one."""
    address = f"{request.node.callspec.id}@travellers.example"
    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, make_account(program, address)).result()
    return address


async def make_account(program, email):
    settings = load_settings(program.environment)
    database = await Database.connect(
        program.database_url, clock=settings.clock, vault=settings.vault, maximum=1, application_name="tests"
    )
    services = open_accounts(settings, database)
    await create_user(
        services,
        kind=UserKind.TRAVELLER,
        email=email,
        password=PASSWORD,
        name="Sara Al-Harbi",
        language="en",
        actor=CREATOR,
    )
    services.passwords.close()
    await database.close()


class Visit:
    """A person on the account's pages; each page that is looked at fits, and axe-core has nothing to say about it."""

    def __init__(self, reader, name):
        self.reader, self.page = reader, reader.page
        self._name, self._axe = name, Axe()

    def goes_to(self, path):
        self.page.goto(f"{self.reader.url}/account{path}")

    def sends(self, **fields):
        for field, value in fields.items():
            self.page.fill(f"#{field}", value)
        self.page.locator("main form button[type=submit]").first.click()

    def found(self):
        """What axe-core would mend."""
        return self._axe.run(self.page).response["violations"]

    def looks(self, what):
        self.reader.fits()
        # The tree is the same in both languages: of the Arabic pages those with forms and lists are enough.
        if self.reader.language == "en" or what in {"sign-in", "sessions", "second-factor"}:
            assert self.found() == []
        folder = os.environ.get("AIS_TEST_PICTURES")
        if folder is not None:
            self.page.screenshot(path=Path(folder) / f"account-{what}-{self._name}.png", full_page=True)


@pytest.mark.parametrize("name", [pytest.param("english-desk", marks=pytest.mark.slow), "arabic-phone"])
def test_a_person_signs_in_and_looks_after_their_account(name, program, browser, email):
    language, size = READERS[name]
    said = SAID[language]
    reader = Reader(browser, program, language, size)
    visit, page = Visit(reader, name), reader.page
    try:
        for path in ("/register", "/forgotten"):
            visit.goes_to(path)
            visit.looks(path[1:])
        page.evaluate("document.querySelector('main').append(new Image())")
        assert [each["id"] for each in visit.found()] == ["image-alt"]
        visit.goes_to("")
        assert page.url == f"{reader.url}/account/sign-in"
        assert page.locator("html").get_attribute("dir") == {"ar": "rtl", "en": "ltr"}[language]
        visit.looks("sign-in")
        visit.sends(email=email, password=OTHER_PASSWORD)
        expect(page.locator("[role=alert]")).to_contain_text(said["wrong"])
        visit.looks("sign-in-wrong")
        visit.sends(email=email, password=PASSWORD)
        expect(page.locator("h1")).to_have_text("Sara Al-Harbi")
        expect(page.locator("#sessions ~ ul h3")).to_have_text(said["on"])
        page.locator(".more summary").click()
        expect(page.locator(".more dd").last).to_contain_text("Mozilla/5.0")
        visit.looks("account")
        codes = set_up_second_factor(visit)
        use_and_remove_it(visit, email, codes)
        for path in ("/proof", "/approvals", "/password"):
            visit.goes_to(path)
            visit.looks(path[1:])
        visit.sends(current=PASSWORD, password=OTHER_PASSWORD)
        expect(page.locator("[role=status]")).to_contain_text(said["changed"])
        page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        reader.width = NARROW[0]
        reader.fits()
        page.locator("form[action$='/sign-out'] button").click()
        expect(page).to_have_url(f"{reader.url}/")
        # Refused tries are 401 on purpose; a browser notes each as an error.
        reader.trouble = [each for each in reader.trouble if "status of 401" not in each]
        reader.requires_nothing_wrong()
    finally:
        reader.context.close()


def set_up_second_factor(visit):
    """By the picture or the key; the recovery codes are shown once."""
    page = visit.page
    page.fill("form[action$='/second-factor'] #password", PASSWORD)
    page.locator("form[action$='/second-factor'] button").click()
    picture = page.locator(".qr svg").bounding_box()
    assert picture["width"] == picture["height"] >= 200
    key = page.locator(".key bdi").inner_text().replace(" ", "")
    visit.looks("second-factor")
    visit.sends(code=pyotp.TOTP(key).now())
    expect(page.locator(".locator")).to_have_count(10)
    visit.looks("recovery-codes")
    return page.locator(".locator").all_inner_texts()


def use_and_remove_it(visit, email, codes):
    """Another browser signs in with a recovery code and is signed out from here; then the second factor goes."""
    page = visit.page
    other = page.context.browser.new_context()
    try:
        there = other.new_page()
        there.goto(f"{visit.reader.url}/account/sign-in")
        there.fill("#email", email)
        there.fill("#password", PASSWORD)
        there.locator("main form button[type=submit]").click()
        there.fill("#password", PASSWORD)
        there.fill("#code", codes[0])
        there.locator("main form button[type=submit]").click()
        expect(there).to_have_url(f"{visit.reader.url}/account")
        visit.goes_to("")
        visit.looks("sessions")
        page.locator("#sessions ~ ul form button").click()
        expect(page.locator("#sessions ~ ul form")).to_have_count(0)
        there.reload()
        expect(there).to_have_url(f"{visit.reader.url}/account/sign-in")
    finally:
        other.close()
    page.locator("a[href$='/second-factor/remove']").click()
    visit.looks("removal")
    visit.sends(password=PASSWORD, code=codes[1])
    expect(page.locator("[role=status]")).to_be_visible()
