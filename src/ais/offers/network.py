"""The search for itineraries: which sold segments bring a traveller from A to B on a day.

Pure: it reads a timetable and asks a predicate whether a segment may be sold, and does nothing else. What it promises
is written in docs/algorithms/shopping.md and held by property tests against a search that simply tries everything.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Generic, Protocol, TypeVar
from uuid import UUID

CONNECTIONS_MAX = 2
INTERNATIONAL_CONNECTION_MAX = timedelta(hours=24)
DOMESTIC_CONNECTION_MAX = timedelta(hours=6)
_MINUTE = timedelta(minutes=1)


class NetworkSegment(Protocol):
    """What the search needs to know of a sold segment. Instants are UTC, ``departure_date`` is local at the origin."""

    @property
    def id(self) -> int: ...
    @property
    def flight_date_id(self) -> UUID: ...
    @property
    def origin(self) -> str: ...
    @property
    def destination(self) -> str: ...
    @property
    def departs_at(self) -> datetime: ...
    @property
    def arrives_at(self) -> datetime: ...
    @property
    def departure_date(self) -> date: ...
    @property
    def leg_ids(self) -> Sequence[int]: ...


SegmentT = TypeVar("SegmentT", bound=NetworkSegment)
Itinerary = tuple[SegmentT, ...]


class _Route(Generic[SegmentT]):
    """Every sold segment from one airport to another, in order of departure, with the columns that are bisected."""

    __slots__ = ("dates", "departures", "is_domestic", "segments")

    def __init__(self, segments: list[SegmentT], *, is_domestic: bool) -> None:
        segments.sort(key=lambda segment: (segment.departs_at, segment.arrives_at, segment.id))
        self.segments = segments
        self.departures = [segment.departs_at for segment in segments]
        self.dates = [segment.departure_date for segment in segments]
        self.is_domestic = is_domestic

    def on(self, day: date) -> list[SegmentT]:
        return self.segments[bisect_left(self.dates, day) : bisect_left(self.dates, day + timedelta(days=1))]


class Network(Generic[SegmentT]):
    """The routes of one version of the timetable and what can be reached over them; built once per version."""

    def __init__(
        self,
        segments: Iterable[SegmentT],
        *,
        is_domestic: Callable[[str, str], bool],
        connecting_minutes: Callable[[SegmentT, SegmentT], int],
    ) -> None:
        grouped: dict[str, dict[str, list[SegmentT]]] = {}
        for segment in segments:
            grouped.setdefault(segment.origin, {}).setdefault(segment.destination, []).append(segment)
        self.routes: dict[str, dict[str, _Route[SegmentT]]] = {
            origin: {
                destination: _Route(found, is_domestic=is_domestic(origin, destination))
                for destination, found in sorted(by_destination.items())
            }
            for origin, by_destination in sorted(grouped.items())
        }
        self.connecting_minutes = connecting_minutes
        legs_max = max((len(segment.leg_ids) for segment in self.segments()), default=1)
        self.landings_max = (CONNECTIONS_MAX + 1) * legs_max
        self._feeders: dict[str, set[str]] = {}
        for origin, by_destination in self.routes.items():
            for destination in by_destination:
                self._feeders.setdefault(destination, set()).add(origin)
        self._flights_to: dict[str, dict[str, int]] = {}

    def segments(self) -> Iterator[SegmentT]:
        """Every sold segment, by route and departure."""
        for by_destination in self.routes.values():
            for route in by_destination.values():
                yield from route.segments

    @property
    def markets(self) -> list[tuple[str, str]]:
        """Every pair of airports with a flight that is sold between them without a connection, sorted."""
        return [(origin, destination) for origin, found in self.routes.items() for destination in found]

    def flights_to(self, destination: str) -> dict[str, int]:
        """The least number of flights, at most three, from each airport to ``destination``; absent: out of reach."""
        known = self._flights_to.get(destination)
        if known is None:
            known, edge = {destination: 0}, {destination}
            for flights in range(1, CONNECTIONS_MAX + 2):
                edge = {origin for airport in edge for origin in self._feeders.get(airport, ())} - known.keys()
                known.update(dict.fromkeys(edge, flights))
            self._flights_to[destination] = known
        return known


def landings(itinerary: Itinerary[SegmentT]) -> int:
    """How often the traveller lands on the way: at connections, and where a flight of several legs stops."""
    return sum(len(segment.leg_ids) for segment in itinerary) - 1


def duration(itinerary: Itinerary[SegmentT]) -> timedelta:
    """From the first departure to the last arrival."""
    return itinerary[-1].arrives_at - itinerary[0].departs_at


def duration_minutes(itinerary: Itinerary[SegmentT]) -> int:
    return duration(itinerary) // _MINUTE


def connection_limit(*, inbound_is_domestic: bool, outbound_is_domestic: bool) -> timedelta:
    """The longest wait that is still a connection: 6 h between two domestic flights, 24 h otherwise."""
    both = inbound_is_domestic and outbound_is_domestic
    return DOMESTIC_CONNECTION_MAX if both else INTERNATIONAL_CONNECTION_MAX


def find_itineraries(
    network: Network[SegmentT],
    origin: str,
    destination: str,
    departure_date: date,
    *,
    max_connections: int,
    sales_close_at: datetime,
    sellable: Callable[[SegmentT], bool],
) -> list[Itinerary[SegmentT]]:
    """The itineraries worth offering from ``origin`` on its local ``departure_date``, in order of :func:`preference`.

    Every segment of them is ``sellable`` and departs after ``sales_close_at``; no airport is visited twice; every wait
    is at least the minimum connecting time and at most :func:`connection_limit`. All direct flights are among them. A
    connection is left out if another itinerary departs no earlier, arrives no later and lands no more often, and is
    better in one of these; of several that are equal in all three, the one with the fewest connections stays. So for
    every legal itinerary the answer holds one at least as good in arrival, stops and duration: its Pareto set in these
    three is that of all legal itineraries.
    """
    search = _Search(network, origin, destination, sellable)
    flights_left = min(max_connections, CONNECTIONS_MAX) + 1
    firsts: list[tuple[SegmentT, bool]] = []
    flights_to = network.flights_to(destination)
    for airport, route in network.routes.get(origin, {}).items():
        if flights_to.get(airport, flights_left) < flights_left:
            firsts.extend((segment, route.is_domestic) for segment in route.on(departure_date))
    # Latest departure first: whatever is found bounds the arrival of all that departs earlier.
    firsts.sort(key=lambda first: (first[0].departs_at, first[0].destination == destination), reverse=True)
    for segment, is_domestic in firsts:
        if segment.departs_at <= sales_close_at:
            break
        search.extend((segment,), is_domestic, flights_left - 1)
    found = _without_dominated(search.found)
    found.sort(key=preference)
    return found


def preference(itinerary: Itinerary[SegmentT]) -> tuple[int, int, timedelta, datetime, tuple[int, ...]]:
    """The order in which itineraries are taken where not all can be: connections, landings, duration, departure."""
    return (
        len(itinerary),
        landings(itinerary),
        duration(itinerary),
        itinerary[0].departs_at,
        tuple(segment.id for segment in itinerary),
    )


class _Search(Generic[SegmentT]):
    """One search's findings, and per number of landings the earliest arrival among them."""

    def __init__(
        self,
        network: Network[SegmentT],
        origin: str,
        destination: str,
        sellable: Callable[[SegmentT], bool],
    ) -> None:
        self.network = network
        self.origin = origin
        self.destination = destination
        self.sellable = sellable
        self.flights_to = network.flights_to(destination)
        self.found: list[Itinerary[SegmentT]] = []
        self._earliest: list[datetime | None] = [None] * (network.landings_max + 1)

    def extend(self, path: Itinerary[SegmentT], is_domestic: bool, connections_left: int) -> None:
        """Follow ``path``, whose last segment has not been looked at yet, to the destination in every useful way.

        ``is_domestic`` speaks of that last segment.
        """
        last = path[-1]
        stops = landings(path)
        direct = len(path) == 1 and last.destination == self.destination
        if (not direct and self._is_beaten(last.arrives_at, stops)) or not self.sellable(last):
            return
        if last.destination == self.destination:
            self.found.append(path)
            for position in range(stops, len(self._earliest)):
                earliest = self._earliest[position]
                if earliest is not None and earliest <= last.arrives_at:
                    break
                self._earliest[position] = last.arrives_at
            return
        if connections_left == 0:
            return
        visited = {self.origin, *(segment.destination for segment in path)}
        for airport, route in self.network.routes.get(last.destination, {}).items():
            if self.flights_to.get(airport, CONNECTIONS_MAX + 1) >= connections_left or airport in visited:
                continue
            self._connect(path, is_domestic, route, connections_left - 1)

    def _connect(
        self, path: Itinerary[SegmentT], is_domestic: bool, route: _Route[SegmentT], connections_left: int
    ) -> None:
        inbound = path[-1]
        arrives_at, stops = inbound.arrives_at, landings(path) + 1
        latest = arrives_at + connection_limit(inbound_is_domestic=is_domestic, outbound_is_domestic=route.is_domestic)
        segments, departures = route.segments, route.departures
        for position in range(bisect_left(departures, arrives_at), len(segments)):
            departs_at = departures[position]
            if departs_at > latest or self._is_beaten(departs_at, stops):
                return
            outbound = segments[position]
            # Two parts of one flight date are sold as the segment that spans them, or not at all.
            if outbound.flight_date_id == inbound.flight_date_id:
                continue
            if departs_at - arrives_at >= self.network.connecting_minutes(inbound, outbound) * _MINUTE:
                self.extend((*path, outbound), route.is_domestic, connections_left)

    def _is_beaten(self, at: datetime, stops: int) -> bool:
        """Whether something found, which departs no earlier, arrives before ``at`` with no more stops."""
        earliest = self._earliest[stops]
        return earliest is not None and earliest < at


def _without_dominated(found: Collection[Itinerary[SegmentT]]) -> list[Itinerary[SegmentT]]:
    """The direct flights, and of the connections those that nothing else beats or equals."""
    ranked = sorted(
        found,
        key=lambda itinerary: (
            -itinerary[0].departs_at.timestamp(),
            itinerary[-1].arrives_at,
            landings(itinerary),
            len(itinerary),
            tuple(segment.id for segment in itinerary),
        ),
    )
    kept: list[Itinerary[SegmentT]] = []
    earliest: dict[int, datetime] = {}
    for itinerary in ranked:
        arrives_at, stops = itinerary[-1].arrives_at, landings(itinerary)
        beaten = any(arrival <= arrives_at and landed <= stops for landed, arrival in earliest.items())
        if beaten and len(itinerary) > 1:
            continue
        kept.append(itinerary)
        if stops not in earliest or arrives_at < earliest[stops]:
            earliest[stops] = arrives_at
    return kept
