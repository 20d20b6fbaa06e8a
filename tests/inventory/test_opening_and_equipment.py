"""Counters made from the schedule, refitted by it, and set by staff."""

from __future__ import annotations

import asyncpg
import pytest
from tests.factories.inventory import add_flights, add_ladder, broken_promises, claim_of, open_flights

from ais.inventory import (
    AuthorisationRefused,
    ClaimItem,
    SeatDesk,
    SeatsUnavailable,
    apply_schedule,
    change_equipment,
    confirm_hold,
    leg_cabins,
    open_inventory,
    release_sold,
    seats_sold,
    set_authorisation,
)
from ais.platform.staff_queue import list_staff_queue


@pytest.fixture
async def desk(database):
    desk = SeatDesk(database)
    await desk.start()
    yield desk
    await desk.stop()


async def cabins(database, actor, flight):
    async with database.unit_of_work(actor) as uow:
        return {cabin.cabin: cabin for cabin in await leg_cabins(uow, flight.leg_ids)}


async def refit(database, actor, flight, configuration, reason="smaller aircraft"):
    async with database.unit_of_work(actor) as uow:
        await uow.connection.execute(
            "UPDATE legs SET configuration = $2 WHERE id = ANY ($1)", flight.leg_ids, configuration
        )
        return await change_equipment(uow, flight.leg_ids, reason)


async def asked_of_staff(database):
    async with database.connection() as connection:
        open_matters = await list_staff_queue(connection)
    return {(each.kind, each.subject): each.details for each in open_matters}


async def leg_name(database, leg_id):
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT carrier, flight_number, suffix, departure_date, origin, destination"
            " FROM legs JOIN flight_dates ON flight_dates.id = flight_date_id WHERE legs.id = $1",
            leg_id,
        )
    carrier, number, suffix, day, origin, destination = row
    return {
        "flight": f"{carrier}{number}{suffix}",
        "departure_date": day.isoformat(),
        "route": f"{origin}-{destination}",
    }


async def test_counters_come_from_configuration_ladder_and_overbooking(database, actor):
    async with database.unit_of_work(actor) as uow:
        [flight] = await add_flights(uow.connection, 1, configuration="C12Y138")
        await add_ladder(uow.connection, "Y", [("Y", 100), ("M", 70), ("Q", 33)])
        await uow.connection.execute(
            "INSERT INTO overbooking_levels (carrier, cabin, percent) VALUES ('*', 'Y', 1), ('QZ', 'Y', 3)"
        )
        assert await open_inventory(uow, flight.leg_ids) == 2
        assert await open_inventory(uow, flight.leg_ids) == 0
    found = await cabins(database, actor, flight)
    assert (found["Y"].capacity, found["Y"].authorised, found["Y"].classes) == (138, 142, "YMQ")
    assert found["Y"].limits == [142, 99, 47]
    assert (found["C"].capacity, found["C"].authorised, found["C"].classes) == (12, 12, "JCDZ")
    assert found["C"].limits == [12, 10, 8, 5]
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT infants_max FROM leg_infants WHERE leg_id = $1", *flight.leg_ids) == 15
    assert await broken_promises(database) == []


async def test_only_what_is_on_sale_is_opened(database, actor):
    async with database.unit_of_work(actor) as uow:
        flights = await add_flights(uow.connection, 3)
        await uow.connection.execute("UPDATE flight_dates SET on_sale = false WHERE id = $1", flights[0].flight_date_id)
        await uow.connection.execute("UPDATE legs SET status = 'cancelled' WHERE id = ANY ($1)", flights[1].leg_ids)
        assert await open_inventory(uow) == 1
        assert [cabin.leg_id for cabin in await leg_cabins(uow, [flight.leg_ids[0] for flight in flights])] == [
            flights[2].leg_ids[0]
        ]


async def test_a_smaller_aircraft_on_a_sold_flight_closes_the_cabin_until_the_excess_is_gone(database, actor, desk):
    [flight] = await open_flights(database, configuration="C12Y138")
    leg = flight.leg_ids[0]
    holds = [await desk.claim(claim_of(ClaimItem(leg, "Y", "Y", 10))) for _ in range(8)]
    async with database.unit_of_work(actor) as uow:
        for hold in holds[:7]:
            await confirm_hold(uow, hold.id)
    business = await desk.claim(claim_of(ClaimItem(leg, "C", "J", 2)))

    adjusted = await refit(database, actor, flight, "Y70")
    assert {(each.cabin, each.excess_before, each.excess_after) for each in adjusted} == {("C", 0, 2), ("Y", 0, 10)}
    named = await leg_name(database, leg)
    assert await asked_of_staff(database) == {
        ("overbooked_by_change", f"{leg}:C"): {"excess": 2, **named},
        ("overbooked_by_change", f"{leg}:Y"): {"excess": 10, **named},
    }
    found = await cabins(database, actor, flight)
    assert (found["Y"].capacity, found["Y"].authorised, found["Y"].excess) == (70, 70, 10)
    assert (found["C"].capacity, found["C"].authorised, found["C"].excess) == (0, 0, 2)
    assert await broken_promises(database) == []
    for cabin, rbd in (("Y", "Y"), ("C", "J")):
        with pytest.raises(SeatsUnavailable) as refusal:
            await desk.claim(claim_of(ClaimItem(leg, cabin, rbd, 1)))
        assert refusal.value.details == {"asked": 1, "open": 0}

    async with database.unit_of_work(actor) as uow:
        await confirm_hold(uow, holds[7].id)
        await confirm_hold(uow, business.id)
        await release_sold(uow, holds[0].id)
    assert (await cabins(database, actor, flight))["Y"].excess == 0
    with pytest.raises(SeatsUnavailable):
        await desk.claim(claim_of(ClaimItem(leg, "Y", "Y", 1)))
    async with database.unit_of_work(actor) as uow:
        await release_sold(uow, holds[1].id)
        assert await seats_sold(uow, [leg]) == {leg: 62}
    assert (await desk.claim(claim_of(ClaimItem(leg, "Y", "Y", 10)))).is_new
    assert await broken_promises(database) == []
    async with database.connection() as connection:
        recorded = await connection.fetch(
            "SELECT cabin, kind, capacity_before, capacity_after, excess_after, actor, reason"
            " FROM inventory_adjustments ORDER BY cabin"
        )
    assert [tuple(record) for record in recorded] == [
        ("C", "equipment", 12, 0, 2, actor.name, "smaller aircraft"),
        ("Y", "equipment", 138, 70, 10, actor.name, "smaller aircraft"),
    ]


