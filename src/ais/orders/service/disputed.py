"""What a dispute does to an order: its money stands as banks left it, and nobody flies on money that is not there."""

from __future__ import annotations

from collections.abc import Sequence

from ais.kit import InvalidStateTransition, encode_id, ids
from ais.kit.ids import OrderId
from ais.orders import repository
from ais.orders.domain import Order, OrderPaymentStatus
from ais.orders.errors import OrderNotFound
from ais.orders.service.states import OrderChange
from ais.orders.texts import seal_reason
from ais.payments import Dispute, DisputeStatus, RefundsFrozen, disputes_of_order
from ais.platform.audit import Entry, Fields, record
from ais.platform.database import UnitOfWork
from ais.ticketing import CouponStatus, coupons_moved_by, documents_of_order, move_coupons

# The bank has the money of these, and keeps it or may.
_AGAINST_US = frozenset({DisputeStatus.OPEN, DisputeStatus.LOST})


async def apply_dispute(uow: UnitOfWork, order_id: OrderId) -> None:
    """Bring an order to what the disputes about its money are: disputed while one is open, then paid, or partly or
    wholly given back, by what is left. Its open coupons are suspended by a dispute, and open again once all are won.
    """
    order = await repository.lock_order(uow, order_id)
    if order is None:
        return
    change = OrderChange(order)
    disputes = await disputes_of_order(uow.connection, order_id)
    if any(dispute.status is DisputeStatus.OPEN for dispute in disputes):
        if change.payment_may_become(OrderPaymentStatus.DISPUTED):
            change.payment_to(OrderPaymentStatus.DISPUTED, "disputed at the bank")
    elif disputes:
        lost = sum(dispute.amount.minor for dispute in disputes if dispute.status is DisputeStatus.LOST)
        target = _after_disputes(order, lost)
        if change.payment_status is not OrderPaymentStatus.DISPUTED and lost and target is not change.payment_status:
            # It was decided before we heard of it.
            if not change.payment_may_become(OrderPaymentStatus.DISPUTED):
                return
            change.payment_to(OrderPaymentStatus.DISPUTED, "disputed at the bank")
        if change.payment_status is OrderPaymentStatus.DISPUTED:
            change.payment_to(target, "dispute lost" if lost else "dispute won")
    if change.is_changed:
        await change.write(uow)
    await suspend_by(uow, order_id, change.payment_status, disputes)


def _after_disputes(order: Order, lost_minor: int) -> OrderPaymentStatus:
    """How the order's money stands by what is left of it."""
    kept = order.paid_minor - order.refunded_minor - lost_minor
    if kept <= 0:
        return OrderPaymentStatus.REFUNDED
    whole = kept >= min(order.paid_minor, order.total_minor)
    return OrderPaymentStatus.PAID if whole else OrderPaymentStatus.PARTIALLY_REFUNDED


async def suspend_by(
    uow: UnitOfWork, order_id: OrderId, payment_status: OrderPaymentStatus, disputes: Sequence[Dispute]
) -> None:
    """Suspend the order's open coupons while a bank has money that was to pay for them, and open the suspended ones
    when none has, or when the order is paid all the same. The caller holds the order's lock. What is checked in already
    is the airport's, and stays as it is; so does what the same dispute has suspended before, because staff may have let
    these passengers fly meanwhile.
    """
    against_us = [dispute for dispute in disputes if dispute.status in _AGAINST_US]
    if against_us and payment_status is not OrderPaymentStatus.PAID:
        source = f"dispute:{against_us[-1].id}"
        await _move(uow, order_id, CouponStatus.OPEN, CouponStatus.SUSPENDED, "disputed", source)
    elif disputes:
        source = f"dispute:{disputes[-1].id}"
        await _move(uow, order_id, CouponStatus.SUSPENDED, CouponStatus.OPEN, "dispute over", source)


async def release_order(uow: UnitOfWork, order_id: OrderId, reason: str) -> int:
    """Staff let the passengers of a lost dispute fly all the same: suspended coupons are open again; how many.

    Raises OrderNotFound, RefundsFrozen while the bank still decides, InvalidStateTransition if none is suspended.
    """
    order = await repository.lock_order(uow, order_id)
    if order is None:
        raise OrderNotFound
    if order.payment_status is OrderPaymentStatus.DISPUTED:
        raise RefundsFrozen
    disputes = await disputes_of_order(uow.connection, order_id)
    source = f"release:{disputes[-1].id}" if disputes else f"release:{order_id}"
    reason = await seal_reason(uow, order_id, reason)
    released = await _move(uow, order_id, CouponStatus.SUSPENDED, CouponStatus.OPEN, reason, source)
    if not released:
        raise InvalidStateTransition("coupon", CouponStatus.OPEN, CouponStatus.OPEN)
    subject = encode_id(ids.ORDER, order_id)
    after: Fields = {"coupon_count": released, "reason": reason}
    await record(uow, Entry(action="order.released", subject=subject, order_id=order_id, after=after))
    return released


async def _move(
    uow: UnitOfWork, order_id: OrderId, before: CouponStatus, after: CouponStatus, reason: str, source: str
) -> int:
    documents = await documents_of_order(uow.connection, order_id)
    moving = [
        (document.id, coupon.number) for document in documents for coupon in document.coupons if coupon.status is before
    ]
    if moving:
        moved = await coupons_moved_by(uow.connection, moving, after, source=source)
        moving = [coupon for coupon in moving if coupon not in moved]
    if moving:
        await move_coupons(uow, moving, after, reason, source=source)
    return len(moving)
