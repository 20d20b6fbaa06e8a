from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.kit import CURRENCIES, Money, Rounding, UnknownCurrency, allocate, currency
from ais.kit.money import CurrencyMismatch, round_minor, round_ratio, total

codes = st.sampled_from(sorted(CURRENCIES))
minors = st.integers(min_value=-(10**15), max_value=10**15)


@pytest.mark.parametrize(
    ("minor", "code", "amount"),
    [
        (125000, "SAR", "1250.00"),
        (5, "SAR", "0.05"),
        (-5, "SAR", "-0.05"),
        (-125001, "SAR", "-1250.01"),
        (1250, "JPY", "1250"),
        (1250, "KWD", "1.250"),
        (0, "BHD", "0.000"),
    ],
)
def test_an_amount_has_exactly_the_digits_of_its_currency(minor, code, amount):
    assert Money(minor, code).amount == amount
    assert Money.parse(amount, code) == Money(minor, code)


@given(minors, codes)
def test_an_amount_reads_back(minor, code):
    assert Money.parse(Money(minor, code).amount, code) == Money(minor, code)


@pytest.mark.parametrize("text", ["1.234", "0.001", "abc", "", "NaN", "Infinity", "1,00"])
def test_what_is_no_amount_in_riyals_is_refused(text):
    with pytest.raises(ValueError):
        Money.parse(text, "SAR")


def test_currencies_do_not_mix():
    with pytest.raises(CurrencyMismatch):
        Money(1, "SAR") + Money(1, "USD")
    with pytest.raises(UnknownCurrency):
        currency("XXX")


@given(minors, st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=12))
def test_allocation_loses_nothing_and_is_fair(minor, weights):
    parts = allocate(minor, weights)
    assert sum(parts) == minor
    shares = weights if any(weights) else [1] * len(weights)
    for part, weight in zip(parts, shares, strict=True):
        exact = abs(minor) * weight / sum(shares)
        assert abs(abs(part) - exact) <= 1 + abs(exact) * 1e-9


def test_allocation_by_largest_remainder():
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(-100, [1, 1, 1]) == [-34, -33, -33]
    assert allocate(10, [0, 3, 7]) == [0, 3, 7]
    assert allocate(5, [0, 0]) == [3, 2]
    with pytest.raises(ValueError):
        allocate(5, [])
    with pytest.raises(ValueError):
        allocate(5, [1, -1])


@pytest.mark.parametrize(
    ("minor", "unit", "direction", "expected"),
    [
        (1234, 100, Rounding.UP, 1300),
        (1234, 100, Rounding.DOWN, 1200),
        (1250, 100, Rounding.NEAREST, 1300),
        (1249, 100, Rounding.NEAREST, 1200),
        (-1250, 100, Rounding.NEAREST, -1300),
        (1200, 100, Rounding.UP, 1200),
        (1001, 10, Rounding.UP, 1010),
    ],
)
def test_rounding_to_a_unit(minor, unit, direction, expected):
    assert round_minor(minor, unit, direction) == expected


def test_fifteen_per_cent_is_rounded_once():
    assert Money(33333, "SAR").percent(1500) == Money(5000, "SAR")
    assert Money(33337, "SAR").percent(1500) == Money(5001, "SAR")
    assert Money(33333, "SAR").percent(1500, unit_minor=100, direction=Rounding.UP) == Money(5000, "SAR")
    assert Money(33334, "SAR").percent(1500, unit_minor=100, direction=Rounding.UP) == Money(5100, "SAR")


@given(minors, st.integers(min_value=1, max_value=10**6))
def test_rounding_brackets_the_ratio(numerator, denominator):
    down, up = (round_ratio(numerator, denominator, d) for d in (Rounding.DOWN, Rounding.UP))
    assert abs(down) <= abs(up) <= abs(down) + 1
    assert round_ratio(numerator, denominator, Rounding.NEAREST) in {down, up}


def test_a_total_of_nothing_is_zero_of_its_currency():
    assert total([], "KWD") == Money(0, "KWD")
    assert total([Money(1, "KWD"), Money(2, "KWD")], "KWD") == Money(3, "KWD")
