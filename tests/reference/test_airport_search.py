"""Airports are found by what people type, in English or Arabic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ais.reference import packaged_reference
from ais.reference.airport_search import reduced, words


@pytest.fixture(scope="module")
def reference():
    return packaged_reference()


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("RUH", "RUH"),
        ("ruh", "RUH"),
        ("riyadh", "RUH"),
        ("Riad", "RUH"),
        ("الرياض", "RUH"),
        ("رياض", "RUH"),
        ("جدة", "JED"),
        ("جده", "JED"),
        ("jidd", "JED"),
        ("القاهرة", "CAI"),
        ("قاهره", "CAI"),
        ("عمان", "AMM"),
        ("عمّان", "AMM"),
        ("ابها", "AHB"),
        ("أبها", "AHB"),
        ("إسطنبول", "IST"),
        ("اسطنبول", "IST"),
        ("دُبَيّ", "DXB"),
        ("دبى", "DXB"),
        ("london", "LHR"),
        ("new york", "JFK"),
        ("york new", "JFK"),
    ],
)
def test_finds_first(reference, query, first):
    assert reference.find_airports(query, 10)[0].iata == first


def test_three_letters_of_riyadh_find_it_among_the_first_ten(reference):
    found = [airport.iata for airport in reference.find_airports("ria", 10)]
    assert "RUH" in found
    assert found[0] == "RIA"  # an exact code always comes first


def test_a_city_finds_all_its_airports(reference):
    assert {airport.iata for airport in reference.find_airports("LON", 20)} >= {"LHR", "LGW", "STN", "LTN", "LCY"}
    assert {airport.iata for airport in reference.find_airports("دبي", 10)} == {"DXB", "DWC"}


def test_every_word_must_match_and_nothing_is_found_for_nonsense(reference):
    assert reference.find_airports("riyadh jeddah", 10) == []
    assert reference.find_airports("qqqqqq", 10) == []
    assert reference.find_airports("%_'; --", 10)[:1] == reference.find_airports("", 1)


def test_limit_is_kept(reference):
    assert len(reference.find_airports("a", 7)) == 7
    assert reference.find_airports("a", 0) == []


@given(st.text(max_size=30))
def test_reduction_is_stable_and_search_never_fails(text):
    assert reduced(reduced(text)) == reduced(text)
    for word in words(text):
        assert word


@given(query=st.text(max_size=20))
def test_any_text_is_a_legal_query(reference, query):
    assert len(reference.find_airports(query, 5)) <= 5
