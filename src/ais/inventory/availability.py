"""Open seats as a search sees them: in memory, at most about a second old, never more than nine.

Every change of counters leaves a row with its transaction's id. A refresh reads the rows from the oldest transaction
that was still running at the refresh before (``pg_snapshot_xmin``), so that a change is seen however late it commits.
Holds that end by time are counted off at their end, whether or not the sweeper has been there.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from types import MappingProxyType

import structlog

from ais.inventory import repository
from ais.inventory.domain import SHOWN_AT_MOST, open_by_rank
from ais.inventory.repository import CabinCounts
from ais.platform.database import Connection, Database

_LOG = structlog.get_logger(__name__)

CHANGES_KEPT_SECONDS = 900.0
"""How long rows about changes are kept; a process that slept longer loads everything again."""

_FULL_RELOAD_AFTER = timedelta(hours=6)


class _Shape:
    """The open seats of a leg cabin by class. Leg cabins that are alike share one: most of a timetable is untouched."""

    __slots__ = ("by_rbd", "classes", "opened")

    def __init__(self, classes: str, opened: tuple[int, ...]) -> None:
        self.classes = classes
        self.opened = opened
        self.by_rbd: Mapping[str, int] = MappingProxyType(dict(zip(classes, opened, strict=True)))


_NOTHING = _Shape("", ())


def _key(leg_id: int, cabin: str) -> int:
    return leg_id << 7 | ord(cabin)


class Availability:
    """Open seats by leg cabin and booking class, and places for infants by leg; all answers are capped at nine.

    :meth:`start` loads everything and keeps it fresh in the background; :meth:`refresh` does one step of it at once.
    A leg or cabin that is not on sale is open for nobody. Orders are never decided by this: the seat desk counts.
    """

    def __init__(self, database: Database, *, refresh_seconds: float = 0.5) -> None:
        self._database = database
        self._refresh_seconds = refresh_seconds
        self._shapes: dict[tuple[str, tuple[int, ...]], _Shape] = {}
        self._cabins: dict[int, _Shape] = {}
        self._infants: dict[int, int] = {}
        self._ends: list[tuple[datetime, int]] = []
        self._seen_from: str | None = None
        self._refreshed_at: datetime | None = None
        self._loaded_at: datetime | None = None
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load everything, then refresh until :meth:`stop`."""
        await self.refresh()
        if self._task is None:
            self._task = asyncio.create_task(self._keep_fresh(), name="availability")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(self._refresh_seconds)
            try:
                await self.refresh()
            except Exception as error:  # the database is away, whatever the driver calls it: the next step tries again
                _LOG.warning("availability.refresh_failed", error=type(error).__name__)

    async def refresh(self) -> None:
        """Bring everything up to what is committed now."""
        async with self._lock, self._database.connection() as connection:
            if self._seen_from is None or self._refreshed_at is None or self._loaded_at is None:
                await self._load(connection)
                return
            changes = await repository.changes_since(connection, self._seen_from)
            stale = changes.at - self._refreshed_at > timedelta(seconds=CHANGES_KEPT_SECONDS / 2)
            old = changes.at - self._loaded_at > _FULL_RELOAD_AFTER
            if changes.leg_ids is None or stale or old or changes.at < self._refreshed_at:
                await self._load(connection)
                return
            legs = set(changes.leg_ids)
            while self._ends and self._ends[0][0] <= changes.at:
                legs.add(heapq.heappop(self._ends)[1])
            if legs:
                try:
                    await self._refetch(connection, sorted(legs), changes.at)
                except BaseException:
                    self._seen_from = None  # the ends taken off the heap are lost: load everything next time
                    raise
            self._seen_from, self._refreshed_at = changes.seen_from, changes.at

    async def _load(self, connection: Connection) -> None:
        self._seen_from = None
        changes = await repository.changes_since(connection, None)
        cabins: dict[int, _Shape] = {}
        async for group in repository.untouched_cabins(connection):
            shape = self._shape(group.counts)
            cabin = group.counts.cabin
            for leg_id in group.leg_ids:
                cabins[_key(leg_id, cabin)] = shape
        self._cabins, self._ends = cabins, []
        self._infants = await repository.scarce_infants(connection, SHOWN_AT_MOST)
        holding = await repository.legs_with_holds(connection)
        await self._refetch(connection, holding, changes.at)
        self._seen_from, self._refreshed_at, self._loaded_at = changes.seen_from, changes.at, changes.at

    async def _refetch(self, connection: Connection, leg_ids: Sequence[int], at: datetime) -> None:
        for leg_id, counts, next_end in await repository.cabins_at(connection, leg_ids, at):
            self._cabins[_key(leg_id, counts.cabin)] = self._shape(counts)
            if next_end is not None:
                heapq.heappush(self._ends, (next_end, leg_id))
        for leg_id, infants in (await repository.infants_at(connection, leg_ids, at)).items():
            if infants < SHOWN_AT_MOST:
                self._infants[leg_id] = max(0, infants)
            else:
                self._infants.pop(leg_id, None)

    def _shape(self, counts: CabinCounts) -> _Shape:
        if counts.on_sale:
            opened = tuple(
                min(SHOWN_AT_MOST, seats) for seats in open_by_rank(counts.limits, counts.taken, counts.blocked)
            )
        else:
            opened = (0,) * len(counts.classes)
        known = self._shapes.get((counts.classes, opened))
        if known is None:
            known = self._shapes[counts.classes, opened] = _Shape(counts.classes, opened)
        return known

    def open_by_class(self, leg_id: int, cabin: str) -> tuple[str, tuple[int, ...]]:
        """Classes in rank order and the open seats of each; both empty for a cabin that is not counted."""
        shape = self._cabins.get(_key(leg_id, cabin), _NOTHING)
        return shape.classes, shape.opened

    def booking_classes_open(self, leg_ids: Sequence[int], cabin: str) -> Mapping[str, int]:
        """Open seats by booking class over all of ``leg_ids``: the least of them. Classes that are full are 0."""
        shapes = [self._cabins.get(_key(leg_id, cabin), _NOTHING) for leg_id in leg_ids]
        if not shapes:
            return _NOTHING.by_rbd
        first = shapes[0]
        if all(shape is first for shape in shapes):
            return first.by_rbd
        return {rbd: min(shape.by_rbd.get(rbd, 0) for shape in shapes) for rbd in first.classes}

    def open_seats(self, leg_ids: Iterable[int], cabin: str, rbd: str) -> int:
        """Open seats of one booking class over all of ``leg_ids``."""
        return min(
            (self._cabins.get(_key(leg_id, cabin), _NOTHING).by_rbd.get(rbd, 0) for leg_id in leg_ids), default=0
        )

    def infants_open(self, leg_ids: Iterable[int]) -> int:
        """Infants on laps for whom there is room on every one of ``leg_ids``."""
        return min((self._infants.get(leg_id, SHOWN_AT_MOST) for leg_id in leg_ids), default=0)
