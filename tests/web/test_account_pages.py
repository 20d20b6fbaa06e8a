"""Pages of accounts without JavaScript: registering, signing in and out, one's own orders and sessions."""

from __future__ import annotations

import re

import pyotp
import pytest
from tests.factories.accounts import OTHER_PASSWORD, PASSWORD, make_person, new_email
from tests.factories.callers import staff
from tests.factories.in_process import departure
from tests.factories.page_reader import visitor_of

from ais.accounts import LinkPurpose, UserKind
from ais.kit import decode_id, ids
from ais.web.account.form import AccountForm

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


async def test_whoever_has_signed_in_finds_the_way_out_on_every_page_of_theirs(program, visitor):
    order = await visitor.order()
    assert "/account/sign-out" not in order.answer.text
    person = await make_person(program)
    await sign_in(visitor, person)
    for path in (order.path, f"{order.path}/cancel", "/en/account/password", "/en/account/proof", "/en/account"):
        page = await visitor.open(path)
        assert page.answer.text.count('action="/en/account/sign-out"') == 1, path
    out = await visitor.send("/en/account/sign-out", (await visitor.open(order.path)).form("/sign-out"))
    assert (out.path, (await visitor.open("/en/account")).path) == ("/en/", "/en/account/sign-in")


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


FORMS = (
    "sign-in",
    "sign-out",
    "sessions",
    "register",
    "forgotten",
    "new-password",
    "verify",
    "password",
    "second-factor",
    "second-factor/remove",
)


@pytest.mark.parametrize("path", FORMS)
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
    assert (await visitor.open("/en/account/second-factor/remove")).path == "/en/account"
    wrong = await visitor.send("/en/account/second-factor", {**page.form("/second-factor"), "password": OTHER_PASSWORD})
    assert wrong.status == 401
    asked = await visitor.send("/en/account/second-factor", {**page.form("/second-factor"), "password": PASSWORD})
    form = asked.form("/second-factor")
    late = await visitor.send("/en/account/second-factor", {**form, "code": "000000"})
    assert "This is not the code of this moment." in late.text
    for shown in (asked, late):
        assert shown.answer.text.count("<svg viewBox=") == 1
        assert not re.search(r"style=|<img[^>]*data:|qrline", shown.answer.text)
        assert " ".join(re.findall("....", form["secret"])) in shown.text
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
    await take_it_off(visitor, codes)
    async with visitor_of(program) as elsewhere:
        assert (await sign_in(elsewhere, person)).path == "/en/account"


async def take_it_off(visitor, codes):
    """With the password and a code, and with nothing less."""
    page = await visitor.open("/en/account")
    assert "9 recovery codes are left." in page.text
    form = (await visitor.open("/en/account/second-factor/remove")).form("/remove")
    wrong = await visitor.send(
        "/en/account/second-factor/remove", {**form, "password": OTHER_PASSWORD, "code": codes[4]}
    )
    assert (wrong.status, "This is not your password." in wrong.text) == (401, True)
    wrong = await visitor.send("/en/account/second-factor/remove", {**form, "password": PASSWORD, "code": codes[3]})
    assert (wrong.status, "This is not the code of this moment." in wrong.text) == (422, True)
    assert "Remove the second factor" in (await visitor.open("/en/account")).text
    done = await visitor.send("/en/account/second-factor/remove", {**form, "password": PASSWORD, "code": codes[4]})
    assert done.path == "/en/account?done=second-factor"
    assert "Your second factor was removed." in done.text
    assert "Set up an authenticator" in done.text


async def test_a_secret_that_the_page_did_not_give_begins_anew(program, visitor):
    """Nothing that somebody writes into the field is drawn or shown."""
    person = await make_person(program)
    page = await sign_in(visitor, person)
    form = {**page.form("/second-factor"), "secret": "<b>&" * 8, "password": PASSWORD}
    asked = await visitor.send("/en/account/second-factor", form)
    assert re.fullmatch("[A-Z2-7]{32}", asked.form("/second-factor")["secret"])
    assert "<b>" not in asked.answer.text


