"""A search answers offers that can be bought; an offer's id leads back to exactly what was promised."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factories.fares import make_book, make_fare, make_tax
from tests.factories.shopping import (
    NOW,
    SPOKES,
    Flights,
    Seats,
    hub_book,
    hub_flights,
    make_request,
    make_shop,
    make_timetable,
)

from ais.fares import price_itinerary
from ais.inventory import ClaimItem, SeatsUnavailable
from ais.kit import FixedClock, Money, ServiceUnavailable, ValidationFailed
from ais.offers import OfferBody, OfferExpired, OfferNotFound, PriceChanged
from ais.offers.schemas import Cabin
from ais.offers.service.search import JourneySearch, Party

DAY = date(2027, 1, 20)
BRAND_FARES = [
    make_fare(1, "RUH-JED", "100.00", rbd="Q", fare_basis="QLT", brand="LIGHT"),
    make_fare(2, "RUH-JED", "150.00", rbd="M", fare_basis="MLT", brand="LIGHT"),
    make_fare(3, "RUH-JED", "300.00", rbd="Y", fare_basis="YFX", brand="FLEX"),
    make_fare(4, "DMM-RUH", "80.00", rbd="Q", fare_basis="QLT", brand="LIGHT"),
]
TAX = [make_tax(1, "SA", "10.00")]


@pytest.fixture(scope="module")
def hub():
    return make_shop()


def small_shop(*flights, fares=BRAND_FARES, taxes=TAX, seats=None, clock=None, version=1, **terms):
    """Flights as (number, route, local time); all of them on DAY."""
    collected = Flights()
    for number, route, at in flights or (("101", "RUH-JED", "10:00"),):
        collected.add(number, route, DAY, at)
    return make_shop(collected, make_book(fares, taxes, version=version), seats, clock, **terms)


def amounts(money):
    return Money.parse(money.amount, money.currency)


def test_an_offer_says_what_the_contract_says():
    (light, flex) = small_shop().search(make_request("RUH-JED 2027-01-20", passengers=("adult", ("child", 7))))
    assert (light.fare_brand, light.total.amount, flex.fare_brand, flex.total.amount) == (
        "LIGHT", "195.00", "FLEX", "545.00",
    )  # fmt: skip
    assert light.validating_carrier == "QZ"
    assert light.expires_at == NOW + timedelta(minutes=15)
    (one,) = light.slices
    (segment,) = one.segments
    assert (one.origin, one.destination, one.duration_minutes) == ("RUH", "JED", 105)
    assert segment.departs_at.isoformat() == "2027-01-20T10:00:00+03:00"
    assert segment.arrives_at.isoformat() == "2027-01-20T11:45:00+03:00"
    assert (segment.departure_timezone, segment.booking_class, segment.fare_basis) == ("Asia/Riyadh", "Q", "QLT")
    assert (segment.flight_number, segment.aircraft, segment.seats_left, segment.cabin) == ("101", "320", 9, "economy")
    adult, child = light.passengers
    assert (adult.type, adult.base_fare.amount, adult.total.amount) == ("adult", "100.00", "110.00")
    assert (child.type, child.base_fare.amount, child.total.amount) == ("child", "75.00", "85.00")
    assert [(tax.code, tax.amount.amount) for tax in adult.taxes] == [("SA", "10.00")]
    assert adult.id.startswith("pas_")
    assert adult.id != child.id
    assert light.payment_requirements.hold_minutes == 15
    assert light.payment_requirements.pay_by is None


@pytest.mark.parametrize(
    "slices",
    [
        ("RUH-JED 2027-01-20",),
        ("RUH-JED 2027-01-20", "JED-RUH 2027-01-25"),
        ("RUH-JED 2027-01-20", "JED-RUH 2027-01-20"),
        ("DMM-CAI 2027-01-20", "CAI-DMM 2027-01-25"),
        ("RUH-CAI 2027-01-18", "CAI-JED 2027-01-20", "JED-DMM 2027-01-22", "DMM-RUH 2027-01-24"),
    ],
)
def test_every_answer_holds_together(hub, slices):
    request = make_request(*slices, passengers=("adult", "adult", ("child", 5), ("infant", 1)), limit=40)
    offers = hub.search(request)
    assert 0 < len(offers) <= 40
    keys = [(amounts(offer.total).minor, sum(one.duration_minutes for one in offer.slices)) for offer in offers]
    assert keys == sorted(keys)
    assert {offer.fare_brand for offer in offers} == {"LIGHT", "VALUE", "FLEX"}
    seen = set()
    for offer in offers:
        flights = tuple((s.flight_number, s.departs_at) for one in offer.slices for s in one.segments)
        assert (flights, offer.fare_brand) not in seen
        seen.add((flights, offer.fare_brand))
        assert sum(amounts(each.total).minor for each in offer.passengers) == amounts(offer.total).minor
        for each in offer.passengers:
            parts = [each.base_fare, each.carrier_charges, *(tax.amount for tax in each.taxes)]
            assert sum(amounts(part).minor for part in parts) == amounts(each.total).minor
        for asked, one in zip(request.slices, offer.slices, strict=True):
            assert (one.origin, one.destination) == (asked.origin, asked.destination)
            assert one.segments[0].departs_at.date() == asked.departure_date
            assert len(one.segments) <= 2
            for inbound, outbound in pairwise(one.segments):
                assert timedelta(minutes=60) <= outbound.departs_at - inbound.arrives_at <= timedelta(hours=24)
        for before, after in pairwise(offer.slices):
            assert after.segments[0].departs_at - before.segments[-1].arrives_at >= timedelta(minutes=60)


def test_a_market_without_flights_of_its_own_is_reached_by_a_connection(hub):
    offers = hub.search(make_request("DMM-CAI 2027-01-20"))
    assert {len(offer.slices[0].segments) for offer in offers} == {2}
    assert hub.search(make_request("DMM-CAI 2027-01-20", max_connections=0)) == ()


def test_nothing_found_is_an_empty_list(hub):
    assert hub.search_json(make_request("RUH-JED 2027-11-20")) == b'{"offers":[]}'
    assert hub.search_json(make_request("RUH-LHR 2027-01-20")) == b'{"offers":[]}'


def test_a_request_that_cannot_be_is_refused(hub):
    with pytest.raises(ValidationFailed) as refused:
        hub.search(make_request("RUH-QQQ 2027-01-20"))
    assert refused.value.details["fields"] == [
        {"path": "slices[0].destination", "reason": "QQQ is not an airport that we know"}
    ]


@pytest.mark.parametrize(("minutes_before", "offered"), [(61, 2), (60, 0), (59, 0)])
def test_sales_close_before_departure(minutes_before, offered):
    departs_at = datetime(2027, 1, 20, 7, 0, tzinfo=UTC)
    shop = small_shop(clock=FixedClock(departs_at - timedelta(minutes=minutes_before)))
    assert len(shop.search(make_request("RUH-JED 2027-01-20"))) == offered


def test_an_offer_ends_with_the_sale_of_its_first_flight():
    departs_at = datetime(2027, 1, 20, 7, 0, tzinfo=UTC)
    shop = small_shop(clock=FixedClock(departs_at - timedelta(minutes=70)))
    assert shop.search(make_request("RUH-JED 2027-01-20"))[0].expires_at == departs_at - timedelta(minutes=60)


def test_all_adults_travel_in_a_class_that_has_seats_for_all():
    seats = Seats()
    seats.by_leg[1, "Y"] = seats.economy | {"Q": 2}
    shop = small_shop(seats=seats)
    two = shop.search(make_request("RUH-JED 2027-01-20", passengers=["adult"] * 2))
    three = shop.search(make_request("RUH-JED 2027-01-20", passengers=["adult"] * 3))
    assert [(o.fare_brand, o.total.amount, o.slices[0].segments[0].seats_left) for o in two] == [
        ("LIGHT", "220.00", 2),
        ("FLEX", "620.00", 9),
    ]
    assert [(o.fare_brand, o.total.amount, o.slices[0].segments[0].booking_class) for o in three] == [
        ("LIGHT", "480.00", "M"),
        ("FLEX", "930.00", "Y"),
    ]


def test_a_flight_without_room_for_the_infant_is_not_offered():
    seats = Seats()
    seats.infants[1] = 0
    shop = small_shop(("101", "RUH-JED", "10:00"), ("103", "RUH-JED", "15:00"), seats=seats)
    with_infant = shop.search(make_request("RUH-JED 2027-01-20", passengers=("adult", ("infant", 0))))
    assert {offer.slices[0].segments[0].flight_number for offer in with_infant} == {"103"}
    alone = shop.search(make_request("RUH-JED 2027-01-20"))
    assert {offer.slices[0].segments[0].flight_number for offer in alone} == {"101", "103"}


def test_a_full_cabin_is_not_offered_and_business_is_its_own():
    seats = Seats()
    seats.by_leg[1, "Y"] = dict.fromkeys(seats.economy, 0)
    business = make_fare(9, "RUH-JED", "900.00", rbd="C", fare_basis="CFX", brand="FLEX", cabin="C")
    shop = small_shop(fares=[*BRAND_FARES, business], seats=seats)
    assert shop.search(make_request("RUH-JED 2027-01-20")) == ()
    (offer,) = shop.search(make_request("RUH-JED 2027-01-20", cabin="business"))
    assert (offer.total.amount, offer.slices[0].segments[0].cabin) == ("910.00", Cabin.BUSINESS)


def test_a_same_day_return_waits_for_the_outbound_flight():
    shop = small_shop(
        ("101", "RUH-JED", "10:00"),  # arrives 11:45
        ("102", "JED-RUH", "12:44"),
        ("104", "JED-RUH", "12:45"),
    )
    offers = shop.search(make_request("RUH-JED 2027-01-20", "JED-RUH 2027-01-20"))
    assert {offer.slices[1].segments[0].flight_number for offer in offers} == {"104"}


def test_an_operational_suffix_is_not_shown():
    collected = Flights()
    collected.add("101D", "RUH-JED", DAY, "10:00")
    offer = make_shop(collected, make_book(BRAND_FARES, TAX)).search(make_request("RUH-JED 2027-01-20"))[0]
    assert offer.slices[0].segments[0].flight_number == "101"


@settings(max_examples=40)
@given(st.data())
def test_what_shares_a_signature_costs_the_same(hub, data):
    """The prices that a search answers are those of pricing each of its journeys alone, to the second."""
    now = NOW + timedelta(hours=data.draw(st.integers(0, 200)), seconds=data.draw(st.integers(0, 3600)))
    day = (now + timedelta(days=data.draw(st.integers(0, 9)))).date() + timedelta(days=1)
    origin, destination = data.draw(st.sampled_from([("RUH", "JED"), ("DMM", "CAI"), ("JED", "RUH"), ("RUH", "DXB")]))
    slices = [f"{origin}-{destination} {day}"]
    if data.draw(st.booleans()):
        slices.append(f"{destination}-{origin} {day + timedelta(days=data.draw(st.integers(0, 2)))}")
    seats = Seats()
    for leg in data.draw(st.lists(st.integers(1, 2000), max_size=400)):
        closed = data.draw(st.sampled_from(["T", "TQ", "TQVM", "H"]))
        seats.by_leg[leg, "Y"] = seats.economy | dict.fromkeys(closed, 1)
    request = make_request(*slices, passengers=["adult"] * data.draw(st.integers(1, 3)), limit=200)
    search = JourneySearch(
        hub.market,
        seats,
        cabin=Cabin.ECONOMY,
        party=Party(request.passengers, ["a", "b", "c"][: len(request.passengers)]),
        as_of=now,
        sales_close_minutes=60,
        point_of_sale="SA",
    )
    for journey in search.journeys(request):
        alone = price_itinerary(
            hub.market.fare_book,
            [option.pricing for option in journey.options],
            search.party.pricing,
            cabin="Y",
            as_of=now,
            point_of_sale="SA",
        )
        (mine,) = [each for each in alone if each.brand == journey.price.brand]
        assert mine.total == journey.price.priced.total
        assert mine.components == journey.price.priced.components
        assert mine.passengers == journey.price.priced.passengers
        assert mine.conditions == journey.price.priced.conditions


def test_an_opened_offer_is_what_was_promised(hub):
    request = make_request(
        "DMM-CAI 2027-01-20", "CAI-DMM 2027-01-25", passengers=("adult", ("child", 4), ("infant", 1))
    )
    for offer in hub.search(request):
        opened = hub.open_offer(offer.id)
        assert opened.total == amounts(offer.total)
        assert sum(charge.amount.minor for price in opened.prices for charge in price.charges) == opened.total.minor
        assert [each.id for each in opened.passengers] == [each.id for each in offer.passengers]
        assert [price.reference for price in opened.prices] == [each.id for each in offer.passengers]
        assert [(each.type, each.age) for each in opened.passengers] == [("adult", None), ("child", 4), ("infant", 1)]
        shown = [
            (s.origin, s.destination, s.departs_at, s.arrives_at, s.booking_class, s.fare_basis)
            for one in offer.slices
            for s in one.segments
        ]
        assert shown == [
            (s.origin, s.destination, s.departs_at, s.arrives_at, s.rbd, s.fare_basis) for s in opened.segments
        ]
        assert (opened.brand, opened.cabin, opened.point_of_sale, opened.expires_at) == (
            offer.fare_brand, "Y", "SA", offer.expires_at,
        )  # fmt: skip
        assert all((item.seats, item.infants, item.cabin) == (2, 1, "Y") for item in opened.claim_items)
        assert [item.leg_id for item in opened.claim_items] == [leg for s in opened.segments for leg in s.leg_ids]
        assert msgspec.json.decode(hub.show_offer_json(offer.id), type=OfferBody) == offer


def test_a_segment_of_two_legs_claims_both():
    fare = make_fare(1, "JED-CAI", "500.00", fare_basis="QTH")
    shop = small_shop(("201", "JED-RUH-CAI", "08:00"), fares=[fare])
    (offer,) = shop.search(make_request("JED-CAI 2027-01-20"))
    assert offer.slices[0].duration_minutes == 255
    assert shop.open_offer(offer.id).claim_items == (ClaimItem(1, "Y", "Q", 1), ClaimItem(2, "Y", "Q", 1))


def test_an_offer_may_be_opened_until_its_end_and_not_after():
    clock = FixedClock(NOW)
    shop = small_shop(clock=clock)
    offer_id = shop.search(make_request("RUH-JED 2027-01-20"))[0].id
    clock.advance(timedelta(minutes=15) - timedelta(microseconds=1))
    assert shop.open_offer(offer_id).total == shop.open_offer(offer_id).total == Money(11000, "SAR")
    clock.advance(timedelta(microseconds=1))
    for refuse in (shop.open_offer, shop.show_offer_json):
        with pytest.raises(OfferExpired):
            refuse(offer_id)


@pytest.mark.parametrize(
    "offer_id", ["ofr_", "ofr_abc", "x", "", "ord_01jc0000000000000000000000", "ofr_" + "A" * 2000]
)
def test_an_id_that_is_not_ours_is_not_found(hub, offer_id):
    for refuse in (hub.open_offer, hub.show_offer_json):
        with pytest.raises(OfferNotFound):
            refuse(offer_id)


def test_seats_that_are_gone_show_but_do_not_decide():
    """Open seats in memory may be a second old: only the seat desk refuses for want of seats."""
    seats = Seats()
    shop = small_shop(seats=seats)
    offer_id = shop.search(make_request("RUH-JED 2027-01-20"))[0].id
    seats.by_leg[1, "Y"] = seats.economy | {"Q": 0}
    shown = msgspec.json.decode(shop.show_offer_json(offer_id))
    assert shown["slices"][0]["segments"][0]["seats_left"] == 0
    assert shown["total"] == {"amount": "110.00", "currency": "SAR"}
    assert shop.open_offer(offer_id).segments[0].rbd == "Q"


def with_market(shop, **changes):
    shop.market = shop.market.with_changes(**changes)


def test_a_flight_that_is_no_longer_sold_has_no_seats():
    shop = small_shop()
    offer_id = shop.search(make_request("RUH-JED 2027-01-20"))[0].id
    with_market(shop, timetable=make_timetable(Flights(), version=2))
    with pytest.raises(SeatsUnavailable) as refused:
        shop.open_offer(offer_id)
    assert refused.value.details == {"asked": 1, "open": 0}


def test_a_flight_that_was_retimed_ends_the_offer():
    shop = small_shop()
    offer_id = shop.search(make_request("RUH-JED 2027-01-20"))[0].id
    retimed = Flights()
    retimed.add("101", "RUH-JED", DAY, "10:05")
    with_market(shop, timetable=make_timetable(retimed, version=2))
    with pytest.raises(OfferExpired):
        shop.open_offer(offer_id)


def test_a_fare_that_ended_by_date_is_still_sold_at_its_price():
    clock = FixedClock(NOW)
    ending = make_fare(1, "RUH-JED", "100.00", sale_ends_at=NOW + timedelta(minutes=5))
    successor = make_fare(2, "RUH-JED", "170.00", sale_starts_at=NOW + timedelta(minutes=5))
    shop = small_shop(fares=[ending, successor], clock=clock)
    (offer,) = shop.search(make_request("RUH-JED 2027-01-20"))
    clock.advance(timedelta(minutes=10))
    assert shop.open_offer(offer.id).total == Money(11000, "SAR")
    assert shop.search(make_request("RUH-JED 2027-01-20"))[0].total.amount == "180.00"


def test_a_withdrawn_fare_is_a_changed_price_with_the_same_flights_at_todays():
    clock = FixedClock(NOW)
    shop = small_shop(clock=clock)
    offer = shop.search(make_request("RUH-JED 2027-01-20", passengers=("adult", ("child", 3))))[0]
    withdrawn = msgspec.structs.replace(BRAND_FARES[0], withdrawn_at=NOW + timedelta(seconds=30))
    with_market(shop, fare_book=make_book([withdrawn, *BRAND_FARES[1:]], TAX, version=2))
    clock.advance(timedelta(minutes=1))
    for refuse in (shop.open_offer, shop.show_offer_json):
        with pytest.raises(PriceChanged) as refused:
            refuse(offer.id)
        details = refused.value.details
        assert details["previous_total"] == {"amount": "195.00", "currency": "SAR"}
        assert details["current_total"] == {"amount": "282.50", "currency": "SAR"}
        assert details["offer"]["total"] == details["current_total"]
        assert details["offer"]["fare_brand"] == "LIGHT"
        assert details["offer"]["slices"][0]["segments"][0]["booking_class"] == "M"
        assert shop.open_offer(details["offer"]["id"]).total == Money(28250, "SAR")


def test_a_withdrawn_tax_is_a_changed_price():
    clock = FixedClock(NOW)
    shop = small_shop(clock=clock)
    offer = shop.search(make_request("RUH-JED 2027-01-20"))[0]
    withdrawn = msgspec.structs.replace(TAX[0], withdrawn_at=NOW + timedelta(seconds=30))
    with_market(shop, fare_book=make_book(BRAND_FARES, [withdrawn], version=2))
    clock.advance(timedelta(minutes=1))
    with pytest.raises(PriceChanged) as refused:
        shop.open_offer(offer.id)
    assert refused.value.details["current_total"] == {"amount": "100.00", "currency": "SAR"}


def test_a_brand_that_is_no_longer_sold_has_no_present_price():
    clock = FixedClock(NOW)
    shop = small_shop(clock=clock)
    flex = shop.search(make_request("RUH-JED 2027-01-20"))[1]
    with_market(shop, fare_book=make_book(BRAND_FARES[:2], TAX, version=2))
    with pytest.raises(PriceChanged) as refused:
        shop.open_offer(flex.id)
    assert refused.value.details == {
        "previous_total": {"amount": "310.00", "currency": "SAR"}, "current_total": None, "offer": None,
    }  # fmt: skip


def test_an_offer_from_data_that_is_newer_than_ours_is_tried_again_later():
    newer = small_shop(version=2)
    offer_id = newer.search(make_request("RUH-JED 2027-01-20"))[0].id
    older = small_shop(version=1)
    with pytest.raises(ServiceUnavailable) as refused:
        older.open_offer(offer_id)
    assert refused.value.retryable
    assert small_shop(version=3).open_offer(offer_id).total == Money(11000, "SAR")


@settings(max_examples=15)
@given(st.data())
def test_whatever_is_offered_opens_at_its_total(hub, data):
    places = data.draw(st.lists(st.sampled_from(["RUH", "JED", *SPOKES[:6]]), min_size=2, max_size=5))
    slices = [
        f"{origin}-{destination} {date(2027, 1, 17) + timedelta(days=2 * number)}"
        for number, (origin, destination) in enumerate(pairwise(places))
        if origin != destination
    ]
    if not slices:
        return
    party = ["adult"] * data.draw(st.integers(1, 3)) + [("child", 5)] * data.draw(st.integers(0, 2))
    for offer in hub.search(make_request(*slices, passengers=party, limit=20, max_connections=2)):
        assert len(offer.id) <= 1024
        assert hub.open_offer(offer.id).total == amounts(offer.total)


def test_the_hub_timetable_and_book_of_these_tests_are_large():
    assert len(make_timetable(hub_flights(2))) == 2 * 150
    assert len(hub_book().fares) == 3600


def test_the_explanation_names_the_fares_and_the_rules_that_dropped_them():
    findings = small_shop().explain(make_request("RUH-JED 2027-01-20"))
    assert [offer.fare_brand for offer in findings.offers] == ["LIGHT", "FLEX"]
    (explanation,) = findings.explanations
    assert [(each.fare_basis, each.reason) for each in explanation.considered] == [
        ("QLT", "chosen"),
        ("MLT", "dearer"),
        ("YFX", "chosen"),
    ]
