"""The key by which people are found is replaced while we sell: everybody is found at every moment, and nobody twice."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
import pytest
from tests.factories.accounts import PASSWORD, make_person, new_email
from tests.factories.giving_back import post_confirm, quote
from tests.factories.in_process import CONTACT, FAMILY_NAME, in_process, order_id
from tests.factories.vault import new_key

from ais.accounts import AccountExists, UserKind, ask_reset, create_user, letter_of_link
from ais.kit import system_actor
from ais.orders.people import address_lookup
from ais.orders.privacy import repository
from ais.orders.privacy.lookups import REWRITES, drop_key, lookups_in_use, require_first_key_in_use
from ais.orders.privacy.service import erase_orders
from ais.platform.database import Database
from ais.platform.settings import DEMO_LOOKUP_KEY, DEMO_VAULT_KEY
from ais.platform.vault import LookupKeyRefused, Vault, admit_lookup_keys, known_lookup_keys

ACTOR = system_actor("test")
OTHER = new_key("2027-b")
# The settings in the order in which processes are restarted with them.
OLD, ADDED, FRONT, NEW = DEMO_LOOKUP_KEY, f"{DEMO_LOOKUP_KEY},{OTHER}", f"{OTHER},{DEMO_LOOKUP_KEY}", OTHER


class Fleet:
    """Processes on one database, each with its lookup keys, each in a task of its own: they end in any order."""

    def __init__(self, url, cache_url, simulator):
        self._where = (url, cache_url, simulator)
        self._running = []

    async def __call__(self, keys):
        started, over = asyncio.get_running_loop().create_future(), asyncio.Event()

        async def run():
            async with in_process(*self._where, vault_lookup_key=keys) as program:
                started.set_result(program)
                await over.wait()

        task = asyncio.create_task(run())
        await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        self._running.append((started.result(), task, over))
        return started.result()

    async def end(self, *programs):
        for program, task, over in self._running:
            if not task.done() and (not programs or program in programs):
                over.set()
                await task


@pytest.fixture
async def fleet(servers, market, simulator):
    with servers.database(market) as url:
        fleet = Fleet(url, servers.cache_url(), simulator)
        yield fleet
        await fleet.end()


async def refused(program, keys, why):
    """No process starts on this one's database with these keys."""
    async with program.database.connection() as connection:
        with pytest.raises(LookupKeyRefused, match=why):
            await admit_lookup_keys(connection, Vault(DEMO_VAULT_KEY, keys))


async def buyer(program):
    """Somebody with an account and an order under its address, made by this process."""
    person = await make_person(program)
    answer = await program.post_order(await program.offer(), contact={**CONTACT, "email": person.email})
    return person, answer.json()


async def require_found(programs, buyers):
    """Each process finds each of them: by sign-in, by a mailed link, by name and locator, by the address of orders."""
    for program in programs:
        for person, order in buyers:
            answer = await program.http.post(
                "/api/v1/auth/login", json={"email": person.email.upper(), "password": PASSWORD}
            )
            assert answer.status_code == 200, answer.text
            body = {"record_locator": order["record_locator"], "family_name": FAMILY_NAME}
            assert (await program.http.post("/api/v1/orders/lookup", json=body)).json()["id"] == order["id"]
            hashes = address_lookup(program.database.vault, person.email).hashes
            async with program.database.connection() as connection:
                assert await repository.orders_with_address(connection, hashes) == [order_id(order)]
            with pytest.raises(AccountExists):
                await register(program, person.email)


async def register(program, email, keys=None):
    """An account, made by the process or, with ``keys``, by one like it that was started with those."""
    services = program.state.account_services
    if keys is not None:
        beside = Database(program.database.pool, program.database.clock, Vault(DEMO_VAULT_KEY, keys))
        services = msgspec.structs.replace(services, database=beside)
    return await create_user(
        services, kind=UserKind.TRAVELLER, email=email, password=PASSWORD, name=None, language="en", actor=ACTOR
    )


async def rewrite(program, limit, between=None):
    """All hashes anew in batches of ``limit``: how many of each kind."""
    done = dict.fromkeys(REWRITES, 0)
    for name, batch in REWRITES.items():
        after, count = None, 1
        while count:
            async with program.database.unit_of_work(ACTOR) as uow:
                after, count = await batch(uow, after=after, limit=limit)
            done[name] += count
            if between is not None:
                await between()
    return done


async def drop(program, name):
    async with program.database.unit_of_work(ACTOR) as uow:
        await drop_key(uow, name)


async def newest_link(program):
    (link_id,) = await program.rows("SELECT id FROM one_time_links ORDER BY id DESC LIMIT 1")
    return link_id


