"""Real aircraft could fly the demo's schedule: everything below is computed from the packaged SSIM files."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pytest
import rustyssim
from tools import build_demo_schedule

from ais.app.demo_data import (
    ACCOUNTING_CODE,
    CARRIER,
    HUB_ZONE,
    demo_file,
    demo_rows,
    registrations_on,
    schedule_files,
    season_dates,
)
from ais.kit.localtime import is_ambiguous, is_gap, local_date, to_instant, utc_offset
from ais.reference import packaged_reference
from ais.schedule import ConnectingTimeRule, ConnectingTimes, Connection
from ais.schedule.cabins import read_cabin_layouts
from ais.schedule.ssim.columns import read_minutes, read_variation
from ais.schedule.ssim.reader import read_file
from ais.schedule.ssim.records import FlightLegRecord

FIRST, LAST = date(2026, 10, 25), date(2029, 10, 27)
TODAY = date(2026, 11, 22)
TURNAROUND_MINUTES = {"320": 45, "AT7": 35}
MAINTENANCE_HOURS = 10
BASES = {"RUH", "JED"}
DEFAULT_CONNECTING_TIMES = [
    ConnectingTimeRule(45, kind="DD"),
    ConnectingTimeRule(60, kind="DI"),
    ConnectingTimeRule(60, kind="ID"),
    ConnectingTimeRule(60, kind="II"),
]


class Leg(NamedTuple):
    flight: int
    flight_date: date
    sequence: int
    origin: str
    destination: str
    departs_at: datetime
    arrives_at: datetime
    record: FlightLegRecord


@pytest.fixture(scope="module")
def reference():
    return packaged_reference()


@pytest.fixture(scope="module")
def records():
    found = []
    for each in schedule_files(date.min, date.max):
        file, errors = read_file(each.content)
        assert errors == []
        found += [group.leg for group in file.carriers[0].legs]
    return found


@pytest.fixture(scope="module")
def legs(records, reference):
    """Every leg of every date, its instants made from local time and the zone database alone."""
    zones = {code: reference.timezone(code) for record in records for code in _airports(record)}
    instants: dict[tuple[str, date, str, int], datetime] = {}

    def instant(airport: str, day: date, clock: str, days_later: int) -> datetime:
        key = (airport, day, clock, days_later)
        if key not in instants:
            minutes = read_minutes(clock)
            on = day + timedelta(days=days_later)
            midnight = datetime.min.replace(hour=minutes // 60, minute=minutes % 60).time()
            assert not is_gap(on, midnight, zones[airport])
            assert not is_ambiguous(on, midnight, zones[airport])
            instants[key] = to_instant(on, midnight, zones[airport])
        return instants[key]

    found = []
    for record in records:
        leaves, comes = (int(character) for character in record.date_variation)
        for number in range((record.last_date - record.first_date).days + 1):
            day = record.first_date + timedelta(days=number)
            if day.isoweekday() not in record.weekdays:
                continue
            origin, destination = _airports(record)
            departs_at = instant(origin, day, record.aircraft_departure_time, leaves)
            arrives_at = instant(destination, day, record.aircraft_arrival_time, comes)
            found.append(
                Leg(record.flight[0], day, record.sequence, origin, destination, departs_at, arrives_at, record)
            )
    return sorted(found, key=lambda leg: (leg.departs_at, leg.flight, leg.sequence))


def _airports(record):
    return record.departure_station, record.arrival_station


@pytest.fixture(scope="module")
def by_aircraft(legs):
    """The legs of each registration in order of time, assigned by the plan."""
    flights = defaultdict(list)
    for leg in legs:
        flights[leg.flight, leg.flight_date].append(leg)
    flown = defaultdict(list)
    assigned = 0
    for number in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=number)
        for flight, registration in registrations_on(day).items():
            flown[registration] += flights[flight, day]
            assigned += len(flights[flight, day])
    assert assigned == len(legs)
    return {registration: sorted(own, key=lambda leg: leg.departs_at) for registration, own in flown.items()}


def test_the_files_are_what_the_plan_makes():
    plan = build_demo_schedule.read_plan()
    for season in ("W26", "S27"):
        assert build_demo_schedule.build(season, plan) == demo_file(f"schedule/{CARRIER}_{season}.ssim")


def test_the_seasons_follow_each_other_without_a_gap():
    files = schedule_files(date.min, date.max)
    assert (files[0].first, files[-1].last) == (FIRST, LAST)
    for before, after in itertools.pairwise(files):
        assert after.first == before.last + timedelta(days=1)
        assert after.first.isoweekday() == 7
        assert after.first.month in {3, 10}
        assert (after.first + timedelta(days=7)).month in {4, 11}
    assert season_dates("W26") == (date(2026, 10, 25), date(2027, 3, 27))
    assert season_dates("S27") == (date(2027, 3, 28), date(2027, 10, 30))
    assert date(2029, 4, 22) >= TODAY + timedelta(days=330 + 547)
    assert date(2029, 4, 22) < LAST


def test_an_independent_reader_finds_the_same_legs(records, tmp_path):
    found = 0
    for each in schedule_files(date.min, date.max):
        path = tmp_path / f"{each.season}.ssim"
        path.write_text(each.content, encoding="ascii")
        found += rustyssim.parse_ssim_to_dataframe(str(path)).height
    assert found == len(records)


def test_the_fleet_is_ten_aircraft_of_two_types_with_layouts_of_their_configuration():
    fleet = demo_rows("aircraft.csv")
    assert Counter(row["configuration"] for row in fleet) == {"C12Y138": 6, "Y70": 4}
    assert len({row["registration"] for row in fleet}) == 10
    layouts = read_cabin_layouts(demo_file("cabin_layouts.csv"))
    assert {(layout.aircraft_type, layout.configuration) for layout in layouts} == {("320", "C12Y138"), ("AT7", "Y70")}
    for layout in layouts:
        seats = Counter()
        for row in layout.rows:
            letters = row.seats.replace("-", "")
            assert len(set(letters)) == len(letters)
            seats[row.cabin] += len(letters)
        assert "".join(f"{cabin}{count}" for cabin, count in sorted(seats.items())) == layout.configuration
        assert [row.row for row in layout.rows] == sorted({row.row for row in layout.rows} - {13})
        assert any(row.is_exit for row in layout.rows)


def test_the_carrier_is_nobody_elses(reference):
    assert CARRIER not in reference.carriers
    assert ACCOUNTING_CODE not in {carrier.accounting_code for carrier in reference.carriers.values()}
    (row,) = demo_rows("carriers.csv")
    assert (row["code"], row["accounting_code"]) == (CARRIER, ACCOUNTING_CODE)
    (numbers,) = demo_rows("ticket_numbers.csv")
    assert numbers["accounting_code"] == ACCOUNTING_CODE
    assert len(numbers["first_serial"]) == len(numbers["last_serial"]) == 10


def test_25_real_airports_in_eleven_countries(records, reference):
    served = {code for record in records for code in _airports(record)}
    assert len(served) == 25
    assert {"AMM", "CAI", "DXB", "BAH", "KWI", "DOH", "MCT", "IST", "BEY", "KHI"} <= served
    assert len({reference.airport(code).country_code for code in served}) == 11


def test_the_utc_variations_are_those_of_the_zone_database(legs, reference):
    for leg in legs:
        for airport, at, stated in (
            (leg.origin, leg.departs_at, leg.record.departure_utc_variation),
            (leg.destination, leg.arrives_at, leg.record.arrival_utc_variation),
        ):
            assert utc_offset(at, reference.timezone(airport)) == timedelta(minutes=read_variation(stated)), leg


def test_no_flight_date_is_described_twice(legs):
    counts = Counter((leg.flight, leg.flight_date, leg.sequence) for leg in legs)
    assert max(counts.values()) == 1


def test_the_legs_of_a_flight_join(legs):
    flights = defaultdict(list)
    for leg in legs:
        flights[leg.flight, leg.flight_date].append(leg)
    for own in flights.values():
        ordered = sorted(own, key=lambda leg: leg.sequence)
        assert [leg.sequence for leg in ordered] == list(range(1, len(own) + 1))
        for before, after in itertools.pairwise(ordered):
            assert before.destination == after.origin
            assert before.arrives_at < after.departs_at
    assert {leg.flight for leg in legs if leg.sequence == 2} == {221, 222, 301, 302}


def test_block_times_are_those_of_the_distance(legs, reference):
    kilometres_per_minute, on_ground = {"320": 12.5, "AT7": 7.5}, {"320": 35, "AT7": 20}
    for leg in legs:
        kind = leg.record.aircraft_type
        distance = reference.distance_km(leg.origin, leg.destination)
        exact = on_ground[kind] + distance / kilometres_per_minute[kind]
        assert (leg.arrives_at - leg.departs_at) == timedelta(minutes=math.ceil(exact / 5) * 5)


def test_every_aircraft_continues_where_it_stands_and_has_time_to_turn_round(by_aircraft):
    assert len(by_aircraft) == 10
    for own in by_aircraft.values():
        assert len({leg.record.aircraft_type for leg in own}) == 1
        turnaround = timedelta(minutes=TURNAROUND_MINUTES[own[0].record.aircraft_type])
        for before, after in itertools.pairwise(own):
            assert before.destination == after.origin, (before, after)
            assert after.departs_at - before.arrives_at >= turnaround, (before, after)


def test_every_aircraft_flies_every_day_and_sleeps_at_a_base_or_in_dammam(by_aircraft):
    for own in by_aircraft.values():
        nights = [
            before
            for before, after in itertools.pairwise(own)
            if local_date(after.departs_at, HUB_ZONE) > local_date(before.departs_at, HUB_ZONE)
        ]
        days = [local_date(leg.departs_at, HUB_ZONE) for leg in [*nights, own[-1]]]
        assert days == [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
        assert {leg.destination for leg in nights} <= BASES | {"DMM"}


def test_every_aircraft_has_ten_hours_for_maintenance_at_a_base_within_each_week(by_aircraft):
    for own in by_aircraft.values():
        breaks = [
            after.departs_at
            for before, after in itertools.pairwise(own)
            if before.destination in BASES
            and after.departs_at - before.arrives_at >= timedelta(hours=MAINTENANCE_HOURS)
        ]
        assert breaks[0] - own[0].departs_at <= timedelta(days=7)
        assert all(after - before <= timedelta(days=7) for before, after in itertools.pairwise(breaks))


def test_the_onward_flights_in_the_files_are_the_aircrafts_next(by_aircraft):
    for own in by_aircraft.values():
        for leg, following in itertools.pairwise(own):
            if following.flight == leg.flight:
                assert leg.record.onward_flight_number.strip() == ""
                continue
            assert int(leg.record.onward_flight_number) == following.flight
            layover = int(leg.record.rotation_layover.strip() or 0)
            arrival_date = local_date(leg.arrives_at, HUB_ZONE) if leg.destination in BASES | {"DMM"} else None
            if arrival_date is not None:
                assert local_date(following.departs_at, HUB_ZONE) - arrival_date == timedelta(days=layover)


def test_riyadh_jeddah_at_least_four_times_on_every_date(legs):
    daily = Counter(leg.flight_date for leg in legs if (leg.origin, leg.destination) == ("RUH", "JED"))
    back = Counter(leg.flight_date for leg in legs if (leg.origin, leg.destination) == ("JED", "RUH"))
    for number in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=number)
        assert daily[day] >= 4
        assert back[day] >= 4


def _connecting_times():
    rules = [
        ConnectingTimeRule(int(row.pop("minutes")), **{name: text or None for name, text in row.items()})
        for row in demo_rows("minimum_connecting_times.csv")
    ]
    return ConnectingTimes([*rules, *DEFAULT_CONNECTING_TIMES])


def test_dammam_cairo_only_by_a_connection_and_one_of_exactly_the_minimum_on_every_date(legs, reference):
    flights = defaultdict(list)
    for leg in legs:
        flights[leg.flight, leg.flight_date].append(leg)
    for own in flights.values():
        assert not {"DMM", "CAI"} <= {code for leg in own for code in (leg.origin, leg.destination)}

    times = _connecting_times()
    exact = 0
    to_cairo = {leg.flight_date: leg for leg in legs if (leg.origin, leg.destination) == ("RUH", "CAI")}
    for first in legs:
        if (first.origin, first.destination, first.flight) != ("DMM", "RUH", 232):
            continue
        second = to_cairo[first.flight_date]
        minimum = times.minutes(
            Connection(
                "RUH",
                "DI",
                first.record.arrival_terminal.strip(),
                second.record.departure_terminal.strip(),
                CARRIER,
                CARRIER,
            )
        )
        assert second.departs_at - first.arrives_at == timedelta(minutes=minimum)
        exact += 1
    assert exact == (LAST - FIRST).days + 1
    assert not reference.is_domestic("DMM", "CAI")


def test_return_from_cairo_to_dammam_is_possible_every_day(legs):
    to_dammam = {
        leg.flight_date: leg for leg in legs if (leg.origin, leg.destination, leg.flight) == ("RUH", "DMM", 131)
    }
    for leg in legs:
        if leg.flight == 602:
            wait = to_dammam[leg.flight_date].departs_at - leg.arrives_at
            assert timedelta(minutes=75) <= wait <= timedelta(hours=6)


def test_nothing_flies_before_the_clocks_begin():
    assert build_demo_schedule.fly_line(build_demo_schedule.read_plan(), "A320", 1, TODAY)[0].departs_at == datetime(
        2026, 11, 22, 3, 0, tzinfo=UTC
    )


def test_ladders_have_one_rank_each_and_fall(records):
    ladders = defaultdict(list)
    for row in demo_rows("booking_class_ladders.csv"):
        ladders[row["cabin"]].append((int(row["rank"]), row["rbd"], int(row["limit_percent"])))
    for ladder in ladders.values():
        assert [rank for rank, _, _ in ladder] == list(range(1, len(ladder) + 1))
        limits = [limit for _, _, limit in ladder]
        assert limits[0] == 100
        assert limits == sorted(limits, reverse=True)
    letters = {cabin: "".join(rbd for _, rbd, _ in ladder) for cabin, ladder in ladders.items()}
    assert {record.booking_classes.strip() for record in records} == {letters["C"] + letters["Y"], letters["Y"]}
