"""What one fare costs one passenger on its coupons: the fare split over them, charges and taxes, each its own line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ais.fares.domain.fare import FareVersion, PointOfSale
from ais.fares.domain.itinerary import Charge, LineKind, PassengerType
from ais.fares.domain.tax import CHARGES_BASE, FARE_BASE, CouponFacts, TaxKind, TaxVersion
from ais.kit import Money, allocate
from ais.kit.money import round_ratio

DueTaxes = list[tuple[TaxVersion, Money | None]]


class ComponentPrice(msgspec.Struct, frozen=True):
    """The price of one fare component for one passenger, as sums and as charges by coupon."""

    base_fare: Money
    taxes: Money
    carrier_charges: Money
    total: Money
    charges: tuple[Charge, ...]


class CouponTaxes:
    """A coupon as taxes see it. ``distance`` weighs its share of a through fare; ``index`` tells coupons apart."""

    __slots__ = ("_due", "_facts", "_taxes_of", "distance", "index")

    def __init__(
        self, index: int, facts: CouponFacts, distance: int, taxes_of: Callable[[CouponFacts], DueTaxes]
    ) -> None:
        self.index = index
        self.distance = distance
        self._facts = facts
        self._taxes_of = taxes_of
        self._due: dict[str, DueTaxes] = {}

    def due(self, brand: str) -> DueTaxes:
        """The taxes of the coupon when it is sold in the brand, in the order in which they are taken."""
        known = self._due.get(brand)
        if known is None:
            known = self._due[brand] = self._taxes_of(msgspec.structs.replace(self._facts, brand=brand))
        return known


def price_component(
    fare: FareVersion,
    amount: Money,
    passenger_type: PassengerType,
    coupons: Sequence[CouponTaxes],
    weights: Sequence[int],
    position: int,
    point_of_sale: PointOfSale,
) -> ComponentPrice:
    """``amount``, this passenger's fare for the component, split over its coupons by distance, with all that is due.

    A percentage of FARE is taken of the coupon's exact share of the fare, not of the share as it was rounded for its
    line, so that the tax is rounded once and never falls when the fare rises.
    """
    charges: list[Charge] = []
    taxes = carrier_charges = 0
    whole_weight = sum(weights)
    for offset, (coupon, share) in enumerate(zip(coupons, allocate(amount.minor, weights), strict=True)):
        fare_line = Charge(
            position + offset,
            LineKind.FARE,
            fare.fare_basis,
            Money(share, amount.currency),
            bool(fare.rule.penalties.refund),
            fare.id,
            "Fare",
            "السعر",
        )
        exact_share = (amount.minor * weights[offset], whole_weight)
        due = _due_on_coupon(coupon.due(fare.brand), passenger_type, exact_share, position + offset, point_of_sale)
        taxes += sum(each.amount.minor for each in due if each.kind is LineKind.TAX)
        carrier_charges += sum(each.amount.minor for each in due if each.kind is LineKind.CARRIER_CHARGE)
        charges.append(fare_line)
        charges.extend(each for each in due if each.kind is LineKind.CARRIER_CHARGE)
        charges.extend(each for each in due if each.kind is LineKind.TAX)
    return ComponentPrice(
        base_fare=amount,
        taxes=Money(taxes, amount.currency),
        carrier_charges=Money(carrier_charges, amount.currency),
        total=Money(amount.minor + taxes + carrier_charges, amount.currency),
        charges=tuple(charges),
    )


def _due_on_coupon(
    taxes: DueTaxes,
    passenger_type: PassengerType,
    exact_share: tuple[int, int],
    position: int,
    point_of_sale: PointOfSale,
) -> list[Charge]:
    """The charges of one coupon for one passenger; what comes to nothing makes no line."""
    numerator, denominator = exact_share
    sums: dict[str, int] = {}
    charges = []
    for tax, fixed in taxes:
        if passenger_type in tax.exempt_passengers:
            continue
        if fixed is not None:
            minor = fixed.minor
        else:
            others = sum(sums.get(base, 0) for base in tax.percent_of if base != FARE_BASE)
            base_numerator = others * denominator + (numerator if FARE_BASE in tax.percent_of else 0)
            unit, direction = tax.rounding(point_of_sale)
            ratio = round_ratio(base_numerator * (tax.basis_points or 0), denominator * 10_000 * unit, direction)
            minor = ratio * unit
        if minor == 0:
            continue
        is_ours = tax.kind is TaxKind.CARRIER_CHARGE
        sums[tax.code] = sums.get(tax.code, 0) + minor
        if is_ours:
            sums[CHARGES_BASE] = sums.get(CHARGES_BASE, 0) + minor
        charges.append(
            Charge(
                position,
                LineKind.CARRIER_CHARGE if is_ours else LineKind.TAX,
                tax.code,
                Money(minor, point_of_sale.currency),
                tax.refundable,
                tax.id,
                tax.name_en,
                tax.name_ar,
            )
        )
    return charges
