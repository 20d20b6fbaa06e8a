"""Begin, call and settle money that goes back."""

from __future__ import annotations

from uuid import uuid5

from ais.kit import Actor, Money, decode_id, encode_id, ids
from ais.kit.ids import PaymentId, RefundId
from ais.ledger import Account, order_balances, post
from ais.payments import postings, repository
from ais.payments.domain import REFUND_TRANSITIONS, Payment, ProviderRefund, Refund, RefundDestination, RefundStatus
from ais.payments.errors import RefundExceedsPaid, RefundsFrozen
from ais.payments.events import RefundBegun, RefundSettled
from ais.payments.ports import Gateways
from ais.payments.service.own import where_it_lies
from ais.payments.service.trail import refund_entry
from ais.platform.audit import record
from ais.platform.database import Database, UnitOfWork
from ais.platform.staff_queue import ask_staff, resolve_staff_queue

AT_PROVIDER = "made at the provider"


async def begin_refund(
    uow: UnitOfWork, refund_id: RefundId, payment_id: PaymentId, amount: Money, reason: str
) -> Refund:
    """Decide to send ``amount`` back to the payment it came from; a job carries it out. Repeating it is harmless.

    Raises :class:`RefundExceedsPaid` if less than ``amount`` was received and not yet given back or lost in a dispute,
    :class:`RefundsFrozen` while one is open.
    """
    payment = await lock_payment(uow, payment_id)
    known = await repository.find_refund(uow.connection, refund_id)
    if known is not None:
        return known
    await require_undisputed(uow, payment, amount)
    refund = await repository.insert_refund(uow, refund_id, payment, amount, reason)
    await record(uow, refund_entry("refund.begun", refund, after={"amount": str(amount)}))
    uow.publish(RefundBegun(refund_id=str(refund_id), order_id=str(payment.order_id)))
    uow.enqueue("payments.refund", {"refund_id": str(refund_id)}, dedupe_key=f"refund:{refund_id}")
    return refund


async def lock_payment(uow: UnitOfWork, payment_id: PaymentId) -> Payment:
    """The payment, locked; raises LookupError if it is gone."""
    payment = await repository.lock_payment(uow, payment_id)
    if payment is None:
        raise LookupError(f"payment {payment_id} is gone")
    return payment


def require_refundable(payment: Payment, amount: Money) -> None:
    """Raise :class:`RefundExceedsPaid` unless so much was received by the locked payment and not yet given back."""
    if amount.currency != payment.received.currency or amount > payment.received - payment.refunded:
        raise RefundExceedsPaid(asked=str(amount), refundable=str(payment.received - payment.refunded))


async def require_undisputed(uow: UnitOfWork, payment: Payment, amount: Money) -> None:
    """Raise :class:`RefundsFrozen` while a dispute of the locked payment is open, and :class:`RefundExceedsPaid` if
    ``amount`` is more than is left of it, lost disputes included.
    """
    is_open, lost = await repository.taken_by_disputes(uow.connection, payment.id)
    if is_open:
        raise RefundsFrozen
    require_refundable(payment, amount + Money(lost, amount.currency))


async def call_refund(database: Database, gateways: Gateways, refund_id: RefundId) -> ProviderRefund | None:
    """Ask the provider for the refund, or look at the one it has; None if there is nothing more to ask."""
    async with database.connection() as connection:
        refund = await repository.find_refund(connection, refund_id)
        if (
            refund is None
            or refund.status is RefundStatus.FAILED
            or refund.destination is not RefundDestination.ORIGINAL_PAYMENT
        ):
            return None
        payment = await repository.find_payment(connection, refund.payment_id)
    if payment is None or payment.provider_payment_id is None:
        raise LookupError(f"refund {refund_id} has no payment at the provider")
    gateway = gateways.of(payment.provider)
    if refund.provider_refund_id is not None:
        return await gateway.retrieve_refund(refund.provider_refund_id)
    reference = encode_id(ids.REFUND, refund_id)
    capture_id = payment.capture_id or payment.provider_payment_id
    return await gateway.refund(capture_id, refund.amount, reference=reference, key=reference)


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
        after = {"status": found.status, "amount": str(refund.amount)}
        before = {"status": refund.status}
        await record(uow, refund_entry(f"refund.{found.status}", refund, before=before, after=after))
        await _post_settled(uow, refund, found.status)
        tell_settled(uow, refund, found.status)


async def _post_settled(uow: UnitOfWork, refund: Refund, status: RefundStatus) -> None:
    """What reached its end left the books; a refusal changes nothing there, for the money is still owed."""
    payment = await repository.find_payment(uow.connection, refund.payment_id)
    if payment is None:
        raise LookupError(f"payment {refund.payment_id} is gone")
    if status is RefundStatus.SUCCEEDED:
        went = await where_it_lies(uow.connection, payment, -refund.amount, refund.id)
        await post(uow, postings.refunded(payment, refund, went))
    elif refund.status is RefundStatus.SUCCEEDED:
        came = await where_it_lies(uow.connection, payment, refund.amount, refund.id)
        await post(uow, postings.refund_taken_back(payment, refund, came))
        if refund.reason == AT_PROVIDER:
            await post(uow, postings.gift_taken_back(payment, refund))


