"""Reading fare files: correct ones become rows, and each mistake is named by line and column."""

from __future__ import annotations

from datetime import date

import pytest
from tests.factories.fare_files import CARRIER, edited, example_files
from tests.factories.fares import reference

from ais.fares import BagAllowance, Combination, TaxKind, TripType
from ais.fares.domain.conditions import RuleTier
from ais.fares.filing.files import FILE_NAMES, read_filing
from ais.fares.filing.rows import KnownCodes, filed
from ais.kit import Money, Rounding


def read(files, brands=(), codes=()):
    world = reference()
    known = KnownCodes(world.airports, world.cities, world.countries, {CARRIER})
    return read_filing(files, known, set(brands), set(codes))


def mistakes(files, **options):
    """(file, line, column) of each mistake."""
    return [(each.file, each.line, each.column) for each in read(files, **options)[1]]


def test_the_examples_of_the_description_are_all_there_and_correct():
    files = example_files()
    assert sorted(files) == sorted(FILE_NAMES)
    filing, errors = read(files)
    assert errors == []
    counts = (filing.brands, filing.fares, filing.discounts, filing.taxes, filing.points_of_sale)
    assert [len(rows) for rows in counts] == [3, 6, 3, 5, 2]


def test_a_fare_carries_its_whole_rule():
    fare = read(example_files())[0].fares[1]
    assert (fare.trip_type, fare.fare_basis, fare.cabin, fare.amount) == (
        TripType.HALF_RETURN,
        "QRLT",
        "Y",
        Money(16900, "SAR"),
    )
    assert (fare.rule.min_stay_days, fare.rule.max_stay_days, fare.rule.travel_days) == (3, 30, (1, 2, 3, 4))
    assert (fare.rule.combination, fare.rule.advance_purchase_days) == (Combination.HALF_RETURN, 7)
    assert fare.rule.penalties.change == (RuleTier(0, amount=Money(20000, "SAR")),)
    assert fare.rule.penalties.refund == ()
    assert (fare.rule.baggage.carry_on, fare.rule.baggage.checked) == (BagAllowance(1, 7), ())
    assert (fare.sale_from, fare.sale_until) == (date(2026, 1, 1), None)


def test_a_percentage_tax_keeps_its_rounding_unit_and_currency():
    vat = read(example_files())[0].taxes[2]
    assert (vat.code, vat.kind, vat.basis_points, vat.percent_of) == ("K7", TaxKind.TAX, 1500, ("CHARGES", "FARE"))
    assert (vat.rounding_unit_minor, vat.rounding_currency, vat.rounding_direction) == (1, "SAR", Rounding.NEAREST)
    assert vat.example


