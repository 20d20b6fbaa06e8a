"""Taxes, fees and carrier charges: dated rows, and the order in which percentages of each other are taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum

import msgspec

from ais.fares.domain.fare import PointOfSale, earliest
from ais.fares.domain.itinerary import PassengerType
from ais.kit import Money, Rounding

FARE_BASE, CHARGES_BASE = "FARE", "CHARGES"
# ISO 3166 leaves this code to its users: a tax row that names no country does not say to whom the tax is owed.
UNKNOWN_AUTHORITY = "XX"


class TaxKind(StrEnum):
    """Money for governments and airports (tax, fee), or the carrier's own (carrier charge)."""

    TAX = "tax"
    FEE = "fee"
    CARRIER_CHARGE = "carrier_charge"


class TaxPoint(StrEnum):
    """Where a tax arises."""

    DEPARTURE = "departure"
    ARRIVAL = "arrival"
    SALE = "sale"


class TaxScope(StrEnum):
    """Which coupons a tax looks at: their own two countries, or those of the whole ticket."""

    ANY = "any"
    DOMESTIC = "domestic"
    INTERNATIONAL = "international"
    DOMESTIC_JOURNEY = "domestic_journey"
    INTERNATIONAL_JOURNEY = "international_journey"


class TaxVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a tax, fee or carrier charge: an ``amount``, or ``basis_points`` of the bases in ``percent_of``
    (FARE, CHARGES, or tax codes). Empty restrictions restrict nothing.

    ``rounding_unit_minor`` counts minor units of ``rounding_currency``; both are None for the smallest unit.
    """

    id: int
    code: str
    kind: TaxKind
    name_en: str
    name_ar: str
    point: TaxPoint
    scope: TaxScope
    sale_starts_at: datetime
    country: str = ""
    airports: tuple[str, ...] = ()
    carrier: str = ""
    cabins: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    amount: Money | None = None
    basis_points: int | None = None
    percent_of: tuple[str, ...] = ()
    rounding_unit_minor: int | None = None
    rounding_currency: str | None = None
    rounding_direction: Rounding = Rounding.NEAREST
    exempt_passengers: tuple[PassengerType, ...] = ()
    exempt_transit_hours: int | None = None
    refundable: bool = False
    sale_ends_at: datetime | None = None
    travel_from: date | None = None
    travel_until: date | None = None
    withdrawn_at: datetime | None = None
    example: bool = False

    def sale_end(self) -> datetime | None:
        """The first instant at which it is no longer collected, by date or by withdrawal."""
        return earliest(self.sale_ends_at, self.withdrawn_at)

    def is_on_sale(self, at: datetime) -> bool:
        end = self.sale_end()
        return self.sale_starts_at <= at and (end is None or at < end)

    def rounding(self, point_of_sale: PointOfSale) -> tuple[int, Rounding]:
        """Unit in minor units and direction of a percentage sold there: the row's own if its unit is of the currency
        of sale, the smallest unit if it names none, else the point of sale's.
        """
        if self.rounding_currency is None or self.rounding_unit_minor is None:
            return 1, self.rounding_direction
        if self.rounding_currency == point_of_sale.currency:
            return self.rounding_unit_minor, self.rounding_direction
        return point_of_sale.tax_unit_minor, point_of_sale.tax_rounding


class CouponFacts(msgspec.Struct, frozen=True):
    """What taxes ask of a coupon.

    ``hours_in_transit_before`` and ``_after`` are the smallest exemption limits on file (hours) that cover the time
    on the ground at a connection before or after this flight; None where there is no connection or it lasts longer.
    """

    origin: str
    destination: str
    origin_country: str
    destination_country: str
    carrier: str
    departure_date: date
    cabin: str
    brand: str
    is_first: bool
    is_domestic_journey: bool
    hours_in_transit_before: int | None
    hours_in_transit_after: int | None


class CircularPercentages(ValueError):
    """Percentages that are taken of each other in a circle; ``codes`` names it."""

    def __init__(self, codes: Sequence[str]) -> None:
        self.codes = tuple(codes)
        super().__init__("percentages refer to each other: " + " of ".join(codes))


def in_order(taxes: Iterable[TaxVersion]) -> tuple[TaxVersion, ...]:
    """The taxes such that each percentage comes after everything it is taken of, otherwise by code and version.

    Raises :class:`CircularPercentages`; carrier charges that are a percentage of CHARGES are such a circle.
    """
    rows = sorted(taxes, key=lambda tax: (tax.code, tax.id))
    providers: dict[str, set[str]] = {}
    for tax in rows:
        bases = {base for base in tax.percent_of if base != FARE_BASE}
        providers.setdefault(tax.code, set()).update(bases)
        if tax.kind is TaxKind.CARRIER_CHARGE:
            providers.setdefault(CHARGES_BASE, set()).add(tax.code)
    rank: dict[str, int] = {}
    path: list[str] = []

    def visit(code: str) -> int:
        if code in path:
            raise CircularPercentages([*path[path.index(code) :], code])
        if code not in rank:
            path.append(code)
            rank[code] = 1 + max((visit(base) for base in sorted(providers.get(code, ()))), default=0)
            path.pop()
        return rank[code]

    return tuple(sorted(rows, key=lambda tax: (visit(tax.code), tax.code, tax.id)))


def applies(tax: TaxVersion, coupon: CouponFacts, point_of_sale: str) -> bool:
    """Whether the tax is due on this coupon (for passengers it does not exempt)."""
    return (
        (not tax.carrier or tax.carrier == coupon.carrier)
        and (not tax.cabins or coupon.cabin in tax.cabins)
        and (not tax.brands or coupon.brand in tax.brands)
        and (tax.travel_from is None or tax.travel_from <= coupon.departure_date)
        and (tax.travel_until is None or coupon.departure_date <= tax.travel_until)
        and _in_scope(tax.scope, coupon)
        and _at_point(tax, coupon, point_of_sale)
    )


def _in_scope(scope: TaxScope, coupon: CouponFacts) -> bool:
    domestic = coupon.origin_country == coupon.destination_country
    match scope:
        case TaxScope.ANY:
            return True
        case TaxScope.DOMESTIC:
            return domestic
        case TaxScope.INTERNATIONAL:
            return not domestic
        case TaxScope.DOMESTIC_JOURNEY:
            return coupon.is_domestic_journey
        case TaxScope.INTERNATIONAL_JOURNEY:
            return not coupon.is_domestic_journey


def _at_point(tax: TaxVersion, coupon: CouponFacts, point_of_sale: str) -> bool:
    if tax.point is TaxPoint.SALE:
        charged_here = not tax.country or tax.country == point_of_sale
        return charged_here and (tax.amount is None or coupon.is_first)
    if tax.point is TaxPoint.DEPARTURE:
        airport, country, ground = coupon.origin, coupon.origin_country, coupon.hours_in_transit_before
    else:
        airport, country, ground = coupon.destination, coupon.destination_country, coupon.hours_in_transit_after
    if tax.country and tax.country != country:
        return False
    if tax.airports and airport not in tax.airports:
        return False
    in_transit = tax.exempt_transit_hours is not None and ground is not None and ground <= tax.exempt_transit_hours
    return not in_transit
