"""What one fare costs one passenger on its coupons: the fare split over them, charges and taxes, each its own line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ais.fares.domain.fare import FareVersion, PointOfSale
from ais.fares.domain.itinerary import Charge, LineKind, PassengerType
from ais.fares.domain.tax import CHARGES_BASE, FARE_BASE, UNKNOWN_AUTHORITY, CouponFacts, TaxKind, TaxVersion
from ais.kit import Money, allocate
from ais.kit.money import round_ratio

DueTaxes = list[tuple[TaxVersion, Money | None]]

ROUNDING_CODE = "ROUND"
FARE_NAME_EN, FARE_NAME_AR = "Fare", "أجرة السفر"


class ComponentPrice(msgspec.Struct, frozen=True, gc=False):
    """The price of one fare component for one passenger, as sums and as charges by coupon."""

    base_fare: Money
    taxes: Money
    carrier_charges: Money
    total: Money
    charges: tuple[Charge, ...]


def whole_price(prices: Sequence[ComponentPrice], chargeable_multiple: int) -> ComponentPrice:
    """The price of a ticket of these components for one passenger, with the line that brings it up to a multiple of
    what can be charged.
    """
    currency = prices[0].total.currency
    if len(prices) == 1:
        whole = prices[0]
    else:
        charges: list[Charge] = []
        for price in prices:
            charges += price.charges
        whole = ComponentPrice(
            Money(sum([price.base_fare.minor for price in prices]), currency),
            Money(sum([price.taxes.minor for price in prices]), currency),
            Money(sum([price.carrier_charges.minor for price in prices]), currency),
            Money(sum([price.total.minor for price in prices]), currency),
            tuple(charges),
        )
    missing = -whole.total.minor % chargeable_multiple
    if not missing:
        return whole
    rounding = Money(missing, currency)
    line = Charge(
        0,
        LineKind.ROUNDING,
        ROUNDING_CODE,
        rounding,
        refundable=True,
        version_id=None,
        name_en="Rounding",
        name_ar="تقريب",
    )
    return ComponentPrice(
        whole.base_fare,
        whole.taxes,
        whole.carrier_charges + rounding,
        whole.total + rounding,
        (*whole.charges, line),
    )


class CouponPlan:
    """What one type of passenger owes on a coupon in one brand. Where nothing is a percentage, ``charges`` are the
    lines, the carrier's own first, and they come to ``taxes`` and ``carrier_charges``; else ``due`` is worked out fare
    by fare.
    """

    __slots__ = ("carrier_charges", "charges", "due", "taxes")

    def __init__(self, due: DueTaxes, position: int) -> None:
        self.due = due if any(fixed is None for _, fixed in due) else None
        lines = [_charge(tax, fixed, position) for tax, fixed in due if fixed is not None and fixed.minor]
        self.charges, self.taxes, self.carrier_charges = _in_line_order(lines)


class CouponTaxes:
    """A coupon as taxes see it. ``distance`` weighs its share of a through fare; ``index`` tells coupons apart."""

    __slots__ = ("_due", "_facts", "_plans", "_taxes_of", "distance", "index")

    def __init__(
        self, index: int, facts: CouponFacts, distance: int, taxes_of: Callable[[CouponFacts], DueTaxes]
    ) -> None:
        self.index = index
        self.distance = distance
        self._facts = facts
        self._taxes_of = taxes_of
        self._due: dict[str, DueTaxes] = {}
        self._plans: dict[tuple[str, PassengerType, int], CouponPlan] = {}

    def plan(self, brand: str, passenger_type: PassengerType, position: int) -> CouponPlan:
        """What a passenger of the type owes when the coupon is sold in the brand as coupon number ``position``."""
        key = (brand, passenger_type, position)
        known = self._plans.get(key)
        if known is None:
            if brand not in self._due:
                self._due[brand] = self._taxes_of(msgspec.structs.replace(self._facts, brand=brand))
            due = [each for each in self._due[brand] if passenger_type not in each[0].exempt_passengers]
            known = self._plans[key] = CouponPlan(due, position)
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
    shares = [amount.minor] if len(coupons) == 1 else allocate(amount.minor, weights)
    is_refundable = bool(fare.rule.penalties.refund)
    for offset, coupon in enumerate(coupons):
        place = position + offset
        share = Money(shares[offset], amount.currency)
        charges.append(
            Charge(place, LineKind.FARE, fare.fare_basis, share, is_refundable, fare.id, FARE_NAME_EN, FARE_NAME_AR)
        )
        plan = coupon.plan(fare.brand, passenger_type, place)
        due, tax_sum, charge_sum = plan.charges, plan.taxes, plan.carrier_charges
        if plan.due is not None:
            exact_share = (amount.minor * weights[offset], sum(weights))
            due, tax_sum, charge_sum = _due_on_coupon(plan.due, exact_share, place, point_of_sale)
        charges += due
        taxes += tax_sum
        carrier_charges += charge_sum
    return ComponentPrice(
        amount,
        Money(taxes, amount.currency),
        Money(carrier_charges, amount.currency),
        Money(amount.minor + taxes + carrier_charges, amount.currency),
        tuple(charges),
    )


def _due_on_coupon(
    due: DueTaxes, exact_share: tuple[int, int], position: int, point_of_sale: PointOfSale
) -> tuple[tuple[Charge, ...], int, int]:
    """The lines of one coupon where some are percentages, with their sums; what comes to nothing makes no line."""
    numerator, denominator = exact_share
    sums: dict[str, int] = {}
    lines = []
    for tax, fixed in due:
        if fixed is not None:
            amount = fixed
        else:
            others = sum([sums.get(base, 0) for base in tax.percent_of if base != FARE_BASE])
            base_numerator = others * denominator + (numerator if FARE_BASE in tax.percent_of else 0)
            unit, direction = tax.rounding(point_of_sale)
            ratio = round_ratio(base_numerator * (tax.basis_points or 0), denominator * 10_000 * unit, direction)
            amount = Money(ratio * unit, point_of_sale.currency)
        if amount.minor == 0:
            continue
        sums[tax.code] = sums.get(tax.code, 0) + amount.minor
        if tax.kind is TaxKind.CARRIER_CHARGE:
            sums[CHARGES_BASE] = sums.get(CHARGES_BASE, 0) + amount.minor
        lines.append(_charge(tax, amount, position))
    return _in_line_order(lines)


def _charge(tax: TaxVersion, amount: Money, position: int) -> Charge:
    names = (tax.name_en, tax.name_ar)
    if tax.kind is TaxKind.CARRIER_CHARGE:
        return Charge(position, LineKind.CARRIER_CHARGE, tax.code, amount, tax.refundable, tax.id, *names)
    authority = tax.country or UNKNOWN_AUTHORITY
    return Charge(position, LineKind.TAX, tax.code, amount, tax.refundable, tax.id, *names, authority)


def _in_line_order(lines: Sequence[Charge]) -> tuple[tuple[Charge, ...], int, int]:
    """The lines with the carrier's own charges first, the sum of taxes and fees, and the sum of carrier charges."""
    ours = [line for line in lines if line.kind is LineKind.CARRIER_CHARGE]
    others = [line for line in lines if line.kind is LineKind.TAX]
    return (
        (*ours, *others),
        sum([line.amount.minor for line in others]),
        sum([line.amount.minor for line in ours]),
    )
