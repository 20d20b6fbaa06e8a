"""A cancelled flight: unpaid orders end, and what was paid goes back by itself if staff have chosen so."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from ais.kit import Actor, InvalidStateTransition, encode_id, ids
from ais.kit.ids import OrderId
from ais.orders import repository as orders
from ais.orders.cancellation import repository
from ais.orders.cancellation.domain import QuoteStatus, coupons_held
from ais.orders.cancellation.service.confirm import carry_out, give_up_unticketed
from ais.orders.cancellation.service.quote import Wish, make_quote
from ais.orders.domain import OrderStatus
from ais.orders.errors import NothingToGiveUp
from ais.orders.service.expire import close_attempts
from ais.orders.service.schedule_change import cancel_segments
from ais.orders.service.states import OrderChange
from ais.payments import Gateways, RefundExceedsPaid, RefundsFrozen, open_attempts, payments_of_order
from ais.platform.database import Database, UnitOfWork
from ais.platform.staff_queue import ask_staff, resolve_staff_queue
from ais.ticketing import documents_of_order

REASON = "flight_cancelled"
NOT_GIVEN_BACK = "flight_cancelled_not_refunded"
"""The kind of an entry on the staff queue about an order whose money could not go back by itself."""


async def follow_flight_cancellation(
    database: Database,
    gateways: Gateways,
    order_id: OrderId,
    flight_date_id: UUID,
    *,
    give_back: bool,
    actor: Actor,
    correlation_id: str,
) -> None:
    """Bring one order to a cancelled flight; harmless to repeat.

    Its segments there are cancelled (UN). Unpaid, it ends, its attempts closed at the provider first. Ticketed, all
    that was not flown goes back with every fee if ``give_back`` says so; else its owner asks for a quote. What cannot
    go back (a dispute, a passenger who has checked in) is put before staff. Raises ProviderError, ProviderTimeout, and
    PaymentProcessing while the bank decides about an attempt.
    """
    async with database.connection() as connection:
        order = await orders.find_order(connection, order_id)
        attempts = open_attempts(await payments_of_order(connection, order_id))
    if order is not None and order.status is OrderStatus.RESERVED:
        await close_attempts(database, gateways, order_id, attempts, actor, correlation_id)
    async with database.unit_of_work(actor, correlation_id) as uow:
        await _give_back(uow, order_id, flight_date_id, give_back=give_back)


async def _give_back(uow: UnitOfWork, order_id: OrderId, flight_date_id: UUID, *, give_back: bool) -> None:
    order = await orders.lock_order(uow, order_id)
    if order is None or order.status not in {OrderStatus.RESERVED, OrderStatus.CONFIRMED}:
        return
    await cancel_segments(uow, flight_date_ids=[flight_date_id], reason="flight cancelled", order_id=order_id)
    if order.status is OrderStatus.CONFIRMED and not give_back:
        return
    subject = encode_id(ids.ORDER, order_id)
    try:
        quote = await make_quote(uow, order_id, Wish(), timedelta(minutes=1), involuntary=True)
    except NothingToGiveUp:
        return
    except (RefundsFrozen, RefundExceedsPaid, InvalidStateTransition) as problem:
        await ask_staff(uow, NOT_GIVEN_BACK, subject, because=problem.code)
        return
    await repository.resolve_quote(uow, quote.id, QuoteStatus.CONFIRMED)
    present = await orders.find_order(uow.connection, order_id)
    assert present is not None
    change = OrderChange(present)
    if present.status is OrderStatus.RESERVED:
        await give_up_unticketed(uow, change, quote, REASON)
    else:
        coupons = coupons_held(await documents_of_order(uow.connection, order_id))
        await carry_out(uow, change, quote, coupons, REASON)
    await resolve_staff_queue(uow, NOT_GIVEN_BACK, subject)