async def test_everybody_is_found_in_every_step_of_a_rotation(fleet):
    old = await fleet(OLD)
    buyers = [await buyer(old)]
    added = await fleet(ADDED)
    buyers.append(await buyer(added))
    await require_found([old, added], buyers)
    await fleet.end(old)
    front = await fleet(FRONT)
    buyers.append(await buyer(front))
    both = [added, front]
    await require_found(both, buyers)
    with pytest.raises(LookupKeyRefused, match="'demo-0' is the first"):
        await drop(added, "demo-0")
    with pytest.raises(LookupKeyRefused, match="4 hashes still need"):
        await drop(front, "demo-0")
    await refused(front, NEW, "'demo-0' was not dropped and is not set")

    # A link that was asked for before its account's hash is made anew is followed after it, whoever reads it.
    (person, _), *_ = buyers
    await ask_reset(front.state.account_services, email=person.email, language="en")
    link_id = await newest_link(front)

    # Interrupted: what was done stays done, what was not committed is done again.
    with suppress(asyncio.CancelledError):
        async with front.database.unit_of_work(ACTOR) as uow:
            assert (await REWRITES["orders"](uow, limit=1))[1] == 1
            raise asyncio.CancelledError
    async with front.database.unit_of_work(ACTOR) as uow:
        assert (await REWRITES["accounts"](uow, limit=1))[1] == 1
    before = await front.rows("SELECT updated_at, version FROM orders ORDER BY id")
    done = await rewrite(front, 1, between=lambda: require_found(both[:1], buyers[:2]))
    assert done == {"accounts": 1, "registrations": 0, "orders": 2}
    assert await front.rows("SELECT updated_at, version FROM orders ORDER BY id") == before
    assert await rewrite(front, 1) == {"accounts": 0, "registrations": 0, "orders": 0}
    for program in both:
        async with program.database.connection() as connection:
            letter = await letter_of_link(connection, program.database.vault, link_id)
        assert letter.email == person.email

    async with front.database.connection() as connection:
        assert await lookups_in_use(connection) == {"2027-b": 6}
    await drop(front, "demo-0")
    with pytest.raises(LookupKeyRefused, match="is in use"):
        await drop(front, "demo-0")
    await fleet.end(added)
    new = await fleet(NEW)
    await require_found([front, new], buyers)
    assert await new.rows("SELECT DISTINCT lookup_key FROM address_claims") == ["2027-b"]
    entry = await new.rows("SELECT subject, after FROM audit_entries WHERE action = 'vault.lookup_key_dropped'")
    assert entry == [("demo-0", {"first": "2027-b"})]
    await refused(new, OLD, "'2027-b' was not dropped")
    await refused(new, ADDED, "'demo-0' was dropped")


async def test_what_is_written_by_a_dropped_key_is_noticed_and_mended(fleet):
    """A process that was not restarted: `ais verify` and the rotation find what it writes."""
    front = await fleet(FRONT)
    with pytest.raises(ExceptionGroup) as raised:
        await fleet(NEW)
    assert [type(each) for each in raised.value.exceptions] == [LookupKeyRefused]
    await drop(front, "demo-0")
    made = await register(front, new_email(), OLD)
    with pytest.raises(AssertionError, match="found_by_a_key_in_use"):
        await front.require_invariants()
    assert (await rewrite(front, 10))["accounts"] == 1
    assert await front.rows("SELECT lookup_key FROM users WHERE id = $1", made.id) == ["2027-b"]
    await front.require_invariants()


async def test_another_key_of_a_known_name_is_refused_and_one_that_no_process_has_rewrites_nothing(fleet):
    front = await fleet(FRONT)
    await refused(front, f"{new_key('2027-b')},{DEMO_LOOKUP_KEY}", "not the one")
    async with front.database.connection() as connection:
        with pytest.raises(LookupKeyRefused, match="No process was started"):
            await require_first_key_in_use(connection, Vault(DEMO_VAULT_KEY, new_key("2028-a")))
        assert [each.id for each in await known_lookup_keys(connection)] == ["2027-b", "demo-0"]


async def at_once(program, settings, email):
    """How many accounts one address gets when processes with these keys are asked for one together."""
    answers = await asyncio.gather(*(register(program, email, keys) for keys in settings), return_exceptions=True)
    assert all(isinstance(each, AccountExists) for each in answers if isinstance(each, BaseException)), answers
    return sum(not isinstance(each, BaseException) for each in answers)


async def test_processes_that_write_under_different_keys_make_one_account_of_an_address(fleet):
    front = await fleet(FRONT)
    for _ in range(6):
        assert await at_once(front, (OLD, ADDED, FRONT), new_email()) == 1
    emails = [new_email() for _ in range(4)]
    for email in emails:
        await register(front, email, ADDED)

    async def again():
        return [await at_once(front, (ADDED, FRONT), email) for email in emails]

    rewritten, accounts = await asyncio.gather(rewrite(front, 1), again())
    assert accounts == [0] * 4
    assert rewritten["accounts"] >= 4
    await front.require_invariants()


async def test_control_without_claims_one_address_would_have_two_accounts(fleet):
    front = await fleet(FRONT)
    async with front.database.connection() as connection:
        await connection.execute("ALTER TABLE users DISABLE TRIGGER users_claim_address")
        await connection.execute("ALTER TABLE address_claims DROP CONSTRAINT address_claims_pkey")
    assert await at_once(front, (ADDED, FRONT), new_email()) == 2


async def test_an_erasure_beside_the_rotation_leaves_no_hash(fleet):
    front = await fleet(FRONT)
    person, order = await buyer(front)
    assert (await post_confirm(front, order, await quote(front, order))).json()["status"] == "cancelled"
    await front.rows("UPDATE orders SET lookup_key = NULL")

    async def erase():
        async with front.database.unit_of_work(ACTOR) as uow:
            return await erase_orders(uow, [order_id(order)], "asked for")

    async with front.database.unit_of_work(ACTOR) as uow:
        assert (await REWRITES["orders"](uow))[1] == 1
        erasing = asyncio.create_task(erase())
        assert not (await asyncio.wait([erasing], timeout=0.05))[0]
    assert (await erasing).persons == 2
    await front.rows("UPDATE orders SET lookup_key = NULL")
    assert (await rewrite(front, 10))["orders"] == 1
    left = await front.rows(
        "SELECT contact_lookup, name_lookup FROM orders JOIN order_passengers ON order_id = orders.id"
    )
    assert left == [(None, None)]
    assert (await person.post("me/erasure", await person.log_in())).status_code == 200
    assert await front.rows("SELECT count(*)::int FROM address_claims") == [0]
