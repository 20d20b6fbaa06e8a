"""A request that is sent again has one effect and one answer, whichever web process it reaches."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.factories.shopper import bearer, days_ahead, expect, new_key, order_request

TWINS = 20


async def counts(stored):
    async with stored.connection() as connection:
        row = await connection.fetchrow(
            """
            SELECT (SELECT count(*) FROM orders) AS orders, (SELECT count(*) FROM holds) AS holds,
                (SELECT sum(held + sold) FROM leg_cabins) AS seats, (SELECT count(*) FROM payments) AS payments
            """
        )
    return Counter(dict(row))


async def test_one_key_sent_twenty_times_at_once_is_one_order(shopper, stored):
    [offer] = await shopper.search("RUH", "MED", days_ahead(15), [{"type": "adult"}] * 2, limit=1)
    body, key = order_request(offer), new_key()
    before = await counts(stored)
    answers = await asyncio.gather(*(shopper.ask_for_order(body, key, web=number) for number in range(TWINS)))
    orders = [expect(201, answer) for answer in answers]
    assert len({order["id"] for order in orders}) == len({order["record_locator"] for order in orders}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    legs = sum(len(each["segments"]) for each in offer["slices"])
    assert await counts(stored) - before == {"orders": 1, "holds": 1, "seats": 2 * legs}
    for order in orders:
        assert (await shopper.read(order))["id"] == orders[0]["id"]


async def test_control_twenty_keys_at_once_are_twenty_orders(shopper, stored):
    [offer] = await shopper.search("RUH", "DOH", days_ahead(16), limit=1)
    body = order_request(offer)
    before = await counts(stored)
    answers = await asyncio.gather(*(shopper.ask_for_order(body, new_key(), web=number) for number in range(TWINS)))
    accepted = [answer for answer in answers if answer.status_code == 201]
    assert len(accepted) > 1
    assert (await counts(stored) - before)["orders"] == len(accepted)


async def test_one_key_with_another_body_is_a_conflict_and_changes_nothing(shopper, stored):
    [offer] = await shopper.search("RUH", "GIZ", days_ahead(17), limit=1)
    body, key = order_request(offer), new_key()
    order = expect(201, await shopper.ask_for_order(body, key))
    before = await counts(stored)
    for number, other in enumerate(
        (
            {**body, "contact": {"email": "another@example.com"}},
            {**body, "passengers": [{**body["passengers"][0], "given_name": "Another"}]},
        )
    ):
        refused = await shopper.ask_for_order(other, key, web=number)
        assert refused.status_code == 409
        assert refused.json()["error"]["code"] == "IDEMPOTENCY_CONFLICT"
        assert refused.json()["error"]["retryable"] is False
    assert await counts(stored) == before
    again = await shopper.ask_for_order(body, key, web=1)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert expect(201, again)["id"] == order["id"]


async def test_the_order_of_names_in_a_body_is_not_another_body(shopper, stored):
    [offer] = await shopper.search("RUH", "GIZ", days_ahead(18), limit=1)
    body, key = order_request(offer), new_key()
    order = expect(201, await shopper.ask_for_order(body, key))
    turned = expect(201, await shopper.ask_for_order(dict(reversed(body.items())), key))
    assert turned["id"] == order["id"]


async def test_one_payment_key_sent_twenty_times_at_once_is_one_attempt(program, shopper, stored):
    [offer] = await shopper.search("RUH", "AHB", days_ahead(19), limit=1)
    order = await shopper.order(offer)
    before = await counts(stored)
    key = new_key()
    answers = await asyncio.gather(*(shopper.ask_for_payment(order, key, web=number) for number in range(TWINS)))
    payments = [expect(201, answer) for answer in answers]
    assert len({(each["id"], each["provider_payment_id"], each["client_secret"]) for each in payments}) == 1
    assert await counts(stored) - before == {"payments": 1}
    intents = [
        intent
        for intent in (await shopper.provider.get("/v1/payment_intents", params={"limit": 100})).json()["data"]
        if intent["metadata"].get("order_id") == order["id"] or order["id"] in str(intent["metadata"])
    ]
    assert len(intents) == 1


async def test_other_keys_at_once_share_the_one_open_attempt(shopper, stored):
    [offer] = await shopper.search("RUH", "AHB", days_ahead(22), limit=1)
    order = await shopper.order(offer)
    answers = await asyncio.gather(*(shopper.ask_for_payment(order, new_key(), web=number) for number in range(10)))
    payments = [expect(201, answer) for answer in answers]
    assert len({(each["id"], each["provider_payment_id"]) for each in payments}) == 1


async def test_a_key_of_somebody_else_is_another_key(shopper, stored):
    [offer] = await shopper.search("RUH", "AHB", days_ahead(23), limit=1)
    first, second = await shopper.order(offer), await shopper.order(offer)
    key = "the-same-short-key"
    payments = [
        expect(
            201,
            await shopper.request(
                "POST",
                f"/api/v1/orders/{order['id']}/payments",
                {"method": "card"},
                headers={**bearer(order), "Idempotency-Key": key},
            ),
        )
        for order in (first, second)
    ]
    assert [each["order_id"] for each in payments] == [first["id"], second["id"]]
