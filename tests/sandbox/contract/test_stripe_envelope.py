"""Keys, versions, request ids and events as Stripe has them. Runs against Stripe's test mode as well."""

import pytest
import stripe
from tests.factories.stripe_simulator import card_payment, client_of


def test_a_wrong_key_is_401(contract_client: stripe.StripeClient) -> None:
    base = contract_client._requestor.base_addresses["api"]
    stranger = client_of(base, "sk_test_somebody_else_12345")
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided") as refusal:
        stranger.v1.payment_intents.list()
    assert refusal.value.http_status == 401
    assert "somebody" not in str(refusal.value)


def test_answers_carry_a_request_id_and_the_version(contract_client: stripe.StripeClient) -> None:
    intent = contract_client.v1.payment_intents.create(params=card_payment())
    response = intent.last_response
    assert response is not None
    assert response.request_id.startswith("req_")
    assert response.headers["stripe-version"] == stripe.api_version
    older = contract_client.v1.payment_intents.retrieve(intent.id, options={"stripe_version": "2024-06-20"})
    assert older.last_response is not None
    assert older.last_response.headers["stripe-version"] == "2024-06-20"
    with pytest.raises(stripe.InvalidRequestError):
        contract_client.v1.payment_intents.retrieve(intent.id, options={"stripe_version": "yesterday"})


def test_an_unknown_address_is_404(contract_client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL") as refusal:
        contract_client.raw_request("get", "/v1/unheard_of")
    assert refusal.value.http_status == 404


def test_events_tell_what_happened_in_order(contract_client: stripe.StripeClient) -> None:
    intent = contract_client.v1.payment_intents.create(params=card_payment())
    with pytest.raises(stripe.CardError):
        contract_client.v1.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa_chargeDeclined"})
    contract_client.v1.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa"})
    contract_client.v1.refunds.create(params={"payment_intent": intent.id})
    types = [
        "payment_intent.created", "payment_intent.payment_failed", "payment_intent.succeeded",
        "charge.failed", "charge.succeeded", "charge.refunded", "refund.created",
    ]  # fmt: skip
    listed = contract_client.v1.events.list(params={"types": types, "limit": 50})
    mine = [
        event
        for event in reversed(listed.data)
        if intent.id in {event.data.object["id"], getattr(event.data.object, "payment_intent", None)}
    ]
    assert sorted(event.type for event in mine) == sorted(types)
    intents = [event for event in mine if event.type.startswith("payment_intent.")]
    assert [event.type for event in intents] == types[:3]
    assert [event.data.object["status"] for event in intents] == [
        "requires_payment_method", "requires_payment_method", "succeeded",
    ]  # fmt: skip
    one = contract_client.v1.events.retrieve(intents[-1].id)
    assert (one.object, one.type, one.livemode) == ("event", "payment_intent.succeeded", False)
    assert one.data.object["amount_received"] == 12_345
    assert one.request is not None
    assert one.request.id is not None
    only = contract_client.v1.events.list(params={"type": "charge.refunded", "limit": 1})
    assert [event.type for event in only.data] == ["charge.refunded"]
    older = contract_client.v1.events.list(params={"types": types, "limit": 2, "starting_after": intents[-1].id})
    assert all(event.created <= intents[-1].created for event in older.data)
    assert intents[-1].id not in [event.id for event in older.data]


def test_expansion_is_checked(contract_client: stripe.StripeClient) -> None:
    intent = contract_client.v1.payment_intents.create(params=card_payment(confirm=True, payment_method="pm_card_visa"))
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        contract_client.v1.payment_intents.retrieve(intent.id, params={"expand": ["amount"]})
    listed = contract_client.v1.payment_intents.list(params={"limit": 1, "expand": ["data.latest_charge"]})
    assert isinstance(listed.data[0].latest_charge, stripe.Charge)
    shown = contract_client.v1.payment_intents.retrieve(intent.id, params={"expand": ["payment_method"]})
    assert isinstance(shown.payment_method, stripe.PaymentMethod)
    assert shown.payment_method.card is not None
    assert shown.payment_method.card.last4 == "4242"
