"""What a search reads, held in memory: one version of each kind of slow data, and what is derived from them alone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec

from ais.fares import Charge, Conditions, FareBook, PassengerPrice
from ais.kit.localtime import to_local
from ais.offers.network import Network
from ais.offers.wire import write_conditions, write_flight, write_passenger_sums
from ais.reference import ReferenceData
from ais.schedule import Timetable, TimetableSegment

_REMEMBERED_FLIGHTS = 40_000
_REMEMBERED_CONDITIONS = 10_000
_REMEMBERED_SUMS = 20_000
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


class Flight(msgspec.Struct, frozen=True):
    """A segment's passenger times as its airports' clocks show them, its length, and its part of the wire form."""

    departs_at: datetime
    departure_timezone: str
    arrives_at: datetime
    arrival_timezone: str
    minutes: int
    arrival_date: date
    written: str


class Market:
    """One timetable, one fare book, one set of reference data. Never changes what it says; a newer one replaces it."""

    def __init__(
        self,
        timetable: Timetable,
        fare_book: FareBook,
        reference: ReferenceData,
        network: Network[TimetableSegment] | None = None,
    ) -> None:
        self.timetable = timetable
        self.fare_book = fare_book
        self.reference = reference
        self.network = Network(timetable) if network is None else network
        self._advances = sorted({fare.rule.advance_purchase_days or 0 for fare in fare_book.fares.values()})
        self._transits = sorted({tax.exempt_transit_hours or 0 for tax in fare_book.taxes.values()})
        self._airports = sorted(timetable.airports)
        self._flights: dict[int, Flight] = {}
        self._conditions: dict[int, tuple[Conditions, str]] = {}
        self._sums: dict[tuple[int, str, bool], tuple[Sequence[Charge], str]] = {}

    def with_changes(
        self,
        *,
        timetable: Timetable | None = None,
        fare_book: FareBook | None = None,
        reference: ReferenceData | None = None,
    ) -> Market:
        """The market with some of its data replaced; the network is made anew only for a new timetable, and flights are
        derived anew only for one or for new reference data.
        """
        changed = Market(
            self.timetable if timetable is None else timetable,
            self.fare_book if fare_book is None else fare_book,
            self.reference if reference is None else reference,
            self.network if timetable is None else None,
        )
        if timetable is None and reference is None:
            changed._flights = self._flights
        return changed

    def remember_departures(self, day: date) -> bool:
        """Derive what searches ask for the departures of that day, unless they ask first; False if there is no room."""
        for airport in self._airports:
            for departures in self.network.on_local_date(airport, day).values():
                new = [segment for segment in departures.segments if segment.id not in self._flights]
                if len(self._flights) + len(new) > _REMEMBERED_FLIGHTS:
                    return False
                for segment in new:
                    self.flight(segment)
            self.network.on_utc_date(airport, day)
        return True

    def flight(self, segment: TimetableSegment) -> Flight:
        """The segment's times at its airports and its wire form; remembered while there is room."""
        known = self._flights.get(segment.id)
        if known is None:
            if len(self._flights) >= _REMEMBERED_FLIGHTS:
                self._flights.clear()
            known = self._flights[segment.id] = self._flight(segment)
        return known

    def _flight(self, segment: TimetableSegment) -> Flight:
        departure_zone = self.reference.timezone(segment.origin)
        arrival_zone = self.reference.timezone(segment.destination)
        departs_at = to_local(segment.departs_at, departure_zone)
        arrives_at = to_local(segment.arrives_at, arrival_zone)
        minutes = (segment.arrives_at - segment.departs_at) // _MINUTE
        written = write_flight(
            marketing_carrier=segment.marketing_carrier,
            flight_number=digits(segment.flight_number),
            operating_carrier=segment.operating_carrier,
            operating_flight_number=digits(segment.operating_flight_number),
            origin=segment.origin,
            destination=segment.destination,
            departs_at=departs_at,
            departure_timezone=departure_zone,
            arrives_at=arrives_at,
            arrival_timezone=arrival_zone,
            duration_minutes=minutes,
            aircraft=segment.aircraft,
        )
        return Flight(departs_at, departure_zone, arrives_at, arrival_zone, minutes, arrives_at.date(), written)

    def conditions_text(self, conditions: Conditions) -> str:
        """The wire form of conditions. Pricing answers the same object again and again, so identity finds it."""
        known = self._conditions.get(id(conditions))
        if known is None or known[0] is not conditions:
            if len(self._conditions) >= _REMEMBERED_CONDITIONS:
                self._conditions.clear()
            known = self._conditions[id(conditions)] = (conditions, write_conditions(conditions))
        return known[1]

    def passenger_sums_text(self, price: PassengerPrice, *, in_arabic: bool) -> str:
        """The wire form of what a passenger pays. Pricing answers the same charges again and again for equal flights,
        fares and types, so identity finds them.
        """
        key = (id(price.charges), price.type.value, in_arabic)
        known = self._sums.get(key)
        if known is None or known[0] is not price.charges:
            if len(self._sums) >= _REMEMBERED_SUMS:
                self._sums.clear()
            known = self._sums[key] = (price.charges, write_passenger_sums(price, in_arabic=in_arabic))
        return known[1]

    def advance_band(self, ahead: timedelta) -> int:
        """How many of the advance purchases on file, in days, a time before departure satisfies: bands price alike."""
        return bisect_right(self._advances, ahead // _DAY)

    def transit_band(self, ground: timedelta) -> int:
        """How many of the transit exemptions on file, in hours, a time between two flights exceeds."""
        return bisect_left(self._transits, ground / _HOUR)


def digits(flight_number: str) -> str:
    """A flight number without its operational suffix, as it is shown."""
    return flight_number if flight_number.isdigit() else "".join(filter(str.isdigit, flight_number))
