"""What is on sale, as one immutable picture in memory.

A search reads no database: it asks this snapshot which flights leave an airport on a local date. Rows lie in flat
arrays sorted by origin and departure, some 45 bytes each; what the caller sees is built when it is asked for and
remembered while there is room.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec

from ais.schedule.connecting import ConnectingTimes, Connection

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_REMEMBERED_SEGMENTS = 40_000


class TimetableSegment(msgspec.Struct, frozen=True):
    """One flight date between a board and an off point: what is sold under one flight number.

    Times are the passengers', in UTC; ``departure_date`` is local at ``origin``. ``leg_ids`` are the legs it is
    counted on, in order. ``cabins`` are those that every leg has. ``flight_number`` carries the operational suffix.
    """

    id: int
    flight_date_id: UUID
    marketing_carrier: str
    flight_number: str
    operating_carrier: str
    operating_flight_number: str
    origin: str
    destination: str
    departs_at: datetime
    arrives_at: datetime
    departure_date: date
    departure_terminal: str
    arrival_terminal: str
    aircraft: str
    leg_ids: tuple[int, ...]
    cabins: frozenset[str]


class SegmentKind(msgspec.Struct, frozen=True):
    """The part of a segment that many dates share."""

    marketing_carrier: str
    flight_number: str
    operating_carrier: str
    operating_flight_number: str
    origin: str
    destination: str
    departure_terminal: str
    arrival_terminal: str
    aircraft: str
    cabins: frozenset[str]


class TimetableRow(msgspec.Struct, frozen=True):
    """A segment on its way into the timetable."""

    id: int
    flight_date_id: UUID
    departs_at: datetime
    arrives_at: datetime
    departure_date: date
    leg_ids: Sequence[int]
    kind: SegmentKind


class TimetableBuilder:
    """Takes rows in order of (origin, departure) and makes the timetable."""

    def __init__(self) -> None:
        self.ids = array("q")
        self.departs = array("i")
        self.arrives = array("i")
        self.dates = array("i")
        self.kinds = array("i")
        self.leg_starts = array("i", [0])
        self.legs = array("q")
        self.flight_dates = bytearray()
        self.kind_list: list[SegmentKind] = []
        self.ranges: dict[str, tuple[int, int]] = {}
        self._kind_numbers: dict[SegmentKind, int] = {}

    def add(self, row: TimetableRow) -> None:
        self.append(
            self.kind_number(row.kind),
            row.id,
            row.flight_date_id,
            _minutes(row.departs_at),
            _minutes(row.arrives_at),
            row.departure_date.toordinal(),
            row.leg_ids,
        )

    def kind_number(self, kind: SegmentKind) -> int:
        """The number under which :meth:`append` takes segments of this kind."""
        number = self._kind_numbers.setdefault(kind, len(self.kind_list))
        if number == len(self.kind_list):
            self.kind_list.append(kind)
        return number

    def append(
        self,
        kind: int,
        segment_id: int,
        flight_date_id: UUID,
        departs: int,
        arrives: int,
        date_ordinal: int,
        leg_ids: Iterable[int],
    ) -> None:
        """Add a segment; ``departs`` and ``arrives`` are whole minutes since the Unix epoch."""
        position = len(self.ids)
        origin = self.kind_list[kind].origin
        first, after = self.ranges.get(origin, (position, position))
        if after != position or (after > first and self.departs[-1] > departs):
            raise ValueError("rows must come sorted by origin and departure")
        self.ranges[origin] = (first, position + 1)
        self.ids.append(segment_id)
        self.departs.append(departs)
        self.arrives.append(arrives)
        self.dates.append(date_ordinal)
        self.kinds.append(kind)
        self.flight_dates += flight_date_id.bytes
        self.legs.extend(leg_ids)
        self.leg_starts.append(len(self.legs))

    def build(self, *, version: int, connecting_times: ConnectingTimes, country_of: Mapping[str, str]) -> Timetable:
        return Timetable(self, version=version, connecting_times=connecting_times, country_of=country_of)


class Timetable:
    """Every segment on sale that had not left when it was loaded. Never changes; a new ``version`` is a new object."""

    def __init__(
        self,
        rows: TimetableBuilder,
        *,
        version: int,
        connecting_times: ConnectingTimes,
        country_of: Mapping[str, str],
    ) -> None:
        self.version = version
        self._rows = rows
        self._connecting_times = connecting_times
        self._country_of = dict(country_of)
        order = sorted(range(len(rows.ids)), key=rows.ids.__getitem__)
        self._sorted_ids = array("q", (rows.ids[position] for position in order))
        self._order = array("i", order)
        self._built: dict[int, TimetableSegment] = {}

    def __len__(self) -> int:
        return len(self._sorted_ids)

    @property
    def airports(self) -> frozenset[str]:
        """The airports that a segment leaves from or arrives at."""
        return frozenset(self._rows.ranges) | {kind.destination for kind in self._rows.kind_list}

    def departures(self, origin: str, local_date: date) -> Sequence[TimetableSegment]:
        """The segments that leave ``origin`` on that date by its own calendar, in order of departure."""
        first, after = self._rows.ranges.get(origin, (0, 0))
        day = local_date.toordinal()
        start = bisect_left(self._rows.dates, day, first, after)
        end = bisect_left(self._rows.dates, day + 1, start, after)
        return self._segments(start, end)

    def departures_between(self, origin: str, start: datetime, end: datetime) -> Sequence[TimetableSegment]:
        """The segments that leave ``origin`` at or after ``start`` and before ``end``, in order of departure."""
        first, after = self._rows.ranges.get(origin, (0, 0))
        earliest = bisect_left(self._rows.departs, _minutes_up(start), first, after)
        latest = bisect_left(self._rows.departs, _minutes_up(end), earliest, after)
        return self._segments(earliest, latest)

    def segment(self, segment_id: int) -> TimetableSegment | None:
        """The segment of that id, or None if it is not on sale (any more)."""
        place = bisect_left(self._sorted_ids, segment_id)
        if place == len(self._sorted_ids) or self._sorted_ids[place] != segment_id:
            return None
        position = self._order[place]
        return self._segments(position, position + 1)[0]

    def is_domestic(self, segment: TimetableSegment) -> bool:
        """Whether both ends lie in one country."""
        return self._country_of[segment.origin] == self._country_of[segment.destination]

    def connecting_minutes(self, inbound: TimetableSegment, outbound: TimetableSegment) -> int:
        """The least minutes between the two at the airport where they meet; exactly so many are enough."""
        if inbound.destination != outbound.origin:
            raise ValueError(f"{inbound.destination} and {outbound.origin} are not one airport")
        kind = f"{'D' if self.is_domestic(inbound) else 'I'}{'D' if self.is_domestic(outbound) else 'I'}"
        return self._connecting_times.minutes(
            Connection(
                airport=inbound.destination,
                kind=kind,
                arrival_terminal=inbound.arrival_terminal,
                departure_terminal=outbound.departure_terminal,
                arrival_carrier=inbound.operating_carrier,
                departure_carrier=outbound.operating_carrier,
            )
        )

    def _segments(self, start: int, end: int) -> list[TimetableSegment]:
        if len(self._built) > _REMEMBERED_SEGMENTS:
            self._built = {}
        built = self._built
        result = []
        for position in range(start, end):
            segment = built.get(position)
            if segment is None:
                segment = built[position] = self._build(position)
            result.append(segment)
        return result

    def _build(self, position: int) -> TimetableSegment:
        rows = self._rows
        kind = rows.kind_list[rows.kinds[position]]
        return TimetableSegment(
            id=rows.ids[position],
            flight_date_id=UUID(bytes=bytes(rows.flight_dates[16 * position : 16 * position + 16])),
            departs_at=_EPOCH + timedelta(minutes=rows.departs[position]),
            arrives_at=_EPOCH + timedelta(minutes=rows.arrives[position]),
            departure_date=date.fromordinal(rows.dates[position]),
            leg_ids=tuple(rows.legs[rows.leg_starts[position] : rows.leg_starts[position + 1]]),
            marketing_carrier=kind.marketing_carrier,
            flight_number=kind.flight_number,
            operating_carrier=kind.operating_carrier,
            operating_flight_number=kind.operating_flight_number,
            origin=kind.origin,
            destination=kind.destination,
            departure_terminal=kind.departure_terminal,
            arrival_terminal=kind.arrival_terminal,
            aircraft=kind.aircraft,
            cabins=kind.cabins,
        )


def build_timetable(
    rows: Iterable[TimetableRow],
    *,
    country_of: Mapping[str, str],
    connecting_times: ConnectingTimes,
    version: int = 1,
) -> Timetable:
    """The timetable of rows in any order: for tests of searches, and for networks that no database holds."""
    builder = TimetableBuilder()
    for row in sorted(rows, key=lambda row: (row.kind.origin, row.departs_at)):
        builder.add(row)
    return builder.build(version=version, connecting_times=connecting_times, country_of=country_of)


def _minutes(instant: datetime) -> int:
    return (instant - _EPOCH) // _MINUTE


def _minutes_up(instant: datetime) -> int:
    """The first whole minute that is not before ``instant``."""
    return -((_EPOCH - instant) // _MINUTE)
