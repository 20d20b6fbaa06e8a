from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import ClassVar
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.kit import NotFound, SystemClock
from ais.platform.database import Database
from ais.platform.jobs import JobRegistry, Retry, job_failures, list_jobs, queue_depth, retry_jobs
from ais.platform.jobs.worker import run_due_jobs
from ais.platform.outbox import NewJob, insert_jobs
from ais.platform.telemetry import describe_error

ORDER_ID = "0198c7a0-0000-7000-8000-000000000001"


class LampLit(msgspec.Struct, frozen=True):
    event_name: ClassVar[str] = "lamps.lamp_lit"
    lamp_id: str
    watts: int = 40


async def ask(database: Database, actor, name="lamps.light", payload=None, **options):
    async with database.unit_of_work(actor, "corr-1") as uow:
        uow.enqueue(name, payload or {}, **options)


async def shifted(database_url: str, by: timedelta) -> Database:
    """The same database, seen by a program whose clock has moved on."""
    return await Database.connect(database_url, clock=SystemClock(by), maximum=4)


async def test_a_job_is_told_what_it_works_on(database: Database, actor):
    told = []

    async def light(context, payload):
        told.append((context.name, context.correlation_id, context.attempt, context.event_id, payload))
        async with context.unit_of_work() as uow:
            told.append((uow.actor.name, uow.correlation_id))

    registry = JobRegistry()
    registry.job("lamps.light", light)
    await ask(database, actor, payload={"order_id": ORDER_ID})
    (run,) = await run_due_jobs(database, registry)
    assert told == [("lamps.light", "corr-1", 1, None, {"order_id": ORDER_ID}), ("system:lamps.light", "corr-1")]
    assert (run.name, run.error, run.is_dead) == ("lamps.light", None, False)
    async with database.connection() as connection:
        assert await list_jobs(connection) == []


async def test_what_a_job_asks_for_runs_too_and_unknown_or_later_work_waits(database: Database, actor):
    ran = []

    async def first(context, payload):
        ran.append("first")
        async with context.unit_of_work() as uow:
            uow.enqueue("lamps.second", {})
            uow.enqueue("lamps.second", {}, run_at=context.clock.now() + timedelta(hours=1))

    async def second(context, payload):
        ran.append("second")

    registry = JobRegistry()
    registry.job("lamps.first", first)
    registry.job("lamps.second", second)
    await ask(database, actor, "lamps.first")
    await ask(database, actor, "lamps.unknown")
    assert [run.name for run in await run_due_jobs(database, registry)] == ["lamps.first", "lamps.second"]
    assert ran == ["first", "second"]
    async with database.connection() as connection:
        assert [job.name for job in await list_jobs(connection)] == ["lamps.second", "lamps.unknown"]


async def test_a_failing_job_is_tried_again_after_growing_pauses_and_is_then_dead(
    database: Database, database_url, actor
):
    tries = []

    async def light(context, payload):
        tries.append(context.attempt)
        raise NotFound

    registry = JobRegistry()
    registry.job("lamps.light", light, retry=Retry(attempts=4, first_delay_seconds=60, ceiling_seconds=100))
    await ask(database, actor)
    pauses = []
    moved = timedelta()
    for _ in range(5):
        later = await shifted(database_url, moved)
        await run_due_jobs(later, registry)
        async with later.connection() as connection:
            (job,) = await list_jobs(connection)
            pauses.append(
                round(await connection.fetchval("SELECT extract(epoch FROM execute_after - ais_now()) FROM jobs"))
            )
        await later.close()
        moved += timedelta(seconds=101)
    assert tries == [1, 2, 3, 4]
    assert pauses[:3] == [60, 100, 100]
    assert (job.state, job.attempts) == ("dead", 4)
    assert job.last_error == "NotFound: There is nothing here under that name."
    assert job.correlation_id == "corr-1"
    async with database.connection() as connection:
        failures = await job_failures(connection, job.id)
    assert [error for _, error, _ in failures] == [job.last_error] * 4
    assert all("in light" in trace for _, _, trace in failures)


