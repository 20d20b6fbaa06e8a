"""The time limit: an order that is not paid in time gives its seats back, after its money was looked for."""

from __future__ import annotations

from ais.inventory import HoldNotFound, release_hold
from ais.kit import Actor, InvalidStateTransition, encode_id, ids
from ais.kit.ids import OrderId
from ais.orders import repository
from ais.orders.domain import OrderPaymentStatus, OrderStatus, SegmentStatus
from ais.orders.events import OrderExpired
from ais.orders.service.settle import apply_settlement, look_at_provider
from ais.orders.service.states import OrderChange
from ais.payments import PaymentGateway, PaymentStatus, open_attempts, payments_of_order
from ais.platform.database import Database, UnitOfWork


async def expire_order(
    database: Database, gateway: PaymentGateway, order_id: OrderId, actor: Actor, correlation_id: str
) -> None:
    """End an order whose time limit has passed; harmless if it is paid, ended or not due.

    Each open attempt is looked at first: one that brought money confirms the order instead, the others are cancelled at
    the provider, so that nothing can be paid for an order that has ended. Raises ProviderError or ProviderTimeout if
    the provider cannot be asked; the order then stays as it is and is tried again.
    """
    async with database.connection() as connection:
        attempts = open_attempts(await payments_of_order(connection, order_id))
    for payment in attempts:
        found = await look_at_provider(gateway, payment)
        if found.status is not PaymentStatus.SUCCEEDED:
            found = await gateway.cancel(found.id, key=f"cancel-{encode_id(ids.PAYMENT, payment.id)}")
        async with database.unit_of_work(actor, correlation_id) as uow:
            await apply_settlement(uow, order_id, payment.id, found)
    async with database.unit_of_work(actor, correlation_id) as uow:
        await _end(uow, order_id)


async def _end(uow: UnitOfWork, order_id: OrderId) -> None:
    order = await repository.lock_order(uow, order_id)
    if order is None or order.status is not OrderStatus.RESERVED:
        return
    if order.payment_status is OrderPaymentStatus.PAID or order.payment_required_by > uow.clock.now():
        return
    change = OrderChange(order)
    change.status_to(OrderStatus.EXPIRED, "time limit")
    await change.write(uow)
    segments = [segment.id for segment in order.segments if segment.status is not SegmentStatus.CANCELLED]
    await repository.move_segments(uow, segments, SegmentStatus.CANCELLED, "HX", "time limit")
    uow.publish(OrderExpired(order_id=str(order_id)))
    try:
        await release_hold(uow, order.hold_id)
    except (HoldNotFound, InvalidStateTransition) as problem:
        raise LookupError(f"order {order_id} ended with a hold that is not its own") from problem
