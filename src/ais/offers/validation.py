"""What a search may ask: every rule that the types of the request cannot say, each mistake with its path."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ais.fares import PassengerType
from ais.kit import ValidationFailed
from ais.kit.localtime import local_date
from ais.offers.schemas import PassengerRequest, SearchRequest, SliceRequest

SEATED_PASSENGERS_MAX = 9
_AGES = {
    PassengerType.ADULT: (12, 120, "an adult is 12 or older"),
    PassengerType.CHILD: (2, 11, "a child is 2 to 11 years old"),
    PassengerType.INFANT: (0, 1, "an infant is under 2 years old"),
    PassengerType.INFANT_SEAT: (0, 1, "an infant is under 2 years old"),
}


class KnownAirports(Protocol):
    """What validation asks of the reference data."""

    def has_airport(self, iata: str) -> bool: ...
    def timezone(self, iata: str) -> str: ...


def require_valid_search(request: SearchRequest, airports: KnownAirports, now: datetime) -> None:
    """Raise :class:`ValidationFailed` naming every field of the search that cannot be."""
    mistakes = [*slice_mistakes(request.slices, airports, now), *passenger_mistakes(request.passengers)]
    if mistakes:
        raise ValidationFailed(mistakes)


def slice_mistakes(slices: Sequence[SliceRequest], airports: KnownAirports, now: datetime) -> list[tuple[str, str]]:
    """Unknown airports, slices that lead nowhere, dates past in the origin's own calendar, slices out of order."""
    mistakes = []
    for position, one in enumerate(slices):
        path = f"slices[{position}]"
        for name, code in (("origin", one.origin), ("destination", one.destination)):
            if not airports.has_airport(code):
                mistakes.append((f"{path}.{name}", f"{code} is not an airport that we know"))
        if one.origin == one.destination:
            mistakes.append((f"{path}.destination", "the destination is the origin"))
        if airports.has_airport(one.origin):
            today = local_date(now, airports.timezone(one.origin))
            if one.departure_date < today:
                mistakes.append((f"{path}.departure_date", f"the date has passed: today in {one.origin} is {today}"))
        if position and one.departure_date < slices[position - 1].departure_date:
            mistakes.append((f"{path}.departure_date", "the slice departs before the one that it follows"))
    return mistakes


def passenger_mistakes(passengers: Sequence[PassengerRequest]) -> list[tuple[str, str]]:
    """Ages missing or out of range, too many or no seats, more infants on laps than adults."""
    mistakes = []
    for position, passenger in enumerate(passengers):
        least, most, rule = _AGES[passenger.type]
        if passenger.age is None:
            if passenger.type is not PassengerType.ADULT:
                mistakes.append((f"passengers[{position}].age", f"the age is required: {rule}"))
        elif not least <= passenger.age <= most:
            mistakes.append((f"passengers[{position}].age", rule))
    seated, infants = seats_needed(passengers), lap_infants(passengers)
    if not 1 <= seated <= SEATED_PASSENGERS_MAX:
        mistakes.append(("passengers", f"1 to {SEATED_PASSENGERS_MAX} passengers have a seat, not {seated}"))
    adults = sum(passenger.type is PassengerType.ADULT for passenger in passengers)
    if infants > adults:
        mistakes.append(("passengers", "there are more infants on laps than adults"))
    return mistakes


class Traveller(Protocol):
    """Anybody whose type is known."""

    @property
    def type(self) -> PassengerType: ...


def seats_needed(passengers: Sequence[Traveller]) -> int:
    """How many of them take a seat."""
    return sum(passenger.type is not PassengerType.INFANT for passenger in passengers)


def lap_infants(passengers: Sequence[Traveller]) -> int:
    """How many of them travel on a lap."""
    return sum(passenger.type is PassengerType.INFANT for passenger in passengers)
