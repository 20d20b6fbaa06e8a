"""Operations cancel flight dates and change aircraft; later schedules leave that alone."""

from datetime import date

import pytest
from tests.factories.ssim import leg, schedule_text

from ais.kit import InvalidStateTransition, ValidationFailed, new_uuid
from ais.schedule import (
    BadScheduleData,
    EquipmentChanged,
    FlightDateNotFound,
    FlightDatesCancelled,
    FlightHasDeparted,
    FlightSales,
    cabin_layout,
    cancel_flight_date,
    change_equipment,
    flight_dates,
    import_cabin_layouts,
    import_connecting_times,
    import_ssim,
    load_timetable,
    recorded_changes,
    timetable_version,
)

pytestmark = pytest.mark.anyio
DAY = date(2027, 4, 2)
UNTIL = date(2027, 4, 10)
LAYOUTS = """carrier,aircraft_type,configuration,name,row,cabin,seats,exit
ZQ,320,C4Y12,A320,1,C,AC-DF,no
ZQ,320,C4Y12,A320,2,Y,ABC-DEF,no
ZQ,320,C4Y12,A320,3,Y,ABC-DEF,yes
"""
TIMES = """airport,kind,arrival_terminal,departure_terminal,arrival_carrier,departure_carrier,minutes
RUH,DD,,,,,40
RUH,DI,5,3,,,75
"""


class Sold:
    async def sales_on(self, uow, flight_date_ids):
        return {each: FlightSales(seats_sold=9, passengers=7) for each in flight_date_ids}


@pytest.fixture
async def flight(database, actor, reference):
    """ZQ101 on 2 April 2027, one leg RUH-JED of an A320."""
    async with database.unit_of_work(actor) as uow:
        await import_ssim(
            uow, schedule_text([leg(101, "RUH", "06:00", "JED", "07:50")]), reference=reference, until=UNTIL
        )
    async with database.connection() as connection:
        (found,) = await flight_dates(connection, first_date=DAY, last_date=DAY)
    return found


async def again(database, actor, reference, **values):
    async with database.unit_of_work(actor) as uow:
        return await import_ssim(
            uow, schedule_text([leg(101, "RUH", "06:00", "JED", "07:50", **values)]), reference=reference, until=UNTIL
        )


async def shown(database, flight):
    async with database.connection() as connection:
        (found,) = await flight_dates(connection, ids=[flight.id])
    return found


async def test_a_cancelled_flight_date_leaves_the_timetable_and_no_schedule_brings_it_back(
    database, actor, reference, flight
):
    async with database.unit_of_work(actor) as uow:
        change = await cancel_flight_date(uow, flight.id, reason="no aircraft", sales=Sold())
        (event,) = [event for _, event in uow._events]
    assert event == FlightDatesCancelled((flight.id,))
    assert (change.seats_sold, change.passengers) == (9, 7)
    cancelled = await shown(database, flight)
    assert (cancelled.status, cancelled.cancelled_by, cancelled.version) == ("cancelled", "operations", 2)
    assert {one.status for one in (*cancelled.legs, *cancelled.segments)} == {"cancelled"}
    async with database.connection() as connection:
        assert list((await load_timetable(connection)).departures("RUH", DAY)) == []
        (recorded,) = await recorded_changes(connection, flight_date_ids=[flight.id])
    assert (recorded.reason, recorded.kinds, recorded.changed_by) == ("no aircraft", ("cancelled",), "system:test")
    report = await again(database, actor, reference, arrival_terminal="1")
    assert report.counts["cancelled_by_operations"] == 1
    assert (await shown(database, flight)).status == "cancelled"
    with pytest.raises(InvalidStateTransition):
        async with database.unit_of_work(actor) as uow:
            await cancel_flight_date(uow, flight.id, reason="again")


async def test_an_aircraft_set_by_operations_stays(database, actor, reference, flight):
    async with database.connection() as connection:
        before = await timetable_version(connection)
    async with database.unit_of_work(actor) as uow:
        change = await change_equipment(
            uow, flight.id, flight.legs[0].id, aircraft_type="AT7", configuration="Y66", registration="HZ-AAA",
            reason="aircraft on ground",
        )  # fmt: skip
        (event,) = [event for _, event in uow._events]
    assert isinstance(event, EquipmentChanged)
    assert (event.legs[0].old_configuration, event.legs[0].new_configuration) == ("C12Y138", "Y66")
    assert change.legs[0].after.aircraft_type == "AT7"
    report = await again(database, actor, reference, aircraft_type="321", configuration="C16Y150")
    assert report.equipment_kept == 1
    after = await shown(database, flight)
    assert (after.legs[0].configuration, after.legs[0].aircraft_registration) == ("Y66", "HZ-AAA")
    assert after.legs[0].id == flight.legs[0].id
    async with database.connection() as connection:
        table = await load_timetable(connection)
        assert await timetable_version(connection) == table.version == before + 2
    assert table.departures("RUH", DAY)[0].cabins == {"Y"}
    assert table.departures("RUH", date(2027, 4, 3))[0].cabins == {"C", "Y"}


