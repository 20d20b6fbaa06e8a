"""What pricing promises, each with exact figures."""

from __future__ import annotations

import time
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factories.fares import CARRIER, LONG_AGO, NOW, make_book, make_fare, make_party, make_segment, make_tax

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
    PriceDataMissing,
    ReasonCode,
    TaxKind,
    TaxScope,
    TripType,
    price_itinerary,
)
from ais.kit import Money, Rounding, total

OUT, BACK = date(2027, 3, 1), date(2027, 3, 8)  # two Mondays
ONE_WAY = [[make_segment(day=OUT)]]
RETURN = [[make_segment(day=OUT)], [make_segment("JED-RUH", BACK)]]
CONNECTION = [[make_segment("DMM-RUH", OUT, 6), make_segment("RUH-CAI", OUT, 10)]]


def price(fares, slices=ONE_WAY, party=None, *, at=NOW, seller="SA", explain=None, **book):
    return price_itinerary(
        make_book(fares, **book),
        slices,
        party or make_party(),
        cabin="Y",
        as_of=at,
        point_of_sale=seller,
        explain=explain,
    )


def reasons(fares, slices=ONE_WAY, party=None, **options):
    """What became of each fare, by its version and part."""
    explanation = Explanation()
    price(fares, slices, party, explain=explanation, **options)
    return {
        (each.fare_version_id, each.slice_index, each.first_segment, each.last_segment): each.reason
        for each in explanation.considered
    }


def rule(**values):
    return FareRule(name="R", **values)


def sar(text):
    return Money.parse(text, "SAR")


class TestBrandsAndClasses:
    def test_the_cheapest_valid_fare_of_each_brand_cheapest_brand_first(self):
        priced = price(
            [
                make_fare(1, amount="589.00", brand="FLEX", rbd="Y"),
                make_fare(2, amount="329.00", brand="VALUE", rbd="M"),
                make_fare(3, amount="199.00", rbd="Q"),
                make_fare(4, amount="249.00", rbd="K"),
            ]
        )
        assert [(each.brand, each.total, each.components[0].fare_version_id) for each in priced] == [
            ("LIGHT", sar("199.00"), 3),
            ("VALUE", sar("329.00"), 2),
            ("FLEX", sar("589.00"), 1),
        ]

    def test_with_two_seats_left_in_q_three_adults_are_priced_in_the_next_class(self):
        fares = [make_fare(1, amount="199.00", rbd="Q"), make_fare(2, amount="249.00", rbd="K")]
        slices = [[make_segment(seats={"Q": 2, "K": 9})]]
        assert price(fares, slices, make_party(2))[0].total == sar("398.00")
        three = price(fares, slices, make_party(3))[0]
        assert (three.total, three.components[0].rbd) == (sar("747.00"), "K")

    def test_children_and_infants_with_a_seat_count_as_seats_and_infants_on_laps_do_not(self):
        fares = [make_fare(1, amount="100.00", rbd="Q"), make_fare(2, amount="200.00", rbd="K")]
        slices = [[make_segment(seats={"Q": 3, "K": 9})]]
        assert price(fares, slices, make_party(1, 1, 1, 1))[0].components[0].rbd == "Q"
        assert price(fares, slices, make_party(2, 1, 1, 1))[0].components[0].rbd == "K"

    def test_a_lap_infant_needs_room_for_infants_on_every_segment(self):
        slices = [[make_segment(infants=1)]]
        assert len(price([make_fare(1)], slices, make_party(2, infants=1))) == 1
        assert price([make_fare(1)], slices, make_party(2, infants=2)) == []

    def test_a_through_fare_needs_its_class_on_every_segment(self):
        fares = [make_fare(1, "DMM-CAI", "300.00", rbd="Q"), make_fare(2, "DMM-CAI", "400.00", rbd="K")]
        slices = [
            [make_segment("DMM-RUH", seats={"Q": 9, "K": 4}), make_segment("RUH-CAI", hour=14, seats={"Q": 0, "K": 9})]
        ]
        priced = price(fares, slices)[0]
        assert (priced.total, priced.components[0].rbd) == (sar("400.00"), "K")

    def test_the_brand_is_the_same_on_every_slice(self):
        fares = [make_fare(1, both_directions=False), make_fare(2, "JED-RUH", brand="VALUE", both_directions=False)]
        assert price(fares, RETURN) == []

    def test_a_market_of_cities_holds_for_every_airport_of_the_city_and_one_of_airports_does_not(self):
        to_dwc = [[make_segment("RUH-DWC")]]
        assert len(price([make_fare(1, "RUH-DXB")], to_dwc)) == 1
        assert price([make_fare(1, "RUH-DXB", market_level=MarketLevel.AIRPORT)], to_dwc) == []

    def test_a_fare_of_another_carrier_or_cabin_is_never_used(self):
        assert price([make_fare(1, carrier="ZZ"), make_fare(2, cabin="C")]) == []


