"""Erasures beside one another, beside an export, a sign-in and a rotation of keys: each comes first or last, whole."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from tests.factories.accounts import PASSWORD, make_person
from tests.factories.giving_back import post_confirm, quote
from tests.factories.in_process import CONTACT, order_id
from tests.factories.vault import VAULT, new_key

from ais.accounts import AccountNotFound, Origin, SessionKind, SignInRefused, public_id, sign_in
from ais.accounts.repository import users
from ais.kit import system_actor
from ais.orders.privacy import repository
from ais.orders.privacy.service import (
    Erased,
    PersonNotFound,
    erase_account,
    erase_address,
    erase_orders,
    erase_person,
    export_account,
    export_person,
)
from ais.platform.settings import DEMO_LOOKUP_KEY, DEMO_VAULT_KEY
from ais.platform.vault import Vault, destroy_persons, rewrap_persons

ACTOR = system_actor("test")


async def ended_order(program, email, headers=None):
    answer = await program.post_order(await program.offer(), contact={**CONTACT, "email": email}, headers=headers or {})
    order = answer.json()
    assert (await post_confirm(program, order, await quote(program, order))).json()["status"] == "cancelled"
    return order


async def traveller(program, *, orders=0):
    """An account with ended orders of its own."""
    person = await make_person(program)
    for _ in range(orders):
        order = await ended_order(program, person.email)
        await program.rows("UPDATE orders SET owner_user_id = $2 WHERE id = $1", order_id(order), person.user.id)
    return person


async def in_own_unit(program, work, *arguments, **more):
    async with program.database.unit_of_work(ACTOR) as uow:
        return await work(uow, *arguments, **more)


async def behind(program, first, second):
    """What ``second`` comes to, begun while ``first`` is done and not committed yet: it waits until then."""
    async with program.database.unit_of_work(ACTOR) as uow:
        await first(uow)
        waiting = asyncio.create_task(second)
        assert not (await asyncio.wait([waiting], timeout=0.05))[0]
    return (await asyncio.gather(waiting, return_exceptions=True))[0]


async def entries(program, action, subject):
    return await program.rows(
        "SELECT count(*)::int FROM audit_entries WHERE action = $1 AND subject = $2", action, subject
    )


async def test_of_two_erasures_of_one_order_the_second_finds_nothing_to_do(program):
    order = await ended_order(program, "twice@example.com")
    second = in_own_unit(program, erase_orders, [order_id(order)], "asked for")
    done = await behind(program, lambda uow: erase_orders(uow, [order_id(order)], "asked for"), second)
    assert done == Erased(0, 0)
    assert await entries(program, "person.erased", order["id"]) == [1]
    assert len(await program.history(order, "personal_data")) == 1


@pytest.mark.parametrize("work", [erase_account, erase_person])
async def test_of_two_erasures_of_one_account_the_second_finds_none(program, work):
    person = await traveller(program, orders=1)
    who, refusal = (person.user.id, AccountNotFound) if work is erase_account else (person.email, PersonNotFound)
    done = await behind(
        program,
        lambda uow: erase_account(uow, person.user.id, "asked for"),
        in_own_unit(program, work, who, "asked for"),
    )
    assert isinstance(done, refusal)
    assert await entries(program, "account.erased", public_id(person.user.id)) == [1]


async def test_a_traveller_who_clicks_twice_is_erased_once(program):
    person = await traveller(program, orders=1)
    tokens = await person.log_in()
    answers = await asyncio.gather(*(person.post("me/erasure", tokens) for _ in range(3)))
    assert {each.status_code for each in answers} <= {200, 401, 404}
    assert [each.json()["persons"] for each in answers if each.status_code == 200] == [3]


async def test_who_erases_themselves_while_staff_erase_them_leaves_what_they_bought_without_the_account(program):
    person = await traveller(program, orders=1)
    guest = await ended_order(program, person.email)
    done = await behind(
        program,
        lambda uow: erase_account(uow, person.user.id, "asked for"),
        in_own_unit(program, erase_person, person.email, "asked for"),
    )
    assert done == (Erased(1, 2), None)
    assert (await program.read(guest))["contact"] is None


async def bought_for_one_another(program):
    """Two accounts, each with an order of its own under the other's address."""
    first, second = await traveller(program), await traveller(program)
    for owner, other in ((first, second), (second, first)):
        order = await ended_order(program, other.email)
        await program.rows("UPDATE orders SET owner_user_id = $2 WHERE id = $1", order_id(order), owner.user.id)
    return first, second


async def both_at_once(program, people, work):
    together = asyncio.Barrier(2)

    async def erase(person):
        async with program.database.unit_of_work(ACTOR) as uow:
            await uow.connection.execute("SET LOCAL deadlock_timeout = '20ms'")
            return await work(uow, person, together)

    return await asyncio.gather(*map(erase, people), return_exceptions=True)


async def test_two_who_bought_for_one_another_are_erased_at_once(program):
    async def erase(uow, person, together):
        await together.wait()
        return (await erase_person(uow, person.email, "asked for"))[0]

    for _ in range(3):
        done = await both_at_once(program, await bought_for_one_another(program), erase)
        assert sorted((each.orders, each.persons) for each in done) == [(0, 1), (2, 5)]


async def test_control_order_after_order_two_who_bought_for_one_another_wait_for_ever(program):
    async def erase(uow, person, together):
        await erase_account(uow, person.user.id, "asked for")
        await together.wait()
        await erase_address(uow, person.email, "asked for")

    done = await both_at_once(program, await bought_for_one_another(program), erase)
    assert [type(each) for each in done].count(asyncpg.DeadlockDetectedError) == 1


