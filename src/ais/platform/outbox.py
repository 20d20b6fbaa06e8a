"""Job rows that leave with a transaction, and the wake-up that follows its commit.

The job row is the outbox: what a unit of work publishes or enqueues is inserted by one statement of its own
transaction, and is there if and only if the change is. Nothing here imports pgqueuer, which only a worker needs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec

from ais.platform.telemetry import MASKED_FIELDS, get_logger

WAKE_CHANNEL = "ais_jobs"
WAKE_GAP_SECONDS = 0.05
"""One NOTIFY speaks for all commits of this time; a worker's poll covers a NOTIFY that is lost."""

# Members by which people, their contacts or a secret would be named. The collections are left out, because a payload
# may well list ids under those names.
PERSONAL_MEMBERS = (MASKED_FIELDS - {"documents", "name", "passengers"}) | {
    "birth_date",
    "contacts",
    "document_number",
    "first_name",
    "full_name",
    "last_name",
    "passenger_name",
    "passport_number",
    "phone_number",
    "surname",
}

_log = get_logger(__name__)


class PersonalDataError(ValueError):
    """A job or event names a person; payloads stay in logs and tables for long, so they carry ids only."""


class NewJob(msgspec.Struct, frozen=True):
    """A job to be: the registered ``name``, a payload that JSON can carry, and when it may run.

    ``run_at`` is an instant as :func:`ais_now` tells it; None is at once. Of one ``dedupe_key`` at most one job waits:
    asking again while one waits only makes that one run no later than the earlier of the two times.
    """

    name: str
    payload: dict[str, Any]
    run_at: datetime | None = None
    dedupe_key: str | None = None


class Rider(NamedTuple):
    """Rows of another table that leave by a statement of somebody else: ``insert`` with ``{0}`` for the number of its
    one parameter.
    """

    name: str
    insert: str
    parameter: Any

    def riding_in(self, statement: str, number: int) -> str:
        """``statement``, which may have a WITH of its own, with the insertion as its first part; ``number`` is that of
        the parameter.
        """
        text = statement.lstrip()
        first = f"WITH {self.name} AS ({self.insert.format(number)})"
        return f"{first}, {text.removeprefix('WITH ')}" if text.startswith("WITH ") else f"{first} {text}"


class Subscriptions:
    """Which handlers, by their job names, are told of which event."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[str]] = {}

    def add(self, event_name: str, handler: str) -> None:
        self._handlers.setdefault(event_name, []).append(handler)

    def of(self, event_name: str) -> Sequence[str]:
        """The handlers' job names, in the order they were added; empty for an event that nobody hears."""
        return tuple(self._handlers.get(event_name, ()))


async def insert_jobs(
    connection: asyncpg.Connection[asyncpg.Record],
    jobs: Sequence[NewJob],
    *,
    correlation_id: str,
    rider: Rider | None = None,
) -> None:
    """Insert ``jobs`` in the connection's transaction, by one statement, ``rider`` with them; no worker is told.

    Where a job of the same dedupe key waits already, its row is locked until this transaction ends. Without that the
    waiting job could run before what we are about to commit is visible, and our request would be lost; with it, it runs
    after. So call this last before the commit. Raises :class:`PersonalDataError`.
    """
    columns = job_columns(jobs)
    if columns is None:
        if rider is not None:
            await connection.execute(rider.insert.format(1), rider.parameter)
        return
    statement = insertion_of_jobs(1)
    await connection.execute(
        statement if rider is None else rider.riding_in(statement, JOB_PARAMETERS + 1),
        *columns,
        correlation_id,
        *((rider.parameter,) if rider is not None else ()),
    )


JOB_PARAMETERS = 5


