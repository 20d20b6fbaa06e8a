from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.kit import NotFound, SystemClock
from ais.platform.database import Database
from ais.platform.jobs import JobRegistry, Retry, Schedule, list_jobs, list_schedules, run_schedule_now
from ais.platform.jobs.housekeeping import register
from ais.platform.jobs.schedules import enqueue_due_schedules, store_schedules
from ais.platform.jobs.worker import run_due_jobs

NOON = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)


def test_a_period_comes_back_at_the_same_times_for_every_worker():
    every_five = Schedule(every_seconds=5)
    assert every_five.next_after(NOON) == NOON + timedelta(seconds=5)
    assert every_five.next_after(NOON + timedelta(seconds=3.2)) == NOON + timedelta(seconds=5)
    assert every_five.next_after(NOON + timedelta(seconds=4.999)) == NOON + timedelta(seconds=5)


def test_a_cron_expression_is_read_in_utc():
    assert Schedule(cron="15 2 * * *").next_after(NOON) == datetime(2027, 1, 16, 2, 15, tzinfo=UTC)
    assert Schedule(cron="0 12 * * *").next_after(NOON) == NOON + timedelta(days=1)


@given(
    instant=st.datetimes(datetime(2026, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    schedule=st.one_of(
        st.integers(1, 100_000).map(lambda seconds: Schedule(every_seconds=seconds)),
        st.sampled_from(["* * * * *", "*/7 * * * *", "30 4 * * 1", "0 0 1 * *"]).map(lambda cron: Schedule(cron=cron)),
    ),
)
def test_the_next_time_lies_after_the_instant(instant, schedule):
    following = schedule.next_after(instant)
    assert instant < following
    if schedule.every_seconds:
        assert following - instant <= timedelta(seconds=schedule.every_seconds)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"every_seconds": 5, "cron": "* * * * *"}, {"every_seconds": 0}, {"cron": "* * *"}, {"cron": "61 * * * *"}],
)
def test_a_schedule_without_a_clear_time_is_refused(wrong):
    with pytest.raises(ValueError, match=r"schedule|cron"):
        Schedule(**wrong)


async def make_due(database: Database, name: str) -> None:
    async with database.connection() as connection:
        assert await run_schedule_now(connection, name)


async def test_scheduled_work_runs_when_it_is_due_and_its_run_is_on_record(database: Database):
    ran = []

    async def sweep(context, payload):
        ran.append(payload)

    registry = JobRegistry()
    registry.schedule("seats.sweep", sweep, every_seconds=3600)
    assert await run_due_jobs(database, registry) == []
    await make_due(database, "seats.sweep")
    assert [run.error for run in await run_due_jobs(database, registry)] == [None]
    assert await run_due_jobs(database, registry) == []
    assert ran == [{}]
    async with database.connection() as connection:
        (schedule,) = await list_schedules(connection)
    assert (schedule.name, schedule.every_seconds, schedule.cron) == ("seats.sweep", 3600, None)
    assert (schedule.last_outcome, schedule.last_error, schedule.failures_in_row) == ("succeeded", None, 0)
    assert schedule.last_run_at <= schedule.last_finished_at < schedule.next_run_at
    assert schedule.next_run_at.timestamp() % 3600 == 0


async def test_a_schedule_is_due_by_the_clock_that_tests_can_move(database: Database, database_url):
    async def sweep(context, payload):
        pass

    registry = JobRegistry()
    registry.schedule("seats.sweep", sweep, every_seconds=600)
    assert await run_due_jobs(database, registry) == []
    later = await Database.connect(database_url, clock=SystemClock(timedelta(hours=5)), maximum=4)
    assert len(await run_due_jobs(later, registry)) == 1  # runs that were missed are one run
    assert await run_due_jobs(later, registry) == []
    await later.close()


async def test_a_failed_run_is_recorded_and_leaves_no_dead_job(database: Database):
    broken = True

    async def sweep(context, payload):
        if broken:
            raise NotFound

    registry = JobRegistry()
    registry.schedule("seats.sweep", sweep, every_seconds=3600, retry=Retry(attempts=1))
    await run_due_jobs(database, registry)
    for failures in (1, 2):
        await make_due(database, "seats.sweep")
        await run_due_jobs(database, registry)
        async with database.connection() as connection:
            (schedule,) = await list_schedules(connection)
            assert await list_jobs(connection) == []
        assert (schedule.last_outcome, schedule.failures_in_row) == ("failed", failures)
        assert schedule.last_error == "NotFound: There is nothing here under that name."
    broken = False
    await make_due(database, "seats.sweep")
    await run_due_jobs(database, registry)
    async with database.connection() as connection:
        (schedule,) = await list_schedules(connection)
    assert (schedule.last_outcome, schedule.last_error, schedule.failures_in_row) == ("succeeded", None, 0)


