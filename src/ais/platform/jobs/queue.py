"""pgqueuer on our tables, with our clock and our rules for what becomes of a job.

pgqueuer's manager picks jobs, runs them side by side, keeps their heartbeats and takes over those of dead workers. What
differs from it is here: times to run are compared with ``ais_now()``, and the job that is due longest comes first; a
job that was interrupted goes back to the queue instead of being deleted; a job is ended only by the worker that holds
it; and a job that must wait for its next try gives way to an equal one that waits already.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from datetime import timedelta

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.composer import ComposedQuery
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.models import Job, TracebackRecord
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import JOB_STATUS, Channel, QueueEntrypoint, QueueManagerId

from ais.platform.database import Connection
from ais.platform.outbox import WAKE_CHANNEL

# Every name is given, so that no variable of the environment can point pgqueuer at other tables.
TABLES = DBSettings(
    prefix="",
    db_schema=None,
    channel=Channel(WAKE_CHANNEL),
    function="jobs_unused_function",
    trigger="jobs_unused_trigger",
    schedules_table="jobs_unused_schedules",
    statistics_table="job_statistics",
    queue_status_type="job_status",
    queue_table="jobs",
    queue_table_log="job_log",
)

_TIME_TO_RUN = re.compile(r"(\bexecute_after\s*(?:<=|>=|<|>|-)\s*)NOW\(\)")
_BY_PRIORITY = "ORDER BY candidate.priority DESC, candidate.id ASC"
_BY_TIME_TO_RUN = "ORDER BY candidate.execute_after, candidate.id"


@functools.cache
def by_our_clock(sql: str) -> str:
    """``sql`` with the comparisons of ``execute_after`` against ``ais_now()``; heartbeats keep the server's clock.

    In a subselect the volatile function is called once for the statement and an index can serve the comparison.
    """
    return _TIME_TO_RUN.sub(r"\1(SELECT ais_now())", sql)


@functools.cache
def longest_due_first(sql: str) -> str:
    """The dequeue statement picking each kind of job by its time to run, no longer by priority, of which we use one.

    In the order of (priority, id) every dequeue walks past all jobs that are not due yet; with 200,000 of them it took
    120 ms. In the order of their time it reads the due ones only.
    """
    return sql.replace(_BY_PRIORITY, _BY_TIME_TO_RUN)


class ClockedQueueBuilder(QueryQueueBuilder):
    """pgqueuer's statements that ask which jobs are due, by our clock."""

    def build_dequeue_query(
        self,
        *,
        batch_size: int,
        entrypoints: list[QueueEntrypoint],
        concurrency_limits: list[int],
        queue_manager_id: QueueManagerId,
        global_concurrency_limit: int | None,
        heartbeat_timeout: timedelta,
    ) -> ComposedQuery:
        query = super().build_dequeue_query(
            batch_size=batch_size,
            entrypoints=entrypoints,
            concurrency_limits=concurrency_limits,
            queue_manager_id=queue_manager_id,
            global_concurrency_limit=global_concurrency_limit,
            heartbeat_timeout=heartbeat_timeout,
        )
        return ComposedQuery(sql=longest_due_first(by_our_clock(query.sql)), args=query.args)

    def build_next_deferred_eta_query(self) -> str:
        """How long until the next job is due, not above zero if one is due already; None if none waits.

        One step into the index for each kind of job. It answers what pgqueuer asks by three statements: whether a job
        is due, when the next one will be, and whether one waits at all.
        """
        return """
        SELECT min(soonest.execute_after) - ais_now() AS eta
        FROM unnest($1::text[]) AS kind (entrypoint) CROSS JOIN LATERAL (
            SELECT execute_after FROM jobs
            WHERE status = 'queued' AND jobs.entrypoint = kind.entrypoint
            ORDER BY execute_after LIMIT 1
        ) AS soonest
        """


