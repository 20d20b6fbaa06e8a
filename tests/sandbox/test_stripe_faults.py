"""Faults on request: what was executed, what the client sees, and what a repeat with the same key gets."""

import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe
from tests.factories.stripe_simulator import StripeSimulator, card_payment, client_of
from tests.factories.webhook_receiver import WebhookReceiver

CONFIRM = "/v1/payment_intents/*/confirm"


def confirm(client: stripe.StripeClient, intent_id: str, key: str = "key-1") -> stripe.PaymentIntent:
    options: Any = {"idempotency_key": key}
    return client.v1.payment_intents.confirm(intent_id, params={"payment_method": "pm_card_visa"}, options=options)


def code_of(error: stripe.StripeError) -> str:
    """The code in the answer, which the SDK leaves out of its errors for 409 and 429."""
    body: Any = error.json_body
    return str(body["error"]["code"])


def charges_of(client: stripe.StripeClient, intent_id: str) -> int:
    return len(client.v1.charges.list(params={"payment_intent": intent_id}).data)


def test_an_error_after_the_charge_is_kept_under_the_key(
    simulator: StripeSimulator, client: stripe.StripeClient
) -> None:
    intent = client.v1.payment_intents.create(params=card_payment())
    simulator.control("POST", "/faults", {"action": "error_after", "path": CONFIRM})
    with pytest.raises(stripe.APIError) as refusal:
        confirm(client, intent.id)
    assert refusal.value.http_status == 500
    assert refusal.value.headers is not None
    assert refusal.value.headers["stripe-should-retry"] == "false"
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    with pytest.raises(stripe.APIError):
        confirm(client, intent.id)
    with pytest.raises(stripe.InvalidRequestError, match="already succeeded"):
        confirm(client, intent.id, "key-2")
    assert charges_of(client, intent.id) == 1


def test_an_answer_lost_in_front_of_stripe_is_found_by_a_repeat(
    simulator: StripeSimulator, client: stripe.StripeClient
) -> None:
    intent = client.v1.payment_intents.create(params=card_payment())
    fault = {"action": "error_after", "path": CONFIRM, "status": 503, "kept": "answer"}
    simulator.control("POST", "/faults", fault)
    with pytest.raises(stripe.APIError) as refusal:
        confirm(client, intent.id)
    assert refusal.value.http_status == 503
    again = confirm(client, intent.id)
    assert (again.status, charges_of(client, intent.id)) == ("succeeded", 1)
    assert again.last_response is not None
    assert again.last_response.headers["idempotent-replayed"] == "true"


def test_an_error_before_leaves_nothing_and_a_repeat_pays(
    simulator: StripeSimulator, client: stripe.StripeClient
) -> None:
    intent = client.v1.payment_intents.create(params=card_payment())
    simulator.control("POST", "/faults", {"action": "error_before", "path": CONFIRM})
    with pytest.raises(stripe.APIError):
        confirm(client, intent.id)
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"
    assert (confirm(client, intent.id).status, charges_of(client, intent.id)) == ("succeeded", 1)


@pytest.mark.parametrize(
    ("action", "charges"), [("cut_after", 1), ("cut_before", 0), ("hang_after", 1), ("hang_before", 0)]
)
def test_a_broken_connection_tells_nothing_about_the_charge(
    simulator: StripeSimulator, client: stripe.StripeClient, action: str, charges: int
) -> None:
    intent = client.v1.payment_intents.create(params=card_payment())
    simulator.control("POST", "/faults", {"action": action, "path": CONFIRM})
    impatient = client_of(simulator.url, simulator.api_key, timeout=0.5)
    with pytest.raises(stripe.APIConnectionError):
        confirm(impatient, intent.id)
    assert charges_of(client, intent.id) == charges
    assert (confirm(client, intent.id).status, charges_of(client, intent.id)) == ("succeeded", 1)


def test_too_many_requests(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    simulator.control("POST", "/faults", {"action": "rate_limit", "method": "*", "times": 2})
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError) as refusal:
            client.v1.payment_intents.create(params=card_payment())
        assert (refusal.value.http_status, code_of(refusal.value)) == (429, "rate_limit")
    assert client.v1.payment_intents.list().data == []
    assert client.v1.payment_intents.create(params=card_payment()).status == "requires_payment_method"


