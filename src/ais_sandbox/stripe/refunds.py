"""Refunds: money given back on a charge, never more than it took."""

from ais_sandbox.stripe import balance
from ais_sandbox.stripe.account import Account, Call
from ais_sandbox.stripe.clock import now_seconds
from ais_sandbox.stripe.currencies import THREE_DECIMAL, written
from ais_sandbox.stripe.errors import Document, StripeError, invalid_parameter, no_such
from ais_sandbox.stripe.ids import object_id
from ais_sandbox.stripe.payment_methods import behaviour_of

SETTLE_ACTION = "settle_refund"
_MOVES = {
    "pending": ("requires_action", "succeeded", "failed", "canceled"),
    "requires_action": ("pending", "succeeded", "failed", "canceled"),
    "succeeded": ("failed",),
}
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
    if not charge["captured"]:
        message = (
            f"This uncaptured Charge was created by a PaymentIntent ({charge['payment_intent']}). You must cancel "
        )
        message += "the PaymentIntent to reverse the authorization instead of refunding the Charge directly. For more "
        raise StripeError(
            400, message + "information, see https://stripe.com/docs/payments/place-a-hold-on-a-payment-method"
        )
    _refuse_if_disputed(account, charge)
    left = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise StripeError(400, message, code="charge_already_refunded", extra={"charge": charge["id"]})
    amount = left if amount is None else amount
    _check_amount(amount, charge, left)
    how = behaviour_of(charge["payment_method_details"]).refunds
    refund = _new_refund(charge, amount)
    refund.update(metadata=metadata, reason=reason)
    if how == "later":
        refund.update(status="pending", pending_reason="processing")
    kind = "refund" if charge["payment_method_details"]["type"] == "card" else "payment_refund"
    taken = balance.add(account, kind, -amount, refund, "REFUND FOR CHARGE")
    refund["balance_transaction"] = taken["id"]
    account.refunds.insert(refund)
    _count(account, charge, amount)
    account.record("refund.created", refund)
    account.record("charge.refunded", charge)
    if how != "at_once":
        account.later(SETTLE_ACTION, refund["id"])
    return refund


def release(account: Account, charge: Document, amount: int) -> None:
    """What is let go of a charge that was only held: shown as a refund, which moves nothing in the balance."""
    refund = _new_refund(charge, amount)
    account.refunds.insert(refund)
    _count(account, charge, amount)
    account.record("refund.created", refund)
    account.record("charge.refunded", charge)


def _new_refund(charge: Document, amount: int) -> Document:
    return {
        "id": object_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": now_seconds(),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "destination_details": {
            "card": {"reference": None, "reference_status": "pending", "reference_type": "acquirer_reference_number",
                     "type": "refund"},
            "type": "card",
        },
        "metadata": {},
        "instructions_email": None,
        "next_action": None,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }  # fmt: skip


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
    """`POST /v1/refunds/{id}/cancel`: only for one that waits for the customer, which refunds by card never do."""
    refund = account.refunds.get(call.ids["id"])
    call.parameters.finish()
    if refund["status"] != "requires_action":
        message = "Canceling this refund is unsupported."
        raise StripeError(400, message)
    move(account, refund, "canceled")
    return refund


def settle(account: Account, refund_id: str) -> None:
    """What the bank did with a refund later: a pending one succeeds, a succeeded one of a failing card fails."""
    refund = account.refunds.find(refund_id)
    if refund is None or refund["status"] not in {"pending", "succeeded"}:
        return
    move(account, refund, "succeeded" if refund["status"] == "pending" else "failed")


def move(account: Account, refund: Document, status: str, failure_reason: str = "expired_or_canceled_card") -> None:
    """Bring a refund to another state. What fails or is canceled is on the account again, and can be refunded anew.

    `StripeError` 400 for a move that no refund makes.
    """
    before: Document = {"status": refund["status"]}
    if status not in _MOVES.get(refund["status"], ()):
        message = f"A refund does not go from {refund['status']} to {status}."
        raise StripeError(400, message)
    refund["status"] = status
    refund.pop("pending_reason", None)
    if status == "pending":
        refund["pending_reason"] = "processing"
    if status in {"failed", "canceled"}:
        back = balance.add(account, "refund_failure", refund["amount"], refund, "REFUND FAILURE")
        refund["failure_balance_transaction"] = back["id"]
        _count(account, account.charges.get(refund["charge"]), -refund["amount"])
    if status == "failed":
        refund["failure_reason"] = failure_reason
    account.refunds.save(refund)
    if status == "failed":
        account.record("refund.failed", refund)
    account.record("refund.updated", refund, before)
    account.record("charge.refund.updated", refund, before)


def _refundable_charge(account: Account, charge_id: str | None, intent_id: str | None) -> Document:
    if charge_id is None and intent_id is None:
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise StripeError(400, message, executed=False)
    charge = None
    if intent_id is not None:
        intent = account.payment_intents.get(intent_id, param="payment_intent")
        if intent["status"] in {"succeeded", "requires_capture"}:
            charge = account.charges.find(intent["latest_charge"])
        if charge_id is not None and (charge is None or charge["id"] != charge_id):
            raise no_such("charge", charge_id, param="charge")
    elif charge_id is not None:
        charge = account.charges.get(charge_id)
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
        whole = amount > charge["amount"]
        limit = charge["amount"] if whole else left
        kind = "charge amount" if whole else "unrefunded amount on charge"
        message = f"Refund amount ({written(amount, currency)}) is greater than {kind} ({written(limit, currency)})"
        raise StripeError(400, message, param="amount")


def _refuse_if_disputed(account: Account, charge: Document) -> None:
    if charge["dispute"] is None or account.disputes.get(charge["dispute"])["is_charge_refundable"]:
        return
    message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
    raise StripeError(400, message, code="charge_disputed")


def _count(account: Account, charge: Document, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    account.charges.save(charge)
