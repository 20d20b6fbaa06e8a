"""What a payment is and may become. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from ais.kit import Money, Transitions
from ais.kit.ids import AgencyId, CashShiftId, DisputeId, OrderId, PaymentId, RefundId, TravelCreditId


class PaymentMethod(StrEnum):
    """How the payer pays."""

    CARD = "card"  # the payer's own client collects the card by the provider's library
    CHECKOUT = "checkout"  # the provider's hosted page
    PAY_LINK = "pay_link"  # a hosted page whose address an agent has mailed
    AGENCY_DEPOSIT = "agency_deposit"  # an agency's deposit with the airline, or its credit
    CASH = "cash"  # over a counter, in a shift
    TRAVEL_CREDIT = "travel_credit"  # what an earlier refund left with the airline


HOSTED = frozenset({PaymentMethod.CHECKOUT, PaymentMethod.PAY_LINK})


class PaymentStatus(StrEnum):
    """The attempt's state, as the provider last told it.

    ``failed`` is a declined card: the same attempt may be tried again with another one while the seats are held.
    """

    REQUIRES_PAYMENT = "requires_payment"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATUSES = (
    PaymentStatus.REQUIRES_PAYMENT,
    PaymentStatus.REQUIRES_ACTION,
    PaymentStatus.PROCESSING,
    PaymentStatus.FAILED,
)

PAYMENT_TRANSITIONS: Transitions[PaymentStatus] = Transitions(
    "payment.status",
    {
        PaymentStatus.REQUIRES_PAYMENT: (
            PaymentStatus.REQUIRES_ACTION,
            PaymentStatus.PROCESSING,
            PaymentStatus.SUCCEEDED,
            PaymentStatus.FAILED,
            PaymentStatus.CANCELLED,
        ),
        PaymentStatus.REQUIRES_ACTION: (
            PaymentStatus.REQUIRES_PAYMENT,
            PaymentStatus.PROCESSING,
            PaymentStatus.SUCCEEDED,
            PaymentStatus.FAILED,
            PaymentStatus.CANCELLED,
        ),
        PaymentStatus.PROCESSING: (
            PaymentStatus.REQUIRES_PAYMENT,
            PaymentStatus.SUCCEEDED,
            PaymentStatus.FAILED,
            PaymentStatus.CANCELLED,
        ),
        PaymentStatus.FAILED: (
            PaymentStatus.REQUIRES_PAYMENT,
            PaymentStatus.REQUIRES_ACTION,
            PaymentStatus.PROCESSING,
            PaymentStatus.SUCCEEDED,
            PaymentStatus.CANCELLED,
        ),
        PaymentStatus.SUCCEEDED: (),
        PaymentStatus.CANCELLED: (),
    },
)


class RefundStatus(StrEnum):
    """``pending`` from the moment it is decided until the provider has decided."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


REFUND_TRANSITIONS: Transitions[RefundStatus] = Transitions(
    "refund.status",
    {
        RefundStatus.PENDING: (RefundStatus.SUCCEEDED, RefundStatus.FAILED),
        # A provider may take a success back when the bank returns the money.
        RefundStatus.SUCCEEDED: (RefundStatus.FAILED,),
        RefundStatus.FAILED: (),
    },
)


class RefundDestination(StrEnum):
    """Where a refund goes: back to the payment it came from, or into travel credit with the airline."""

    ORIGINAL_PAYMENT = "original_payment"
    TRAVEL_CREDIT = "travel_credit"


class Payment(msgspec.Struct, frozen=True):
    """One attempt to pay an order. ``refunded`` counts what was given back or is on its way.

    ``amount`` is what was asked for, in the order's currency; ``received`` and ``refunded`` are in the currency of the
    money that came.
    ``capture_id`` is what the provider calls the money itself (refunds and disputes name it), once it is known;
    ``funding_id`` the agency, shift or travel credit that pays, of a provider of our own.
    """

    id: PaymentId
    order_id: OrderId
    method: PaymentMethod
    provider: str
    provider_payment_id: str | None
    status: PaymentStatus
    amount: Money
    received: Money
    refunded: Money
    failure_code: str | None
    channel: str
    seller_id: str | None
    created_at: datetime
    expires_at: datetime
    capture_id: str | None = None
    return_url: str | None = None
    cancel_url: str | None = None
    description: str = ""
    funding_id: UUID | None = None

    @property
    def is_open(self) -> bool:
        """Whether money may still come from this attempt."""
        return self.status in OPEN_STATUSES

    @property
    def is_counted(self) -> bool:
        """Whether its money counts for the order: what came in another currency than was asked for never does."""
        return self.received.currency == self.amount.currency


