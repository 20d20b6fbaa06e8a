"""Idempotency keys as Stripe keeps them, through the real SDK. Runs against Stripe's test mode as well."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe
from tests.factories.stripe_simulator import card_payment


def headers_of(resource: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in resource.last_response.headers.items()}


def options() -> dict[str, Any]:
    return {"idempotency_key": f"ais-{uuid.uuid4()}"}


def test_the_same_key_gives_the_same_answer_once(contract_client: stripe.StripeClient) -> None:
    key = options()
    marker = str(uuid.uuid4())
    params = card_payment(metadata={"marker": marker})
    first = contract_client.v1.payment_intents.create(params=params, options=key)
    again = contract_client.v1.payment_intents.create(params=params, options=key)
    assert again.id == first.id
    assert "idempotent-replayed" not in headers_of(first)
    assert headers_of(again)["idempotent-replayed"] == "true"
    assert headers_of(again)["original-request"] == headers_of(first)["request-id"]
    assert headers_of(again)["idempotency-key"] == key["idempotency_key"]
    newest = contract_client.v1.payment_intents.list(params={"limit": 5}).data
    assert [intent.id for intent in newest if intent.metadata.to_dict().get("marker") == marker] == [first.id]


def test_a_replay_shows_the_first_answer_and_not_the_present(contract_client: stripe.StripeClient) -> None:
    key = options()
    first = contract_client.v1.payment_intents.create(params=card_payment(), options=key)
    contract_client.v1.payment_intents.cancel(first.id)
    again = contract_client.v1.payment_intents.create(params=card_payment(), options=key)
    assert (again.id, again.status) == (first.id, "requires_payment_method")


def test_other_parameters_under_the_same_key_are_refused(contract_client: stripe.StripeClient) -> None:
    key = options()
    first = contract_client.v1.payment_intents.create(params=card_payment(10_000), options=key)
    with pytest.raises(stripe.IdempotencyError, match="same parameters") as refusal:
        contract_client.v1.payment_intents.create(params=card_payment(20_000), options=key)
    assert refusal.value.http_status == 400
    body = refusal.value.json_body
    assert isinstance(body, dict)
    assert body["error"]["type"] == "idempotency_error"
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        contract_client.v1.payment_intents.cancel(first.id, options=key)
    assert contract_client.v1.payment_intents.retrieve(first.id).status == "requires_payment_method"


def test_a_decline_is_kept_and_not_tried_again(contract_client: stripe.StripeClient) -> None:
    key = options()
    intent = contract_client.v1.payment_intents.create(params=card_payment())
    for _ in range(3):
        with pytest.raises(stripe.CardError) as refusal:
            contract_client.v1.payment_intents.confirm(
                intent.id, params={"payment_method": "pm_card_visa_chargeDeclined"}, options=key
            )
    assert refusal.value.headers is not None
    assert {name.lower() for name in refusal.value.headers} >= {"idempotent-replayed"}
    assert len(contract_client.v1.charges.list(params={"payment_intent": intent.id}).data) == 1


def test_a_refused_state_is_kept_too(contract_client: stripe.StripeClient) -> None:
    key = options()
    intent = contract_client.v1.payment_intents.create(params=card_payment())
    with pytest.raises(stripe.InvalidRequestError):
        contract_client.v1.payment_intents.confirm(intent.id, options=key)
    contract_client.v1.payment_intents.update(intent.id, params={"payment_method": "pm_card_visa"})
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        contract_client.v1.payment_intents.confirm(intent.id, options=key)
    assert contract_client.v1.payment_intents.retrieve(intent.id).status == "requires_confirmation"


def test_parameters_that_were_never_valid_do_not_use_up_the_key(contract_client: stripe.StripeClient) -> None:
    key = options()
    with pytest.raises(stripe.InvalidRequestError):
        contract_client.v1.payment_intents.create(params={"currency": "usd"}, options=key)  # type: ignore[typeddict-item]  # sent wrong on purpose, or wider than the SDK says
    assert contract_client.v1.payment_intents.create(params=card_payment(), options=key).status


def test_one_key_twenty_times_at_once_charges_once(contract_client: stripe.StripeClient) -> None:
    key = options()
    intent = contract_client.v1.payment_intents.create(params=card_payment())

    def confirm(_: int) -> str:
        try:
            params = {"payment_method": "pm_card_visa"}
            confirmed = contract_client.v1.payment_intents.confirm(intent.id, params=params, options=key)  # type: ignore[arg-type]  # sent wrong on purpose, or wider than the SDK says
        except stripe.StripeError as error:
            return str(error.http_status)
        return f"{confirmed.status} {confirmed.latest_charge}"

    with ThreadPoolExecutor(20) as pool:
        outcomes = set(pool.map(confirm, range(20)))
    charges = contract_client.v1.charges.list(params={"payment_intent": intent.id}).data
    assert len(charges) == 1
    assert f"succeeded {charges[0].id}" in outcomes
    assert outcomes <= {f"succeeded {charges[0].id}", "409"}


def test_without_a_key_every_request_counts(contract_client: stripe.StripeClient) -> None:
    """The control of the next test: what the key prevents does happen without it."""
    assert len(created_in_parallel(contract_client, {})) == 10


def test_one_key_ten_times_at_once_creates_once(contract_client: stripe.StripeClient) -> None:
    assert len(created_in_parallel(contract_client, options())) == 1


def created_in_parallel(client: stripe.StripeClient, key: dict[str, Any]) -> set[str]:
    """The ids of the intents that ten equal requests at once made."""
    marker = str(uuid.uuid4())
    params = card_payment(metadata={"marker": marker})

    def create(_: int) -> int | None:
        try:
            client.v1.payment_intents.create(params=params, options=key)
        except stripe.StripeError as error:
            return error.http_status
        return 200

    with ThreadPoolExecutor(10) as pool:
        statuses = set(pool.map(create, range(10)))
    assert statuses <= {200, 409}
    newest = client.v1.payment_intents.list(params={"limit": 50}).data
    return {intent.id for intent in newest if intent.metadata.to_dict().get("marker") == marker}
