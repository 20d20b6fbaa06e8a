from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import asyncpg
import msgspec
import pytest

from ais.platform.database import Database
from ais.platform.jobs import JobRegistry
from ais.platform.jobs.worker import run_due_jobs
from ais.platform.outbox import JobWaker, NewJob, PersonalDataError, insert_jobs

LATER = datetime(2027, 3, 1, 12, tzinfo=UTC)


async def rows_of(database: Database) -> list[asyncpg.Record]:
    async with database.connection() as connection:
        return await connection.fetch(
            "SELECT entrypoint, payload, dedupe_key, execute_after, headers, status, attempts FROM jobs ORDER BY id"
        )


async def break_off(database: Database, actor) -> None:
    """A unit of work that asks for a job and then fails."""

    class OnPurpose(Exception):
        pass

    with suppress(OnPurpose):
        async with database.unit_of_work(actor) as uow:
            uow.enqueue("lamps.light", {"lamp_id": "7"})
            raise OnPurpose


async def test_a_job_exists_when_its_unit_of_work_commits(database: Database, actor):
    async with database.unit_of_work(actor, "corr-9") as uow:
        uow.enqueue("lamps.light", {"lamp_id": "7"}, run_at=LATER)
        assert await rows_of(database) == []
    (row,) = await rows_of(database)
    assert row["entrypoint"] == "lamps.light"
    assert row["payload"] == b'{"lamp_id":"7"}'
    assert row["execute_after"] == LATER
    assert row["headers"] == {"correlation_id": "corr-9"}
    assert (row["status"], row["attempts"]) == ("queued", 0)


async def test_a_change_at_once_has_its_jobs_if_it_answers_true(database: Database):
    lamp = (
        "INSERT INTO data_versions AS lamp (name, version) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET version ="
    )
    lamp += " lamp.version + 1 RETURNING version = 1"
    asked = [NewJob("lamps.light", {"lamp_id": "7"}, run_at=LATER, dedupe_key="lamp-7")]
    first = await database.change_at_once(lamp, "lamp-7", 1, jobs=asked, correlation_id="corr-9")
    (row,) = await rows_of(database)
    again = await database.change_at_once(lamp, "lamp-7", 1, jobs=[NewJob("lamps.dim", {})], correlation_id="corr-10")
    other = await database.change_at_once(lamp, "lamp-8", 1, jobs=[], correlation_id="corr-11")
    assert (first, again, other) == (True, False, True)
    assert await rows_of(database) == [row]
    assert (row["entrypoint"], row["payload"], row["execute_after"]) == ("lamps.light", b'{"lamp_id":"7"}', LATER)
    assert row["headers"] == {"correlation_id": "corr-9"}


async def test_a_change_at_once_that_is_refused_leaves_neither_row_nor_job(database: Database):
    insert = "INSERT INTO data_versions (name, version) VALUES ('lamp-7', $1) RETURNING true"
    with pytest.raises(asyncpg.NotNullViolationError):
        await database.change_at_once(insert, None, jobs=[NewJob("lamps.light", {})], correlation_id="corr-9")
    with pytest.raises(PersonalDataError):
        await database.change_at_once(insert, 1, jobs=[NewJob("lamps.light", {"email": "x"})], correlation_id="corr-9")
    assert await rows_of(database) == []
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM data_versions WHERE name = 'lamp-7'") == 0


async def test_a_rollback_leaves_no_job(database: Database, actor):
    await break_off(database, actor)
    assert await rows_of(database) == []


async def test_a_job_without_a_time_is_due_at_once(database: Database, actor):
    async with database.unit_of_work(actor) as uow:
        uow.enqueue("lamps.light", {})
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT bool_and(execute_after <= ais_now()) FROM jobs")


async def test_one_job_of_a_key_waits_and_runs_by_the_earliest_of_the_times_asked_for(database: Database, actor):
    for hours in (3, 1, 2):
        async with database.unit_of_work(actor) as uow:
            uow.enqueue("lamps.light", {"hours": hours}, run_at=LATER + timedelta(hours=hours), dedupe_key="lamp-7")
            uow.enqueue("lamps.light", {"hours": hours}, run_at=LATER + timedelta(hours=9), dedupe_key="lamp-7")
    (row,) = await rows_of(database)
    assert row["execute_after"] == LATER + timedelta(hours=1)
    assert row["payload"] == b'{"hours":3}'


async def test_a_key_binds_waiting_jobs_only(database: Database, actor):
    """While a job runs it may have read its facts already, so that a new request needs a job of its own."""
    asked = []

    async def light(context, payload):
        asked.append(payload["n"])
        if payload["n"] == 1:
            async with context.unit_of_work() as uow:
                uow.enqueue("lamps.light", {"n": 2}, dedupe_key="lamp-7")

    registry = JobRegistry()
    registry.job("lamps.light", light)
    async with database.unit_of_work(actor) as uow:
        uow.enqueue("lamps.light", {"n": 1}, dedupe_key="lamp-7")
    await run_due_jobs(database, registry)
    assert asked == [1, 2]


