"""The network search promises the same best itineraries as a search that tries everything."""

import random
from datetime import UTC, date, datetime, timedelta
from itertools import product
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ais.offers.network import Network, duration, find_itineraries, landings

DAY = date(2027, 3, 1)
MIDNIGHT = datetime(2027, 3, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DOMESTIC = frozenset({"RUH", "JED", "DMM", "AHB"})


class Segment(msgspec.Struct, frozen=True):
    id: int
    flight_date_id: UUID
    origin: str
    destination: str
    departs_at: datetime
    arrives_at: datetime
    departure_date: date
    leg_ids: tuple[int, ...]


def segment(number, route, departs, arrives, *, legs=1, flight=None):
    """A segment by minutes after midnight of DAY; every airport of these tests keeps UTC."""
    departs_at = MIDNIGHT + timedelta(minutes=departs)
    return Segment(
        id=number,
        flight_date_id=UUID(int=flight or number),
        origin=route[:3],
        destination=route[-3:],
        departs_at=departs_at,
        arrives_at=MIDNIGHT + timedelta(minutes=arrives),
        departure_date=departs_at.date(),
        leg_ids=tuple(range(number * 10, number * 10 + legs)),
    )


def is_domestic(origin, destination):
    return origin in DOMESTIC and destination in DOMESTIC


class Timetable:
    """As much of a timetable as the search asks of it."""

    def __init__(self, segments, connecting_minutes):
        self._segments = sorted(segments, key=lambda part: part.departs_at)
        self.airports = frozenset(end for part in segments for end in (part.origin, part.destination))
        self.connecting_minutes = connecting_minutes

    def departures(self, origin, local_date):
        return [part for part in self._segments if (part.origin, part.departure_date) == (origin, local_date)]

    def departures_between(self, origin, start, end):
        return [part for part in self._segments if part.origin == origin and start <= part.departs_at < end]

    def is_domestic(self, part):
        return is_domestic(part.origin, part.destination)


def network(*segments, minutes=60):
    return Network(Timetable(segments, minutes if callable(minutes) else lambda inbound, outbound: minutes))


def search(found_in, origin, destination, *, max_connections=1, sellable=lambda _: True, sales_close_at=LONG_AGO):
    found = find_itineraries(
        found_in,
        origin,
        destination,
        DAY,
        max_connections=max_connections,
        sales_close_at=sales_close_at,
        sellable=sellable,
    )
    return [tuple(part.id for part in itinerary) for itinerary in found]


def test_every_direct_flight_of_the_day_is_found_and_none_of_the_days_beside_it():
    flights = [segment(n, "RUH-JED", departs, departs + 100) for n, departs in enumerate((-1, 0, 700, 1439, 1440), 1)]
    assert search(network(*flights), "RUH", "JED") == [(2,), (3,), (4,)]


def test_the_departure_date_is_the_local_one_of_the_origin():
    late = msgspec.structs.replace(segment(1, "RUH-JED", -120, -20), departure_date=DAY)
    assert search(network(late), "RUH", "JED") == [(1,)]


@pytest.mark.parametrize(("wait", "legal"), [(44, False), (45, True), (46, True)])
def test_exactly_the_minimum_connecting_time_is_legal(wait, legal):
    found_in = network(segment(1, "DMM-RUH", 0, 60), segment(2, "RUH-CAI", 60 + wait, 240), minutes=45)
    assert search(found_in, "DMM", "CAI") == ([(1, 2)] if legal else [])


def test_the_minimum_connecting_time_is_that_of_the_two_segments():
    slow = network(
        segment(1, "DMM-RUH", 0, 60),
        segment(2, "RUH-CAI", 130, 240),
        segment(3, "RUH-CAI", 200, 310),
        minutes=lambda inbound, outbound: 90 if outbound.id == 2 else 60,
    )
    assert search(slow, "DMM", "CAI") == [(1, 3)]


@pytest.mark.parametrize(
    ("onward", "wait_minutes", "legal"),
    [("CAI", 24 * 60, True), ("CAI", 24 * 60 + 1, False), ("AHB", 6 * 60, True), ("AHB", 6 * 60 + 1, False)],
)
def test_a_connection_waits_at_most_24_hours_and_6_between_domestic_flights(onward, wait_minutes, legal):
    found_in = network(
        segment(1, "DMM-RUH", 0, 60), segment(2, f"RUH-{onward}", 60 + wait_minutes, 60 + wait_minutes + 90)
    )
    assert search(found_in, "DMM", onward) == ([(1, 2)] if legal else [])


def test_an_international_flight_into_a_domestic_one_may_wait_24_hours():
    found_in = network(segment(1, "CAI-RUH", 0, 60), segment(2, "RUH-JED", 60 + 24 * 60, 1600))
    assert search(found_in, "CAI", "JED") == [(1, 2)]


def test_the_number_of_connections_is_bounded_by_what_was_asked():
    found_in = network(segment(1, "DMM-RUH", 0, 60), segment(2, "RUH-JED", 120, 210), segment(3, "JED-CAI", 270, 390))
    assert search(found_in, "DMM", "CAI", max_connections=0) == []
    assert search(found_in, "DMM", "CAI", max_connections=1) == []
    assert search(found_in, "DMM", "CAI", max_connections=2) == [(1, 2, 3)]


def test_no_airport_is_visited_twice():
    back = network(segment(1, "DMM-RUH", 0, 60), segment(2, "RUH-DMM", 120, 180), segment(3, "DMM-CAI", 240, 400))
    assert search(back, "DMM", "CAI", max_connections=2) == [(3,)]
    through = network(segment(1, "DMM-CAI", 0, 60), segment(2, "CAI-RUH", 120, 180), segment(3, "RUH-CAI", 240, 400))
    assert search(through, "DMM", "CAI", max_connections=2) == [(1,)]


def test_two_parts_of_one_flight_date_are_no_connection():
    found_in = network(
        segment(1, "JED-RUH", 0, 60, flight=7),
        segment(2, "RUH-CAI", 150, 240, flight=7),
        segment(3, "JED-CAI", 0, 240, flight=7, legs=2),
    )
    assert search(found_in, "JED", "CAI") == [(3,)]
    assert search(found_in, "JED", "CAI", sellable=lambda part: part.id != 3) == []


def test_a_slower_connection_is_offered_when_the_faster_has_no_seat():
    found_in = network(segment(1, "DMM-RUH", 0, 60), segment(2, "RUH-CAI", 130, 300), segment(3, "RUH-CAI", 500, 700))
    assert search(found_in, "DMM", "CAI") == [(1, 2)]
    assert search(found_in, "DMM", "CAI", sellable=lambda part: part.id != 2) == [(1, 3)]


def test_an_earlier_arrival_with_more_stops_does_not_hide_one_with_fewer():
    found_in = network(
        segment(1, "DMM-RUH", 0, 600),
        segment(2, "RUH-CAI", 700, 800),
        segment(3, "DMM-JED", 60, 120),
        segment(4, "JED-AHB", 180, 240),
        segment(5, "AHB-CAI", 300, 360),
    )
    assert search(found_in, "DMM", "CAI", max_connections=2) == [(1, 2), (3, 4, 5)]


def test_nothing_is_offered_once_sales_are_closed():
    found_in = network(segment(1, "RUH-JED", 600, 700), segment(2, "RUH-JED", 601, 701))
    assert search(found_in, "RUH", "JED", sales_close_at=MIDNIGHT + timedelta(minutes=600)) == [(2,)]


def test_an_airport_without_flights_gives_an_empty_answer():
    found_in = network(segment(1, "RUH-JED", 600, 700))
    assert search(found_in, "JED", "RUH") == []
    assert search(found_in, "XXX", "JED") == []


def test_markets_are_the_routes_sold_without_a_connection():
    found_in = network(segment(1, "RUH-JED", 0, 60), segment(2, "JED-RUH", 100, 160), segment(3, "RUH-JED", 100, 160))
    assert found_in.markets == [("JED", "RUH"), ("RUH", "JED")]


AIRPORTS = ["RUH", "JED", "DMM", "AHB", "CAI", "DXB", "AMM"]


def random_network(seed):
    """A few dozen flights over two days between seven airports, some of them parts of flights of two legs."""
    rng = random.Random(seed)
    airports = AIRPORTS[: rng.randint(3, 7)]
    coarse = rng.choice([1, 15, 60])
    parts = []
    for flight in range(1, rng.randint(5, 60)):
        stops = rng.sample(airports, rng.choice([2, 2, 2, 3]) if len(airports) > 2 else 2)
        times = [rng.randrange(0, 2880, coarse)]
        for _ in range(len(stops) - 1):
            times += [times[-1] + rng.randrange(coarse, 300, coarse), 0]
            times[-1] = times[-2] + rng.randrange(30, 90)
        number = len(parts) + 1
        parts.append(segment(number, f"{stops[0]}-{stops[1]}", times[0], times[1], flight=flight))
        if len(stops) == 3:
            parts.append(segment(number + 1, f"{stops[1]}-{stops[2]}", times[2], times[3], flight=flight))
            parts.append(segment(number + 2, f"{stops[0]}-{stops[2]}", times[0], times[3], flight=flight, legs=2))
    closed = {part.id for part in parts if rng.random() < 0.15}
    waits = {(inbound, outbound): rng.choice([30, 45, 60, 90]) for inbound, outbound in product(AIRPORTS, AIRPORTS)}
    return parts, closed, lambda inbound, outbound: waits[inbound.origin, outbound.destination]


def try_everything(parts, closed, connecting, origin, destination, max_connections, sales_close_at):
    """Every legal itinerary, found by joining every segment with every other."""
    found = []

    def legal(inbound, outbound):
        wait = outbound.departs_at - inbound.arrives_at
        domestic = is_domestic(inbound.origin, inbound.destination) and is_domestic(
            outbound.origin, outbound.destination
        )
        return (
            inbound.destination == outbound.origin
            and inbound.flight_date_id != outbound.flight_date_id
            and timedelta(minutes=connecting(inbound, outbound)) <= wait <= timedelta(hours=6 if domestic else 24)
        )

    def follow(path):
        last = path[-1]
        if last.destination == destination:
            found.append(path)
        elif len(path) <= max_connections:
            seen = {origin, *(part.destination for part in path)}
            for part in parts:
                if part.id not in closed and part.destination not in seen and legal(last, part):
                    follow((*path, part))

    for part in parts:
        if (
            part.id not in closed
            and part.origin == origin
            and part.departure_date == DAY
            and part.departs_at > sales_close_at
        ):
            follow((part,))
    return found


def pareto(itineraries):
    """The (arrival, stops, duration) that no other is at least as good as in all three and better in one."""
    vectors = {(it[-1].arrives_at, landings(it), duration(it)) for it in itineraries}
    return {
        one
        for one in vectors
        if not any(other != one and all(a <= b for a, b in zip(other, one, strict=True)) for other in vectors)
    }


@settings(max_examples=300)
@given(st.integers(0, 10**9), st.integers(0, 2), st.sampled_from([-1, 0, 300, 900]))
def test_the_pareto_set_is_that_of_a_search_that_tries_everything(seed, max_connections, closes):
    parts, closed, connecting = random_network(seed)
    found_in = network(*parts, minutes=connecting)
    sales_close_at = MIDNIGHT + timedelta(minutes=closes)
    for origin, destination in product(AIRPORTS, AIRPORTS):
        if origin == destination:
            continue
        every = try_everything(parts, closed, connecting, origin, destination, max_connections, sales_close_at)
        found = find_itineraries(
            found_in,
            origin,
            destination,
            DAY,
            max_connections=max_connections,
            sales_close_at=sales_close_at,
            sellable=lambda part: part.id not in closed,
        )
        assert set(found) <= set(every)
        assert pareto(found) == pareto(every)
        assert {it for it in every if len(it) == 1} <= set(found)
        assert len(set(found)) == len(found)


@settings(max_examples=150)
@given(st.integers(0, 10**9))
def test_no_connection_that_is_offered_is_beaten_by_another_offered_or_not(seed):
    parts, closed, connecting = random_network(seed)
    found_in = network(*parts, minutes=connecting)
    for origin, destination in product(AIRPORTS[:4], AIRPORTS[:4]):
        if origin == destination:
            continue
        every = try_everything(parts, closed, connecting, origin, destination, 2, LONG_AGO)
        found = find_itineraries(
            found_in,
            origin,
            destination,
            DAY,
            max_connections=2,
            sales_close_at=LONG_AGO,
            sellable=lambda part: part.id not in closed,
        )
        quality = {(-it[0].departs_at.timestamp(), it[-1].arrives_at, landings(it)) for it in every}
        for it in found:
            mine = (-it[0].departs_at.timestamp(), it[-1].arrives_at, landings(it))
            if len(it) > 1:
                assert not any(o != mine and all(a <= b for a, b in zip(o, mine, strict=True)) for o in quality)
        connections = [(it[0].departs_at, it[-1].arrives_at, landings(it)) for it in found if len(it) > 1]
        assert len(set(connections)) == len(connections)