class JobQueue(Queries):
    """The statements that pgqueuer's manager runs, over one connection."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(
            driver=AsyncpgDriver(connection),
            qbe=QueryBuilderEnvironment(TABLES),
            qbq=ClockedQueueBuilder(TABLES),
            qbs=QuerySchedulerBuilder(TABLES),
        )

    async def log_jobs(self, job_status: Sequence[tuple[Job, JOB_STATUS, TracebackRecord | None]]) -> None:
        """End jobs: ``failed`` ones stay as dead, interrupted ones (``canceled``) wait again, all others leave.

        Jobs that another worker has taken over meanwhile are left to it.
        """
        ended = [entry for entry in job_status if entry[1] != "canceled"]
        for job, status, _ in job_status:
            if status == "canceled":
                await self.put_back(job, timedelta(), charge=False, record=None)
        if not ended:
            return
        await self.driver.execute(
            """
            WITH ended AS MATERIALIZED (
                SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::integer[])
                AS ended (id, worker_id, status, record, charge)
            ), removed AS (
                DELETE FROM jobs USING ended
                WHERE jobs.id = ended.id AND queue_manager_id = worker_id AND ended.status <> 'failed'
                RETURNING jobs.id, entrypoint, priority
            ), parked AS (
                UPDATE jobs
                SET status = 'failed', attempts = attempts + charge, updated = now(), queue_manager_id = NULL
                FROM ended
                WHERE jobs.id = ended.id AND queue_manager_id = worker_id AND ended.status = 'failed'
                RETURNING jobs.id, entrypoint, priority
            )
            INSERT INTO job_log (job_id, status, entrypoint, priority, traceback)
            SELECT ended.id, ended.status::job_status, entrypoint, priority, record::jsonb
            FROM (SELECT * FROM removed UNION ALL SELECT * FROM parked) AS resolved JOIN ended USING (id)
            """,
            [job.id for job, _, _ in ended],
            [job.queue_manager_id for job, _, _ in ended],
            [status for _, status, _ in ended],
            [record.model_dump_json() if record else None for _, _, record in ended],
            [0 if record and record.exception_type == WorkerDiedError.__name__ else 1 for _, _, record in ended],
        )

    async def retry_job(self, job: Job, delay: timedelta, traceback_record: TracebackRecord | None) -> None:
        """Let ``job`` wait for its next try, one attempt poorer."""
        await self.put_back(job, delay, charge=True, record=traceback_record)

    async def put_back(self, job: Job, delay: timedelta, *, charge: bool, record: TracebackRecord | None) -> None:
        """Let a picked ``job`` wait again for ``delay``; or drop it, recorded as ``deleted``, if its key waits already.

        Nothing happens if another worker has taken it over.
        """
        arguments = (job.id, job.queue_manager_id, record.model_dump_json() if record else None)
        try:
            await self.driver.execute(
                """
                WITH returned AS (
                    UPDATE jobs
                    SET status = 'queued', execute_after = ais_now() + $4::interval, attempts = attempts + $5::integer,
                        updated = now(), queue_manager_id = NULL
                    WHERE id = $1 AND queue_manager_id = $2
                    RETURNING id, entrypoint, priority
                )
                INSERT INTO job_log (job_id, status, entrypoint, priority, traceback)
                SELECT id, 'queued', entrypoint, priority, $3::text::jsonb FROM returned
                """,
                *arguments,
                delay,
                int(charge),
            )
        except asyncpg.UniqueViolationError:
            await self.driver.execute(
                """
                WITH removed AS (
                    DELETE FROM jobs WHERE id = $1 AND queue_manager_id = $2 RETURNING id, entrypoint, priority
                )
                INSERT INTO job_log (job_id, status, entrypoint, priority, traceback)
                SELECT id, 'deleted', entrypoint, priority, $3::text::jsonb FROM removed
                """,
                *arguments,
            )

    async def reclaim(self, worker_id: QueueManagerId) -> None:
        """Let everything that ``worker_id`` holds wait again: called when it comes back from a lost connection.

        Of several jobs under one key one waits; the others are taken up when their heartbeat is old.
        """
        await self.driver.execute(
            """
            UPDATE jobs SET status = 'queued', queue_manager_id = NULL, updated = now()
            WHERE queue_manager_id = $1 AND NOT EXISTS (
                SELECT FROM jobs AS equal WHERE equal.dedupe_key = jobs.dedupe_key
                AND (equal.status = 'queued' OR (equal.queue_manager_id = $1 AND equal.id < jobs.id))
            )
            """,
            worker_id,
        )


class PacedManager(QueueManager):
    """pgqueuer's manager, in no hurry while nothing moves.

    When there is due work that it could not pick, because so many jobs run already or another transaction holds the
    row, it looks again after a pause. Right after a job has ended the pause is short, or an idle place would cost more
    than the job; while none ends it is long, or waiting for slow jobs would keep the database busy.
    """

    quick = timedelta(milliseconds=5)
    calm = timedelta(milliseconds=100)
    _ended_before = 0

    async def _effective_dequeue_timeout(self, dequeue_timeout: timedelta) -> timedelta:
        ended, self._ended_before = self.jobs_logged - self._ended_before, self.jobs_logged
        self.min_dequeue_poll_interval = self.quick if ended else self.calm
        next_due_in = await self.queries.next_deferred_eta(list(self.entrypoint_registry))
        if next_due_in is None or next_due_in >= dequeue_timeout:
            return dequeue_timeout
        return max(next_due_in, self.min_dequeue_poll_interval)


class JobFailedError(Exception):
    """A job is dead; its text is the masked description of what its function raised."""


class WorkerDiedError(JobFailedError):
    """A job is dead because each of its tries ended with the death of its worker; this time it was not run."""
