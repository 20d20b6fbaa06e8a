"""Refunds as Stripe has them, through the real SDK. Runs against Stripe's test mode as well."""

import time

import pytest
import stripe
from tests.factories.stripe_simulator import card_payment


def paid_intent(client: stripe.StripeClient, card: str = "pm_card_visa", amount: int = 10_000, currency: str = "usd"):
    params = card_payment(amount, currency, payment_method=card, confirm=True)
    intent = client.v1.payment_intents.create(params=params)
    assert intent.status == "succeeded"
    return intent


def wait_for_status(client: stripe.StripeClient, refund_id: str, status: str, seconds: float = 120) -> stripe.Refund:
    give_up_at = time.monotonic() + seconds
    while True:
        refund = client.v1.refunds.retrieve(refund_id)
        if refund.status == status:
            return refund
        assert time.monotonic() < give_up_at, f"the refund stays {refund.status}"
        time.sleep(0.05)


def test_partial_refunds_add_up_to_the_charge_and_no_further(contract_client: stripe.StripeClient) -> None:
    intent = paid_intent(contract_client)
    refunds = contract_client.v1.refunds
    first = refunds.create(
        params={
            "payment_intent": intent.id,
            "amount": 3_333,
            "reason": "requested_by_customer",
            "metadata": {"order": "ord_1"},
        }
    )
    assert (first.status, first.amount, first.currency) == ("succeeded", 3_333, "usd")
    assert (first.payment_intent, first.charge, first.reason) == (
        intent.id,
        intent.latest_charge,
        "requested_by_customer",
    )
    assert first.metadata is not None
    assert first.metadata.to_dict() == {"order": "ord_1"}
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        refunds.create(params={"payment_intent": intent.id, "amount": 6_668})
    assert refusal.value.http_status == 400
    message = "Refund amount ($66.68) is greater than unrefunded amount on charge ($66.67)"
    assert refusal.value.user_message == message
    with pytest.raises(stripe.InvalidRequestError, match="is greater than charge amount"):
        refunds.create(params={"payment_intent": intent.id, "amount": 10_001})
    assert isinstance(intent.latest_charge, str)
    assert contract_client.v1.charges.retrieve(intent.latest_charge).amount_refunded == 3_333
    rest = refunds.create(params={"charge": intent.latest_charge})
    assert rest.amount == 6_667
    charge = contract_client.v1.charges.retrieve(intent.latest_charge, params={"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded, charge.status) == (10_000, True, "succeeded")
    assert charge.refunds is not None
    assert [refund.id for refund in charge.refunds.data] == [rest.id, first.id]
    with pytest.raises(stripe.InvalidRequestError, match="has already been refunded") as refusal:
        refunds.create(params={"payment_intent": intent.id})
    assert (refusal.value.http_status, refusal.value.code) == (400, "charge_already_refunded")
    listed = refunds.list(params={"payment_intent": intent.id})
    assert [refund.id for refund in listed.data] == [rest.id, first.id]
    assert contract_client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_nothing_is_refunded_that_was_not_paid(contract_client: stripe.StripeClient) -> None:
    unpaid = contract_client.v1.payment_intents.create(params=card_payment())
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge to refund") as refusal:
        contract_client.v1.refunds.create(params={"payment_intent": unpaid.id})
    assert refusal.value.http_status == 400
    with pytest.raises(stripe.CardError):
        contract_client.v1.payment_intents.confirm(unpaid.id, params={"payment_method": "pm_card_visa_chargeDeclined"})
    with pytest.raises(stripe.InvalidRequestError):
        contract_client.v1.refunds.create(params={"payment_intent": unpaid.id})
    assert contract_client.v1.refunds.list(params={"payment_intent": unpaid.id}).data == []
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        contract_client.v1.refunds.create(params={"payment_intent": "pi_none"})
    assert refusal.value.code == "resource_missing"


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"reason": "whim"}, "reason"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_refund_that_makes_no_sense_is_refused(
    contract_client: stripe.StripeClient, params: dict[str, object], param: str
) -> None:
    intent = paid_intent(contract_client)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        contract_client.v1.refunds.create(params={"payment_intent": intent.id, **params})  # type: ignore[arg-type]  # sent wrong on purpose, or wider than the SDK says
    assert (refusal.value.http_status, refusal.value.param) == (400, param)
    assert contract_client.v1.refunds.list(params={"payment_intent": intent.id}).data == []


def test_a_refund_may_be_pending_first(contract_client: stripe.StripeClient) -> None:
    intent = paid_intent(contract_client, "pm_card_pendingRefund")
    refund = contract_client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 4_000})
    assert refund.status == "pending"
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        contract_client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 6_001})
    assert wait_for_status(contract_client, refund.id, "succeeded").amount == 4_000
    assert contract_client.v1.charges.retrieve(str(intent.latest_charge)).amount_refunded == 4_000


def test_a_refund_may_fail_afterwards_and_the_money_can_be_refunded_again(contract_client: stripe.StripeClient) -> None:
    intent = paid_intent(contract_client, "pm_card_refundFail")
    refund = contract_client.v1.refunds.create(params={"payment_intent": intent.id})
    assert refund.status == "succeeded"
    failed = wait_for_status(contract_client, refund.id, "failed")
    assert failed.failure_reason
    charge = contract_client.v1.charges.retrieve(str(intent.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert contract_client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 10_000}).amount == 10_000


def test_only_metadata_of_a_refund_changes(contract_client: stripe.StripeClient) -> None:
    intent = paid_intent(contract_client)
    refund = contract_client.v1.refunds.create(params={"payment_intent": intent.id, "metadata": {"a": "1"}})
    changed = contract_client.v1.refunds.update(refund.id, params={"metadata": {"b": "2"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"a": "1", "b": "2"}
    with pytest.raises(stripe.InvalidRequestError):
        contract_client.v1.refunds.cancel(refund.id)
    expanded = contract_client.v1.refunds.retrieve(refund.id, params={"expand": ["charge.payment_intent"]})
    assert isinstance(expanded.charge, stripe.Charge)
    assert isinstance(expanded.charge.payment_intent, stripe.PaymentIntent)
    assert expanded.charge.payment_intent.id == intent.id
