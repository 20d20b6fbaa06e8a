"""The time limit: an order that is not paid in time gives its seats back, after its money was looked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ais.inventory import HoldNotFound, release_hold
from ais.kit import Actor, InvalidStateTransition
from ais.kit.ids import OrderId, PaymentId
from ais.orders import repository
from ais.orders.domain import Order, OrderPaymentStatus, OrderStatus, SegmentStatus
from ais.orders.events import OrderExpired
from ais.orders.service.settle import apply_settlement, look_at_provider
from ais.orders.service.states import OrderChange
from ais.payments import (
    Gateways,
    Payment,
    PaymentFailed,
    PaymentStatus,
    close_uncalled_payment,
    open_attempts,
    payments_of_order,
)
from ais.platform.database import Database, UnitOfWork
from ais.platform.faults import fault_point


async def expire_order(
    database: Database, gateways: Gateways, order_id: OrderId, actor: Actor, correlation_id: str
) -> None:
    """End an order whose time limit has passed; harmless if it is paid or not due: nothing is closed then.

    Each open attempt is looked at first: one that brought money confirms the order instead, the others are cancelled at
    the provider, so that nothing can be paid for an order that has ended. Raises ProviderError or ProviderTimeout if
    the provider cannot be asked; the order then stays as it is and is tried again.
    """
    async with database.connection() as connection:
        order = await repository.find_order(connection, order_id)
        if order is None or not _is_due(order, database.clock.now()):
            return
        attempts = open_attempts(await payments_of_order(connection, order_id))
    await close_attempts(database, gateways, order_id, attempts, actor, correlation_id)
    fault_point("orders.closed")
    async with database.unit_of_work(actor, correlation_id) as uow:
        await _end(uow, order_id, {payment.id for payment in attempts})


async def close_attempts(
    database: Database,
    gateways: Gateways,
    order_id: OrderId,
    attempts: Sequence[Payment],
    actor: Actor,
    correlation_id: str,
) -> None:
    """Look at each open attempt and close it at the provider, so that nothing can be paid by it any more.

    One that has brought money meanwhile is settled as paid, and one that the bank is deciding about stays open. Runs
    outside of any transaction. Raises ProviderError or ProviderTimeout.
    """
    for payment in attempts:
        try:
            found = await look_at_provider(gateways, payment)
        except PaymentFailed:
            async with database.unit_of_work(actor, correlation_id) as uow:
                await close_uncalled_payment(uow, payment.id, "refused by the provider")
            continue
        if found.status is not PaymentStatus.SUCCEEDED:
            found = await gateways.of(payment.provider).cancel(found.id)
        async with database.unit_of_work(actor, correlation_id) as uow:
            await apply_settlement(uow, order_id, payment.id, found)


def _is_due(order: Order, now: datetime) -> bool:
    return (
        order.status is OrderStatus.RESERVED
        and order.payment_status is not OrderPaymentStatus.PAID
        and order.payment_required_by <= now
    )


async def _end(uow: UnitOfWork, order_id: OrderId, looked_at: set[PaymentId]) -> None:
    order = await repository.lock_order(uow, order_id)
    if order is None or not _is_due(order, uow.clock.now()):
        return
    still_open = open_attempts(await payments_of_order(uow.connection, order_id))
    if any(payment.id not in looked_at for payment in still_open):
        # It began after the others were looked at; the next round looks at it too.
        return
    change = OrderChange(order)
    change.status_to(OrderStatus.EXPIRED, "time limit")
    await change.write(uow)
    segments = [segment.id for segment in order.segments if segment.status is not SegmentStatus.CANCELLED]
    await repository.move_segments(uow, segments, SegmentStatus.CANCELLED, "HX", "time limit")
    uow.publish(OrderExpired(order_id=str(order_id)))
    if still_open:
        # The bank has not decided and the provider could not close the attempt, so money may still come. The hold ends
        # by time within SETTLE_GRACE; a released one could not be claimed again for a payment that comes late.
        return
    try:
        await release_hold(uow, order.hold_id)
    except (HoldNotFound, InvalidStateTransition) as problem:
        raise LookupError(f"order {order_id} ended with a hold that is not its own") from problem
