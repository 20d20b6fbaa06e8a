"""One try of one job: run its function and say what follows from how it ended."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import structlog

from ais.platform.database import Database
from ais.platform.faults import fault_point
from ais.platform.jobs.context import AlreadyHandledError, JobContext
from ais.platform.jobs.registry import JobDefinition
from ais.platform.jobs.schedules import record_scheduled_run
from ais.platform.telemetry import CORRELATION_ID, describe_error, get_logger

_log = get_logger(__name__)


class PickedJob(NamedTuple):
    """A job row that this process has picked; ``attempts`` are the tries that failed or died before this one."""

    id: int
    attempts: int
    payload: bytes
    headers: Mapping[str, Any]


class Outcome(NamedTuple):
    """How a try ended: well (no ``error``), to be tried again after ``retry_after``, or for good.

    ``error`` is one line, personal data masked; ``trace`` leads to the lines that raised it.
    """

    error: str | None = None
    retry_after: timedelta | None = None
    trace: TracebackType | None = None
    was_run: bool = True

    @property
    def is_dead(self) -> bool:
        return self.error is not None and self.retry_after is None


async def run_job(database: Database, definition: JobDefinition, job: PickedJob) -> Outcome:
    """Try ``job`` once and never raise for what its function does; being cancelled passes through."""
    context = JobContext(
        database=database,
        name=definition.name,
        correlation_id=str(job.headers.get("correlation_id") or job.id),
        job_id=job.id,
        attempt=job.attempts + 1,
    )
    with _working_for(context):
        if job.attempts >= definition.retry.attempts:
            outcome = Outcome(error="WorkerDied: every try ended with the death of its worker", was_run=False)
        else:
            outcome = await _try(context, definition, job)
        _tell(outcome)
        if definition.schedule is not None and outcome.retry_after is None:
            async with database.connection() as connection:
                await record_scheduled_run(connection, definition.name, outcome.error)
        fault_point("job.finished")
    return outcome


@contextmanager
def _working_for(context: JobContext) -> Iterator[None]:
    """Log lines and units of work carry the correlation id of the request that asked for the job."""
    token = CORRELATION_ID.set(context.correlation_id)
    try:
        with structlog.contextvars.bound_contextvars(
            correlation_id=context.correlation_id, job=context.name, job_id=context.job_id, attempt=context.attempt
        ):
            yield
    finally:
        CORRELATION_ID.reset(token)


async def _try(context: JobContext, definition: JobDefinition, job: PickedJob) -> Outcome:
    fault_point("job.started")
    try:
        payload = msgspec.json.decode(job.payload)
        if definition.is_handler:
            context.event_id = UUID(payload["event_id"])
        async with asyncio.timeout(definition.timeout_seconds):
            await definition.function(context, payload)
        context.require_guard()
    except AlreadyHandledError:
        _log.info("jobs.event_handled_before")
    except (Exception, asyncio.CancelledError) as error:  # whatever a function raises is a failed try, no more
        if isinstance(error, asyncio.CancelledError) and _is_being_cancelled():
            raise
        failed = job.attempts + 1
        final = failed >= definition.retry.attempts
        return Outcome(
            error=describe_error(error),
            retry_after=None if final else definition.retry.delay_after(failed),
            trace=error.__traceback__,
        )
    return Outcome()


def _is_being_cancelled() -> bool:
    """Whether somebody cancels this very task; a function may also raise the error of a task that it awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _tell(outcome: Outcome) -> None:
    if outcome.error is None:
        _log.debug("jobs.succeeded")
    elif outcome.retry_after is not None:
        retry_in_seconds = outcome.retry_after.total_seconds()
        _log.warning("jobs.failed", error=outcome.error, at=_place(outcome.trace), retry_in_seconds=retry_in_seconds)
    else:
        _log.error("jobs.dead", error=outcome.error, at=_place(outcome.trace))


def _place(trace: TracebackType | None) -> str | None:
    frames = traceback.extract_tb(trace)
    if not frames:
        return None
    return f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}"
