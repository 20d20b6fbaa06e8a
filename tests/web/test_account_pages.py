"""Pages of accounts without JavaScript: registering, signing in and out, one's own orders and sessions."""

from __future__ import annotations

import re

import pyotp
import pytest
from tests.factories.accounts import OTHER_PASSWORD, PASSWORD, make_person, new_email
from tests.factories.page_reader import visitor_of

from ais.accounts import LinkPurpose

COOKIE = "ais_account"


async def sign_in(visitor, person, language="en", **changes):
    page = await visitor.open(f"/{language}/account/sign-in")
    fields = {**page.form("/sign-in"), "email": person.email, "password": person.password, **changes}
    return await visitor.send(f"/{language}/account/sign-in", fields)


async def link_token(program, purpose, email):
    """The token of the newest link for this address, as its mail has it."""
    services = program.state.account_services
    lookup = services.vault.lookup_hash("email", email)
    (link_id,) = await program.rows(
        "SELECT id FROM one_time_links WHERE purpose = $1 AND email_lookup = $2 ORDER BY id DESC LIMIT 1",
        purpose,
        lookup,
    )
    return services.tokens.link(purpose, link_id)


@pytest.mark.parametrize(("language", "title"), [("en", "My bookings"), ("ar", "حجوزاتي")])
async def test_who_signs_in_sees_their_account_and_signs_out_again(program, visitor, language, title):
    person = await make_person(program)
    asked = await visitor.open(f"/{language}/account")
    assert asked.path == f"/{language}/account/sign-in"
    page = await sign_in(visitor, person, language)
    assert page.path == f"/{language}/account"
    assert title in page.text
    assert page.answer.headers["cache-control"] == "no-store"
    out = await visitor.send(f"/{language}/account/sign-out", page.form("/sign-out"))
    assert out.answer.history[0].headers["clear-site-data"] == '"cache", "storage"'
    assert out.path == f"/{language}/"
    assert (await visitor.open(f"/{language}/account")).path == f"/{language}/account/sign-in"
    assert await program.rows("SELECT end_reason FROM sessions WHERE user_id = $1", person.user.id) == ["logout"]


async def test_the_cookie_is_for_pages_alone_and_changes_with_each_sign_in(program, visitor):
    person = await make_person(program)
    await visitor.open("/en/account/sign-in")
    before = visitor.http.cookies["ais_shop"]
    page = await visitor.open("/en/account/sign-in")
    fields = {**page.form("/sign-in"), "email": person.email, "password": person.password}
    answer = await visitor.send("/en/account/sign-in", fields, follow=False)
    (cookie,) = [each for each in answer.answer.headers.get_list("set-cookie") if each.startswith(COOKIE)]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert visitor.http.cookies["ais_shop"] != before
    first = visitor.http.cookies[COOKIE]
    assert (await visitor.http.get("/api/v1/me")).status_code == 401
    bearer = {"Authorization": f"Bearer {first}"}
    assert (await visitor.http.get("/api/v1/me", headers=bearer)).status_code == 401
    # A second sign-in of the same browser takes the first one's place.
    await visitor.send("/en/account/sign-in", {**fields, "form_token": (await form_token(visitor))})
    assert visitor.http.cookies[COOKIE] != first
    assert await program.rows("SELECT end_reason FROM sessions WHERE user_id = $1 ORDER BY id", person.user.id) == [
        "replaced",
        None,
    ]


async def form_token(visitor):
    return (await visitor.open("/en/booking")).form("/booking")["form_token"]


@pytest.mark.parametrize("path", ["sign-in", "sign-out", "sessions", "register", "forgotten", "new-password", "verify"])
async def test_a_form_of_another_site_or_without_its_token_does_nothing(program, visitor, path):
    person = await make_person(program)
    await sign_in(visitor, person)
    fields = {"form_token": await form_token(visitor), "session": "all", "email": new_email(), "password": PASSWORD}
    other = await visitor.http.post(f"/en/account/{path}", data=fields, headers={"Origin": "https://evil.example"})
    without = await visitor.send(f"/en/account/{path}", {**fields, "form_token": "x"})
    assert (other.status_code, without.status) == (403, 403)
    assert (await visitor.open("/en/account")).path == "/en/account"


async def test_a_wrong_password_is_said_and_too_many_are_turned_away(program, visitor):
    person = await make_person(program)
    for _ in range(5):
        page = await sign_in(visitor, person, password=OTHER_PASSWORD)
        assert page.status == 401
        assert "The e-mail address or the password is not right." in page.text
        assert OTHER_PASSWORD not in page.answer.text
    page = await sign_in(visitor, person)
    assert page.status == 429
    assert "Please wait 30 minutes." in page.text
    assert COOKIE not in visitor.http.cookies