@given(
    adults=st.integers(1, 9),
    minor=st.integers(0, 10**7),
    currency=st.sampled_from(["SAR", "KWD", "JPY"]),
    percent=st.integers(0, 3000),
)
@settings(max_examples=100)
def test_n_adults_in_the_same_class_cost_n_times_one(adults, minor, currency, percent):
    taxes = [
        make_tax(1, "YQ", None, kind=TaxKind.CARRIER_CHARGE, basis_points=700, percent_of=("FARE",)),
        make_tax(2, "K7", None, basis_points=percent, percent_of=("CHARGES", "FARE")),
    ]
    fares = [msgspec.structs.replace(make_fare(1, "DMM-CAI"), amount=Money(minor, currency))]
    places = (PointOfSale("*", currency),)
    one = price(fares, CONNECTION, make_party(1), taxes=taxes, points_of_sale=places)[0]
    many = price(fares, CONNECTION, make_party(adults), taxes=taxes, points_of_sale=places)[0]
    assert many.total == one.total * adults
    assert {each.total for each in many.passengers} == {one.total}
    assert total((line.amount for line in many.lines), currency) == many.total
    assert currency != "KWD" or many.total.minor % 10 == 0


class TestDiscounts:
    def test_a_child_pays_75_and_an_infant_10_percent_by_default(self):
        people = price([make_fare(1, amount="199.00")], party=make_party(1, 1, 1, 1))[0].passengers
        assert [each.base_fare for each in people] == [sar("199.00"), sar("149.25"), sar("19.90"), sar("149.25")]

    def test_discounts_are_data_and_one_of_the_brand_wins(self):
        rows = tuple(
            DiscountVersion(
                id=number,
                carrier=CARRIER,
                passenger_type=PassengerType.CHILD,
                brand=brand,
                basis_points=points,
                sale_starts_at=LONG_AGO,
            )
            for number, (brand, points) in enumerate((("", 5_000), ("VALUE", 9_000)), 1)
        )
        fares = [make_fare(1, amount="100.00"), make_fare(2, amount="200.00", brand="VALUE")]
        priced = price(fares, party=make_party(1, 1), discounts=rows)
        assert [each.passengers[1].base_fare for each in priced] == [sar("50.00"), sar("180.00")]

    def test_a_discounted_fare_is_rounded_once_as_the_point_of_sale_says(self):
        place = PointOfSale("*", "SAR", 100, Rounding.UP)
        people = price([make_fare(1, amount="199.00")], party=make_party(1, 1, 1), points_of_sale=(place,))[
            0
        ].passengers
        assert [each.base_fare for each in people] == [sar("199.00"), sar("150.00"), sar("20.00")]


