"""The wire types of payments for staff. Absent values are null."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ais.kit import PRINTED, Money, ValidationFailed, encode_id, ids
from ais.payments.domain import (
    Agency,
    AgencyMovement,
    CashReceipt,
    CashShift,
    Dispute,
    DisputeStatus,
    EventAttempt,
    EventState,
    Refund,
    RefundDestination,
    RefundStatus,
    ShiftStatus,
    StoredEvent,
)


class WebhookEventBody(Struct, frozen=True):
    """What a provider told us. ``payment_id`` is set where staff have tied it to a payment."""

    id: str
    provider: str
    type: str
    object_id: str
    state: EventState
    deliveries: int
    attempts: int
    last_error: str | None
    payment_id: str | None
    received_at: datetime
    handled_at: datetime | None
    next_attempt_at: datetime | None


class EventAttemptBody(Struct, frozen=True):
    """One try to handle it, or a person's replay."""

    outcome: str
    detail: str | None
    actor: str
    recorded_at: datetime


class WebhookEventDetail(Struct, frozen=True):
    """The message as it came, and what was tried with it, oldest first."""

    event: WebhookEventBody
    attempts: list[EventAttemptBody]
    content: Any


class ReplayRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Handle a message again."""

    payment_id: Annotated[str, Meta(max_length=60)] | None = None


def event_body(event: StoredEvent) -> WebhookEventBody:
    """The message without its content."""
    return WebhookEventBody(
        id=event.event_id,
        provider=event.provider,
        type=event.type,
        object_id=event.object_id,
        state=event.state,
        deliveries=event.deliveries,
        attempts=event.attempts,
        last_error=event.last_error,
        payment_id=encode_id(ids.PAYMENT, event.payment_id) if event.payment_id is not None else None,
        received_at=event.received_at,
        handled_at=event.handled_at,
        next_attempt_at=event.next_attempt_at,
    )


def event_detail(event: StoredEvent, attempts: list[EventAttempt]) -> WebhookEventDetail:
    """The whole message."""
    return WebhookEventDetail(
        event=event_body(event),
        attempts=[EventAttemptBody(each.outcome, each.detail, each.actor, each.recorded_at) for each in attempts],
        content=msgspec.json.decode(event.body),
    )


Code = Annotated[str, Meta(pattern="^[A-Z0-9]{3,12}$")]
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=PRINTED)]


class AmountBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A sum that staff have seen: a decimal string with the currency's digits."""

    amount: Annotated[str, Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,3})?$")]
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]


class AgencyRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A new agency; it works in the currency of its credit limit, which may be zero."""

    code: Code
    name: Name
    credit_limit: AmountBody


class TopUpRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Money of the agency that has come to the airline's bank, under the bank's reference."""

    amount: AmountBody
    reference: Name


class CreditLimitRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """How much the agency may owe."""

    credit_limit: AmountBody


class SumBody(Struct, frozen=True):
    """A sum, which may be below zero."""

    amount: str
    currency: str


class AgencyBody(Struct, frozen=True):
    """An agency; a balance below zero is what it owes, `available` what its agents may still spend."""

    id: str
    code: str
    name: str
    balance: SumBody
    credit_limit: SumBody
    available: SumBody
    created_at: datetime


class AgencyMovementBody(Struct, frozen=True):
    """A line of the statement: `topped_up` and `returned` add, `paid` takes; the balance is after it."""

    kind: str
    amount: SumBody
    balance: SumBody
    reference: str | None
    recorded_at: datetime


class AgencyStatement(Struct, frozen=True):
    """An agency and its movements, oldest first."""

    agency: AgencyBody
    movements: list[AgencyMovementBody]


class OfficeRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A place with counters."""

    code: Code
    name: Name
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]


class ShiftRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Open a drawer: whose it is (a staff number, no name) and what was put in."""

    office: Code
    clerk: Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,60}$")]
    opening_float: AmountBody


class CountRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What was counted in the drawer."""

    counted: AmountBody


class WriteOffRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why the difference of a drawer is given up; kept with the audit trail."""

    reason: Name


class PayOutRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A refund that waits at a counter."""

    refund_id: Annotated[str, Meta(max_length=60)]


class ShiftBody(Struct, frozen=True):
    """A shift; `difference` is what was counted less what should have been there."""

    id: str
    office: str
    clerk: str
    status: ShiftStatus
    opening_float: SumBody
    taken: SumBody
    paid_out: SumBody
    expected: SumBody
    counted: SumBody | None
    difference: SumBody | None
    opened_at: datetime
    closed_at: datetime | None
    written_off_at: datetime | None


class ReceiptBody(Struct, frozen=True):
    """Cash over the counter under the office's receipt number."""

    receipt: str
    shift_id: str
    kind: str
    amount: SumBody
    recorded_at: datetime


class TravelCreditLookup(Struct, frozen=True, forbid_unknown_fields=True):
    """The code of a travel credit, with or without hyphens."""

    code: Annotated[str, Meta(min_length=1, max_length=40)]


