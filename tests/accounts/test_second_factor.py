"""The second factor: what it asks for, that a code works once, what staff may do without one, what wants a proof."""

from __future__ import annotations

import asyncio
import time

import pyotp
import pytest
from tests.factories.accounts import make_person
from tests.factories.callers import agency, agent, error_of, machine, staff, traveller, with_an_old_proof
from tests.factories.in_process import new_key

from ais.accounts import ROLES, UserKind
from ais.accounts.repository import users
from ais.kit import Actor, ActorKind, Channel, encode_id, ids

STAFF_ROUTE = "agencies"
NOBODY = "00000000000000000000000000"
# What gives money back, changes roles or is taken away, and what staff who hold every permission send to it.
GUARDED = (
    ("POST", f"orders/ord_{NOBODY}/void", {"reason": "x"}),
    ("POST", f"refunds/rfd_{NOBODY}/retry", {}),
    ("POST", f"cash/shifts/csh_{NOBODY}/pay-outs", {"refund_id": f"rfd_{NOBODY}"}),
    ("POST", f"users/usr_{NOBODY}/roles", {"role": "ops", "reason": "x"}),
    ("POST", f"users/usr_{NOBODY}/roles/grt_{NOBODY}/revocation", {"reason": "x"}),
    ("POST", f"approvals/apr_{NOBODY}/approve", {}),
    ("POST", "api-keys", {"name": "x", "permissions": ["ledger.read"], "expires_in_days": 1}),
    ("POST", "privacy/exports", {"email": "nobody@people.example"}),
    ("POST", "privacy/erasures", {"email": "nobody@people.example"}),
    ("GET", "me/data", None),
    ("GET", f"agencies/agy_{NOBODY}/statement.csv", None),
    ("GET", "ledger/balances?format=csv", None),
    ("GET", "ledger/trial-balance?first_day=2026-01-01&format=csv", None),
    ("GET", "ledger/daily-sales?format=csv", None),
    ("GET", "ledger/unflown?format=csv", None),
    ("GET", "ledger/postings?format=csv", None),
)


def code_of(secret: str, steps: int = 0) -> str:
    """The authenticator's code of this moment, or of some steps of 30 seconds after it."""
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * steps)


async def with_second_factor(program, person):
    """The person's tokens, the secret and the recovery codes, once a second factor is set up."""
    tokens = await person.log_in()
    begun = await person.post("me/second-factor", tokens, password=person.password)
    assert begun.status_code == 200, begun.text
    secret = begun.json()["secret"]
    assert begun.json()["uri"].startswith("otpauth://totp/Rimal%20Air:")
    confirmed = await person.post("me/second-factor/confirm", tokens, code=code_of(secret))
    assert confirmed.status_code == 200, confirmed.text
    # As if it had been a minute ago: the code of this moment is good again.
    await program.rows("UPDATE users SET totp_last_step = totp_last_step - 2 WHERE id = $1", person.user.id)
    return tokens, secret, confirmed.json()["recovery_codes"]


async def test_signing_in_asks_for_a_code_which_works_once(program):
    person = await make_person(program)
    tokens, secret, _ = await with_second_factor(program, person)
    assert (await person.get("me", tokens)).json()["second_factor"] == "on"
    without = await person.try_to_log_in()
    assert (without.status_code, without.json()["error"]["code"]) == (401, "SECOND_FACTOR_REQUIRED")
    wrong = await person.try_to_log_in(password="wrong-password", code=code_of(secret))
    assert wrong.json()["error"]["code"] == "UNAUTHORIZED"
    code = code_of(secret)
    assert (await person.try_to_log_in(code=code)).status_code == 200
    assert (await person.try_to_log_in(code=code)).status_code == 401
    assert (await person.try_to_log_in(code=code_of(secret, -1))).status_code == 401
    assert (await person.try_to_log_in(code=code_of(secret, 1))).status_code == 200