class TestDateRules:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"travel_from": date(2027, 3, 2)}, ReasonCode.VALIDITY),
            ({"travel_until": date(2027, 2, 28)}, ReasonCode.VALIDITY),
            ({"rule": rule(seasons=(DateRange(date(2027, 3, 2), date(2027, 4, 1)),))}, ReasonCode.SEASON),
            ({"rule": rule(travel_days=(2, 3, 4))}, ReasonCode.TRAVEL_DAY),
            ({"rule": rule(blackouts=(DateRange(OUT, OUT),))}, ReasonCode.BLACKOUT),
            ({"rule": rule(advance_purchase_days=46)}, ReasonCode.ADVANCE_PURCHASE),
            ({"sale_starts_at": NOW + timedelta(seconds=1)}, ReasonCode.NOT_ON_SALE),
            ({"sale_ends_at": NOW}, ReasonCode.NOT_ON_SALE),
            ({"withdrawn_at": NOW}, ReasonCode.WITHDRAWN),
            ({"points_of_sale": ("KW",)}, ReasonCode.POINT_OF_SALE),
            ({"cabin": "C"}, ReasonCode.CABIN),
            ({"rbd": "X"}, ReasonCode.CLASS_CLOSED),
            ({"trip_type": TripType.HALF_RETURN}, ReasonCode.TRIP_TYPE),
            ({"origin": "JED", "destination": "RUH", "both_directions": False}, ReasonCode.TRIP_TYPE),
        ],
    )
    def test_a_broken_rule_drops_the_fare_and_is_named(self, changes, reason):
        fares = [make_fare(1, amount="10.00", **changes), make_fare(2, amount="199.00")]
        assert price(fares)[0].total == sar("199.00")
        assert reasons(fares) == {(1, 0, 0, 0): reason, (2, 0, 0, 0): ReasonCode.CHOSEN}

    @pytest.mark.parametrize(
        "changes",
        [
            {"travel_from": OUT, "travel_until": OUT},
            {"rule": rule(seasons=(DateRange(date(2027, 1, 1), date(2027, 1, 31)), DateRange(OUT, OUT)))},
            {"rule": rule(travel_days=(1,))},
            {"rule": rule(blackouts=(DateRange(OUT + timedelta(days=1), BACK),))},
            {"rule": rule(advance_purchase_days=45)},
            {"sale_starts_at": NOW, "sale_ends_at": NOW + timedelta(seconds=1)},
            {"points_of_sale": ("KW", "SA")},
        ],
    )
    def test_at_its_edge_a_rule_is_kept(self, changes):
        assert price([make_fare(1, **changes)])[0].total == sar("199.00")

    def test_advance_purchase_counts_full_days_of_24_hours_to_the_second(self):
        departs = ONE_WAY[0][0].departs_at
        fares = [make_fare(1, rule=rule(advance_purchase_days=7))]
        assert len(price(fares, at=departs - timedelta(days=7))) == 1
        assert price(fares, at=departs - timedelta(days=7) + timedelta(seconds=1)) == []


class TestReturns:
    HALVES = (
        make_fare(1, amount="150.00", trip_type=TripType.HALF_RETURN, rule=rule(combination=Combination.HALF_RETURN)),
        make_fare(2, amount="199.00"),
    )

    def test_half_return_fares_are_sold_on_returns_only(self):
        assert price(self.HALVES)[0].total == sar("199.00")
        assert price(self.HALVES, RETURN)[0].total == sar("300.00")

    def test_an_open_jaw_is_no_return(self):
        slices = [[make_segment(day=OUT)], [make_segment("JED-DMM", BACK)]]
        fares = [
            *self.HALVES,
            make_fare(3, "JED-DMM", "120.00", trip_type=TripType.HALF_RETURN),
            make_fare(4, "JED-DMM", "130.00"),
        ]
        assert price(fares, slices)[0].total == sar("329.00")

    def test_a_half_return_filed_one_way_round_is_read_in_reverse_on_the_way_back(self):
        fares = [make_fare(1, amount="150.00", trip_type=TripType.HALF_RETURN, both_directions=False)]
        assert price(fares, RETURN)[0].total == sar("300.00")
        from_jeddah = [[make_segment("JED-RUH", OUT)], [make_segment("RUH-JED", BACK)]]
        assert price(fares, from_jeddah) == []

    def test_a_half_that_wants_another_half_does_not_combine_with_a_one_way_fare(self):
        slices = [RETURN[0], [make_segment("JED-RUH", BACK, seats={"Q": 0, "K": 9})]]
        half = make_fare(
            1, amount="150.00", trip_type=TripType.HALF_RETURN, rule=rule(combination=Combination.HALF_RETURN)
        )
        free = make_fare(2, amount="170.00", rbd="Q")
        back = make_fare(3, amount="180.00", rbd="K")
        assert price([half, free, back], slices)[0].total == sar("350.00")
        assert reasons([half, free, back], slices)[1, 0, 0, 0] is ReasonCode.COMBINATION

    @pytest.mark.parametrize(
        ("first", "second", "combine"),
        [
            (
                rule(combination=Combination.SAME_GROUP, combination_group="A"),
                rule(combination=Combination.SAME_GROUP, combination_group="A"),
                True,
            ),
            (
                rule(combination=Combination.SAME_GROUP, combination_group="A"),
                rule(combination=Combination.SAME_GROUP, combination_group="B"),
                False,
            ),
            (rule(combination=Combination.SAME_FARE_BASIS), rule(), False),
            (rule(combination=Combination.ALONE), rule(), False),
            (rule(combination=Combination.HALF_RETURN), rule(), True),
            (rule(), rule(), True),
        ],
    )
    def test_each_fare_must_admit_the_other(self, first, second, combine):
        fares = [
            make_fare(1, trip_type=TripType.HALF_RETURN, both_directions=False, rbd="Q", rule=first),
            make_fare(2, trip_type=TripType.HALF_RETURN, both_directions=False, rbd="K", rule=second),
        ]
        slices = [[make_segment(day=OUT, seats={"Q": 9})], [make_segment("JED-RUH", BACK, seats={"K": 9})]]
        assert len(price(fares, slices)) == combine

    def test_the_minimum_and_maximum_stay_hold_for_the_whole_ticket(self):
        cheap = make_fare(
            1, amount="100.00", trip_type=TripType.HALF_RETURN, rule=rule(min_stay_days=3, max_stay_days=7)
        )
        free = make_fare(2, amount="160.00", trip_type=TripType.HALF_RETURN)
        for days, expected in ((2, "320.00"), (3, "200.00"), (7, "200.00"), (8, "320.00")):
            slices = [RETURN[0], [make_segment("JED-RUH", OUT + timedelta(days=days))]]
            assert price([cheap, free], slices)[0].total == sar(expected)
        two_days = [RETURN[0], [make_segment("JED-RUH", OUT + timedelta(days=2))]]
        assert reasons([cheap, free], two_days)[1, 0, 0, 0] is ReasonCode.MINIMUM_STAY
        assert (
            reasons([cheap, free], [RETURN[0], [make_segment("JED-RUH", OUT + timedelta(days=8))]])[1, 1, 0, 0]
            is ReasonCode.MAXIMUM_STAY
        )


