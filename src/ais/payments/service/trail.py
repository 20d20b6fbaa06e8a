"""What the audit trail says of payments, refunds and what pays."""

from __future__ import annotations

from ais.kit import encode_id, ids
from ais.payments.domain import Payment, Refund
from ais.platform.audit import Entry, Fields


def payment_entry(action: str, payment: Payment, *, before: Fields | None = None, after: Fields | None = None) -> Entry:
    """An entry about an attempt to pay."""
    subject = encode_id(ids.PAYMENT, payment.id)
    return Entry(action=action, subject=subject, order_id=payment.order_id, before=before, after=after)


def refund_entry(action: str, refund: Refund, *, before: Fields | None = None, after: Fields | None = None) -> Entry:
    """An entry about money that goes back."""
    subject = encode_id(ids.REFUND, refund.id)
    return Entry(action=action, subject=subject, order_id=refund.order_id, before=before, after=after)