async def test_a_code_used_twice_at_once_opens_one_session(program):
    person = await make_person(program)
    _, secret, _ = await with_second_factor(program, person)
    code = code_of(secret)
    answers = await asyncio.gather(*(person.try_to_log_in(code=code) for _ in range(3)))
    assert sorted(each.status_code for each in answers) == [200, 401, 401]


async def test_without_spending_it_a_code_would_open_as_many_as_are_asked_for(program, monkeypatch):
    async def spend_nothing(_uow, _user_id, _step):
        return True

    monkeypatch.setattr(users, "spend_totp_step", spend_nothing)
    person = await make_person(program)
    _, secret, _ = await with_second_factor(program, person)
    code = code_of(secret)
    answers = await asyncio.gather(*(person.try_to_log_in(code=code) for _ in range(3)))
    assert [each.status_code for each in answers] == [200, 200, 200]


async def test_each_recovery_code_is_good_once(program):
    person = await make_person(program)
    tokens, _, codes = await with_second_factor(program, person)
    assert len(set(codes)) == 10
    stored = await program.rows("SELECT hash FROM recovery_codes WHERE user_id = $1", person.user.id)
    assert not any(code.encode() in each or code.replace("-", "").encode() in each for code in codes for each in stored)
    assert (await person.try_to_log_in(code=codes[0].upper())).status_code == 200
    assert (await person.try_to_log_in(code=codes[0])).status_code == 401
    assert (await person.get("me", tokens)).json()["recovery_codes_left"] == 9


async def test_codes_cannot_be_guessed(program):
    person = await make_person(program)
    tokens, secret, _ = await with_second_factor(program, person)
    wrong = f"{(int(code_of(secret)) + 500_000) % 1_000_000:06d}"
    answers = [await person.post("auth/step-up", tokens, code=wrong) for _ in range(6)]
    assert [each.status_code for each in answers] == [422] * 5 + [429]
    assert (await person.post("auth/step-up", tokens, code=code_of(secret))).status_code == 429


async def test_the_secret_stands_sealed(program):
    person = await make_person(program)
    _, secret, _ = await with_second_factor(program, person)
    (row,) = await program.rows("SELECT users::text FROM users WHERE id = $1", person.user.id)
    assert secret not in row
    assert secret.encode().hex() not in row