def insertion_of_jobs(first: int, when: str = "true") -> str:
    """The statement that inserts jobs if ``when`` holds; its parameters, from number ``first`` on, are the columns of
    :func:`job_columns` and the correlation id.
    """
    names, payloads, times, keys, correlation = (f"${first + place}" for place in range(JOB_PARAMETERS))
    return f"""
        INSERT INTO jobs (entrypoint, payload, execute_after, dedupe_key, headers)
        SELECT name, payload, coalesce(run_at, ais_now()), dedupe_key,
               jsonb_build_object('correlation_id', {correlation}::text)
        FROM unnest({names}::text[], {payloads}::bytea[], {times}::timestamptz[], {keys}::text[])
            AS job (name, payload, run_at, dedupe_key)
        WHERE {when}
        ON CONFLICT (dedupe_key) WHERE status = 'queued' AND dedupe_key IS NOT NULL
        DO UPDATE SET execute_after = least(jobs.execute_after, excluded.execute_after)
    """  # noqa: S608  # numbers of parameters, and a constant of the caller


def job_columns(
    jobs: Sequence[NewJob],
) -> tuple[list[str], list[bytes], list[datetime | None], list[str | None]] | None:
    """Names, payloads, times and dedupe keys of the jobs, of equal keys one; None if there are none.

    Raises :class:`PersonalDataError`.
    """
    wanted = _merge_equal_keys(jobs)
    for job in wanted:
        refuse_personal_data(job.payload)
    if not wanted:
        return None
    return (
        [job.name for job in wanted],
        [msgspec.json.encode(job.payload) for job in wanted],
        [job.run_at for job in wanted],
        [job.dedupe_key for job in wanted],
    )


def _merge_equal_keys(jobs: Iterable[NewJob]) -> list[NewJob]:
    """The jobs in order, those with a key last and sorted by it: two transactions then lock in the same order."""
    plain, by_key = [], dict[str, NewJob]()
    for job in jobs:
        if job.dedupe_key is None:
            plain.append(job)
            continue
        known = by_key.get(job.dedupe_key)
        if known is None or _asked_for(job) < _asked_for(known):
            by_key[job.dedupe_key] = job
    return plain + [by_key[key] for key in sorted(by_key)]


def _asked_for(job: NewJob) -> datetime:
    return job.run_at or datetime.min.replace(tzinfo=UTC)


def refuse_personal_data(value: Any) -> None:
    """Raise :class:`PersonalDataError` for a member of :data:`PERSONAL_MEMBERS`, at any depth."""
    if isinstance(value, Mapping):
        for member, inner in value.items():
            if str(member).lower() in PERSONAL_MEMBERS:
                raise PersonalDataError(f"a payload must not carry {member!r}; carry the id of the row that does")
            refuse_personal_data(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            refuse_personal_data(inner)


class JobWaker:
    """Tells the workers that there are new jobs: one NOTIFY for all commits of 50 ms, outside every transaction.

    A NOTIFY inside the transactions would make their commits wait for one another. A wake-up that is lost (process
    killed, connection broken) costs at most the workers' poll of one second.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Ask for a wake-up; returns at once and never fails."""
        self._wanted.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._send_while_wanted(), name="job-waker")

    async def close(self) -> None:
        """Send what is still wanted, waiting two seconds at most, then end."""
        if self._task is None or self._task.done():
            return
        await asyncio.wait({self._task}, timeout=2)
        self._task.cancel()

    async def _send_while_wanted(self) -> None:
        while self._wanted.is_set():
            self._wanted.clear()
            try:
                await notify_workers(self._pool)
            except (
                OSError,
                TimeoutError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ) as error:
                _log.warning("jobs.wake_lost", error=type(error).__name__)
            await asyncio.sleep(WAKE_GAP_SECONDS)


async def notify_workers(executor: asyncpg.Pool | asyncpg.Connection) -> None:
    """Wake every listening worker. The commit of this statement waits for no disk: there is nothing in it to lose."""
    envelope = {
        "channel": WAKE_CHANNEL,
        "sent_at": datetime.now(UTC).isoformat(),
        "type": "table_changed_event",
        "operation": "insert",
        "table": "jobs",
    }
    await executor.execute(
        "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)",
        WAKE_CHANNEL,
        msgspec.json.encode(envelope).decode(),
    )
