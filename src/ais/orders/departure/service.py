"""Closing a departure: coupons are lifted and flown, or nobody came; the books and the orders follow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from ais.kit import InvalidStateTransition, Money, encode_id, ids
from ais.kit.ids import OrderId
from ais.ledger import (
    UNFLOWN,
    Account,
    Entry,
    Posting,
    coupon_balances,
    coupon_cause,
    credit,
    post_all,
    recognise_breakage,
)
from ais.orders import repository as orders
from ais.orders.cancellation.domain import GONE, coupons_held
from ais.orders.cancellation.service.give_up import follow_coupons
from ais.orders.departure import repository
from ais.orders.departure.domain import (
    CouponOnFlight,
    DepartureTooEarly,
    ListedPassenger,
    by_steps,
    match,
    steps,
)
from ais.orders.domain import Order, OrderStatus
from ais.orders.service.states import OrderChange
from ais.platform import audit
from ais.platform.database import UnitOfWork
from ais.ticketing import documents_of_order, move_coupons

# Doors may close before the scheduled time, and never by more than this.
EARLIEST = timedelta(hours=2)
# What nobody used may be given back by its rules for so long after departure; then it has expired.
COUPON_VALIDITY = timedelta(days=365)


class ClosedDeparture(msgspec.Struct, frozen=True):
    """What closing did: coupons flown and not, those that were closed before, orders touched and completed by it."""

    flown: int
    no_show: int
    unchanged: int
    orders: int
    completed: int


async def close_departure(
    uow: UnitOfWork, flight_date_id: UUID, listed: Sequence[ListedPassenger], *, early: bool = False
) -> ClosedDeparture:
    """End every coupon on the flight by the list: boarded is flown, everybody else did not come.

    The same list again changes nothing. ``early`` allows it hours before departure. Raises
    :class:`DepartureListRefused` for the list as a whole, :class:`DepartureTooEarly`, InvalidStateTransition if the
    flight does not operate.
    """
    departs_at = await repository.first_departure(uow, flight_date_id)
    if departs_at is None:
        raise InvalidStateTransition("flight", "cancelled", "closed")
    if not early and uow.clock.now() < departs_at - EARLIEST:
        raise DepartureTooEarly(departs_at=departs_at.isoformat(timespec="minutes"))
    coupons = await repository.coupons_on_flight(uow, flight_date_id)
    outcomes = match(listed, coupons)
    moving = by_steps(outcomes)
    for (status, target), group in moving.items():
        named = [(coupon.document_id, coupon.number) for coupon in group]
        for step in steps(status, target):
            await move_coupons(uow, named, step, "departure closed", source=f"close:{flight_date_id}")
    moved = [coupon for group in moving.values() for coupon in group]
    touched = sorted({coupon.order_id for coupon in moved})
    completed = 0
    found = {order_id: await _order(uow, order_id) for order_id in touched}
    await _post(uow, found, moved, outcomes, departs_at)
    for order in found.values():
        completed += await _follow(uow, order)
    flown = sum(outcomes[coupon] for coupon in moved)
    closed = ClosedDeparture(flown, len(moved) - flown, len(coupons) - len(moved), len(touched), completed)
    await _record(uow, flight_date_id, closed, moved, outcomes)
    return closed


async def _record(
    uow: UnitOfWork,
    flight_date_id: UUID,
    closed: ClosedDeparture,
    moved: Sequence[CouponOnFlight],
    outcomes: dict[CouponOnFlight, bool],
) -> None:
    """The audit trail says what closing did to the flight, and to each order."""
    flight = encode_id(ids.FLIGHT_DATE, flight_date_id)
    await audit.record(
        uow, audit.Entry(action="departure.closed", subject=flight, after=msgspec.structs.asdict(closed))
    )
    by_order: dict[OrderId, list[bool]] = {}
    for coupon in moved:
        by_order.setdefault(coupon.order_id, []).append(outcomes[coupon])
    for order_id, flown in by_order.items():
        await audit.record(
            uow,
            audit.Entry(
                action="order.departure_closed",
                subject=encode_id(ids.ORDER, order_id),
                order_id=order_id,
                after={"flight": flight, "flown": sum(flown), "no_show": len(flown) - sum(flown)},
            ),
        )


async def _order(uow: UnitOfWork, order_id: OrderId) -> Order:
    order = await orders.find_order(uow.connection, order_id)
    assert order is not None
    return order


async def _post(
    uow: UnitOfWork,
    found: dict[OrderId, Order],
    moved: Sequence[CouponOnFlight],
    outcomes: dict[CouponOnFlight, bool],
    departs_at: datetime,
) -> None:
    """What was unflown of each coupon is earned: as carriage, or because nobody came."""
    held: dict[tuple[UUID | None, int | None], list[Entry]] = {}
    for entry in await coupon_balances(uow.connection, sorted({coupon.document_id for coupon in moved})):
        if entry.account in UNFLOWN:
            held.setdefault((entry.document_id, entry.coupon_number), []).append(entry)
    postings = []
    for coupon in moved:
        order, flown = found[coupon.order_id], outcomes[coupon]
        entries = [entry.reversed() for entry in held.get((coupon.document_id, coupon.number), [])]
        value = Money(sum(entry.amount_minor for entry in entries), order.currency)
        if flown:
            earned = credit(Account.FLOWN_REVENUE, value, document_id=coupon.document_id, coupon_number=coupon.number)
        else:
            earned = await recognise_breakage(
                uow,
                value,
                document_id=coupon.document_id,
                coupon_number=coupon.number,
                kept_at=uow.effective_at,
                expires_at=departs_at + COUPON_VALIDITY,
            )
        postings.append(
            Posting(
                kind="flown" if flown else "no_show",
                cause_type="coupon",
                cause_id=coupon_cause(coupon.document_id, coupon.number),
                order_id=order.id,
                channel=order.channel,
                seller_id=order.seller_id,
                entries=(*entries, earned),
            )
        )
    await post_all(uow, postings)


async def _follow(uow: UnitOfWork, order: Order) -> bool:
    """Whether the order is completed by this: none of its coupons can be flown any more."""
    coupons = coupons_held(await documents_of_order(uow.connection, order.id))
    change = OrderChange(order)
    live = [coupon.status for coupon in coupons.values() if coupon.status not in GONE]
    follow_coupons(change, live, "departure closed")
    await change.write(uow)
    return change.status is OrderStatus.COMPLETED and order.status is not OrderStatus.COMPLETED