async def test_a_retrying_job_is_not_due_before_its_pause_ends(database: Database, database_url, actor):
    async def light(context, payload):
        raise NotFound

    registry = JobRegistry()
    registry.job("lamps.light", light, retry=Retry(attempts=3, first_delay_seconds=60))
    await ask(database, actor)
    assert len(await run_due_jobs(database, registry)) == 1
    assert await run_due_jobs(database, registry) == []
    early = await shifted(database_url, timedelta(seconds=55))
    assert await run_due_jobs(early, registry) == []
    await early.close()
    late = await shifted(database_url, timedelta(seconds=61))
    assert len(await run_due_jobs(late, registry)) == 1
    await late.close()


async def test_retry_brings_dead_jobs_back_with_all_their_tries(database: Database, actor):
    broken = True
    done = []

    async def light(context, payload):
        if broken:
            raise NotFound
        done.append((payload["lamp"], context.attempt))

    registry = JobRegistry()
    registry.job("lamps.light", light, retry=Retry(attempts=1))
    for lamp in (1, 2, 3):
        await ask(database, actor, payload={"lamp": lamp})
    await run_due_jobs(database, registry)
    broken = False
    async with database.connection() as connection:
        third, second, first = [job.id for job in await list_jobs(connection, state="dead")]
    report = await retry_jobs(database, actor, [second, 999_999])
    assert (report.retried, report.left) == ((second,), (999_999,))
    assert (await retry_jobs(database, actor, [second])).left == (second,)
    await run_due_jobs(database, registry)
    assert done == [(2, 1)]
    report = await retry_jobs(database, actor)
    assert (report.retried, report.left) == ((first, third), ())
    async with database.connection() as connection:
        recorded = await connection.fetch("SELECT action, subject FROM audit_entries ORDER BY occurred_at, id")
    assert [tuple(row) for row in recorded] == [("job.retried", f"job:{job_id}") for job_id in (second, first, third)]
    await run_due_jobs(database, registry)
    assert done == [(2, 1), (1, 1), (3, 1)]


async def test_retry_leaves_a_dead_job_whose_key_waits_already(database: Database, actor):
    async def light(context, payload):
        raise NotFound

    registry = JobRegistry()
    registry.job("lamps.light", light, retry=Retry(attempts=1))
    await ask(database, actor, dedupe_key="lamp-7")
    await run_due_jobs(database, registry)
    await ask(database, actor, dedupe_key="lamp-7")
    report = await retry_jobs(database, actor)
    async with database.connection() as connection:
        states = sorted(job.state for job in await list_jobs(connection))
    assert (report.retried, len(report.left)) == ((), 1)
    assert states == ["dead", "waiting"]


async def test_a_failed_try_gives_way_to_an_equal_job_that_waits(database: Database, actor):
    async def light(context, payload):
        if payload["n"] == 1:
            async with context.unit_of_work() as uow:
                uow.enqueue("lamps.light", {"n": 2}, dedupe_key="lamp-7")
            raise NotFound

    registry = JobRegistry()
    registry.job("lamps.light", light, retry=Retry(attempts=5, first_delay_seconds=60))
    await ask(database, actor, payload={"n": 1}, dedupe_key="lamp-7")
    runs = await run_due_jobs(database, registry)
    assert [run.error is None for run in runs] == [False, True]
    async with database.connection() as connection:
        assert await list_jobs(connection) == []
        statuses = await connection.fetch("SELECT status::text FROM job_log WHERE status <> 'picked' ORDER BY id")
    assert [row["status"] for row in statuses] == ["deleted", "successful"]


async def test_a_try_that_takes_too_long_is_a_failed_try(database: Database, actor):
    async def light(context, payload):
        await asyncio.sleep(30)

    registry = JobRegistry()
    registry.job("lamps.light", light, retry=Retry(attempts=1), timeout_seconds=0.05)
    await ask(database, actor)
    (run,) = await run_due_jobs(database, registry)
    assert run.is_dead
    assert run.error == "TimeoutError"


async def test_a_cancelled_task_of_the_job_itself_is_a_failed_try(database: Database, actor):
    async def light(context, payload):
        inner = asyncio.create_task(asyncio.sleep(30))
        inner.cancel()
        await inner

    registry = JobRegistry()
    registry.job("lamps.light", light, retry=Retry(attempts=1))
    await ask(database, actor)
    (run,) = await run_due_jobs(database, registry)
    assert (run.is_dead, run.error) == (True, "CancelledError")


