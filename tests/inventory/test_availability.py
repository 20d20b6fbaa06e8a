"""Open seats in memory: what a search is told, and when."""

from __future__ import annotations

import asyncio

import pytest
from tests.factories.inventory import add_flights, claim_of, open_flights

from ais.inventory import Availability, ClaimItem, SeatDesk, confirm_hold, open_inventory, set_authorisation
from ais.inventory.jobs import purge_changes, sweep_holds
from ais.platform.jobs import JobContext


@pytest.fixture
async def desk(database):
    desk = SeatDesk(database)
    await desk.start()
    yield desk
    await desk.stop()


async def test_a_segment_shows_the_least_of_its_legs_and_at_most_nine(database, actor, desk):
    [flight] = await open_flights(database, route=("AAA", "BBB", "CCC"), configuration="Y20")
    first, second = flight.leg_ids
    await desk.claim(claim_of(ClaimItem(first, "Y", "Y", 15)))
    availability = Availability(database)
    await availability.refresh()
    assert availability.open_by_class(second, "Y")[0] == "YBMHQKLVT"
    assert availability.open_by_class(second, "Y")[1] == (9, 9, 9, 9, 9, 9, 9, 6, 4)
    assert availability.open_by_class(first, "Y")[1] == (5, 5, 5, 5, 5, 5, 5, 5, 4)
    assert dict(availability.booking_classes_open([first, second], "Y")) == dict(
        zip("YBMHQKLVT", (5, 5, 5, 5, 5, 5, 5, 5, 4), strict=True)
    )
    assert availability.open_seats([first, second], "Y", "T") == 4
    assert availability.open_seats([first, second], "Y", "X") == 0
    assert availability.open_seats([first, 2**40], "Y", "Y") == 0
    assert dict(availability.booking_classes_open([first], "C")) == {}
    assert availability.infants_open([first, second]) == 2
    async with database.unit_of_work(actor) as uow:
        await set_authorisation(uow, second, "Y", authorised=3, reason="test")
    assert availability.open_seats([first, second], "Y", "Y") == 5
    await availability.refresh()
    assert availability.open_seats([first, second], "Y", "Y") == 3


async def test_a_hold_that_ends_is_open_again_without_any_write(database, desk):
    [flight] = await open_flights(database, configuration="Y5")
    leg = flight.leg_ids[0]
    availability = Availability(database)
    await desk.claim(claim_of(ClaimItem(leg, "Y", "Y", 2), hold_seconds=0.6))
    await desk.claim(claim_of(ClaimItem(leg, "Y", "Y", 1), hold_seconds=2.5))
    await availability.refresh()
    assert availability.open_seats([leg], "Y", "Y") == 2
    await asyncio.sleep(0.65)
    await availability.refresh()
    assert availability.open_seats([leg], "Y", "Y") == 4
    await asyncio.sleep(1.9)
    await availability.refresh()
    assert availability.open_seats([leg], "Y", "Y") == 5
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT held FROM leg_cabins WHERE leg_id = $1", leg) == 3
    fresh = Availability(database)
    await fresh.refresh()
    assert fresh.open_seats([leg], "Y", "Y") == 5


async def test_a_change_that_commits_late_is_not_missed(database, actor, desk):
    [flight] = await open_flights(database, configuration="Y5")
    [other] = await open_flights(database, configuration="Y5")
    availability = Availability(database)
    hold = await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 2)))
    await availability.refresh()
    async with database.unit_of_work(actor) as uow:
        await confirm_hold(uow, hold.id)
        await set_authorisation(uow, flight.leg_ids[0], "Y", authorised=3, reason="test")
        await desk.claim(claim_of(ClaimItem(other.leg_ids[0], "Y", "Y", 1)))  # younger, and committed before
        await availability.refresh()
        assert availability.open_seats(other.leg_ids, "Y", "Y") == 4
        assert availability.open_seats(flight.leg_ids, "Y", "Y") == 3
    await availability.refresh()
    assert availability.open_seats(flight.leg_ids, "Y", "Y") == 1


async def test_the_background_keeps_open_seats_younger_than_a_second(database, actor, desk):
    [flight] = await open_flights(database, configuration="Y5")
    availability = Availability(database, refresh_seconds=0.1)
    await availability.start()
    async with database.unit_of_work(actor) as uow:
        [late] = await add_flights(uow.connection, 1, configuration="Y8")
        await open_inventory(uow)
    await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 5)))
    await asyncio.sleep(0.6)
    assert availability.open_seats(flight.leg_ids, "Y", "Y") == 0
    assert availability.open_seats(late.leg_ids, "Y", "Y") == 8
    await availability.stop()


async def test_the_jobs_sweep_and_purge(database, desk):
    [flight] = await open_flights(database, configuration="Y50")
    for _ in range(3):
        await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 1), hold_seconds=0.01))
    await asyncio.sleep(0.02)
    await sweep_holds(JobContext(database, "inventory.sweep_holds", "test", 1, 1), {})
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM holds WHERE status = 'expired'") == 3
        assert await connection.fetchval("SELECT held FROM leg_cabins") == 0
        await connection.execute("UPDATE inventory_changes SET changed_at = changed_at - interval '1 hour'")
    await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 1)))
    await purge_changes(JobContext(database, "inventory.purge_changes", "test", 1, 1), {})
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM inventory_changes") == 1