@pytest.mark.parametrize("work", [export_account, export_person])
async def test_an_export_beside_an_erasure_is_whole_or_finds_nobody(program, work):
    for export_first in (True, False):
        person = await traveller(program, orders=1)
        who, refusal = (person.user.id, AccountNotFound) if work is export_account else (person.email, PersonNotFound)

        async def erase(uow, person=person):
            return (await erase_account(uow, person.user.id, "asked for"))[0]

        if export_first:
            done = await behind(program, lambda uow, who=who: work(uow, who), in_own_unit(program, erase))
            assert done == Erased(1, 3)
        else:
            assert isinstance(await behind(program, erase, in_own_unit(program, work, who)), refusal)


async def torn_export(program, person):
    """An export that is begun before an erasure and reads the orders after it."""
    begun, erased = asyncio.Event(), asyncio.Event()

    async def pause(_uow, _order_ids):
        begun.set()
        await erased.wait()

    async def erase():
        await begun.wait()
        await in_own_unit(program, erase_account, person.user.id, "asked for")
        erased.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(users, "share_user", lambda uow, user_id: users.find_user(uow.connection, user_id))
        patch.setattr(repository, "share_orders", pause)
        data, _ = await asyncio.gather(in_own_unit(program, export_account, person.user.id), erase())
    return data


async def test_control_an_export_that_holds_nobody_would_be_torn(program):
    person = await traveller(program, orders=1)
    data = await torn_export(program, person)
    assert (data["account"]["email"], data["orders"][0]["order"]["contact"]) == (person.email, None)


async def signing_in(program, person):
    return await sign_in(
        program.state.account_services, email=person.email, password=PASSWORD, code=None, origin=Origin("", ""),
        kind=SessionKind.PAGE,
    )  # fmt: skip


async def open_sessions(program, person):
    return await program.rows("SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL", person.user.id)


async def test_a_sign_in_beside_an_erasure_opens_nothing(program):
    person = await traveller(program)
    done = await behind(
        program, lambda uow: erase_account(uow, person.user.id, "asked for"), signing_in(program, person)
    )
    assert isinstance(done, SignInRefused)
    assert await open_sessions(program, person) == []


async def test_control_a_sign_in_that_neither_waits_nor_asks_for_the_key_opens_an_erased_account(program, monkeypatch):
    person = await traveller(program)
    read, erased = asyncio.Event(), asyncio.Event()

    async def look(uow, user_id):
        user = await users.find_user(uow.connection, user_id)
        read.set()
        await erased.wait()
        return user

    async def erase():
        await read.wait()
        monkeypatch.setattr(users, "lock_user", lock_user)
        await in_own_unit(program, erase_account, person.user.id, "asked for")
        erased.set()

    lock_user = users.lock_user
    monkeypatch.setattr(users, "lock_user", look)
    # Nor is the key looked for anew, which alone would stop it.
    key = await in_own_unit(program, lambda uow: uow.vault.person(uow.connection, person.user.person_id))

    async def kept(_connection, _person_id):
        return key

    monkeypatch.setattr(program.state.account_services.vault, "person", kept)
    await asyncio.gather(signing_in(program, person), erase())
    (session_id,) = await open_sessions(program, person)
    await program.rows("UPDATE sessions SET ended_at = ais_now(), end_reason = 'closed' WHERE id = $1", session_id)


async def keys_of_two(program):
    async with program.database.unit_of_work(ACTOR) as uow:
        return sorted([(await VAULT.new_person(uow)).id for _ in range(2)])


_WAITS_FOR_ME = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"""


async def erasure_beside(program, holding):
    """An erasure that takes the newer of two keys first, beside something that holds keys in order of id."""
    older, newer = await keys_of_two(program)
    async with program.database.unit_of_work(ACTOR) as erasing:
        await erasing.connection.execute("SET LOCAL deadlock_timeout = '20ms'")
        await destroy_persons(erasing, [newer])

        async def hold():
            async with program.database.unit_of_work(ACTOR) as uow:
                await holding(uow, older, newer)
                held.set()
                await asyncio.sleep(0.05)

        held = asyncio.Event()
        rotation = asyncio.create_task(hold())
        while not held.is_set() and not await erasing.connection.fetchval(_WAITS_FOR_ME):
            await erasing.connection.execute("SELECT pg_sleep(0.01)")
        await destroy_persons(erasing, [older])
        await rotation
    return await program.rows(
        "SELECT count(*)::int FROM person_keys WHERE id = ANY($1) AND destroyed_at IS NULL", [older, newer]
    )


async def test_a_rotation_of_keys_leaves_those_that_are_being_destroyed(own_program):
    rotated = Vault(f"{new_key('next')},{DEMO_VAULT_KEY}", DEMO_LOOKUP_KEY)

    async def rewrap(uow, older, _newer):
        assert await rewrap_persons(uow, rotated) == older

    assert await erasure_beside(own_program, rewrap) == [0]


async def test_control_a_rotation_that_waits_for_them_and_an_erasure_wait_for_one_another(own_program):
    async def lock(uow, older, newer):
        await uow.connection.execute(
            "SELECT FROM person_keys WHERE id = ANY($1) ORDER BY id FOR UPDATE", [older, newer]
        )

    with pytest.raises(asyncpg.DeadlockDetectedError):
        await erasure_beside(own_program, lock)
