"""What pricing keeps is bounded, and whether it is kept never changes an answer."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from tests.factories.fares import NOW, make_book, make_party
from tests.fares.test_brute_force import PLACES, World, random_discounts, random_fare, random_slices, random_tax

from ais.fares import price_itinerary
from ais.fares.domain import sale as sale_module


def random_requests(seed, count):
    rng = random.Random(seed)
    fares = [random_fare(rng, number) for number in range(1, 150)]
    taxes = [random_tax(rng, number) for number in range(1, 8)]
    discounts = random_discounts(rng)
    requests = [(random_slices(rng), make_party(rng.randint(1, 2), rng.randint(0, 1))) for _ in range(count)]
    return (lambda: make_book(fares, taxes, discounts, (PLACES["SAR"],), facts=World())), requests


def price_all(book, requests):
    return [
        price_itinerary(book, slices, party, cabin="Y", as_of=NOW + timedelta(days=number % 3), point_of_sale="SA")
        for number, (slices, party) in enumerate(requests)
    ]


def test_stores_that_are_always_full_give_the_same_prices(monkeypatch):
    build, requests = random_requests(7, 200)
    expected = price_all(build(), requests)
    assert sum(len(each) for each in expected) > 100
    monkeypatch.setattr(sale_module, "_STORED_PRICES_MAXIMUM", 3)
    monkeypatch.setattr(sale_module, "_STORED_COUPONS_MAXIMUM", 2)
    monkeypatch.setattr(sale_module, "_STORED_CONDITIONS_MAXIMUM", 1)
    monkeypatch.setattr(sale_module, "_STORED_TICKETS_MAXIMUM", 1)
    monkeypatch.setattr(sale_module, "_STORED_DATES_MAXIMUM", 1)
    monkeypatch.setattr(sale_module, "_STORED_ANSWERS_MAXIMUM", 1)
    assert price_all(build(), requests) == expected


def test_a_book_that_has_answered_before_gives_the_same_prices():
    build, requests = random_requests(8, 100)
    book = build()
    assert price_all(book, requests) == price_all(book, requests) == price_all(build(), requests)


@pytest.mark.parametrize("place", ["SAR", "KWD"])
def test_what_was_asked_for_one_party_never_changes_what_another_is_told(place):
    rng = random.Random(11)
    fares = [random_fare(rng, number) for number in range(1, 150)]
    taxes = [random_tax(rng, number) for number in range(1, 8)]
    discounts = random_discounts(rng)
    itineraries = [random_slices(rng) for _ in range(60)]
    parties = [make_party(1), make_party(2, 1), make_party(1, 1, 1), make_party(4)]

    def build():
        return make_book(fares, taxes, discounts, (PLACES[place],), facts=World())

    def price(book, slices, party):
        return price_itinerary(book, slices, party, cabin="Y", as_of=NOW, point_of_sale="SA")

    used = build()
    told = [[price(used, slices, party) for party in parties] for slices in itineraries]
    alone = [[price(build(), slices, party) for party in parties] for slices in itineraries]
    assert told == alone
    # By whom they were asked for first decides nothing.
    again = build()
    assert [[price(again, slices, party) for party in reversed(parties)][::-1] for slices in itineraries] == alone
    answers = sum(len(sale._answers) for sale in used._sales.values())
    assert 60 < answers < 60 * len(parties), "some were told without being looked for anew"


def test_stores_stay_within_their_bounds(monkeypatch):
    monkeypatch.setattr(sale_module, "_STORED_PRICES_MAXIMUM", 40)
    monkeypatch.setattr(sale_module, "_STORED_COUPONS_MAXIMUM", 30)
    monkeypatch.setattr(sale_module, "_STORED_CONDITIONS_MAXIMUM", 20)
    build, requests = random_requests(9, 200)
    book = build()
    price_all(book, requests)
    for sale in book._sales.values():
        assert sum(len(span.prices) for span in sale._spans.values()) <= 40
        assert (len(sale._coupons) <= 30, len(sale._conditions) <= 20) == (True, True)


def test_only_a_few_days_and_points_of_sale_are_kept():
    build, requests = random_requests(10, 1)
    book = build()
    for number in range(100):
        price_itinerary(book, *requests[0], cabin="Y", as_of=NOW + timedelta(days=number), point_of_sale=f"S{number}")
    assert len(book._sales) == 12
