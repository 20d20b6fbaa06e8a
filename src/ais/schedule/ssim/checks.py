"""What the records of a file must agree on with each other, with the calendar and with the zone database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import msgspec

from ais.schedule.ssim import rules
from ais.schedule.ssim.columns import Column, Record, SsimError, write_date, write_variation
from ais.schedule.ssim.expansion import (
    Itinerary,
    Operation,
    itinerary_of,
    last_date_to_check,
    operate,
    operating_days,
)
from ais.schedule.ssim.reader import CarrierSchedule, LegGroup, ScheduleFile
from ais.schedule.ssim.records import CarrierRecord, FlightLegRecord, SegmentDataRecord, TrailerRecord
from ais.schedule.ssim.zones import MINUTES_PER_DAY, ZoneClocks, ZoneOf, date_of_day

LONGEST_LEG_MINUTES = 24 * 60
LONGEST_STOP_MINUTES = 24 * 60
# Passengers are told to be there before, or are told the same; more than this is a slip of the pen.
LARGEST_PASSENGER_DIFFERENCE_MINUTES = 180
FLIGHT_LIST_ELEMENT, OPERATED_BY_ELEMENT = "010", "050"

Known = Callable[[str], bool]


class Reference(msgspec.Struct, frozen=True):
    """What a file is checked against: zones of airports, and (where given) known aircraft types and carriers."""

    zone_of: ZoneOf
    knows_aircraft: Known | None = None
    knows_carrier: Known | None = None


class CheckedCarrier(msgspec.Struct, frozen=True):
    """A carrier's schedule without errors: its records and the itineraries they make."""

    schedule: CarrierSchedule
    itineraries: tuple[Itinerary, ...]


def check_file(file: ScheduleFile, reference: Reference) -> tuple[list[CheckedCarrier], list[SsimError]]:
    """The itineraries of a file that was read, and everything in which its records do not agree."""
    clocks = ZoneClocks(reference.zone_of)
    errors: list[SsimError] = []
    checked = []
    for position, schedule in enumerate(file.carriers):
        check = _CarrierCheck(schedule, file.broken, reference, clocks, errors)
        checked.append(CheckedCarrier(schedule, tuple(check.run(file.carriers[:position]))))
        if schedule.trailer is not None:
            check.check_trailer(schedule.trailer, is_last=schedule is file.carriers[-1])
    return checked, errors


