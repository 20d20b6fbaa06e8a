"""Random fare books and itineraries: the real pricer against one that tries everything."""

from __future__ import annotations

import random
from datetime import date, timedelta
from itertools import pairwise

import pytest
from tests.factories.fares import (
    CARRIER,
    LONG_AGO,
    NOW,
    make_book,
    make_fare,
    make_party,
    make_segment,
    make_tax,
    reference,
)
from tests.fares.brute_force import BruteForce

from ais.fares import (
    Combination,
    DateRange,
    DiscountVersion,
    Explanation,
    FareRule,
    LineKind,
    MarketLevel,
    PassengerType,
    PointOfSale,
    ReasonCode,
    TaxKind,
    TaxPoint,
    TaxScope,
    TripType,
    price_itinerary,
)
from ais.kit import Rounding, total

AIRPORTS = ("RUH", "JED", "CAI", "DXB", "DWC")
DAYS = [date(2027, 1, 20) + timedelta(days=number) for number in range(12)]
PLACES = {
    "SAR": PointOfSale("*", "SAR", 100, Rounding.UP, 1, Rounding.NEAREST),
    "KWD": PointOfSale("*", "KWD", 5, Rounding.NEAREST, 1, Rounding.UP),
    "JPY": PointOfSale("*", "JPY", 10, Rounding.DOWN, 1, Rounding.DOWN),
}


class World:
    """The packaged reference, with a rate for yen."""

    def __init__(self):
        self.airport, self.distance_km = reference().airport, reference().distance_km

    def exchange_rate(self, base, quote, on):
        def in_usd(code):
            return (
                reference().exchange_rate("USD", "SAR", on) * 40
                if code == "JPY"
                else reference().exchange_rate("USD", code, on)
            )

        return in_usd(quote) / in_usd(base)


def period(rng):
    first = rng.choice(DAYS)
    return DateRange(first, first + timedelta(days=rng.randint(0, 8)))


def random_fare(rng, number):
    half = rng.random() < 0.5
    combinations = (
        [each for each in Combination if each is not Combination.ONE_WAY]
        if half
        else [Combination.ANY, Combination.ONE_WAY, Combination.ALONE, Combination.SAME_FARE_BASIS]
    )
    combination = rng.choice([Combination.ANY, *combinations])
    level = rng.choice(list(MarketLevel))
    codes = (
        AIRPORTS
        if level is MarketLevel.AIRPORT
        else tuple({reference().airport(code).city_code for code in sorted(AIRPORTS)})
    )
    origin, destination = rng.sample(sorted(codes), 2)
    currency, amount = rng.choice(
        [
            ("SAR", f"{rng.randint(100, 999)}.{rng.randint(0, 99):02d}"),
            ("KWD", f"{rng.randint(9, 99)}.{rng.randint(0, 999):03d}"),
        ]
    )
    rule = FareRule(
        name="R",
        advance_purchase_days=rng.choice([None, None, None, 3, 7, 10]),
        min_stay_days=rng.choice([None, None, 2, 4]) if half else None,
        max_stay_days=rng.choice([None, None, 5, 9]) if half else None,
        travel_days=tuple(sorted(rng.sample(range(1, 8), 5))) if rng.random() < 0.2 else (),
        seasons=(period(rng), period(rng)) if rng.random() < 0.2 else (),
        blackouts=(period(rng),) if rng.random() < 0.1 else (),
        combination=combination,
        combination_group=rng.choice("AB") if combination is Combination.SAME_GROUP else "",
    )
    return make_fare(
        number,
        f"{origin}-{destination}",
        amount,
        currency,
        market_level=level,
        both_directions=rng.random() < 0.6,
        trip_type=TripType.HALF_RETURN if half else TripType.ONE_WAY,
        fare_basis=f"F{rng.randint(1, 4)}",
        rbd=rng.choice("YMQK"),
        brand=rng.choice(("LIGHT", "VALUE")),
        carrier=CARRIER if rng.random() < 0.95 else "ZZ",
        cabin="Y" if rng.random() < 0.95 else "C",
        rule=rule,
        travel_from=rng.choice([None, None, rng.choice(DAYS)]),
        points_of_sale=rng.choice([(), (), (), ("KW",), ("SA", "KW")]),
        sale_starts_at=LONG_AGO if rng.random() < 0.95 else NOW + timedelta(seconds=1),
        sale_ends_at=None if rng.random() < 0.95 else NOW,
        withdrawn_at=None if rng.random() < 0.97 else NOW,
    )


