"""Payments in three steps, so that no transaction waits for the provider: begin (tx), call (no tx), settle (tx).

The edge runs the steps; what dies in between is found by ``unfinished_payments`` and ``pending_refunds`` and ends by
the same calls. The provider keys every call by our own ids, so a repeat is the same payment or refund there.
"""

from __future__ import annotations

from datetime import datetime

from ais.kit import Money, encode_id, ids
from ais.kit.ids import OrderId, PaymentId, RefundId
from ais.payments import repository
from ais.payments.domain import (
    OPEN_STATUSES,
    PAYMENT_TRANSITIONS,
    REFUND_TRANSITIONS,
    Payment,
    PaymentMethod,
    PaymentReported,
    PaymentStatus,
    ProviderPayment,
    ProviderRefund,
    Refund,
    RefundSettled,
    RefundStatus,
    Settlement,
)
from ais.payments.errors import PaymentProcessing, RefundExceedsPaid
from ais.payments.ports import PaymentGateway
from ais.platform.database import Database, UnitOfWork
from ais.platform.staff_queue import ask_staff, resolve_staff_queue


async def begin_payment(
    uow: UnitOfWork,
    gateway_name: str,
    payment_id: PaymentId,
    order_id: OrderId,
    method: PaymentMethod,
    amount: Money,
    expires_at: datetime,
    point_of_sale: str | None,
) -> Payment:
    """The one open attempt of the order: an existing one of this method and amount, else a new row.

    The caller holds the order's lock. An open attempt of another method or amount must have been closed before, else
    :class:`PaymentProcessing`.
    """
    for payment in await repository.payments_of_order(uow.connection, order_id):
        if not payment.is_open:
            continue
        if payment.amount != amount or payment.method != method:
            raise PaymentProcessing
        return payment
    return await repository.insert_payment(
        uow, payment_id, order_id, method, gateway_name, amount, expires_at, point_of_sale
    )


async def call_provider(gateway: PaymentGateway, payment: Payment) -> ProviderPayment:
    """Open the attempt at the provider, or look at the one that is open there. No transaction may be running."""
    if payment.provider_payment_id is not None:
        return await gateway.retrieve(payment.provider_payment_id)
    reference = encode_id(ids.PAYMENT, payment.id)
    return await gateway.create(
        payment.amount,
        reference=reference,
        order_reference=encode_id(ids.ORDER, payment.order_id),
        key=reference,
        since=payment.created_at,
    )


async def settle_payment(uow: UnitOfWork, payment_id: PaymentId, found: ProviderPayment) -> Settlement:
    """Write down what the provider holds now; harmless if repeated, late or out of order.

    A state that the attempt cannot move to (news from before) is ignored, and so is another object than the one that
    the attempt is known under. Money in another currency than asked for is not counted: it goes to the staff queue, and
    the attempt ends.
    """
    payment = await repository.lock_payment(uow, payment_id)
    if payment is None:
        raise LookupError(f"payment {payment_id} is gone")
    unchanged = Settlement(payment, payment.received, moved=False, newly_succeeded=False)
    if payment.provider_payment_id not in {None, found.id}:
        return unchanged
    status = found.status
    if status is PaymentStatus.SUCCEEDED and found.received.currency != payment.amount.currency:
        await ask_staff(
            uow, "payment_currency", encode_id(ids.PAYMENT, payment_id), asked=payment.amount.currency,
            received=found.received.currency,
        )  # fmt: skip
        if not payment.is_open:
            return unchanged
        ended = await repository.write_provider_state(
            uow,
            payment,
            provider_payment_id=found.id,
            status=PaymentStatus.CANCELLED,
            received=Money(0, payment.amount.currency),
            failure_code="currency",
        )
        return Settlement(ended, payment.received, moved=True, newly_succeeded=False)
    moves = status != payment.status
    if moves and not PAYMENT_TRANSITIONS.allows(payment.status, status):
        return unchanged
    if not moves and payment.provider_payment_id == found.id and payment.failure_code == found.failure_code:
        return unchanged
    received = found.received if status is PaymentStatus.SUCCEEDED else Money(0, payment.amount.currency)
    settled = await repository.write_provider_state(
        uow,
        payment,
        provider_payment_id=found.id,
        status=status,
        received=received,
        failure_code=found.failure_code,
    )
    return Settlement(
        settled,
        received,
        moved=moves,
        newly_succeeded=moves and status is PaymentStatus.SUCCEEDED,
    )


async def close_uncalled_payment(uow: UnitOfWork, payment_id: PaymentId, reason: str) -> None:
    """End an attempt that the provider has refused to open; one that it knows, or that has ended, stays as it is."""
    payment = await repository.lock_payment(uow, payment_id)
    if payment is not None and payment.is_open and payment.provider_payment_id is None:
        await repository.close_payment(uow, payment, reason)