class TestComponents:
    def test_a_connection_does_not_break_a_fare_component(self):
        priced = price([make_fare(1, "DMM-CAI", "780.00")], CONNECTION)[0]
        component = priced.components[0]
        assert (component.slice_index, component.first_segment, component.last_segment) == (0, 0, 1)
        assert priced.component_of(0, 0) is priced.component_of(0, 1)

    def test_a_sum_of_sectors_is_taken_where_it_is_cheaper_or_the_only_one(self):
        sectors = [make_fare(1, "DMM-RUH", "150.00"), make_fare(2, "RUH-CAI", "500.00")]
        assert [each.total for each in price(sectors, CONNECTION)] == [sar("650.00")]
        dear, cheap = make_fare(3, "DMM-CAI", "700.00"), make_fare(4, "DMM-CAI", "640.00")
        assert len(price([*sectors, dear], CONNECTION)[0].components) == 2
        assert len(price([*sectors, cheap], CONNECTION)[0].components) == 1

    def test_a_through_fare_is_split_over_its_coupons_by_distance_and_loses_nothing(self):
        # DMM-RUH is 353 km and RUH-CAI 1612 km by the great circle.
        priced = price([make_fare(1, "DMM-CAI", "780.01")], CONNECTION)[0]
        assert [line.amount for line in priced.lines] == [sar("140.12"), sar("639.89")]

    def test_coupons_are_counted_over_all_slices(self):
        priced = price([make_fare(1, amount="100.00")], RETURN)[0]
        assert [(line.segment_position, line.amount) for line in priced.lines] == [
            (0, sar("100.00")),
            (1, sar("100.00")),
        ]

    @pytest.mark.parametrize("currency", ["SAR", "KWD"])
    @pytest.mark.parametrize("last", [Combination.ANY, Combination.ALONE])
    def test_six_slices_of_three_flights_each_are_priced_at_once_whatever_their_fares_ask(self, currency, last):
        """2^12 divisions of 20 fares a part, and perhaps a last slice that combines with nothing."""
        legs = ("RUH-JED", "JED-CAI", "CAI-DXB")
        slices = [
            [
                make_segment(market, OUT + timedelta(days=3 * number), hour)
                for market, hour in zip(legs, (0, 6, 12), strict=True)
            ]
            for number in range(5)
        ]
        slices.append([make_segment("DMM-CAI", OUT + timedelta(days=20))])
        kinds = (Combination.ANY, Combination.ONE_WAY, Combination.SAME_FARE_BASIS, Combination.ALONE)
        fares = [
            make_fare(
                100 * number + count,
                market,
                f"{100 + 20 * number + count}.00",
                currency,
                rule=rule(combination=kinds[count % 4]),
                fare_basis=f"B{count}",
            )
            for number, market in enumerate((*legs, "RUH-CAI", "JED-DXB", "RUH-DXB"))
            for count in range(1, 21)
        ]
        fares.append(make_fare(9_999, "DMM-CAI", "500.00", currency, rule=rule(combination=last), fare_basis="B4"))
        began = time.process_time()
        priced = price(fares, slices, make_party(1, 1, 1), points_of_sale=(PointOfSale("*", currency),))
        assert time.process_time() - began < 0.5
        if last is Combination.ALONE:
            assert priced == []
        else:
            # A one-way fare at 201.00 takes each of the five through slices, and the last one takes 500.00.
            assert priced[0].passengers[0].base_fare == Money.parse("1505.00", currency)


