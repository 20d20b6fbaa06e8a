"""Voiding: documents undone on their day of issue by staff, as if they had never been sold."""

from __future__ import annotations

from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import msgspec

from ais.kit import Actor, InvalidStateTransition, Money
from ais.kit.ids import OrderId, RefundId
from ais.ledger import coupon_balances, post_all
from ais.orders import repository as orders
from ais.orders.cancellation.domain import coupons_held
from ais.orders.cancellation.postings import voided
from ais.orders.cancellation.service.give_up import give_seats_back
from ais.orders.cancellation.service.quote import CancelOrder, require_not_disputed
from ais.orders.domain import OrderStatus, SegmentStatus, TicketingStatus
from ais.orders.errors import OrderNotFound, VoidTooLate
from ais.orders.events import OrderCancelled
from ais.orders.service.states import OrderChange
from ais.orders.view import order_body
from ais.payments import RefundExceedsPaid, begin_refund, payments_of_order
from ais.platform.database import UnitOfWork
from ais.platform.i18n import Language
from ais.platform.idempotency import Answer, RequestKey, once
from ais.ticketing import CouponStatus, documents_of_order, void_documents


async def void_order(
    services: CancelOrder,
    actor: Actor,
    correlation_id: str,
    request: RequestKey | None,
    order_id: OrderId,
    reason: str,
    language: Language,
) -> Answer:
    """The answer, 200 and the order: all its documents void, its seats back on sale, all its money on the way back.

    Raises what :func:`void_in` raises.
    """

    async def work(uow: UnitOfWork) -> Answer:
        await void_in(uow, order_id, reason, services.timezone)
        present = await orders.find_order(uow.connection, order_id)
        assert present is not None
        documents = await documents_of_order(uow.connection, order_id)
        body = order_body(present, documents, now=uow.clock.now(), language=language)
        return Answer(200, msgspec.json.encode(body))

    return await once(services.database, actor, correlation_id, request, work)


async def void_in(uow: UnitOfWork, order_id: OrderId, reason: str, timezone: str) -> None:
    """Void the order in this unit of work. The day of issue is counted in ``timezone``, the airline's own.

    Raises OrderNotFound, InvalidStateTransition unless the order is confirmed and every coupon open,
    :class:`VoidTooLate` after the day of issue, RefundsFrozen, RefundExceedsPaid.
    """
    order = await orders.lock_order(uow, order_id)
    if order is None:
        raise OrderNotFound
    require_not_disputed(order)
    if order.status is not OrderStatus.CONFIRMED:
        raise InvalidStateTransition("order", order.status, TicketingStatus.VOID)
    documents = await documents_of_order(uow.connection, order_id)
    coupons = coupons_held(documents)
    for coupon in coupons.values():
        if coupon.status is not CouponStatus.OPEN:
            raise InvalidStateTransition("coupon", coupon.status, CouponStatus.VOID)
    zone = ZoneInfo(timezone)
    today = uow.clock.now().astimezone(zone).date()
    if any(document.issued_at.astimezone(zone).date() != today for document in documents):
        raise VoidTooLate
    await _send_all_back(uow, order_id, order.total)
    held = await coupon_balances(uow.connection, [document.id for document in documents])
    await post_all(uow, [voided(order, document.id, held) for document in documents])
    await void_documents(uow, order_id, reason, source=f"void:{order_id}")
    change = OrderChange(order)
    change.ticketing_to(TicketingStatus.VOID, reason)
    change.status_to(OrderStatus.CANCELLED, reason)
    await change.write(uow)
    live = [segment.id for segment in order.segments if segment.status is not SegmentStatus.CANCELLED]
    await orders.move_segments(uow, live, SegmentStatus.CANCELLED, "XX", "void")
    uow.publish(OrderCancelled(order_id=str(order_id), reason="void"))
    await give_seats_back(uow, order, list(coupons))


async def _send_all_back(uow: UnitOfWork, order_id: OrderId, total: Money) -> None:
    """What the documents cost goes back to the payments it came from."""
    rest = total
    for payment in await payments_of_order(uow.connection, order_id):
        part = Money(min(rest.minor, payment.received.minor - payment.refunded.minor), rest.currency)
        if part.minor > 0:
            await begin_refund(uow, RefundId(_refund_id(order_id, payment.id)), payment.id, part, "void")
            rest -= part
    if rest.minor > 0:
        raise RefundExceedsPaid(asked=str(total), refundable=str(total - rest))


def _refund_id(order_id: UUID, payment_id: UUID) -> UUID:
    return uuid5(order_id, f"void {payment_id}")