class NewPayment(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt to be: whoever begins it holds the order's lock and has decided what is due."""

    id: PaymentId
    order_id: OrderId
    method: PaymentMethod
    provider: str
    amount: Money
    expires_at: datetime
    point_of_sale: str | None
    description: str = ""
    return_url: str | None = None
    cancel_url: str | None = None
    funding_id: UUID | None = None


class Refund(msgspec.Struct, frozen=True):
    """Money on its way back from a payment."""

    id: RefundId
    payment_id: PaymentId
    order_id: OrderId
    amount: Money
    status: RefundStatus
    reason: str
    provider_refund_id: str | None
    destination: RefundDestination = RefundDestination.ORIGINAL_PAYMENT


class PaymentOpening(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider is told to open. The same attempt always says the same, so that its key can be repeated.

    ``reference`` is our payment's id, kept by the provider with the payment, and the key of the call; ``since`` is when
    the attempt began: nothing under this reference can be older at the provider. A hosted page needs ``return_url``.
    """

    reference: str
    order_reference: str
    method: PaymentMethod
    amount: Money
    description: str
    since: datetime
    expires_at: datetime
    return_url: str | None
    cancel_url: str | None
    funding_id: UUID | None


class ProviderPayment(msgspec.Struct, frozen=True):
    """A payment as the provider holds it now. ``received`` is what it has really taken; ``capture_id`` what it calls
    that money, ``checkout_url`` where a person pays.
    """

    id: str
    status: PaymentStatus
    amount: Money
    received: Money
    client_secret: str | None
    reference: str | None
    failure_code: str | None
    checkout_url: str | None = None
    capture_id: str | None = None


class ProviderRefund(msgspec.Struct, frozen=True):
    """A refund as the provider holds it now; ``reference`` is our refund's id, None for one made at its side."""

    id: str
    status: RefundStatus
    failure_code: str | None
    amount: Money
    reference: str | None


class EventKind(StrEnum):
    """What a provider's message is about, and so what is looked at."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    PAYOUT = "payout"
    UNKNOWN = "unknown"  # stored and counted


class ProviderEvent(msgspec.Struct, frozen=True):
    """A message of the provider: only a hint, whose object is retrieved before anything is done.

    ``payment_id`` is what the provider calls the payment or its money; ``reference`` is what we gave it with the
    payment, if the message repeats it. ``occurred_at`` is the provider's time.
    """

    id: str
    type: str
    kind: EventKind
    object_id: str
    payment_id: str | None
    reference: str | None
    occurred_at: datetime


class EventState(StrEnum):
    """What became of a message. ``unmatched`` and ``dead`` are the dead letters: tried as often as is sensible, the
    first about an object that is not ours, the second failing. Staff may replay whatever has ended.
    """

    STORED = "stored"
    HANDLED = "handled"
    IGNORED = "ignored"
    UNMATCHED = "unmatched"
    DEAD = "dead"


DEAD_LETTERS = (EventState.UNMATCHED, EventState.DEAD)

EVENT_TRANSITIONS: Transitions[EventState] = Transitions(
    "provider_event.state",
    {
        EventState.STORED: (EventState.HANDLED, EventState.IGNORED, EventState.UNMATCHED, EventState.DEAD),
        EventState.HANDLED: (EventState.STORED,),
        EventState.IGNORED: (EventState.STORED,),
        EventState.UNMATCHED: (EventState.STORED,),
        EventState.DEAD: (EventState.STORED,),
    },
)


class StoredEvent(msgspec.Struct, frozen=True):
    """A message as it is kept. ``payment_id`` is the payment that staff have tied it to, if they had to."""

    provider: str
    event_id: str
    type: str
    object_id: str
    state: EventState
    deliveries: int
    attempts: int
    last_error: str | None
    payment_id: PaymentId | None
    received_at: datetime
    handled_at: datetime | None
    next_attempt_at: datetime | None
    body: bytes = b""


class EventAttempt(msgspec.Struct, frozen=True):
    """One try to handle a message, or a person's replay of it."""

    outcome: str
    detail: str | None
    actor: str
    recorded_at: datetime


class Settlement(msgspec.Struct, frozen=True):
    """What settling an attempt found: the attempt now, and whether this call is the one that saw it move or succeed."""

    payment: Payment
    received: Money
    moved: bool
    newly_succeeded: bool


class TravelCredit(msgspec.Struct, frozen=True):
    """Money that the airline owes in travel: issued by a refund, spent in parts, gone when it expires.

    Whoever knows the ``code`` may pay with it, so it stands in no log, event or job. ``balance`` is what is left.
    """

    id: TravelCreditId
    code: str
    order_id: OrderId
    issued: Money
    balance: Money
    expires_at: datetime
    created_at: datetime


class CreditMovement(StrEnum):
    """Why a travel credit's balance moved: up by ``issued`` and ``returned``, down by ``spent`` and ``expired``."""

    ISSUED = "issued"
    SPENT = "spent"
    RETURNED = "returned"
    EXPIRED = "expired"


TRAVEL_CREDIT_VALIDITY = timedelta(days=365)


class Agency(msgspec.Struct, frozen=True):
    """A travel agency that has a deposit with the airline; ``balance`` below zero is what it owes, never beyond its
    ``credit_limit``.
    """

    id: AgencyId
    code: str
    name: str
    balance: Money
    credit_limit: Money
    created_at: datetime

    @property
    def available(self) -> Money:
        """What its agents may still spend."""
        return self.balance + self.credit_limit


class AgencyMovement(msgspec.Struct, frozen=True):
    """A line of an agency's statement: ``topped_up`` and ``returned`` add, ``paid`` takes. ``balance`` is after it."""

    id: int
    kind: str
    amount: Money
    balance: Money
    reference: str | None
    cause_id: UUID
    actor: str
    recorded_at: datetime

    @property
    def of_deposit(self) -> Money:
        """By how much the agency's deposit with us shrank; the rest of the amount is what it owes."""
        before, after = self.balance.minor - self.amount.minor, self.balance.minor
        return Money(max(before, 0) - max(after, 0), self.amount.currency)

    @property
    def of_receivable(self) -> Money:
        """By how much what the agency owes us grew."""
        before, after = self.balance.minor - self.amount.minor, self.balance.minor
        return Money(max(-after, 0) - max(-before, 0), self.amount.currency)


class ShiftStatus(StrEnum):
    """A shift is open until its drawer has been counted."""

    OPEN = "open"
    CLOSED = "closed"


SHIFT_TRANSITIONS: Transitions[ShiftStatus] = Transitions(
    "cash_shift.status", {ShiftStatus.OPEN: (ShiftStatus.CLOSED,), ShiftStatus.CLOSED: ()}
)


class CashShift(msgspec.Struct, frozen=True):
    """One drawer at one counter from opening to counting."""

    id: CashShiftId
    office: str
    clerk: str
    status: ShiftStatus
    opening_float: Money
    taken: Money
    paid_out: Money
    counted: Money | None
    opened_at: datetime
    closed_at: datetime | None
    written_off_at: datetime | None

    @property
    def expected(self) -> Money:
        """What should be in the drawer."""
        return self.opening_float + self.taken - self.paid_out

    @property
    def difference(self) -> Money | None:
        """What was counted less what should have been there."""
        return self.counted - self.expected if self.counted is not None else None


class CashReceipt(msgspec.Struct, frozen=True):
    """Cash that was taken (positive) or paid out; the number is the office's own, in sequence, never used again."""

    number: int
    office: str
    shift_id: CashShiftId
    kind: str
    amount: Money
    cause_id: UUID
    recorded_at: datetime

    @property
    def printed(self) -> str:
        """The number as it is printed: ``RUH01-000042``."""
        return f"{self.office}-{self.number:06d}"


class DisputeStatus(StrEnum):
    """``inquiry``: the bank asks, nothing was taken; ``withdrawn``: it asks no more. ``open``: the money was taken and
    the bank decides; ``won``: it came back; ``lost``: it is gone.
    """

    INQUIRY = "inquiry"
    WITHDRAWN = "withdrawn"
    OPEN = "open"
    WON = "won"
    LOST = "lost"


DISPUTE_TRANSITIONS: Transitions[DisputeStatus] = Transitions(
    "dispute.status",
    {
        DisputeStatus.INQUIRY: (DisputeStatus.WITHDRAWN, DisputeStatus.OPEN),
        DisputeStatus.WITHDRAWN: (),
        DisputeStatus.OPEN: (DisputeStatus.WON, DisputeStatus.LOST),
        DisputeStatus.WON: (),
        DisputeStatus.LOST: (),
    },
)


class Dispute(msgspec.Struct, frozen=True):
    """A payer's claim at the bank; ``answer_by`` is until when evidence may be given."""

    id: DisputeId
    payment_id: PaymentId
    order_id: OrderId
    provider_dispute_id: str
    amount: Money
    reason: str
    status: DisputeStatus
    answer_by: datetime | None
    opened_at: datetime
    closed_at: datetime | None


class ProviderDispute(msgspec.Struct, frozen=True):
    """A dispute as the provider holds it now."""

    id: str
    status: DisputeStatus
    amount: Money
    reason: str
    answer_by: datetime | None