@pytest.mark.parametrize(
    ("file", "line", "column", "value"),
    [
        ("brands.csv", 2, "carrier", "XX"),
        ("brands.csv", 2, "brand", "light"),
        ("brands.csv", 2, "rank", "0"),
        ("brands.csv", 3, "rank", ""),
        ("brands.csv", 2, "name_ar", ""),
        ("fare_rules.csv", 2, "rule", "light7"),
        ("fare_rules.csv", 2, "advance_purchase_days", "seven"),
        ("fare_rules.csv", 2, "advance_purchase_days", "366"),
        ("fare_rules.csv", 3, "max_stay_days", "2"),
        ("fare_rules.csv", 3, "travel_days", "41"),
        ("fare_rules.csv", 2, "seasons", "2027-03-01"),
        ("fare_rules.csv", 2, "blackouts", "2027-03-14/2027-03-08"),
        ("fare_rules.csv", 2, "combination", "all"),
        ("fare_rules.csv", 2, "combination_group", "A"),
        ("fare_rules.csv", 4, "refund", "24:30% 48:50%"),
        ("fare_rules.csv", 4, "refund", "24:130%"),
        ("fare_rules.csv", 4, "penalty_currency", "XYZ"),
        ("fare_rules.csv", 2, "carry_on", "1x7 1x7"),
        ("fare_rules.csv", 4, "checked", "23kg"),
        ("fares.csv", 2, "carrier", "XX"),
        ("fares.csv", 2, "market_level", "country"),
        ("fares.csv", 2, "origin", "XQX"),
        ("fares.csv", 2, "destination", "RUH"),
        ("fares.csv", 2, "both_directions", "maybe"),
        ("fares.csv", 2, "trip_type", "return"),
        ("fares.csv", 2, "fare_basis", "Q"),
        ("fares.csv", 2, "rbd", "QQ"),
        ("fares.csv", 2, "brand", "GOLD"),
        ("fares.csv", 2, "cabin", "first"),
        ("fares.csv", 2, "currency", "SR"),
        ("fares.csv", 2, "amount", "199.001"),
        ("fares.csv", 2, "amount", "-1.00"),
        ("fares.csv", 2, "amount", ""),
        ("fares.csv", 2, "amount", "1e3"),
        ("fares.csv", 7, "amount", "31.5001"),
        ("fares.csv", 2, "rule", "NONE"),
        ("fares.csv", 2, "rule", "LIGHTR3"),
        ("fares.csv", 2, "sale_from", "01/02/2027"),
        ("fares.csv", 2, "sale_until", "2025-12-31"),
        ("fares.csv", 2, "travel_from", "2027-02-29"),
        ("fares.csv", 2, "points_of_sale", "SA SA"),
        ("discounts.csv", 2, "passenger_type", "ADT"),
        ("discounts.csv", 2, "percent", "101"),
        ("discounts.csv", 2, "percent", ""),
        ("discounts.csv", 2, "brand", "GOLD"),
        ("taxes.csv", 2, "code", "YQQQ"),
        ("taxes.csv", 2, "kind", "surcharge"),
        ("taxes.csv", 2, "name_en", ""),
        ("taxes.csv", 4, "country", "XX"),
        ("taxes.csv", 2, "airports", "XQX"),
        ("taxes.csv", 2, "carrier", "XX"),
        ("taxes.csv", 2, "point", "transit"),
        ("taxes.csv", 2, "scope", "regional"),
        ("taxes.csv", 2, "cabins", "first"),
        ("taxes.csv", 2, "brands", "GOLD"),
        ("taxes.csv", 2, "amount", ""),
        ("taxes.csv", 4, "percent_of", ""),
        ("taxes.csv", 4, "percent_of", "FARE QQ"),
        ("taxes.csv", 4, "rounding_unit", "0"),
        ("taxes.csv", 2, "rounding_unit", "1"),
        ("taxes.csv", 4, "rounding_direction", "sideways"),
        ("taxes.csv", 2, "exempt_passengers", "BABY"),
        ("taxes.csv", 5, "exempt_transit_hours", "0"),
        ("taxes.csv", 2, "refundable", ""),
        ("taxes.csv", 2, "example", "1"),
        ("points_of_sale.csv", 2, "point_of_sale", "?"),
        ("points_of_sale.csv", 2, "currency", "SAU"),
        ("points_of_sale.csv", 2, "fare_rounding_unit", "0.00"),
        ("points_of_sale.csv", 2, "tax_rounding_direction", "any"),
    ],
)
def test_a_mistake_is_named_by_file_line_and_column(file, line, column, value):
    files = edited(example_files(), file, line, column, value)
    found = read(files)[1]
    assert (file, line, column) in {(each.file, each.line, each.column) for each in found}
    assert all(each.expected for each in found)


def test_penalties_in_money_need_their_currency():
    files = edited(example_files(), "fare_rules.csv", 4, "penalty_currency", "")
    assert mistakes(files)[0] == ("fare_rules.csv", 4, "change")


def test_a_combination_is_of_the_fares_own_trip_type():
    for line, combination in ((2, "half_return"), (3, "one_way")):
        files = edited(example_files(), "fare_rules.csv", line, "combination", combination)
        assert mistakes(files) == [("fares.csv", line, "rule")]