async def test_a_larger_aircraft_opens_the_cabin_again(database, actor, desk):
    [flight] = await open_flights(database, configuration="Y10")
    await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 10)))
    await refit(database, actor, flight, "Y8")
    assert [subject for _, subject in await asked_of_staff(database)] == [f"{flight.leg_ids[0]}:Y"]
    await refit(database, actor, flight, "C4Y14", "larger aircraft")
    assert await asked_of_staff(database) == {}
    async with database.unit_of_work(actor) as uow:
        report = await apply_schedule(uow, flight.leg_ids, "larger aircraft")
    assert report.opened == 1
    found = await cabins(database, actor, flight)
    assert (found["Y"].authorised, found["Y"].excess, found["C"].authorised) == (14, 0, 4)
    await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 4), ClaimItem(flight.leg_ids[0], "C", "J", 4)))
    assert await broken_promises(database) == []


async def test_a_cancelled_flight_is_closed_and_keeps_what_is_sold(database, actor, desk):
    [flight] = await open_flights(database, configuration="Y10")
    hold = await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 3)))
    async with database.unit_of_work(actor) as uow:
        await confirm_hold(uow, hold.id)
        await uow.connection.execute(
            "UPDATE flight_dates SET status = 'cancelled', cancelled_by = 'schedule' WHERE id = $1",
            flight.flight_date_id,
        )
        report = await apply_schedule(uow, flight.leg_ids, "schedule change")
        assert [(each.cabin, each.excess_after) for each in report.adjusted] == [("Y", 0)]
        assert report.overbooked == ()
        assert (await apply_schedule(uow, flight.leg_ids, "schedule change")).adjusted == ()
    with pytest.raises(SeatsUnavailable):
        await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 1)))
    found = await cabins(database, actor, flight)
    assert (found["Y"].sold, found["Y"].on_sale, found["Y"].authorised) == (3, False, 10)


async def test_staff_set_authorisation_limits_and_blocked_seats(database, actor, desk):
    [flight] = await open_flights(database, configuration="Y100")
    leg = flight.leg_ids[0]
    await desk.claim(claim_of(ClaimItem(leg, "Y", "Y", 9)))
    async with database.unit_of_work(actor) as uow:
        adjusted = await set_authorisation(uow, leg, "Y", authorised=12, blocked=1, reason="crew rest")
        assert adjusted.excess_after == 0
    with pytest.raises(SeatsUnavailable) as refusal:
        await desk.claim(claim_of(ClaimItem(leg, "Y", "Y", 3)))
    assert refusal.value.details == {"asked": 3, "open": 2}
    async with database.unit_of_work(actor) as uow:
        adjusted = await set_authorisation(uow, leg, "Y", authorised=5, reason="weight limit")
        assert (adjusted.excess_before, adjusted.excess_after) == (0, 5)
    (details,) = (await asked_of_staff(database)).values()
    assert details["excess"] == 5
    with pytest.raises(SeatsUnavailable) as refusal:
        await desk.claim(claim_of(ClaimItem(leg, "Y", "Y", 1)))
    assert refusal.value.details == {"asked": 1, "open": 0}
    assert await broken_promises(database) == []


@pytest.mark.parametrize(
    "wrong",
    [{"class_limits": [1]}, {"class_limits": [10, 20, 5, 5, 5, 5, 5, 5]}, {"authorised": -1}, {"blocked": -1}],
)
async def test_an_authorisation_that_cannot_be_is_refused(database, actor, wrong):
    [flight] = await open_flights(database, configuration="Y100")
    before = await cabins(database, actor, flight)
    with pytest.raises(AuthorisationRefused):
        async with database.unit_of_work(actor) as uow:
            await set_authorisation(uow, flight.leg_ids[0], "Y", reason="test", **wrong)
    assert await cabins(database, actor, flight) == before
    assert await asked_of_staff(database) == {}


async def test_adjustments_are_history(database, actor):
    [flight] = await open_flights(database, configuration="Y100")
    async with database.unit_of_work(actor) as uow:
        await set_authorisation(uow, flight.leg_ids[0], "Y", authorised=90, reason="test")
    async with database.connection() as connection:
        for statement in ("DELETE FROM inventory_adjustments", "UPDATE inventory_adjustments SET reason = 'x'"):
            with pytest.raises(asyncpg.RestrictViolationError):
                await connection.execute(statement)
