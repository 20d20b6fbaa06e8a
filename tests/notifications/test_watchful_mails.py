"""Mails that let the owner of an account notice somebody else, and those that call a second person."""

from __future__ import annotations

import time

import pyotp
import pytest
from tests.factories.accounts import OTHER_PASSWORD, make_person
from tests.factories.callers import staff
from tests.factories.page_reader import visitor_of

from ais.accounts.domain import Grant
from ais.accounts.rights.repository import insert_grant
from ais.kit import encode_id, ids, system_actor

CHROME = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/149.0.0.0 Mobile Safari/537.36"
NEWER_CHROME = CHROME.replace("149", "151")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
NEW_DEVICE = "A new sign-in to your account at Rimal Air"


async def subjects(program, mailbox, person):
    await program.run_jobs()
    return [mail["subject"] for mail in mailbox.messages(person.email)]


async def log_in_by(person, user_agent, **more):
    body = {"email": person.email, "password": person.password, **more}
    answer = await person.program.http.post("/api/v1/auth/login", json=body, headers={"User-Agent": user_agent})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_device_that_is_new_to_the_account_is_told_once(program, mailbox):
    person = await make_person(program)
    await log_in_by(person, CHROME)
    await log_in_by(person, NEWER_CHROME)
    assert await subjects(program, mailbox, person) == []
    await log_in_by(person, FIREFOX)
    await log_in_by(person, FIREFOX)
    assert await subjects(program, mailbox, person) == [NEW_DEVICE]
    (mail,) = mailbox.messages(person.email)
    assert "Device: Firefox on Linux" in mail["text"]
    assert "Address: 127.0.0.1" in mail["text"]
    assert "https://fly.rimal.example/en/account" in mail["text"]
    assert await program.rows(
        "SELECT after->'new_device' FROM audit_entries WHERE action = 'account.signed_in' AND subject = $1 ORDER BY id",
        encode_id(ids.USER, person.user.id),
    ) == [False, False, True, False]


async def test_an_account_that_is_not_of_this_hour_has_no_first_sign_in_for_nothing(program, mailbox):
    person = await make_person(program)
    await program.rows("UPDATE users SET created_at = ais_now() - interval '2 hours' WHERE id = $1", person.user.id)
    await log_in_by(person, CHROME)
    assert await subjects(program, mailbox, person) == [NEW_DEVICE]


async def test_a_refused_sign_in_tells_nobody(program, mailbox):
    person = await make_person(program)
    await log_in_by(person, CHROME)
    await person.try_to_log_in(password=OTHER_PASSWORD)
    assert await subjects(program, mailbox, person) == []


async def test_a_browser_is_known_by_its_cookie_wherever_it_is(program, mailbox):
    person, other = await make_person(program), await make_person(program)
    await log_in_by(person, FIREFOX)
    await log_in_by(other, FIREFOX)

    async def from_elsewhere():
        """As if all earlier sessions had come from another place."""
        await program.rows("UPDATE sessions SET origin_sealed = NULL WHERE user_id = $1", person.user.id)
        await program.rows("UPDATE users SET created_at = ais_now() - interval '1 day' WHERE id = $1", person.user.id)

    async with visitor_of(program) as visitor:
        # The site is https: its cookies are for https alone.
        visitor.http.base_url = "https://ais.test"
        page = await visitor.open("/en/account/sign-in")
        for who in (person, other):
            fields = {**page.form("/sign-in"), "email": who.email, "password": who.password}
            headers = {"User-Agent": CHROME, "Origin": "https://ais.test"}
            page = await visitor.send("/en/account/sign-in", fields, headers=headers)
            assert page.path == "/en/account", page.text
            await visitor.send("/en/account/sign-out", page.form("/sign-out"), headers=headers)
            page = await visitor.open("/en/account/sign-in")
        assert await subjects(program, mailbox, person) == [NEW_DEVICE]
        await from_elsewhere()
        fields = {**page.form("/sign-in"), "email": person.email, "password": person.password}
        await visitor.send("/en/account/sign-in", fields, headers=headers)
        assert await subjects(program, mailbox, person) == [NEW_DEVICE]
        # The same browser without its cookie is a stranger again.
        await from_elsewhere()
        visitor.http.cookies.clear()
        page = await visitor.open("/en/account/sign-in")
        fields = {**page.form("/sign-in"), "email": person.email, "password": person.password}
        await visitor.send("/en/account/sign-in", fields, headers=headers)
        assert await subjects(program, mailbox, person) == [NEW_DEVICE, NEW_DEVICE]


