"""The timetable answers from memory what leaves an airport, and what a connection needs."""

import tracemalloc
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from uuid import UUID

import pytest

from ais.schedule import (
    ConnectingTimeRule,
    ConnectingTimes,
    NoConnectingTime,
    SegmentKind,
    TimetableRow,
    build_timetable,
)

COUNTRIES = {"RUH": "SA", "JED": "SA", "DMM": "SA", "CAI": "EG"}
DEFAULTS = [ConnectingTimeRule(45, kind="DD"), ConnectingTimeRule(60, kind="DI"), ConnectingTimeRule(60, kind="ID")]


def kind(origin, destination, number="101", carrier="QZ", departure_terminal="5", arrival_terminal="1"):
    return SegmentKind(
        marketing_carrier=carrier,
        flight_number=number,
        operating_carrier=carrier,
        operating_flight_number=number,
        origin=origin,
        destination=destination,
        departure_terminal=departure_terminal,
        arrival_terminal=arrival_terminal,
        aircraft="320",
        cabins=frozenset("CY"),
    )


def row(segment_id, origin, destination, departs_at, minutes=90, local_date=None, **kinds):
    return TimetableRow(
        id=segment_id,
        flight_date_id=UUID(int=segment_id),
        departs_at=departs_at,
        arrives_at=departs_at + timedelta(minutes=minutes),
        departure_date=local_date or (departs_at + timedelta(hours=3)).date(),
        leg_ids=[segment_id * 10, segment_id * 10 + 1],
        kind=kind(origin, destination, **kinds),
    )


def timetable(*rows, rules=DEFAULTS):
    return build_timetable(rows, country_of=COUNTRIES, connecting_times=ConnectingTimes(rules), version=7)


def test_departures_are_those_of_the_local_date_at_the_origin_in_order():
    late = row(1, "RUH", "JED", datetime(2027, 4, 1, 20, 30, tzinfo=UTC))
    after_midnight = row(2, "RUH", "JED", datetime(2027, 4, 1, 21, 30, tzinfo=UTC))
    other_origin = row(3, "JED", "RUH", datetime(2027, 4, 1, 8, 0, tzinfo=UTC))
    table = timetable(after_midnight, other_origin, late)
    assert [segment.id for segment in table.departures("RUH", date(2027, 4, 1))] == [1]
    assert [segment.id for segment in table.departures("RUH", date(2027, 4, 2))] == [2]
    assert list(table.departures("RUH", date(2027, 4, 3))) == []
    assert list(table.departures("CAI", date(2027, 4, 1))) == []
    assert table.airports == {"RUH", "JED"}
    assert table.version == 7
    assert len(table) == 3


def test_a_segment_comes_back_whole():
    departs_at = datetime(2027, 4, 1, 6, 5, tzinfo=UTC)
    segment = timetable(row(41, "DMM", "CAI", departs_at, minutes=175, number="205A")).segment(41)
    assert segment is not None
    assert segment.flight_date_id == UUID(int=41)
    assert (segment.departs_at, segment.arrives_at) == (departs_at, departs_at + timedelta(minutes=175))
    assert segment.leg_ids == (410, 411)
    assert (segment.flight_number, segment.aircraft, segment.cabins) == ("205A", "320", frozenset("CY"))
    assert (segment.departure_terminal, segment.arrival_terminal) == ("5", "1")
    assert timetable().segment(41) is None


def test_departures_between_takes_the_start_and_leaves_the_end():
    first = datetime(2027, 4, 1, 6, 0, tzinfo=UTC)
    table = timetable(*(row(n, "RUH", "JED", first + timedelta(hours=n)) for n in range(4)))
    found = table.departures_between("RUH", first + timedelta(hours=1), first + timedelta(hours=3))
    assert [segment.id for segment in found] == [1, 2]
    found = table.departures_between("RUH", first + timedelta(hours=1, microseconds=1), first + timedelta(hours=9))
    assert [segment.id for segment in found] == [2, 3]


