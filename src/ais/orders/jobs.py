"""Work on orders that the clock or a handler asks for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ais.kit import AppError, system_actor
from ais.kit.ids import OrderId, PaymentId
from ais.orders import repository
from ais.orders.domain import OrderPaymentStatus, TicketingStatus
from ais.orders.service.expire import expire_order
from ais.orders.service.settle import finish_with_tickets, settle_order_payment
from ais.orders.service.states import OrderChange
from ais.payments import Gateways, ProviderError, ProviderTimeout, touch_payment, unfinished_payments
from ais.platform.jobs import JobContext, JobRegistry, Retry
from ais.platform.telemetry import get_logger

log = get_logger("orders.jobs")

UNFINISHED_SECONDS = 30.0
_RETRY = Retry(attempts=10, first_delay_seconds=1, ceiling_seconds=300)


def register(registry: JobRegistry, gateways: Gateways) -> None:
    """Announce this package's jobs."""

    async def settle(context: JobContext, payload: dict[str, Any]) -> None:
        actor = system_actor(context.name)
        payment_id = PaymentId(UUID(payload["payment_id"]))
        try:
            await settle_order_payment(context.database, gateways, payment_id, actor, context.correlation_id)
        except (ProviderError, ProviderTimeout) as problem:
            # The attempt stays open, so the search for unfinished ones asks again for as long as the provider is away.
            log.warning("settling waits for the provider", payment_id=str(payment_id), code=problem.code)

    async def expire(context: JobContext, payload: dict[str, Any]) -> None:
        order_id = OrderId(UUID(payload["order_id"]))
        await expire_order(context.database, gateways, order_id, system_actor(context.name), context.correlation_id)

    async def enforce_time_limits(context: JobContext, _payload: dict[str, Any]) -> None:
        async with context.database.connection() as connection:
            due = await repository.orders_past_time_limit(connection, 200)
        for order_id in due:
            try:
                await expire_order(
                    context.database, gateways, order_id, system_actor(context.name), context.correlation_id
                )
            except AppError as problem:
                # The provider cannot be asked about this one now; the next round tries again, the others go on.
                log.warning("time limit waits for the provider", order_id=str(order_id), code=problem.code)

    async def finish_payments(context: JobContext, _payload: dict[str, Any]) -> None:
        async with context.database.connection() as connection:
            unfinished = await unfinished_payments(connection, older_than_seconds=UNFINISHED_SECONDS, limit=100)
        for payment in unfinished:
            async with context.unit_of_work() as uow:
                await touch_payment(uow, payment.id)
                uow.enqueue("orders.settle_payment", {"payment_id": str(payment.id)}, dedupe_key=f"settle:{payment.id}")

    registry.job("orders.settle_payment", settle, retry=_RETRY)
    registry.job("orders.expire", expire, retry=_RETRY)
    registry.schedule("orders.enforce_time_limits", enforce_time_limits, every_seconds=1)
    registry.schedule("orders.finish_payments", finish_payments, every_seconds=15)
    registry.schedule("orders.issue_waiting_tickets", issue_waiting_tickets, every_seconds=30)


async def issue_waiting_tickets(context: JobContext, _payload: dict[str, Any]) -> None:
    """Issue the documents of orders that were paid while no ticket numbers were left."""
    async with context.database.connection() as connection:
        waiting = await repository.orders_awaiting_tickets(connection, 100)
    for order_id in waiting:
        async with context.unit_of_work() as uow:
            order = await repository.lock_order(uow, order_id)
            if (
                order is not None
                and order.ticketing_status is TicketingStatus.ISSUING
                and order.payment_status is OrderPaymentStatus.PAID
            ):
                await finish_with_tickets(uow, OrderChange(order))
