"""What every page of the shop promises: both languages, nothing from elsewhere, friendly refusals, safe forms."""

from __future__ import annotations

import asyncio
import re
from importlib.resources import files

import msgspec
import pytest
from tests.factories.in_process import departure
from tests.factories.page_reader import visitor_of

from ais.fares import withdraw_tax
from ais.inventory import SeatDesk
from ais.kit import system_actor
from ais.platform.rate_limits import RateLimiter
from ais.platform.rates import Rate

DAY = departure(20).isoformat()
FLIGHTS = f"/flights?from=RUH&to=JED&depart={DAY}&trip=oneway"


@pytest.mark.parametrize(
    ("header", "language"), [("ar-SA,ar;q=0.9", "ar"), ("en", "en"), ("fr", "en"), ("en;q=0.2,ar;q=0.9", "ar")]
)
async def test_the_first_page_is_in_the_language_that_the_browser_prefers(visitor, header, language):
    page = await visitor.open("/", headers={"Accept-Language": header})
    assert page.path == f"/{language}/"
    direction = "rtl" if language == "ar" else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in page.answer.text
    assert page.answer.headers["content-language"] == language


@pytest.mark.parametrize("path", ["/", FLIGHTS, "/booking"])
async def test_the_other_language_is_the_same_place(visitor, path):
    english = await visitor.open(f"/en{path}")
    (other,) = set(english.links("^/ar/.*")) - {"/ar/flights"}
    assert other == f"/ar{path}"
    assert (await visitor.open(other)).links(f"^{re.escape('/en' + path)}$")


async def test_typed_text_survives_the_change_of_language(visitor):
    form = await visitor.travellers("en")
    typed = visitor.filled_in(form, **{"p0-given": "Zoë", "switch": "1"})
    arabic = await visitor.send("/ar/travellers", typed)
    assert (arabic.status, "من المسافر؟" in arabic.text) == (200, True)
    kept = arabic.form("/travellers")
    assert (kept["p0-given"], kept["p0-family"], kept["email"]) == ("Zoë", "Al-Harbi", "sara@example.com")
    assert kept["key"] == typed["key"]


