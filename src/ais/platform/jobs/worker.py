"""The worker loop: due jobs are run side by side, schedules are watched, and a stop loses nothing.

Imported by the worker process and by what runs jobs in-process only: it loads pgqueuer, some 15 MB.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import asyncpg
import msgspec
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job, TracebackRecord
from pgqueuer.domain.types import Channel, QueueEntrypoint, QueueManagerId
from pgqueuer.ports.repository import EntrypointExecutionParameter

from ais.kit import Clock
from ais.platform.database import Connection, Database
from ais.platform.jobs.execution import Outcome, PickedJob, run_job
from ais.platform.jobs.queue import JobFailedError, JobQueue, PacedManager, WorkerDiedError
from ais.platform.jobs.registry import JobDefinition, JobRegistry
from ais.platform.jobs.schedules import enqueue_due_schedules, store_schedules
from ais.platform.outbox import WAKE_CHANNEL
from ais.platform.telemetry import get_logger

RECONNECT_DELAYS_SECONDS = (0.2, 0.5, 1, 2)
CONNECTION_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
IN_PROCESS_HOLD = timedelta(minutes=5)

_log = get_logger(__name__)


class WorkerSettings(msgspec.Struct, frozen=True):
    """How a worker behaves. The pool of its database needs ``concurrency`` + 3 connections.

    ``heartbeat_seconds``: a job whose worker has given no sign of life for this long is taken up by another one.
    ``grace_seconds``: how long running jobs may go on after the stop; those that do not end go back to the queue.
    """

    concurrency: int = 16
    poll_seconds: float = 1.0
    heartbeat_seconds: float = 20.0
    grace_seconds: float = 5.0


async def run_worker(
    database: Database, registry: JobRegistry, stop: asyncio.Event, settings: WorkerSettings | None = None
) -> None:
    """Run the jobs and schedules of ``registry`` until ``stop`` is set; then finish or return what runs, and end.

    A lost database is waited for, and the jobs that were running are tried again when it is back.
    """
    await _Worker(database, registry, stop, settings or WorkerSettings()).run()


def _quieten_pgqueuer() -> None:
    """Leave out what it says about each failed job: that is told here once, with the correlation id."""
    logger = logging.getLogger("pgqueuer")
    logger.setLevel(logging.WARNING)
    logger.addFilter(_is_about_the_queue)


def _is_about_the_queue(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Exception while processing")


class _Worker:
    def __init__(
        self, database: Database, registry: JobRegistry, stop: asyncio.Event, settings: WorkerSettings
    ) -> None:
        self.database = database
        self.registry = registry
        self.stop = stop
        self.settings = settings
        self.id = QueueManagerId(uuid.uuid4())
        self.running: set[asyncio.Task[object]] = set()

    async def run(self) -> None:
        _quieten_pgqueuer()
        _log.info("worker.started", worker_id=str(self.id), jobs=len(self.registry.definitions))
        losses = 0
        while not self.stop.is_set():
            started = asyncio.get_running_loop().time()
            try:
                await self._serve()
            except CONNECTION_ERRORS as error:
                if asyncio.get_running_loop().time() - started > 60:
                    losses = 0
                delay = RECONNECT_DELAYS_SECONDS[min(losses, len(RECONNECT_DELAYS_SECONDS) - 1)]
                losses += 1
                _log.warning("worker.database_lost", error=type(error).__name__, again_in_seconds=delay)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), delay)
        _log.info("worker.stopped", worker_id=str(self.id))

    async def _serve(self) -> None:
        """Work over one connection until the stop, or until the connection is lost."""
        async with _own_connection(self.database) as connection:
            queue = JobQueue(connection)
            await queue.reclaim(self.id)
            await _store_schedules(connection, self.registry, self.database.clock)
            manager = self._manager(queue)
            serving = asyncio.create_task(
                manager.run(
                    dequeue_timeout=timedelta(seconds=self.settings.poll_seconds),
                    batch_size=max(self.settings.concurrency // 2, 1),
                    max_concurrent_tasks=max(self.settings.concurrency, 2),
                    heartbeat_timeout=timedelta(seconds=self.settings.heartbeat_seconds),
                    log_aggregation_interval=timedelta(0),
                ),
                name="job-manager",
            )
            watching = asyncio.create_task(self._watch_schedules(), name="job-schedules")
            stopping = asyncio.create_task(self.stop.wait(), name="job-stop")
            try:
                await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if serving.done() or await self._wind_down(manager, serving):
                    serving.result()
            finally:
                for task in (watching, stopping, serving):
                    task.cancel()
                await asyncio.wait({watching, stopping, serving}, timeout=self.settings.grace_seconds)

    def _manager(self, queue: JobQueue) -> PacedManager:
        manager = PacedManager(queue, Channel(WAKE_CHANNEL))
        manager.queue_manager_id = self.id
        for definition in self.registry:
            register = manager.entrypoint(
                definition.name, accepts_context=False, on_failure="delete" if definition.schedule else "hold"
            )
            register(_Entrypoint(self, definition))
        return manager

    async def _wind_down(self, manager: PacedManager, serving: asyncio.Task[None]) -> bool:
        """Take no new job; give those that run their grace; interrupt the rest, which puts them back.

        False if a job does not even end by that: another worker takes it up when its heartbeat is old.
        """
        manager.shutdown.set()
        await asyncio.wait({serving}, timeout=self.settings.grace_seconds)
        if not serving.done():
            _log.warning("worker.returns_jobs", count=len(self.running))
            for task in self.running:
                task.cancel()
            await asyncio.wait({serving}, timeout=self.settings.grace_seconds)
        if not serving.done():
            _log.error("worker.abandons_jobs", count=len(self.running))
        return serving.done()

    async def _watch_schedules(self) -> None:
        """Once a second, turn due schedules into jobs; the database being away is the other loop's matter."""
        while True:
            try:
                async with self.database.connection() as connection:
                    if await _enqueue_due(connection, self.registry, self.database.clock):
                        self.database.waker.wake()
            except CONNECTION_ERRORS as error:
                _log.warning("worker.schedules_unread", error=type(error).__name__)
            await asyncio.sleep(1)


