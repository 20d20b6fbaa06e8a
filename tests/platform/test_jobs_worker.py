"""Workers as processes of their own, on a real PostgreSQL, killed and stopped in the middle of their work."""

from __future__ import annotations

import asyncio
import signal
import time

import asyncpg
import pytest
from tests.factories.worker_process import EFFECTS, BellRung, end, registry, start, until

from ais.platform.database import Database
from ais.platform.jobs import JobRegistry, Retry, list_jobs, list_schedules, run_schedule_now
from ais.platform.jobs.queue import JobQueue
from ais.platform.jobs.worker import WorkerSettings, run_worker


@pytest.fixture
async def bells(database: Database) -> Database:
    database.subscriptions = registry().subscriptions
    async with database.connection() as connection:
        await connection.execute(EFFECTS)
    return database


async def effects(database: Database, what: str = "%") -> list[asyncpg.Record]:
    async with database.connection() as connection:
        return await connection.fetch("SELECT what, process, attempt FROM effects WHERE what LIKE $1 ORDER BY id", what)


async def jobs_left(database: Database) -> int:
    async with database.connection() as connection:
        return await connection.fetchval("SELECT count(*) FROM jobs")


async def ring(database: Database, actor, bell_id: str, rest_seconds: float = 0) -> None:
    async with database.unit_of_work(actor) as uow:
        uow.publish(BellRung(bell_id, rest_seconds))


async def ask(database: Database, actor, name: str, payload: dict) -> None:
    async with database.unit_of_work(actor) as uow:
        uow.enqueue(name, payload)


async def test_two_workers_share_the_jobs_and_each_takes_effect_once(bells: Database, database_url, actor):
    processes = [start(database_url), start(database_url)]
    try:
        await until(lambda: _polling(bells, 2))
        for bell in range(60):
            await ring(bells, actor, str(bell))
        await until(lambda: _gone(bells))
    finally:
        end(*processes)
    rows = await effects(bells)
    assert sorted(row["what"] for row in rows) == sorted(f"bell {bell}" for bell in range(60))
    assert {row["process"] for row in rows} == {process.pid for process in processes}
    assert {row["attempt"] for row in rows} == {1}


async def _gone(database: Database) -> bool:
    return await jobs_left(database) == 0


async def _polling(database: Database, count: int) -> bool:
    """Whether so many worker processes ask for jobs."""
    async with database.connection() as connection:
        return count == await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'test-worker'"
            " AND datname = current_database() AND query LIKE '%entrypoint%'"
        )


async def test_a_job_that_dies_with_its_process_is_taken_up_by_another_and_takes_effect_once(
    bells: Database, database_url, actor
):
    first = start(database_url)
    second = None
    try:
        await ring(bells, actor, "7", rest_seconds=2)
        await until(lambda: _running(bells))
        await asyncio.sleep(0.3)  # the handler is inside its transaction now
        first.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        second = start(database_url)
        await until(lambda: _gone(bells), seconds=30)
        assert time.monotonic() - killed < 25
    finally:
        end(*filter(None, (first, second)))
    (row,) = await effects(bells)
    assert (row["what"], row["process"], row["attempt"]) == ("bell 7", second.pid, 2)


async def _running(database: Database) -> bool:
    async with database.connection() as connection:
        return await connection.fetchval("SELECT EXISTS (SELECT FROM jobs WHERE status = 'picked')")


@pytest.mark.parametrize("fault", ["job.started", "job.finished"])
async def test_cut_at_either_end_of_a_job_the_event_takes_effect_once(bells: Database, database_url, actor, fault):
    cut = start(database_url, fault_points=fault)
    second = None
    try:
        await ring(bells, actor, "7")
        await until(lambda: _ended(cut))
        assert cut.returncode == -signal.SIGKILL
        assert len(await effects(bells)) == (1 if fault == "job.finished" else 0)
        assert await jobs_left(bells) == 1
        second = start(database_url)
        await until(lambda: _gone(bells))
    finally:
        end(*filter(None, (cut, second)))
    assert [row["what"] for row in await effects(bells)] == ["bell 7"]


async def test_control_a_job_without_the_guard_takes_effect_twice_when_cut_after_its_work(
    bells: Database, database_url, actor
):
    cut = start(database_url, fault_points="job.finished")
    second = None
    try:
        await ask(bells, actor, "bells.count_without_guard", {"bell_id": "7"})
        await until(lambda: _ended(cut))
        second = start(database_url)
        await until(lambda: _gone(bells))
    finally:
        end(*filter(None, (cut, second)))
    assert [row["what"] for row in await effects(bells)] == ["plain 7", "plain 7"]


