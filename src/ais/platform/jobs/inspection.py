"""What `ais jobs list | retry` shows and does: jobs as people see them, and the way back for dead ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import asyncpg
import msgspec

from ais.kit import Actor
from ais.platform.audit import Entry, record
from ais.platform.database import Connection, Database

JobState = Literal["waiting", "retrying", "running", "dead"]
JOB_STATES: tuple[JobState, ...] = ("waiting", "retrying", "running", "dead")


class JobListing(msgspec.Struct, frozen=True):
    """One job that has not ended well.

    ``waiting`` has not been tried, ``retrying`` waits for its next try, ``running`` is held by ``worker_id``, ``dead``
    has used up its tries and waits for a person. ``attempts`` are the tries that failed; ``last_error`` is one line.
    """

    id: int
    name: str
    state: JobState
    attempts: int
    created_at: datetime
    run_at: datetime
    worker_id: str | None
    correlation_id: str | None
    dedupe_key: str | None
    payload: Any
    last_error: str | None
    last_failed_at: datetime | None


class QueueDepth(msgspec.Struct, frozen=True):
    """How much work there is. ``oldest_due_seconds`` is how long the job that is due longest has been due."""

    waiting: int
    retrying: int
    running: int
    dead: int
    oldest_due_seconds: float | None


class RetryReport(msgspec.Struct, frozen=True):
    """Which dead jobs wait again, and which were left as they are: not dead, unknown, or their key waits already."""

    retried: tuple[int, ...]
    left: tuple[int, ...]


_STATE = """CASE status WHEN 'picked' THEN 'running' WHEN 'failed' THEN 'dead'
    ELSE CASE WHEN attempts > 0 THEN 'retrying' ELSE 'waiting' END END"""


async def list_jobs(
    connection: Connection, *, state: JobState | None = None, name: str | None = None, limit: int = 100
) -> list[JobListing]:
    """The newest ``limit`` jobs, the dead first; of one ``state`` or one ``name`` where they are given."""
    rows = await connection.fetch(
        f"""
        SELECT jobs.id, jobs.entrypoint AS name, {_STATE} AS state, jobs.attempts, jobs.created AS created_at,
               jobs.execute_after AS run_at, jobs.queue_manager_id::text AS worker_id,
               jobs.headers ->> 'correlation_id' AS correlation_id, jobs.dedupe_key, jobs.payload,
               failure.last_error, failure.last_failed_at
        FROM jobs LEFT JOIN LATERAL (
            SELECT traceback ->> 'exception_message' AS last_error, job_log.created AS last_failed_at
            FROM job_log WHERE job_id = jobs.id AND traceback IS NOT NULL
            ORDER BY job_log.created DESC, job_log.id DESC LIMIT 1
        ) AS failure ON true
        WHERE ($1::text IS NULL OR {_STATE} = $1) AND ($2::text IS NULL OR jobs.entrypoint = $2)
        ORDER BY (jobs.status = 'failed') DESC, jobs.id DESC
        LIMIT $3
        """,  # noqa: S608  only our own constant is put in
        state,
        name,
        limit,
    )
    return [JobListing(**{**row, "payload": msgspec.json.decode(row["payload"])}) for row in rows]


async def job_failures(connection: Connection, job_id: int) -> list[tuple[datetime, str, str]]:
    """When each failed try of a job was, its error, and the trace to the lines that raised it; oldest first."""
    rows = await connection.fetch(
        """
        SELECT created, traceback ->> 'exception_message' AS error, traceback ->> 'traceback' AS trace
        FROM job_log WHERE job_id = $1 AND traceback IS NOT NULL ORDER BY created, id
        """,
        job_id,
    )
    return [(row["created"], row["error"], row["trace"]) for row in rows]


async def queue_depth(connection: Connection) -> QueueDepth:
    """Counts of the queue by state, and the age of its oldest due job."""
    row = await connection.fetchrow(
        """
        SELECT count(*) FILTER (WHERE status = 'queued' AND attempts = 0) AS waiting,
               count(*) FILTER (WHERE status = 'queued' AND attempts > 0) AS retrying,
               count(*) FILTER (WHERE status = 'picked') AS running,
               count(*) FILTER (WHERE status = 'failed') AS dead,
               extract(epoch FROM ais_now() - min(execute_after) FILTER (
                   WHERE status = 'queued' AND execute_after <= (SELECT ais_now())
               ))::double precision AS oldest_due_seconds
        FROM jobs
        """
    )
    return QueueDepth(**row)


async def retry_jobs(database: Database, actor: Actor, job_ids: Sequence[int] | None = None) -> RetryReport:
    """Let dead jobs wait again with all their tries, due at once; all of them, or those of ``job_ids``.

    Each job is a unit of work of its own, so that one that cannot come back (a job of its dedupe key waits already)
    does not keep the others.
    """
    if job_ids is None:
        async with database.connection() as connection:
            rows = await connection.fetch("SELECT id FROM jobs WHERE status = 'failed' ORDER BY id")
        job_ids = [row["id"] for row in rows]
    retried: list[int] = []
    left: list[int] = []
    for job_id in job_ids:
        (retried if await _retry(database, actor, job_id) else left).append(job_id)
    return RetryReport(tuple(retried), tuple(left))


async def _retry(database: Database, actor: Actor, job_id: int) -> bool:
    try:
        async with database.unit_of_work(actor) as uow:
            name: str | None = await uow.connection.fetchval(
                """
                WITH returned AS (
                    UPDATE jobs SET status = 'queued', attempts = 0, execute_after = ais_now(), updated = now()
                    WHERE id = $1 AND status = 'failed'
                    RETURNING id, entrypoint, priority
                )
                INSERT INTO job_log (job_id, status, entrypoint, priority)
                SELECT id, 'queued', entrypoint, priority FROM returned
                RETURNING entrypoint
                """,
                job_id,
            )
            if name is None:
                return False
            await record(uow, Entry(action="job.retried", subject=f"job:{job_id}", after={"job": name}))
    except asyncpg.UniqueViolationError:
        return False
    return True