async def refuse_refund(uow: UnitOfWork, refund_id: RefundId, failure_code: str) -> None:
    """End a refund that the provider will not carry out: nothing went back by it, and staff are asked."""
    refund = await repository.lock_refund(uow, refund_id)
    if refund is None or refund.status is not RefundStatus.PENDING:
        return
    await repository.write_refund_state(uow, refund, RefundStatus.FAILED, refund.provider_refund_id, failure_code)
    after = {"status": RefundStatus.FAILED, "failure_code": failure_code}
    await record(uow, refund_entry("refund.failed", refund, before={"status": refund.status}, after=after))
    await ask_staff(uow, "refund_failed", encode_id(ids.REFUND, refund_id), failure_code=failure_code)
    tell_settled(uow, refund, RefundStatus.FAILED)


async def follow_refunds(
    database: Database, gateways: Gateways, payment_id: PaymentId, actor: Actor, correlation_id: str
) -> None:
    """Bring all refunds of a payment to what they are at the provider, those that were made at its side too.

    Raises :class:`RefundExceedsPaid` while one of ours that the provider will refuse is still counted.
    """
    async with database.connection() as connection:
        payment = await repository.find_payment(connection, payment_id)
    if payment is None or payment.provider_payment_id is None:
        raise LookupError(f"payment {payment_id} is gone, or not known to its provider")
    found = await gateways.provider(payment.provider).refunds_of(payment.capture_id or payment.provider_payment_id)
    for each in found:
        async with database.unit_of_work(actor, correlation_id) as uow:
            refund_id = await _own_refund(uow, each)
            if refund_id is None:
                await _adopt_refund(uow, payment_id, each)
            else:
                await settle_refund(uow, refund_id, each)


async def _own_refund(uow: UnitOfWork, found: ProviderRefund) -> RefundId | None:
    """The refund of ours that this one is: by the provider's id, or by our reference before we have noted that."""
    known = await repository.find_refund_at_provider(uow.connection, found.id)
    if known is not None:
        return known
    own = decode_id(ids.REFUND, found.reference) if found.reference is not None else None
    refund = await repository.find_refund(uow.connection, RefundId(own)) if own is not None else None
    return refund.id if refund is not None else None


async def _adopt_refund(uow: UnitOfWork, payment_id: PaymentId, found: ProviderRefund) -> None:
    """Write down a refund that somebody made at the provider's side. Money has left, so the order follows it.

    If exactly that had failed here and is still owed, this carries it out. Otherwise staff are asked what it was for:
    the coupons that it paid for are still good.
    """
    if found.status is RefundStatus.FAILED:
        return
    payment = await lock_payment(uow, payment_id)
    # Another look at the provider may have written it down while this one waited.
    known = await _own_refund(uow, found)
    if known is not None:
        await settle_refund(uow, known, found)
        return
    owed = await _still_owed(uow, payment, found.amount)
    refund_id = RefundId(uuid5(payment_id, found.id)) if owed is None else retried_as(owed.id)
    if await repository.find_refund(uow.connection, refund_id) is None:
        require_refundable(payment, found.amount)
        reason = AT_PROVIDER if owed is None else owed.reason
        refund = await repository.insert_refund(uow, refund_id, payment, found.amount, reason)
        uow.publish(RefundBegun(refund_id=str(refund_id), order_id=str(payment.order_id)))
        if owed is None:
            await _ask_what_for(uow, payment, refund)
        else:
            await record(uow, refund_entry("refund.begun", refund, after={"amount": str(found.amount)}))
            by = {"refund": encode_id(ids.REFUND, refund_id), "destination": "made_at_provider"}
            await record(uow, refund_entry("refund.retried", owed, after=by))
            await resolve_staff_queue(uow, "refund_failed", encode_id(ids.REFUND, owed.id))
    await settle_refund(uow, refund_id, found)


async def _still_owed(uow: UnitOfWork, payment: Payment, amount: Money) -> Refund | None:
    """The oldest refund of the locked payment of just that amount that has failed and was not tried again."""
    for refund in await repository.failed_refunds(uow.connection, payment.id):
        is_ours = refund.destination is RefundDestination.ORIGINAL_PAYMENT and refund.reason != AT_PROVIDER
        if is_ours and refund.amount == amount:
            again = await repository.find_refund(uow.connection, retried_as(refund.id))
            if again is None:
                return refund
    return None


async def _ask_what_for(uow: UnitOfWork, payment: Payment, refund: Refund) -> None:
    """Book what nobody had decided here: from what the customer has left with us first, and tell staff of it."""
    amount = refund.amount
    await record(uow, refund_entry("refund.made_at_provider", refund, after={"amount": str(amount)}))
    left = (await order_balances(uow.connection, payment.order_id)).get((Account.CUSTOMER_DEPOSITS, amount.currency), 0)
    deposits = Money(min(max(-left, 0), amount.minor), amount.currency)
    await post(uow, postings.given_at_provider(payment, refund, deposits))
    order_id = encode_id(ids.ORDER, payment.order_id)
    await ask_staff(uow, "refund_at_provider", encode_id(ids.REFUND, refund.id), order_id=order_id)


def retried_as(refund_id: RefundId) -> RefundId:
    """The id of the refund that does once more what a failed one was to do: there is one at most."""
    return RefundId(uuid5(refund_id, "retry"))


def tell_settled(uow: UnitOfWork, refund: Refund, status: RefundStatus) -> None:
    """Let the order follow a refund that has reached its end."""
    uow.publish(
        RefundSettled(
            refund_id=str(refund.id),
            payment_id=str(refund.payment_id),
            order_id=str(refund.order_id),
            status=status,
        )
    )
