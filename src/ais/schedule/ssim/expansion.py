"""From a period of operation to flight dates: legs with their instants in UTC, clock changes included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import msgspec

from ais.schedule.ssim.columns import read_minutes, read_variation
from ais.schedule.ssim.records import FlightLegRecord, SegmentDataRecord
from ais.schedule.ssim.zones import MINUTES_PER_DAY, ZoneClocks, day_number

LOCAL, UTC_MODE = "L", "U"


class LegTimes(NamedTuple):
    """Minutes since the Unix epoch: the aircraft's departure and arrival, then the passengers'."""

    departure: int
    arrival: int
    passenger_departure: int
    passenger_arrival: int


class Operation(NamedTuple):
    """One flight date. Days count from 1970-01-01.

    ``schedule_day`` is the day by which the period counts it, ``departure_day`` the local one at the origin.
    """

    schedule_day: int
    departure_day: int
    legs: tuple[LegTimes, ...]


class ItineraryLeg(msgspec.Struct, frozen=True):
    """A leg's clock times in minutes after midnight of the schedule day, in the data set's time mode.

    ``departure_offset`` and ``arrival_offset`` are the UTC variations that the record states, in minutes.
    """

    record: FlightLegRecord
    segment_data: tuple[SegmentDataRecord, ...]
    times: LegTimes
    departure_offset: int
    arrival_offset: int

    @property
    def origin(self) -> str:
        return self.record.departure_station

    @property
    def destination(self) -> str:
        return self.record.arrival_station


class Itinerary(msgspec.Struct, frozen=True):
    """One itinerary variation of a flight: its legs and the dates on which it operates."""

    carrier: str
    flight_number: int
    suffix: str
    variation: int
    time_mode: str
    first_date: date
    last_date: date | None
    weekdays: frozenset[int]
    every_weeks: int
    legs: tuple[ItineraryLeg, ...]

    @property
    def record(self) -> FlightLegRecord:
        """The record of the first leg, which stands for the whole in messages."""
        return self.legs[0].record


def itinerary_of(legs: Sequence[tuple[FlightLegRecord, Sequence[SegmentDataRecord]]], time_mode: str) -> Itinerary:
    """The itinerary that the leg records of one flight and variation make, in order of their legs."""
    first = legs[0][0]
    number, suffix = first.flight
    return Itinerary(
        carrier=first.airline.rstrip(),
        flight_number=number,
        suffix=suffix,
        variation=first.variation,
        time_mode=time_mode,
        first_date=first.first_date,
        last_date=first.last_date,
        weekdays=first.weekdays,
        every_weeks=first.every_weeks,
        legs=tuple(_leg(record, tuple(data)) for record, data in legs),
    )


def operating_days(itinerary: Itinerary, first: date, last: date) -> Iterator[int]:
    """The schedule days (since 1970-01-01) on which the itinerary operates from ``first`` to ``last``, both included.

    Every second week counts weeks of seven days from the first day of the period.
    """
    start = max(first, itinerary.first_date)
    end = last if itinerary.last_date is None else min(last, itinerary.last_date)
    origin = day_number(itinerary.first_date)
    weekdays = itinerary.weekdays
    every_weeks = itinerary.every_weeks
    weekday = start.weekday()
    for number in range(day_number(start), day_number(end) + 1):
        weekday = weekday % 7 + 1
        if weekday in weekdays and (every_weeks == 1 or (number - origin) // 7 % every_weeks == 0):
            yield number


def operate(itinerary: Itinerary, day: int, clocks: ZoneClocks) -> Operation:
    """The flight date that the itinerary makes of a schedule day. Every airport must be known to ``clocks``."""
    start = day * MINUTES_PER_DAY
    legs = []
    if itinerary.time_mode == UTC_MODE:
        for leg in itinerary.legs:
            departure, arrival, passenger_departure, passenger_arrival = leg.times
            legs.append(
                LegTimes(start + departure, start + arrival, start + passenger_departure, start + passenger_arrival)
            )
        local = clocks.at(itinerary.legs[0].origin).to_local(legs[0].departure)
        return Operation(day, local // MINUTES_PER_DAY, tuple(legs))
    for leg in itinerary.legs:
        departure, arrival, passenger_departure, passenger_arrival = leg.times
        there = clocks.at(leg.origin)
        here = clocks.at(leg.destination)
        leaves = there.to_utc(start + departure)
        arrives = here.to_utc(start + arrival)
        legs.append(
            LegTimes(
                leaves,
                arrives,
                leaves if passenger_departure == departure else there.to_utc(start + passenger_departure),
                arrives if passenger_arrival == arrival else here.to_utc(start + passenger_arrival),
            )
        )
    return Operation(day, day, tuple(legs))


def expand(itinerary: Itinerary, clocks: ZoneClocks, first: date, last: date) -> Iterator[Operation]:
    """The flight dates of an itinerary whose schedule day lies from ``first`` to ``last``, both included."""
    for day in operating_days(itinerary, first, last):
        yield operate(itinerary, day, clocks)


def skipped_times(itinerary: Itinerary, day: int, clocks: ZoneClocks) -> int:
    """How many of the itinerary's local aircraft times do not exist on that day, because the clocks jump over them."""
    if itinerary.time_mode == UTC_MODE:
        return 0
    start = day * MINUTES_PER_DAY
    return sum(
        clocks.at(leg.origin).is_skipped(start + leg.times.departure)
        + clocks.at(leg.destination).is_skipped(start + leg.times.arrival)
        for leg in itinerary.legs
    )


def last_date_to_check(itinerary: Itinerary, validity_end: date | None) -> date:
    """How far an itinerary is examined: to its end, else to the end of validity, else for a year and a month."""
    end = itinerary.last_date or validity_end
    return end or itinerary.first_date + timedelta(days=396)


def _leg(record: FlightLegRecord, segment_data: tuple[SegmentDataRecord, ...]) -> ItineraryLeg:
    departure_days, arrival_days = (_days(character) for character in record.date_variation)
    departure = departure_days * MINUTES_PER_DAY + read_minutes(record.aircraft_departure_time)
    arrival = arrival_days * MINUTES_PER_DAY + read_minutes(record.aircraft_arrival_time)
    return ItineraryLeg(
        record=record,
        segment_data=segment_data,
        times=LegTimes(
            departure,
            arrival,
            _nearest(read_minutes(record.passenger_departure_time), departure),
            _nearest(read_minutes(record.passenger_arrival_time), arrival),
        ),
        departure_offset=read_variation(record.departure_utc_variation),
        arrival_offset=read_variation(record.arrival_utc_variation),
    )


def _days(character: str) -> int:
    """Days of one character of the date variation: A, and in older files J, is the day before."""
    if character in "AJ":
        return -1
    return 0 if character == " " else int(character)


def _nearest(minutes: int, to: int) -> int:
    """The minute with that clock reading which lies nearest to ``to``: the date variation is the aircraft's."""
    return to + (minutes - to + MINUTES_PER_DAY // 2) % MINUTES_PER_DAY - MINUTES_PER_DAY // 2