async def test_an_interrupted_job_goes_back_without_losing_a_try(database: Database, actor):
    started = asyncio.Event()

    async def light(context, payload):
        started.set()
        await asyncio.sleep(30)

    registry = JobRegistry()
    registry.job("lamps.light", light, retry=Retry(attempts=1))
    await ask(database, actor)
    running = asyncio.create_task(run_due_jobs(database, registry))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    async with database.connection() as connection:
        (job,) = await list_jobs(connection)
    assert (job.state, job.attempts) == ("waiting", 0)


async def test_the_listing_tells_states_and_depth(database: Database, actor):
    async def light(context, payload):
        raise NotFound

    registry = JobRegistry()
    registry.job("lamps.light", light, retry=Retry(attempts=2, first_delay_seconds=60))
    registry.job("lamps.break", light, retry=Retry(attempts=1))
    await ask(database, actor)
    await ask(database, actor, "lamps.break")
    await run_due_jobs(database, registry)
    await ask(database, actor, "lamps.unknown")
    async with database.connection() as connection:
        await connection.execute("UPDATE jobs SET execute_after = ais_now() - interval '90 s' WHERE attempts = 0")
        listed = [(job.name, job.state, job.attempts) for job in await list_jobs(connection)]
        depth = await queue_depth(connection)
        assert [job.name for job in await list_jobs(connection, name="lamps.light")] == ["lamps.light"]
        assert [job.name for job in await list_jobs(connection, state="retrying")] == ["lamps.light"]
        assert len(await list_jobs(connection, limit=2)) == 2
    assert listed == [("lamps.break", "dead", 1), ("lamps.unknown", "waiting", 0), ("lamps.light", "retrying", 1)]
    assert (depth.waiting, depth.retrying, depth.running, depth.dead) == (1, 1, 0, 1)
    assert 90 <= depth.oldest_due_seconds < 100


# Handlers of events


async def handled_count(database: Database) -> int:
    async with database.connection() as connection:
        return await connection.fetchval("SELECT coalesce(max(version), 0) FROM data_versions WHERE name = 'lamps'")


async def light_once(context, event: LampLit) -> None:
    async with context.unit_of_work() as uow:
        await uow.connection.execute("SELECT bump_data_version('lamps')")


async def light_unguarded(context, payload) -> None:
    async with context.unit_of_work() as uow:
        await uow.connection.execute("SELECT bump_data_version('lamps')")


async def deliver(database: Database, name: str, times: int) -> None:
    """The same event to the same job several times, as a queue that delivers at least once may."""
    payload = {"event_id": str(uuid4()), "event": {"lamp_id": "7", "watts": 60}}
    async with database.connection() as connection:
        await insert_jobs(connection, [NewJob(name, payload)] * times, correlation_id="corr-1")


async def test_a_handler_is_given_the_event_itself(database: Database, actor):
    heard = []

    async def hear(context, event):
        heard.append((event, context.event_id is not None))
        async with context.unit_of_work():
            pass

    registry = JobRegistry()
    registry.handler(LampLit, "notices.tell", hear)
    database.subscriptions = registry.subscriptions
    async with database.unit_of_work(actor) as uow:
        uow.publish(LampLit("7", 60))
    (run,) = await run_due_jobs(database, registry)
    assert run.error is None
    assert heard == [(LampLit("7", 60), True)]


async def test_an_event_delivered_five_times_takes_effect_once(database: Database):
    registry = JobRegistry()
    registry.handler(LampLit, "lamps.count", light_once)
    await deliver(database, "lamps.count", 5)
    runs = await run_due_jobs(database, registry)
    assert [run.error for run in runs] == [None] * 5
    assert await handled_count(database) == 1


async def test_control_without_the_guard_each_delivery_takes_effect(database: Database):
    registry = JobRegistry()
    registry.job("lamps.count", light_unguarded)
    await deliver(database, "lamps.count", 5)
    await run_due_jobs(database, registry)
    assert await handled_count(database) == 5


