"""The audit trail's plumbing: what stands in an entry, when it is written, and that nobody changes it."""

from __future__ import annotations

from uuid import uuid4

import asyncpg
import pytest

from ais.kit import Actor, ActorKind, Channel
from ais.platform.audit import ORIGIN, Entry, Sealed, address_block, record
from ais.platform.database import Database
from ais.platform.outbox import PersonalDataError

LAMP = Entry(action="lamp.lit", subject="lmp_1", before={"state": "dark"}, after={"state": "lit", "watts": 40})


async def stored(database: Database, columns: str = "action, subject"):
    async with database.connection() as connection:
        return [tuple(row) for row in await connection.fetch(f"SELECT {columns} FROM audit_entries ORDER BY id")]


async def test_an_entry_says_who_did_what_when_from_where_and_in_whose_request(database):
    order = uuid4()
    actor = Actor(ActorKind.STAFF, "usr_1", Channel.API, session_id="ses_1", roles=frozenset({"support", "ops"}))
    token = ORIGIN.set("203.0.113.0/24")
    async with database.unit_of_work(actor, "corr-1") as uow:
        await record(uow, Entry(action="order.voided", subject="ord_1", order_id=order, after={"status": "void"}))
        occurred_at = uow.clock.now()
    ORIGIN.reset(token)
    assert await stored(database, "actor_kind, actor_id, roles, session_id, channel") == [
        ("staff", "usr_1", ["ops", "support"], "ses_1", "api")
    ]
    assert await stored(database, "action, subject, order_id, origin, correlation_id, before, after") == [
        ("order.voided", "ord_1", order, "203.0.113.0/24", "corr-1", None, {"status": "void"})
    ]
    ((noted, recorded_at),) = await stored(database, "occurred_at, recorded_at")
    assert abs((noted - occurred_at).total_seconds()) < 1
    assert abs((recorded_at - occurred_at).total_seconds()) < 5


async def test_an_entry_exists_if_and_only_if_its_change_does(database, actor):
    async with database.unit_of_work(actor) as uow:
        await record(uow, LAMP)

    async def break_off() -> None:
        async with database.unit_of_work(actor) as uow:
            await record(uow, LAMP)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await break_off()
    assert await stored(database, "before, after") == [({"state": "dark"}, {"state": "lit", "watts": 40})]


async def test_entries_and_jobs_leave_by_one_statement(database, actor):
    statements = []
    async with database.pool.acquire() as connection:
        connection.add_query_logger(lambda query: statements.append(query.query))
        held = [await database.pool.acquire() for _ in range(database.pool.get_max_size() - 1)]
    async with database.unit_of_work(actor) as uow:
        uow.enqueue("lamps.light", {"lamp_id": "1"})
        await record(uow, LAMP)
        await record(uow, Entry(action="lamp.moved", subject="lmp_1"))
    for connection in held:
        await database.pool.release(connection)
    writes = [statement for statement in statements if "INSERT" in statement]
    assert len(writes) == 1, statements
    assert await stored(database) == [("lamp.lit", "lmp_1"), ("lamp.moved", "lmp_1")]
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM jobs") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO data_versions (name) VALUES ($1)",
        "\n  WITH other AS (SELECT $1::text AS name) INSERT INTO data_versions (name) SELECT name FROM other",
    ],
)
async def test_entries_may_ride_in_a_statement_and_are_written_once(database, actor, statement):
    async with database.unit_of_work(actor) as uow:
        await record(uow, LAMP)
        await uow.execute_auditing(statement, "lamps")
        assert await uow.connection.fetchval("SELECT count(*) FROM audit_entries") == 1
        await record(uow, Entry(action="lamp.moved", subject="lmp_1"))
        await uow.execute_auditing("SELECT bump_data_version($1)", "lamps")
        await uow.execute_auditing("SELECT bump_data_version($1)", "lamps")
    assert await stored(database) == [("lamp.lit", "lmp_1"), ("lamp.moved", "lmp_1")]
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT version FROM data_versions WHERE name = 'lamps'") == 3


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        (Entry(action="lit", subject="lmp_1"), ValueError),
        (Entry(action="Lamp.lit", subject="lmp_1"), ValueError),
        (Entry(action="lamp.lit", subject=""), ValueError),
        (Entry(action="lamp.lit", subject="x" * 201), ValueError),
        (Entry(action="lamp.lit", subject="lmp_1", after={"given name": 1}), ValueError),
        (Entry(action="lamp.lit", subject="lmp_1", after={"email": "huda@example.com"}), PersonalDataError),
        (Entry(action="lamp.lit", subject="lmp_1", before={"family_name": "Al-Harbi"}), PersonalDataError),
    ],
)
async def test_what_is_no_entry_and_what_is_personal_in_the_clear_is_refused(database, actor, entry, error):
    async def write() -> None:
        async with database.unit_of_work(actor) as uow:
            await record(uow, entry)

    with pytest.raises(error):
        await write()
    assert await stored(database) == []


async def test_a_personal_value_stands_there_sealed(database, actor):
    person = uuid4()
    async with database.unit_of_work(actor) as uow:
        await record(uow, Entry(action="lamp.named", subject="lmp_1", after={"email": Sealed(person, b"\x00\xffx")}))
    ((after,),) = await stored(database, "after")
    assert after == {"email": {"person": str(person), "sealed": "AP94"}}


async def test_entries_are_never_changed_or_removed(database, actor):
    async with database.unit_of_work(actor) as uow:
        await record(uow, LAMP)
    async with database.connection() as connection:
        for statement in (
            "UPDATE audit_entries SET subject = 'lmp_2'",
            "DELETE FROM audit_entries",
            "TRUNCATE audit_entries CASCADE",
        ):
            with pytest.raises(asyncpg.RestrictViolationError):
                await connection.execute(statement)
    assert await stored(database) == [("lamp.lit", "lmp_1")]


async def test_no_entry_claims_another_transaction(database, actor):
    async with database.connection() as connection:
        await connection.execute(
            """
            INSERT INTO audit_entries (id, action, subject, actor_kind, actor_id, roles, channel, correlation_id,
                                       occurred_at, transaction_id)
            VALUES (gen_random_uuid(), 'lamp.lit', 'lmp_1', 'system', 'test', '{}', 'cli', 'c', ais_now(), '3')
            """
        )
    assert await stored(database, "transaction_id > '3'::xid8") == [(True,)]


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("unknown", None),
        ("203.0.113.77, 10.0.0.1", None),
    ],
)
def test_of_an_address_only_its_block_is_kept(address, block):
    assert address_block(address) == block