async def test_refusals_change_nothing(database, actor, flight):
    leg_id = flight.legs[0].id
    wrong = {"aircraft_type": "AT7", "reason": "x"}
    for refusal, call in (
        (FlightDateNotFound, lambda uow: cancel_flight_date(uow, new_uuid(), reason="x")),
        (FlightDateNotFound, lambda uow: change_equipment(uow, flight.id, leg_id + 1000, configuration="Y66", **wrong)),
        (ValidationFailed, lambda uow: change_equipment(uow, flight.id, leg_id, configuration="66", **wrong)),
        (ValidationFailed, lambda uow: change_equipment(uow, flight.id, leg_id, configuration="Y66VV1", **wrong)),
    ):
        with pytest.raises(refusal):
            async with database.unit_of_work(actor) as uow:
                await call(uow)
    async with database.connection() as connection:
        await connection.execute("UPDATE flight_dates SET first_departure_at = ais_now() WHERE id = $1", flight.id)
    with pytest.raises(FlightHasDeparted, match="ZQ101 on 2027-04-02"):
        async with database.unit_of_work(actor) as uow:
            await cancel_flight_date(uow, flight.id, reason="x")
    after = await shown(database, flight)
    assert (after.status, after.version, after.legs) == ("scheduled", 1, flight.legs)


async def test_the_database_refuses_moves_outside_the_table(database, flight):
    async with database.connection() as connection:
        await connection.execute("UPDATE flight_dates SET status = 'departed' WHERE id = $1", flight.id)
        with pytest.raises(Exception, match="may not move from departed to scheduled"):
            await connection.execute("UPDATE flight_dates SET status = 'scheduled' WHERE id = $1", flight.id)
        await connection.execute(
            "INSERT INTO flight_date_changes (flight_date_id, kinds, legs, seats_sold, passengers, changed_by, reason) "
            "VALUES ($1, '{details}', '[]', 0, 0, 'x', 'x')",
            flight.id,
        )
        with pytest.raises(Exception, match="rows are added"):
            await connection.execute("DELETE FROM flight_date_changes")


async def test_cabin_layouts_have_the_seats_they_name(database, actor, reference):
    async with database.unit_of_work(actor) as uow:
        assert await import_cabin_layouts(uow, LAYOUTS) == 1
        assert await import_cabin_layouts(uow, LAYOUTS) == 0
        await import_ssim(
            uow, schedule_text([leg(101, "RUH", "06:00", "JED", "07:50", configuration="C4Y12")]), reference=reference,
            until=UNTIL,
        )  # fmt: skip
        layout_id = await uow.connection.fetchval("SELECT cabin_layout_id FROM legs LIMIT 1")
        layout = await cabin_layout(uow.connection, layout_id)
    assert layout.seats_by_cabin == {"C": 4, "Y": 12}
    assert layout.rows[0].seat_numbers == ("1A", "1C", "1D", "1F")
    assert [row.row for row in layout.rows if row.is_exit] == [3]
    for wrong, problem in (
        (LAYOUTS.replace("ABC-DEF,yes", "ABC-DE,yes"), "the rows have C4Y11"),
        (LAYOUTS.replace("2,Y,ABC-DEF", "2,Y,AAC-DEF"), "line 3, seats"),
        (LAYOUTS.replace("exit\n", "exits\n"), "line 1"),
        (LAYOUTS.replace(",3,Y", ",2,Y"), "a row appears twice"),
    ):
        with pytest.raises(BadScheduleData) as refusal:
            async with database.unit_of_work(actor) as uow:
                await import_cabin_layouts(uow, wrong)
        assert any(problem in line for line in refusal.value.problems)


async def test_connecting_times_come_from_a_file(database, actor, reference):
    async with database.unit_of_work(actor) as uow:
        assert await import_connecting_times(uow, TIMES) == 2
        assert await import_connecting_times(uow, TIMES) == 0
        assert await import_connecting_times(uow, TIMES.replace(",40", ",35")) == 1
        await import_ssim(
            uow,
            schedule_text([leg(1, "JED", "06:00", "RUH", "07:50"), leg(2, "RUH", "09:00", "DMM", "10:00")]),
            reference=reference,
            until=UNTIL,
        )
    async with database.connection() as connection:
        table = await load_timetable(connection)
    (inbound,), (outbound,) = table.departures("JED", DAY), table.departures("RUH", DAY)
    assert table.connecting_minutes(inbound, outbound) == 35
    with pytest.raises(BadScheduleData) as refusal:
        async with database.unit_of_work(actor) as uow:
            await import_connecting_times(uow, TIMES + "RUH,XX,,,,,1441\nRUH,DD,,,,,50\n")
    assert len(refusal.value.problems) == 3
