"""What is asked of pricing and what it answers: segments and passengers in, priced itineraries and price lines out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum

import msgspec

from ais.fares.domain.conditions import Conditions
from ais.kit import Money


class PassengerType(StrEnum):
    """How a passenger is priced; the codes of the field are ADT, CHD, INF and INS."""

    ADULT = "adult"
    CHILD = "child"
    INFANT = "infant"
    INFANT_SEAT = "infant_seat"

    @property
    def code(self) -> str:
        return _CODES[self]


_CODES = {
    PassengerType.ADULT: "ADT",
    PassengerType.CHILD: "CHD",
    PassengerType.INFANT: "INF",
    PassengerType.INFANT_SEAT: "INS",
}


class PricingSegment(msgspec.Struct, frozen=True):
    """One flight of an itinerary with what is left to sell on it.

    ``carrier`` is the marketing carrier, times are UTC, dates local to the airport, ``cabin`` a letter ("Y", "C").
    ``open_by_rbd`` holds the open seats of each booking class, ``infants_open`` the room for infants on a lap; a
    segment of several legs is open for the least of them.
    """

    segment_id: int
    carrier: str
    flight_number: str
    origin: str
    destination: str
    departs_at: datetime
    arrives_at: datetime
    departure_date: date
    arrival_date: date
    cabin: str
    open_by_rbd: Mapping[str, int]
    infants_open: int


class PricingPassenger(msgspec.Struct, frozen=True):
    """One traveller as pricing sees it; ``reference`` is the caller's name for it and comes back in every line."""

    reference: str
    type: PassengerType
    age: int | None = None


class LineKind(StrEnum):
    """What a price line is for. Fees are lines of kind TAX; ROUNDING counts among the carrier's charges."""

    FARE = "fare"
    TAX = "tax"
    CARRIER_CHARGE = "carrier_charge"
    ROUNDING = "rounding"


class Charge(msgspec.Struct, frozen=True, gc=False):
    """A price line before it names its passenger: equal passengers share one.

    ``segment_position`` is the coupon, counted from 0 over the whole itinerary. ``version_id`` is the fare version of
    a FARE line, the tax version of TAX and CARRIER_CHARGE lines, None for ROUNDING. ``authority`` is to whom
    a TAX is owed: the country that levies it, None for the other kinds.
    """

    segment_position: int
    kind: LineKind
    code: str
    amount: Money
    refundable: bool
    version_id: int | None
    name_en: str
    name_ar: str
    authority: str | None = None


class PriceLine(msgspec.Struct, frozen=True, gc=False):
    """The smallest piece of a price: passenger, coupon, kind, code, amount, refundable or not, and its version."""

    passenger_reference: str
    segment_position: int
    kind: LineKind
    code: str
    amount: Money
    refundable: bool
    version_id: int | None


class TaxSum(msgspec.Struct, frozen=True):
    """All lines of one tax code of a passenger, added up for display."""

    code: str
    name_en: str
    name_ar: str
    amount: Money


class PassengerPrice(msgspec.Struct, frozen=True, gc=False):
    """What one passenger pays: ``base_fare`` + ``taxes`` + ``carrier_charges`` = ``total``, each the sum of its lines.

    ``taxes`` are taxes and fees; the provider's rounding, if any, is part of ``carrier_charges``.
    """

    reference: str
    type: PassengerType
    base_fare: Money
    taxes: Money
    carrier_charges: Money
    total: Money
    charges: tuple[Charge, ...]

    @property
    def lines(self) -> tuple[PriceLine, ...]:
        """The price lines of this passenger, by coupon: fare, then charges, then taxes."""
        return tuple(
            PriceLine(
                self.reference,
                charge.segment_position,
                charge.kind,
                charge.code,
                charge.amount,
                charge.refundable,
                charge.version_id,
            )
            for charge in self.charges
        )

    @property
    def taxes_by_code(self) -> tuple[TaxSum, ...]:
        """Taxes and fees added up by code, in the order of their first coupon."""
        sums: dict[str, TaxSum] = {}
        for charge in self.charges:
            if charge.kind is LineKind.TAX:
                known = sums.get(charge.code)
                amount = charge.amount if known is None else known.amount + charge.amount
                sums[charge.code] = TaxSum(charge.code, charge.name_en, charge.name_ar, amount)
        return tuple(sums.values())