async def test_a_schedule_with_tries_is_failed_only_after_the_last(database: Database):
    async def extend(context, payload):
        if context.attempt < 3:
            raise NotFound

    registry = JobRegistry()
    registry.schedule("sale.extend", extend, cron="0 2 * * *", retry=Retry(attempts=3, first_delay_seconds=0))
    await run_due_jobs(database, registry)
    await make_due(database, "sale.extend")
    runs = await run_due_jobs(database, registry)
    assert [run.error is None for run in runs] == [False, False, True]
    async with database.connection() as connection:
        (schedule,) = await list_schedules(connection)
    assert schedule.last_outcome == "succeeded"


async def test_many_workers_share_one_run(database: Database):
    due = datetime.now(UTC) - timedelta(seconds=1)
    names = [f"seats.sweep_{number}" for number in range(20)]
    async with database.connection() as connection:
        await store_schedules(connection, [(name, 60, None, due) for name in names])
    upcoming = {name: datetime.now(UTC) + timedelta(seconds=60) for name in names}

    async def claim(order):
        async with database.connection() as connection:
            return await enqueue_due_schedules(connection, {name: upcoming[name] for name in order})

    claimed = await asyncio.gather(*(claim(names if number % 2 else names[::-1]) for number in range(12)))
    assert sum(claimed) == 20
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM jobs") == 20


async def test_a_run_that_lasts_longer_than_its_period_gets_no_second_one_beside_it(database: Database):
    at_once, most, begun, go_on = 0, 0, asyncio.Event(), asyncio.Event()

    async def sweep(context, payload):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        begun.set()
        await go_on.wait()
        at_once -= 1

    registry = JobRegistry()
    registry.schedule("seats.sweep", sweep, every_seconds=1)
    go_on.set()
    await run_due_jobs(database, registry, limit=1)
    begun.clear()
    go_on.clear()
    await make_due(database, "seats.sweep")
    first = asyncio.create_task(run_due_jobs(database, registry, limit=1))
    await begun.wait()
    await make_due(database, "seats.sweep")
    second = await run_due_jobs(database, registry, limit=1)
    go_on.set()
    await first
    assert second == []
    assert most == 1


async def test_a_changed_rule_takes_its_new_time_and_an_unchanged_one_keeps_its_own(database: Database):
    async with database.connection() as connection:
        await store_schedules(connection, [("a", 60, None, NOON), ("b", 60, None, NOON)])
        await store_schedules(
            connection,
            [("a", 60, None, NOON + timedelta(hours=1)), ("b", None, "0 1 * * *", NOON + timedelta(hours=2))],
        )
        listed = {schedule.name: schedule for schedule in await list_schedules(connection)}
        assert not await run_schedule_now(connection, "nobody")
    assert listed["a"].next_run_at == NOON
    assert listed["b"].next_run_at == NOON + timedelta(hours=2)
    assert (listed["b"].every_seconds, listed["b"].cron) == (None, "0 1 * * *")


async def test_history_is_kept_for_days_and_that_of_existing_jobs_for_as_long_as_they_exist(database: Database, actor):
    async def light(context, payload):
        if payload["lamp"] == 1:
            raise NotFound

    registry = JobRegistry()
    registry.job("lamps.light", light, retry=Retry(attempts=1))
    register(registry)
    for lamp in (1, 2):
        async with database.unit_of_work(actor) as uow:
            uow.enqueue("lamps.light", {"lamp": lamp})
    await run_due_jobs(database, registry)
    async with database.connection() as connection:
        await connection.execute("UPDATE job_log SET created = created - interval '4 days'")
        await connection.execute(
            "INSERT INTO handled_events SELECT gen_random_uuid(), 'x', ais_now() - n * interval '1 day'"
            " FROM generate_series(28, 31) AS n"
        )
    await make_due(database, "platform.trim_job_history")
    (run,) = await run_due_jobs(database, registry)
    assert (run.name, run.error) == ("platform.trim_job_history", None)
    async with database.connection() as connection:
        (dead,) = await list_jobs(connection)
        kept = await connection.fetch("SELECT DISTINCT job_id FROM job_log WHERE entrypoint = 'lamps.light'")
        assert [row["job_id"] for row in kept] == [dead.id]
        assert await connection.fetchval("SELECT count(*) FROM handled_events") == 2