async def test_two_deliveries_at_the_same_time_take_effect_once(database: Database):
    async def slow(context, event):
        async with context.unit_of_work() as uow:
            await uow.connection.execute("SELECT bump_data_version('lamps')")
            await asyncio.sleep(0.2)

    registry = JobRegistry()
    registry.handler(LampLit, "lamps.count", slow)
    await deliver(database, "lamps.count", 2)
    await asyncio.gather(run_due_jobs(database, registry, limit=1), run_due_jobs(database, registry, limit=1))
    assert await handled_count(database) == 1


async def test_a_handler_that_fails_leaves_no_guard_and_no_change(database: Database, actor):
    broken = True

    async def hear(context, event):
        async with context.unit_of_work() as uow:
            await uow.connection.execute("SELECT bump_data_version('lamps')")
            if broken:
                raise NotFound

    registry = JobRegistry()
    registry.handler(LampLit, "lamps.count", hear, retry=Retry(attempts=1))
    await deliver(database, "lamps.count", 1)
    await run_due_jobs(database, registry)
    assert await handled_count(database) == 0
    broken = False
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM handled_events") == 0
    await retry_jobs(database, actor)
    await run_due_jobs(database, registry)
    assert await handled_count(database) == 1


async def test_a_handler_that_opens_no_unit_of_work_or_two_is_refused(database: Database):
    async def none(context, event):
        pass

    async def two(context, event):
        async with context.unit_of_work():
            pass
        async with context.unit_of_work() as uow:
            await uow.connection.execute("SELECT bump_data_version('lamps')")

    registry = JobRegistry()
    registry.handler(LampLit, "lamps.none", none, retry=Retry(attempts=1))
    registry.handler(LampLit, "lamps.two", two, retry=Retry(attempts=1))
    await deliver(database, "lamps.none", 1)
    await deliver(database, "lamps.two", 1)
    runs = await run_due_jobs(database, registry)
    assert [run.error for run in runs] == [
        "HandlerContractError: lamps.none opened no unit of work of its context",
        "HandlerContractError: lamps.two opened a second unit of work",
    ]
    assert await handled_count(database) == 0


# Rules without a database


@given(
    attempts=st.integers(1, 60),
    first=st.floats(0, 1000, allow_nan=False),
    more=st.floats(0, 10_000, allow_nan=False),
    tries=st.integers(1, 5000),
)
def test_pauses_grow_and_never_exceed_the_ceiling(attempts, first, more, tries):
    retry = Retry(attempts=attempts, first_delay_seconds=first, ceiling_seconds=first + more)
    pause, following = retry.delay_after(tries), retry.delay_after(tries + 1)
    assert timedelta() <= pause <= following <= timedelta(seconds=first + more)


def test_pauses_double_from_the_first():
    retry = Retry(attempts=8, first_delay_seconds=1.5, ceiling_seconds=20)
    assert [retry.delay_after(tries).total_seconds() for tries in range(1, 7)] == [1.5, 3, 6, 12, 20, 20]


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"first_delay_seconds": -1}, {"ceiling_seconds": 0.5}])
def test_a_retry_rule_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"a job is tried|the first delay"):
        Retry(**wrong)


def test_a_name_is_registered_once():
    async def light(context, payload):
        pass

    registry = JobRegistry()
    registry.job("lamps.light", light)
    with pytest.raises(ValueError, match="registered already"):
        registry.schedule("lamps.light", light, every_seconds=5)


async def test_an_error_is_told_in_one_masked_line_without_the_values_of_the_row(database: Database):
    async with database.connection() as connection:
        await connection.execute("CREATE TABLE people (contact text PRIMARY KEY)")
        await connection.execute("INSERT INTO people VALUES ('huda@example.com')")
        try:
            await connection.execute("INSERT INTO people VALUES ('huda@example.com')")
        except Exception as error:
            told = describe_error(error)
    assert told == ('UniqueViolationError [23505]: duplicate key value violates unique constraint "people_pkey"')
    assert describe_error(ValueError("no seat for huda@example.com\nsecond line")) == "ValueError: no seat for ***"
    assert describe_error(ExceptionGroup("many", [KeyError("a"), ValueError("b")])) == "KeyError: *** | ValueError: b"
    assert len(describe_error(ValueError("x" * 2000))) == 500
