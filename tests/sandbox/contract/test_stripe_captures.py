"""Manual capture as Stripe has it, through the real SDK. Runs against Stripe's test mode as well."""

from typing import Any

import pytest
import stripe
from tests.factories.stripe_simulator import card_payment


def held(client: stripe.StripeClient, **more: Any) -> stripe.PaymentIntent:
    params = card_payment(10_000, "usd", payment_method="pm_card_visa", confirm=True, capture_method="manual", **more)
    return client.v1.payment_intents.create(params=params)  # type: ignore[arg-type]  # a plain dict


def charge_of(client: stripe.StripeClient, intent: stripe.PaymentIntent) -> stripe.Charge:
    return client.v1.charges.retrieve(str(intent.latest_charge))


def test_money_is_held_and_taken_later(contract_client: stripe.StripeClient) -> None:
    intent = held(contract_client)
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 10_000, 0)
    charge = charge_of(contract_client, intent)
    assert (charge.status, charge.paid, charge.captured, charge.amount_captured) == ("succeeded", True, False, 0)
    with pytest.raises(stripe.InvalidRequestError, match="You must cancel the PaymentIntent"):
        contract_client.v1.refunds.create(params={"payment_intent": intent.id})
    taken = contract_client.v1.payment_intents.capture(intent.id)
    assert (taken.status, taken.amount_capturable, taken.amount_received) == ("succeeded", 0, 10_000)
    charge = charge_of(contract_client, intent)
    assert (charge.captured, charge.amount_captured, charge.amount_refunded) == (True, 10_000, 0)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        contract_client.v1.payment_intents.capture(intent.id)
    assert (refusal.value.http_status, refusal.value.code) == (400, "payment_intent_unexpected_state")
    assert refusal.value.user_message == (
        "This PaymentIntent could not be captured because it has a status of succeeded. Only a PaymentIntent with one "
        "of the following statuses may be captured: requires_capture."
    )


def test_what_is_not_captured_is_let_go(contract_client: stripe.StripeClient) -> None:
    intent = held(contract_client)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        contract_client.v1.payment_intents.capture(intent.id, params={"amount_to_capture": 10_001})
    assert refusal.value.http_status == 400
    taken = contract_client.v1.payment_intents.capture(intent.id, params={"amount_to_capture": 7_000})
    assert (taken.status, taken.amount, taken.amount_received) == ("succeeded", 10_000, 7_000)
    charge = charge_of(contract_client, intent)
    assert (charge.amount, charge.amount_captured, charge.amount_refunded) == (10_000, 7_000, 3_000)
    assert not charge.refunded
    rest = contract_client.v1.refunds.create(params={"payment_intent": intent.id})
    assert rest.amount == 7_000


def test_a_hold_can_be_canceled(contract_client: stripe.StripeClient) -> None:
    intent = held(contract_client)
    canceled = contract_client.v1.payment_intents.cancel(intent.id, params={"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason, canceled.amount_capturable) == ("canceled", "abandoned", 0)
    charge = charge_of(contract_client, intent)
    assert (charge.captured, charge.amount_captured, charge.refunded) == (False, 0, True)
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        contract_client.v1.payment_intents.capture(intent.id)


def test_kinds_of_payment_methods_are_allowed_and_not_listed(contract_client: stripe.StripeClient) -> None:
    intents = contract_client.v1.payment_intents
    old: Any = {"payment_method_types": ["card"]}
    made: Any = {"amount": 1_000, "currency": "usd"}
    new: Any = made | {"allowed_payment_method_types": ["card"]}
    intent = intents.create(params=new)
    assert intent.payment_method_types == ["card"]
    for call in (
        lambda: intents.create(params=made | old),
        lambda: intents.update(intent.id, params=old),
        lambda: intents.confirm(intent.id, params={"payment_method": "pm_card_visa"} | old),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            call()
        assert (refusal.value.http_status, refusal.value.code) == (400, "payment_method_types_no_longer_supported")
    assert intents.retrieve(intent.id).status == "requires_payment_method"
