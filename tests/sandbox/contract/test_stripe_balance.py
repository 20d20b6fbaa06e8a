"""Balance transactions, payouts and the balance as Stripe has them, through the real SDK.

Runs against Stripe's test mode as well; there, payouts need an account with a bank account and manual payouts.
"""

import os
import time
from typing import Any

import pytest
import stripe
from tests.factories.stripe_simulator import card_payment

AT_STRIPE = bool(os.environ.get("STRIPE_TEST_SECRET_KEY"))


def paid(client: stripe.StripeClient, card: str = "pm_card_visa", **more: Any) -> stripe.PaymentIntent:
    params = card_payment(10_000, "usd", payment_method=card, confirm=True, **more)
    return client.v1.payment_intents.create(params=params)  # type: ignore[arg-type]  # a plain dict


def booked(client: stripe.StripeClient, intent: stripe.PaymentIntent, seconds: float = 60) -> stripe.BalanceTransaction:
    """The charge's balance transaction, which an asynchronous capture brings a moment later."""
    give_up_at = time.monotonic() + seconds
    while True:
        found = client.v1.charges.retrieve(str(intent.latest_charge), params={"expand": ["balance_transaction"]})
        if isinstance(found.balance_transaction, stripe.BalanceTransaction):
            return found.balance_transaction
        assert time.monotonic() < give_up_at, "the charge has no balance transaction"
        time.sleep(0.1)


def test_a_charge_counts_less_its_fee(contract_client: stripe.StripeClient) -> None:
    intent = paid(contract_client)
    transaction = booked(contract_client, intent)
    assert (transaction.object, transaction.type) == ("balance_transaction", "charge")
    assert (transaction.source, transaction.reporting_category) == (intent.latest_charge, "charge")
    assert transaction.fee > 0
    assert transaction.net == transaction.amount - transaction.fee
    assert sum(detail.amount for detail in transaction.fee_details) == transaction.fee
    assert {detail.type for detail in transaction.fee_details} == {"stripe_fee"}
    assert transaction.available_on >= transaction.created
    again = contract_client.v1.balance_transactions.retrieve(transaction.id, params={"expand": ["source"]})
    assert isinstance(again.source, stripe.Charge)
    assert again.source.payment_intent == intent.id
    by_source = contract_client.v1.balance_transactions.list(params={"source": str(intent.latest_charge)})
    assert [one.id for one in by_source.data] == [transaction.id]
    charges = contract_client.v1.balance_transactions.list(params={"type": "charge", "limit": 100})
    assert transaction.id in {one.id for one in charges.data}
    assert {one.type for one in charges.data} == {"charge"}


def test_a_synchronous_capture_has_its_transaction_in_the_answer(contract_client: stripe.StripeClient) -> None:
    intent = paid(contract_client, capture_method="automatic", expand=["latest_charge.balance_transaction"])
    assert isinstance(intent.latest_charge, stripe.Charge)
    transaction = intent.latest_charge.balance_transaction
    assert isinstance(transaction, stripe.BalanceTransaction)
    assert transaction.source == intent.latest_charge.id


def test_a_refund_takes_the_amount_and_gives_no_fee_back(contract_client: stripe.StripeClient) -> None:
    intent = paid(contract_client)
    booked(contract_client, intent)
    refund = contract_client.v1.refunds.create(
        params={"payment_intent": intent.id, "amount": 4_000, "expand": ["balance_transaction"]}
    )
    transaction = refund.balance_transaction
    assert isinstance(transaction, stripe.BalanceTransaction)
    assert (transaction.type, transaction.source) == ("refund", refund.id)
    assert (transaction.fee, transaction.net) == (0, transaction.amount)
    assert transaction.amount < 0


def test_the_balance_has_what_is_pending_and_what_is_available(contract_client: stripe.StripeClient) -> None:
    booked(contract_client, paid(contract_client))
    balance = contract_client.v1.balance.retrieve()
    assert balance.object == "balance"
    assert {"amount", "currency"} <= set(balance.available[0].to_dict())
    assert len({share.currency for share in balance.pending}) == len(balance.pending)


def test_a_payout_is_a_sum_that_is_available(contract_client: stripe.StripeClient) -> None:
    booked(contract_client, paid(contract_client, "pm_card_bypassPending"))
    key: Any = {"idempotency_key": f"payout-{time.time_ns()}"}
    params: Any = {"amount": 500, "currency": "usd", "metadata": {"run": "1"}}
    try:
        payout = contract_client.v1.payouts.create(params=params, options=key)
    except stripe.InvalidRequestError as refusal:
        if AT_STRIPE:
            pytest.skip(f"this account of Stripe's test mode makes no payouts: {refusal.user_message}")
        raise
    assert (payout.object, payout.amount, payout.currency) == ("payout", 500, "usd")
    assert (payout.automatic, payout.reconciliation_status) == (False, "not_applicable")
    assert payout.status in {"pending", "in_transit", "paid"}
    assert contract_client.v1.payouts.create(params=params, options=key).id == payout.id
    found = contract_client.v1.payouts.retrieve(payout.id, params={"expand": ["balance_transaction"]})
    assert isinstance(found.balance_transaction, stripe.BalanceTransaction)
    transaction = found.balance_transaction
    assert (transaction.type, transaction.amount, transaction.source) == ("payout", -500, payout.id)
    assert payout.id in {one.id for one in contract_client.v1.payouts.list(params={"limit": 100}).data}
    message = "Balance transaction history can only be filtered on automatic transfers, not manual"
    with pytest.raises(stripe.InvalidRequestError, match=message):
        contract_client.v1.balance_transactions.list(params={"payout": payout.id})


def test_a_payout_of_more_than_there_is_is_refused(contract_client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        contract_client.v1.payouts.create(params={"amount": 99_999_999, "currency": "usd"})
    assert refusal.value.http_status == 400
    assert AT_STRIPE or refusal.value.code == "balance_insufficient"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        contract_client.v1.payouts.retrieve("po_none")
    assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")