async def test_setting_it_up_asks_for_the_password_and_a_right_code(program):
    person = await make_person(program)
    tokens = await person.log_in()
    assert (await person.post("me/second-factor", tokens, password="wrong-password")).status_code == 401
    assert (await person.post("me/second-factor/confirm", tokens, code="123456")).status_code == 409
    secret = (await person.post("me/second-factor", tokens, password=person.password)).json()["secret"]
    late = await person.post("me/second-factor/confirm", tokens, code=code_of(secret, 9))
    assert (late.status_code, late.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert (await person.try_to_log_in()).status_code == 200


async def remove(person, tokens, code, password=None):
    return await person.post("me/second-factor/remove", tokens, code=code, password=password or person.password)


async def test_it_is_taken_off_with_password_and_code_only(program):
    person = await make_person(program)
    tokens, secret, _ = await with_second_factor(program, person)
    assert (await person.post("me/second-factor", tokens, password=person.password)).status_code == 409
    assert (await person.post("me/second-factor/remove", tokens, code=code_of(secret))).status_code == 422
    assert (await remove(person, tokens, "000000")).status_code == 422
    assert (await remove(person, tokens, code_of(secret), "wrong-password")).status_code == 401
    assert (await person.get("me", tokens)).json()["second_factor"] == "on"
    assert (await remove(person, tokens, code_of(secret))).status_code == 204
    assert (await person.try_to_log_in()).status_code == 200
    assert (await remove(person, tokens, code_of(secret))).status_code == 409


# Staff


async def test_staff_without_it_have_no_rights_until_they_set_one_up(program):
    person = await make_person(program, UserKind.STAFF, "finance")
    tokens = await person.log_in()
    me = (await person.get("me", tokens)).json()
    assert (me["second_factor"], me["permissions"], me["roles"]) == ("missing", [], ["finance"])
    assert (await person.get(STAFF_ROUTE, tokens)).status_code == 403
    assert (await person.post("auth/step-up", tokens, password=person.password)).status_code == 409
    tokens, secret, _ = await with_second_factor(program, person)
    assert (await person.get(STAFF_ROUTE, tokens)).status_code == 200
    assert "agencies.read" in (await person.get("me", tokens)).json()["permissions"]
    assert (await remove(person, tokens, code_of(secret))).status_code == 409
    assert (await person.get("me", tokens)).json()["second_factor"] == "on"


async def test_a_proof_is_recent_for_a_quarter_of_an_hour_and_is_made_anew(program):
    person = await make_person(program)
    tokens, secret, _ = await with_second_factor(program, person)
    authenticator = program.state.authenticator
    accounts = program.state.accounts

    async def is_recent():
        return authenticator.has_proved_recently(await accounts.bearer(tokens["access_token"]))

    assert await is_recent()
    await program.rows(
        "UPDATE sessions SET second_factor_at = second_factor_at - interval '15 minutes' WHERE user_id = $1",
        person.user.id,
    )
    await forget(program, person)
    assert not await is_recent()
    assert (await person.post("auth/step-up", tokens, password=person.password)).status_code == 422
    answer = await person.post("auth/step-up", tokens, code=code_of(secret))
    assert answer.status_code == 200, answer.text
    assert await is_recent()


async def test_who_has_no_second_factor_proves_by_the_password(program):
    person = await make_person(program)
    tokens = await person.log_in()
    assert (await person.post("auth/step-up", tokens, password="wrong-password")).status_code == 401
    assert (await person.post("auth/step-up", tokens, password=person.password)).status_code == 200


async def forget(program, person):
    """Have what was read of the person's sessions read anew."""
    (version,) = await program.rows(
        "UPDATE users SET access_version = access_version + 1 WHERE id = $1 RETURNING access_version", person.user.id
    )
    await program.state.account_services.checks.announce(person.user.id, version)


@pytest.mark.parametrize("code", ["12345", "x" * 41, 123456])
async def test_what_is_no_code_is_refused_as_such(program, code):
    person = await make_person(program)
    assert (await person.try_to_log_in(code=code)).status_code == 422


async def send(who, method, path, body):
    headers = {**who.headers, "Idempotency-Key": new_key()} if method == "POST" else who.headers
    return await who.program.http.request(method, f"/api/v1/{path}", json=body, headers=headers)


async def test_what_is_guarded_is_refused_to_who_proved_nothing_of_late(program):
    chief = await staff(program, "super_admin")
    await with_an_old_proof(chief)
    asked = {path: error_of(await send(chief, method, path, body)) for method, path, body in GUARDED}
    assert set(asked.values()) == {(403, "STEP_UP_REQUIRED")}, asked
    assert (await send(chief, "GET", "ledger/balances", None)).status_code == 200  # to look at it is no export


async def test_a_customer_takes_nothing_away_with_an_old_proof_either(program):
    own, buyer = await agency(program, "TAKEAWAY"), await traveller(program)
    seller = await agent(program, own)
    path = f"agencies/{encode_id(ids.AGENCY, own)}/statement.csv"
    assert (await seller.get(path)).status_code == 200
    for who in (seller, buyer):
        await with_an_old_proof(who)
    assert error_of(await seller.get(path)) == (403, "STEP_UP_REQUIRED")
    assert error_of(await buyer.get("me/data")) == (403, "STEP_UP_REQUIRED")
    assert (await (await machine(program, own, "agencies.read")).get(path)).status_code == 200


@pytest.mark.parametrize(("more", "status"), [((), 403), (("ledger.export",), 200)])
async def test_a_key_exports_the_books_if_it_was_given_out_for_that(program, more, status):
    giver = Actor(ActorKind.STAFF, "giver", Channel.API, ROLES["finance"])
    reads = await machine(program, None, "ledger.read", *more, actor=giver)
    assert (await reads.get("ledger/balances")).status_code == 200
    assert (await reads.get("ledger/balances", format="csv")).status_code == status