def test_every_mistake_is_found_at_once():
    files = edited(example_files(), "fares.csv", 2, "amount", "x")
    files = edited(files, "fares.csv", 2, "rbd", "x")
    files = edited(files, "fares.csv", 5, "cabin", "x")
    files = edited(files, "taxes.csv", 3, "kind", "x")
    assert mistakes(files) == [
        ("fares.csv", 2, "amount"),
        ("fares.csv", 2, "rbd"),
        ("fares.csv", 5, "cabin"),
        ("taxes.csv", 3, "kind"),
    ]


def test_one_key_twice_needs_sale_periods_apart():
    files = example_files()
    first = files["fares.csv"].splitlines()[1]
    twice = files | {"fares.csv": files["fares.csv"] + first + "\n"}
    assert mistakes(twice) == [("fares.csv", 8, "sale_from")]
    ended = edited(files, "fares.csv", 2, "sale_until", "2026-12-31")
    follow_up = first.replace("199.00", "219.00").replace("2026-01-01", "2027-01-01")
    assert mistakes(ended | {"fares.csv": ended["fares.csv"] + follow_up + "\n"}) == []


def test_a_brand_rule_or_place_stands_once():
    files = example_files()
    for name in ("brands.csv", "fare_rules.csv", "points_of_sale.csv"):
        lines = files[name].splitlines()
        again = files | {name: files[name] + lines[1] + "\n"}
        assert mistakes(again) == [(name, len(lines) + 1, lines[0].split(",")[0])]


def test_files_that_belong_together_come_together():
    files = example_files()
    del files["fare_rules.csv"]
    assert ("fare_rules.csv", 0, "") in mistakes(files)
    assert mistakes({"fare.csv": ""}) == [("", 0, ""), ("fare.csv", 0, "")]


def test_brands_and_tax_codes_on_file_need_not_be_filed_again():
    files = example_files()
    del files["brands.csv"]
    assert {(file, column) for file, _, column in mistakes(files)} == {("fares.csv", "brand")}
    assert mistakes(files, brands=[(CARRIER, brand) for brand in ("LIGHT", "VALUE", "FLEX")]) == []
    of_another = edited(example_files(), "taxes.csv", 4, "percent_of", "FARE QQ")
    assert mistakes(of_another) == [("taxes.csv", 4, "percent_of")]
    assert mistakes(of_another, codes=["QQ"]) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("brands.csv", 1, column) for column in ("brand", "carrier", "name_ar", "name_en", "rank")]),
        ("carrier,brand,rank,name_en,name_ar,colour\n9Z,LIGHT,1,a,b,red\n", [("brands.csv", 1, "colour")]),
        ("carrier,brand,rank,name_en,name_ar\n9Z,LIGHT,1,Light\n", [("brands.csv", 2, "")]),
        ('carrier,brand,rank,name_en,name_ar\n9Z,LIGHT,1,"Light"x,b\n', [("brands.csv", 2, "")]),
    ],
)
def test_a_file_that_is_not_of_the_form_is_named(text, expected):
    assert mistakes({"brands.csv": text}) == expected


def test_columns_may_stand_in_any_order_and_a_byte_order_mark_is_passed_over():
    text = "\ufeffname_ar,name_en,rank,brand,carrier\nخفيف,Light,1,LIGHT,9Z\n\n"
    filing, errors = read({"brands.csv": text})
    assert (errors, filing.brands[0].code, filing.brands[0].name_ar) == ([], "LIGHT", "خفيف")


def test_the_digest_of_a_row_covers_all_that_it_says():
    plain = filed(read(example_files())[0].fares[0])
    for column, value in (
        ("amount", "200.00"),
        ("rbd", "K"),
        ("rule", "VALUE"),
        ("sale_until", "2027-12-31"),
        ("travel_from", "2027-01-01"),
    ):
        other = filed(read(edited(example_files(), "fares.csv", 2, column, value))[0].fares[0])
        assert (other.key == plain.key, other.digest == plain.digest) == (True, False), column
    rule_changed = edited(example_files(), "fare_rules.csv", 2, "checked", "1x23")
    assert filed(read(rule_changed)[0].fares[0]).digest != plain.digest