async def test_a_page_loads_and_runs_our_own_files_alone(visitor):
    for path in ("/en/", f"/ar{FLIGHTS}", "/en/booking", "/en/nothing"):
        page = await visitor.open(path)
        policy = page.answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.answer.headers["referrer-policy"] == "same-origin"
        assert page.answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script>|<script [^>]*>[^<]", page.answer.text)
        for address in re.findall(r'(?:src|href)="([^"]+)"', page.answer.text):
            assert address.startswith(("/", "#")), address
        for asset in set(re.findall(r'"(/assets/[^"]+)"', page.answer.text)):
            file = await visitor.open(asset)
            assert (file.status, file.answer.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")


async def test_an_old_digest_finds_the_present_file_and_no_other_file_is_found(visitor):
    old = await visitor.open("/assets/0000/shop.css")
    assert (old.status, old.answer.headers["cache-control"]) == (200, "no-cache")
    for name in ("nothing.css", "..%2far.po", "__init__.py"):
        assert (await visitor.open(f"/assets/0000/{name}")).status == 404


async def test_only_pages_with_forms_set_a_cookie_and_scripts_cannot_read_it(program, visitor):
    for path in ("/en/", f"/en{FLIGHTS}", "/en/nothing"):
        assert "set-cookie" not in (await visitor.open(path)).answer.headers
    cookie = (await visitor.open("/en/booking")).answer.headers["set-cookie"]
    assert cookie.startswith("ais_shop=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "set-cookie" not in (await visitor.open("/en/booking")).answer.headers


async def test_over_https_the_cookie_is_secure_and_bound_to_the_host(program):
    program.state.trusted_proxies = 1
    try:
        async with visitor_of(program) as visitor:
            page = await visitor.open("/en/booking", headers={"X-Forwarded-Proto": "https"})
            cookie = page.answer.headers["set-cookie"]
            assert cookie.startswith("__Host-ais_shop=")
            assert "Secure" in cookie
    finally:
        program.state.trusted_proxies = 0


@pytest.mark.parametrize(
    "damage",
    [
        {"fields": {"form_token": ""}},
        {"fields": {"form_token": "AAAA"}},
        {"headers": {"Origin": "https://evil.example"}},
        {"headers": {"Origin": "null"}},
        {"headers": {"Sec-Fetch-Site": "cross-site"}},
        {"cookie": False},
    ],
)
async def test_a_form_that_is_not_ours_changes_nothing(program, visitor, damage):
    form = await visitor.travellers()
    before = await program.rows("SELECT count(*) FROM orders")
    if damage.get("cookie") is False:
        visitor.http.cookies.clear()
    sent = {**visitor.filled_in(form), **damage.get("fields", {})}
    page = await visitor.send("/en/travellers", sent, headers=damage.get("headers", {}))
    assert (page.status, "Please send the form again" in page.text) == (403, True)
    assert await program.rows("SELECT count(*) FROM orders") == before


async def test_a_token_of_another_browser_does_not_fit(program, visitor):
    form = await visitor.travellers()
    async with visitor_of(program) as other:
        theirs = (await other.open("/en/booking")).form("/booking")["form_token"]
    page = await visitor.send("/en/travellers", visitor.filled_in(form, form_token=theirs))
    assert page.status == 403


async def test_each_mistake_stands_beside_its_field_and_nothing_typed_is_lost(program, visitor):
    form = await visitor.travellers(children="1")
    before = await program.rows("SELECT count(*) FROM orders")
    sent = {**form.form("/travellers"), "p0-given": "Sara", "p0-family": "", "p1-year": "2019", "email": "x"}
    page = await visitor.send("/en/travellers", sent)
    assert page.status == 422
    for field, sentence in {
        "p0-family": "Enter the family name as it stands in the passport.",
        "p1-given": "Enter the given names, or tick that the passport shows one name only.",
        "p1-day": "Enter the date of birth.",
    }.items():
        assert f'id="{field}-note">{sentence}</p>' in page.answer.text
    kept = page.form("/travellers")
    assert (kept["p0-given"], kept["p1-year"], kept["email"]) == ("Sara", "2019", "x")
    assert await program.rows("SELECT count(*) FROM orders") == before


async def test_what_is_missing_and_what_is_wrong_are_told_at_once(program, visitor):
    form = await visitor.travellers(adults="2", children="1")
    before = await program.rows("SELECT count(*) FROM orders")
    born = {"p2-day": "1", "p2-month": "1", "p2-year": "2000"}
    typed = {
        "p0-family": "الحربي",
        "p0-given": "Sara",
        "p1-family": "",
        "p1-given": "S@ra",
        "p2-family": "Al-Harbi",
        "p2-given": "Layla",
        "p2-local-family": "ل" * 99,
        **born,
        "email": "nobody",
        "phone": "call me",
    }
    page = await visitor.send("/en/travellers", visitor.filled_in(form, **typed))
    assert page.status == 422
    for field, sentence in {
        "p0-family": "Write the name in Latin letters, as in the passport.",
        "p1-family": "Enter the family name as it stands in the passport.",
        "p1-given": "Use letters, spaces, hyphens and apostrophes only.",
        "p2-day": "At this age another fare applies on the day of the flight. Please search again with the right type.",
        "p2-local-family": "Please look at this again.",
        "email": "Enter an email address such as name@example.com.",
        "phone": "Enter a telephone number with digits only, such as +966 50 000 0000.",
    }.items():
        assert f'id="{field}-note">{sentence}</p>' in page.answer.text, field
    assert page.text.count("In a passport it may read:") == 1
    assert await program.rows("SELECT count(*) FROM orders") == before
    mended = {"p0-family": "Al-Harbi", "p1-family": "Al-Harbi", "p1-given": "Omar", "p2-local-family": ""}
    again = await visitor.send("/en/travellers", visitor.filled_in(page, **(typed | mended)))
    assert 'id="p2-day-note">' in again.answer.text
    assert 'id="p0-family-note">' not in again.answer.text


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"p0-family": "الحربي"}, "p0-family", "Write the name in Latin letters, as in the passport."),
        ({"p0-given": "S@ra"}, "p0-given", "Use letters, spaces, hyphens and apostrophes only."),
        ({"email": "nobody"}, "email", "Enter an email address such as name@example.com."),
        ({"phone": "call me"}, "phone", "Enter a telephone number with digits only, such as +966 50 000 0000."),
    ],
)
async def test_what_the_order_refuses_stands_beside_its_field(visitor, typed, field, sentence):
    form = await visitor.travellers()
    page = await visitor.send("/en/travellers", visitor.filled_in(form, **typed))
    assert page.status == 422
    assert f'id="{field}-note">{sentence}</p>' in page.answer.text
    if field == "p0-family":
        assert "In a passport it may read: AL-HRBY" in page.text


async def test_a_child_of_another_age_is_asked_to_search_again(visitor):
    form = await visitor.travellers(children="1")
    person = {"p1-given": "Layla", "p1-family": "Al-Harbi", "p1-day": "1", "p1-month": "1", "p1-year": "2000"}
    page = await visitor.send("/en/travellers", visitor.filled_in(form, **person))
    assert "At this age another fare applies on the day of the flight." in page.text