class TravelCreditBody(Struct, frozen=True):
    """What is left of a travel credit, and until when."""

    balance: SumBody
    issued: SumBody
    expires_at: datetime


def read_amount(field: str, given: AmountBody) -> Money:
    """The sum; raises :class:`ValidationFailed` for digits that the currency does not have."""
    try:
        return Money.parse(given.amount, given.currency)
    except ValueError:
        raise ValidationFailed([(field, "is not an amount of a currency that is known")]) from None


def sum_body(money: Money) -> SumBody:
    """Its wire form."""
    return SumBody(money.amount, money.currency)


def agency_body(agency: Agency) -> AgencyBody:
    """Its wire form."""
    return AgencyBody(
        id=encode_id(ids.AGENCY, agency.id),
        code=agency.code,
        name=agency.name,
        balance=sum_body(agency.balance),
        credit_limit=sum_body(agency.credit_limit),
        available=sum_body(agency.available),
        created_at=agency.created_at,
    )


def movement_body(movement: AgencyMovement) -> AgencyMovementBody:
    """Its wire form."""
    return AgencyMovementBody(
        movement.kind,
        sum_body(movement.amount),
        sum_body(movement.balance),
        movement.reference,
        movement.recorded_at,
    )


def statement_csv(movements: list[AgencyMovement]) -> str:
    """The statement as CSV (RFC 4180), one line a movement, sums as decimal strings."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("recorded_at", "kind", "amount", "balance", "currency", "reference"))
    for each in movements:
        row = (each.recorded_at.isoformat(), each.kind, each.amount.amount, each.balance.amount, each.amount.currency)
        # A sheet would take a reference that begins like a formula for one.
        reference = each.reference or ""
        writer.writerow((*row, f"'{reference}" if reference.startswith(("=", "+", "-", "@")) else reference))
    return out.getvalue()


def shift_body(shift: CashShift) -> ShiftBody:
    """Its wire form."""
    return ShiftBody(
        id=encode_id(ids.CASH_SHIFT, shift.id),
        office=shift.office,
        clerk=shift.clerk,
        status=shift.status,
        opening_float=sum_body(shift.opening_float),
        taken=sum_body(shift.taken),
        paid_out=sum_body(shift.paid_out),
        expected=sum_body(shift.expected),
        counted=sum_body(shift.counted) if shift.counted is not None else None,
        difference=sum_body(shift.difference) if shift.difference is not None else None,
        opened_at=shift.opened_at,
        closed_at=shift.closed_at,
        written_off_at=shift.written_off_at,
    )


def receipt_body(receipt: CashReceipt) -> ReceiptBody:
    """Its wire form."""
    return ReceiptBody(
        receipt.printed,
        encode_id(ids.CASH_SHIFT, receipt.shift_id),
        receipt.kind,
        sum_body(receipt.amount),
        receipt.recorded_at,
    )


class RefundBody(Struct, frozen=True):
    """A refund; `failure_code` says why it failed."""

    id: str
    payment_id: str
    order_id: str
    amount: SumBody
    status: RefundStatus
    destination: RefundDestination
    reason: str
    failure_code: str | None
    provider_refund_id: str | None
    created_at: datetime | None


class RetryRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Try a failed refund again, to where it came from or into travel credit."""

    to: RefundDestination = RefundDestination.ORIGINAL_PAYMENT


def refund_body(refund: Refund, failure_code: str | None = None, created_at: datetime | None = None) -> RefundBody:
    """Its wire form."""
    return RefundBody(
        id=encode_id(ids.REFUND, refund.id),
        payment_id=encode_id(ids.PAYMENT, refund.payment_id),
        order_id=encode_id(ids.ORDER, refund.order_id),
        amount=sum_body(refund.amount),
        status=refund.status,
        destination=refund.destination,
        reason=refund.reason,
        failure_code=failure_code,
        provider_refund_id=refund.provider_refund_id,
        created_at=created_at,
    )


class DisputeBody(Struct, frozen=True):
    """A dispute; one that is `lost` has taken its amount for good."""

    id: str
    payment_id: str
    order_id: str
    provider_dispute_id: str
    amount: SumBody
    status: DisputeStatus
    reason: str
    answer_by: datetime | None
    opened_at: datetime
    closed_at: datetime | None


def dispute_body(dispute: Dispute) -> DisputeBody:
    """Its wire form."""
    return DisputeBody(
        id=encode_id(ids.DISPUTE, dispute.id),
        payment_id=encode_id(ids.PAYMENT, dispute.payment_id),
        order_id=encode_id(ids.ORDER, dispute.order_id),
        provider_dispute_id=dispute.provider_dispute_id,
        amount=sum_body(dispute.amount),
        status=dispute.status,
        reason=dispute.reason,
        answer_by=dispute.answer_by,
        opened_at=dispute.opened_at,
        closed_at=dispute.closed_at,
    )