class _Entrypoint:
    """What pgqueuer calls for each picked job of one definition."""

    def __init__(self, worker: _Worker, definition: JobDefinition) -> None:
        self._worker = worker
        self._definition = definition

    async def __call__(self, job: Job) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._worker.running.add(task)
        try:
            outcome = await run_job(self._worker.database, self._definition, _picked(job))
        finally:
            self._worker.running.discard(task)
        if outcome.error is not None:
            raise _as_exception(outcome, outcome.error) from None


def _picked(job: Job) -> PickedJob:
    return PickedJob(job.id, job.attempts, job.payload or b"null", job.headers or {})


def _as_exception(outcome: Outcome, error: str) -> Exception:
    """The exception by which pgqueuer is told of a failed try; its text is masked and its trace the original one."""
    if outcome.retry_after is not None:
        return RetryRequested(outcome.retry_after, error).with_traceback(outcome.trace)
    kind = JobFailedError if outcome.was_run else WorkerDiedError
    return kind(error).with_traceback(outcome.trace)


@asynccontextmanager
async def _own_connection(database: Database) -> AsyncIterator[Connection]:
    """A connection of the pool for one loop alone, closed at the end because it listens."""
    connection = await database.pool.acquire(timeout=10)
    try:
        yield connection
    finally:
        with suppress(*CONNECTION_ERRORS):
            await connection.close(timeout=2)
        await database.pool.release(connection)


async def _store_schedules(connection: Connection, registry: JobRegistry, clock: Clock) -> None:
    now = clock.now()
    await store_schedules(
        connection,
        [
            (item.name, item.schedule.every_seconds, item.schedule.cron, item.schedule.next_after(now))
            for item in registry
            if item.schedule is not None
        ],
    )


async def _enqueue_due(connection: Connection, registry: JobRegistry, clock: Clock) -> int:
    now = clock.now()
    upcoming = {item.name: item.schedule.next_after(now) for item in registry if item.schedule is not None}
    return await enqueue_due_schedules(connection, upcoming) if upcoming else 0


class JobRun(msgspec.Struct, frozen=True):
    """One try that :func:`run_due_jobs` made; ``error`` is None for a try that ended well."""

    job_id: int
    name: str
    error: str | None
    is_dead: bool


async def run_due_jobs(
    database: Database, registry: JobRegistry, limit: int = 1000, *, knows_schedules: bool = False
) -> list[JobRun]:
    """Run, one after the other in this process, every job and schedule that is due now, and what those bring about.

    Ends when nothing is due any more or ``limit`` tries were made; a failed try waits for its next one as in a worker,
    so that it comes only when the clock has moved on. Returns the tries in their order. ``knows_schedules`` if the
    database was told of this registry's schedules by an earlier call.
    """
    runs: list[JobRun] = []
    worker_id = QueueManagerId(uuid.uuid4())
    entrypoints = {QueueEntrypoint(item.name): EntrypointExecutionParameter(concurrency_limit=0) for item in registry}
    async with database.connection() as connection:
        queue = JobQueue(connection)
        if not knows_schedules:
            await _store_schedules(connection, registry, database.clock)
        while len(runs) < limit:
            await _enqueue_due(connection, registry, database.clock)
            picked = await queue.dequeue(
                batch_size=1,
                entrypoints=entrypoints,
                queue_manager_id=worker_id,
                global_concurrency_limit=None,
                heartbeat_timeout=IN_PROCESS_HOLD,
            )
            if not picked:
                break
            runs.append(await _run_here(database, registry, queue, picked[0]))
    return runs


async def _run_here(database: Database, registry: JobRegistry, queue: JobQueue, job: Job) -> JobRun:
    definition = registry.definitions[job.entrypoint]
    try:
        outcome = await run_job(database, definition, _picked(job))
    except BaseException:
        await asyncio.shield(queue.log_jobs([(job, "canceled", None)]))
        raise
    if outcome.error is None:
        await queue.log_jobs([(job, "successful", None)])
        return JobRun(job.id, job.entrypoint, None, is_dead=False)
    cause = _as_exception(outcome, outcome.error)
    record = TracebackRecord.from_exception(cause, job.id)
    if outcome.retry_after is not None:
        await queue.retry_job(job, outcome.retry_after, record)
    else:
        await queue.log_jobs([(job, "exception" if definition.schedule else "failed", record)])
    return JobRun(job.id, job.entrypoint, outcome.error, is_dead=outcome.is_dead)