async def test_markup_in_names_is_shown_as_text(visitor):
    form = await visitor.travellers()
    page = await visitor.send("/en/travellers", visitor.filled_in(form, **{"p0-given": '"><script>alert(1)</script>'}))
    assert page.status == 422
    assert "<script>alert" not in page.answer.text
    odd = await visitor.open('/en/flights?from="><script>alert(1)</script>&to=%00&depart=x&adults=99&sort=zz&out=%F0')
    assert (odd.status, "<script>alert" in odd.answer.text) == (422, False)


async def test_a_search_without_flights_and_one_without_sense_are_friendly(visitor):
    empty = await visitor.open(f"/en/flights?from=RUH&to=LHR&depart={DAY}&trip=oneway")
    assert (empty.status, "No flight on this day" in empty.text) == (200, True)
    past = await visitor.open("/en/flights?from=RUH&to=JED&depart=2020-01-01&trip=oneway")
    assert (past.status, "Choose a date from today on." in past.text) == (422, True)
    crowd = await visitor.open(f"/en/flights?from=RUH&to=JED&depart={DAY}&trip=oneway&adults=9&children=5")
    assert "1 to 9 travellers have a seat" in crowd.text
    nowhere = await visitor.open(f"/ar/flights?from=RUH&to=RUH&depart={DAY}&trip=oneway")
    assert "اختر وجهة أخرى." in nowhere.text


async def test_an_expired_offer_leads_back_to_its_flights(visitor):
    page = await visitor.open(f"/en/travellers?offer=ofr_nothing&from=RUH&to=JED&depart={DAY}&trip=oneway&adults=2")
    assert (page.status, "This price has expired" in page.text) == (410, True)
    (back,) = page.links("^/en/flights")
    assert (await visitor.open(back)).status == 200
    assert "adults=2" in back


async def test_seats_that_were_sold_meanwhile_lead_to_what_is_left(own_program):
    async with visitor_of(own_program) as visitor, visitor_of(own_program) as quicker:
        day = {"depart": departure(9).isoformat(), "cabin": "business"}
        form = await visitor.travellers(**day, adults="9")
        names = {f"p{number}-{part}": "Ali" for number in range(9) for part in ("given", "family")}
        for _ in range(2):
            other = await quicker.travellers(**day, adults="9")
            if other.path.split("?")[0] != "/en/travellers":
                break
            await quicker.send("/en/travellers", quicker.filled_in(other, **names))
        before = await own_program.rows("SELECT count(*) FROM orders")
        sold = await visitor.send("/en/travellers", visitor.filled_in(form, **names))
        assert (sold.status, "These seats have just been sold" in sold.text) == (409, True)
        assert sold.links("^/en/flights\\?from=RUH&to=JED")
        assert await own_program.rows("SELECT count(*) FROM orders") == before


async def test_unknown_addresses_are_pages_for_people_and_errors_of_the_api_for_programs(visitor):
    for path, title in (("/en/nothing", "This page does not exist"), ("/ar/nothing", "هذه الصفحة غير موجودة")):
        page = await visitor.open(path)
        assert (page.status, title in page.text) == (404, True)
    browser = await visitor.open("/nothing", headers={"Accept": "text/html,*/*", "Accept-Language": "ar"})
    assert "هذه الصفحة غير موجودة" in browser.text
    for path in ("/nothing", "/api/v1/nothing"):
        assert (await visitor.open(path)).answer.json()["error"]["code"] == "NOT_FOUND"
    api = await visitor.open("/api/v1/nothing", headers={"Accept": "text/html"})
    assert api.answer.json()["error"]["code"] == "NOT_FOUND"


async def test_who_paid_by_a_link_is_thanked_in_a_browser_that_does_not_know_the_order(program, visitor):
    order = await program.order()
    page = await visitor.open(f"/orders/{order['id']}?payment=done", headers={"Accept-Language": "en"})
    assert "Thank you Your payment reaches us by itself" in page.text
    assert page.links("^/en/booking$")
    assert order["record_locator"] not in page.text


async def test_an_accident_is_a_page_that_tells_nothing_of_the_inside(program, visitor):
    database = program.state.database
    page = await visitor.order()
    program.state.database = None
    try:
        for path, title in ((page.path, "Something went wrong"), ("/ar/booking", "حدث خطأ ما")):
            broken = await visitor.open(path)
            assert (broken.status, title in broken.text) == (500, True)
            assert broken.answer.headers["x-correlation-id"] in broken.text
            assert "NoneType" not in broken.answer.text
    finally:
        program.state.database = database


