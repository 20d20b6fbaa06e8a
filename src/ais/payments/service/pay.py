"""Begin, call and settle an attempt to pay an order."""

from __future__ import annotations

from ais.kit import Money, encode_id, ids
from ais.kit.ids import PaymentId
from ais.ledger import post
from ais.payments import postings, repository
from ais.payments.domain import (
    OPEN_STATUSES,
    PAYMENT_TRANSITIONS,
    NewPayment,
    Payment,
    PaymentOpening,
    PaymentStatus,
    ProviderPayment,
    Settlement,
)
from ais.payments.ports import Gateways
from ais.payments.service.own import has_taken, where_it_lies
from ais.payments.service.trail import payment_entry
from ais.platform.audit import Entry, record
from ais.platform.database import UnitOfWork
from ais.platform.staff_queue import ask_staff


class OtherAttemptOpen(Exception):
    """Not a refusal: another attempt than the wanted one is open, and must be closed at its provider first."""

    def __init__(self, payment: Payment) -> None:
        super().__init__(f"payment {payment.id} is open")
        self.payment = payment


async def begin_payment(uow: UnitOfWork, wanted: NewPayment) -> Payment:
    """The one open attempt of the order: an existing one of this method, amount and source, else a new row.

    The caller holds the order's lock. Raises :class:`OtherAttemptOpen` if one of another method, amount or source is
    open.
    """
    for payment in await repository.payments_of_order(uow.connection, wanted.order_id):
        if not payment.is_open:
            continue
        same = (payment.amount, payment.method, payment.funding_id) == (wanted.amount, wanted.method, wanted.funding_id)
        if not same:
            raise OtherAttemptOpen(payment)
        return payment
    asked = {"method": wanted.method, "provider": wanted.provider, "amount": str(wanted.amount)}
    subject = encode_id(ids.PAYMENT, wanted.id)
    await record(uow, Entry(action="payment.begun", subject=subject, order_id=wanted.order_id, after=asked))
    return await repository.insert_payment(uow, wanted)


async def call_provider(gateways: Gateways, payment: Payment) -> ProviderPayment:
    """Open the attempt at the provider, or look at the one that is open there. No transaction may be running."""
    gateway = gateways.of(payment.provider)
    if payment.provider_payment_id is not None:
        return await gateway.retrieve(payment.provider_payment_id)
    return await gateway.create(
        PaymentOpening(
            reference=encode_id(ids.PAYMENT, payment.id),
            order_reference=encode_id(ids.ORDER, payment.order_id),
            method=payment.method,
            amount=payment.amount,
            description=payment.description,
            since=payment.created_at,
            expires_at=payment.expires_at,
            return_url=payment.return_url,
            cancel_url=payment.cancel_url,
            funding_id=payment.funding_id,
        )
    )


async def settle_payment(uow: UnitOfWork, payment_id: PaymentId, found: ProviderPayment) -> Settlement:
    """Write down what the provider holds now; harmless if repeated, late or out of order.

    A state that the attempt cannot move to (news from before) is ignored, and so is another object than the one that
    the attempt is known under. Money in another currency than asked for is put before staff; it is posted as it came,
    and the order neither counts nor keeps it.
    """
    payment = await repository.lock_payment(uow, payment_id)
    if payment is None:
        raise LookupError(f"payment {payment_id} is gone")
    unchanged = Settlement(payment, payment.received, moved=False, newly_succeeded=False)
    if payment.provider_payment_id not in {None, found.id}:
        return unchanged
    status = found.status
    moves = status != payment.status
    if moves and not PAYMENT_TRANSITIONS.allows(payment.status, status):
        return unchanged
    if not moves and _is_known(payment, found):
        return unchanged
    received = found.received if status is PaymentStatus.SUCCEEDED else Money(0, payment.amount.currency)
    settled = await repository.write_provider_state(
        uow,
        payment,
        found=found,
        status=status,
        received=received,
        failure_code=found.failure_code,
    )
    if moves:
        await record(uow, _moved(payment, settled))
    newly_succeeded = moves and status is PaymentStatus.SUCCEEDED
    if newly_succeeded:
        lies = await where_it_lies(uow.connection, settled, received)
        await post(uow, postings.captured(settled, received, lies))
        if not settled.is_counted:
            subject = encode_id(ids.PAYMENT, payment_id)
            await ask_staff(uow, "payment_currency", subject, asked=str(settled.amount), received=str(received))
    return Settlement(settled, received, moved=moves, newly_succeeded=newly_succeeded)


def _moved(before: Payment, payment: Payment) -> Entry:
    after: dict[str, str] = {"status": payment.status}
    if payment.status is PaymentStatus.SUCCEEDED:
        after["received"] = str(payment.received)
    if payment.failure_code is not None:
        after["failure_code"] = payment.failure_code
    return payment_entry(f"payment.{payment.status}", payment, before={"status": before.status}, after=after)


def _is_known(payment: Payment, found: ProviderPayment) -> bool:
    """Whether nothing but the status could be news."""
    return (
        payment.provider_payment_id == found.id
        and payment.failure_code == found.failure_code
        and found.capture_id in {None, payment.capture_id}
    )


async def close_uncalled_payment(uow: UnitOfWork, payment_id: PaymentId, reason: str) -> None:
    """End an attempt that the provider has refused to open; one that it knows, or that has ended, stays as it is, and
    so does one for which a twin of the refused call has taken money from an agency, a drawer or a credit meanwhile.
    """
    payment = await repository.lock_payment(uow, payment_id)
    if payment is None or not payment.is_open or payment.provider_payment_id is not None:
        return
    if not await has_taken(uow.connection, payment):
        await repository.close_payment(uow, payment, reason)
        await record(uow, payment_entry("payment.closed", payment, before={"status": payment.status}))


def open_attempts(payments: list[Payment]) -> list[Payment]:
    """Those from which money may still come."""
    return [payment for payment in payments if payment.status in OPEN_STATUSES]
