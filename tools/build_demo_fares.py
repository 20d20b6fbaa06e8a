"""Builds the fares of the demo airline from its network: what is flown without or with one connection is filed.

    python -m tools.build_demo_fares

writes the six files of ``docs/formats/fares-csv.md`` into ``src/ais/app/demo_data/fares``. Amounts grow with distance;
each booking class of the ladder costs a fixed multiple of the lowest, each brand adds its own. A market with a flight
of its own has the whole ladder, a connecting market every second class of it. No fare has travel dates of its own.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from ais.app.demo_data import CARRIER, SALE_CURRENCY, demo_rows
from ais.fares.filing.rows import (
    BRAND_COLUMNS,
    DISCOUNT_COLUMNS,
    FARE_COLUMNS,
    PLACE_COLUMNS,
    RULE_COLUMNS,
    TAX_COLUMNS,
)
from ais.reference import ReferenceData, packaged_reference

FOLDER = Path(__file__).resolve().parents[1] / "src/ais/app/demo_data/fares"
SALE_FROM = "2026-01-01"

BRANDS = (
    ("LIGHT", "Light", "خفيف"),
    ("VALUE", "Value", "قيمة"),
    ("FLEX", "Flex", "مرن"),
    ("BUSVALUE", "Business Value", "أعمال قيمة"),
    ("BUSFLEX", "Business Flex", "أعمال مرن"),
)

# What is kept of the base fare of a ticket that is given up: 0, 25, 50 and 75 % at least 168, 72, 24 and 0 hours before
# departure. After departure everything is kept.
USUAL_REFUND = "168:0% 72:25% 24:50% 0:75%"
ALL_KEPT_AFTER_DEPARTURE = "-8760:100%"
USUAL_CHANGE = "168:0% 72:5% 24:10% 0:15%"

# Days around the feasts on which the lowest classes are not sold (by the calendar of Umm al-Qura).
FEASTS = (
    "2027-03-05/2027-03-16", "2027-05-13/2027-05-23", "2028-02-22/2028-03-05", "2028-05-01/2028-05-12",
    "2029-02-10/2029-02-22", "2029-04-20/2029-05-01",
)  # fmt: skip
# Outside the school holidays of summer.
LOW_SEASONS = (
    "2026-10-25/2027-06-14", "2027-09-01/2028-06-14", "2028-09-01/2029-06-14", "2029-09-01/2029-10-27",
)  # fmt: skip

# Multiples of the lowest class's amount, in hundredths.
LADDER = {"T": 100, "V": 120, "L": 145, "K": 175, "Q": 210, "H": 250, "M": 300, "B": 360, "Y": 430}
BUSINESS_LADDER = {"I": 320, "D": 400, "C": 500, "J": 620}


class FareLevel(NamedTuple):
    """One fare of every market: its class, and how its amount follows from the market's lowest."""

    brand: str
    rbd: str
    trip_type: str
    rule: str
    brand_percent: int
    brand_amount: int
    in_connecting_markets: bool


class Market(NamedTuple):
    """Two cities that are sold. ``has_flight``: one flight number joins them; ``has_business``: on all flights."""

    origin: str
    destination: str
    kilometres: float
    is_domestic: bool
    has_flight: bool
    has_business: bool


def _levels() -> tuple[FareLevel, ...]:
    levels = []

    def add(brand: str, classes: str, trip_type: str, rules: dict[str, str], percent: int, amount: int) -> None:
        # Capital letters are filed everywhere, small ones only where there is a flight.
        for letter in classes:
            rbd = letter.upper()
            rule = rules.get(rbd, rules["*"])
            levels.append(FareLevel(brand, rbd, trip_type, rule, percent, amount, letter.isupper()))

    add("LIGHT", "TVlKq", "one_way", {"T": "LIGHTLOW", "V": "LIGHT7", "L": "LIGHT3", "*": "LIGHT"}, 100, 0)
    add("LIGHT", "vLk", "half_return", {"V": "LIGHTR7", "*": "LIGHTR"}, 90, 0)
    add("VALUE", "lKqHm", "one_way", {"*": "VALUE"}, 110, 40)
    add("VALUE", "kQm", "half_return", {"*": "VALUER"}, 99, 40)
    add("FLEX", "qHmBY", "one_way", {"*": "FLEX"}, 130, 110)
    add("FLEX", "hM", "half_return", {"*": "FLEXR"}, 120, 110)
    add("BUSVALUE", "IdC", "one_way", {"*": "BUSVALUE"}, 100, 250)
    add("BUSVALUE", "Id", "half_return", {"*": "BUSVALUER"}, 92, 250)
    add("BUSFLEX", "dCJ", "one_way", {"*": "BUSFLEX"}, 120, 250)
    add("BUSFLEX", "cJ", "half_return", {"*": "BUSFLEXR"}, 114, 250)
    return tuple(levels)


