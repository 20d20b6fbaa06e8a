"""Webhooks come as they like: many times, before our own answer, late, out of order. The order is confirmed once."""

from __future__ import annotations

import asyncio

import pytest
from tests.factories.shopper import days_ahead, expect, new_key

COPIES = 50


@pytest.fixture
def switches(program):
    """The simulator's webhook switches, put back afterwards."""
    simulator = program.simulator
    before = simulator.control("GET", "/webhooks")
    yield lambda **changes: simulator.control("POST", "/webhooks", changes)
    simulator.control("POST", "/webhooks", before)
    simulator.control("DELETE", "/faults")


async def story_of(stored, order):
    """What was recorded of an order: confirmations, documents, money, events of its payments."""
    async with stored.connection() as connection:
        return dict(
            await connection.fetchrow(
                """
                SELECT orders.status, orders.paid_minor = orders.total_minor AS is_paid,
                    (SELECT count(*) FROM order_history WHERE order_id = orders.id AND axis = 'order.status'
                        AND to_state = 'confirmed') AS confirmations,
                    (SELECT count(*) FROM documents WHERE order_id = orders.id) AS documents,
                    (SELECT count(*) FROM payments WHERE order_id = orders.id) AS payments,
                    (SELECT count(*) FROM refunds WHERE order_id = orders.id) AS refunds,
                    (SELECT count(*) FROM provider_events JOIN payments USING (provider_payment_id)
                        WHERE payments.order_id = orders.id) AS events,
                    (SELECT sum(deliveries) FROM provider_events JOIN payments USING (provider_payment_id)
                        WHERE payments.order_id = orders.id) AS deliveries
                FROM orders WHERE record_locator = $1
                """,
                order["record_locator"],
            )
        )


async def events_of(shopper, payment):
    found = (await shopper.provider.get("/v1/events", params={"limit": 100})).json()["data"]
    return [event for event in found if payment["provider_payment_id"] in str(event["data"]["object"])]


async def until_quiet(program, stored):
    """Wait until every webhook is delivered and every job that came of it is done.

    What other tests have told of objects that nobody knows is tried again later, and not waited for.
    """
    for _ in range(300):
        async with stored.connection() as connection:
            waiting = await connection.fetchval(
                """
                SELECT count(*) FROM jobs WHERE entrypoint IN ('payments.handle_event', 'orders.settle_payment')
                AND (status = 'picked' OR (status = 'queued' AND execute_after <= ais_now()))
                """
            )
        if not waiting and not program.simulator.control("GET", "")["deliveries"]["pending"]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("webhooks or their jobs do not come to an end")


def confirmed_once(story, *, events):
    assert story["status"] == "confirmed"
    assert story["is_paid"]
    assert (story["confirmations"], story["documents"], story["payments"], story["refunds"]) == (1, 1, 1, 0)
    assert story["events"] == events


async def test_fifty_copies_of_each_event_confirm_once(program, shopper, stored, switches):
    switches(duplicate=COPIES - 1)
    [offer] = await shopper.search("RUH", "KWI", days_ahead(15), limit=1)
    order = await shopper.order(offer)
    payment = await shopper.pay(order)
    await shopper.wait_for(order, "confirmed")
    await until_quiet(program, stored)
    events = len(await events_of(shopper, payment))
    story = await story_of(stored, order)
    confirmed_once(story, events=events)
    assert story["deliveries"] == COPIES * events


async def test_fifty_copies_out_of_order_over_two_seconds_confirm_once(program, shopper, stored, switches):
    switches(duplicate=9, reorder_probability=1.0, reorder_window_seconds=2.0, seed=7)
    [offer] = await shopper.search("RUH", "BAH", days_ahead(15), limit=1)
    order = await shopper.order(offer)
    payment = await shopper.pay(order)
    await shopper.wait_for(order, "confirmed")
    events = await events_of(shopper, payment)
    switches(duplicate=0, reorder_probability=1.0)
    for event in reversed(events):
        program.simulator.control("POST", f"/events/{event['id']}/redeliver", {"times": COPIES - 10})
    await until_quiet(program, stored)
    story = await story_of(stored, order)
    confirmed_once(story, events=len(events))
    assert story["deliveries"] == COPIES * len(events)


async def test_webhooks_that_come_before_the_provider_has_answered_us_confirm_once(program, shopper, stored, switches):
    """The answer to the call that opens the payment is lost; meanwhile the customer has paid and we were told."""
    switches(duplicate=COPIES - 1)
    [offer] = await shopper.search("RUH", "DOH", days_ahead(15), limit=1)
    order = await shopper.order(offer)
    program.simulator.control(
        "POST", "/faults", {"action": "hang_after", "path": "/v1/payment_intents", "seconds": 1.5}
    )
    key = new_key()
    starting = asyncio.create_task(shopper.ask_for_payment(order, key))
    intent = None
    for _ in range(100):
        intents = (await shopper.provider.get("/v1/payment_intents", params={"limit": 100})).json()["data"]
        intent = next((each for each in intents if order["id"] in str(each["metadata"])), None)
        if intent is not None:
            break
        await asyncio.sleep(0.01)
    assert intent is not None
    assert not starting.done()
    expect(200, await shopper.confirm_card({"provider_payment_id": intent["id"]}))
    answer = await starting
    while answer.status_code >= 500:
        assert answer.json()["error"]["retryable"] is True
        answer = await shopper.ask_for_payment(order, key)
    payment = expect(201, answer)
    assert payment["provider_payment_id"] == intent["id"]
    await shopper.wait_for(order, "confirmed")
    await until_quiet(program, stored)
    confirmed_once(await story_of(stored, order), events=len(await events_of(shopper, payment)))


async def test_webhooks_that_come_late_confirm_once(program, shopper, stored, switches):
    switches(delay_seconds=1.5, delay_most_seconds=2.5, duplicate=COPIES - 1)
    [offer] = await shopper.search("RUH", "DMM", days_ahead(15), limit=1)
    order = await shopper.order(offer)
    payment = await shopper.pay(order)
    assert (await shopper.read(order))["status"] == "reserved"
    await shopper.wait_for(order, "confirmed")
    await until_quiet(program, stored)
    confirmed_once(await story_of(stored, order), events=len(await events_of(shopper, payment)))


async def test_a_webhook_with_a_forged_signature_is_refused_and_stores_nothing(shopper, stored):
    async with stored.connection() as connection:
        before = await connection.fetchval("SELECT count(*) FROM provider_events")
    refused = await shopper.request(
        "POST",
        "/webhooks/stripe",
        {"id": "evt_forged", "object": "event", "type": "payment_intent.succeeded"},
        headers={"Stripe-Signature": "t=1700000000,v1=00"},
    )
    assert refused.status_code == 400
    async with stored.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM provider_events") == before