async def test_a_waiting_job_of_the_key_does_not_run_before_the_asking_transaction_is_seen(database: Database, actor):
    seen = []

    async def read(context, _payload):
        async with context.database.connection() as connection:
            seen.append(
                await connection.fetchval("SELECT coalesce(max(version), 0) FROM data_versions WHERE name = 'lamps'")
            )

    registry = JobRegistry()
    registry.job("lamps.read", read)
    async with database.unit_of_work(actor) as uow:
        uow.enqueue("lamps.read", {}, dedupe_key="lamps")
    async with database.connection() as connection, connection.transaction():
        await connection.execute("SELECT bump_data_version('lamps')")
        await insert_jobs(connection, [NewJob("lamps.read", {}, dedupe_key="lamps")], correlation_id="second")
        await run_due_jobs(database, registry)
        assert seen == []
    await run_due_jobs(database, registry)
    assert seen == [1]


async def test_transactions_that_ask_for_the_same_keys_in_other_orders_do_not_block_each_other_for_ever(
    database: Database, actor
):
    async def ask(keys):
        for _ in range(25):
            async with database.unit_of_work(actor) as uow:
                for key in keys:
                    uow.enqueue("lamps.light", {}, dedupe_key=key)

    keys = [f"lamp-{number}" for number in range(12)]
    await asyncio.gather(ask(keys), ask(keys[::-1]), ask(keys[6:] + keys[:6]))
    assert len(await rows_of(database)) == 12


@pytest.mark.parametrize(
    "payload",
    [{"email": "x"}, {"order": {"family_name": "x"}}, {"list": [{"Phone": "x"}]}, {"guest_token": "x"}],
)
async def test_a_payload_that_names_a_person_is_refused_and_the_transaction_with_it(database: Database, actor, payload):
    async def change_and_ask() -> None:
        async with database.unit_of_work(actor) as uow:
            await uow.connection.execute("SELECT bump_data_version('lamps')")
            uow.enqueue("lamps.light", payload)

    with pytest.raises(PersonalDataError):
        await change_and_ask()
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM data_versions WHERE name = 'lamps'") == 0
    assert await rows_of(database) == []


def test_an_event_that_names_a_person_cannot_be_heard():
    class PassengerAdded(msgspec.Struct, frozen=True):
        event_name: ClassVar[str] = "orders.passenger_added"
        order_id: str
        family_name: str

    async def hear(context, event):
        pass

    registry = JobRegistry()
    with pytest.raises(PersonalDataError, match="family_name"):
        registry.handler(PassengerAdded, "notices.tell", hear)
    assert registry.subscriptions.of("orders.passenger_added") == ()


async def test_many_commits_are_told_by_few_notifications(database: Database, database_url):
    told = []
    listener = await asyncpg.connect(database_url)
    await listener.add_listener("ais_jobs", lambda *arguments: told.append(arguments[3]))
    waker = JobWaker(database.pool)
    began = time.monotonic()
    for _ in range(60):
        waker.wake()
        await asyncio.sleep(0.005)
    await waker.close()
    seconds = time.monotonic() - began
    await asyncio.sleep(0.1)
    await listener.close()
    # About 0.3 s of wishes, one notification for every 50 ms, and one at either end.
    assert 1 <= len(told) <= seconds / 0.05 + 2


async def test_a_commit_wakes_and_a_rollback_does_not(database: Database, database_url, actor):
    told = []
    listener = await asyncpg.connect(database_url)
    await listener.add_listener("ais_jobs", lambda *arguments: told.append(arguments[3]))
    await break_off(database, actor)
    await asyncio.sleep(0.15)
    assert told == []
    async with database.unit_of_work(actor) as uow:
        uow.enqueue("lamps.light", {})
    for _ in range(500):
        if told:
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.15)
    await listener.close()
    assert len(told) == 1


async def test_the_insert_itself_notifies_nobody(database: Database):
    async with database.connection() as connection:
        triggers = await connection.fetch(
            "SELECT tgname, pg_get_triggerdef(oid) AS text FROM pg_trigger WHERE tgrelid = 'jobs'::regclass"
        )
    assert [row["tgname"] for row in triggers] == ["jobs_charge_lost_attempt"]


async def test_a_waker_whose_database_is_gone_does_not_raise(database_url):
    pool = await asyncpg.create_pool(database_url, min_size=1, max_size=1)
    waker = JobWaker(pool)
    await pool.close()
    waker.wake()
    await asyncio.sleep(0.05)
    await waker.close()
