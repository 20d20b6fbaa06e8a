"""Refunds: money given back on a charge, never more than it took."""

from ais_sandbox.stripe.account import Account, Call
from ais_sandbox.stripe.clock import now_seconds
from ais_sandbox.stripe.currencies import THREE_DECIMAL, written
from ais_sandbox.stripe.errors import Document, StripeError, invalid_parameter, no_such
from ais_sandbox.stripe.ids import object_id
from ais_sandbox.stripe.payment_methods import behaviour_of

SETTLE_ACTION = "settle_refund"
_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create(account: Account, call: Call) -> Document:
    """`POST /v1/refunds`, of a whole charge or part of it."""
    given = call.parameters
    charge_id, intent_id = given.take_text("charge"), given.take_text("payment_intent")
    amount = given.take_integer("amount", least=1)
    reason = given.take_choice("reason", _REASONS)
    metadata = given.take_metadata({})
    given.finish()
    charge = _refundable_charge(account, charge_id, intent_id)
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise StripeError(400, message, code="charge_already_refunded", extra={"charge": charge["id"]})
    amount = left if amount is None else amount
    _check_amount(amount, charge, left)
    payment_method = account.payment_methods.get(charge["payment_method"])
    how = behaviour_of(payment_method).refunds
    refund: Document = {
        "id": object_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": now_seconds(),
        "currency": charge["currency"],
        "destination_details": {
            "card": {"reference": None, "reference_status": "pending", "reference_type": "acquirer_reference_number",
                     "type": "refund"},
            "type": "card",
        },
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if how == "later" else "succeeded",
        "transfer_reversal": None,
    }  # fmt: skip
    if refund["status"] == "pending":
        refund["pending_reason"] = "processing"
    account.refunds.insert(refund)
    _count(account, charge, amount)
    account.record("refund.created", refund)
    account.record("charge.refunded", charge)
    if how != "at_once":
        account.later(SETTLE_ACTION, refund["id"])
    return refund


def retrieve(account: Account, call: Call) -> Document:
    """`GET /v1/refunds/{id}`."""
    call.parameters.finish()
    return account.refunds.get(call.ids["id"])


def list_(account: Account, call: Call) -> Document:
    """`GET /v1/refunds`, by charge, payment intent and time of creation."""
    return account.refunds.page(call.parameters, "/v1/refunds")


def update(account: Account, call: Call) -> Document:
    """`POST /v1/refunds/{id}`: only metadata can change."""
    refund = account.refunds.get(call.ids["id"])
    before = dict(refund["metadata"])
    refund["metadata"] = call.parameters.take_metadata(refund["metadata"])
    call.parameters.finish()
    account.refunds.save(refund)
    account.record("refund.updated", refund, {"metadata": before})
    return refund


def cancel(account: Account, call: Call) -> Document:
    """`POST /v1/refunds/{id}/cancel`: only a refund that waits for the customer can be canceled, and none here does."""
    refund = account.refunds.get(call.ids["id"])
    call.parameters.finish()
    message = f"Refund {refund['id']} cannot be canceled: it has a status of {refund['status']}, and only refunds "
    raise StripeError(400, message + "with a status of requires_action can be.")


def settle(account: Account, refund_id: str) -> None:
    """What the bank did with a refund later: a pending one succeeds, a succeeded one of a failing card fails."""
    refund = account.refunds.find(refund_id)
    if refund is None or refund["status"] not in {"pending", "succeeded"}:
        return
    charge = account.charges.get(refund["charge"])
    before: Document = {"status": refund["status"]}
    if refund["status"] == "pending":
        refund["status"] = "succeeded"
        refund.pop("pending_reason", None)
    else:
        refund.update(status="failed", failure_reason="expired_or_canceled_card", failure_balance_transaction=None)
        _count(account, charge, -refund["amount"])
    account.refunds.save(refund)
    if refund["status"] == "failed":
        account.record("refund.failed", refund)
    account.record("refund.updated", refund, before)
    account.record("charge.refund.updated", refund, before)


def _refundable_charge(account: Account, charge_id: str | None, intent_id: str | None) -> Document:
    if charge_id is None and intent_id is None:
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise invalid_parameter(message, "payment_intent", "parameter_missing")
    charge = None
    if intent_id is not None:
        intent = account.payment_intents.get(intent_id, param="payment_intent")
        if intent["status"] == "succeeded":
            charge = account.charges.find(intent["latest_charge"])
        if charge_id is not None and (charge is None or charge["id"] != charge_id):
            raise no_such("charge", charge_id, param="charge")
    elif charge_id is not None:
        charge = account.charges.get(charge_id, param="charge")
        intent_id = charge["payment_intent"]
    if charge is None or charge["status"] != "succeeded":
        message = f"This PaymentIntent ({intent_id}) does not have a successful charge to refund."
        raise StripeError(400, message)
    return charge


def _check_amount(amount: int, charge: Document, left: int) -> None:
    currency = charge["currency"]
    if currency in THREE_DECIMAL and amount % 10:
        message = f"Invalid amount: amounts in {currency} must be a multiple of 10 of the minor unit; {amount} is not."
        raise invalid_parameter(message, "amount", "parameter_invalid_integer")
    if amount > left:
        whole = amount > charge["amount_captured"]
        limit = charge["amount_captured"] if whole else left
        kind = "charge amount" if whole else "unrefunded amount on charge"
        message = f"Refund amount ({written(amount, currency)}) is greater than {kind} ({written(limit, currency)})"
        raise StripeError(400, message, param="amount")


def _count(account: Account, charge: Document, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    account.charges.save(charge)
