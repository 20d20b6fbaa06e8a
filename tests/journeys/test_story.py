"""The whole story over HTTP, against web, worker and payment simulator as processes of their own."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from decimal import Decimal

from tests.factories.shopper import days_ahead, expect

PARTY = [{"type": "adult"}, {"type": "adult"}, {"type": "child", "age": 7}, {"type": "infant", "age": 1}]


def amount(money):
    assert money["currency"] == "SAR"
    return Decimal(money["amount"])


async def test_a_family_searches_holds_pays_and_gets_its_tickets(program, shopper, stored):
    offers = await shopper.search("RUH", "CAI", days_ahead(20), PARTY)
    assert offers
    assert [amount(offer["total"]) for offer in offers] == sorted(amount(offer["total"]) for offer in offers)
    offer = offers[0]
    assert amount(offer["total"]) == sum(amount(each["total"]) for each in offer["passengers"])

    order = await shopper.order(offer)
    assert (order["status"], order["payment_status"], order["ticketing_status"]) == ("reserved", "unpaid", "none")
    assert order["total"] == order["balance_due"] == offer["total"]
    assert order["documents"] == []

    payment = await shopper.start_payment(order)
    assert (payment["status"], payment["amount"]) == ("requires_payment", offer["total"])
    assert payment["client_secret"].startswith(payment["provider_payment_id"])
    assert payment["checkout_url"] is None
    assert expect(200, await shopper.confirm_card(payment))["status"] == "succeeded"

    done = await shopper.wait_for(order, "confirmed")
    assert (done["payment_status"], done["ticketing_status"]) == ("paid", "issued")
    assert done["paid"] == offer["total"]
    assert amount(done["balance_due"]) == 0
    segments = [segment["id"] for each in done["slices"] for segment in each["segments"]]
    base_fares = {item["passenger_id"]: amount(item["base_fare"]) for item in done["items"]}
    numbers = [document["number"] for document in done["documents"]]
    assert len(set(numbers)) == len(done["passengers"]) == 4
    assert all(len(number) == 13 and number.isdigit() and number.startswith("991") for number in numbers)
    for document in done["documents"]:
        assert [coupon["segment_id"] for coupon in document["coupons"]] == segments
        assert {coupon["status"] for coupon in document["coupons"]} == {"open"}
        assert sum(amount(coupon["value"]) for coupon in document["coupons"]) == base_fares[document["passenger_id"]]
    assert [each["ticket_number"] for each in done["passengers"]] == numbers

    found = expect(
        200,
        await shopper.request(
            "POST",
            "/api/v1/orders/lookup",
            {"record_locator": done["record_locator"].lower(), "family_name": "al harbi"},
        ),
    )
    assert found["id"] == order["id"]
    assert (await shopper.read(found))["documents"] == done["documents"]


async def test_a_short_hold_is_not_paid_and_its_seats_come_back(program, shopper, stored):
    offers = await shopper.search("RUH", "JED", days_ahead(21), [{"type": "adult"}] * 9, cabin="business")
    offer = offers[-1]
    [segment] = offer["slices"][0]["segments"]
    assert (segment["booking_class"], segment["seats_left"]) == ("C", 9)

    async def until_left(seats):
        for _ in range(200):
            left = (await shopper.offer(offer["id"]))["slices"][0]["segments"][0]["seats_left"]
            if left == seats:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{left} seats are left, not {seats}")

    order = await shopper.order(offer, web=1)
    assert order["status"] == "reserved"
    await until_left(1)  # class C may sell 10 of the 12 seats
    ended = await shopper.wait_for(order, "expired")
    assert (ended["payment_status"], ended["documents"]) == ("unpaid", [])
    assert {segment["status"] for each in ended["slices"] for segment in each["segments"]} == {"cancelled"}
    await until_left(9)
    refused = await shopper.ask_for_payment(order, "a-payment-that-comes-too-late")
    assert (refused.status_code, refused.json()["error"]["code"]) == (410, "HOLD_EXPIRED")


async def test_seats_of_one_class_cost_the_same_for_each_of_any_number_of_adults(program, shopper):
    seen = Counter()
    singles = {}
    for adults in range(1, 10):
        for offer in await shopper.search("RUH", "DXB", days_ahead(25), [{"type": "adult"}] * adults, limit=200):
            flights = [
                (segment["flight_number"], segment["booking_class"], segment["fare_basis"], segment["departs_at"])
                for each in offer["slices"]
                for segment in each["segments"]
            ]
            sold_as = (*flights, offer["fare_brand"])
            if adults == 1:
                singles[sold_as] = offer["total"]
            elif sold_as in singles:
                assert amount(offer["total"]) == adults * amount(singles[sold_as])
                assert {json.dumps(each["total"]) for each in offer["passengers"]} == {json.dumps(singles[sold_as])}
                seen[adults] += 1
    assert all(seen[adults] >= 3 for adults in range(2, 10)), seen


async def test_an_order_of_nine_adults_costs_nine_times_the_order_of_one(program, shopper, stored):
    day = days_ahead(26)
    [alone] = await shopper.search("RUH", "AMM", day, max_connections=0, limit=1)
    together = [
        offer
        for offer in await shopper.search("RUH", "AMM", day, [{"type": "adult"}] * 9, max_connections=0)
        if offer["fare_brand"] == alone["fare_brand"]
    ]
    one, nine = await shopper.order(alone), await shopper.order(together[0])
    assert [segment["booking_class"] for segment in one["slices"][0]["segments"]] == [
        segment["booking_class"] for segment in nine["slices"][0]["segments"]
    ]
    assert amount(nine["total"]) == 9 * amount(one["total"])
    assert {json.dumps(item["total"]) for item in nine["items"]} == {json.dumps(one["total"])}


async def test_every_promise_about_the_stored_data_holds_by_the_command_too(program):
    done = program.command("verify", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert answer["holds"] is True
    assert len(answer["invariants"]) >= 15
