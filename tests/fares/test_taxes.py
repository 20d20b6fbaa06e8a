"""Taxes, fees and carrier charges: who pays which, of what, in which order, and how it is rounded."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from tests.factories.fares import NOW, make_book, make_fare, make_party, make_segment, make_tax

from ais.fares import (
    CircularPercentages,
    LineKind,
    PassengerType,
    PointOfSale,
    TaxKind,
    TaxPoint,
    TaxScope,
    price_itinerary,
)
from ais.kit import Money, Rounding

DAY = date(2027, 3, 1)
DOMESTIC = [[make_segment()]]
TO_CAIRO = [[make_segment("DMM-RUH", DAY, 6), make_segment("RUH-CAI", DAY, 10)]]
FARES = (make_fare(1, amount="199.00"), make_fare(2, "DMM-CAI", "780.00"))

IN_RIYALS = (PointOfSale("*", "SAR"),)


def lines(taxes, slices=DOMESTIC, party=None, *, fares=FARES, seller="SA", places=IN_RIYALS):
    """(passenger, coupon, code, amount) of everything but the fare."""
    book = make_book(fares, taxes, points_of_sale=places)
    (priced,) = price_itinerary(book, slices, party or make_party(), cabin="Y", as_of=NOW, point_of_sale=seller)
    return [
        (line.passenger_reference, line.segment_position, line.code, line.amount.amount)
        for line in priced.lines
        if line.kind is not LineKind.FARE
    ]


def of_one(taxes, slices=DOMESTIC, **options):
    """(coupon, code, amount) of one adult."""
    return [line[1:] for line in lines(taxes, slices, **options)]


class TestWhereATaxIsDue:
    def test_departure_and_arrival_by_country(self):
        taxes = [make_tax(1, "D1", country="SA"), make_tax(2, "A1", "5.00", country="EG", point=TaxPoint.ARRIVAL)]
        assert of_one(taxes, TO_CAIRO) == [(0, "D1", "87.00"), (1, "A1", "5.00"), (1, "D1", "87.00")]

    def test_by_airport(self):
        taxes = [make_tax(1, airports=("RUH", "CAI"))]
        assert of_one(taxes, TO_CAIRO) == [(1, "SA", "87.00")]

    def test_domestic_and_international_coupons(self):
        taxes = [
            make_tax(1, "DO", "1.00", scope=TaxScope.DOMESTIC),
            make_tax(2, "IN", "2.00", scope=TaxScope.INTERNATIONAL),
        ]
        assert of_one(taxes, TO_CAIRO) == [(0, "DO", "1.00"), (1, "IN", "2.00")]

    def test_domestic_and_international_journeys(self):
        taxes = [
            make_tax(1, "DJ", "1.00", scope=TaxScope.DOMESTIC_JOURNEY),
            make_tax(2, "IJ", "2.00", scope=TaxScope.INTERNATIONAL_JOURNEY),
        ]
        assert of_one(taxes) == [(0, "DJ", "1.00")]
        assert of_one(taxes, TO_CAIRO) == [(0, "IJ", "2.00"), (1, "IJ", "2.00")]

    def test_a_tax_of_sale_is_due_by_point_of_sale_an_amount_once_and_a_percentage_on_each_coupon(self):
        taxes = [
            make_tax(1, "SL", "10.00", point=TaxPoint.SALE, country="SA"),
            make_tax(2, "SP", None, point=TaxPoint.SALE, country="SA", basis_points=1000, percent_of=("FARE",)),
        ]
        fares = [make_fare(1, "DMM-RUH", "100.00"), make_fare(2, "RUH-CAI", "500.00")]
        assert of_one(taxes, TO_CAIRO, fares=fares) == [(0, "SL", "10.00"), (0, "SP", "10.00"), (1, "SP", "50.00")]
        assert of_one(taxes, TO_CAIRO, fares=fares, seller="KW") == []

    def test_dates_of_sale_and_of_travel(self):
        for changes, due in (
            ({"sale_starts_at": NOW}, True),
            ({"sale_starts_at": NOW + timedelta(seconds=1)}, False),
            ({"sale_ends_at": NOW}, False),
            ({"withdrawn_at": NOW}, False),
            ({"travel_from": DAY, "travel_until": DAY}, True),
            ({"travel_from": DAY + timedelta(days=1)}, False),
            ({"travel_until": DAY - timedelta(days=1)}, False),
        ):
            assert bool(of_one([make_tax(1, **changes)])) is due, changes


class TestExemptions:
    def test_infants(self):
        taxes = [make_tax(1, exempt_passengers=(PassengerType.INFANT,))]
        assert [line[0] for line in lines(taxes, party=make_party(1, 1, 1))] == ["adult1", "child1"]

    @pytest.mark.parametrize(("ground_hours", "due"), [(2, [0]), (24, [0]), (24.01, [0, 1])])
    def test_transit_up_to_and_including_the_limit(self, ground_hours, due):
        slices = [[make_segment("DMM-RUH", DAY, 6, hours=1), make_segment("RUH-CAI", DAY, 7 + ground_hours)]]
        assert [coupon for coupon, _, _ in of_one([make_tax(1, exempt_transit_hours=24)], slices)] == due

    def test_a_stopover_between_slices_is_no_transit(self):
        slices = [[make_segment("DMM-RUH", DAY, 6)], [make_segment("RUH-CAI", DAY, 10)]]
        fares = [make_fare(1, "DMM-RUH"), make_fare(2, "RUH-CAI")]
        assert len(of_one([make_tax(1, exempt_transit_hours=24)], slices, fares=fares)) == 2

    def test_arrival_in_transit(self):
        taxes = [make_tax(1, point=TaxPoint.ARRIVAL, exempt_transit_hours=24)]
        assert of_one(taxes, TO_CAIRO) == [(1, "SA", "87.00")]


class TestPercentages:
    def test_vat_of_fare_and_charges_in_order(self):
        # 15 % of 199.00 + 25.00 = 33.60, however the rows are numbered; 2 % of that is 0.672, up to 0.05: 0.70.
        taxes = [
            make_tax(
                1,
                "ZZ",
                None,
                basis_points=200,
                percent_of=("K7",),
                rounding_unit_minor=5,
                rounding_currency="SAR",
                rounding_direction=Rounding.UP,
            ),
            make_tax(2, "K7", None, basis_points=1500, percent_of=("CHARGES", "FARE")),
            make_tax(3, "YQ", "25.00", kind=TaxKind.CARRIER_CHARGE),
        ]
        assert of_one(taxes) == [(0, "YQ", "25.00"), (0, "K7", "33.60"), (0, "ZZ", "0.70")]

    @pytest.mark.parametrize(
        ("unit", "direction", "amount"),
        [
            (1, Rounding.NEAREST, "14.93"),
            (1, Rounding.DOWN, "14.92"),
            (50, Rounding.NEAREST, "15.00"),
            (100, Rounding.DOWN, "14.00"),
            (500, Rounding.UP, "15.00"),
        ],
    )
    def test_rounded_once_to_its_unit_and_direction(self, unit, direction, amount):
        taxes = [
            make_tax(
                1,
                "K7",
                None,
                basis_points=750,
                percent_of=("FARE",),
                rounding_unit_minor=unit,
                rounding_currency="SAR",
                rounding_direction=direction,
            )
        ]
        assert of_one(taxes) == [(0, "K7", amount)]

    def test_each_passenger_and_coupon_is_rounded_by_itself(self):
        # 7.5 % of 199.00 is 14.925 and of the child's 149.25 is 11.19375; the sum of the rounded is kept.
        taxes = [make_tax(1, "K7", None, basis_points=750, percent_of=("FARE",))]
        assert [line[0:1] + line[3:] for line in lines(taxes, party=make_party(2, 1))] == [
            ("adult1", "14.93"),
            ("adult2", "14.93"),
            ("child1", "11.19"),
        ]

    def test_a_percentage_of_a_through_fare_is_of_the_coupons_share(self):
        taxes = [make_tax(1, "K7", None, basis_points=1500, percent_of=("FARE",), scope=TaxScope.DOMESTIC)]
        # 780.00 over 353 and 1612 km: 140.1221… on the first coupon, of which 15 % are 21.0183….
        assert of_one(taxes, TO_CAIRO) == [(0, "K7", "21.02")]

    def test_what_comes_to_nothing_makes_no_line(self):
        assert of_one([make_tax(1, "K7", None, basis_points=1, percent_of=("FARE",)), make_tax(2, amount="0.00")]) == [
            (0, "K7", "0.02")
        ]

    @pytest.mark.parametrize(
        "taxes",
        [
            [
                make_tax(1, "AA", None, basis_points=1, percent_of=("BB",)),
                make_tax(2, "BB", None, basis_points=1, percent_of=("AA",)),
            ],
            [make_tax(1, "AA", None, basis_points=1, percent_of=("AA",))],
            [make_tax(1, "YQ", None, kind=TaxKind.CARRIER_CHARGE, basis_points=1, percent_of=("CHARGES",))],
            [
                make_tax(1, "YQ", None, kind=TaxKind.CARRIER_CHARGE, basis_points=1, percent_of=("AA",)),
                make_tax(2, "AA", None, basis_points=1, percent_of=("CHARGES",)),
            ],
        ],
    )
    def test_circles_are_refused(self, taxes):
        with pytest.raises(CircularPercentages, match="refer to each other"):
            of_one(taxes)


class TestCurrencies:
    def test_a_tax_in_another_currency_is_converted_by_the_rate_of_the_day_and_rounded_once(self):
        # 25.00 USD at 3.75 are 93.75; up to whole riyals 94.00.
        taxes = [make_tax(1, "EG", "25.00", "USD")]
        assert of_one(taxes) == [(0, "EG", "93.75")]
        assert of_one(taxes, places=(PointOfSale("*", "SAR", 1, Rounding.UP, 100, Rounding.UP),)) == [
            (0, "EG", "94.00")
        ]

    def test_a_fare_in_another_currency_is_converted_and_rounded_as_fares_are(self):
        # 30.000 KWD at 3.75 / 0.307 are 366.449…, up to whole riyals 367.00.
        book = make_book(
            [make_fare(1, amount="30.000", currency="KWD")], points_of_sale=(PointOfSale("*", "SAR", 100),)
        )
        (priced,) = price_itinerary(book, DOMESTIC, make_party(), cabin="Y", as_of=NOW, point_of_sale="SA")
        assert priced.total == Money.parse("367.00", "SAR")

    @pytest.mark.parametrize("currency", ["KWD", "BHD", "OMR", "JOD"])
    def test_what_a_provider_cannot_charge_is_rounded_per_passenger_as_its_own_line(self, currency):
        fares = [make_fare(1, amount="31.501", currency=currency)]
        found = lines([], party=make_party(2, 1), fares=fares, places=(PointOfSale("*", currency),))
        # A child pays 75 % of 31.501, 23.62575, fares are rounded up: 23.626.
        assert found == [
            ("adult1", 0, "ROUND", "0.009"),
            ("adult2", 0, "ROUND", "0.009"),
            ("child1", 0, "ROUND", "0.004"),
        ]
        book = make_book(fares, points_of_sale=(PointOfSale("*", currency),))
        (priced,) = price_itinerary(book, DOMESTIC, make_party(2, 1), cabin="Y", as_of=NOW, point_of_sale="SA")
        assert priced.total.amount == "86.650"
        assert [each.carrier_charges.minor for each in priced.passengers] == [9, 9, 4]

    def test_a_percentage_sold_in_another_currency_takes_the_rounding_of_the_point_of_sale(self):
        taxes = [
            make_tax(
                1, "K7", None, basis_points=1500, percent_of=("FARE",), rounding_unit_minor=100, rounding_currency="SAR"
            )
        ]
        fares = [make_fare(1, amount="30.010", currency="KWD")]
        places = (PointOfSale("*", "KWD", tax_unit_minor=10, tax_rounding=Rounding.UP),)
        # 15 % of 30.010 is 4.5015, up to 0.010: 4.510.
        assert of_one(taxes, fares=fares, places=places) == [(0, "K7", "4.510")]


def test_taxes_are_added_up_by_code_for_display():
    taxes = [
        make_tax(1),
        make_tax(2, "EG", "5.00"),
        make_tax(3, "YQ", "25.00", kind=TaxKind.CARRIER_CHARGE, refundable=True),
    ]
    book = make_book(FARES, taxes)
    (priced,) = price_itinerary(book, TO_CAIRO, make_party(), cabin="Y", as_of=NOW, point_of_sale="SA")
    adult = priced.passengers[0]
    assert [(each.code, each.name_en, each.name_ar, each.amount.amount) for each in adult.taxes_by_code] == [
        ("EG", "Tax EG", "ضريبة EG", "10.00"),
        ("SA", "Tax SA", "ضريبة SA", "174.00"),
    ]
    assert (adult.taxes.amount, adult.carrier_charges.amount) == ("184.00", "50.00")
    assert {(line.code, line.refundable, line.version_id) for line in adult.lines} == {
        ("QX2", False, 2),
        ("SA", False, 1),
        ("EG", False, 2),
        ("YQ", True, 3),
    }
    assert priced.tax_version_ids == (1, 2, 3)