async def test_an_old_refresh_token_is_told_once(program, mailbox):
    person = await make_person(program)
    first = await log_in_by(person, CHROME)
    second = (await person.refresh(first)).json()
    await person.refresh(second)
    assert await subjects(program, mailbox, person) == []
    for _ in range(2):
        assert (await person.refresh(first)).status_code == 401
    assert await subjects(program, mailbox, person) == ["We ended a session of your account at Rimal Air"]
    assert "Device: Chrome on Android" in mailbox.messages(person.email)[0]["text"]


async def test_password_and_second_factor_are_told_in_the_accounts_language(program, mailbox):
    person = await make_person(program)
    await program.rows("UPDATE users SET language = 'ar' WHERE id = $1", person.user.id)
    tokens = await log_in_by(person, CHROME)
    begun = (await person.post("me/second-factor", tokens, password=person.password)).json()
    code = pyotp.TOTP(begun["secret"]).at(int(time.time()))
    codes = (await person.post("me/second-factor/confirm", tokens, code=code)).json()["recovery_codes"]
    await person.post("me/second-factor/remove", tokens, password=person.password, code=codes[0])
    await person.post("me/password", tokens, current_password=person.password, new_password=OTHER_PASSWORD)
    assert set(await subjects(program, mailbox, person)) == {
        "فُعّل التحقق بخطوتين لحسابك لدى طيران رمال",
        "أُلغي التحقق بخطوتين لحسابك لدى طيران رمال",
        "تم تغيير كلمة مرورك لدى طيران رمال",
    }
    assert all('dir="rtl"' in mail["html"] for mail in mailbox.messages(person.email))


# A second person


@pytest.fixture
async def admins(program):
    """Who may sign a role: three, of whom one asks and one is limited to a station; and one who may not."""
    made = {
        "asks": await staff(program, "admin"),
        "signs": await staff(program, "admin"),
        "limited": await staff(program, Grant("admin", stations=("RUH",))),
        "other": await staff(program, "finance"),
        "receives": await staff(program, "admin"),
    }
    services = program.state.account_services
    for name, each in made.items():
        (person_id,) = await program.rows("SELECT person_id FROM users WHERE id = $1", each.user_id)
        async with program.database.connection() as connection:
            key = await services.vault.person(connection, person_id)
        await program.rows(
            "UPDATE users SET email_sealed = $2 WHERE id = $1",
            each.user_id,
            key.seal("email", f"{name}@people.example"),
        )
    yield made
    for each in made.values():
        await program.rows("UPDATE users SET status = 'locked' WHERE id = $1", each.user_id)
        await program.rows(
            "UPDATE sessions SET ended_at = ais_now(), end_reason = 'locked' WHERE user_id = $1 AND ended_at IS NULL",
            each.user_id,
        )


async def told(program, mailbox, admins):
    await program.run_jobs()
    return {name: len(mailbox.messages(f"{name}@people.example")) for name in admins}


async def ask(admins, role="finance"):
    answer = await admins["asks"].post(f"users/{admins['receives'].id}/roles", role=role, reason="covers for Huda")
    assert answer.status_code == 202, answer.text
    return answer.json()


async def test_who_may_sign_is_told_once_and_nobody_else(program, mailbox, admins):
    asked = await ask(admins)
    assert (await ask(admins))["id"] == asked["id"]
    assert await told(program, mailbox, admins) == {"asks": 0, "signs": 1, "limited": 0, "other": 0, "receives": 0}
    (mail,) = mailbox.messages("signs@people.example")
    assert mail["subject"] == f"Something waits for your signature: {asked['id']}"
    assert "https://fly.rimal.example/en/account/approvals" in mail["text"]
    assert "What: a role that is given" in mail["text"]
    assert f"About: {admins['receives'].id} finance" in mail["text"]
    assert "Huda" not in mail["text"]


async def test_a_role_that_gives_roles_is_told_to_who_holds_all_of_it(program, mailbox, admins):
    await ask(admins, "super_admin")
    assert (await told(program, mailbox, admins))["signs"] == 0
    async with program.database.unit_of_work(system_actor("test")) as uow:
        await insert_grant(uow, admins["signs"].user_id, Grant("super_admin"), "system:test", None)
    await ask(admins, "airline_admin")
    assert (await told(program, mailbox, admins))["signs"] == 1


async def test_what_is_signed_before_its_mail_is_written_is_told_to_nobody(program, mailbox, admins):
    asked = await ask(admins)
    assert (await admins["asks"].post(f"approvals/{asked['id']}/decline")).json()["status"] == "withdrawn"
    assert sum((await told(program, mailbox, admins)).values()) == 0