def brand_rows() -> list[dict[str, object]]:
    return [
        {"carrier": CARRIER, "brand": code, "rank": rank, "name_en": english, "name_ar": arabic}
        for rank, (code, english, arabic) in enumerate(BRANDS, 1)
    ]


def rule_rows() -> list[dict[str, object]]:
    usual: dict[str, object] = {
        "refund": USUAL_REFUND,
        "no_show": ALL_KEPT_AFTER_DEPARTURE,
        "combination": "any",
        "carry_on": "1x7",
    }
    light = usual | {"change": USUAL_CHANGE}
    value = usual | {"change": "24:0% 0:5%", "checked": "1x23"}
    flex = usual | {"refund": "0:0%", "change": "0:0%", "no_show": "-8760:25%", "checked": "2x23"}
    business = value | {"checked": "2x32", "carry_on": "2x7"}
    business_flex = flex | {"checked": "2x32", "carry_on": "2x7"}
    feasts: dict[str, object] = {"blackouts": " ".join(FEASTS)}
    low = feasts | {"seasons": " ".join(LOW_SEASONS), "travel_days": "12367"}
    light_return = light | {"min_stay_days": 3, "max_stay_days": 90, "combination": "half_return"}
    return [
        {"rule": "LIGHT"} | light,
        {"rule": "LIGHT3", "advance_purchase_days": 3} | light,
        {"rule": "LIGHT7", "advance_purchase_days": 7} | light | feasts,
        {"rule": "LIGHTLOW", "advance_purchase_days": 14} | light | low,
        {"rule": "LIGHTR"} | light_return,
        {"rule": "LIGHTR7", "advance_purchase_days": 7} | light_return | feasts,
        {"rule": "VALUE"} | value,
        {"rule": "VALUER", "min_stay_days": 1, "max_stay_days": 180} | value,
        {"rule": "FLEX"} | flex,
        {"rule": "FLEXR", "max_stay_days": 365} | flex,
        {"rule": "BUSVALUE"} | business,
        {"rule": "BUSVALUER", "min_stay_days": 1, "max_stay_days": 180} | business,
        {"rule": "BUSFLEX"} | business_flex,
        {"rule": "BUSFLEXR", "max_stay_days": 365} | business_flex,
    ]


def markets(reference: ReferenceData) -> list[Market]:
    """Every pair of cities with a flight or a journey of two flights, by the rotation plan."""
    business: dict[frozenset[str], bool] = {}
    for pair, has_business in _flown_pairs():
        business[pair] = business.get(pair, True) and has_business
    airports = sorted({airport for pair in business for airport in pair})
    found = []
    for origin, destination in combinations(airports, 2):
        paths = _paths(origin, destination, business)
        if paths:
            flown = min(sum(reference.distance_km(*pair) for pair in path) for path in paths)
            direct = frozenset((origin, destination))
            found.append(
                Market(
                    reference.airport(origin).city_code,
                    reference.airport(destination).city_code,
                    max(reference.distance_km(origin, destination), 0.7 * flown),
                    reference.is_domestic(origin, destination),
                    has_flight=direct in business,
                    has_business=any(all(business[frozenset(pair)] for pair in path) for path in paths),
                )
            )
    return found