async def begin_refund(
    uow: UnitOfWork, refund_id: RefundId, payment_id: PaymentId, amount: Money, reason: str
) -> Refund:
    """Decide to send ``amount`` back to the payment it came from; a job carries it out. Repeating it is harmless.

    Raises :class:`RefundExceedsPaid` if less than ``amount`` was received and not yet given back.
    """
    payment = await repository.lock_payment(uow, payment_id)
    if payment is None:
        raise LookupError(f"payment {payment_id} is gone")
    known = await repository.find_refund(uow.connection, refund_id)
    if known is not None:
        return known
    if amount.minor > payment.received.minor - payment.refunded.minor or amount.currency != payment.amount.currency:
        raise RefundExceedsPaid(asked=str(amount), refundable=str(payment.received - payment.refunded))
    refund = await repository.insert_refund(uow, refund_id, payment, amount, reason)
    uow.enqueue("payments.refund", {"refund_id": str(refund_id)}, dedupe_key=f"refund:{refund_id}")
    return refund


async def call_refund(database: Database, gateway: PaymentGateway, refund_id: RefundId) -> ProviderRefund | None:
    """Ask the provider for the refund, or look at the one it has; None if there is nothing more to ask."""
    async with database.connection() as connection:
        refund = await repository.find_refund(connection, refund_id)
        if refund is None or refund.status is RefundStatus.FAILED:
            return None
        payment = await repository.find_payment(connection, refund.payment_id)
    if payment is None or payment.provider_payment_id is None:
        raise LookupError(f"refund {refund_id} has no payment at the provider")
    if refund.provider_refund_id is not None:
        return await gateway.retrieve_refund(refund.provider_refund_id)
    reference = encode_id(ids.REFUND, refund_id)
    return await gateway.refund(payment.provider_payment_id, refund.amount, reference=reference, key=reference)


async def settle_refund(uow: UnitOfWork, refund_id: RefundId, found: ProviderRefund) -> None:
    """Write down what became of the refund; one that failed goes to the staff queue."""
    refund = await repository.lock_refund(uow, refund_id)
    if refund is None:
        raise LookupError(f"refund {refund_id} is gone")
    moves = found.status != refund.status
    if moves and not REFUND_TRANSITIONS.allows(refund.status, found.status):
        return
    if not moves and refund.provider_refund_id == found.id:
        return
    await repository.write_refund_state(uow, refund, found.status, found.id, found.failure_code)
    subject = encode_id(ids.REFUND, refund_id)
    if found.status is RefundStatus.FAILED:
        await ask_staff(uow, "refund_failed", subject, failure_code=found.failure_code)
    elif found.status is RefundStatus.SUCCEEDED:
        await resolve_staff_queue(uow, "refund_failed", subject)
    if moves:
        _tell_settled(uow, refund, found.status)


async def refuse_refund(uow: UnitOfWork, refund_id: RefundId, failure_code: str) -> None:
    """End a refund that the provider will not carry out: nothing went back by it, and staff are asked."""
    refund = await repository.lock_refund(uow, refund_id)
    if refund is None or refund.status is not RefundStatus.PENDING:
        return
    await repository.write_refund_state(uow, refund, RefundStatus.FAILED, refund.provider_refund_id, failure_code)
    await ask_staff(uow, "refund_failed", encode_id(ids.REFUND, refund_id), failure_code=failure_code)
    _tell_settled(uow, refund, RefundStatus.FAILED)


def _tell_settled(uow: UnitOfWork, refund: Refund, status: RefundStatus) -> None:
    uow.publish(
        RefundSettled(
            refund_id=str(refund.id),
            payment_id=str(refund.payment_id),
            order_id=str(refund.order_id),
            status=status,
        )
    )


async def receive_event(uow: UnitOfWork, gateway: PaymentGateway, body: bytes, signature: str) -> bool:
    """Store a verified message of the provider and tell whoever settles; answers whether it is new.

    A message that names no payment is kept and ignored. One about a refund of ours asks for that refund to be looked at
    too: it may have ended, or a success may have been taken back. Raises ``SignatureInvalid``.
    """
    event = gateway.verify_event(body, signature)
    if not await repository.store_event(uow, gateway.name, event, body):
        return False
    if event.payment_id is None:
        await repository.mark_event(uow, gateway.name, event.id, "ignored")
        return True
    if event.object_type == "refund":
        refund_id = await repository.find_refund_at_provider(uow.connection, event.object_id)
        if refund_id is not None:
            uow.enqueue("payments.refund", {"refund_id": str(refund_id)}, dedupe_key=f"refund:{refund_id}")
    uow.publish(
        PaymentReported(
            provider=gateway.name,
            provider_event_id=event.id,
            provider_payment_id=event.payment_id,
            reference=event.reference,
        )
    )
    return True


async def mark_unmatched(uow: UnitOfWork, reported: PaymentReported) -> None:
    """The provider reports a payment that is not ours: kept, and put before staff."""
    await repository.mark_event(uow, reported.provider, reported.provider_event_id, "unmatched")
    await ask_staff(uow, "payment_unknown", f"{reported.provider}:{reported.provider_payment_id}")


def open_attempts(payments: list[Payment]) -> list[Payment]:
    """Those from which money may still come."""
    return [payment for payment in payments if payment.status in OPEN_STATUSES]