def random_tax(rng, number):
    codes = ("T1", "T2", "T3", "T4", "YQ", "YR")
    code = rng.choice(codes)
    # A percentage only names codes before its own, and charges are never a percentage of charges: no circles.
    bases = [each for each in codes[: codes.index(code)] if code[0] == "T" or each[0] == "Y"]
    percent = rng.random() < 0.5
    of = tuple(sorted({"FARE", *rng.sample(bases, min(len(bases), rng.randint(0, 2)))}))
    if percent and code[0] == "T" and rng.random() < 0.3:
        of = tuple(sorted({*of, "CHARGES"}))
    unit = rng.choice([None, 1, 50, 100]) if percent else None
    currency = rng.choice(("SAR", "KWD", "USD"))
    return make_tax(
        number,
        code,
        None if percent else f"{rng.randint(0, 60)}.{rng.randint(0, 99):02d}",
        currency,
        kind=TaxKind.CARRIER_CHARGE if code[0] == "Y" else rng.choice([TaxKind.TAX, TaxKind.FEE]),
        point=rng.choice(list(TaxPoint)),
        scope=rng.choice([TaxScope.ANY, TaxScope.ANY, *TaxScope]),
        country=rng.choice(["", "", "SA", "EG", "KW"]),
        brands=rng.choice([(), (), ("VALUE",)]),
        basis_points=rng.choice([500, 1500, 333]) if percent else None,
        percent_of=of if percent else (),
        rounding_unit_minor=unit,
        rounding_currency=currency if unit else None,
        rounding_direction=rng.choice(list(Rounding)),
        exempt_transit_hours=rng.choice([None, 1, 3, 24]),
        exempt_passengers=rng.choice([(), (), (PassengerType.INFANT,), (PassengerType.CHILD, PassengerType.INFANT)]),
        travel_from=rng.choice([None, None, rng.choice(DAYS)]),
    )


def random_slices(rng):
    def slice_of(stops, day):
        segments, hour = [], rng.randint(0, 12)
        for market in pairwise(stops):
            seats = {rbd: rng.choice([0, 2, 9, 9, 9, 9]) for rbd in "YMQK"}
            segments.append(
                make_segment(
                    "-".join(market),
                    day,
                    hour,
                    seats=seats,
                    infants=rng.choice([0, 5, 5, 5, 5, 5, 5]),
                    carrier=CARRIER if rng.random() < 0.97 else "ZZ",
                )
            )
            hour += 2 + rng.choice([1, 3, 7])
        return segments

    stops = rng.sample(AIRPORTS, rng.choice([2, 2, 2, 3, 3, 3, 4]))
    shape = rng.choice(("one_way", "return", "return", "multi"))
    first = rng.choice(DAYS)
    if shape == "one_way":
        return [slice_of(stops, first)]
    if shape == "return":
        back = stops[::-1] if rng.random() < 0.7 else [stops[-1], stops[0]]
        return [slice_of(stops, first), slice_of(back, first + timedelta(days=rng.randint(1, 9)))]
    third = rng.sample(AIRPORTS, 2)
    return [
        slice_of(stops[:3], first),
        slice_of(third, first + timedelta(days=2)),
        slice_of(third[::-1], first + timedelta(days=4)),
    ]


def random_discounts(rng):
    rows = []
    for number, (kind, brand) in enumerate(
        (kind, brand) for kind in (PassengerType.CHILD, PassengerType.INFANT) for brand in ("", "VALUE")
    ):
        if rng.random() < 0.3:
            rows.append(
                DiscountVersion(
                    id=number,
                    carrier=CARRIER,
                    passenger_type=kind,
                    brand=brand,
                    basis_points=rng.choice([0, 3333, 5000, 10_000]),
                    sale_starts_at=LONG_AGO,
                )
            )
    return tuple(rows)


