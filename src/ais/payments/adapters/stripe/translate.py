"""Stripe's objects and refusals in our words."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import stripe

from ais.kit import Money
from ais.payments.adapters.stripe.amounts import from_stripe
from ais.payments.domain import (
    DisputeStatus,
    EventKind,
    PaymentStatus,
    ProviderDispute,
    ProviderEvent,
    ProviderPayment,
    ProviderRefund,
    RefundStatus,
)
from ais.payments.errors import PaymentFailed, ProviderError, ProviderTimeout, RefundExceedsPaid, RefundsFrozen
from ais.platform.telemetry import get_logger

log = get_logger("stripe")

_STATUS = {
    "requires_payment_method": PaymentStatus.REQUIRES_PAYMENT,
    "requires_confirmation": PaymentStatus.REQUIRES_PAYMENT,
    "requires_action": PaymentStatus.REQUIRES_ACTION,
    "processing": PaymentStatus.PROCESSING,
    "requires_capture": PaymentStatus.PROCESSING,
    "succeeded": PaymentStatus.SUCCEEDED,
    "canceled": PaymentStatus.CANCELLED,
}
_REFUND_STATUS = {
    "succeeded": RefundStatus.SUCCEEDED,
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}
_REFUSED = frozenset(
    {
        "payment_intent_unexpected_state",
        "amount_too_small",
        "amount_too_large",
        "card_declined",
    }
)


def payment_of_intent(intent: stripe.PaymentIntent) -> ProviderPayment:
    """An intent as a payment."""
    held = intent.to_dict()
    status, failure_code = _intent_state(held)
    return ProviderPayment(
        id=held["id"],
        status=status,
        amount=from_stripe(held["amount"], held["currency"]),
        received=from_stripe(held.get("amount_received") or 0, held["currency"]),
        client_secret=held.get("client_secret"),
        reference=(held.get("metadata") or {}).get("payment_id"),
        failure_code=failure_code,
        capture_id=held["id"],
    )


def _intent_state(held: dict[str, Any]) -> tuple[PaymentStatus, str | None]:
    status = _STATUS[held["status"]]
    failure = held.get("last_payment_error")
    if status is PaymentStatus.REQUIRES_PAYMENT and failure:
        status = PaymentStatus.FAILED
    return status, (failure.get("decline_code") or failure.get("code")) if failure else None


def payment_of_session(session: stripe.checkout.Session) -> ProviderPayment:
    """A checkout session, its intent expanded, as a payment.

    An open session may be tried again after a decline. A complete one is decided by its intent; if that failed after
    all (the bank took its time), nobody can pay by this session any more, so the attempt has ended.
    """
    held = session.to_dict()
    intent: dict[str, Any] | None = held.get("payment_intent")
    amount = from_stripe(held["amount_total"], held["currency"])
    status, failure_code = (PaymentStatus.REQUIRES_PAYMENT, None) if intent is None else _intent_state(intent)
    payable = status in {PaymentStatus.REQUIRES_PAYMENT, PaymentStatus.REQUIRES_ACTION, PaymentStatus.FAILED}
    if held["status"] == "expired" or (held["status"] == "complete" and payable):
        status = PaymentStatus.CANCELLED
    received = Money(0, amount.currency)
    if intent is not None:
        received = from_stripe(intent.get("amount_received") or 0, intent["currency"])
    return ProviderPayment(
        id=held["id"],
        status=status,
        amount=amount,
        received=received,
        client_secret=None,
        reference=held.get("client_reference_id"),
        failure_code=failure_code,
        checkout_url=held.get("url"),
        capture_id=intent["id"] if intent is not None else None,
    )


def refund_of(refund: stripe.Refund) -> ProviderRefund:
    """A refund as it is at Stripe; ``reference`` is our refund's id if we asked for it."""
    held = refund.to_dict()
    return ProviderRefund(
        id=held["id"],
        status=_REFUND_STATUS[held["status"]],
        failure_code=held.get("failure_reason"),
        amount=from_stripe(held["amount"], held["currency"]),
        reference=(held.get("metadata") or {}).get("refund_id"),
    )


_EVENT_KINDS = {
    "payment_intent.succeeded": EventKind.PAYMENT,
    "payment_intent.payment_failed": EventKind.PAYMENT,
    "payment_intent.processing": EventKind.PAYMENT,
    "payment_intent.requires_action": EventKind.PAYMENT,
    "payment_intent.canceled": EventKind.PAYMENT,
    "checkout.session.completed": EventKind.PAYMENT,
    "checkout.session.expired": EventKind.PAYMENT,
    "checkout.session.async_payment_succeeded": EventKind.PAYMENT,
    "checkout.session.async_payment_failed": EventKind.PAYMENT,
    "charge.refunded": EventKind.REFUND,
    "charge.refund.updated": EventKind.REFUND,
    "refund.created": EventKind.REFUND,
    "refund.updated": EventKind.REFUND,
    "refund.failed": EventKind.REFUND,
    "charge.dispute.created": EventKind.DISPUTE,
    "charge.dispute.updated": EventKind.DISPUTE,
    "charge.dispute.closed": EventKind.DISPUTE,
    "charge.dispute.funds_withdrawn": EventKind.DISPUTE,
    "charge.dispute.funds_reinstated": EventKind.DISPUTE,
    "payout.paid": EventKind.PAYOUT,
    "payout.failed": EventKind.PAYOUT,
}