async def test_a_person_registers_confirms_and_is_signed_in(program, visitor):
    email = new_email()
    page = await visitor.open("/ar/account/register")
    fields = {**page.form("/register"), "email": email, "name": "هدى", "password": "password"}
    weak = await visitor.send("/ar/account/register", fields)
    assert weak.status == 422
    assert "اختر كلمة مرور من 10 أحرف على الأقل." in weak.text
    sent = await visitor.send("/ar/account/register", {**fields, "password": PASSWORD})
    assert "تفقّد بريدك" in sent.text
    token = await link_token(program, LinkPurpose.VERIFY, email)
    form = await visitor.open("/ar/account/verify", params={"token": token})
    assert form.answer.headers["referrer-policy"] == "no-referrer"
    wrong = await visitor.send("/ar/account/verify", {**form.form("/verify"), "password": OTHER_PASSWORD})
    assert wrong.status == 401
    done = await visitor.send("/ar/account/verify", {**form.form("/verify"), "password": PASSWORD})
    assert done.path == "/ar/account"
    assert "هدى" in done.text
    used = await visitor.open("/en/account/verify", params={"token": token})
    assert "This link is no longer valid." in used.text


async def test_a_forgotten_password_is_chosen_anew(program, visitor):
    person = await make_person(program)
    page = await visitor.open("/en/account/forgotten")
    sent = await visitor.send("/en/account/forgotten", {**page.form("/forgotten"), "email": person.email})
    assert "Look into your mail" in sent.text
    token = await link_token(program, LinkPurpose.RESET, person.email)
    form = (await visitor.open("/en/account/new-password", params={"token": token})).form("/new-password")
    weak = await visitor.send("/en/account/new-password", {**form, "password": "aaaaaaaaaaaa"})
    assert "among those that are tried first" in weak.text
    done = await visitor.send("/en/account/new-password", {**form, "password": OTHER_PASSWORD})
    assert done.path == "/en/account/sign-in"
    assert (await sign_in(visitor, person)).status == 401
    assert (await sign_in(visitor, person, password=OTHER_PASSWORD)).path == "/en/account"
    over = await visitor.send(
        "/en/account/new-password", {**form, "form_token": await form_token(visitor), "password": PASSWORD}
    )
    assert over.status == 410


async def test_what_is_booked_by_who_has_signed_in_stands_in_their_account(program, visitor):
    person = await make_person(program)
    await sign_in(visitor, person)
    order = visitor.order_json(await visitor.order())
    (owner,) = await program.rows("SELECT owner_user_id FROM orders WHERE 'x' = 'x' ORDER BY created_at DESC LIMIT 1")
    assert owner == person.user.id
    async with visitor_of(program) as elsewhere:
        page = await sign_in(elsewhere, person)
        (link,) = page.links("/en/orders/ord_")
        assert link == f"/en/orders/{order['id']}"
        assert "Your seats are held" in (await elsewhere.open(link)).text
    async with visitor_of(program) as stranger:
        await sign_in(stranger, await make_person(program))
        assert (await stranger.open(link)).status == 404


async def test_another_browser_is_signed_out_from_here(program, visitor):
    person = await make_person(program)
    async with visitor_of(program) as lost:
        await sign_in(lost, person)
        page = await sign_in(visitor, person)
        await visitor.send("/en/account/sessions", page.form("/account/sessions"))
        assert (await lost.open("/en/account")).path == "/en/account/sign-in"
    page = await visitor.open("/en/account")
    assert page.path == "/en/account"
    everywhere = re.findall(r'name="session" value="([^"]+)"', page.answer.text)
    assert everywhere == ["all"]
    out = await visitor.send("/en/account/sessions", page.form("/account/sessions"))
    assert out.path == "/en/account/sign-in"


async def test_a_session_ends_without_use_and_in_any_case(program, visitor):
    person = await make_person(program)
    await sign_in(visitor, person)
    (idle, ends) = (
        await program.rows(
            "SELECT round(extract(epoch FROM idle_ends_at - created_at) / 60)::integer,"
            " round(extract(epoch FROM ends_at - created_at) / 3600)::integer FROM sessions WHERE user_id = $1",
            person.user.id,
        )
    )[0]
    assert (idle, ends) == (120, 24)
    await program.rows("UPDATE sessions SET idle_ends_at = ais_now() WHERE user_id = $1", person.user.id)
    (version,) = await program.rows(
        "UPDATE users SET access_version = access_version + 1 WHERE id = $1 RETURNING access_version", person.user.id
    )
    await program.state.account_services.checks.announce(person.user.id, version)
    assert (await visitor.open("/en/account")).path == "/en/account/sign-in"


async def test_a_second_factor_is_set_up_and_asked_for(program, visitor):
    person = await make_person(program)
    page = await sign_in(visitor, person)
    wrong = await visitor.send("/en/account/second-factor", {**page.form("/second-factor"), "password": OTHER_PASSWORD})
    assert wrong.status == 401
    asked = await visitor.send("/en/account/second-factor", {**page.form("/second-factor"), "password": PASSWORD})
    form = asked.form("/second-factor")
    late = await visitor.send("/en/account/second-factor", {**form, "code": "000000"})
    assert "This is not the code of this moment." in late.text
    code = pyotp.TOTP(form["secret"]).now()
    done = await visitor.send("/en/account/second-factor", {**form, "code": code})
    codes = re.findall(r"(?:[a-z2-7]{4}-){3}[a-z2-7]{4}", done.text)
    assert len(codes) == 10
    async with visitor_of(program) as elsewhere:
        page = await sign_in(elsewhere, person)
        assert page.status == 401
        assert "Your account asks for a code too." in page.text
        fields = {**page.form("/sign-in"), "password": PASSWORD, "code": codes[3]}
        assert (await elsewhere.send("/en/account/sign-in", fields)).path == "/en/account"