async def test_staff_who_must_have_a_second_factor_keep_it(program, visitor):
    person = await make_person(program, UserKind.STAFF, "finance")
    page = await sign_in(visitor, person)
    assert "Your account has no rights until it has a second factor." in page.text
    asked = await visitor.send("/en/account/second-factor", {**page.form("/second-factor"), "password": PASSWORD})
    form = asked.form("/second-factor")
    done = await visitor.send("/en/account/second-factor", {**form, "code": pyotp.TOTP(form["secret"]).now()})
    codes = re.findall(r"(?:[a-z2-7]{4}-){3}[a-z2-7]{4}", done.text)
    page = await visitor.open("/en/account")
    assert "Your work needs a second factor: it cannot be removed." in page.text
    assert page.links("/second-factor/remove") == []
    assert (await visitor.open("/en/account/second-factor/remove")).path == "/en/account"
    forced = {"form_token": await form_token(visitor), "password": PASSWORD, "code": codes[0]}
    assert (await visitor.send("/en/account/second-factor/remove", forced)).path == "/en/account"
    assert await program.rows("SELECT totp_confirmed_at IS NOT NULL FROM users WHERE id = $1", person.user.id) == [True]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("This is not your password.", "Choose a password of at least 10 characters.", "Your password was")),
        ("ar", ("كلمة المرور هذه غير صحيحة.", "اختر كلمة مرور من 10 أحرف على الأقل.", "تم تغيير كلمة مرورك")),
    ],
)
async def test_a_password_is_changed_by_who_knows_the_present_one(program, visitor, language, said):
    person = await make_person(program)
    path = f"/{language}/account/password"
    assert (await visitor.open(path)).path == f"/{language}/account/sign-in"
    await sign_in(visitor, person, language)
    async with visitor_of(program) as elsewhere:
        await sign_in(elsewhere, person)
        form = (await visitor.open(path)).form("/password")
        assert (form["current"], form["password"]) == ("", "")
        wrong = await visitor.send(path, {**form, "current": OTHER_PASSWORD, "password": OTHER_PASSWORD})
        assert (wrong.status, said[0] in wrong.text) == (401, True)
        weak = await visitor.send(path, {**form, "current": PASSWORD, "password": "short"})
        assert (weak.status, said[1] in weak.text) == (422, True)
        assert PASSWORD not in weak.answer.text
        assert (await elsewhere.open("/en/account")).path == "/en/account"
        done = await visitor.send(path, {**form, "current": PASSWORD, "password": OTHER_PASSWORD})
        assert done.path == f"/{language}/account?done=password"
        assert said[2] in done.text
        assert (await elsewhere.open("/en/account")).path == "/en/account/sign-in"
        assert (await sign_in(elsewhere, person)).status == 401
        assert (await sign_in(elsewhere, person, password=OTHER_PASSWORD)).path == "/en/account"


async def test_sessions_have_names_that_a_person_knows(program, visitor):
    person = await make_person(program)
    agents = ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/149.0 Mobile Safari/537.36", "<b>me</b>")
    for agent in agents:
        body = {"email": person.email, "password": PASSWORD}
        await program.http.post("/api/v1/auth/login", json=body, headers={"User-Agent": agent})
    await sign_in(visitor, person)
    page = await visitor.open("/ar/account")
    names = re.findall("<h3>(.*?)</h3>", page.answer.text, re.DOTALL)
    assert [" ".join(re.sub("<[^>]+>", "", each).split()) for each in names] == [
        "جهاز غير معروف",
        "جهاز غير معروف",
        "Chrome على Android",
    ]
    assert agents[0] in page.text
    assert "&lt;b&gt;me&lt;/b&gt;" in page.answer.text


def test_a_form_takes_no_value_that_its_page_does_not_ask_for():
    form = AccountForm("account_sign_in.html", "/account/sign-in", email="", mistake=None)
    with pytest.raises(TypeError, match="asks for no emial"):
        form(None, None, emial="sara@example.com")


async def staff_member(program, visitor, *roles):
    """Somebody of the airline who has signed in with a second factor, and their recovery codes."""
    person = await make_person(program, UserKind.STAFF, *roles)
    page = await sign_in(visitor, person)
    asked = await visitor.send("/en/account/second-factor", {**page.form("/second-factor"), "password": PASSWORD})
    form = asked.form("/second-factor")
    done = await visitor.send("/en/account/second-factor", {**form, "code": pyotp.TOTP(form["secret"]).now()})
    return person, re.findall(r"(?:[a-z2-7]{4}-){3}[a-z2-7]{4}", done.text)


async def forget_the_proof(program, person):
    """It is an hour ago that they proved who they are."""
    await program.rows(
        "UPDATE sessions SET second_factor_at = ais_now() - interval '1 hour' WHERE user_id = $1 RETURNING 1",
        person.user.id,
    )
    (version,) = await program.rows(
        "UPDATE users SET access_version = access_version + 1 WHERE id = $1 RETURNING access_version", person.user.id
    )
    await program.state.account_services.checks.announce(person.user.id, version)


async def ask_for_role(program, role):
    """What somebody asks for another, and whom it is about."""
    asker, clerk = await staff(program, "admin"), await staff(program)
    asked = await asker.post(f"users/{clerk.id}/roles", role=role, reason="<i>joins the desk</i>", stations=["RUH"])
    assert asked.status_code == 202, asked.text
    return asked.json(), clerk


