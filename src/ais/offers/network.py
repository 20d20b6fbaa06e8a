"""The search for itineraries: which sold segments bring a traveller from A to B on a day.

Pure: it reads a timetable and asks a predicate whether a segment may be sold, and does nothing else. What it promises
is written in docs/algorithms/shopping.md and held by property tests against a search that simply tries everything.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Generic, Protocol, TypeVar
from uuid import UUID

CONNECTIONS_MAX = 2
INTERNATIONAL_CONNECTION_MAX = timedelta(hours=24)
DOMESTIC_CONNECTION_MAX = timedelta(hours=6)
# Departures grouped by airport and day that are remembered; past this the memory starts empty again.
_REMEMBERED_DAYS = 20_000
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_EVER = (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))


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
    def leg_ids(self) -> Sequence[int]: ...


SegmentT = TypeVar("SegmentT", bound=NetworkSegment)
Itinerary = tuple[SegmentT, ...]


class SoldSegments(Protocol[SegmentT]):
    """What the search asks of a timetable; segments come in order of departure."""

    @property
    def airports(self) -> Collection[str]: ...
    def departures(self, origin: str, local_date: date) -> Sequence[SegmentT]: ...
    def departures_between(self, origin: str, start: datetime, end: datetime) -> Sequence[SegmentT]: ...
    def is_domestic(self, segment: SegmentT) -> bool: ...
    def connecting_minutes(self, inbound: SegmentT, outbound: SegmentT) -> int: ...


class _Departures(Generic[SegmentT]):
    """What leaves one airport for another on one day, in order, with the column that is bisected."""

    __slots__ = ("at", "is_domestic", "segments")

    def __init__(self, segments: list[SegmentT], *, is_domestic: bool) -> None:
        self.segments = segments
        self.at = [segment.departs_at for segment in segments]
        self.is_domestic = is_domestic


_Day = Mapping[str, _Departures[SegmentT]]


class Network(Generic[SegmentT]):
    """The routes of one version of the timetable and what can be reached over them; made once per version."""

    def __init__(self, timetable: SoldSegments[SegmentT]) -> None:
        self.timetable = timetable
        self._feeders: dict[str, set[str]] = {}
        self._flights_to: dict[str, dict[str, int]] = {}
        self._local_days: dict[tuple[str, date], _Day[SegmentT]] = {}
        self._utc_days: dict[tuple[str, date], _Day[SegmentT]] = {}
        legs_max = 1
        for airport in timetable.airports:
            for segment in timetable.departures_between(airport, *_EVER):
                self._feeders.setdefault(segment.destination, set()).add(airport)
                legs_max = max(legs_max, len(segment.leg_ids))
        self.landings_max = (CONNECTIONS_MAX + 1) * legs_max

    @property
    def markets(self) -> list[tuple[str, str]]:
        """Every pair of airports between which a flight is sold without a connection, sorted."""
        return sorted((origin, destination) for destination, feeders in self._feeders.items() for origin in feeders)

    def flights_to(self, destination: str) -> Mapping[str, int]:
        """The least number of flights, at most three, from each airport to ``destination``; absent: out of reach."""
        known = self._flights_to.get(destination)
        if known is None:
            known, edge = {destination: 0}, {destination}
            for flights in range(1, CONNECTIONS_MAX + 2):
                edge = {origin for airport in edge for origin in self._feeders.get(airport, ())} - known.keys()
                known.update(dict.fromkeys(edge, flights))
            self._flights_to[destination] = known
        return known

    def on_local_date(self, origin: str, day: date) -> _Day[SegmentT]:
        """What leaves ``origin`` on that date of its own calendar, by destination."""
        known = self._local_days.get((origin, day))
        if known is None:
            known = self._remember(self._local_days, origin, day, self.timetable.departures(origin, day))
        return known

    def on_utc_date(self, origin: str, day: date) -> _Day[SegmentT]:
        """What leaves ``origin`` on that date of UTC, by destination."""
        known = self._utc_days.get((origin, day))
        if known is None:
            start = datetime.combine(day, time.min, UTC)
            found = self.timetable.departures_between(origin, start, start + _DAY)
            known = self._remember(self._utc_days, origin, day, found)
        return known

    def _remember(
        self, days: dict[tuple[str, date], _Day[SegmentT]], origin: str, day: date, found: Iterable[SegmentT]
    ) -> _Day[SegmentT]:
        if len(days) >= _REMEMBERED_DAYS:
            days.clear()
        grouped: dict[str, list[SegmentT]] = {}
        for segment in found:
            grouped.setdefault(segment.destination, []).append(segment)
        known = days[origin, day] = {
            destination: _Departures(segments, is_domestic=self.timetable.is_domestic(segments[0]))
            for destination, segments in grouped.items()
        }
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
    flights_to = network.flights_to(destination)
    firsts = [
        (departs_at, airport == destination, segment.id, segment, departures.is_domestic)
        for airport, departures in network.on_local_date(origin, departure_date).items()
        if flights_to.get(airport, flights_left) < flights_left
        for departs_at, segment in zip(departures.at, departures.segments, strict=True)
    ]
    # Latest departure first: whatever is found bounds the arrival of all that departs earlier.
    firsts.sort(reverse=True)
    for departs_at, _, _, segment, is_domestic in firsts:
        if departs_at <= sales_close_at:
            break
        search.extend((segment,), len(segment.leg_ids) - 1, is_domestic, flights_left - 1)
    found = search.found if flights_left == 1 else _without_dominated(search.found)
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
        self._within: dict[int, list[str]] = {}
        self._earliest: list[datetime | None] = [None] * (network.landings_max + 1)

    def extend(self, path: Itinerary[SegmentT], stops: int, is_domestic: bool, connections_left: int) -> None:
        """Follow ``path``, whose last segment has not been looked at yet, to the destination in every useful way.

        ``stops`` are its landings, ``is_domestic`` speaks of its last segment. Whether that is sellable is asked only
        when something follows it.
        """
        last = path[-1]
        if last.destination == self.destination:
            if (len(path) == 1 or not self._is_beaten(last.arrives_at, stops)) and self.sellable(last):
                self._keep(path, stops)
            return
        if connections_left == 0 or self._is_beaten(last.arrives_at, stops + 1):
            return
        visited = {self.origin, *(segment.destination for segment in path)}
        last_day = (last.arrives_at + INTERNATIONAL_CONNECTION_MAX).date()
        day = last.arrives_at.date()
        while day <= last_day:
            departures_on = self.network.on_utc_date(last.destination, day)
            for airport in self.within(connections_left):
                if airport not in visited and (departures := departures_on.get(airport)) is not None:
                    self._connect(path, stops + 1, is_domestic, departures, connections_left - 1)
            day += _DAY

    def within(self, flights: int) -> Sequence[str]:
        """The airports from which fewer than ``flights`` flights lead to the destination, itself included."""
        known = self._within.get(flights)
        if known is None:
            known = self._within[flights] = [each for each, least in self.flights_to.items() if least < flights]
        return known

    def _connect(
        self,
        path: Itinerary[SegmentT],
        stops: int,
        is_domestic: bool,
        onward: _Departures[SegmentT],
        connections_left: int,
    ) -> None:
        """Go on from ``path`` by each departure that is a legal connection; ``stops`` includes the landing there."""
        inbound = path[-1]
        arrives_at = inbound.arrives_at
        latest = arrives_at + connection_limit(inbound_is_domestic=is_domestic, outbound_is_domestic=onward.is_domestic)
        for position in range(bisect_left(onward.at, arrives_at), len(onward.at)):
            departs_at = onward.at[position]
            if departs_at > latest or self._is_beaten(departs_at, stops):
                return
            outbound = onward.segments[position]
            # Two parts of one flight date are sold as the segment that spans them, or not at all.
            if outbound.flight_date_id == inbound.flight_date_id:
                continue
            if departs_at - arrives_at < self.network.timetable.connecting_minutes(inbound, outbound) * _MINUTE:
                continue
            if not self.sellable(inbound):
                return
            landed = stops + len(outbound.leg_ids) - 1
            self.extend((*path, outbound), landed, onward.is_domestic, connections_left)

    def _keep(self, path: Itinerary[SegmentT], stops: int) -> None:
        self.found.append(path)
        arrives_at = path[-1].arrives_at
        for landed in range(stops, len(self._earliest)):
            earliest = self._earliest[landed]
            if earliest is not None and earliest <= arrives_at:
                break
            self._earliest[landed] = arrives_at

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
