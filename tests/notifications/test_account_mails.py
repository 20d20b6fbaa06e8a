"""Mails about accounts: what goes to whom, and that nothing of a link stands anywhere but in the mail."""

from __future__ import annotations

import asyncio
import re
import secrets

import msgspec
import pytest
from tests.factories.accounts import OTHER_PASSWORD, PASSWORD, make_person, new_email

from ais.accounts.repository import links as link_rows
from ais.accounts.repository import users as user_rows
from ais.kit import encode_id, ids
from ais.platform.vault import Lookup

TOKEN = re.compile(r"https://fly\.rimal\.example/(\w\w)/account/(verify|new-password)\?token=([A-Za-z0-9_-]+)")


async def post(program, path, language="en", **body):
    return await program.http.post(f"/api/v1/auth/{path}", json=body, headers={"Accept-Language": language})


async def mails_to(program, mailbox, email):
    await program.run_jobs()
    return mailbox.messages(email)


async def token_from(program, mailbox, email):
    mail = (await mails_to(program, mailbox, email))[-1]
    found = TOKEN.search(mail["text"])
    assert found, mail["text"]
    assert found[0] in mail["html"]
    return found[3]


async def test_an_account_is_made_by_the_link_and_the_password_and_takes_the_right_one(program, mailbox):
    email = new_email()
    answer = await post(program, "register", email=email, password=PASSWORD, name="Huda")
    assert (answer.status_code, answer.json()) == (202, {"status": "mail_sent"})
    assert (await post(program, "login", email=email, password=PASSWORD)).status_code == 401
    token = await token_from(program, mailbox, email)
    wrong = await post(program, "verify", token=token, password=OTHER_PASSWORD)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    assert (await post(program, "verify", token=token, password=PASSWORD)).json() == {"status": "verified"}
    assert (await post(program, "login", email=email, password=PASSWORD)).status_code == 200
    again = await post(program, "verify", token=token, password=PASSWORD)
    assert (again.status_code, again.json()["error"]["code"]) == (410, "LINK_EXPIRED")


async def test_who_has_an_account_is_told_so_and_whoever_asked_learns_nothing(program, mailbox):
    person = await make_person(program)
    known = await post(program, "register", email=person.email, password=OTHER_PASSWORD)
    unknown = await post(program, "register", email=new_email(), password=OTHER_PASSWORD)
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    (mail,) = await mails_to(program, mailbox, person.email)
    assert mail["subject"] == "You have an account with Rimal Air"
    assert TOKEN.search(mail["text"]) is None
    assert "https://fly.rimal.example/en/account/forgotten" in mail["text"]
    assert (await person.try_to_log_in(password=OTHER_PASSWORD)).status_code == 401
    assert (await person.try_to_log_in()).status_code == 200


async def test_a_forgotten_password_is_replaced_by_the_link_once_and_all_sessions_end(program, mailbox):
    person = await make_person(program)
    tokens = await person.log_in()
    asked = await post(program, "password-resets", "ar", email=person.email)
    nobody = await post(program, "password-resets", "ar", email=new_email())
    assert (asked.status_code, asked.content) == (nobody.status_code, nobody.content) == (202, nobody.content)
    token = await token_from(program, mailbox, person.email)
    assert (await mails_to(program, mailbox, person.email))[-1]["language"] == "ar"
    weak = await post(program, "password", token=token, password="1234567890")
    assert (weak.status_code, weak.json()["error"]["details"]["fields"][0]["path"]) == (422, "password")
    assert (await person.get("me", tokens)).status_code == 200
    assert (await post(program, "password", token=token, password=OTHER_PASSWORD)).status_code == 204
    assert (await person.get("me", tokens)).status_code == 401
    assert (await person.try_to_log_in()).status_code == 401
    assert (await person.try_to_log_in(password=OTHER_PASSWORD)).status_code == 200
    assert (await post(program, "password", token=token, password=PASSWORD)).status_code == 410
    mails = await mails_to(program, mailbox, person.email)
    assert mails[-1]["subject"] == "Your password for Rimal Air was changed"


async def test_a_link_of_one_purpose_does_not_serve_another(program, mailbox):
    person, email = await make_person(program), new_email()
    await post(program, "register", email=email, password=PASSWORD)
    await post(program, "password-resets", email=person.email)
    verify = await token_from(program, mailbox, email)
    reset = await token_from(program, mailbox, person.email)
    assert (await post(program, "password", token=verify, password=OTHER_PASSWORD)).status_code == 410
    assert (await post(program, "verify", token=reset, password=PASSWORD)).status_code == 410


