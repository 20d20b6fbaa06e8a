"""What the queue leaves behind is kept for a while, then removed in small steps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ais.platform.database import Connection
from ais.platform.jobs.context import JobContext
from ais.platform.jobs.registry import JobRegistry, Retry

LOG_KEPT = timedelta(days=1)
GUARDS_KEPT = timedelta(days=30)
BATCH = 5000


def register(registry: JobRegistry) -> None:
    """Register the hourly clean-up of the job log and of the guards of handled events."""
    registry.schedule(
        "platform.trim_job_history",
        trim_job_history,
        cron="17 * * * *",
        retry=Retry(attempts=3, first_delay_seconds=30, ceiling_seconds=60),
        timeout_seconds=300,
    )


async def trim_job_history(context: JobContext, _payload: dict[str, Any]) -> None:
    """Remove log rows of jobs that are gone after a day, and guards after thirty.

    A guard is needed for as long as its job can be delivered again, which is while the job's row exists.
    """
    async with context.database.connection() as connection:
        while await _trim_log(connection) == BATCH:
            pass
        while await _trim_guards(connection) == BATCH:
            pass


async def _trim_log(connection: Connection) -> int:
    removed: str = await connection.execute(
        """
        DELETE FROM job_log WHERE id IN (
            SELECT id FROM job_log
            WHERE created < now() - $1::interval AND NOT EXISTS (SELECT FROM jobs WHERE jobs.id = job_log.job_id)
            LIMIT $2
        )
        """,
        LOG_KEPT,
        BATCH,
    )
    return int(removed.removeprefix("DELETE "))


async def _trim_guards(connection: Connection) -> int:
    removed: str = await connection.execute(
        """
        DELETE FROM handled_events WHERE (event_id, handler) IN (
            SELECT event_id, handler FROM handled_events AS old
            WHERE handled_at < (SELECT ais_now()) - $1::interval AND NOT EXISTS (
                SELECT FROM jobs
                WHERE entrypoint = handler AND convert_from(payload, 'UTF8')::jsonb ->> 'event_id' = event_id::text
            )
            LIMIT $2
        )
        """,
        GUARDS_KEPT,
        BATCH,
    )
    return int(removed.removeprefix("DELETE "))