@pytest.mark.parametrize("currency", sorted(PLACES))
@pytest.mark.parametrize("block", range(4))
def test_the_same_cheapest_total_of_every_brand_as_trying_everything(currency, block):
    rng = random.Random(f"{currency}{block}")
    world, place, compared = World(), PLACES[currency], 0
    for _ in range(25):
        fares = [random_fare(rng, number) for number in range(1, rng.randint(60, 130))]
        taxes = [random_tax(rng, number) for number in range(1, rng.randint(2, 12))]
        discounts = random_discounts(rng)
        book = make_book(fares, taxes, discounts, (place,), facts=world)
        for _ in range(6):
            slices = random_slices(rng)
            party = make_party(rng.randint(1, 3), rng.randint(0, 1), rng.randint(0, 1), rng.randint(0, 1))
            expected = BruteForce(world, fares, taxes, discounts, place, "SA", NOW).cheapest_by_brand(slices, party)
            priced = price_itinerary(book, slices, party, cabin="Y", as_of=NOW, point_of_sale="SA")
            assert {each.brand: each.total.minor for each in priced} == expected
            for each in priced:
                assert_sums(each, currency, slices)
            compared += len(priced)
    assert compared >= 40


def assert_sums(priced, currency, slices):
    """Lines add up to each passenger's parts, parts to totals, and a provider can charge every total."""
    coupons = sum(len(each) for each in slices)
    for passenger in priced.passengers:
        sums = {
            kind: total((line.amount for line in passenger.lines if line.kind is kind), currency) for kind in LineKind
        }
        assert sums[LineKind.FARE] == passenger.base_fare
        assert sums[LineKind.TAX] == passenger.taxes
        assert sums[LineKind.CARRIER_CHARGE] + sums[LineKind.ROUNDING] == passenger.carrier_charges
        assert passenger.base_fare + passenger.taxes + passenger.carrier_charges == passenger.total
        assert [line.segment_position for line in passenger.lines if line.kind is LineKind.FARE] == list(range(coupons))
        assert {line.passenger_reference for line in passenger.lines} == {passenger.reference}
        assert currency != "KWD" or passenger.total.minor % 10 == 0
        assert all(line.amount.minor >= 0 for line in passenger.lines)
    assert total((line.amount for line in priced.lines), currency) == priced.total
    covered = [
        (component.slice_index, number)
        for component in priced.components
        for number in range(component.first_segment, component.last_segment + 1)
    ]
    assert covered == [(index, number) for index, each in enumerate(slices) for number in range(len(each))]


OWN_RULES_KEPT = {ReasonCode.CHOSEN, ReasonCode.DEARER, ReasonCode.COMBINATION, ReasonCode.INCOMPLETE}


def test_an_explanation_drops_exactly_the_fares_that_do_not_fit_and_takes_exactly_the_price():
    rng = random.Random("explain")
    world, place, seen = World(), PLACES["SAR"], set()
    for _ in range(15):
        fares = [random_fare(rng, number) for number in range(1, 130)]
        book = make_book(fares, (), (), (place,), facts=world)
        reference_pricer = BruteForce(world, fares, (), (), place, "SA", NOW)
        for _ in range(10):
            slices, party = random_slices(rng), make_party(rng.randint(1, 3), 0, rng.randint(0, 1))
            explanation = Explanation()
            priced = price_itinerary(book, slices, party, cabin="Y", as_of=NOW, point_of_sale="SA", explain=explanation)
            seats, infants = sum(each.type != "infant" for each in party), sum(each.type == "infant" for each in party)
            has_room = all(segment.infants_open >= infants for each in slices for segment in each)
            stay, roles = reference_pricer.journey(slices)
            for each in explanation.considered:
                segments = slices[each.slice_index][each.first_segment : each.last_segment + 1]
                fare = book.fares[each.fare_version_id]
                fits = reference_pricer.fits(fare, segments, stay, roles[min(each.slice_index, 1)], seats)
                assert (each.reason in OWN_RULES_KEPT) == (fits and has_room), each
                seen.add(each.reason)
            chosen = {
                (each.slice_index, each.first_segment, each.last_segment, each.fare_version_id)
                for each in explanation.considered
                if each.reason is ReasonCode.CHOSEN
            }
            assert chosen == {
                (part.slice_index, part.first_segment, part.last_segment, part.fare_version_id)
                for itinerary in priced
                for part in itinerary.components
            }
    assert seen == set(ReasonCode)
