"""PostgreSQL: one pool per process, and the unit of work that every change runs in.

A unit of work is one transaction. It is opened and committed at the edge (endpoint, job, command); what it publishes
and enqueues becomes job rows in the same transaction, so that a change and its consequences are durable together.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, Protocol, Self, TypeAlias
from uuid import UUID

import asyncpg
import msgspec

from ais.kit import Actor, Clock, SystemClock, new_uuid
from ais.platform.audit import Entry, Row, after_row, insertion, row_of
from ais.platform.outbox import JobWaker, NewJob, Subscriptions, insert_jobs, insertion_of_jobs, job_columns
from ais.platform.telemetry import CORRELATION_ID
from ais.platform.vault import Vault

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
MINIMUM_SERVER_VERSION = 180000
LOCK_TIMEOUT = "5s"


class Event(Protocol):
    """Something that happened, told by a frozen Struct: ids and facts, nothing personal."""

    event_name: ClassVar[str]


class UnitOfWork:
    """One transaction, who runs it, and what leaves with it."""

    def __init__(
        self, connection: Connection, actor: Actor, clock: Clock, correlation_id: str, vault: Vault | None = None
    ) -> None:
        self.connection = connection
        self.actor = actor
        self.clock = clock
        self.correlation_id = correlation_id
        self._vault = vault
        self._jobs: list[NewJob] = []
        self._events: list[tuple[UUID, Event]] = []
        self._audited: list[Row] = []
        self._last_audited: Row | None = None

    @property
    def vault(self) -> Vault:
        """What seals and opens personal data in this unit of work."""
        return _set(self._vault)

    @cached_property
    def effective_at(self) -> datetime:
        """The one instant at which what this unit of work changes takes effect: the clock when it is first asked for.

        Asked for once the locks are held, so that records of one change that stand in several places agree exactly.
        """
        return self.clock.now()

    def publish(self, event: Event) -> None:
        """Tell the subscribed handlers, each by a job row of this transaction."""
        self._events.append((new_uuid(), event))

    def enqueue(
        self,
        name: str,
        payload: Mapping[str, Any],
        *,
        run_at: datetime | None = None,
        dedupe_key: str | None = None,
    ) -> None:
        """Ask for a job; it exists if and only if this transaction commits."""
        self._jobs.append(NewJob(name, dict(payload), run_at=run_at, dedupe_key=dedupe_key))

    def audit(self, entry: Entry) -> None:
        """Add to the audit trail; the entry exists if and only if this transaction commits."""
        row = row_of(entry, self.actor, self.correlation_id, self.clock.now())
        self._last_audited = after_row(row, self._last_audited)
        self._audited.append(self._last_audited)

    def audited(self) -> Sequence[Row]:
        """The entries that this unit of work still owes the audit trail."""
        return self._audited

    async def execute_auditing(self, statement: str, *arguments: Any) -> None:
        """Execute ``statement`` with the entries that wait for the audit trail riding in it.

        For a statement that comes last, or nearly so, where each round trip counts: what is recorded after it leaves
        with the commit. ``statement`` changes rows and answers none; a WITH of its own may not be recursive.
        """
        await self.connection.execute(*self._with_entries(statement, arguments))

    async def fetchrow_auditing(self, statement: str, *arguments: Any) -> asyncpg.Record:
        """:meth:`execute_auditing` for a statement that answers one row."""
        row = await self.connection.fetchrow(*self._with_entries(statement, arguments))
        assert row is not None
        return row

    def _with_entries(self, statement: str, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """The statement and its arguments, the entries that wait among them and no longer waiting."""
        rider = insertion(self._audited)
        if rider is None:
            return statement, *arguments
        self._audited = []
        return rider.riding_in(statement, len(arguments) + 1), *arguments, rider.parameter

    def leaving(self, subscriptions: Subscriptions) -> list[NewJob]:
        """The job rows that this unit of work owes: those asked for, and one per handler of each event."""
        jobs = list(self._jobs)
        for event_id, event in self._events:
            payload = msgspec.to_builtins(event)
            jobs.extend(
                NewJob(handler, {"event_id": str(event_id), "event": payload})
                for handler in subscriptions.of(event.event_name)
            )
        return jobs


def _set(vault: Vault | None) -> Vault:
    if vault is None:
        raise RuntimeError("this process was given no vault: it can neither seal nor open personal data")
    return vault


class Database:
    """A pool of connections to one PostgreSQL database, with the clock that its SQL and our code share, and the vault
    that opens what rests sealed in it.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, vault: Vault | None = None) -> None:
        self.pool = pool
        self.clock = clock
        self._vault = vault
        self.subscriptions = Subscriptions()
        self.waker = JobWaker(pool)

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        clock: SystemClock | None = None,
        vault: Vault | None = None,
        minimum: int = 1,
        maximum: int = 10,
        application_name: str = "ais",
    ) -> Self:
        """Open the pool and refuse a server that is too old with one sentence.

        The clock's shift reaches SQL too: ``ais_now()`` adds it in every connection of this pool. Without a ``vault``
        personal data can be neither written nor read, and whoever tries is told so.
        """
        clock = clock or SystemClock()
        pool = await asyncpg.create_pool(
            url,
            min_size=minimum,
            max_size=maximum,
            init=_prepare_connection,
            reset=_keep_settings,
            command_timeout=60,
            server_settings={
                "application_name": application_name,
                "timezone": "UTC",
                "lock_timeout": LOCK_TIMEOUT,
                "statement_timeout": "60s",
                "idle_in_transaction_session_timeout": "60s",
                "jit": "off",
                "ais.clock_shift": f"{clock.shift / timedelta(microseconds=1):.0f} microseconds",
            },
        )
        async with pool.acquire() as connection:
            version = connection.get_server_version()
            if version.major * 10_000 < MINIMUM_SERVER_VERSION:
                await pool.close()
                raise RuntimeError(f"PostgreSQL 18 or newer is needed; this server is {version.major}.{version.minor}.")
        return cls(pool, clock, vault)

    @property
    def vault(self) -> Vault:
        """What seals and opens personal data."""
        return _set(self._vault)

    async def close(self) -> None:
        await self.waker.close()
        await self.pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection outside any unit of work: for reads, and for what commits by itself."""
        async with self.pool.acquire(timeout=10) as connection:
            yield connection

    @asynccontextmanager
    async def unit_of_work(self, actor: Actor, correlation_id: str | None = None) -> AsyncIterator[UnitOfWork]:
        """One transaction: committed when the block ends, rolled back whole by any exception."""
        async with self.pool.acquire(timeout=10) as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                uow = UnitOfWork(
                    connection,
                    actor,
                    self.clock,
                    correlation_id or CORRELATION_ID.get() or str(new_uuid()),
                    self._vault,
                )
                yield uow
                jobs = uow.leaving(self.subscriptions)
                rider = insertion(uow.audited())
                if jobs or rider is not None:
                    await insert_jobs(connection, jobs, correlation_id=uow.correlation_id, rider=rider)
            except BaseException:
                if not connection.is_closed():
                    await transaction.rollback()
                raise
            await transaction.commit()
        if jobs:
            self.waker.wake()

    async def change_at_once(
        self, statement: str, *arguments: Any, jobs: Sequence[NewJob], correlation_id: str
    ) -> bool:
        """Run one statement that is a transaction by itself, in one round trip, where a whole unit of work would take
        four; what it answers.

        ``statement`` changes rows and answers one boolean in one row; ``jobs`` exist if and only if that is true, and
        the change is durable. It has no WITH of its own and leaves nothing in the audit trail.
        """
        columns = job_columns(jobs)
        asked = insertion_of_jobs(len(arguments) + 1, "(SELECT answer FROM done)")
        async with self.pool.acquire(timeout=10) as connection:
            answer: bool
            if columns is None:
                answer = await connection.fetchval(statement, *arguments)
            else:
                answer = await connection.fetchval(
                    f"WITH done (answer) AS ({statement}), asked AS ({asked}) SELECT answer FROM done",  # noqa: S608  # constants of the caller
                    *arguments,
                    *columns,
                    correlation_id,
                )
        if answer and columns is not None:
            self.waker.wake()
        return answer

    async def audit(self, actor: Actor, entry: Entry, correlation_id: str | None = None) -> None:
        """Add to the audit trail what changes nothing, in a unit of work of its own: an export, a look at something."""
        async with self.unit_of_work(actor, correlation_id) as uow:
            uow.audit(entry)


async def _prepare_connection(connection: Connection) -> None:
    """JSON columns travel as Python values; msgspec writes and reads them."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name,
            encoder=_encode_json,
            decoder=_decode_json,
            schema="pg_catalog",
        )


async def _keep_settings(_connection: Connection) -> None:
    """Spare the round trip that resets a connection's settings each time it goes back to the pool.

    Settings are made for a transaction only and nobody listens on a pooled connection, so there is nothing to reset; a
    transaction that was cut off, the driver rolls back itself.
    """


def _encode_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _decode_json(text: str) -> Any:
    return msgspec.json.decode(text)