def test_the_most_specific_minimum_connecting_time_wins():
    rules = [
        *DEFAULTS,
        ConnectingTimeRule(40, airport="RUH"),
        ConnectingTimeRule(50, airport="RUH", kind="DI"),
        ConnectingTimeRule(90, airport="RUH", kind="DI", arrival_terminal="5", departure_terminal="3"),
        ConnectingTimeRule(35, airport="RUH", arrival_carrier="QZ", departure_carrier="QZ", arrival_terminal="2"),
    ]
    at = datetime(2027, 4, 1, 6, 0, tzinfo=UTC)

    def minutes(arrival_terminal, departure_terminal, destination="CAI"):
        table = timetable(
            row(1, "DMM", "RUH", at, arrival_terminal=arrival_terminal),
            row(2, "RUH", destination, at + timedelta(hours=4), departure_terminal=departure_terminal),
            rules=rules,
        )
        return table.connecting_minutes(table.segment(1), table.segment(2))

    assert minutes("5", "5", "JED") == 45  # a kind outweighs an airport
    assert minutes("5", "5") == 50
    assert minutes("5", "3") == 90
    assert minutes("2", "3") == 35


def test_two_airports_are_no_connection_and_a_missing_rule_is_an_error():
    at = datetime(2027, 4, 1, 6, 0, tzinfo=UTC)
    table = timetable(row(1, "DMM", "RUH", at), row(2, "JED", "CAI", at), row(3, "CAI", "JED", at), rules=[])
    with pytest.raises(ValueError, match="RUH and JED are not one airport"):
        table.connecting_minutes(table.segment(1), table.segment(2))
    with pytest.raises(NoConnectingTime):
        table.connecting_minutes(table.segment(2), table.segment(3))


def test_a_hundred_thousand_segments_answer_at_once():
    at = datetime(2027, 1, 1, 4, 0, tzinfo=UTC)
    shared = [kind("RUH", "JED", number=str(number)) for number in range(100)]
    rows = [
        TimetableRow(
            id=1000 * day + flight,
            flight_date_id=UUID(int=1000 * day + flight),
            departs_at=at + timedelta(days=day, minutes=flight),
            arrives_at=at + timedelta(days=day, minutes=flight + 90),
            departure_date=date(2027, 1, 1) + timedelta(days=day),
            leg_ids=(1,),
            kind=shared[flight],
        )
        for day in range(1000)
        for flight in range(100)
    ]
    table = build_timetable(rows, country_of=COUNTRIES, connecting_times=ConnectingTimes(DEFAULTS))
    started = perf_counter()
    for day in range(0, 1000, 5):
        assert len(table.departures("RUH", date(2027, 1, 1) + timedelta(days=day))) == 100
    assert perf_counter() - started < 10


@pytest.mark.slow
def test_twenty_thousand_segments_take_less_than_25_megabytes():
    at = datetime(2027, 1, 1, 4, 0, tzinfo=UTC)
    shared = [kind("RUH", "JED", number=str(number)) for number in range(60)]
    tracemalloc.start()
    table = build_timetable(
        (
            TimetableRow(
                id=1000 * day + flight,
                flight_date_id=UUID(int=1000 * day + flight),
                departs_at=at + timedelta(days=day, minutes=flight),
                arrives_at=at + timedelta(days=day, minutes=flight + 90),
                departure_date=date(2027, 1, 1) + timedelta(days=day),
                leg_ids=(1,),
                kind=shared[flight],
            )
            for day in range(334)
            for flight in range(60)
        ),
        country_of=COUNTRIES,
        connecting_times=ConnectingTimes(DEFAULTS),
    )
    for day in range(334):
        table.departures("RUH", date(2027, 1, 1) + timedelta(days=day))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(table) == 20_040
    assert held < 25_000_000, "with every segment built and remembered"
