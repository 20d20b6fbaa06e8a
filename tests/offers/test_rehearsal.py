"""What a process searches for itself changes how soon it answers, and never what."""

from datetime import date, timedelta

import msgspec
import pytest
from tests.factories.fares import make_book, make_fare
from tests.factories.shopping import NOW, Flights, make_request, make_shop

from ais.fares import PriceDataMissing
from ais.offers import SearchAnswer
from ais.offers import market as market_module
from ais.offers.service.rehearsal import rehearse, requests

TODAY = NOW.date()
ROUTES = ("RUH-JED", "JED-RUH", "DMM-RUH")
FARES = [
    make_fare(number, route, "100.00", rbd="Q", fare_basis="QLT", brand="LIGHT")
    for number, route in enumerate(ROUTES, 1)
]
TRIPS = [
    make_request("RUH-JED 2027-02-14", passengers=("adult", "adult")),
    make_request("RUH-JED 2027-02-14", "JED-RUH 2027-02-21"),
    make_request("DMM-JED 2027-02-16"),
]


def shop_of_forty_days(book=None):
    """Three routes once a day: 120 departures; from DMM to JED one changes at RUH."""
    flights = Flights()
    for day in range(40):
        for number, (route, at) in enumerate(zip(ROUTES, ("10:00", "14:00", "07:00"), strict=True), 101):
            flights.add(str(number), route, TODAY + timedelta(days=day + 1), at, 90)
    return make_shop(flights, book or make_book(FARES))


def told(shop):
    """The answers to the trips, without what each search draws anew."""
    answers = [msgspec.json.decode(shop.search_json(trip), type=SearchAnswer).offers for trip in TRIPS]
    return [[(offer.slices, offer.fare_brand, offer.total) for offer in offers] for offers in answers]


async def test_a_rehearsed_shop_answers_as_one_that_was_never_asked():
    rehearsed, other = shop_of_forty_days(), shop_of_forty_days()
    # Three pairs with a flight of their own, on six trips each, and the one by a connection.
    assert await rehearse(rehearsed, TODAY) == 3 * 6 + 1
    assert len(rehearsed.market._flights) == 120
    assert told(rehearsed) == told(other)
    assert [len(offers) for offers in told(other)] == [1, 1, 1]


def test_all_pairs_of_airports_are_rehearsed_those_with_flights_of_their_own_first():
    asked = [
        (one.slices[0].origin, one.slices[-1].destination, len(one.slices), one.slices[0].departure_date)
        for one in requests(shop_of_forty_days().market, TODAY)
    ]
    soon, later = date(2027, 2, 14), date(2027, 2, 17)
    assert asked[:4] == [
        ("DMM", "RUH", 1, soon), ("JED", "RUH", 1, soon), ("RUH", "JED", 1, soon), ("DMM", "RUH", 1, later),
    ]  # fmt: skip
    assert asked[6] == ("DMM", "DMM", 2, soon)
    assert asked[-1] == ("DMM", "JED", 1, soon)


async def test_no_more_departures_are_remembered_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(market_module, "_REMEMBERED_FLIGHTS", 50)
    shop = shop_of_forty_days()
    assert await rehearse(shop, TODAY) == 19
    assert 0 < len(shop.market._flights) <= 50
    assert told(shop) == told(shop_of_forty_days())


async def test_after_a_change_of_fares_the_flights_are_those_of_before_and_after_another_they_are_new():
    shop = shop_of_forty_days()
    await rehearse(shop, TODAY)
    before = shop.market
    flights = dict(before._flights)
    shop.market = before.with_changes(fare_book=make_book(FARES[:1]))
    await rehearse(shop, TODAY)
    assert all(shop.market._flights[each] is flight for each, flight in flights.items())
    assert [len(offers) for offers in told(shop)] == [1, 1, 0]
    for change in ({"timetable": before.timetable}, {"reference": before.reference}):
        assert before.with_changes(**change)._flights == {}


async def test_a_market_that_cannot_be_priced_is_rehearsed_in_vain():
    shop = shop_of_forty_days(make_book(FARES, points_of_sale=()))
    assert await rehearse(shop, TODAY) == 0
    # The process is no less ready for it: each traveller is told.
    assert len(shop.market._flights) == 120
    with pytest.raises(PriceDataMissing):
        shop.search_json(TRIPS[0])


async def test_an_empty_shop_has_nothing_to_rehearse():
    assert await rehearse(make_shop(Flights(), make_book(FARES)), TODAY) == 0
