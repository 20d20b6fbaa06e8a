"""The demo's fares and taxes are well filed, cover what is flown, and give the sums that their rows say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
from tools import build_demo_fares

from ais.app.demo_data import CARRIER, demo_file, demo_rows
from ais.fares import (
    DiscountVersion,
    FareBook,
    FareVersion,
    PassengerType,
    PricingPassenger,
    PricingSegment,
    TaxVersion,
    price_itinerary,
)
from ais.fares.filing.files import FILE_NAMES, read_filing
from ais.fares.filing.rows import KnownCodes
from ais.kit import Money
from ais.reference import packaged_reference

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MONDAY = date(2027, 6, 7)
LADDERS = {"Y": "YBMHQKLVT", "C": "JCDI"}
ADULT = PricingPassenger("p1", PassengerType.ADULT)


@pytest.fixture(scope="module")
def reference():
    return packaged_reference()


@pytest.fixture(scope="module")
def filing(reference):
    known = KnownCodes(
        airports=set(reference.airports),
        cities=set(reference.cities),
        countries=set(reference.countries),
        carriers={*reference.carriers, CARRIER},
    )
    found, errors = read_filing({name: demo_file(f"fares/{name}") for name in FILE_NAMES}, known, set(), set())
    assert errors == []
    return found


@pytest.fixture(scope="module")
def book(filing, reference):
    def version(kind, number, row):
        fields = {name: getattr(row, name) for name in row.__struct_fields__ if name in kind.__struct_fields__}
        starts_at = datetime.combine(row.sale_from, datetime.min.time(), UTC)
        identity = {"id": number} if "id" in kind.__struct_fields__ else {}
        return kind(**fields, **identity, sale_starts_at=starts_at)

    return FareBook(
        version=1,
        fares=[version(FareVersion, number, row) for number, row in enumerate(filing.fares, 1)],
        taxes=[version(TaxVersion, number, row) for number, row in enumerate(filing.taxes, 1)],
        discounts=[version(DiscountVersion, number, row) for number, row in enumerate(filing.discounts, 1)],
        brands=filing.brands,
        points_of_sale=filing.points_of_sale,
        facts=reference,
        rates=reference,
    )


def flight(origin, destination, on=MONDAY, hour=8, cabin="Y", *, closed="", seats=9):
    departs_at = datetime.combine(on, datetime.min.time(), UTC) + timedelta(hours=hour)
    return PricingSegment(
        segment_id=hour,
        carrier=CARRIER,
        flight_number="101",
        origin=origin,
        destination=destination,
        departs_at=departs_at,
        arrives_at=departs_at + timedelta(hours=2),
        departure_date=on,
        arrival_date=on,
        cabin=cabin,
        open_by_rbd={rbd: 0 if rbd in closed else seats for rbd in LADDERS[cabin]},
        infants_open=5,
    )


def price(book, *slices, passengers=(ADULT,), cabin="Y", place="SA"):
    priced = price_itinerary(book, slices, passengers, cabin=cabin, as_of=NOW, point_of_sale=place)
    return {each.brand: each for each in priced}


def test_the_files_are_what_the_tool_makes(tmp_path, monkeypatch):
    monkeypatch.setattr(build_demo_fares, "FOLDER", tmp_path)
    build_demo_fares.main()
    for name in FILE_NAMES:
        assert (tmp_path / name).read_text(encoding="utf-8") == demo_file(f"fares/{name}")


def test_brands_are_three_in_economy_and_two_in_business(filing):
    assert [(brand.code, brand.rank) for brand in filing.brands] == [
        ("LIGHT", 1),
        ("VALUE", 2),
        ("FLEX", 3),
        ("BUSVALUE", 4),
        ("BUSFLEX", 5),
    ]
    cabins = {fare.brand: fare.cabin for fare in filing.fares}
    assert cabins == {"LIGHT": "Y", "VALUE": "Y", "FLEX": "Y", "BUSVALUE": "C", "BUSFLEX": "C"}
    assert all(fare.rbd in LADDERS[fare.cabin] for fare in filing.fares)


def test_a_domestic_one_way_in_exact_sums(book):
    brands = price(book, [flight("RUH", "JED")])
    assert list(brands) == ["LIGHT", "VALUE", "FLEX"]
    (light,) = brands["LIGHT"].passengers
    # T 149 of base fare, 25 of carrier surcharge, 10 of building charge at either end, 15 % VAT on the sum of 194.
    assert (light.base_fare, light.carrier_charges) == (Money(14900, "SAR"), Money(2500, "SAR"))
    assert {tax.code: tax.amount.amount for tax in light.taxes_by_code} == {"E3": "20.00", "K7": "29.10"}
    assert light.total == Money(22310, "SAR")
    assert [brands[brand].passengers[0].base_fare.amount for brand in ("VALUE", "FLEX")] == ["289.00", "529.00"]


def test_dammam_cairo_is_a_through_fare_over_its_connection(book):
    brands = price(book, [flight("DMM", "RUH", hour=6), flight("RUH", "CAI", hour=8)])
    assert list(brands) == ["LIGHT", "VALUE", "FLEX"]
    (light,) = brands["LIGHT"].passengers
    assert light.base_fare == Money(42900, "SAR")
    assert [component.fare_basis for component in brands["LIGHT"].components] == ["TOLTSA"]
    # One coupon inside the country and one out of it; no VAT on a journey abroad; no building charge for leaving
    # Riyadh within hours, at either end of Riyadh; Egypt's arrival charge is 4 dollars.
    assert light.carrier_charges == Money(2500 + 9000, "SAR")
    assert {tax.code: tax.amount.amount for tax in light.taxes_by_code} == {"E3": "10.00", "XK": "15.00"}


def test_every_market_has_every_economy_brand_in_both_directions_and_the_through_fare_is_cheapest(book, reference):
    flown = {frozenset((row["origin"], row["destination"])) for row in demo_rows("rotations.csv")}
    airports = sorted({airport for pair in flown for airport in pair})
    unpriced = []
    for origin, destination in permutations(airports, 2):
        if frozenset((origin, destination)) in flown:
            journeys = [[flight(origin, destination)]]
        else:
            journeys = [
                [flight(origin, stop, hour=6), flight(stop, destination, hour=9)]
                for stop in airports
                if frozenset((origin, stop)) in flown and frozenset((stop, destination)) in flown
            ]
        for journey in journeys:
            brands = price(book, journey)
            if set(brands) != {"LIGHT", "VALUE", "FLEX"} or len(brands["LIGHT"].components) != 1:
                unpriced.append((origin, destination))
    assert unpriced == []


def test_no_market_is_named_twice_and_no_fare_undercuts_a_lower_brand(filing):
    markets = {frozenset((fare.origin, fare.destination)) for fare in filing.fares}
    pairs = {(fare.origin, fare.destination) for fare in filing.fares}
    assert len(markets) == len(pairs)
    amounts = {}
    for fare in filing.fares:
        amounts[fare.origin, fare.destination, fare.trip_type, fare.rbd, fare.brand] = fare.amount
    for (origin, destination, trip_type, rbd, brand), amount in amounts.items():
        above = {"LIGHT": "VALUE", "VALUE": "FLEX", "BUSVALUE": "BUSFLEX"}.get(brand)
        dearer = amounts.get((origin, destination, trip_type, rbd, above))
        assert dearer is None or amount < dearer


def test_a_return_is_cheaper_than_two_single_journeys(book):
    there = flight("RUH", "JED", closed="T")
    back = flight("JED", "RUH", MONDAY + timedelta(days=5), closed="T")
    single = price(book, [there])["LIGHT"].passengers[0].base_fare
    both = price(book, [there], [back])["LIGHT"].passengers[0].base_fare
    assert (single, both) == (Money(17900, "SAR"), Money(2 * 16900, "SAR"))
    too_short = flight("JED", "RUH", MONDAY + timedelta(days=2), closed="T")
    assert price(book, [there], [too_short])["LIGHT"].passengers[0].base_fare == single * 2


def test_the_lowest_classes_are_not_sold_at_the_feasts_nor_late(book):
    feast = date(2027, 3, 10)
    (passenger,) = price(book, [flight("RUH", "JED", feast)])["LIGHT"].passengers
    assert passenger.base_fare == Money(21900, "SAR")  # class L
    tomorrow = NOW.date() + timedelta(days=1)
    (passenger,) = price(book, [flight("RUH", "JED", tomorrow)])["LIGHT"].passengers
    assert passenger.base_fare == Money(26900, "SAR")  # class K: L wants three days


def test_business_is_sold_on_the_large_aircraft_only(book, filing):
    assert list(price(book, [flight("RUH", "CAI", cabin="C")], cabin="C")) == ["BUSVALUE", "BUSFLEX"]
    business = {frozenset((fare.origin, fare.destination)) for fare in filing.fares if fare.cabin == "C"}
    assert frozenset(("RUH", "ELQ")) not in business
    assert frozenset(("RUH", "JED")) in business


def test_penalties_of_a_cancellation_are_0_25_50_75_per_cent_and_all_after_departure(filing):
    for fare in filing.fares:
        penalties = fare.rule.penalties
        tiers = [(tier.until_hours_before, tier.basis_points) for tier in penalties.refund]
        if fare.brand in {"FLEX", "BUSFLEX"}:
            assert tiers == [(0, 0)]
        else:
            assert tiers == [(168, 0), (72, 2500), (24, 5000), (0, 7500)]
            assert [tier.basis_points for tier in penalties.no_show] == [10000]


def test_children_pay_75_and_lap_infants_10_per_cent(book):
    party = (
        ADULT,
        PricingPassenger("p2", PassengerType.CHILD, 7),
        PricingPassenger("p3", PassengerType.INFANT, 1),
    )
    passengers = price(book, [flight("RUH", "JED")], passengers=party)["LIGHT"].passengers
    fares = {passenger.reference: passenger.base_fare for passenger in passengers}
    assert fares["p1"] == Money(14900, "SAR")
    assert fares["p2"] == Money(11200, "SAR")  # 111.75, brought up to a riyal
    assert fares["p3"] == Money(1500, "SAR")


def test_examples_are_marked_and_cover_four_countries(filing):
    assert all(tax.example for tax in filing.taxes)
    assert {tax.country for tax in filing.taxes} == {"", "SA", "AE", "EG", "JO"}


@pytest.mark.parametrize(("place", "currency"), [("SA", "SAR"), ("FR", "SAR"), ("KW", "KWD"), ("AE", "AED")])
def test_each_point_of_sale_charges_its_currency(book, place, currency):
    priced = price(book, [flight("RUH", "JED")], place=place)["LIGHT"]
    assert priced.total.currency == currency
    if currency == "KWD":
        assert priced.total.minor % 10 == 0
