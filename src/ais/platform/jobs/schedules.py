"""Scheduled work in the database: told once, claimed by whichever worker comes first, its last run on record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from ais.kit import new_uuid
from ais.platform.database import Connection


class ScheduledWork(msgspec.Struct, frozen=True):
    """One schedule as people see it. ``last_outcome`` is ``succeeded``, ``failed``, or None before its first end."""

    name: str
    every_seconds: int | None
    cron: str | None
    next_run_at: datetime
    last_run_at: datetime | None
    last_finished_at: datetime | None
    last_outcome: str | None
    last_error: str | None
    failures_in_row: int


async def store_schedules(
    connection: Connection, schedules: Iterable[tuple[str, int | None, str | None, datetime]]
) -> None:
    """Make each (name, every_seconds, cron, first run) known; one that is known keeps its time unless its rule changed.

    Schedules that this program does not know are left alone: during an upgrade the other version still runs.
    """
    await connection.executemany(
        """
        INSERT INTO job_schedules AS known (name, every_seconds, cron, next_run_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (name) DO UPDATE
        SET every_seconds = excluded.every_seconds, cron = excluded.cron, next_run_at = excluded.next_run_at
        WHERE (known.every_seconds, known.cron) IS DISTINCT FROM (excluded.every_seconds, excluded.cron)
        """,
        sorted(schedules),
    )


async def enqueue_due_schedules(connection: Connection, next_runs: Mapping[str, datetime]) -> int:
    """Insert one job for each schedule in ``next_runs`` that is due, and move it to the run named there.

    Two workers that come together share the schedules between them: a row that the other one holds is passed over.
    A schedule whose last job still waits or runs is moved and gets no second one. Runs that were missed are one run.
    Returns how many jobs were inserted.
    """
    inserted: int = await connection.fetchval(
        """
        WITH due AS MATERIALIZED (
            SELECT job_schedules.name, upcoming.next_run_at
            FROM job_schedules JOIN unnest($1::text[], $2::timestamptz[]) AS upcoming (name, next_run_at) USING (name)
            WHERE job_schedules.next_run_at <= (SELECT ais_now())
            FOR UPDATE OF job_schedules SKIP LOCKED
        ), claimed AS (
            UPDATE job_schedules SET next_run_at = due.next_run_at, last_run_at = ais_now()
            FROM due WHERE job_schedules.name = due.name
            RETURNING job_schedules.name
        ), inserted AS (
            INSERT INTO jobs (entrypoint, payload, headers)
            SELECT name, '{}', jsonb_build_object('correlation_id', $3::text) FROM claimed
            WHERE NOT EXISTS (SELECT FROM jobs WHERE entrypoint = claimed.name AND status = 'queued')
            AND NOT EXISTS (SELECT FROM jobs WHERE entrypoint = claimed.name AND status = 'picked')
            RETURNING 1
        )
        SELECT count(*) FROM inserted
        """,
        list(next_runs.keys()),
        list(next_runs.values()),
        f"schedule-{new_uuid()}",
    )
    return inserted


async def record_scheduled_run(connection: Connection, name: str, error: str | None) -> None:
    """Write down how the last run of ``name`` ended: well, or with ``error``."""
    await connection.execute(
        """
        UPDATE job_schedules
        SET last_finished_at = ais_now(), last_error = $2,
            last_outcome = CASE WHEN $2::text IS NULL THEN 'succeeded' ELSE 'failed' END,
            failures_in_row = CASE WHEN $2::text IS NULL THEN 0 ELSE failures_in_row + 1 END
        WHERE name = $1
        """,
        name,
        error,
    )


async def list_schedules(connection: Connection) -> list[ScheduledWork]:
    """All schedules by name."""
    rows = await connection.fetch(
        """
        SELECT name, every_seconds, cron, next_run_at, last_run_at, last_finished_at, last_outcome, last_error,
               failures_in_row
        FROM job_schedules ORDER BY name
        """
    )
    return [ScheduledWork(**row) for row in rows]


async def run_schedule_now(connection: Connection, name: str) -> bool:
    """Make ``name`` due at once; False if there is no such schedule. A worker takes it within its poll of a second."""
    done: str = await connection.execute("UPDATE job_schedules SET next_run_at = ais_now() WHERE name = $1", name)
    return done == "UPDATE 1"
