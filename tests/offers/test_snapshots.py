"""The market in memory follows what is stored, part by part."""

import asyncio

import pytest
from tests.factories.fare_files import CARRIER, example_files
from tests.factories.shopping import Seats, make_request, ring

from ais.fares import import_fares
from ais.offers import OfferTerms, Shop, SnapshotRefresher, load_market
from ais.offers.repository import DataVersions
from ais.offers.service import rehearsal, snapshots
from ais.offers.service.snapshots import versions_of
from ais.reference import import_carriers, load_reference, seed_reference

CARRIERS = f"code,accounting_code,name_en,name_ar,country_code\n{CARRIER},991,Test Air,,SA\n"


@pytest.fixture
async def shop(database, actor):
    async with database.unit_of_work(actor) as uow:
        await seed_reference(uow)
        await import_carriers(uow, CARRIERS)
    return Shop(
        await load_market(database),
        Seats(),
        ring=ring(),
        clock=database.clock,
        terms=OfferTerms(offer_seconds=900, hold_minutes=15.0, sales_close_minutes=60),
        point_of_sale="SA",
    )


async def store_fares(database, actor):
    async with database.unit_of_work(actor) as uow:
        await import_fares(uow, example_files(), await load_reference(uow.connection))


async def bump(database, name):
    async with database.connection() as connection:
        await connection.execute("SELECT bump_data_version($1)", name)


async def test_a_shop_over_an_empty_database_finds_nothing(shop):
    assert shop.search(make_request("RUH-JED 2030-01-20")) == ()


async def test_only_what_moved_is_loaded_again(database, actor, shop):
    refresher = SnapshotRefresher(database, shop)
    before = shop.market
    assert not await refresher.refresh()
    assert shop.market is before

    await store_fares(database, actor)
    assert await refresher.refresh()
    with_fares = shop.market
    assert len(with_fares.fare_book.fares) == 6
    assert versions_of(with_fares).fares == versions_of(before).fares + 1
    assert with_fares.timetable is before.timetable
    assert with_fares.network is before.network

    await bump(database, "timetable")
    assert await refresher.refresh()
    assert shop.market.timetable is not with_fares.timetable
    assert shop.market.fare_book is with_fares.fare_book
    assert shop.market.network is not with_fares.network

    await bump(database, "reference")
    assert await refresher.refresh()
    assert shop.market.fare_book.facts is shop.market.reference
    assert not await refresher.refresh()


async def test_a_change_reaches_the_shop_by_itself(database, actor, shop):
    before = versions_of(shop.market)
    refresher = SnapshotRefresher(database, shop, every_seconds=0.02)
    await refresher.start()
    try:
        await store_fares(database, actor)
        for _ in range(1500):
            if shop.market.fare_book.fares:
                break
            await asyncio.sleep(0.02)
    finally:
        await refresher.stop()
    assert len(shop.market.fare_book.fares) == 6
    assert versions_of(shop.market) == DataVersions(before.timetable, before.fares + 1, before.reference)


async def test_a_process_of_its_own_rehearses_at_its_start_and_after_each_change(database, actor, shop, monkeypatch):
    # The collector that would be set is the one of the tests' process.
    monkeypatch.setattr(snapshots, "_settle_memory", lambda: None)
    rehearsed = []

    async def rehearse(shop, today):
        searches = await rehearsal.rehearse(shop, today)
        rehearsed.append((versions_of(shop.market).fares, today, searches))
        return searches

    monkeypatch.setattr(snapshots, "rehearse", rehearse)
    before, today = versions_of(shop.market).fares, database.clock.now().date()
    refresher = SnapshotRefresher(database, shop, every_seconds=0.02, owns_process=True)
    await refresher.start()
    try:
        assert rehearsed == [(before, today, 0)]
        await store_fares(database, actor)
        for _ in range(1500):
            if len(rehearsed) == 2:
                break
            await asyncio.sleep(0.02)
    finally:
        await refresher.stop()
    assert rehearsed == [(before, today, 0), (before + 1, today, 0)]


async def test_a_process_whose_rehearsal_breaks_off_serves_what_it_has(database, shop, monkeypatch):
    settled = []
    monkeypatch.setattr(snapshots, "_settle_memory", lambda: settled.append(shop.market))

    async def rehearse(_shop, _today):
        raise ZeroDivisionError

    monkeypatch.setattr(snapshots, "rehearse", rehearse)
    refresher = SnapshotRefresher(database, shop, owns_process=True)
    await refresher.start()
    await refresher.stop()
    assert settled == [shop.market]
    assert shop.search(make_request("RUH-JED 2030-01-20")) == ()


async def test_a_process_that_does_other_things_too_rehearses_nothing(database, shop, monkeypatch):
    monkeypatch.setattr(snapshots, "rehearse", None)  # it would be called in vain
    refresher = SnapshotRefresher(database, shop)
    await refresher.start()
    await refresher.stop()
