"""The wire types of shopping. Sums are decimal strings, times carry the airport's offset, absent values are null."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from ais.fares import PassengerType
from ais.kit import Money

AirportCode = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="IATA code of an airport", examples=["RUH"])]


class Cabin(StrEnum):
    """Where one sits; inside the program a cabin is a letter."""

    ECONOMY = "economy"
    BUSINESS = "business"

    @property
    def letter(self) -> str:
        return "C" if self is Cabin.BUSINESS else "Y"


CABIN_OF_LETTER = {cabin.letter: cabin for cabin in Cabin}


class SliceRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """One direction of travel. ``departure_date`` is local at the origin."""

    origin: AirportCode
    destination: AirportCode
    departure_date: date


class PassengerRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Who travels: ``child`` is 2-11, ``infant`` and ``infant_seat`` are under 2; all but adults say their age."""

    type: PassengerType
    age: Annotated[int, Meta(ge=0, le=120)] | None = None


class SearchRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """One slice is one-way, two are a return, up to six; 1-9 passengers with seats, no more lap infants than adults."""

    slices: Annotated[tuple[SliceRequest, ...], Meta(min_length=1, max_length=6)]
    passengers: Annotated[tuple[PassengerRequest, ...], Meta(min_length=1, max_length=18)]
    cabin: Cabin = Cabin.ECONOMY
    max_connections: Annotated[int, Meta(ge=0, le=2)] = 1
    limit: Annotated[int, Meta(ge=1, le=200, description="At most so many offers")] = 50


class MoneyBody(Struct, frozen=True):
    """A sum: a decimal string with exactly the digits of the ISO 4217 currency."""

    amount: Annotated[str, Meta(examples=["1250.00"])]
    currency: Annotated[str, Meta(examples=["SAR"])]


class TierBody(Struct, frozen=True):
    """Until so many hours before departure (negative: after it) this much is kept, per passenger."""

    until_hours_before: int
    penalty: MoneyBody


class PermissionBody(Struct, frozen=True):
    """Whether it is allowed at all, and its price by time: tiers from the earliest to the last."""

    allowed: bool
    tiers: tuple[TierBody, ...]


class BagBody(Struct, frozen=True):
    """So many pieces of at most that weight each."""

    pieces: int
    weight_kg: int


class BaggageBody(Struct, frozen=True):
    """What each passenger with a seat may take without further payment."""

    carry_on: BagBody | None
    checked: tuple[BagBody, ...]


class ConditionsBody(Struct, frozen=True):
    """What the fare allows after the sale."""

    refund: PermissionBody
    change: PermissionBody
    no_show: PermissionBody
    baggage: BaggageBody


class OfferSegmentBody(Struct, frozen=True):
    """One flight. ``flight_number`` is digits only, ``aircraft`` the IATA type code, ``seats_left`` at most 9."""

    marketing_carrier: str
    flight_number: str
    operating_carrier: str
    operating_flight_number: str
    origin: str
    destination: str
    departs_at: datetime
    departure_timezone: str
    arrives_at: datetime
    arrival_timezone: str
    duration_minutes: int
    cabin: Cabin
    booking_class: str
    fare_basis: str
    aircraft: str
    seats_left: int


class OfferSliceBody(Struct, frozen=True):
    """One direction of travel with its flights and what its fare allows."""

    origin: str
    destination: str
    duration_minutes: int
    conditions: ConditionsBody
    segments: tuple[OfferSegmentBody, ...]


class TaxBody(Struct, frozen=True):
    """All that one passenger pays under one tax code."""

    code: str
    name: str
    amount: MoneyBody


class OfferPassengerBody(Struct, frozen=True):
    """One traveller and what it pays: base fare + taxes + carrier charges = total."""

    id: str
    type: PassengerType
    base_fare: MoneyBody
    taxes: tuple[TaxBody, ...]
    carrier_charges: MoneyBody
    total: MoneyBody


class PaymentRequirementsBody(Struct, frozen=True):
    """How long seats are held for payment after the order; ``pay_by`` is a fixed deadline if there is one."""

    hold_minutes: float
    pay_by: datetime | None


class OfferBody(Struct, frozen=True):
    """What is promised until ``expires_at``: these flights in these classes for exactly ``total``."""

    id: str
    expires_at: datetime
    validating_carrier: str
    fare_brand: str
    slices: tuple[OfferSliceBody, ...]
    passengers: tuple[OfferPassengerBody, ...]
    total: MoneyBody
    payment_requirements: PaymentRequirementsBody


class SearchAnswer(Struct, frozen=True):
    """The offers found, by total, then by duration; an empty list if there are none."""

    offers: tuple[OfferBody, ...]


def money_body(money: Money) -> MoneyBody:
    """The wire form of a sum."""
    return MoneyBody(money.amount, money.currency)
