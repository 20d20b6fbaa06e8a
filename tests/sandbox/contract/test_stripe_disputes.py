"""Disputes as Stripe has them, through the real SDK. Runs against Stripe's test mode as well, which takes its time."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe
from tests.factories.stripe_simulator import card_payment

PATIENCE_SECONDS = 60


def disputed(client: stripe.StripeClient, card: str) -> stripe.Dispute:
    """Pay with a card whose holder disputes the charge a moment later, and wait for that."""
    params: Any = card_payment(4_200, "usd", payment_method=card, confirm=True, metadata={"order": "ord_1"})
    intent = client.v1.payment_intents.create(params=params)
    assert intent.status == "succeeded"
    return wait(lambda: next(iter(client.v1.disputes.list(params={"payment_intent": intent.id}).data), None))


def wait(look: Callable[[], stripe.Dispute | None]) -> stripe.Dispute:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) is None:
        assert time.monotonic() < give_up_at, "it does not come"
        time.sleep(0.05)
    return found


def wait_for_status(client: stripe.StripeClient, dispute_id: str, status: str) -> stripe.Dispute:
    def look() -> stripe.Dispute | None:
        found = client.v1.disputes.retrieve(dispute_id)
        return found if found.status == status else None

    return wait(look)


def submit(client: stripe.StripeClient, dispute_id: str, text: str) -> stripe.Dispute:
    return client.v1.disputes.update(dispute_id, params={"evidence": {"uncategorized_text": text}})


@pytest.mark.parametrize(
    ("card", "reason", "code"),
    [
        ("pm_card_createDispute", "fraudulent", "10.4"),
        ("pm_card_createDisputeProductNotReceived", "product_not_received", "13.1"),
    ],
)
def test_a_chargeback_takes_the_amount_and_a_fee(
    contract_client: stripe.StripeClient, card: str, reason: str, code: str
) -> None:
    dispute = disputed(contract_client, card)
    assert dispute.id.startswith("du_")
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", reason, 4_200)
    assert dispute.payment_method_details is not None
    assert dispute.payment_method_details.card is not None
    card_details = dispute.payment_method_details.card
    assert (card_details.case_type, card_details.network_reason_code) == ("chargeback", code)
    assert not dispute.is_charge_refundable
    [taken] = dispute.balance_transactions
    assert (taken.type, taken.source, taken.reporting_category) == ("adjustment", dispute.id, "dispute")
    assert taken.amount < 0 < taken.fee
    assert taken.net == taken.amount - taken.fee
    expanded = contract_client.v1.disputes.retrieve(dispute.id, params={"expand": ["charge", "payment_intent"]})
    assert isinstance(expanded.charge, stripe.Charge)
    assert isinstance(expanded.payment_intent, stripe.PaymentIntent)
    assert expanded.charge.disputed
    assert expanded.payment_intent.metadata.to_dict() == {"order": "ord_1"}
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        contract_client.v1.refunds.create(params={"charge": expanded.charge.id})
    assert (refusal.value.http_status, refusal.value.code) == (400, "charge_disputed")
    assert refusal.value.user_message == f"Charge {expanded.charge.id} has been charged back; cannot issue a refund."


def test_winning_evidence_brings_the_amount_back(contract_client: stripe.StripeClient) -> None:
    dispute = disputed(contract_client, "pm_card_createDispute")
    staged = contract_client.v1.disputes.update(
        dispute.id, params={"evidence": {"product_description": "A flight"}, "submit": False}
    )
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    assert staged.evidence_details.submission_count == 0
    submitted = submit(contract_client, dispute.id, "winning_evidence")
    assert submitted.evidence_details.submission_count == 1
    won = wait_for_status(contract_client, dispute.id, "won")
    assert won.is_charge_refundable
    assert sorted(one.amount for one in won.balance_transactions) == [-4_200, 4_200]
    with pytest.raises(stripe.InvalidRequestError, match="This dispute is already closed"):
        contract_client.v1.disputes.close(dispute.id)
    with pytest.raises(stripe.InvalidRequestError, match="This dispute is already closed"):
        submit(contract_client, dispute.id, "losing_evidence")
    assert contract_client.v1.refunds.create(params={"charge": str(dispute.charge)}).amount == 4_200


def test_losing_evidence_brings_nothing_back(contract_client: stripe.StripeClient) -> None:
    dispute = disputed(contract_client, "pm_card_createDispute")
    submit(contract_client, dispute.id, "losing_evidence")
    lost = wait_for_status(contract_client, dispute.id, "lost")
    assert [one.amount for one in lost.balance_transactions] == [-4_200]
    with pytest.raises(stripe.InvalidRequestError):
        contract_client.v1.refunds.create(params={"charge": str(dispute.charge)})


def test_closing_a_dispute_loses_it(contract_client: stripe.StripeClient) -> None:
    dispute = disputed(contract_client, "pm_card_createDispute")
    assert contract_client.v1.disputes.close(dispute.id).status == "lost"


def test_an_inquiry_takes_nothing_until_it_escalates(contract_client: stripe.StripeClient) -> None:
    dispute = disputed(contract_client, "pm_card_createDisputeInquiry")
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])
    assert dispute.payment_method_details is not None
    assert dispute.payment_method_details.card is not None
    assert dispute.payment_method_details.card.case_type == "inquiry"
    assert dispute.is_charge_refundable
    submit(contract_client, dispute.id, "escalate_inquiry_evidence")
    escalated = wait_for_status(contract_client, dispute.id, "needs_response")
    assert [one.amount for one in escalated.balance_transactions] == [-4_200]
    assert not escalated.is_charge_refundable


def test_a_dispute_that_is_none(contract_client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        contract_client.v1.disputes.retrieve("du_none")
    assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")
