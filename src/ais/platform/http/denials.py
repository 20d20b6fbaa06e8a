"""What was refused leaves an entry in the audit trail, behind the answer.

Recorded are credentials that are not accepted, rights that the caller does not have, objects that exist and are
answered as if they did not, and sign-ins and look-ups beyond their limit. The answer never waits for the entry, so that
nothing can be learned from its time; the entries of a second are written together. Of equal refusals (same caller,
block of addresses, object and reason) the first leaves an entry at once and those of the following minute one more with
their number: whoever hammers at a door cannot fill the trail, which is kept for ever.
"""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from typing import Any, Self

import asyncpg
import msgspec
from litestar import Request

from ais.kit import ANONYMOUS, Actor, AppError
from ais.platform.audit import Entry, Fields, Row, insertion, row_of
from ais.platform.database import Database
from ais.platform.http.access import TokenExpired
from ais.platform.rate_limits import CLOSED_WITHOUT_VALKEY, RateLimited
from ais.platform.telemetry import CORRELATION_ID, get_logger

ACTION = "access.denied"
WRITE_EVERY_SECONDS = 1.0
EQUAL_FOR_SECONDS = 60.0
# Different refusals that may wait at once; more are counted together.
KINDS_AT_MOST = 2000
_PUBLIC_ID = re.compile(r"[a-z]{3}_[0-9a-z]{26}")

_Key = tuple[str, ...]
log = get_logger("audit")


class _Waiting(msgspec.Struct):
    row: Row
    times: int
    due_at: float


class Denials:
    """Collects the refusals of one process and writes them, as long as it is entered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[_Key, _Waiting] = {}
        self._written: dict[_Key, float] = {}
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="audit-denials")
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Write what waits and end."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        await self.write(everything=True)

    def note(self, request: Request[Any, Any, Any], error: AppError) -> None:
        """Remember a refusal, if it is one of those that are recorded; never fails and never waits."""
        if not _is_denial(request, error):
            return
        actor: Actor = request.state.get("actor") or ANONYMOUS
        place = f"{request.scope['method']} {request.scope.get('path_template') or 'unknown'}"
        told: Fields = {"code": error.code, "status": error.status, "route": place}
        subject = error.hides or _object_of(request) or place
        row = row_of(
            Entry(action=ACTION, subject=subject, after=told),
            actor,
            CORRELATION_ID.get() or "none",
            self._database.clock.now(),
        )
        key: _Key = (actor.name, row.origin or "", subject, error.code, place)
        waiting = self._waiting.get(key)
        if waiting is None and len(self._waiting) >= KINDS_AT_MOST:
            key = ("others",)
            row = msgspec.structs.replace(row, subject="others", actor_kind=ANONYMOUS.kind, actor_id=ANONYMOUS.id)
            waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.times += 1
            return
        now = time.monotonic()
        written = self._written.get(key)
        self._waiting[key] = _Waiting(row, 1, now if written is None else written + EQUAL_FOR_SECONDS)

    async def write(self, *, everything: bool = False) -> int:
        """Write what is due, or all that waits; how many entries. They wait on if the database is away."""
        now = time.monotonic()
        self._written = {key: at for key, at in self._written.items() if now - at < EQUAL_FOR_SECONDS}
        due = {key: each for key, each in self._waiting.items() if everything or each.due_at <= now}
        rider = insertion([_counted(each) for each in due.values()])
        if rider is None:
            return 0
        for key in due:
            del self._waiting[key]
        try:
            async with self._database.connection() as connection:
                await connection.execute(rider.insert.format(1), rider.parameter)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
            log.warning("audit.denials_wait", error=type(problem).__name__, entries=len(due))
            self._waiting = due | self._waiting
            return 0
        self._written.update(dict.fromkeys(due, now))
        return len(due)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), WRITE_EVERY_SECONDS)
            await self.write()


def _is_denial(request: Request[Any, Any, Any], error: AppError) -> bool:
    if error.hides is not None:
        return True
    if isinstance(error, RateLimited):
        # Who asks too often where a secret may be guessed; haste elsewhere guesses nothing.
        return request.scope["route_handler"].opt.get("limit") in CLOSED_WITHOUT_VALKEY
    if error.status == 401:
        # A token whose time is over is every phone's life; a request without any is a stranger at the front door.
        return "authorization" in request.headers and not isinstance(error, TokenExpired)
    return error.status == 403


def _object_of(request: Request[Any, Any, Any]) -> str | None:
    """The public id that the path names, if it is well formed; what else stands there is the caller's invention."""
    for value in request.scope.get("path_params", {}).values():
        if _PUBLIC_ID.fullmatch(value):
            return value
    return None


def _counted(waiting: _Waiting) -> Row:
    after: Fields = {**(waiting.row.after or {}), "times": waiting.times}
    return msgspec.structs.replace(waiting.row, after=after)