async def _ended(process) -> bool:
    return process.poll() is not None


async def test_a_job_that_kills_every_worker_is_dead_after_its_tries(bells: Database, database_url, actor):
    processes = []
    try:
        await ask(bells, actor, "bells.kill_process", {})
        for _ in range(2):
            processes.append(start(database_url))
            await until(lambda: _ended(processes[-1]))
        processes.append(start(database_url))
        await until(lambda: _dead(bells))
        assert processes[-1].poll() is None
    finally:
        end(*processes)
    assert [row["attempt"] for row in await effects(bells)] == [1, 2]
    async with bells.connection() as connection:
        (job,) = await list_jobs(connection)
    assert (job.state, job.attempts) == ("dead", 2)
    assert job.last_error == "WorkerDied: every try ended with the death of its worker"


async def _dead(database: Database) -> bool:
    async with database.connection() as connection:
        return await connection.fetchval("SELECT EXISTS (SELECT FROM jobs WHERE status = 'failed')")


async def test_a_stop_lets_a_short_job_finish(bells: Database, database_url, actor):
    worker = start(database_url, grace_seconds=5)
    try:
        await ask(bells, actor, "bells.rest", {"seconds": 1})
        await until(lambda: _has(bells, "rest begun"))
        worker.terminate()
        await until(lambda: _ended(worker), seconds=5)
    finally:
        end(worker)
    assert worker.returncode == 0
    assert [row["what"] for row in await effects(bells)] == ["rest begun", "rest done"]
    assert await jobs_left(bells) == 0


async def test_a_stop_gives_a_long_job_back_within_seconds_and_no_try_is_lost(bells: Database, database_url, actor):
    worker = start(database_url, grace_seconds=1)
    try:
        await ask(bells, actor, "bells.rest", {"seconds": 50})
        await until(lambda: _has(bells, "rest begun"))
        worker.terminate()
        stopped = time.monotonic()
        await until(lambda: _ended(worker), seconds=6)
        assert time.monotonic() - stopped < 4
    finally:
        end(worker)
    assert worker.returncode == 0
    async with bells.connection() as connection:
        (job,) = await list_jobs(connection)
    assert (job.state, job.attempts, job.worker_id) == ("waiting", 0, None)


async def _has(database: Database, what: str) -> bool:
    return bool(await effects(database, what))


async def test_two_workers_run_a_schedule_once_each_time(bells: Database, database_url):
    processes = [start(database_url, with_schedule=True), start(database_url, with_schedule=True)]
    try:
        await until(lambda: _at_least(bells, "tick", 1))
        began = time.monotonic()
        await asyncio.sleep(4)
        lasted = time.monotonic() - began
        ticks = len(await effects(bells, "tick"))
    finally:
        end(*processes)
    assert 2 <= ticks <= lasted + 2
    async with bells.connection() as connection:
        (schedule,) = [each for each in await list_schedules(connection) if each.name == "bells.tick"]
    assert schedule.last_outcome == "succeeded"


async def _at_least(database: Database, what: str, count: int) -> bool:
    return len(await effects(database, what)) >= count


async def test_nightly_work_whose_worker_died_does_not_wait_for_the_next_night(bells: Database, database_url):
    first = start(database_url, with_schedule=True)
    second = None
    try:
        await until(lambda: _known(bells, "bells.nightly"))
        async with bells.connection() as connection:
            assert await run_schedule_now(connection, "bells.nightly")
        await until(lambda: _ended(first))
        second = start(database_url, with_schedule=True)
        await until(lambda: _finished(bells, "bells.nightly"))
    finally:
        end(*filter(None, (first, second)))
    nightly = [(row["process"], row["attempt"]) for row in await effects(bells) if row["what"] == "nightly"]
    assert nightly == [(first.pid, 1), (second.pid, 2)]
    async with bells.connection() as connection:
        (schedule,) = [each for each in await list_schedules(connection) if each.name == "bells.nightly"]
    assert (schedule.last_outcome, schedule.failures_in_row) == ("succeeded", 0)


async def _known(database: Database, name: str) -> bool:
    async with database.connection() as connection:
        return await connection.fetchval("SELECT EXISTS (SELECT FROM job_schedules WHERE name = $1)", name)


async def _finished(database: Database, name: str) -> bool:
    async with database.connection() as connection:
        return await connection.fetchval("SELECT last_finished_at IS NOT NULL FROM job_schedules WHERE name = $1", name)


def test_a_worker_s_death_is_noticed_within_a_minute():
    settings = WorkerSettings()
    assert settings.heartbeat_seconds + settings.poll_seconds < 60