def _flown_pairs() -> Iterable[tuple[frozenset[str], bool]]:
    """The pairs of airports that a flight number joins, and whether its aircraft has a business cabin."""
    flights: dict[str, list[dict[str, str]]] = {}
    for row in demo_rows("rotations.csv"):
        flights.setdefault(row["flight_number"], []).append(row)
    for legs in flights.values():
        points = [legs[0]["origin"], *(leg["destination"] for leg in legs)]
        for origin, destination in combinations(points, 2):
            yield frozenset((origin, destination)), legs[0]["rotation"] == "A320"


def _paths(origin: str, destination: str, flown: dict[frozenset[str], bool]) -> list[tuple[tuple[str, str], ...]]:
    if frozenset((origin, destination)) in flown:
        return [((origin, destination),)]
    stops = {airport for pair in flown for airport in pair} - {origin, destination}
    return [
        ((origin, stop), (stop, destination))
        for stop in sorted(stops)
        if frozenset((origin, stop)) in flown and frozenset((stop, destination)) in flown
    ]


def fare_rows(reference: ReferenceData) -> list[dict[str, object]]:
    levels = _levels()
    rows: list[dict[str, object]] = []
    for market in markets(reference):
        lowest = _lowest_amount(market)
        for level in levels:
            is_business = level.brand.startswith("BUS")
            if (is_business and not market.has_business) or not (market.has_flight or level.in_connecting_markets):
                continue
            rows.append(
                {
                    "carrier": CARRIER,
                    "market_level": "city",
                    "origin": market.origin,
                    "destination": market.destination,
                    "both_directions": "yes",
                    "trip_type": level.trip_type,
                    "fare_basis": _fare_basis(level),
                    "rbd": level.rbd,
                    "brand": level.brand,
                    "cabin": "business" if is_business else "economy",
                    "currency": SALE_CURRENCY,
                    "amount": f"{_amount(lowest, level)}.00",
                    "rule": level.rule,
                    "sale_from": SALE_FROM,
                }
            )
    return rows


def _lowest_amount(market: Market) -> float:
    """The lowest class's one-way amount in whole currency units, before it is rounded."""
    if market.is_domestic:
        return 60 + 0.11 * market.kilometres
    return 140 + 0.16 * market.kilometres


def _amount(lowest: float, level: FareLevel) -> int:
    """Prices end in 9, as the market is used to."""
    multiple = (LADDER | BUSINESS_LADDER)[level.rbd]
    exact = lowest * multiple / 100 * level.brand_percent / 100 + level.brand_amount
    return round(exact / 10) * 10 - 1


def _fare_basis(level: FareLevel) -> str:
    """Class, one way or half return, brand, country of filing: ``VRLTSA``."""
    brand = {"LIGHT": "LT", "VALUE": "VA", "FLEX": "FX", "BUSVALUE": "BV", "BUSFLEX": "BF"}[level.brand]
    return f"{level.rbd}{'O' if level.trip_type == 'one_way' else 'R'}{brand}SA"


def discount_rows() -> list[dict[str, object]]:
    return [
        {"carrier": CARRIER, "passenger_type": kind, "percent": percent, "sale_from": SALE_FROM}
        for kind, percent in (("CHD", 75), ("INF", 10), ("INS", 75))
    ]


