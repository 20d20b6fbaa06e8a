"""What happened to money, told by ids alone."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class RefundBegun(msgspec.Struct, frozen=True):
    """It is decided that money goes back to the payment it came from."""

    event_name: ClassVar[str] = "payments.refund_begun"
    refund_id: str
    order_id: str


class RefundSettled(msgspec.Struct, frozen=True):
    """A refund has reached its end, or was taken back."""

    event_name: ClassVar[str] = "payments.refund_settled"
    refund_id: str
    payment_id: str
    order_id: str
    status: str


class PaymentDisputed(msgspec.Struct, frozen=True):
    """A bank has taken money of a payment because its payer disputes it."""

    event_name: ClassVar[str] = "payments.payment_disputed"
    dispute_id: str
    payment_id: str
    order_id: str


class DisputeClosed(msgspec.Struct, frozen=True):
    """The bank has decided: ``won``, the money is back, or ``lost``."""

    event_name: ClassVar[str] = "payments.dispute_closed"
    dispute_id: str
    payment_id: str
    order_id: str
    status: str
