"""The rows of each file: what they say, their keys, and the mistakes that only the whole line shows."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping
from datetime import date
from enum import StrEnum

import msgspec

from ais.fares.domain.conditions import Baggage, PenaltyRules
from ais.fares.domain.fare import Brand, Combination, FareRule, MarketLevel, PointOfSale, TripType
from ais.fares.domain.itinerary import PassengerType
from ais.fares.domain.tax import TaxKind, TaxPoint, TaxScope
from ais.fares.domain.versioning import FiledRow
from ais.fares.filing.reader import Line
from ais.kit import Money, Rounding

CABINS = {"economy": "Y", "business": "C"}
PASSENGERS = {kind.code: kind for kind in PassengerType}

BRAND_COLUMNS = ("carrier", "brand", "rank", "name_en", "name_ar")
RULE_COLUMNS = (
    "rule", "advance_purchase_days", "min_stay_days", "max_stay_days", "travel_days", "seasons", "blackouts",
    "combination", "combination_group", "refund", "change", "no_show", "penalty_currency", "carry_on", "checked",
)  # fmt: skip
FARE_COLUMNS = (
    "carrier", "market_level", "origin", "destination", "both_directions", "trip_type", "fare_basis", "rbd", "brand",
    "cabin", "currency", "amount", "rule", "sale_from", "sale_until", "travel_from", "travel_until", "points_of_sale",
)  # fmt: skip
DISCOUNT_COLUMNS = ("carrier", "passenger_type", "brand", "percent", "sale_from", "sale_until")
TAX_COLUMNS = (
    "code", "kind", "name_en", "name_ar", "country", "airports", "carrier", "point", "scope", "cabins", "brands",
    "amount", "currency", "percent", "percent_of", "rounding_unit", "rounding_direction", "exempt_passengers",
    "exempt_transit_hours", "refundable", "sale_from", "sale_until", "travel_from", "travel_until", "example",
)  # fmt: skip
PLACE_COLUMNS = (
    "point_of_sale", "currency", "fare_rounding_unit", "fare_rounding_direction", "tax_rounding_unit",
    "tax_rounding_direction",
)  # fmt: skip

_BRAND_FORM = r"[A-Z][A-Z0-9]{0,11}"
_SELLER_FORM = r"[A-Z0-9]{2,12}"


class Cabin(StrEnum):
    """Cabins as files write them."""

    ECONOMY = "economy"
    BUSINESS = "business"


class DiscountedType(StrEnum):
    """Passenger types that may have a discount."""

    CHILD = "CHD"
    INFANT = "INF"
    INFANT_SEAT = "INS"


class KnownCodes(msgspec.Struct, frozen=True):
    """The codes that rows may name."""

    airports: Container[str]
    cities: Container[str]
    countries: Container[str]
    carriers: Container[str]


class FiledFare(msgspec.Struct, frozen=True, kw_only=True):
    """A row of fares.csv with its rule in it."""

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
    sale_from: date | None
    sale_until: date | None
    travel_from: date | None
    travel_until: date | None
    points_of_sale: tuple[str, ...]

    @property
    def key(self) -> str:
        return "|".join(
            (
                self.carrier,
                self.market_level,
                self.origin,
                self.destination,
                self.trip_type,
                self.fare_basis,
                self.amount.currency,
                " ".join(self.points_of_sale),
            )
        )


class FiledTax(msgspec.Struct, frozen=True, kw_only=True):
    """A row of taxes.csv."""

    code: str
    kind: TaxKind
    name_en: str
    name_ar: str
    country: str
    airports: tuple[str, ...]
    carrier: str
    point: TaxPoint
    scope: TaxScope
    cabins: tuple[str, ...]
    brands: tuple[str, ...]
    amount: Money | None
    basis_points: int | None
    percent_of: tuple[str, ...]
    rounding_unit_minor: int | None
    rounding_currency: str | None
    rounding_direction: Rounding
    exempt_passengers: tuple[PassengerType, ...]
    exempt_transit_hours: int | None
    refundable: bool
    sale_from: date | None
    sale_until: date | None
    travel_from: date | None
    travel_until: date | None
    example: bool

    @property
    def key(self) -> str:
        return "|".join(
            (
                self.code,
                self.country,
                " ".join(self.airports),
                self.carrier,
                self.point,
                self.scope,
                " ".join(self.cabins),
                " ".join(self.brands),
                str(self.travel_from or ""),
            )
        )


class FiledDiscount(msgspec.Struct, frozen=True, kw_only=True):
    """A row of discounts.csv."""

    carrier: str
    passenger_type: PassengerType
    brand: str
    basis_points: int
    sale_from: date | None
    sale_until: date | None

    @property
    def key(self) -> str:
        return f"{self.carrier}|{self.passenger_type}|{self.brand}"


VersionedRow = FiledFare | FiledTax | FiledDiscount


def filed(row: VersionedRow) -> FiledRow:
    """The row as versioning sees it; its digest covers everything that it says."""
    digest = hashlib.sha256(msgspec.json.encode(row)).digest()
    return FiledRow(row.key, digest, row.sale_from, row.sale_until)


def _carrier(line: Line, known: KnownCodes, *, required: bool = True) -> str:
    code = line.text("carrier")
    if (code or required) and code not in known.carriers:
        line.wrong("carrier", "the code of a known carrier")
    return code


def read_brand(line: Line, known: KnownCodes) -> Brand:
    return Brand(
        carrier=_carrier(line, known),
        code=line.matching("brand", _BRAND_FORM, "1 to 12 capital letters and digits"),
        rank=line.number_or_none("rank", 1, 99) or _required(line, "rank", "a whole number from 1 to 99"),
        name_en=line.name("name_en"),
        name_ar=line.name("name_ar"),
    )


def _required(line: Line, column: str, expected: str) -> int:
    if not line.text(column):
        line.wrong(column, expected)
    return 0


def read_rule(line: Line) -> FareRule:
    penalty_currency = line.currency("penalty_currency", required=False)
    least, most = line.number_or_none("min_stay_days", 0, 365), line.number_or_none("max_stay_days", 0, 365)
    if least is not None and most is not None and most < least:
        line.wrong("max_stay_days", "at least min_stay_days")
    combination = line.word("combination", Combination, Combination.ANY)
    group = line.matching("combination_group", r"[A-Z0-9]{0,20}", "up to 20 capital letters and digits, or nothing")
    if (combination is Combination.SAME_GROUP) != bool(group):
        line.wrong("combination_group", "a group if the combination is same_group, else nothing")
    carry_on = line.bags("carry_on")
    if len(carry_on) > 1:
        line.wrong("carry_on", "one allowance such as 1x7, or nothing")
    return FareRule(
        name=line.matching("rule", r"[A-Z0-9]{1,20}", "1 to 20 capital letters and digits"),
        advance_purchase_days=line.number_or_none("advance_purchase_days", 0, 365),
        min_stay_days=least,
        max_stay_days=most,
        travel_days=line.weekdays("travel_days"),
        seasons=line.ranges("seasons"),
        blackouts=line.ranges("blackouts"),
        combination=combination,
        combination_group=group,
        penalties=PenaltyRules(
            refund=line.tiers("refund", penalty_currency),
            change=line.tiers("change", penalty_currency),
            no_show=line.tiers("no_show", penalty_currency),
        ),
        baggage=Baggage(carry_on[0] if carry_on else None, line.bags("checked")),
    )


def read_fare(
    line: Line, known: KnownCodes, rules: Mapping[str, FareRule], brands: Container[tuple[str, str]]
) -> FiledFare:
    """A fare; its rule must be in ``rules`` and its brand in ``brands`` (carrier, brand)."""
    carrier = _carrier(line, known)
    level = line.word("market_level", MarketLevel)
    points, kind = (known.airports, "an airport") if level is MarketLevel.AIRPORT else (known.cities, "a city")
    for column in ("origin", "destination"):
        if line.text(column) not in points:
            line.wrong(column, f"the code of {kind}")
    if line.text("origin") == line.text("destination"):
        line.wrong("destination", "another place than the origin")
    brand = line.text("brand")
    if (carrier, brand) not in brands:
        line.wrong("brand", "a brand of the carrier in brands.csv")
    rule = rules.get(line.text("rule"))
    if rule is None:
        line.wrong("rule", "a rule of fare_rules.csv")
        rule = FareRule(name="")
    trip_type = line.word("trip_type", TripType)
    has_stay = rule.min_stay_days is not None or rule.max_stay_days is not None
    wants_halves = rule.combination in {Combination.HALF_RETURN, Combination.SAME_GROUP}
    if trip_type is TripType.ONE_WAY and (has_stay or wants_halves):
        line.wrong("rule", "for a one-way fare a rule without stay and without half-return combination")
    if trip_type is TripType.HALF_RETURN and rule.combination is Combination.ONE_WAY:
        line.wrong("rule", "for a half-return fare a rule without one-way combination")
    code = line.currency("currency")
    amount = line.money("amount", code)
    if amount is None and not line.text("amount"):
        line.wrong("amount", "an amount")
    sale_from, sale_until = line.period("sale_from", "sale_until")
    travel_from, travel_until = line.period("travel_from", "travel_until")
    return FiledFare(
        carrier=carrier,
        market_level=level,
        origin=line.text("origin"),
        destination=line.text("destination"),
        both_directions=line.flag("both_directions"),
        trip_type=trip_type,
        fare_basis=line.matching("fare_basis", r"[A-Z][A-Z0-9]{1,7}", "2 to 8 capital letters and digits"),
        rbd=line.matching("rbd", r"[A-Z]", "one capital letter"),
        brand=brand,
        cabin=CABINS[line.word("cabin", Cabin)],
        amount=amount or Money(0, "SAR"),
        rule=rule,
        sale_from=sale_from,
        sale_until=sale_until,
        travel_from=travel_from,
        travel_until=travel_until,
        points_of_sale=line.words("points_of_sale", _SELLER_FORM, "points of sale separated by a space, or nothing"),
    )


def read_discount(line: Line, known: KnownCodes, brands: Container[tuple[str, str]]) -> FiledDiscount:
    carrier, brand = _carrier(line, known), line.text("brand")
    if brand and (carrier, brand) not in brands:
        line.wrong("brand", "a brand of the carrier in brands.csv, or nothing")
    basis_points = line.basis_points("percent", 100)
    if basis_points is None and not line.text("percent"):
        line.wrong("percent", "a percentage from 0 to 100")
    sale_from, sale_until = line.period("sale_from", "sale_until")
    return FiledDiscount(
        carrier=carrier,
        passenger_type=PASSENGERS[line.word("passenger_type", DiscountedType)],
        brand=brand,
        basis_points=basis_points or 0,
        sale_from=sale_from,
        sale_until=sale_until,
    )


def read_place(line: Line) -> PointOfSale:
    code = line.currency("currency")
    fare_unit, tax_unit = line.money("fare_rounding_unit", code), line.money("tax_rounding_unit", code)
    for column, unit in (("fare_rounding_unit", fare_unit), ("tax_rounding_unit", tax_unit)):
        if unit is not None and unit.minor == 0:
            line.wrong(column, "more than nothing")
    return PointOfSale(
        code=line.matching("point_of_sale", rf"\*|{_SELLER_FORM}", "a country, an agency's code, or *"),
        currency=code or "SAR",
        fare_unit_minor=fare_unit.minor if fare_unit else 1,
        fare_rounding=line.word("fare_rounding_direction", Rounding, Rounding.UP),
        tax_unit_minor=tax_unit.minor if tax_unit else 1,
        tax_rounding=line.word("tax_rounding_direction", Rounding, Rounding.NEAREST),
    )


def read_tax(line: Line, known: KnownCodes) -> FiledTax:
    code = line.currency("currency", required=bool(line.text("amount") or line.text("rounding_unit")))
    amount = line.money("amount", code)
    basis_points = line.basis_points("percent", 1000)
    percent_of = line.words("percent_of", r"FARE|CHARGES|[A-Z0-9]{2,3}", "FARE, CHARGES or tax codes")
    if bool(line.text("amount")) == bool(line.text("percent")):
        line.wrong("amount", "either an amount or a percentage")
    if bool(percent_of) != bool(line.text("percent")):
        line.wrong("percent_of", "what the percentage is taken of, and nothing beside an amount")
    unit = line.money("rounding_unit", code)
    if line.text("rounding_unit") and (line.text("amount") or (unit is not None and unit.minor == 0)):
        line.wrong("rounding_unit", "more than nothing, and only beside a percentage")
    country = line.text("country")
    if country and country not in known.countries:
        line.wrong("country", "the code of a country, or nothing")
    airports = line.words("airports", r"[A-Z0-9]{3}", "airports separated by a space, or nothing")
    if any(airport not in known.airports for airport in airports):
        line.wrong("airports", "known airports")
    point = line.word("point", TaxPoint)
    exempt_hours = line.number_or_none("exempt_transit_hours", 1, 168)
    if point is TaxPoint.SALE and (airports or exempt_hours):
        line.wrong("point", "departure or arrival for a tax of airports or with an exemption in transit")
    sale_from, sale_until = line.period("sale_from", "sale_until")
    travel_from, travel_until = line.period("travel_from", "travel_until")
    cabins = line.words("cabins", "economy|business", "economy, business, or nothing")
    exempt = line.words("exempt_passengers", "ADT|CHD|INF|INS", "a list of ADT, CHD, INF, INS, or nothing")
    return FiledTax(
        code=line.matching("code", r"[A-Z0-9]{2,3}", "2 or 3 capital letters and digits"),
        kind=line.word("kind", TaxKind),
        name_en=line.name("name_en"),
        name_ar=line.name("name_ar"),
        country=country,
        airports=airports,
        carrier=_carrier(line, known, required=False),
        point=point,
        scope=line.word("scope", TaxScope),
        cabins=tuple(CABINS[cabin] for cabin in cabins),
        brands=line.words("brands", _BRAND_FORM, "brands separated by a space, or nothing"),
        amount=amount,
        basis_points=basis_points,
        percent_of=percent_of,
        rounding_unit_minor=unit.minor if unit else None,
        rounding_currency=code if unit else None,
        rounding_direction=line.word("rounding_direction", Rounding, Rounding.NEAREST),
        exempt_passengers=tuple(PASSENGERS[each] for each in exempt),
        exempt_transit_hours=exempt_hours,
        refundable=line.flag("refundable"),
        sale_from=sale_from,
        sale_until=sale_until,
        travel_from=travel_from,
        travel_until=travel_until,
        example=line.flag("example"),
    )