def event_of(body: bytes) -> ProviderEvent:
    """The event in a message. Of a session its own id names the payment, of all else the intent's.

    Only id and type must be there: a message that says less than we expect is kept all the same.
    """
    content = msgspec.json.decode(body)
    held = (content.get("data") or {}).get("object") or {}
    own = held.get("object") in {"payment_intent", "checkout.session"}
    return ProviderEvent(
        id=content["id"],
        type=content["type"],
        kind=_EVENT_KINDS.get(content["type"], EventKind.UNKNOWN),
        object_id=str(held.get("id", "")),
        payment_id=held.get("id") if own else held.get("payment_intent"),
        reference=(held.get("metadata") or {}).get("payment_id"),
        occurred_at=datetime.fromtimestamp(content.get("created", 0), UTC),
    )


# What of a message is kept: ids, states, sums and times, under whatever they stand. A name, an address, an e-mail or a
# card cannot come through, whichever field a later version of Stripe's objects puts it in. ``metadata`` is our own.
_KEPT = frozenset({
    "amount", "amount_captured", "amount_received", "amount_refunded", "amount_subtotal", "amount_total", "api_version",
    "arrival_date", "automatic", "balance_transaction", "canceled_at", "cancellation_reason", "captured", "charge",
    "client_reference_id", "code", "created", "currency", "data", "decline_code", "disputed", "due_by",
    "evidence_details", "expires_at", "failure_code", "failure_reason", "has_evidence", "id", "idempotency_key",
    "last_payment_error", "latest_charge", "livemode", "metadata", "mode", "net", "object", "order_id", "paid",
    "payment_id", "payment_intent", "payment_status", "payout", "pending_webhooks", "reason", "refund", "refund_id",
    "refunded", "request", "source", "status", "type",
})  # fmt: skip
_NESTED = frozenset({"data", "object", "metadata", "last_payment_error", "evidence_details", "request", "latest_charge",
                     "payment_intent", "charge", "balance_transaction"})  # fmt: skip
_MACHINE_WORD = re.compile(r"[A-Za-z0-9_.:-]{0,120}")


def kept_of(body: bytes) -> bytes:
    """A verified message without whatever could be a person's: only known fields, and of texts only ids and words."""
    content = msgspec.json.decode(body)
    return msgspec.json.encode(_kept(content))


def _kept(held: dict[str, Any]) -> dict[str, Any]:
    kept = {}
    for key, value in held.items():
        if key not in _KEPT:
            continue
        if isinstance(value, dict):
            if key in _NESTED:
                kept[key] = _kept(value)
        elif not isinstance(value, list) and (not isinstance(value, str) or _MACHINE_WORD.fullmatch(value)):
            kept[key] = value
    return kept


class Translated:
    """Turns the SDK's exceptions into ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, _trace: object) -> None:
        if not isinstance(problem, stripe.StripeError):
            return
        log.warning(
            "provider refused or failed",
            kind=type(problem).__name__,
            code=problem.code,
            status=problem.http_status,
            request_id=problem.request_id,
        )
        if isinstance(problem, stripe.APIConnectionError):
            raise ProviderTimeout from problem
        if problem.code in {"charge_already_refunded", "amount_too_large"}:
            raise RefundExceedsPaid from problem
        if problem.code == "charge_disputed":
            raise RefundsFrozen from problem
        # A session that was to open long ago and would live too short now: it was never made, so it is refused.
        late = isinstance(problem, stripe.InvalidRequestError) and problem.param == "expires_at"
        if late or (isinstance(problem, stripe.CardError | stripe.InvalidRequestError) and problem.code in _REFUSED):
            raise PaymentFailed from problem
        raise ProviderError from problem


_DISPUTE_STATUS = {
    "warning_needs_response": DisputeStatus.INQUIRY,
    "warning_under_review": DisputeStatus.INQUIRY,
    "warning_closed": DisputeStatus.WITHDRAWN,
    "prevented": DisputeStatus.WITHDRAWN,
    "needs_response": DisputeStatus.OPEN,
    "under_review": DisputeStatus.OPEN,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}


def dispute_of(dispute: stripe.Dispute) -> ProviderDispute:
    """A dispute as it is at Stripe."""
    held = dispute.to_dict()
    due_by = (held.get("evidence_details") or {}).get("due_by")
    return ProviderDispute(
        id=held["id"],
        status=_DISPUTE_STATUS[held["status"]],
        amount=from_stripe(held["amount"], held["currency"]),
        reason=held.get("reason") or "unknown",
        answer_by=datetime.fromtimestamp(due_by, UTC) if due_by else None,
    )