async def roles_held(program, clerk):
    return await program.rows("SELECT role FROM role_grants WHERE user_id = $1 AND revoked_at IS NULL", clerk.user_id)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            ("A role is given", "confirm first that it is you", "Please confirm once more", "Signed: it has happened."),
        ),
        ("ar", ("منح دور", "أكّد أولًا أنك أنت", "يرجى تأكيد", "تمت الموافقة ونُفّذ الأمر.")),
    ],
)
async def test_a_second_person_signs_on_the_page_after_a_proof_of_who_they_are(program, visitor, language, said):
    place, proof = f"/{language}/account/approvals", f"/{language}/account/proof"
    assert (await visitor.open(place)).path == f"/{language}/account/sign-in"
    signer, codes = await staff_member(program, visitor, "admin")
    assert (await visitor.open(f"/{language}/account")).links("/account/approvals$") == [place]
    asked, clerk = await ask_for_role(program, "ops")
    page = await visitor.open(place)
    assert said[0] in page.text
    assert "&lt;i&gt;joins the desk&lt;/i&gt;" in page.answer.text
    asker = asked["requested_by"].removeprefix("staff:")
    for told in ("RUH", f"staff@people.example {clerk.id}", f"staff@people.example {asker}"):
        assert told in page.text
    form = {**page.form("/approvals"), "approval": asked["id"], "decision": "sign"}
    assert page.answer.text.count('value="sign"') >= 1

    await forget_the_proof(program, signer)
    page = await visitor.open(place)
    assert (said[1] in page.text, 'value="sign"' in page.answer.text) == (True, False)
    refused = await visitor.send(place, form)
    assert (refused.status, said[2] in refused.text) == (403, True)
    assert await roles_held(program, clerk) == []
    wanted = (await visitor.open(page.links("/account/proof$")[0])).form("/proof")
    assert (await visitor.send(proof, {**wanted, "code": "aaaa-aaaa-aaaa-aaaa"})).status == 422
    page = await visitor.send(proof, {**wanted, "code": codes[0]})
    assert (page.path, 'value="sign"' in page.answer.text) == (place, True)

    done = await visitor.send(place, form)
    assert (done.path, said[3] in done.text) == (f"{place}?done=signed", True)
    assert asked["id"] not in done.answer.text
    assert await roles_held(program, clerk) == ["ops"]
    assert (await visitor.send(place, form)).path == f"{place}?done=signed"  # a second click
    assert await program.rows(
        "SELECT channel FROM audit_entries WHERE action = 'approval.approved' AND subject = $1", asked["id"]
    ) == ["web"]


async def test_who_may_not_sign_sees_nothing_and_decides_nothing(program, visitor):
    await staff_member(program, visitor, "support")
    asked, clerk = await ask_for_role(program, "finance")
    page = await visitor.open("/en/account/approvals")
    assert "Nothing waits for your signature." in page.text
    for decision, status in (("sign", 404), ("decline", 404), ("both", 422)):
        form = {"form_token": await form_token(visitor), "approval": asked["id"], "decision": decision}
        assert (await visitor.send("/en/account/approvals", form)).status == status
    assert await roles_held(program, clerk) == []
    assert await program.rows("SELECT status FROM approvals WHERE id = $1", decode_id(ids.APPROVAL, asked["id"])) == [
        "open"
    ]


async def test_who_could_sign_declines_on_the_page(program, visitor):
    await staff_member(program, visitor, "admin")
    asked, clerk = await ask_for_role(program, "revenue")
    form = {**(await visitor.open("/en/account/approvals")).form("/approvals"), "approval": asked["id"]}
    done = await visitor.send("/en/account/approvals", {**form, "decision": "decline"})
    assert "It will not happen." in done.text
    late = await visitor.send("/en/account/approvals", {**form, "decision": "sign"})
    assert late.status == 409
    assert await roles_held(program, clerk) == []


async def test_staff_who_give_a_booking_up_on_the_pages_prove_who_they_are(program, visitor):
    person, codes = await staff_member(program, visitor, "support")
    order = await program.order(slices=[("RUH", "JED", departure(25))])
    await program.pay(order)
    place = f"/en/orders/{order['id']}/cancel"
    quote = await visitor.send(place, (await visitor.open(place)).form("/cancel"))
    await forget_the_proof(program, person)
    refused = await visitor.send(f"{place}/confirm", quote.form("/confirm"))
    assert (refused.status, "Please confirm once more that it is you." in refused.text) == (403, True)
    assert (await program.read(order))["status"] == "confirmed"
    proof = await visitor.open(refused.links("/account/proof")[0])
    page = await visitor.send("/en/account/proof", {**proof.form("/proof"), "code": codes[0]})
    assert page.path == place
    done = await visitor.send(f"{place}/confirm", quote.form("/confirm"))
    assert (done.path, (await program.read(order))["status"]) == (f"/en/orders/{order['id']}", "cancelled")


async def test_a_proof_leads_to_no_other_place(program, visitor):
    person = await make_person(program, UserKind.TRAVELLER)
    await sign_in(visitor, person)
    for named in ("//evil.example", "../../evil", "ord_x"):
        proof = await visitor.open("/en/account/proof", params={"order": named})
        wrong = await visitor.send("/en/account/proof", {**proof.form("/proof"), "password": OTHER_PASSWORD})
        assert (wrong.status, wrong.form("/proof")["order"]) == (401, "")
    done = await visitor.send("/en/account/proof", {**proof.form("/proof"), "order": "//evil", "password": PASSWORD})
    assert done.path == "/en/account/approvals"