async def test_look_ups_are_limited_like_those_of_the_api(program, visitor):
    limiter, program.state.rate_limiter = (
        program.state.rate_limiter,
        RateLimiter(program.state.cache, {"lookup": Rate(1, 60), "default": None}),
    )
    try:
        form = {**(await visitor.open("/en/booking")).form("/booking"), "locator": "ABCDEF", "family": "Harbi"}
        statuses = [(await visitor.send("/en/booking", form)).status for _ in range(2)]
        limited = await visitor.send("/en/booking", form)
    finally:
        program.state.rate_limiter = limiter
    assert statuses[-1] == 429
    assert (limited.status, "A short pause, please" in limited.text) == (429, True)
    assert limited.answer.headers["retry-after"]


async def test_no_page_stands_in_the_document_of_the_api(program):
    document = (await program.http.get("/schema/openapi.json")).json()
    assert [path for path in document["paths"] if not path.startswith(("/api/", "/health/", "/webhooks/"))] == []


async def test_a_changed_price_is_shown_beside_the_old_one_and_taken_with_all_that_was_typed(own_program):
    async with visitor_of(own_program) as visitor:
        form = await visitor.travellers()
        sent = visitor.filled_in(form)
        old = re.search(r"Total SAR ([\d.,]+)", form.text)[1]
        fare_book = own_program.state.shop.market.fare_book
        (tax,) = (each.id for each in fare_book.taxes.values() if each.code == "K7")
        async with own_program.database.unit_of_work(system_actor("test"), "test") as uow:
            await withdraw_tax(uow, tax, "a test")
        for _ in range(200):
            if own_program.state.shop.market.fare_book is not fare_book:
                break
            await asyncio.sleep(0.05)

        changed = await visitor.send("/en/travellers", sent)
        assert (changed.status, "The price has changed" in changed.text) == (409, True)
        new = re.search(r"Before SAR ([\d.,]+) Now SAR ([\d.,]+)", changed.text)
        assert (new[1], float(new[2]) < float(old)) == (old, True)
        assert await own_program.rows("SELECT count(*) FROM orders") == [0]
        opened_again = await visitor.open(form.path)
        assert (opened_again.status, f"Continue with SAR {new[2]}" in opened_again.text) == (409, True)

        held = await visitor.send("/en/travellers", changed.form("/travellers"))
        assert "Sara Al-Harbi" in held.text
        assert f"Pay SAR {new[2]}" in held.text


async def test_seats_that_cannot_be_held_right_now_leave_the_form_as_it_was(program, visitor):
    form = await visitor.travellers()
    services = program.state.create_order
    desk = SeatDesk(program.database)
    program.state.create_order = msgspec.structs.replace(services, seat_desk=desk)
    try:
        page = await visitor.send("/en/travellers", visitor.filled_in(form))
    finally:
        program.state.create_order = services
    assert (page.status, "Seats cannot be held at the moment." in page.text) == (503, True)
    again = await visitor.send("/en/travellers", page.form("/travellers"))
    assert "Your seats are held" in again.text


async def test_after_a_form_the_other_language_leads_to_an_address_that_opens(visitor):
    form = await visitor.travellers()
    sold = await visitor.send("/en/travellers", {**visitor.filled_in(form), "offer": "ofr_nothing"})
    (other,) = sold.links("^/ar/flights")
    assert (await visitor.open(other)).status == 200
    lookup = {**(await visitor.open("/en/booking")).form("/booking"), "locator": "ABCDEF", "family": "Nobody"}
    assert (await visitor.send("/en/booking", lookup)).links("^/ar/") == ["/ar/booking"]


async def test_the_address_of_a_form_opened_by_hand_leads_to_what_it_belongs_to(visitor):
    page = await visitor.order()
    assert (await visitor.open(f"{page.path}/pay")).path == page.path
    assert (await visitor.open(f"{page.path}/cancel/confirm")).path == f"{page.path}/cancel"


def tokens():
    """The colours of the design by name."""
    text = files("ais.web").joinpath("static/tokens.css").read_text(encoding="utf-8")
    return dict(re.findall(r"--([\w-]+): #([0-9a-f]{6});", text))


def luminance(colour):
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("text", "background"),
    [
        *(("ink", each) for each in ("surface", "page", "sand", "brand-soft", "good-soft")),
        *(("ink-2", each) for each in ("surface", "page", "sand", "sand-2", "brand-soft", "good-soft")),
        *(("brand", each) for each in ("surface", "page", "sand", "brand-soft")),
        *(("surface", each) for each in ("sun", "sun-2", "brand", "deep", "deep-2", "good")),
        ("sun-2", "sun-soft"),
        ("good", "good-soft"),
        ("warn", "warn-soft"),
        ("bad", "bad-soft"),
        ("bad", "surface"),
    ],
)
def test_every_text_has_enough_contrast(text, background):
    known = tokens()
    lighter, darker = sorted((luminance(known[text]), luminance(known[background])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
