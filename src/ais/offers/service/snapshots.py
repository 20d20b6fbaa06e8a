"""Keeping the market in memory at the versions that are stored."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress

from ais.fares import FareBook, load_fare_book
from ais.offers.market import Market
from ais.offers.repository import DataVersions, stored_versions
from ais.offers.service.rehearsal import rehearse
from ais.offers.service.shop import Shop
from ais.platform.database import Database
from ais.platform.telemetry import get_logger
from ais.reference import ReferenceData, load_reference
from ais.schedule import load_timetable

# Objects made and not yet gone before the youngest are collected, and how many such rounds for each of the next two.
_COLLECT_AFTER = (20_000, 10, 10)
_LOG = get_logger("offers.snapshots")


async def load_market(database: Database) -> Market:
    """The market as stored now, each part with its version."""
    async with database.connection() as connection:
        reference = await load_reference(connection)
        timetable = await load_timetable(connection)
    fare_book = await _load_fares(database, reference)
    # Walking the whole timetable takes a while: other requests go on meanwhile.
    return await asyncio.to_thread(Market, timetable, fare_book, reference)


async def _load_fares(database: Database, reference: ReferenceData) -> FareBook:
    async with database.connection() as connection:
        return await load_fare_book(connection, database.clock.now(), facts=reference, rates=reference)


class SnapshotRefresher:
    """Looks at the stored versions every second and gives the shop a new market when one has moved.

    A market is replaced as a whole between two requests. While the database is away the shop goes on with what it has.
    In a process that serves nothing else (``owns_process``) a new market is rehearsed, and the garbage collector is set
    for it.
    """

    def __init__(
        self, database: Database, shop: Shop, *, every_seconds: float = 1.0, owns_process: bool = False
    ) -> None:
        self._database = database
        self._shop = shop
        self._every_seconds = every_seconds
        self._owns_process = owns_process
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bring the shop up to date, then keep it so until :meth:`stop`."""
        await self.refresh()
        await self._settle()
        if self._task is None:
            self._task = asyncio.create_task(self._keep_fresh(), name="offers snapshots")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def refresh(self) -> bool:
        """Load what has moved; whether anything had."""
        async with self._lock:
            async with self._database.connection() as connection:
                stored = await stored_versions(connection)
            market = self._shop.market
            held = versions_of(market)
            if stored == held:
                return False
            if stored.reference != held.reference:
                # Fares and taxes are read by the facts and rates of the reference data.
                self._shop.market = await load_market(self._database)
            else:
                self._shop.market = await self._with_changes(market, stored, held)
            now_held = versions_of(self._shop.market)
            _LOG.info(
                "market.refreshed",
                timetable=now_held.timetable,
                fares=now_held.fares,
                reference=now_held.reference,
            )
            return True

    async def _with_changes(self, market: Market, stored: DataVersions, held: DataVersions) -> Market:
        timetable = fare_book = None
        if stored.timetable != held.timetable:
            async with self._database.connection() as connection:
                timetable = await load_timetable(connection)
        if stored.fares != held.fares:
            fare_book = await _load_fares(self._database, market.reference)
        return await asyncio.to_thread(market.with_changes, timetable=timetable, fare_book=fare_book)

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(self._every_seconds)
            try:
                if await self.refresh():
                    await self._settle()
            except Exception as problem:  # the database is away, whatever the driver says: the next look tries again
                _LOG.warning("market.refresh_failed", problem=type(problem).__name__)

    async def _settle(self) -> None:
        """Make the process, if it is ours, ready for the market that it has."""
        if not self._owns_process:
            return
        try:
            searches = await rehearse(self._shop, self._database.clock.now().date())
            _LOG.info("market.rehearsed", searches=searches)
        except Exception as problem:  # the market stands all the same: what it has not learned, travellers' searches do
            _LOG.exception("market.rehearsal_failed", problem=type(problem).__name__)
        _settle_memory()


def _settle_memory() -> None:
    """Take the market out of the garbage collector's rounds.

    It is hundreds of thousands of objects that live until the next one replaces it; a collection that walks them all
    stops every request for a tenth of a second, again and again. What the market before left behind is collected first.
    A search makes thousands of objects that are gone with its answer: looking at the young ones is rarely worth it.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def versions_of(market: Market) -> DataVersions:
    """The versions that a market was made from."""
    return DataVersions(market.timetable.version, market.fare_book.version, market.reference.version)
