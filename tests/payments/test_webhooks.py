"""Messages of the provider: verified, stored once, and only a hint to look."""

import asyncio
import time

import pytest
from tests.factories.in_process import new_key, order_id


async def paid_event(program, payment):
    (event,) = await program.events_of(payment, "payment_intent.succeeded")
    return event


async def stored(program, event):
    return await program.rows("SELECT state, deliveries FROM provider_events WHERE event_id = $1", event["id"])


@pytest.mark.parametrize(
    "signed",
    [{"secret": "whsec_other"}, {"at": time.time() - 301 - 3600}, {"at": 0}],
    ids=["another secret", "stale", "ancient"],
)
async def test_a_bad_or_stale_signature_is_refused_and_stores_nothing(program, signed):
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment)
    event = await paid_event(program, payment)
    answer = await program.deliver(event, **signed)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "MALFORMED_REQUEST")
    assert await stored(program, event) == []
    await program.run_jobs()
    assert (await program.read(order))["status"] == "reserved"


@pytest.mark.parametrize("header", [None, "", "t=1", "nonsense", "t=x,v1=y", "v1=abc"])
async def test_a_message_without_a_signature_is_refused(program, header):
    headers = {"Content-Type": "application/json"} | ({} if header is None else {"Stripe-Signature": header})
    answer = await program.http.post("/webhooks/stripe", content=b'{"id": "evt_1"}', headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "MALFORMED_REQUEST")
    assert await program.rows("SELECT event_id FROM provider_events WHERE event_id = 'evt_1'") == []


async def test_a_signature_of_just_under_300_seconds_is_good(program):
    payment = await program.begin_payment(await program.order())
    await program.confirm(payment)
    answer = await program.deliver(await paid_event(program, payment), at=time.time() - 295)
    assert (answer.status_code, answer.json()) == (200, {"received": True})


async def test_a_changed_body_is_refused(program):
    payment = await program.begin_payment(await program.order())
    await program.confirm(payment)
    event = await paid_event(program, payment)
    body = b'{"id": "evt_forged"}'
    answer = await program.http.post(
        "/webhooks/stripe", content=body, headers={"Stripe-Signature": "t=1,v1=" + event["id"]}
    )
    assert answer.status_code == 400


async def test_delivered_fifty_times_it_confirms_once(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment)
    event = await paid_event(program, payment)
    for _ in range(5):
        answers = await asyncio.gather(*(program.deliver(event) for _ in range(10)))
        assert {answer.status_code for answer in answers} == {200}
        await program.run_jobs()
    assert await stored(program, event) == [("handled", 50)]
    assert len((await program.read(order))["documents"]) == 1
    assert [move[1] for move in await program.history(order, "order.status")] == ["reserved", "confirmed"]
    assert await program.rows(
        "SELECT to_status FROM payment_events AS event JOIN payments ON payments.id = payment_id"
        " WHERE order_id = $1 AND to_status = 'succeeded'",
        order_id(order),
    ) == ["succeeded"]


async def test_the_message_is_only_a_hint(program):
    """A message that says succeeded, of a payment that is not, confirms nothing."""
    order = await program.order()
    payment = await program.begin_payment(order)
    (event,) = await program.events_of(payment, "payment_intent.created")
    event = {**event, "id": f"evt_{new_key()}", "type": "payment_intent.succeeded"}
    event["data"]["object"] = {**event["data"]["object"], "status": "succeeded", "amount_received": 1}
    assert (await program.deliver(event)).status_code == 200
    await program.run_jobs()
    assert (await program.read(order))["status"] == "reserved"


async def test_out_of_order_and_late_news_do_no_harm(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment, "pm_card_chargeDeclined")
    await program.confirm(payment)
    events = await program.events_of(payment)
    kinds = [event["type"] for event in events]
    assert kinds.index("payment_intent.payment_failed") < kinds.index("payment_intent.succeeded")
    for event in reversed(events):
        assert (await program.deliver(event)).status_code == 200
        await program.run_jobs()
    for event in events:
        await program.deliver(event)
    await program.run_jobs()
    seen = await program.read(order)
    assert (seen["status"], seen["payment_status"], len(seen["documents"])) == ("confirmed", "paid", 1)


async def test_early_news_find_the_payment_by_our_reference(program):
    """The message overtakes our own note of the provider's id."""
    order, key = await program.order(), new_key()
    program.simulator.control("POST", "/faults", {"action": "cut_after", "path": "/v1/payment_intents", "times": 2})
    assert (await program.post_payment(order, key)).status_code == 504
    (intent,) = await program.intents_of(order)
    payment = {"provider_payment_id": intent["id"]}
    await program.confirm(payment)
    event = await paid_event(program, payment)
    await program.deliver(event)
    await program.run_jobs()
    assert await stored(program, event) == [("handled", 1)]
    assert (await program.read(order))["status"] == "confirmed"
    again = await program.post_payment(order, key)
    assert (again.status_code, again.json()["status"]) == (201, "succeeded")


async def test_a_message_about_nothing_of_ours_is_kept_and_ignored(program):
    event = {
        "id": f"evt_{new_key()}",
        "type": "customer.created",
        "data": {"object": {"object": "customer", "id": "c"}},
    }
    assert (await program.deliver(event)).status_code == 200
    assert await stored(program, event) == [("ignored", 1)]
    await program.run_jobs()
