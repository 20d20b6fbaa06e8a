"""Voiding: documents undone on their day of issue by staff, as if they had never been sold."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import msgspec

from ais.accounts import Approval, approval_answer
from ais.kit import Actor, InvalidStateTransition, Money, encode_id, ids
from ais.kit.ids import DocumentId, OrderId, PassengerId, RefundId
from ais.ledger import coupon_balances, post_all
from ais.orders import repository as orders
from ais.orders.access import require_staff_access
from ais.orders.cancellation.domain import GONE, coupons_held, documents_to_void
from ais.orders.cancellation.postings import voided
from ais.orders.cancellation.service.give_up import cancel_empty_segments, follow_coupons, give_seats_back
from ais.orders.cancellation.service.quote import CancelOrder, left_of_payments, require_not_disputed
from ais.orders.cancellation.service.second_person import (
    RefundLimits,
    ask_for_void,
    is_above_limit,
    order_of,
    passengers_of,
)
from ais.orders.domain import Order, OrderStatus, TicketingStatus
from ais.orders.errors import OrderNotFound, VoidTooLate
from ais.orders.events import OrderCancelled
from ais.orders.people import buyer_key
from ais.orders.service.reading import people_shown
from ais.orders.service.states import OrderChange
from ais.orders.texts import seal_reason
from ais.orders.view import order_body
from ais.payments import RefundExceedsPaid, begin_refund
from ais.platform.audit import Entry, record
from ais.platform.database import UnitOfWork
from ais.platform.i18n import Language
from ais.platform.idempotency import Answer, RequestKey, once
from ais.ticketing import Document, DocumentStatus, documents_of_order, void_documents

VOID = "orders.void"


async def void_order(
    services: CancelOrder,
    actor: Actor,
    correlation_id: str,
    request: RequestKey | None,
    order_id: OrderId,
    reason: str,
    language: Language,
    passenger_ids: Sequence[PassengerId] | None = None,
) -> Answer:
    """The answer, 200 and the order: its documents, or those of some passengers, void, their seats back on sale, their
    money on the way back. Above the limits 202 and the approval that waits.

    Raises what :func:`void_in` raises.
    """

    async def work(uow: UnitOfWork) -> Answer:
        limits = services.refund_limits
        waits = await void_in(uow, order_id, reason, services.timezone, passenger_ids, limits=limits)
        if waits is not None:
            return await approval_answer(uow, waits, 202)
        present = await orders.find_order(uow.connection, order_id)
        assert present is not None
        documents = await documents_of_order(uow.connection, order_id)
        people = await people_shown(uow, present)
        body = order_body(present, people, documents, now=uow.clock.now(), language=language)
        return Answer(200, msgspec.json.encode(body), person=buyer_key(uow.vault, present))

    return await once(services.database, actor, correlation_id, request, work)


async def void_in(
    uow: UnitOfWork,
    order_id: OrderId,
    reason: str,
    timezone: str,
    passenger_ids: Sequence[PassengerId] | None = None,
    *,
    limits: RefundLimits | None = None,
    is_signed: bool = False,
) -> Approval | None:
    """Void the order, or the documents of these passengers, in this unit of work. The day of issue is counted in
    ``timezone``, the airline's own. Above ``limits`` it is asked for instead, and what waits is answered; what
    ``is_signed`` somebody else asked for, who had the right to.

    Raises OrderNotFound, Forbidden, InvalidStateTransition unless the order is confirmed and every coupon of the
    documents open, ValidationFailed for who is not of the order and for a child who would stay without an adult,
    :class:`VoidTooLate` after the day of issue, RefundsFrozen, RefundExceedsPaid.
    """
    order = await orders.lock_order(uow, order_id)
    if order is None:
        raise OrderNotFound
    if not is_signed:
        require_staff_access(uow.actor, order, VOID)
    require_not_disputed(order)
    if order.status is not OrderStatus.CONFIRMED:
        raise InvalidStateTransition("order", order.status, TicketingStatus.VOID)
    documents = await documents_of_order(uow.connection, order_id)
    undone = documents_to_void(order, documents, passenger_ids)
    zone = ZoneInfo(timezone)
    today = uow.clock.now().astimezone(zone).date()
    if any(document.issued_at.astimezone(zone).date() != today for document in undone):
        raise VoidTooLate
    leaving = {document.passenger_id for document in undone}
    paid = Money(sum(line.amount_minor for line in order.lines if line.passenger_id in leaving), order.currency)
    if not is_signed:
        # It may name whom it is about.
        reason = await seal_reason(uow, order_id, reason)
    if not is_signed and await is_above_limit(uow, order, paid, limits):
        named = tuple(passenger_ids) if passenger_ids is not None else None
        return await ask_for_void(uow, order, paid, reason, named)
    await _send_back(uow, order, undone[0].id, paid)
    held = await coupon_balances(uow.connection, [document.id for document in undone])
    await post_all(uow, [voided(order, document.id, held) for document in undone])
    await void_documents(uow, undone, reason, source=f"void:{order_id}")
    change = OrderChange(order)
    _follow_documents(change, documents, undone, reason)
    places = set(coupons_held(undone))
    left = {
        place: coupon.status
        for place, coupon in coupons_held(documents).items()
        if place not in places and coupon.status not in GONE
    }
    follow_coupons(change, left.values(), reason)
    numbers = {"documents": [document.number for document in undone]}
    subject = encode_id(ids.ORDER, order_id)
    await record(uow, Entry(action="order.voided", subject=subject, order_id=order_id, after=numbers))
    await change.write(uow)
    await cancel_empty_segments(uow, change, {segment_id for _, segment_id in left})
    if change.status is OrderStatus.CANCELLED:
        uow.publish(OrderCancelled(order_id=str(order_id), reason="void"))
    await give_seats_back(uow, order, sorted(places))
    return None


async def void_signed(uow: UnitOfWork, approval: Approval, timezone: str) -> None:
    """Undo the documents that a second person has signed for. Raises as :func:`void_in` does."""
    named = passengers_of(approval)
    await void_in(uow, order_of(approval), approval.reason, timezone, named, is_signed=True)


def _follow_documents(
    change: OrderChange, documents: Sequence[Document], undone: Sequence[Document], reason: str
) -> None:
    """Tickets are void with the last of them, and partly void before that."""
    gone = {document.id for document in (*undone, *(each for each in documents if each.status is DocumentStatus.VOID))}
    target = TicketingStatus.VOID if len(gone) == len(documents) else TicketingStatus.PARTLY_VOID
    if change.ticketing_status is not target:
        change.ticketing_to(target, reason)


async def _send_back(uow: UnitOfWork, order: Order, first: DocumentId, total: Money) -> None:
    """What the documents cost, of which ``first`` is one, goes back to the payments it came from."""
    rest = total
    for payment, left in await left_of_payments(uow.connection, order):
        part = min(rest, left)
        if part:
            await begin_refund(uow, RefundId(_refund_id(first, payment.id)), payment.id, part, "void")
            rest -= part
    if rest.minor > 0:
        raise RefundExceedsPaid(asked=str(total), refundable=str(total - rest))


def _refund_id(document_id: UUID, payment_id: UUID) -> UUID:
    """The one refund of a payment that the undoing of a document can cause."""
    return uuid5(document_id, f"void {payment_id}")
