"""Sessions: refresh tokens that work once, what ends a session, and how soon that is known everywhere."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest
from tests.factories.accounts import OTHER_PASSWORD, bearing, make_person

from ais.accounts import SessionChecks, UserKind
from ais.accounts.checks import HELD_SECONDS
from ais.accounts.repository import sessions as session_rows
from ais.accounts.service.sessions import revoke_sessions
from ais.accounts.tokens import AccountTokens, refresh_hash
from ais.kit import system_actor
from ais.platform.cache import Cache
from ais.platform.tokens import TokenRing

ACTOR = system_actor("test")


async def backdate(program, what: str, person, by: str = "11 seconds") -> None:
    await program.rows(
        f"UPDATE refresh_tokens SET {what} = {what} - $2::text::interval FROM sessions"
        " WHERE session_id = sessions.id AND user_id = $1 AND used_at IS NOT NULL",
        person.user.id,
        by,
    )


async def why_ended(program, person) -> list[str]:
    return await program.rows(
        "SELECT end_reason FROM sessions WHERE user_id = $1 AND ended_at IS NOT NULL ORDER BY id", person.user.id
    )


async def test_a_refresh_token_gets_the_next_pair_once(program):
    person = await make_person(program)
    first = await person.log_in()
    answer = await person.refresh(first)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    second = answer.json()
    assert second["expires_in"] == 900
    assert second["refresh_token"] != first["refresh_token"]
    assert (await person.get("me", second)).status_code == 200
    third = (await person.refresh(second)).json()
    assert (await person.get("me", third)).status_code == 200


async def test_a_lost_answer_is_given_once_more_with_the_same_successor(program):
    person = await make_person(program)
    first = await person.log_in()
    lost = (await person.refresh(first)).json()
    again = (await person.refresh(first)).json()
    assert again["refresh_token"] == lost["refresh_token"]
    assert (await person.get("me", again)).status_code == 200
    assert (await person.refresh(again)).status_code == 200
    assert await why_ended(program, person) == []


async def test_a_third_use_ends_the_session(program):
    person = await make_person(program)
    first = await person.log_in()
    last = [await person.refresh(first) for _ in range(3)]
    assert [each.status_code for each in last] == [200, 200, 401]
    assert (await person.refresh(last[0].json())).status_code == 401
    assert (await person.get("me", last[0].json())).status_code == 401
    assert await why_ended(program, person) == ["refresh_reused"]


async def test_an_old_token_ends_the_session_and_is_in_the_audit_trail(program):
    person = await make_person(program)
    first = await person.log_in()
    other = await person.log_in()
    second = (await person.refresh(first)).json()
    third = (await person.refresh(second)).json()
    answer = await person.refresh(first)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    assert (await person.get("me", third)).status_code == 401
    assert (await person.refresh(third)).status_code == 401
    assert (await person.get("me", other)).status_code == 200
    (after,) = await program.rows(
        "SELECT after FROM audit_entries WHERE subject = $1 AND action = 'account.session_ended'",
        (await person.get("me", other)).json()["id"],
    )
    assert after["reason"] == "refresh_reused"


async def test_a_token_used_more_than_ten_seconds_ago_is_old(program):
    person = await make_person(program)
    first = await person.log_in()
    second = (await person.refresh(first)).json()
    await backdate(program, "used_at", person)
    assert (await person.refresh(first)).status_code == 401
    assert (await person.refresh(second)).status_code == 401
    assert await why_ended(program, person) == ["refresh_reused"]


async def test_a_token_whose_time_is_over_is_expired_and_ends_nothing(program):
    person = await make_person(program)
    tokens = await person.log_in()
    await program.rows(
        "UPDATE refresh_tokens SET expires_at = ais_now() FROM sessions"
        " WHERE session_id = sessions.id AND user_id = $1",
        person.user.id,
    )
    answer = await person.refresh(tokens)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "TOKEN_EXPIRED")
    assert (await person.get("me", tokens)).status_code == 200


async def refresh_at_once(person, tokens):
    return await asyncio.gather(*(person.refresh(tokens) for _ in range(2)))


async def test_two_refreshes_at_once_get_the_same_successor(program):
    person = await make_person(program)
    answers = await refresh_at_once(person, await person.log_in())
    assert [each.status_code for each in answers] == [200, 200]
    assert len({each.json()["refresh_token"] for each in answers}) == 1
    assert await program.rows(
        "SELECT generation FROM refresh_tokens JOIN sessions ON sessions.id = session_id WHERE user_id = $1 ORDER BY 1",
        person.user.id,
    ) == [0, 1]


async def test_without_the_lock_two_refreshes_at_once_would_both_be_the_first(program, monkeypatch):
    together = asyncio.Barrier(2)
    lock_refresh = session_rows.lock_refresh

    async def read_without_lock(uow, token_hash):
        token = await lock_refresh(uow, token_hash)
        await uow.connection.execute("ROLLBACK; BEGIN")  # gives the lock back
        await together.wait()
        return token

    monkeypatch.setattr(session_rows, "lock_refresh", read_without_lock)
    person = await make_person(program)
    answers = await refresh_at_once(person, await person.log_in())
    assert sorted(each.status_code for each in answers) == [200, 500]


async def test_keys_rotate_and_nobody_is_logged_out(program):
    """A token of the older key is good as long as that key is there, and a lost answer is found by either."""
    old, new = "old:" + "A" * 43, "new:" + "B" * 43
    clock = program.database.clock
    person = await make_person(program)
    opened = await person.log_in()
    session = program.state.account_services.tokens.read_access(opened["access_token"])
    before = AccountTokens(TokenRing(old), clock)
    after = AccountTokens(TokenRing(f"{new},{old}"), clock)
    gone = AccountTokens(TokenRing(new), clock)
    assert after.read_access(before.access(session)) == session
    refresh = before.first_refresh()
    following = before.next_refresh(refresh)
    assert after.next_refresh(refresh) != following
    assert after.next_refresh(refresh, stored=refresh_hash(following)) == following
    assert gone.next_refresh(refresh, stored=refresh_hash(following)) is None
    with pytest.raises(Exception, match="sign in"):
        gone.read_access(before.access(session))


# Ending sessions


async def test_sessions_are_listed_with_device_and_address(program):
    person = await make_person(program)
    phone = await person.log_in()
    await program.http.post(
        "/api/v1/auth/login",
        json={"email": person.email, "password": person.password},
        headers={"User-Agent": "Tablet\x7f of Sara, Android 15"},
    )
    listed = (await person.get("auth/sessions", phone)).json()
    assert listed["next_cursor"] is None
    assert [(each["browser"], each["system"]) for each in listed["items"]] == [(None, "Android"), (None, None)]
    assert [(each["device"][:6], each["kind"], each["current"]) for each in listed["items"]] == [
        ("Tablet", "token", False),
        ("python", "token", True),
    ]
    assert {each["address"] for each in listed["items"]} == {"127.0.0.1"}
    assert "127.0.0.1" not in str(
        await program.rows("SELECT origin_sealed FROM sessions WHERE user_id = $1", person.user.id)
    )


async def test_a_session_that_is_revoked_is_refused_at_once_and_the_others_go_on(program):
    person = await make_person(program)
    phone, lost = await person.log_in(), await person.log_in()
    assert (await person.get("me", lost)).status_code == 200
    lost_id = (await person.get("me", lost)).json()["session_id"]
    assert (await person.delete(f"auth/sessions/{lost_id}", phone)).status_code == 204
    assert (await person.get("me", lost)).status_code == 401
    assert (await person.refresh(lost)).status_code == 401
    assert (await person.get("me", phone)).status_code == 200
    assert (await person.delete(f"auth/sessions/{lost_id}", phone)).status_code == 404


async def test_anothers_session_is_like_none(program):
    person, other = await make_person(program), await make_person(program)
    mine, theirs = await person.log_in(), await other.log_in()
    their_id = (await other.get("me", theirs)).json()["session_id"]
    answers = [await person.delete(f"auth/sessions/{each}", mine) for each in (their_id, "ses_" + "0" * 26, "nonsense")]
    assert {(each.status_code, each.json()["error"]["message"]) for each in answers} == {
        (404, "There is no such session.")
    }
    assert (await other.get("me", theirs)).status_code == 200


@pytest.mark.parametrize(("query", "ended", "current"), [("", 3, 401), ("?keep_current=true", 2, 200)])
async def test_all_sessions_are_revoked_with_or_without_the_present_one(program, query, ended, current):
    person = await make_person(program)
    all_of_them = [await person.log_in() for _ in range(3)]
    answer = await person.delete(f"auth/sessions{query}", all_of_them[0])
    assert (answer.status_code, answer.json()) == (200, {"ended": ended})
    statuses = [(await person.get("me", each)).status_code for each in all_of_them]
    assert statuses == [current, 401, 401]


async def test_logging_out_ends_the_session_of_either_token(program):
    person = await make_person(program)
    one, two = await person.log_in(), await person.log_in()
    assert (await person.post("auth/logout", one)).status_code == 204
    assert (await person.get("me", one)).status_code == 401
    answer = await program.http.post("/api/v1/auth/logout", json={"refresh_token": two["refresh_token"]})
    assert answer.status_code == 204
    assert (await person.get("me", two)).status_code == 401
    assert await why_ended(program, person) == ["logout", "logout"]
    assert (await program.http.post("/api/v1/auth/logout", json={})).status_code == 401


async def test_logging_out_needs_no_body(program):
    person = await make_person(program)
    tokens = await person.log_in()
    assert (await program.http.post("/api/v1/auth/logout", headers=bearing(tokens))).status_code == 204
    assert (await person.get("me", tokens)).status_code == 401


async def test_another_password_ends_the_other_sessions(program):
    person = await make_person(program)
    mine, other = await person.log_in(), await person.log_in()
    wrong = await person.post("me/password", mine, current_password="wrong-password", new_password=OTHER_PASSWORD)
    assert wrong.status_code == 401
    weak = await person.post("me/password", mine, current_password=person.password, new_password="password123")
    assert weak.status_code == 422
    assert (await person.get("me", other)).status_code == 200
    changed = await person.post("me/password", mine, current_password=person.password, new_password=OTHER_PASSWORD)
    assert changed.status_code == 204
    assert ((await person.get("me", mine)).status_code, (await person.get("me", other)).status_code) == (200, 401)
    assert (await person.try_to_log_in()).status_code == 401
    assert (await person.try_to_log_in(password=OTHER_PASSWORD)).status_code == 200


# How soon it is known


@pytest.fixture
async def other_process(program):
    """What another process of the same installation knows of sessions."""
    cache = Cache(program.settings.redis_url)
    yield SessionChecks(program.database, cache, program.state.account_services.policy.page_idle)
    await cache.close()


async def session_in(program, person):
    tokens = await person.log_in()
    return program.state.account_services.tokens.read_access(tokens["access_token"])


async def test_another_process_knows_within_a_second(program, other_process):
    person = await make_person(program)
    session = await session_in(program, person)
    assert await other_process.state(session) is not None
    asked_at = time.monotonic()
    await revoke_sessions(program.state.account_services, ACTOR, person.user.id)
    looked_at = time.monotonic()
    while await other_process.state(session) is not None:
        assert looked_at - asked_at < 1.0
        await asyncio.sleep(0.02)
        looked_at = time.monotonic()
    assert HELD_SECONDS < 1.0


async def test_a_slow_reader_cannot_bring_a_session_back(program, other_process):
    """Somebody read it before it ended and writes what they read to Valkey afterwards."""
    person = await make_person(program)
    session = await session_in(program, person)
    read_before = await other_process.state(session)
    await revoke_sessions(program.state.account_services, ACTOR, person.user.id)
    await other_process._to_valkey(read_before)
    fresh = SessionChecks(program.database, program.state.cache, program.state.account_services.policy.page_idle)
    assert await fresh.state(session) is None


async def test_without_the_version_a_slow_reader_would_bring_it_back(program, other_process, monkeypatch):
    person = await make_person(program)
    session = await session_in(program, person)
    read_before = await other_process.state(session)
    monkeypatch.setattr("ais.accounts.checks.announce", _say_nothing)
    await revoke_sessions(program.state.account_services, ACTOR, person.user.id)
    await other_process._to_valkey(read_before)
    fresh = SessionChecks(program.database, program.state.cache, program.state.account_services.policy.page_idle)
    assert await fresh.state(session) is not None


async def _say_nothing(_cache, _user_id, _version):
    return None


async def test_an_announcement_that_failed_is_repeated_by_a_job(program, other_process, monkeypatch):
    person = await make_person(program)
    session = await session_in(program, person)
    assert await other_process.state(session) is not None
    with monkeypatch.context() as patch:
        patch.setattr("ais.accounts.checks.announce", _say_nothing)
        await revoke_sessions(program.state.account_services, ACTOR, person.user.id)
    await program.run_jobs()
    fresh = SessionChecks(program.database, program.state.cache, program.state.account_services.policy.page_idle)
    assert await fresh.state(session) is None


async def test_without_valkey_postgresql_says_it(program):
    nowhere = Cache("redis://127.0.0.1:1/0")
    checks = SessionChecks(program.database, nowhere, program.state.account_services.policy.page_idle)
    services = msgspec.structs.replace(program.state.account_services, checks=checks)
    person = await make_person(program)
    session = await session_in(program, person)
    assert (await checks.state(session)).user_id == person.user.id
    await revoke_sessions(services, ACTOR, person.user.id)
    assert await checks.state(session) is None
    await nowhere.close()
    await program.run_jobs()


async def test_what_sessions_may_do_follows_the_roles_of_their_user(program):
    person = await make_person(program, UserKind.STAFF, "support")
    session = await session_in(program, person)
    assert [grant.role for grant in (await program.state.account_services.checks.state(session)).grants] == ["support"]
    await program.rows(
        "UPDATE role_grants SET revoked_at = ais_now(), revoked_by = 'test' WHERE user_id = $1", person.user.id
    )
    (version,) = await program.rows("SELECT access_version FROM users WHERE id = $1", person.user.id)
    await program.state.account_services.checks.announce(person.user.id, version)
    assert (await program.state.account_services.checks.state(session)).grants == ()