async def test_a_wake_up_brings_a_job_at_once_and_without_it_the_poll_does(database: Database, actor):
    """With a poll of three seconds, a job that came with its wake-up is done long before, one without it after."""
    done: asyncio.Queue[float] = asyncio.Queue()

    async def light(context, payload):
        done.put_nowait(time.monotonic())

    known = JobRegistry()
    known.job("lamps.light", light)
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(database, known, stop, WorkerSettings(concurrency=4, poll_seconds=3)))
    await asyncio.sleep(0.5)
    asked = time.monotonic()
    await ask(database, actor, "lamps.light", {})
    assert await asyncio.wait_for(done.get(), 5) - asked < 2
    await asyncio.sleep(0.3)
    asked = time.monotonic()
    async with database.connection() as connection:
        await connection.execute(
            """INSERT INTO jobs (entrypoint, payload, headers) VALUES ('lamps.light', '{}', '{}')"""
        )
    assert await asyncio.wait_for(done.get(), 10) - asked > 0.5
    stop.set()
    await worker


async def test_a_failing_job_in_a_worker_is_retried_and_then_dead_with_its_errors(database: Database, actor):
    tries = []

    async def light(context, payload):
        tries.append(context.attempt)
        raise LookupError("no lamp")

    known = JobRegistry()
    known.job("lamps.light", light, retry=Retry(attempts=3, first_delay_seconds=0.1))
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(database, known, stop, WorkerSettings(concurrency=4, poll_seconds=0.2)))
    await ask(database, actor, "lamps.light", {})
    await until(lambda: _dead(database))
    stop.set()
    await worker
    assert tries == [1, 2, 3]
    async with database.connection() as connection:
        (job,) = await list_jobs(connection)
    assert (job.state, job.attempts, job.last_error) == ("dead", 3, "LookupError: no lamp")


async def test_a_worker_outlives_the_loss_of_its_connections(database: Database, actor):
    tries = []

    async def light(context, payload):
        tries.append(payload["n"])

    known = JobRegistry()
    known.job("lamps.light", light)
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(database, known, stop, WorkerSettings(concurrency=4, poll_seconds=0.2)))
    await ask(database, actor, "lamps.light", {"n": 1})
    await until(lambda: _gone(database))
    async with database.connection() as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await asyncio.sleep(0.5)
    assert not worker.done()
    await ask(database, actor, "lamps.light", {"n": 2})
    await until(lambda: _gone(database))
    stop.set()
    await worker
    assert tries == [1, 2]


async def test_at_most_so_many_jobs_run_side_by_side(database: Database, actor):
    at_once, most, done = 0, 0, 0

    async def light(context, payload):
        nonlocal at_once, most, done
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.05)
        at_once -= 1
        done += 1

    known = JobRegistry()
    known.job("lamps.light", light)
    async with database.unit_of_work(actor) as uow:
        for _ in range(40):
            uow.enqueue("lamps.light", {})
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(database, known, stop, WorkerSettings(concurrency=6)))
    await until(lambda: _gone(database))
    stop.set()
    await worker
    assert done == 40
    assert 3 <= most <= 6


async def test_a_full_house_of_slow_jobs_is_no_reason_to_ask_the_database_all_the_time(
    database: Database, actor, monkeypatch
):
    asked = 0
    dequeue = JobQueue.dequeue

    async def counted(self, **arguments):
        nonlocal asked
        asked += 1
        return await dequeue(self, **arguments)

    async def slow(context, payload):
        await asyncio.sleep(1.5)

    monkeypatch.setattr(JobQueue, "dequeue", counted)
    known = JobRegistry()
    known.job("lamps.slow", slow)
    async with database.unit_of_work(actor) as uow:
        for _ in range(5):
            uow.enqueue("lamps.slow", {})
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(database, known, stop, WorkerSettings(concurrency=4)))
    await asyncio.sleep(1.3)
    assert asked <= 25
    await until(lambda: _gone(database))
    stop.set()
    await worker


async def test_a_job_that_lasts_longer_than_the_heartbeat_limit_stays_with_its_worker(
    bells: Database, database_url, actor
):
    processes = [start(database_url, heartbeat_seconds=1), start(database_url, heartbeat_seconds=1)]
    try:
        await ask(bells, actor, "bells.rest", {"seconds": 3})
        await until(lambda: _gone(bells))
    finally:
        end(*processes)
    assert [(row["what"], row["attempt"]) for row in await effects(bells)] == [("rest begun", 1), ("rest done", 1)]