def test_a_key_in_use_by_a_slow_request_is_409(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(params=card_payment())
    simulator.control("POST", "/faults", {"action": "delay", "path": CONFIRM, "seconds": 1.5, "times": 1})
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(confirm, client, intent.id)
        while simulator.control("GET", "/faults")["faults"][0]["applied"] == 0:
            time.sleep(0.02)
        other = client_of(simulator.url, simulator.api_key)
        with pytest.raises(stripe.StripeError, match="another in-progress request") as refusal:
            confirm(other, intent.id)
        assert (refusal.value.http_status, code_of(refusal.value)) == (409, "idempotency_key_in_use")
        assert slow.result().status == "succeeded"
    assert confirm(client, intent.id).status == "succeeded"
    assert charges_of(client, intent.id) == 1


def test_a_slow_request_is_carried_out_though_its_client_has_gone(
    simulator: StripeSimulator, client: stripe.StripeClient
) -> None:
    intent = client.v1.payment_intents.create(params=card_payment())
    simulator.control("POST", "/faults", {"action": "delay", "path": CONFIRM, "seconds": 1.0})
    impatient = client_of(simulator.url, simulator.api_key, timeout=0.2)
    with pytest.raises(stripe.APIConnectionError):
        confirm(impatient, intent.id)
    assert charges_of(client, intent.id) == 0
    give_up_at = time.monotonic() + 10
    while charges_of(client, intent.id) == 0:
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    assert confirm(client, intent.id).status == "succeeded"


def test_rules_name_their_calls_and_end(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    rule = simulator.control("POST", "/faults", {"action": "error_before", "path": "/v1/refunds", "times": None})
    paid = client.v1.payment_intents.create(params=card_payment(confirm=True, payment_method="pm_card_visa"))
    for _ in range(3):
        with pytest.raises(stripe.APIError):
            client.v1.refunds.create(params={"payment_intent": paid.id})
    assert simulator.control("GET", "/faults")["faults"][0]["applied"] == 3
    assert simulator.control("DELETE", f"/faults/{rule['number']}") == {"removed": 1}
    assert client.v1.refunds.create(params={"payment_intent": paid.id}).status == "succeeded"


def test_chance_follows_the_seed(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    def run(seed: int) -> list[bool]:
        simulator.control("POST", "/reset")
        rule = {"action": "error_before", "times": None, "probability": 0.4, "seed": seed}
        number = simulator.control("POST", "/faults", rule)["number"]
        assert number == 1
        outcomes = []
        for _ in range(40):
            try:
                client.v1.payment_intents.create(params=card_payment())
                outcomes.append(True)
            except stripe.APIError:
                outcomes.append(False)
        return outcomes

    first = run(5)
    assert 6 <= first.count(False) <= 26
    assert run(5) == first
    assert run(6) != first


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/faults", {"action": "explode"}),
        ("/faults", {"path": "/v1/*"}),
        ("/webhooks", {"drop_probability": 1.5}),
        ("/webhooks", {"unheard_of": 1}),
        ("/webhooks", {"duplicate": -1}),
    ],
)
def test_switches_that_mean_nothing_are_refused(simulator: StripeSimulator, path: str, body: object) -> None:
    before = simulator.control("GET", "")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        simulator.control("POST", path, body)
    assert refusal.value.code == 400
    assert simulator.control("GET", "") == before


def test_a_reset_leaves_nothing_of_a_request_that_was_under_way(
    simulator: StripeSimulator, client: stripe.StripeClient
) -> None:
    simulator.control("POST", "/faults", {"action": "delay", "seconds": 3.0, "path": "/v1/payment_intents"})
    key: Any = {"idempotency_key": "over-the-reset"}
    params: Any = card_payment()
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(lambda: client.v1.payment_intents.create(params=params, options=key))
        while simulator.control("GET", "/faults")["faults"][0]["applied"] == 0:
            time.sleep(0.02)
        simulator.control("POST", "/reset")
        client.v1.payment_intents.create(params=params, options=key)
        with pytest.raises(stripe.APIConnectionError):
            late.result(timeout=5)
    assert simulator.control("GET", "")["objects"]["payment_intents"] == 1


def test_a_reset_breaks_off_the_webhooks_that_are_being_posted(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    receiver.answer_after_seconds = 0.5
    client.v1.payment_intents.create(params=card_payment())
    receiver.wait_for(lambda all_: len(all_) == 1)
    simulator.control("POST", "/reset")
    receiver.answer_after_seconds = 0.0
    client.v1.payment_intents.create(params=card_payment(metadata={"after": "reset"}))
    received = receiver.wait_for(lambda all_: len(all_) == 2)
    assert received[1].event("whsec_ais_demo").data.object["metadata"]["after"] == "reset"
    time.sleep(0.6)
    counts = simulator.control("GET", "")["deliveries"]
    assert counts == {"pending": 0, "delivered": 1, "failed": 0, "dropped": 0}
    assert len(receiver.received) == 2