class TestExplanation:
    def test_it_names_every_fare_of_every_part_and_costs_nothing_when_off(self):
        fares = [
            make_fare(1, "DMM-CAI", "780.00"),
            make_fare(2, "DMM-RUH", "150.00", brand="VALUE"),
            make_fare(3, "RUH-CAI", "900.00"),
        ]
        explanation = Explanation()
        priced = price(fares, CONNECTION, explain=explanation)
        assert priced == price(fares, CONNECTION)
        assert [
            (each.fare_version_id, each.first_segment, each.last_segment, each.reason)
            for each in explanation.considered
        ] == [
            (2, 0, 0, ReasonCode.INCOMPLETE),
            (1, 0, 1, ReasonCode.CHOSEN),
            (3, 1, 1, ReasonCode.DEARER),
        ]
        assert all(each.sentence.endswith(".") for each in explanation.considered)

    def test_a_closed_class_is_told_with_its_figures(self):
        explanation = Explanation()
        price([make_fare(1)], [[make_segment(seats=2)]], make_party(3), explain=explanation)
        assert explanation.considered[0].sentence == "Class Q has 2 seats for 3 passengers."


class TestConditions:
    def test_the_strictest_penalty_holds_for_the_whole_ticket(self):
        from ais.fares.domain.conditions import BagAllowance, Baggage, PenaltyRules, PenaltyTier, Permission, RuleTier

        lenient = PenaltyRules(
            refund=(RuleTier(168, basis_points=0), RuleTier(0, basis_points=2500)),
            change=(RuleTier(0, amount=sar("0.00")),),
        )
        strict = PenaltyRules(refund=(RuleTier(72, amount=sar("50.00")), RuleTier(24, basis_points=5000)))
        fares = [
            make_fare(
                1,
                both_directions=False,
                rule=rule(penalties=lenient, baggage=Baggage(BagAllowance(1, 7), (BagAllowance(2, 23),))),
            ),
            make_fare(
                2,
                "JED-RUH",
                "201.00",
                both_directions=False,
                rule=rule(penalties=strict, baggage=Baggage(BagAllowance(1, 7))),
            ),
        ]
        priced = price(fares, RETURN)[0]
        out, back = priced.conditions
        assert out.refund == Permission(
            True, (PenaltyTier(168, sar("50.00")), PenaltyTier(72, sar("100.00")), PenaltyTier(24, sar("200.00")))
        )
        assert back.refund == out.refund
        assert (out.change.allowed, out.no_show.allowed) == (False, False)
        assert (out.baggage.checked, back.baggage.checked) == ((BagAllowance(2, 23),), ())
        assert [out.refund.penalty_at(hours) for hours in (200, 72, 71.9, 24, 23.9)] == [
            sar("50.00"),
            sar("100.00"),
            sar("200.00"),
            sar("200.00"),
            None,
        ]


def test_a_point_of_sale_without_a_currency_cannot_be_priced():
    with pytest.raises(PriceDataMissing, match="the currency of the point of sale SA"):
        price([make_fare(1)], points_of_sale=())


def test_a_business_itinerary_is_priced_with_business_fares():
    fares = [make_fare(1, amount="900.00", cabin="C", rbd="J"), make_fare(2)]
    priced = price_itinerary(
        make_book(fares), [[make_segment(cabin="C")]], make_party(), cabin="C", as_of=NOW, point_of_sale="SA"
    )
    assert [(each.cabin, each.total) for each in priced] == [("C", sar("900.00"))]


def test_a_tax_of_a_brand_or_journey_is_only_in_its_price():
    taxes = [make_tax(1, brands=("VALUE",)), make_tax(2, "DJ", "5.00", scope=TaxScope.DOMESTIC_JOURNEY)]
    fares = [make_fare(1), make_fare(2, amount="199.00", brand="VALUE")]
    priced = price(fares, taxes=taxes)
    assert {each.brand: each.total for each in priced} == {"LIGHT": sar("204.00"), "VALUE": sar("291.00")}
    assert [line.kind for line in priced[0].lines] == [LineKind.FARE, LineKind.TAX]
