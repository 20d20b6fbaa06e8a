"""From itineraries to the rows of flight dates, legs and segments that a schedule asks for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from ais.schedule.ssim.expansion import Itinerary, Operation, operate, operating_days, skipped_times
from ais.schedule.ssim.rules import SOLD_SERVICE_TYPES, cabins_of, flight_designators
from ais.schedule.ssim.zones import MINUTES_PER_DAY, ZoneClocks, date_of_day

Progress = Callable[[int, int], None]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CODESHARES, _OPERATED_BY = "010", "050"


class Window(NamedTuple):
    """The dates over which a source is the truth for a carrier: what it does not have there is cancelled."""

    carrier: str
    first_date: date
    last_date: date


class FlightRow(NamedTuple):
    """A flight date that the schedule asks for; ``number`` joins its legs and segments to it."""

    number: int
    carrier: str
    flight_number: int
    suffix: str
    departure_date: date
    schedule_date: date
    service_type: str
    on_sale: bool
    first_departure_at: datetime


class LegRow(NamedTuple):
    """A leg of :class:`FlightRow` ``number``."""

    number: int
    sequence: int
    origin: str
    destination: str
    scheduled_departure_at: datetime
    scheduled_arrival_at: datetime
    passenger_departure_at: datetime
    passenger_arrival_at: datetime
    departure_terminal: str
    arrival_terminal: str
    aircraft_type: str
    configuration: str
    booking_classes: str
    aircraft_registration: str | None


class SegmentRow(NamedTuple):
    """What is sold from a leg's departure to the same or a later leg's arrival."""

    number: int
    board_sequence: int
    off_sequence: int
    origin: str
    destination: str
    departs_at: datetime
    arrives_at: datetime
    departure_date: date
    marketing_carrier: str
    marketing_flight_number: str
    operating_carrier: str
    operating_flight_number: str
    codeshares: str
    traffic_restriction: str
    on_sale: bool


class Wanted:
    """Rows that a source asks for, gathered before they are compared with what exists."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.flights: list[FlightRow] = []
        self.legs: list[LegRow] = []
        self.segments: list[SegmentRow] = []
        self.moved_local_times = 0


class _SegmentPlan(NamedTuple):
    """The part of a segment that every date of an itinerary shares."""

    board: int
    off: int
    operating_carrier: str
    operating_flight_number: str
    codeshares: str
    traffic_restriction: str


def share(progress: Progress | None, start: int, end: int) -> Progress | None:
    """The progress of a part of the work, told as that of the whole: from ``start`` to ``end`` thousandths of it."""
    if progress is None:
        return None

    def tell(done: int, total: int) -> None:
        progress(start + (end - start) * done // max(total, 1), 1000)

    return tell


def instant(minutes: int) -> datetime:
    """The instant of minutes since the Unix epoch."""
    return _EPOCH + timedelta(minutes=minutes)


def add_itineraries(
    wanted: Wanted,
    itineraries: Iterable[Itinerary],
    clocks: ZoneClocks,
    first: date,
    last: date,
    progress: Progress | None = None,
) -> None:
    """Put the flight dates whose schedule day lies from ``first`` to ``last`` into ``wanted``."""
    everything = list(itineraries)
    for done, itinerary in enumerate(everything, start=1):
        plans = _segment_plans(itinerary)
        for day in operating_days(itinerary, first, last):
            _add_operation(wanted, itinerary, operate(itinerary, day, clocks), plans, clocks)
            wanted.moved_local_times += skipped_times(itinerary, day, clocks)
        if progress is not None and (done % 100 == 0 or done == len(everything)):
            progress(done, len(everything))


def sold_configuration(configuration: str) -> str:
    """The cabins of an aircraft configuration without cargo and version: ``C12Y138VV320`` is ``C12Y138``."""
    return "".join(f"{letter}{seats}" for letter, seats in cabins_of(configuration))


def _add_operation(
    wanted: Wanted, itinerary: Itinerary, operation: Operation, plans: tuple[_SegmentPlan, ...], clocks: ZoneClocks
) -> None:
    number = len(wanted.flights)
    service_type = itinerary.record.service_type
    on_sale = service_type in SOLD_SERVICE_TYPES
    wanted.flights.append(
        FlightRow(
            number,
            itinerary.carrier,
            itinerary.flight_number,
            itinerary.suffix,
            date_of_day(operation.departure_day),
            date_of_day(operation.schedule_day),
            service_type,
            on_sale,
            instant(operation.legs[0].departure),
        )
    )
    for sequence, (leg, times) in enumerate(zip(itinerary.legs, operation.legs, strict=True), start=1):
        record = leg.record
        wanted.legs.append(
            LegRow(
                number,
                sequence,
                leg.origin,
                leg.destination,
                instant(times.departure),
                instant(times.arrival),
                instant(times.passenger_departure),
                instant(times.passenger_arrival),
                record.departure_terminal.strip(),
                record.arrival_terminal.strip(),
                record.aircraft_type,
                sold_configuration(record.configuration),
                record.booking_classes.rstrip(),
                None,
            )
        )
    own_number = f"{itinerary.flight_number}{itinerary.suffix}"
    for plan in plans:
        board, off = itinerary.legs[plan.board - 1], itinerary.legs[plan.off - 1]
        departure = operation.legs[plan.board - 1].passenger_departure
        local = clocks.at(board.origin).to_local(departure)
        wanted.segments.append(
            SegmentRow(
                number,
                plan.board,
                plan.off,
                board.origin,
                off.destination,
                instant(departure),
                instant(operation.legs[plan.off - 1].passenger_arrival),
                date_of_day(local // MINUTES_PER_DAY),
                itinerary.carrier,
                own_number,
                plan.operating_carrier,
                plan.operating_flight_number,
                plan.codeshares,
                plan.traffic_restriction,
                on_sale and not plan.traffic_restriction and board.origin != off.destination,
            )
        )


def _segment_plans(itinerary: Itinerary) -> tuple[_SegmentPlan, ...]:
    """Every pair of a board and a later off point. A leg's k-th traffic restriction is about its k-th off point."""
    own = (itinerary.carrier, f"{itinerary.flight_number}{itinerary.suffix}")
    elements: dict[tuple[int, int, str], str] = {}
    for leg in itinerary.legs:
        for data in leg.segment_data:
            elements[data.board_sequence, data.off_sequence, data.data_element] = data.data
    plans = []
    for board, leg in enumerate(itinerary.legs, start=1):
        restrictions = leg.record.traffic_restrictions
        for off in range(board, len(itinerary.legs) + 1):
            flown_as = flight_designators(elements.get((board, off, _OPERATED_BY), "")) or (own,)
            sold_as = flight_designators(elements.get((board, off, _CODESHARES), "")) or ()
            place = off - board
            plans.append(
                _SegmentPlan(
                    board,
                    off,
                    *flown_as[0],
                    " ".join(carrier + number for carrier, number in sold_as),
                    restrictions[place].strip() if place < len(restrictions) else "",
                )
            )
    return tuple(plans)