class _CarrierCheck:
    def __init__(
        self,
        schedule: CarrierSchedule,
        broken: set[int],
        reference: Reference,
        clocks: ZoneClocks,
        errors: list[SsimError],
    ) -> None:
        self.schedule = schedule
        self.carrier = schedule.carrier
        self.carrier_is_whole = schedule.carrier.serial not in broken
        self.broken = broken
        self.reference = reference
        self.clocks = clocks
        self.errors = errors
        self.itineraries: list[Itinerary] = []
        self.open: list[LegGroup] = []
        self.open_is_whole = True
        self.variations: dict[tuple[int, str, int], int] = {}
        self.flight_dates: dict[tuple[int, str, int], int] = {}

    def complain(self, record: Record, column: Column, expected: str) -> None:
        self.errors.append(record.error(column, expected))

    def run(self, before: Sequence[CarrierSchedule]) -> list[Itinerary]:
        """Check the group; ``before`` are the groups that stand earlier in the file."""
        if self.carrier_is_whole:
            self._check_carrier(before)
        for group in self.schedule.legs:
            self._take(group)
        self._close_itinerary()
        return self.itineraries

    def check_trailer(self, trailer: TrailerRecord, *, is_last: bool) -> None:
        if trailer.serial in self.broken:
            return
        self._check_airline(trailer, TrailerRecord.airline, trailer.airline)
        if trailer.release_date.strip() and trailer.release_date != self.carrier.release_date:
            self.complain(trailer, TrailerRecord.release_date, f"{self.carrier.release_date!r} as in record type 2")
        if (trailer.continuation == "E") != is_last:
            self.complain(trailer, TrailerRecord.continuation, "E in the last group" if is_last else "C before another")

    def _check_airline(self, record: Record, column: Column, airline: str) -> None:
        if self.carrier_is_whole and airline != self.carrier.airline:
            self.complain(record, column, f"{self.carrier.airline!r} as in record type 2")

    def _check_carrier(self, before: Sequence[CarrierSchedule]) -> None:
        carrier = self.carrier
        known = self.reference.knows_carrier
        if known is not None and not known(carrier.carrier):
            self.complain(carrier, CarrierRecord.airline, "a carrier of the reference data")
        last = carrier.last_date
        if last is not None and last < carrier.first_date:
            self.complain(carrier, CarrierRecord.validity_to, f"a date from {carrier.validity_from} on, or {'00XXX00'}")
        if carrier.season.strip():
            start, end = season_dates(carrier.season)
            if carrier.first_date > end or (last is not None and last < start):
                expected = f"the season of the validity: {carrier.season} is {write_date(start)}-{write_date(end)}"
                self.complain(carrier, CarrierRecord.season, expected)
        for other in (schedule.carrier for schedule in before):
            if other.serial in self.broken or other.airline != carrier.airline:
                continue
            if _overlap(other.first_date, other.last_date, carrier.first_date, last):
                expected = f"a validity apart from that of record {other.serial} of the same airline"
                self.complain(carrier, CarrierRecord.validity_from, expected)

    def _take(self, group: LegGroup) -> None:
        leg = group.leg
        whole = leg.serial not in self.broken
        if leg.leg_sequence == "01" or not self.open:
            self._close_itinerary()
            if whole and leg.leg_sequence != "01":
                self.complain(leg, FlightLegRecord.leg_sequence, "01, the first leg of its itinerary variation")
                whole = False
        elif whole and self.open_is_whole:
            whole = self._check_continuation(self.open, leg)
        self.open.append(group)
        if whole:
            whole = self._check_leg(leg)
        whole = all([self._check_segment_data(leg, data) for data in group.segment_data]) and whole  # noqa: C419  # every record is checked, whatever the first says
        self.open_is_whole = self.open_is_whole and whole

    def _check_continuation(self, so_far: Sequence[LegGroup], leg: FlightLegRecord) -> bool:
        first, previous = so_far[0].leg, so_far[-1].leg
        count = len(self.errors)
        if (leg.flight, leg.variation) != (first.flight, first.variation):
            expected = f"01, or the next leg of flight {first.flight_number.strip()} variation {first.variation}"
            self.complain(leg, FlightLegRecord.leg_sequence, expected)
            return False
        if leg.sequence != len(so_far) + 1:
            self.complain(leg, FlightLegRecord.leg_sequence, f"{len(so_far) + 1:02d}, the leg after the one before")
        if leg.departure_station != previous.arrival_station:
            expected = f"{previous.arrival_station}, where leg {previous.leg_sequence} arrives"
            self.complain(leg, FlightLegRecord.departure_station, expected)
        for column in (
            FlightLegRecord.service_type,
            FlightLegRecord.period_from,
            FlightLegRecord.period_to,
            FlightLegRecord.days_of_operation,
            FlightLegRecord.frequency,
        ):
            wanted = first.text[column.first - 1 : column.last]
            if leg.text[column.first - 1 : column.last] != wanted:
                self.complain(leg, column, f"{wanted!r} as on leg 01 of the same variation")
        return len(self.errors) == count

    def _check_leg(self, leg: FlightLegRecord) -> bool:
        count = len(self.errors)
        self._check_airline(leg, FlightLegRecord.airline, leg.airline)
        if leg.variation == 0:
            self.complain(leg, FlightLegRecord.itinerary_variation, "a variation from 01 on")
        self._check_period(leg)
        known = self.reference.knows_aircraft
        if known is not None and not known(leg.aircraft_type):
            self.complain(leg, FlightLegRecord.aircraft_type, "an aircraft type of the reference data")
        for column in (FlightLegRecord.departure_station, FlightLegRecord.arrival_station):
            if self.clocks.find(leg.text[column.first - 1 : column.last]) is None:
                self.complain(leg, column, "an airport of the reference data")
        if leg.departure_station == leg.arrival_station:
            self.complain(leg, FlightLegRecord.arrival_station, "another airport than the leg departs from")
        if leg.service_type in rules.SOLD_SERVICE_TYPES and not rules.cabins_of(leg.configuration):
            self.complain(
                leg, FlightLegRecord.configuration, "cabins and their seats, for the flight carries passengers"
            )
        if (leg.onward_airline == "   ") != (leg.onward_flight_number == "    "):
            self.complain(leg, FlightLegRecord.onward_flight_number, "an onward airline and flight number, or neither")
        return len(self.errors) == count

    def _check_period(self, leg: FlightLegRecord) -> None:
        last = leg.last_date
        if last is not None and last < leg.first_date:
            self.complain(leg, FlightLegRecord.period_to, f"a date from {leg.period_from} on")
            return
        if self.carrier_is_whole:
            end = self.carrier.last_date
            if leg.first_date < self.carrier.first_date or (end is not None and leg.first_date > end):
                expected = f"a date in the validity {self.carrier.validity_from}-{self.carrier.validity_to}"
                self.complain(leg, FlightLegRecord.period_from, expected)
            if last is not None and end is not None and last > end:
                expected = f"a date in the validity {self.carrier.validity_from}-{self.carrier.validity_to}"
                self.complain(leg, FlightLegRecord.period_to, expected)
        if last is not None and (last - leg.first_date).days < 14:
            days = (leg.first_date + timedelta(days=number) for number in range((last - leg.first_date).days + 1))
            operated = {day.isoweekday() for day in days if (day - leg.first_date).days // 7 % leg.every_weeks == 0}
            if not leg.weekdays <= operated:
                expected = f"days that lie in {leg.period_from}-{leg.period_to}: {''.join(map(str, sorted(operated)))}"
                self.complain(leg, FlightLegRecord.days_of_operation, expected)

    def _check_segment_data(self, leg: FlightLegRecord, data: SegmentDataRecord) -> bool:
        if data.serial in self.broken or leg.serial in self.broken:
            return data.serial not in self.broken
        count = len(self.errors)
        for name in (
            "airline", "operational_suffix", "flight_number", "itinerary_variation", "itinerary_variation_overflow",
            "leg_sequence", "service_type",
        ):  # fmt: skip
            if getattr(data, name) != getattr(leg, name):
                expected = f"{getattr(leg, name)!r} as in the leg record before"
                self.complain(data, getattr(SegmentDataRecord, name), expected)
        if data.board_sequence != leg.sequence:
            expected = f"{chr(ord('A') + leg.sequence - 1)}, where leg {leg.leg_sequence} departs"
            self.complain(data, SegmentDataRecord.board_indicator, expected)
        if data.board_point != leg.departure_station:
            expected = f"{leg.departure_station}, where leg {leg.leg_sequence} departs"
            self.complain(data, SegmentDataRecord.board_point, expected)
        if data.off_sequence < leg.sequence:
            self.complain(data, SegmentDataRecord.off_indicator, "an airport after the board point")
        flights = rules.flight_designators(data.data)
        if data.data_element == FLIGHT_LIST_ELEMENT and not flights:
            self.complain(data, SegmentDataRecord.data, "flight numbers such as XX 1234/YY 567")
        if data.data_element == OPERATED_BY_ELEMENT and (flights is None or len(flights) != 1):
            self.complain(data, SegmentDataRecord.data, "the operating flight number, such as XX 1234")
        return len(self.errors) == count

    def _close_itinerary(self) -> None:
        groups, whole = self.open, self.open_is_whole
        self.open, self.open_is_whole = [], True
        if not groups or not whole:
            return
        if not self._check_off_points(groups):
            return
        first = groups[0].leg
        key = (*first.flight, first.variation)
        if key in self.variations:
            expected = f"a variation that record {self.variations[key]} has not taken"
            self.complain(first, FlightLegRecord.itinerary_variation, expected)
            return
        self.variations[key] = first.serial
        itinerary = itinerary_of([(group.leg, group.segment_data) for group in groups], self.carrier.time_mode)
        if self.carrier_is_whole:
            self._check_operations(itinerary)
        self.itineraries.append(itinerary)

    def _check_off_points(self, groups: Sequence[LegGroup]) -> bool:
        count = len(self.errors)
        for data in (data for group in groups for data in group.segment_data):
            if data.off_sequence > len(groups):
                expected = f"at most {chr(ord('A') + len(groups))}, the last airport of the flight"
                self.complain(data, SegmentDataRecord.off_indicator, expected)
            elif data.off_point != groups[data.off_sequence - 1].leg.arrival_station:
                expected = (
                    f"{groups[data.off_sequence - 1].leg.arrival_station}, which indicator {data.off_indicator} is"
                )
                self.complain(data, SegmentDataRecord.off_point, expected)
        return len(self.errors) == count

    def _check_operations(self, itinerary: Itinerary) -> None:
        """Every flight date of the period: each rule is complained of once per leg, at the first date it fails."""
        complained: set[tuple[int, str]] = set()
        end = last_date_to_check(itinerary, self.carrier.last_date)
        for day in operating_days(itinerary, itinerary.first_date, end):
            operation = operate(itinerary, day, self.clocks)
            for position, column, expected in self._faults(itinerary, operation):
                if (position, column.name) not in complained:
                    complained.add((position, column.name))
                    self.complain(itinerary.legs[position].record, column, expected)
            key = (itinerary.flight_number, itinerary.suffix, operation.departure_day)
            other = self.flight_dates.setdefault(key, itinerary.record.serial)
            if other != itinerary.record.serial and (0, "flight_number") not in complained:
                complained.add((0, "flight_number"))
                expected = f"one operation on {_day(operation.departure_day)}: record {other} has the flight then too"
                self.complain(itinerary.record, FlightLegRecord.flight_number, expected)

    def _faults(self, itinerary: Itinerary, operation: Operation) -> list[tuple[int, Column, str]]:
        faults: list[tuple[int, Column, str]] = []
        for position, (leg, times) in enumerate(zip(itinerary.legs, operation.legs, strict=True)):
            for instant, airport, stated, column in (
                (times.departure, leg.origin, leg.departure_offset, FlightLegRecord.departure_utc_variation),
                (times.arrival, leg.destination, leg.arrival_offset, FlightLegRecord.arrival_utc_variation),
            ):
                offset = self.clocks.at(airport).offset_at(instant)
                if offset != stated:
                    on = _day(instant // MINUTES_PER_DAY)
                    faults.append((position, column, f"{write_variation(offset)}, which {airport} keeps on {on}"))
            if not 0 < times.arrival - times.departure <= LONGEST_LEG_MINUTES:
                expected = "an arrival after the departure and within 24 hours of it"
                faults.append((position, FlightLegRecord.aircraft_arrival_time, expected))
            if not 0 < times.passenger_arrival - times.passenger_departure <= LONGEST_LEG_MINUTES:
                expected = "an arrival after the passengers' departure and within 24 hours of it"
                faults.append((position, FlightLegRecord.passenger_arrival_time, expected))
            for passengers, aircraft, column in (
                (times.passenger_departure, times.departure, FlightLegRecord.passenger_departure_time),
                (times.passenger_arrival, times.arrival, FlightLegRecord.passenger_arrival_time),
            ):
                if abs(passengers - aircraft) > LARGEST_PASSENGER_DIFFERENCE_MINUTES:
                    faults.append((position, column, "a time within three hours of the aircraft's"))
            if position and not 0 <= times.departure - operation.legs[position - 1].arrival <= LONGEST_STOP_MINUTES:
                expected = "a departure after the leg before has arrived and within 24 hours of it"
                faults.append((position, FlightLegRecord.aircraft_departure_time, expected))
        return faults


def season_dates(season: str) -> tuple[date, date]:
    """First and last date of an IATA season: summer from the last Sunday of March to the Saturday before the last
    Sunday of October, winter from that Sunday to the Saturday before the next summer.
    """
    year = 2000 + int(season[1:])
    summer, winter = _last_sunday(year, 3), _last_sunday(year, 10)
    if season[0] == "S":
        return summer, winter - timedelta(days=1)
    return winter, _last_sunday(year + 1, 3) - timedelta(days=1)


def _last_sunday(year: int, month: int) -> date:
    end = date(year, month, 31)
    return end - timedelta(days=end.isoweekday() % 7)


def _overlap(first: date, first_end: date | None, second: date, second_end: date | None) -> bool:
    return (first_end is None or second <= first_end) and (second_end is None or first <= second_end)


def _day(number: int) -> str:
    return write_date(date_of_day(number))