class PricedComponent(msgspec.Struct, frozen=True, gc=False):
    """The fare between two fare break points: segments ``first_segment`` to ``last_segment`` (inclusive, counted from
    0 within the slice) in one booking class at one fare version. Enough to price the same thing again.
    """

    slice_index: int
    first_segment: int
    last_segment: int
    fare_version_id: int
    fare_basis: str
    rbd: str


class PricedItinerary(msgspec.Struct, frozen=True):
    """The cheapest valid price of an itinerary in one brand.

    ``total`` is the sum of the passengers' totals. ``conditions`` are per slice. Penalties hold for the whole ticket,
    so that they are the same on every slice; baggage may differ.
    """

    brand: str
    cabin: str
    components: tuple[PricedComponent, ...]
    passengers: tuple[PassengerPrice, ...]
    total: Money
    conditions: tuple[Conditions, ...]

    def component_of(self, slice_index: int, segment_index: int) -> PricedComponent:
        """The component that covers a segment of a slice."""
        for component in self.components:
            if (
                component.slice_index == slice_index
                and component.first_segment <= segment_index <= component.last_segment
            ):
                return component
        raise IndexError(f"no fare covers segment {segment_index} of slice {slice_index}")

    @property
    def lines(self) -> Iterator[PriceLine]:
        """Every price line; they sum to ``total`` exactly."""
        for passenger in self.passengers:
            yield from passenger.lines

    @property
    def tax_version_ids(self) -> tuple[int, ...]:
        """The tax and charge versions that the price is made of, each once, ascending."""
        return tuple(
            sorted(
                {
                    charge.version_id
                    for passenger in self.passengers
                    for charge in passenger.charges
                    if charge.version_id is not None and charge.kind is not LineKind.FARE
                }
            )
        )


class ChangeKind(StrEnum):
    """What of an earlier price no longer holds."""

    FARE_WITHDRAWN = "fare_withdrawn"
    FARE_NOT_ON_SALE = "fare_not_on_sale"
    RULE_BROKEN = "rule_broken"
    TAX_WITHDRAWN = "tax_withdrawn"
    TAX_CHANGED = "tax_changed"
    TOTAL_CHANGED = "total_changed"


class PriceDifference(msgspec.Struct, frozen=True):
    """One reason why an offer cannot be sold at its price; ``code`` is a fare basis, a tax code or "TOTAL"."""

    kind: ChangeKind
    code: str
    version_id: int | None
    sentence: str


class PriceChange(msgspec.Struct, frozen=True):
    """The answer of repricing when the promised total no longer holds. ``current_total`` is what the same fares cost
    now with the taxes now in force, or None if one of the fares cannot be sold at all.
    """

    differences: tuple[PriceDifference, ...]
    previous_total: Money
    current_total: Money | None


class ReasonCode(StrEnum):
    """The rule that dropped a fare, or that it was taken."""

    CHOSEN = "chosen"
    DEARER = "dearer"
    NOT_ON_SALE = "not_on_sale"
    WITHDRAWN = "withdrawn"
    POINT_OF_SALE = "point_of_sale"
    CABIN = "cabin"
    TRIP_TYPE = "trip_type"
    VALIDITY = "validity"
    SEASON = "season"
    TRAVEL_DAY = "travel_day"
    BLACKOUT = "blackout"
    ADVANCE_PURCHASE = "advance_purchase"
    MINIMUM_STAY = "minimum_stay"
    MAXIMUM_STAY = "maximum_stay"
    CLASS_CLOSED = "class_closed"
    INFANTS = "infants"
    COMBINATION = "combination"
    INCOMPLETE = "incomplete"


class ConsideredFare(msgspec.Struct, frozen=True):
    """A fare that pricing looked at for a part of the itinerary, and what became of it. ``amount`` is as filed."""

    slice_index: int
    first_segment: int
    last_segment: int
    fare_version_id: int
    fare_basis: str
    brand: str
    rbd: str
    amount: Money
    reason: ReasonCode
    sentence: str


class Explanation:
    """Collects the fares that were considered. Give one to ``price_itinerary`` and read ``considered`` afterwards."""

    def __init__(self) -> None:
        self.considered: list[ConsideredFare] = []