async def test_a_link_used_twice_at_once_makes_one_account(program, mailbox):
    email = new_email()
    await post(program, "register", email=email, password=PASSWORD)
    token = await token_from(program, mailbox, email)
    answers = await asyncio.gather(*(post(program, "verify", token=token, password=PASSWORD) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [200, 410, 410, 410]
    assert await accounts_of(program, email) == 1


async def accounts_of(program, email):
    lookup = program.state.account_services.vault.lookup_hash("email", email)
    return len(await program.rows("SELECT 1 FROM users WHERE email_lookup = $1", lookup))


async def test_control_without_the_lock_a_verification_link_would_be_used_twice(program, mailbox, monkeypatch):
    """Behind the lock stand the unique address and person of an account: they stop the second one with an accident."""
    together = asyncio.Barrier(2)

    async def read_without_lock(uow, link_id):
        await together.wait()
        return await link_rows.find_link(uow.connection, link_id)

    async def insert_anyhow(uow, **values):
        return await insert_user(uow, **{**values, "email_lookup": Lookup(["x"], [secrets.token_bytes(32)])})

    insert_user = user_rows.insert_user
    monkeypatch.setattr(link_rows, "lock_link", read_without_lock)
    monkeypatch.setattr(user_rows, "insert_user", insert_anyhow)
    email = new_email()
    await post(program, "register", email=email, password=PASSWORD)
    token = await token_from(program, mailbox, email)
    answers = await asyncio.gather(*(post(program, "verify", token=token, password=PASSWORD) for _ in range(2)))
    assert sorted(each.status_code for each in answers) == [200, 500]


CHOICES = ("Sixty-camels-went-east", "Ninety-palms-stood-west")


async def choose_at_once(program, mailbox, person):
    """Two who have the same link choose a password with it at once; the statuses, and which passwords open."""
    await post(program, "password-resets", email=person.email)
    token = await token_from(program, mailbox, person.email)
    answers = await asyncio.gather(*(post(program, "password", token=token, password=each) for each in CHOICES))
    return sorted(each.status_code for each in answers)


async def test_a_reset_link_used_twice_at_once_sets_one_password(program, mailbox):
    person = await make_person(program)
    assert await choose_at_once(program, mailbox, person) == [204, 410]
    opened = [(await person.try_to_log_in(password=each)).status_code for each in CHOICES]
    assert sorted(opened) == [200, 401]
    assert await changes_of(program, person) == 1


async def changes_of(program, person):
    return len(
        await program.rows(
            "SELECT 1 FROM audit_entries WHERE action = 'account.password_changed' AND subject = $1",
            encode_id(ids.USER, person.user.id),
        )
    )


async def test_control_without_a_second_look_under_the_lock_it_would_set_two(program, mailbox, monkeypatch):
    async def as_read_before(uow, link_id):
        return msgspec.structs.replace(await link_rows.find_link(uow.connection, link_id), is_over=False)

    monkeypatch.setattr(link_rows, "lock_link", as_read_before)
    person = await make_person(program)
    assert await choose_at_once(program, mailbox, person) == [204, 204]
    assert await changes_of(program, person) == 2


async def test_a_link_is_good_for_an_hour(program, mailbox):
    email = new_email()
    await post(program, "register", email=email, password=PASSWORD)
    token = await token_from(program, mailbox, email)
    await program.rows("UPDATE one_time_links SET expires_at = ais_now() WHERE used_at IS NULL")
    assert (await post(program, "verify", token=token, password=PASSWORD)).status_code == 410
    assert (await post(program, "login", email=email, password=PASSWORD)).status_code == 401


async def test_three_letters_an_hour_go_to_one_address(program, mailbox):
    person = await make_person(program)
    for _ in range(5):
        assert (await post(program, "password-resets", email=person.email)).status_code == 202
    assert len(await mails_to(program, mailbox, person.email)) == 3


async def test_neither_token_nor_address_stands_in_the_database(program, mailbox):
    email = new_email()
    await post(program, "register", email=email, password=PASSWORD, name="Zubaydah")
    token = await token_from(program, mailbox, email)
    tables = await program.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    for table in ("users", "registrations", "one_time_links", "notices", "jobs", "handled_events", "audit_entries"):
        assert table in tables
        text = str(await program.rows(f"SELECT t::text FROM {table} AS t"))
        assert token not in text, table
        assert email not in text, table
        assert "Zubaydah" not in text, table
        assert email.encode().hex() not in text, table


@pytest.mark.parametrize("password", ["short", "password1234", "qwertyuiop12", "aaaaaaaaaaaa"])
async def test_a_password_that_is_tried_first_is_refused(program, password):
    answer = await post(program, "register", email=new_email(), password=password)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"]["fields"][0]["path"] == "password"


@pytest.mark.parametrize("email", ["nobody", "a@b@c.example", "pаypal@example.com", "a\u200bb@example.com"])
async def test_an_address_that_is_none_or_passes_for_another_is_refused(program, email):
    answer = await post(program, "register", email=email, password=PASSWORD)
    assert (answer.status_code, answer.json()["error"]["details"]["fields"][0]["path"]) == (422, "email")


async def test_an_accounts_mail_in_arabic(program, mailbox):
    email = new_email()
    await post(program, "register", "ar", email=email, password=PASSWORD)
    (mail,) = await mails_to(program, mailbox, email)
    assert mail["subject"].startswith("أكّد عنوانك لدى ")
    assert "/ar/account/verify?token=" in mail["text"]
    assert 'dir="rtl"' in mail["html"]