def tax_rows() -> list[dict[str, object]]:
    """Taxes, fees and charges of four countries and the carrier, all of them examples."""
    common: dict[str, object] = {"refundable": "yes", "sale_from": SALE_FROM, "example": "yes"}

    def fee(
        code: str, country: str, names: tuple[str, str], point: str, scope: str, amount: str, **others: object
    ) -> dict[str, object]:
        value, currency = amount.split()
        return {
            "code": code, "kind": "fee", "name_en": names[0], "name_ar": names[1], "country": country, "point": point,
            "scope": scope, "amount": value, "currency": currency, "exempt_passengers": "INF",
        } | common | others  # fmt: skip

    def surcharge(scope: str, cabin: str, amount: str) -> dict[str, object]:
        return {
            "code": "YQ", "kind": "carrier_charge", "name_en": "Carrier surcharge", "name_ar": "رسوم الناقل",
            "carrier": CARRIER, "point": "departure", "scope": scope, "cabins": cabin, "amount": amount,
            "currency": SALE_CURRENCY, "exempt_passengers": "INF",
        } | common  # fmt: skip

    leaving = {"exempt_transit_hours": 24}
    building = ("Airport building charge", "أجور استخدام مرافق المطار")
    service = ("Passenger service charge", "رسوم خدمة المسافرين")
    security = ("Passenger security charge", "رسوم أمن المسافرين")
    departure = ("Departure tax", "ضريبة المغادرة")
    information = ("Advance passenger information fee", "رسوم المعلومات المسبقة عن المسافرين")
    return [
        surcharge("domestic", "economy", "25.00"),
        surcharge("domestic", "business", "40.00"),
        surcharge("international", "economy", "90.00"),
        surcharge("international", "business", "160.00"),
        fee("IO", "SA", building, "departure", "international", "87.00 SAR", **leaving),
        fee("S4", "SA", building, "arrival", "international", "87.00 SAR", **leaving),
        fee("E3", "SA", building, "departure", "domestic", "10.00 SAR", **leaving),
        fee("E3", "SA", building, "arrival", "domestic", "10.00 SAR", **leaving),
        {
            "code": "K7", "kind": "tax", "name_en": "Value added tax", "name_ar": "ضريبة القيمة المضافة",
            "country": "SA", "point": "departure", "scope": "domestic_journey", "percent": 15,
            "percent_of": "FARE CHARGES E3", "currency": "SAR", "rounding_unit": "0.01",
            "rounding_direction": "nearest",
        } | common,
        fee("AE", "AE", service, "departure", "international", "75.00 AED", **leaving),
        fee("F6", "AE", ("Passenger facility charge", "رسوم مرافق المسافرين"), "departure", "international",
            "45.00 AED", airports="DXB", **leaving),
        fee("TP", "AE", security, "departure", "international", "5.00 AED", **leaving),
        fee("ZR", "AE", information, "departure", "international", "5.00 AED", exempt_passengers=""),
        fee("ZR", "AE", information, "arrival", "international", "5.00 AED", exempt_passengers=""),
        fee("QH", "EG", departure, "departure", "international", "25.00 USD", **leaving),
        fee("JK", "EG", security, "departure", "international", "4.00 USD", **leaving),
        fee("XK", "EG", service, "arrival", "international", "4.00 USD", **leaving),
        fee("JO", "JO", departure, "departure", "international", "10.000 JOD", **leaving),
        fee("MN", "JO", service, "departure", "international", "15.000 JOD", **leaving),
        fee("SQ", "JO", security, "departure", "international", "1.500 JOD", **leaving),
    ]  # fmt: skip


def place_rows() -> list[dict[str, object]]:
    """What is charged where: riyals, and in the neighbours' countries their own money."""
    units = (
        ("*", "SAR", "1.00", "0.01"), ("SA", "SAR", "1.00", "0.01"), ("AE", "AED", "5.00", "0.01"),
        ("BH", "BHD", "0.500", "0.001"), ("EG", "EGP", "5.00", "0.01"), ("JO", "JOD", "0.500", "0.001"),
        ("KW", "KWD", "0.500", "0.001"), ("OM", "OMR", "0.500", "0.001"), ("QA", "QAR", "5.00", "0.01"),
        ("TR", "TRY", "5.00", "0.01"), ("PK", "PKR", "10.00", "1.00"),
    )  # fmt: skip
    return [
        {
            "point_of_sale": place,
            "currency": currency,
            "fare_rounding_unit": fare_unit,
            "fare_rounding_direction": "up",
            "tax_rounding_unit": tax_unit,
            "tax_rounding_direction": "nearest",
        }
        for place, currency, fare_unit, tax_unit in units
    ]


def _write(name: str, columns: Sequence[str], rows: Sequence[dict[str, object]]) -> None:
    with (FOLDER / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{name}: {len(rows)} rows")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    _write("brands.csv", BRAND_COLUMNS, brand_rows())
    _write("fare_rules.csv", RULE_COLUMNS, rule_rows())
    _write("fares.csv", FARE_COLUMNS, fare_rows(packaged_reference()))
    _write("discounts.csv", DISCOUNT_COLUMNS, discount_rows())
    _write("taxes.csv", TAX_COLUMNS, tax_rows())
    _write("points_of_sale.csv", PLACE_COLUMNS, place_rows())


if __name__ == "__main__":
    main()
