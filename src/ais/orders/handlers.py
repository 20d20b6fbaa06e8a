"""What orders do when lower packages tell of something."""

from __future__ import annotations

from uuid import UUID

from ais.accounts import AddressVerified, address_lookup_of
from ais.inventory import HoldExpired
from ais.kit import encode_id, ids
from ais.orders import repository
from ais.orders.service.disputed import apply_dispute
from ais.orders.service.schedule_change import cancel_segments, reinstate_segments, retime_segments
from ais.orders.service.settle import apply_refund
from ais.payments import DisputeClosed, PaymentDisputed, RefundSettled
from ais.platform.audit import Entry, record
from ais.platform.jobs import JobContext, JobRegistry
from ais.schedule import FlightDatesCancelled, FlightDatesReinstated, FlightDatesRerouted, FlightDatesRetimed


def register(registry: JobRegistry) -> None:
    """Subscribe."""
    registry.handler(AddressVerified, "orders.on_address_verified", on_address_verified)
    registry.handler(RefundSettled, "orders.on_refund_settled", on_refund_settled)
    registry.handler(PaymentDisputed, "orders.on_payment_disputed", on_payment_disputed)
    registry.handler(DisputeClosed, "orders.on_dispute_closed", on_dispute_closed)
    registry.handler(HoldExpired, "orders.on_hold_expired", on_hold_expired)
    registry.handler(FlightDatesCancelled, "orders.on_flight_dates_cancelled", on_flight_dates_cancelled)
    registry.handler(FlightDatesReinstated, "orders.on_flight_dates_reinstated", on_flight_dates_reinstated)
    registry.handler(FlightDatesRetimed, "orders.on_flight_dates_retimed", on_flight_dates_retimed)
    registry.handler(FlightDatesRerouted, "orders.on_flight_dates_rerouted", on_flight_dates_rerouted)


async def on_address_verified(context: JobContext, event: AddressVerified) -> None:
    """Orders that were made with the address by a guest become the account's own."""
    user_id = ids.UserId(UUID(event.user_id))
    async with context.unit_of_work() as uow:
        lookup = await address_lookup_of(uow.connection, uow.vault, user_id)
        if lookup is None:
            return
        for order_id in await repository.take_over(uow, lookup.hashes, user_id):
            await record(
                uow,
                Entry(
                    action="order.taken_over",
                    subject=encode_id(ids.ORDER, order_id),
                    order_id=order_id,
                    after={"owner": encode_id(ids.USER, user_id)},
                ),
            )


async def on_refund_settled(context: JobContext, event: RefundSettled) -> None:
    """The order's money follows its refunds."""
    order_id = ids.OrderId(UUID(event.order_id))
    async with context.unit_of_work() as uow:
        await apply_refund(uow, order_id)


async def on_payment_disputed(context: JobContext, event: PaymentDisputed) -> None:
    """The order is disputed while the bank decides."""
    async with context.unit_of_work() as uow:
        await apply_dispute(uow, ids.OrderId(UUID(event.order_id)))


async def on_dispute_closed(context: JobContext, event: DisputeClosed) -> None:
    """The order's money stands as the bank has left it."""
    async with context.unit_of_work() as uow:
        await apply_dispute(uow, ids.OrderId(UUID(event.order_id)))


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
