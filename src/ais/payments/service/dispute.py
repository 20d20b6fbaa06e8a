"""Disputes: a payer asks the bank for the money back. The bank takes it at once, and it is ours again if we win."""

from __future__ import annotations

from uuid import uuid5

from ais.kit import Actor, encode_id, ids
from ais.kit.ids import DisputeId, PaymentId
from ais.ledger import Account, Posting, credit, debit, post
from ais.payments import repository
from ais.payments.domain import DISPUTE_TRANSITIONS, Dispute, DisputeStatus, Payment, ProviderDispute
from ais.payments.events import DisputeClosed, PaymentDisputed
from ais.payments.ports import Gateways, SettlesPayments
from ais.payments.service.refund import lock_payment
from ais.platform.audit import Entry, record
from ais.platform.database import Database, UnitOfWork
from ais.platform.staff_queue import ask_staff, resolve_staff_queue


async def follow_dispute(
    database: Database,
    gateways: Gateways,
    settle: SettlesPayments,
    payment: Payment,
    provider_dispute_id: str,
    actor: Actor,
    correlation_id: str,
) -> None:
    """Bring a dispute of the payment to what it is at the provider; harmless to repeat, early, late or out of order.

    The payment is settled first: money of which we first hear that a bank has taken it could neither pay its order nor
    go back.
    """
    await settle(database, gateways, payment.id, actor, correlation_id)
    found = await gateways.provider(payment.provider).retrieve_dispute(provider_dispute_id)
    async with database.unit_of_work(actor, correlation_id) as uow:
        await settle_dispute(uow, payment.id, found)


async def settle_dispute(uow: UnitOfWork, payment_id: PaymentId, found: ProviderDispute) -> None:
    """Write down what the provider says of a dispute, going through every state that it must have been in: what was
    taken is posted before it comes back. A state that it cannot move to (news from before) is ignored.
    """
    payment = await lock_payment(uow, payment_id)
    dispute_id = DisputeId(uuid5(payment_id, found.id))
    dispute = await repository.lock_dispute(uow, dispute_id)
    if dispute is None:
        quiet = found.status in {DisputeStatus.INQUIRY, DisputeStatus.WITHDRAWN}
        first = DisputeStatus.INQUIRY if quiet else DisputeStatus.OPEN
        dispute = await repository.insert_dispute(uow, dispute_id, payment, found, first)
        await _entered(uow, payment, dispute)
    if dispute.status is DisputeStatus.INQUIRY and found.status in {DisputeStatus.WON, DisputeStatus.LOST}:
        dispute = await repository.write_dispute(uow, dispute, DisputeStatus.OPEN)
        await _entered(uow, payment, dispute)
    if dispute.status is not found.status and DISPUTE_TRANSITIONS.allows(dispute.status, found.status):
        dispute = await repository.write_dispute(uow, dispute, found.status)
        await _entered(uow, payment, dispute)


async def _entered(uow: UnitOfWork, payment: Payment, dispute: Dispute) -> None:
    """What follows from the state that the dispute has just come to."""
    subject = encode_id(ids.DISPUTE, dispute.id)
    order = encode_id(ids.ORDER, dispute.order_id)
    after = {"status": dispute.status, "amount": str(dispute.amount), "payment": encode_id(ids.PAYMENT, payment.id)}
    action = f"dispute.{dispute.status}"
    await record(uow, Entry(action=action, subject=subject, order_id=dispute.order_id, after=after))
    if dispute.status in {DisputeStatus.INQUIRY, DisputeStatus.OPEN}:
        await ask_staff(
            uow,
            "payment_disputed",
            subject,
            order_id=order,
            reason=dispute.reason,
            answer_by=dispute.answer_by.isoformat() if dispute.answer_by is not None else None,
        )
    else:
        await resolve_staff_queue(uow, "payment_disputed", subject)
    if dispute.status is DisputeStatus.OPEN:
        await post(uow, _posting("disputed", payment, dispute, taken=True))
        uow.publish(PaymentDisputed(str(dispute.id), str(dispute.payment_id), str(dispute.order_id)))
    if dispute.status is DisputeStatus.WON:
        await post(uow, _posting("dispute_won", payment, dispute, taken=False))
    if dispute.status is DisputeStatus.LOST:
        await ask_staff(uow, "dispute_lost", subject, order_id=order, amount=str(dispute.amount))
    if dispute.status in {DisputeStatus.WON, DisputeStatus.LOST}:
        uow.publish(DisputeClosed(str(dispute.id), str(dispute.payment_id), str(dispute.order_id), str(dispute.status)))


def _posting(kind: str, payment: Payment, dispute: Dispute, *, taken: bool) -> Posting:
    money = dispute.amount if taken else -dispute.amount
    return Posting(
        kind=kind,
        cause_type="dispute",
        cause_id=str(dispute.id),
        order_id=dispute.order_id,
        channel=payment.channel,
        seller_id=payment.seller_id,
        entries=(
            debit(Account.CHARGEBACKS, money),
            credit(Account.PROVIDER_CLEARING, money, provider=payment.provider),
        ),
    )
