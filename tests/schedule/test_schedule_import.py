"""An SSIM file becomes flight dates, and another one changes them without losing any."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec
import pytest
from tests.factories.meeting import Meeting
from tests.factories.ssim import leg, network, schedule_text
from tests.factories.ssim_mutations import INVALID, RECORDS, mutated

from ais.platform.database import Database
from ais.schedule import (
    ChangeKind,
    EquipmentChanged,
    FlightDatesCancelled,
    FlightDatesReinstated,
    FlightDatesRerouted,
    FlightDatesRetimed,
    FlightDatesScheduled,
    FlightSales,
    ScheduleFileRefused,
    export_ssim,
    extend_sale_horizon,
    flight_dates,
    import_ssim,
    load_timetable,
    recorded_changes,
)
from ais.schedule.repository import reconcile
from ais.schedule.ssim import segment_data_record

pytestmark = pytest.mark.anyio
SUMMER = (date(2027, 3, 28), date(2027, 10, 30))
UNTIL = date(2027, 6, 30)
TODAY = datetime(2027, 1, 15, tzinfo=UTC)
SHUTTLE_DATES = (UNTIL - SUMMER[0]).days + 1


class Sold:
    """Two seats for two passengers of one order on every flight date it is asked about."""

    order = UUID(int=7)

    async def sales_on(self, uow, flight_date_ids):
        return {each: FlightSales(2, 2, (self.order,)) for each in flight_date_ids}


class Run:
    """Imports into a database and keeps what was published."""

    def __init__(self, database: Database, actor, reference) -> None:
        self.database, self.actor, self.reference = database, actor, reference
        self.published: list[object] = []

    async def __call__(self, text, *, until=UNTIL, **options):
        async with self.database.unit_of_work(self.actor) as uow:
            report = await import_ssim(uow, text, reference=self.reference, until=until, **options)
            self.published = [event for _, event in uow._events]
        return report

    async def snapshot(self):
        """Every row of the schedule."""
        async with self.database.connection() as connection:
            return {
                table: await connection.fetch(f"SELECT * FROM {table} ORDER BY 1, 2")
                for table in (
                    "flight_dates", "legs", "segments", "schedule_data_sets", "schedule_periods",
                    "schedule_segment_data", "schedule_imports", "flight_date_changes", "data_versions",
                )
            }  # fmt: skip

    async def flights(self, **conditions):
        async with self.database.connection() as connection:
            return await flight_dates(connection, **conditions)


@pytest.fixture
def run(database, actor, reference) -> Run:
    return Run(database, actor, reference)


def shuttle(**values):
    return leg(101, "RUH", "06:00", "JED", "07:50", **values)


async def test_a_file_becomes_flight_dates_legs_and_segments(run):
    report = await run(schedule_text(network()))
    assert report.carriers == ("ZQ",)
    assert report.counts["added"] == sum(flight.dates for flight in report.added)
    assert {(flight.flight_number, flight.dates) for flight in report.added} == {
        (101, SHUTTLE_DATES), (201, 41), (311, SHUTTLE_DATES), (900, SHUTTLE_DATES),
    }  # fmt: skip
    (flight,) = await run.flights(flight_number=201, first_date=date(2027, 4, 2), last_date=date(2027, 4, 2))
    assert [(leg.origin, leg.destination, leg.scheduled_departure_at) for leg in flight.legs] == [
        ("DMM", "RUH", datetime(2027, 4, 2, 18, 30, tzinfo=UTC)),
        ("RUH", "JED", datetime(2027, 4, 2, 20, 50, tzinfo=UTC)),
    ]
    assert [(one.origin, one.destination, one.departure_date, one.codeshares) for one in flight.segments] == [
        ("DMM", "RUH", date(2027, 4, 2), ""),
        ("DMM", "JED", date(2027, 4, 2), "YQ7201"),
        ("RUH", "JED", date(2027, 4, 2), ""),
    ]
    assert flight.segments[1].arrives_at == datetime(2027, 4, 2, 22, 35, tzinfo=UTC)
    assert [type(event) for event in run.published] == [FlightDatesScheduled]
    assert len(report.leg_ids) == SHUTTLE_DATES * 3 + 41 * 2


async def test_it_is_sold_on_passenger_times_and_freight_never(run, database):
    await run(schedule_text(network()))
    (flight,) = await run.flights(flight_number=101, first_date=date(2027, 4, 2), last_date=date(2027, 4, 2))
    assert flight.legs[0].scheduled_departure_at == datetime(2027, 4, 2, 3, 0, tzinfo=UTC)
    assert flight.segments[0].departs_at == datetime(2027, 4, 2, 2, 55, tzinfo=UTC)
    (freight,) = await run.flights(flight_number=900, first_date=date(2027, 4, 2), last_date=date(2027, 4, 2))
    assert not freight.on_sale
    assert not freight.segments[0].on_sale
    async with database.connection() as connection:
        table = await load_timetable(connection)
        sold = [(one.flight_number, one.destination) for one in table.departures("RUH", date(2027, 4, 2))]
        through = next(one for one in table.departures("DMM", date(2027, 4, 2)) if one.destination == "JED")
    assert sold == [("101", "JED"), ("311", "CAI"), ("201", "JED")]
    assert len(through.leg_ids) == 2
    assert through.cabins == {"C", "Y"}
    assert (through.departure_terminal, through.arrival_terminal) == ("1", "")
    assert table.is_domestic(through)


async def test_the_same_file_twice_changes_nothing(run):
    await run(schedule_text(network()))
    before = await run.snapshot()
    report = await run(schedule_text(network()))
    assert report.is_unchanged
    assert set(report.counts.values()) == {0}
    assert await run.snapshot() == before
    assert run.published == []


async def test_a_new_file_of_the_same_schedule_keeps_every_row(run):
    await run(schedule_text(network()))
    before = await run.snapshot()
    report = await run(schedule_text(network(), creator_reference="SECOND EDITION"))
    assert not report.is_unchanged
    assert {kind: count for kind, count in report.counts.items() if count} == {"unchanged": SHUTTLE_DATES * 3 + 41}
    after = await run.snapshot()
    for table in ("flight_dates", "legs", "segments", "flight_date_changes"):
        assert after[table] == before[table]


async def test_a_changed_file_reports_each_difference_with_who_is_affected(run):
    await run(
        schedule_text([shuttle(), leg(102, "JED", "09:00", "RUH", "10:40"), leg(103, "RUH", "12:00", "DMM", "13:05")])
    )
    first = await run.flights(limit=10_000)
    ids = {(one.flight, leg.sequence): leg.id for one in first for leg in one.legs}
    half = (date(2027, 5, 1), SUMMER[1])
    report = await run(
        schedule_text(
            [
                shuttle(period=(SUMMER[0], date(2027, 4, 30))),
                leg(101, "RUH", "06:30", "JED", "08:20", variation=2, period=half),  # retimed
                leg(102, "JED", "09:00", "RUH", "10:40", aircraft_type="321", configuration="C16Y150"),  # equipment
                leg(104, "RUH", "16:00", "DMM", "17:05"),  # added; 103 is gone
            ],
        ),
        sales=Sold(),
    )
    changed_days = (UNTIL - half[0]).days + 1
    assert report.counts["added"] == SHUTTLE_DATES
    assert report.counts["cancelled"] == SHUTTLE_DATES
    assert report.counts["retimed"] == changed_days
    assert report.counts["equipment"] == SHUTTLE_DATES
    assert report.counts["unchanged"] == SHUTTLE_DATES - changed_days
    assert report.seats_sold == 2 * len(report.changes) == 2 * (2 * SHUTTLE_DATES + changed_days)
    one = next(change for change in report.changes if change.kinds == (ChangeKind.RETIMED,))
    assert (one.seats_sold, one.passengers, one.order_ids) == (2, 2, (Sold.order,))
    assert str(one.flight) == "ZQ101 on 2027-05-01"
    assert one.legs[0].before.departs_at == datetime(2027, 5, 1, 3, 0, tzinfo=UTC)
    assert one.legs[0].after.departs_at == datetime(2027, 5, 1, 3, 30, tzinfo=UTC)
    # Nothing was deleted and no id moved.
    after = await run.flights(limit=10_000)
    for flight in after:
        for each in flight.legs:
            assert ids.get((flight.flight, each.sequence), each.id) == each.id
    gone = [flight for flight in after if flight.flight.flight_number == 103]
    assert {(flight.status, flight.cancelled_by) for flight in gone} == {("cancelled", "schedule")}
    assert {leg.status for flight in gone for leg in flight.legs} == {"cancelled"}
    assert {segment.status for flight in gone for segment in flight.segments} == {"cancelled"}
    told = {type(event): 0 for event in run.published}
    for event in run.published:
        told[type(event)] += len(getattr(event, "flight_date_ids", getattr(event, "legs", ())))
    assert told == {
        FlightDatesScheduled: 0,
        FlightDatesCancelled: SHUTTLE_DATES,
        FlightDatesRetimed: changed_days,
        EquipmentChanged: SHUTTLE_DATES,
    }
    equipment = next(event for event in run.published if isinstance(event, EquipmentChanged)).legs[0]
    assert (equipment.old_aircraft, equipment.new_aircraft) == ("320", "321")
    assert (equipment.old_configuration, equipment.new_configuration) == ("C12Y138", "C16Y150")
    async with run.database.connection() as connection:
        recorded = await recorded_changes(connection, import_id=report.import_id, sold_only=True)
        table = await load_timetable(connection)
    assert len(recorded) == len(report.changes)
    assert table.departures("RUH", date(2027, 6, 1))[0].departs_at == datetime(2027, 6, 1, 3, 30, tzinfo=UTC)


async def test_what_a_later_file_has_again_is_reinstated_with_its_ids(run):
    await run(schedule_text([shuttle(), leg(102, "JED", "09:00", "RUH", "10:40")]))
    before = {flight.flight: flight.id for flight in await run.flights(limit=10_000)}
    await run(schedule_text([shuttle()]))
    report = await run(schedule_text([shuttle(), leg(102, "JED", "09:30", "RUH", "11:10")]))
    assert report.counts["reinstated"] == SHUTTLE_DATES
    assert report.counts["added"] == 0
    assert {FlightDatesReinstated, FlightDatesRetimed} <= {type(event) for event in run.published}
    after = await run.flights(limit=10_000)
    assert {flight.flight: flight.id for flight in after} == before
    assert {flight.status for flight in after} == {"scheduled"}
    assert {segment.status for flight in after for segment in flight.segments} == {"scheduled"}


async def test_another_routing_keeps_the_flight_and_closes_what_is_not_flown(run):
    await run(schedule_text([leg(201, "DMM", "08:00", "JED", "10:00")]))
    report = await run(
        schedule_text([leg(201, "DMM", "08:00", "RUH", "09:05"), leg(201, "RUH", "10:00", "JED", "11:40", sequence=2)])
    )
    assert report.counts["rerouted"] == SHUTTLE_DATES
    (flight,) = await run.flights(first_date=date(2027, 4, 2), last_date=date(2027, 4, 2))
    assert sorted((leg.origin, leg.destination, leg.status) for leg in flight.legs) == [
        ("DMM", "JED", "cancelled"), ("DMM", "RUH", "scheduled"), ("RUH", "JED", "scheduled"),
    ]  # fmt: skip
    assert sorted((one.origin, one.destination, one.off_sequence, one.status) for one in flight.segments) == [
        ("DMM", "JED", 1, "cancelled"), ("DMM", "JED", 2, "scheduled"), ("DMM", "RUH", 1, "scheduled"),
        ("RUH", "JED", 2, "scheduled"),
    ]  # fmt: skip
    event = next(event for event in run.published if isinstance(event, FlightDatesRerouted))
    cancelled = [one.id for one in flight.segments if one.status == "cancelled"]
    assert set(cancelled) <= set(event.cancelled_segment_ids)
    change = next(change for change in report.changes if change.flight.departure_date == date(2027, 4, 2))
    assert sorted(leg.leg_id for leg in change.legs) == sorted(leg.id for leg in flight.legs)


async def test_a_dry_run_reports_the_same_and_changes_nothing(run):
    await run(schedule_text([shuttle()]))
    before = await run.snapshot()
    changed = schedule_text([leg(101, "RUH", "06:30", "JED", "08:20"), leg(104, "RUH", "16:00", "DMM", "17:05")])
    rehearsed = await run(changed, dry_run=True, sales=Sold())
    assert run.published == []
    assert await run.snapshot() == before
    real = await run(changed, sales=Sold())
    assert rehearsed.dry_run
    assert rehearsed.import_id is None
    assert msgspec.structs.replace(rehearsed, dry_run=False, import_id=real.import_id, leg_ids=real.leg_ids) == real


async def test_a_bad_file_leaves_the_database_as_it_was(run):
    await run(schedule_text([shuttle()]))
    before = await run.snapshot()
    good = schedule_text([shuttle(), leg(102, "JED", "09:00", "RUH", "10:40")])
    with pytest.raises(ScheduleFileRefused) as refusal:
        await run(good.replace("JED09000900", "JED09600900"))
    assert [(error.record, error.column) for error in refusal.value.errors] == [(4, 40)]
    assert await run.snapshot() == before


async def test_departed_flight_dates_never_change(run, database):
    await run(schedule_text([shuttle()]))
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE flight_dates SET first_departure_at = ais_now() - interval '1 hour' "
            "WHERE departure_date < '2027-04-05'"
        )
    report = await run(schedule_text([leg(101, "RUH", "06:30", "JED", "08:20")]))
    assert report.counts["departed"] == 8
    assert report.counts["retimed"] == SHUTTLE_DATES - 8
    assert {
        flight.legs[0].scheduled_departure_at.minute for flight in await run.flights(last_date=date(2027, 4, 4))
    } == {0}
    await run(schedule_text([leg(102, "JED", "09:00", "RUH", "10:40")]))
    departed = await run.flights(last_date=date(2027, 4, 4), flight_number=101)
    assert {flight.status for flight in departed} == {"scheduled"}
    assert len(departed) == 8


async def test_what_has_left_already_is_not_made(run, database):
    today = database.clock.now().date()
    period = (today - timedelta(days=10), today + timedelta(days=10))
    text = schedule_text([shuttle(period=period, departure_offset=180)], validity=period, season="")
    report = await run(text, until=period[1])
    dates = {flight.flight.departure_date for flight in await run.flights()}
    assert min(dates) >= today - timedelta(days=1)
    assert report.counts["added"] == len(dates)
    assert max(dates) == period[1]


async def test_a_younger_schedule_rules_its_validity_and_no_more(run):
    await run(schedule_text([shuttle()]))
    may = (date(2027, 5, 1), date(2027, 5, 31))
    report = await run(schedule_text([leg(101, "RUH", "07:00", "JED", "08:50", period=may)], validity=may))
    assert report.counts["retimed"] == 31
    departures = {
        flight.flight.departure_date: flight.legs[0].scheduled_departure_at.hour for flight in await run.flights()
    }
    assert {day for day, hour in departures.items() if hour == 4} == {may[0] + timedelta(days=n) for n in range(31)}
    # The older one goes on beyond it when the horizon moves.
    async with run.database.unit_of_work(run.actor) as uow:
        extended = await extend_sale_horizon(uow, date(2027, 7, 10), reference=run.reference)
    assert extended.counts["added"] == 10
    assert {kind: count for kind, count in extended.counts.items() if count} == {"added": 10}


async def test_extending_the_horizon_is_idempotent_and_equals_a_longer_import(run, database_url):
    await run(schedule_text(network()))
    for _ in range(2):
        async with run.database.unit_of_work(run.actor) as uow:
            report = await extend_sale_horizon(uow, date(2027, 10, 30), reference=run.reference)
    assert report.is_unchanged
    extended = [(str(one.flight), [leg.state for leg in one.legs]) for one in await run.flights(limit=10_000)]
    assert len(extended) == 217 * 3 + 93
    longer = await run(schedule_text(network(), creator_reference="AGAIN"), until=date(2027, 10, 30))
    assert {kind: count for kind, count in longer.counts.items() if count} == {"unchanged": len(extended)}


async def test_the_horizon_brings_a_schedule_that_begins_beyond_it(run):
    winter = (date(2027, 10, 31), date(2028, 3, 25))
    report = await run(schedule_text([shuttle(period=winter)], validity=winter, season="W27"))
    assert report.counts["added"] == 0
    async with run.database.unit_of_work(run.actor) as uow:
        report = await extend_sale_horizon(uow, date(2027, 11, 2), reference=run.reference)
    assert report.counts["added"] == 3


async def test_what_is_exported_reads_back_identical(run):
    text = schedule_text(network())
    await run(text)
    async with run.database.connection() as connection:
        assert await export_ssim(connection, "ZQ") == text
        assert await export_ssim(connection, "ZQ", season="S27") == text
    winter = (date(2027, 10, 31), date(2028, 3, 25))
    await run(schedule_text([shuttle(period=winter)], validity=winter, season="W27"))
    async with run.database.connection() as connection:
        both = await export_ssim(connection, "ZQ")
    before = await run.snapshot()
    again = await run(both)
    assert (again.is_unchanged, again.carriers) == (True, ("ZQ",))
    assert await run.snapshot() == before


async def test_utc_mode_imports_the_local_flight_date(run):
    await run(
        schedule_text(
            [leg(7, "RUH", "22:30", "DXB", "00:20", arrival_days=1, arrival_offset=240, weekdays=(1,))], time_mode="U"
        )
    )
    flights = await run.flights()
    assert flights[0].flight.departure_date == date(2027, 3, 30)
    assert {flight.flight.departure_date.isoweekday() for flight in flights} == {2}
    assert flights[0].segments[0].departure_date == date(2027, 3, 30)
    assert flights[0].legs[0].scheduled_departure_at == datetime(2027, 3, 29, 22, 30, tzinfo=UTC)


async def test_a_flight_date_at_the_border_of_local_and_utc_schedules_is_one(run):
    # Both count the flight of 30 March: the older as the UTC day before, the younger as the local day.
    older, younger = (date(2027, 3, 28), date(2027, 3, 29)), (date(2027, 3, 30), date(2027, 4, 5))
    in_utc = leg(7, "RUH", "22:30", "DXB", "00:20", arrival_days=1, arrival_offset=240, period=older, weekdays=(1, 7))
    in_local = leg(7, "RUH", "01:40", "DXB", "04:30", arrival_offset=240, period=younger)
    await run(schedule_text([in_utc], time_mode="U", validity=older), until=date(2027, 3, 20))
    await run(schedule_text([in_local], validity=younger), until=date(2027, 3, 20))
    async with run.database.unit_of_work(run.actor) as uow:
        report = await extend_sale_horizon(uow, date(2027, 4, 5), reference=run.reference)
    flights = await run.flights()
    assert report.counts["added"] == len(flights) == 8
    by_date = {flight.flight.departure_date: flight.legs[0].scheduled_departure_at for flight in flights}
    assert by_date[date(2027, 3, 29)] == datetime(2027, 3, 28, 22, 30, tzinfo=UTC)
    assert by_date[date(2027, 3, 30)] == datetime(2027, 3, 29, 22, 40, tzinfo=UTC)


async def test_no_mutation_of_any_field_imports_anything(run):
    await run(schedule_text([shuttle()]))
    before = await run.snapshot()
    for kind, (record, _) in RECORDS.items():
        for column in record.columns:
            with pytest.raises(ScheduleFileRefused):
                await run(mutated(kind, column, INVALID[kind][column.name][0]))
    assert await run.snapshot() == before


async def test_a_flight_operated_by_another_carrier_says_so(run):
    marketed = leg(700, "RUH", "10:00", "DXB", "13:00", arrival_offset=240)
    records = [marketed, segment_data_record(marketed, marketed, "050", "YQ  55A")]
    await run(schedule_text(records))
    async with run.database.connection() as connection:
        (segment,) = (await load_timetable(connection)).departures("RUH", date(2027, 4, 2))
    assert (segment.marketing_carrier, segment.flight_number) == ("ZQ", "700")
    assert (segment.operating_carrier, segment.operating_flight_number) == ("YQ", "55A")


async def test_a_restricted_segment_is_not_sold(run):
    records = [
        leg(201, "DMM", "08:00", "RUH", "09:05", traffic_restrictions="A"),
        leg(201, "RUH", "10:00", "DXB", "13:00", sequence=2, arrival_offset=240),
    ]
    await run(schedule_text(records))
    async with run.database.connection() as connection:
        table = await load_timetable(connection)
    assert [one.destination for one in table.departures("DMM", date(2027, 4, 2))] == ["DXB"]


async def test_an_unknown_carrier_is_refused(run):
    with pytest.raises(ScheduleFileRefused, match="1 errors"):
        await run(schedule_text([leg(1, "RUH", "06:00", "JED", "07:50")]).replace("ZQ ", "QX "))


async def test_two_imports_at_once_come_one_after_the_other(database, actor, reference, monkeypatch):
    first, second = Run(database, actor, reference), Run(database, actor, reference)
    texts = [schedule_text([shuttle()]), schedule_text([shuttle(arrival_terminal="1")])]
    done = await asyncio.gather(first(texts[0]), second(texts[1]))
    assert sorted(report.counts["added"] for report in done) == [0, SHUTTLE_DATES]
    assert sorted(report.counts["details"] for report in done) == [0, SHUTTLE_DATES]
    assert len(await first.flights(limit=10_000)) == SHUTTLE_DATES
    # Control: without the lock both compare with an empty schedule, and one of them fails.
    compare, both_have_compared = reconcile.compare, Meeting()

    async def compare_together(*arguments):
        found = await compare(*arguments)
        await both_have_compared.wait()
        return found

    monkeypatch.setattr(reconcile, "lock_schedule", _no_lock)
    monkeypatch.setattr(reconcile, "compare", compare_together)
    new = [schedule_text([leg(500, "RUH", "06:00", "JED", "07:50", arrival_terminal=at)]) for at in ("1", "2")]
    both = await asyncio.gather(first(new[0], until=SUMMER[1]), second(new[1], until=SUMMER[1]), return_exceptions=True)
    assert sum(isinstance(outcome, asyncpg.UniqueViolationError) for outcome in both) == 1


async def _no_lock(connection):
    await asyncio.sleep(0)
