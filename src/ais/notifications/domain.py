"""What is told to people, and where each notice stands. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from ais.kit import Transitions, encode_id
from ais.kit.ids import OrderId

PREFIX = "ntc"
GIVE_UP_AFTER = timedelta(days=1)
_FIRST_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(minutes=30)


class NoticeKind(StrEnum):
    """What is told."""

    ORDER_CONFIRMED = "order_confirmed"
    PAYMENT_FAILED = "payment_failed"
    PAY_LINK = "pay_link"
    ORDER_EXPIRED = "order_expired"
    FLIGHT_CANCELLED = "flight_cancelled"
    ORDER_CANCELLED = "order_cancelled"
    REFUND_BEGUN = "refund_begun"
    REFUND_DONE = "refund_done"
    VERIFY_ADDRESS = "verify_address"
    ACCOUNT_EXISTS = "account_exists"
    RESET_PASSWORD = "reset_password"  # noqa: S105  # a kind
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # a kind
    SECOND_FACTOR_ADDED = "second_factor_added"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    NEW_DEVICE = "new_device"
    REFRESH_REUSED = "refresh_reused"
    APPROVAL_WAITING = "approval_waiting"


class NoticeStatus(StrEnum):
    """``failed`` waits for a person; ``withdrawn`` was no longer true when its turn came."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


NOTICE_TRANSITIONS: Transitions[NoticeStatus] = Transitions(
    "notice.status",
    {
        NoticeStatus.WAITING: (NoticeStatus.SENT, NoticeStatus.FAILED, NoticeStatus.WITHDRAWN),
        NoticeStatus.FAILED: (NoticeStatus.WAITING,),
        NoticeStatus.SENT: (),
        NoticeStatus.WITHDRAWN: (),
    },
)


class Notice(msgspec.Struct, frozen=True):
    """One thing to tell about an order, or about an account: then ``order_id`` is None.

    ``details`` holds ids; who is told, and what, is read when it is sent.

    ``cause`` is what happened, by its id: of one kind and cause there is one notice.
    """

    id: UUID
    kind: NoticeKind
    order_id: OrderId | None
    cause: str
    language: str
    details: dict[str, Any]
    status: NoticeStatus
    attempts: int
    created_at: datetime
    next_try_at: datetime
    give_up_at: datetime
    sent_at: datetime | None
    last_error: str | None

    @property
    def public_id(self) -> str:
        """How staff name it."""
        return encode_id(PREFIX, self.id)


def pause_after(attempts: int) -> timedelta:
    """How long a notice rests after so many tries have failed: 10 s, then twice as long each time, at most 30 min."""
    doublings = min(max(attempts - 1, 0), 20)
    return min(_FIRST_PAUSE * (1 << doublings), _LONGEST_PAUSE)


class Mail(msgspec.Struct, frozen=True):
    """A mail to one person. ``message_id`` is the notice's own, so that a mail that comes twice can be recognised."""

    message_id: str
    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    language: str
    written_at: datetime
