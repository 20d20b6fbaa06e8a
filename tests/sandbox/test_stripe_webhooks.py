"""Webhooks: signed, retried, logged, and switched into the ways in which they go wrong."""

import json
import time
from collections import Counter
from collections.abc import Callable

import pytest
import stripe
from tests.factories.stripe_simulator import WEBHOOK_SECRET, StripeSimulator, card_payment, client_of
from tests.factories.webhook_receiver import Received, WebhookReceiver

PAID = card_payment(confirm=True, payment_method="pm_card_visa")
PAID_TYPES = ["charge.succeeded", "charge.updated", "payment_intent.created", "payment_intent.succeeded"]


def wait_for_counts(simulator: StripeSimulator, **wanted: int) -> None:
    """Wait until the log of deliveries says so; a receiver has its webhook a moment before the log knows."""
    give_up_at = time.monotonic() + 10
    wanted = {"pending": 0, "delivered": 0, "failed": 0, "dropped": 0} | wanted
    while (counts := simulator.control("GET", "")["deliveries"]) != wanted:
        assert time.monotonic() < give_up_at, counts
        time.sleep(0.02)


def types_of(received: list[Received]) -> list[str]:
    return [json.loads(one.body)["type"] for one in received]


def test_a_payment_is_told_in_signed_webhooks(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    intent = client.v1.payment_intents.create(params=PAID)
    received = receiver.wait_for(lambda all_: len(all_) == 4)
    events = [one.event(WEBHOOK_SECRET) for one in received]
    assert sorted(event.type for event in events) == PAID_TYPES
    succeeded = next(event for event in events if event.type == "payment_intent.succeeded")
    assert succeeded.data.object["id"] == intent.id
    assert succeeded.data.object["amount_received"] == 12_345
    wait_for_counts(simulator, delivered=4)
    kept = client.v1.events.retrieve(succeeded.id)
    assert kept.data.object["id"] == intent.id
    assert kept.pending_webhooks == 0
    with pytest.raises(stripe.SignatureVerificationError):
        received[0].event("whsec_of_somebody_else")
    changed = Received(received[0].body.replace(b"12345", b"99999"), received[0].signature, 0)
    with pytest.raises(stripe.SignatureVerificationError):
        changed.event(WEBHOOK_SECRET)


def test_a_webhook_that_is_not_accepted_comes_again_with_a_fresh_signature(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    simulator.control("POST", "/webhooks", {"retry_first_seconds": 0.6, "retry_factor": 2, "retry_most_seconds": 10})
    seen: Counter[str] = Counter()

    def answer(received: Received) -> int:
        event_id = json.loads(received.body)["id"]
        seen[event_id] += 1
        return 200 if seen[event_id] == 3 else 500

    receiver.answer_with = answer
    client.v1.payment_intents.create(params=card_payment())
    received = receiver.wait_for(lambda all_: len(all_) == 3)
    assert {one.event(WEBHOOK_SECRET).type for one in received} == {"payment_intent.created"}
    assert len({one.body for one in received}) == 1
    first, second, third = (one.received_at for one in received)
    assert second - first > 0.55
    assert third - second > 1.15
    assert len({one.signature for one in received}) >= 2
    wait_for_counts(simulator, delivered=1)
    delivery = simulator.control("GET", "/deliveries")["deliveries"][0]
    assert delivery["state"] == "delivered"
    assert [(one["number"], one["status"]) for one in delivery["attempts"]] == [(1, 500), (2, 500), (3, 200)]


def test_an_answer_that_takes_too_long_counts_as_none(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    simulator.control("POST", "/webhooks", {"timeout_seconds": 0.2})
    receiver.answer_after_seconds = 0.5
    client.v1.payment_intents.create(params=card_payment())
    receiver.wait_for(lambda all_: len(all_) == 1)
    receiver.answer_after_seconds = 0.0
    receiver.wait_for(lambda all_: len(all_) >= 2)
    attempts = simulator.control("GET", "/deliveries")["deliveries"][0]["attempts"]
    assert (attempts[0]["status"], attempts[0]["error"]) == (None, "no answer within 0.2 s")


def test_a_webhook_is_given_up_after_its_attempts(
    start: Callable[..., StripeSimulator], receiver: WebhookReceiver
) -> None:
    simulator = start(receiver.url, "--retry-attempts", "3")
    receiver.answer_with = lambda _: 404
    client_of(simulator.url, simulator.api_key).v1.payment_intents.create(params=card_payment())
    receiver.wait_for(lambda all_: len(all_) == 3)
    wait_for_counts(simulator, failed=1)
    assert len(receiver.received) == 3


def test_every_webhook_may_come_several_times(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    simulator.control("POST", "/webhooks", {"duplicate": 4})
    client.v1.payment_intents.create(params=PAID)
    received = receiver.wait_for(lambda all_: len(all_) == 20)
    assert Counter(types_of(received)) == dict.fromkeys(PAID_TYPES, 5)
    assert len({json.loads(one.body)["id"] for one in received}) == 4


def test_one_event_can_be_sent_again(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    client.v1.payment_intents.create(params=card_payment())
    event = receiver.wait_for(lambda all_: len(all_) == 1)[0].event(WEBHOOK_SECRET)
    assert simulator.control("POST", f"/events/{event.id}/redeliver", {"times": 50}) == {"planned": 50}
    received = receiver.wait_for(lambda all_: len(all_) == 51)
    assert {one.event(WEBHOOK_SECRET).id for one in received} == {event.id}


def test_webhooks_can_be_late(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    simulator.control("POST", "/webhooks", {"delay_seconds": 0.5})
    asked = time.time()
    client.v1.payment_intents.create(params=card_payment())
    received = receiver.wait_for(lambda all_: len(all_) == 1)
    assert received[0].received_at - asked >= 0.5
    simulator.control("POST", "/webhooks", {"delay_seconds": 3600})
    client.v1.payment_intents.create(params=card_payment())
    time.sleep(0.2)
    assert len(receiver.received) == 1
    assert simulator.control("POST", "/webhooks/flush") == {"made_due": 1}
    receiver.wait_for(lambda all_: len(all_) == 2)


def test_delivery_can_be_paused_and_resumed(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    simulator.control("POST", "/webhooks/pause")
    client.v1.payment_intents.create(params=PAID)
    time.sleep(0.3)
    assert receiver.received == []
    assert simulator.control("GET", "")["deliveries"]["pending"] == 4
    simulator.control("POST", "/webhooks/resume")
    receiver.wait_for(lambda all_: len(all_) == 4)


def chance_run(start: Callable[..., StripeSimulator], receiver: WebhookReceiver, seed: int) -> tuple[list[str], int]:
    """The order in which the numbered payments of one run were told, and how many were never told."""
    receiver.received.clear()
    simulator = start(receiver.url)
    switches = {"seed": seed, "drop_probability": 0.3, "reorder_probability": 0.8, "reorder_window_seconds": 2.0}
    simulator.control("POST", "/webhooks", switches)
    simulator.control("POST", "/webhooks/pause")
    client = client_of(simulator.url, simulator.api_key)
    for number in range(30):
        client.v1.payment_intents.create(params=card_payment(metadata={"number": str(number)}))
    dropped = simulator.control("GET", "")["deliveries"]["dropped"]
    log = simulator.control("GET", "/deliveries?state=pending")["deliveries"]
    planned = {entry["event"]: entry["due_at"] for entry in log}
    numbers = {
        event.id: event.data.object["metadata"]["number"] for event in client.v1.events.list(params={"limit": 50}).data
    }
    assert len(numbers) == 30
    return [numbers[event] for event in sorted(planned, key=planned.__getitem__)], dropped


def test_what_is_dropped_and_reordered_follows_the_seed(
    start: Callable[..., StripeSimulator], receiver: WebhookReceiver
) -> None:
    order, dropped = chance_run(start, receiver, 7)
    assert 3 <= dropped <= 16
    assert len(order) == 30 - dropped
    assert order != sorted(order, key=int)
    again, dropped_again = chance_run(start, receiver, 7)
    assert (set(again), dropped_again) == (set(order), dropped)
    other, _ = chance_run(start, receiver, 8)
    assert set(other) != set(order)


def test_reordered_webhooks_really_arrive_out_of_order(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    switches = {"seed": 3, "reorder_probability": 1.0, "reorder_window_seconds": 1.0}
    simulator.control("POST", "/webhooks", switches)
    for number in range(12):
        client.v1.payment_intents.create(params=card_payment(metadata={"number": str(number)}))
    received = receiver.wait_for(lambda all_: len(all_) == 12)
    arrived = [int(json.loads(one.body)["data"]["object"]["metadata"]["number"]) for one in received]
    assert sorted(arrived) == list(range(12))
    assert arrived != list(range(12))


def test_two_secrets_sign_side_by_side(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    with_two = {"url": "http://127.0.0.1:9/nobody", "secret": "whsec_old whsec_new", "id": "we_two"}
    simulator.control("POST", "/endpoints", with_two)
    simulator.control("DELETE", "/endpoints/we_two")
    assert client.v1.payment_intents.create(params=card_payment()).status


def test_either_of_two_secrets_verifies(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    body = {"url": receiver.url, "secret": "whsec_old whsec_new", "id": "we_configured"}
    simulator.control("POST", "/endpoints", body)
    client.v1.payment_intents.create(params=card_payment())
    received = receiver.wait_for(lambda all_: len(all_) == 1)[0]
    assert received.event("whsec_old").id == received.event("whsec_new").id


def test_an_endpoint_may_want_only_some_events(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    wanted = {"url": receiver.url, "secret": WEBHOOK_SECRET, "id": "we_configured",
              "enabled_events": ["payment_intent.succeeded"]}  # fmt: skip
    simulator.control("POST", "/endpoints", wanted)
    client.v1.payment_intents.create(params=PAID)
    wait_for_counts(simulator, delivered=1)
    assert types_of(receiver.received) == ["payment_intent.succeeded"]
