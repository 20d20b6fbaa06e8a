"""What orders do when lower packages tell of something."""

from __future__ import annotations

from uuid import UUID

from ais.inventory import HoldExpired
from ais.kit import ids
from ais.kit.ids import PaymentId, decode_id
from ais.orders import repository
from ais.orders.service.schedule_change import cancel_segments, reinstate_segments, retime_segments
from ais.orders.service.settle import apply_refund
from ais.payments import (
    PaymentReported,
    RefundSettled,
    find_payment,
    find_payment_at_provider,
    mark_event,
    mark_unmatched,
)
from ais.platform.jobs import JobContext, JobRegistry
from ais.schedule import FlightDatesCancelled, FlightDatesReinstated, FlightDatesRerouted, FlightDatesRetimed


def register(registry: JobRegistry) -> None:
    """Subscribe."""
    registry.handler(PaymentReported, "orders.on_payment_reported", on_payment_reported)
    registry.handler(RefundSettled, "orders.on_refund_settled", on_refund_settled)
    registry.handler(HoldExpired, "orders.on_hold_expired", on_hold_expired)
    registry.handler(FlightDatesCancelled, "orders.on_flight_dates_cancelled", on_flight_dates_cancelled)
    registry.handler(FlightDatesReinstated, "orders.on_flight_dates_reinstated", on_flight_dates_reinstated)
    registry.handler(FlightDatesRetimed, "orders.on_flight_dates_retimed", on_flight_dates_retimed)
    registry.handler(FlightDatesRerouted, "orders.on_flight_dates_rerouted", on_flight_dates_rerouted)


async def on_payment_reported(context: JobContext, event: PaymentReported) -> None:
    """Ask for the payment to be settled; one that is not ours goes to staff.

    A report may overtake our own note of the provider's id: then the reference that we gave the provider finds it.
    """
    async with context.unit_of_work() as uow:
        payment = await find_payment_at_provider(uow.connection, event.provider, event.provider_payment_id)
        if payment is None and event.reference is not None:
            own = decode_id(ids.PAYMENT, event.reference)
            payment = await find_payment(uow.connection, PaymentId(own)) if own is not None else None
        if payment is None:
            await mark_unmatched(uow, event)
            return
        await mark_event(uow, event.provider, event.provider_event_id, "handled")
        uow.enqueue("orders.settle_payment", {"payment_id": str(payment.id)}, dedupe_key=f"settle:{payment.id}")


async def on_refund_settled(context: JobContext, event: RefundSettled) -> None:
    """The order's money follows its refunds."""
    order_id = ids.OrderId(UUID(event.order_id))
    async with context.unit_of_work() as uow:
        await apply_refund(uow, order_id)


async def on_hold_expired(context: JobContext, event: HoldExpired) -> None:
    """Seats that went back by time end their order, if it has not ended already."""
    async with context.unit_of_work() as uow:
        order_id = await repository.find_order_by_hold(uow.connection, event.hold_id)
        if order_id is not None:
            uow.enqueue("orders.expire", {"order_id": str(order_id)}, dedupe_key=f"expire:{order_id}")


async def on_flight_dates_cancelled(context: JobContext, event: FlightDatesCancelled) -> None:
    async with context.unit_of_work() as uow:
        await cancel_segments(uow, flight_date_ids=event.flight_date_ids, reason="flight cancelled")


async def on_flight_dates_reinstated(context: JobContext, event: FlightDatesReinstated) -> None:
    async with context.unit_of_work() as uow:
        await reinstate_segments(uow, event.flight_date_ids, "flight reinstated")


async def on_flight_dates_retimed(context: JobContext, event: FlightDatesRetimed) -> None:
    async with context.unit_of_work() as uow:
        await retime_segments(uow, event.flight_date_ids, "flight retimed")


async def on_flight_dates_rerouted(context: JobContext, event: FlightDatesRerouted) -> None:
    async with context.unit_of_work() as uow:
        await cancel_segments(uow, segment_ids=event.cancelled_segment_ids, reason="flight rerouted")
        await retime_segments(uow, event.flight_date_ids, "flight rerouted")
