"""Fare versions and what belongs to them: rules, brands, discounts, points of sale. Immutable rows of the fare data."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

import msgspec

from ais.fares.domain.conditions import Baggage, PenaltyRules
from ais.fares.domain.itinerary import PassengerType
from ais.kit import Money, Rounding


class MarketLevel(StrEnum):
    """Whether a fare's origin and destination are airports, or cities with all their airports."""

    AIRPORT = "airport"
    CITY = "city"


class TripType(StrEnum):
    """A one-way fare, or half of the fare of a return journey."""

    ONE_WAY = "one_way"
    HALF_RETURN = "half_return"


class Combination(StrEnum):
    """What else a fare admits on its ticket. HALF_RETURN and SAME_GROUP are for half-return fares, ONE_WAY is for
    one-way fares: what a fare asks of the others it is itself.
    """

    ANY = "any"
    HALF_RETURN = "half_return"
    SAME_GROUP = "same_group"
    SAME_FARE_BASIS = "same_fare_basis"
    ONE_WAY = "one_way"
    ALONE = "alone"


class DateRange(msgspec.Struct, frozen=True):
    """A period of dates, both ends included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


class FareRule(msgspec.Struct, frozen=True, kw_only=True):
    """The rule of a fare. ``travel_days`` are ISO weekdays (Monday 1); empty tuples restrict nothing.

    Days of stay are counted between the departure dates of the two slices of a return journey.
    """

    name: str
    advance_purchase_days: int | None = None
    min_stay_days: int | None = None
    max_stay_days: int | None = None
    travel_days: tuple[int, ...] = ()
    seasons: tuple[DateRange, ...] = ()
    blackouts: tuple[DateRange, ...] = ()
    combination: Combination = Combination.ANY
    combination_group: str = ""
    penalties: PenaltyRules = PenaltyRules()
    baggage: Baggage = Baggage()


class FareVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a fare: never changed, only its sale is ended.

    On sale from ``sale_starts_at`` until before ``sale_ends_at`` (None: no end), unless withdrawn. ``amount`` is one
    adult's, for this component; ``cabin`` a letter. An empty ``points_of_sale`` means all of them.
    """

    id: int
    carrier: str
    market_level: MarketLevel
    origin: str
    destination: str
    both_directions: bool
    trip_type: TripType
    fare_basis: str
    rbd: str
    brand: str
    cabin: str
    amount: Money
    rule: FareRule
    sale_starts_at: datetime
    sale_ends_at: datetime | None = None
    travel_from: date | None = None
    travel_until: date | None = None
    points_of_sale: tuple[str, ...] = ()
    withdrawn_at: datetime | None = None

    def sale_end(self) -> datetime | None:
        """The first instant at which it is no longer sold, by date or by withdrawal."""
        return earliest(self.sale_ends_at, self.withdrawn_at)

    def is_on_sale(self, at: datetime) -> bool:
        end = self.sale_end()
        return self.sale_starts_at <= at and (end is None or at < end)


class Brand(msgspec.Struct, frozen=True):
    """A fare brand of a carrier; ``rank`` 1 is the simplest."""

    carrier: str
    code: str
    rank: int
    name_en: str
    name_ar: str


class DiscountVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What a type of passenger pays of the adult's fare (``basis_points``); an empty brand is every brand."""

    id: int
    carrier: str
    passenger_type: PassengerType
    brand: str
    basis_points: int
    sale_starts_at: datetime
    sale_ends_at: datetime | None = None

    def is_on_sale(self, at: datetime) -> bool:
        return self.sale_starts_at <= at and (self.sale_ends_at is None or at < self.sale_ends_at)


class PointOfSale(msgspec.Struct, frozen=True):
    """In which currency a point of sale charges and how converted or discounted sums are rounded there.

    Units are minor units of ``currency``. ``code`` "*" stands for every point of sale without a row of its own.
    """

    code: str
    currency: str
    fare_unit_minor: int = 1
    fare_rounding: Rounding = Rounding.UP
    tax_unit_minor: int = 1
    tax_rounding: Rounding = Rounding.NEAREST


DEFAULT_DISCOUNTS = {
    PassengerType.ADULT: 10_000,
    PassengerType.CHILD: 7_500,
    PassengerType.INFANT: 1_000,
    PassengerType.INFANT_SEAT: 7_500,
}
"""What is paid of the adult's fare where no discount is on file, in basis points."""


def earliest(*instants: datetime | None) -> datetime | None:
    """The first of the instants that are not None, or None."""
    known = [instant for instant in instants if instant is not None]
    return min(known) if known else None


def _admits(fare: FareVersion, other: FareVersion) -> bool:
    rule = fare.rule
    match rule.combination:
        case Combination.ANY:
            return True
        case Combination.HALF_RETURN:
            return other.trip_type is TripType.HALF_RETURN
        case Combination.SAME_GROUP:
            return other.trip_type is TripType.HALF_RETURN and other.rule.combination_group == rule.combination_group
        case Combination.SAME_FARE_BASIS:
            return other.fare_basis == fare.fare_basis
        case Combination.ONE_WAY:
            return other.trip_type is TripType.ONE_WAY
        case Combination.ALONE:
            return False


def may_combine(fare: FareVersion, other: FareVersion) -> bool:
    """Whether two fares may stand on one ticket: each must admit the other."""
    return _admits(fare, other) and _admits(other, fare)
