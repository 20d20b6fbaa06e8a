"""Signing in over HTTP: what opens a session, what is refused, and that nobody learns who has an account."""

from __future__ import annotations

import asyncio

import pytest
from tests.factories.accounts import CREATOR, OTHER_PASSWORD, PASSWORD, bearing, make_person, new_email

from ais.accounts.domain import Origin, SessionKind
from ais.accounts.errors import SignInRefused, TooManyTries
from ais.accounts.repository import links
from ais.accounts.service import sign_in as signing_in
from ais.accounts.service.staff import set_locked


async def test_a_password_opens_a_session_of_a_quarter_of_an_hour(program):
    person = await make_person(program)
    tokens = await person.log_in()
    assert list(tokens) == ["access_token", "refresh_token", "token_type", "expires_in"]
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    me = (await person.get("me", tokens)).json()
    assert (me["email"], me["name"], me["kind"]) == (person.email, "Sara Al-Harbi", "traveller")
    assert (me["roles"], me["second_factor"], me["language"]) == (["traveller"], "off", "en")
    assert me["permissions"] == ["orders.cancel_own", "orders.create", "orders.pay_own", "orders.read_own"]


async def test_the_address_counts_without_case_and_the_password_with_it(program):
    person = await make_person(program)
    assert (await person.try_to_log_in(email=person.email.upper())).status_code == 200
    assert (await person.try_to_log_in(password=PASSWORD.lower())).status_code == 401


async def test_who_has_no_account_is_answered_as_who_has_a_wrong_password(program):
    person = await make_person(program)
    answers = [
        await person.try_to_log_in(password=OTHER_PASSWORD),
        await person.try_to_log_in(email=new_email()),
        await person.try_to_log_in(email="no address at all"),
    ]
    said = {(each.status_code, each.json()["error"]["code"], each.json()["error"]["message"]) for each in answers}
    assert said == {(401, "UNAUTHORIZED", "The e-mail address or the password is not right.")}


async def test_five_wrong_tries_lock_the_pair_of_account_and_network_for_half_an_hour(program):
    person = await make_person(program)
    for _ in range(5):
        assert (await person.try_to_log_in(password=OTHER_PASSWORD)).status_code == 401
    locked = await person.try_to_log_in()
    assert locked.status_code == 429
    assert locked.json()["error"]["code"] == "RATE_LIMITED"
    assert locked.headers["retry-after"] == "1800"
    assert await program.rows("SELECT count(*) FROM sessions WHERE user_id = $1", person.user.id) == [0]
    # Somebody else in the same network is not kept out, nor the owner in another one.
    assert (await (await make_person(program)).try_to_log_in()).status_code == 200
    await sign_in_from(program, person, "203.0.113.9")


async def test_the_right_password_begins_the_count_anew(program):
    person = await make_person(program)
    for _ in range(2):
        for _ in range(4):
            assert (await person.try_to_log_in(password=OTHER_PASSWORD)).status_code == 401
        await person.log_in()


async def test_a_locked_account_is_out_at_once_and_stays_out_until_it_is_unlocked(program):
    person = await make_person(program)
    tokens = await person.log_in()
    services = program.state.account_services
    assert await set_locked(services, person.user, CREATOR, locked=True)
    assert (await person.get("me", tokens)).status_code == 401
    assert (await person.refresh(tokens)).status_code == 401
    assert (await person.try_to_log_in()).json()["error"]["code"] == "UNAUTHORIZED"
    assert await set_locked(services, person.user, CREATOR, locked=False)
    assert (await person.try_to_log_in()).status_code == 200
    assert (await person.get("me", tokens)).status_code == 401


async def sign_in_from(program, person, address, password=PASSWORD):
    return await signing_in.sign_in(
        program.state.account_services,
        email=person.email,
        password=password,
        code=None,
        origin=Origin("test", address),
        kind=SessionKind.TOKEN,
    )


async def guess_side_by_side(program, person, guesses):
    """How many guesses were looked at, how many turned away."""
    outcomes = await asyncio.gather(
        *(sign_in_from(program, person, "198.51.100.7", OTHER_PASSWORD) for _ in range(guesses)),
        return_exceptions=True,
    )
    return tuple(sum(isinstance(each, kind) for each in outcomes) for kind in (SignInRefused, TooManyTries))


async def test_guesses_side_by_side_are_no_more_than_guesses_in_a_row(program):
    assert await guess_side_by_side(program, await make_person(program), 16) == (5, 11)


async def test_without_counting_before_looking_all_guesses_side_by_side_would_be_looked_at(program, monkeypatch):
    async def count_nothing(_uow, _pair):
        return links.Try(1, 0)

    monkeypatch.setattr(links, "take_try", count_nothing)
    assert await guess_side_by_side(program, await make_person(program), 16) == (16, 0)


@pytest.mark.parametrize("token", ["act_", "act_AAAA", "rft_AAAA", "act_" + "A" * 500, "x"])
async def test_a_token_that_is_not_ours_is_nobodys(program, token):
    answer = await program.http.get("/api/v1/me", headers=bearing({"access_token": token}))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")


async def test_a_refresh_token_or_a_cookie_is_no_access_token(program):
    person = await make_person(program)
    tokens = await person.log_in()
    assert (await person.get("me", {"access_token": tokens["refresh_token"]})).status_code == 401
    opened = await sign_in_from(program, person, "198.51.100.7")
    cookie = program.state.account_services.tokens.page(opened.session)
    assert (await person.get("me", {"access_token": cookie})).status_code == 401
    assert (await person.get("me", {"access_token": f"act_{cookie}"})).status_code == 401
