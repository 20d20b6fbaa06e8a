"""What a running job is given, and the guard that makes an event's handler take effect once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from ais.kit import Clock, system_actor
from ais.platform.database import Connection, Database, UnitOfWork


class AlreadyHandledError(Exception):
    """The handler has dealt with the event before: the job ends well without doing anything. Handlers let it pass."""


class HandlerContractError(Exception):
    """A handler did not open its unit of work exactly once, so that nothing would keep a repeat from acting again."""


@dataclass
class JobContext:
    """One try of one job: where it works, which try it is, and the correlation id of the request that asked for it.

    ``attempt`` is 1 at the first try. ``event_id`` is set for handlers of events only.
    """

    database: Database
    name: str
    correlation_id: str
    job_id: int
    attempt: int
    event_id: UUID | None = None
    _opened: int = field(default=0, init=False)

    @property
    def clock(self) -> Clock:
        return self.database.clock

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        """A unit of work under the job's own name and correlation id; of a handler, the one that guards the event.

        A job may open as many as it needs, a handler one. Raises :class:`AlreadyHandledError` in a handler whose event
        was dealt with, also while another worker is about to commit that; :class:`HandlerContractError` at the second.
        """
        self._opened += 1
        if self.event_id is not None and self._opened > 1:
            raise HandlerContractError(f"{self.name} opened a second unit of work")
        async with self.database.unit_of_work(system_actor(self.name), self.correlation_id) as uow:
            if self.event_id is not None and not await _mark_handled(uow.connection, self.event_id, self.name):
                raise AlreadyHandledError
            yield uow

    def require_guard(self) -> None:
        """Raise :class:`HandlerContractError` if a handler ended without having opened its unit of work."""
        if self.event_id is not None and self._opened == 0:
            raise HandlerContractError(f"{self.name} opened no unit of work of its context")


async def _mark_handled(connection: Connection, event_id: UUID, handler: str) -> bool:
    """Whether this transaction is the first to deal with the event; waits for a rival that has not ended."""
    marked: bool | None = await connection.fetchval(
        "INSERT INTO handled_events (event_id, handler) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true",
        event_id,
        handler,
    )
    return bool(marked)
