"""What every way of giving up coupons does alike: coupons, segments, order and seats follow each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ais.inventory import SeatsToGiveBack, release_sold
from ais.kit.ids import OrderSegmentId
from ais.orders import repository as orders
from ais.orders.cancellation import repository
from ais.orders.cancellation.domain import DONE, GONE, CouponHeld, Place
from ais.orders.domain import Order, OrderStatus, SegmentStatus
from ais.orders.events import OrderCancelled
from ais.orders.service.states import OrderChange
from ais.platform.database import UnitOfWork
from ais.ticketing import CouponStatus, move_coupons


async def give_up_coupons(
    uow: UnitOfWork,
    change: OrderChange,
    coupons: Mapping[Place, CouponHeld],
    places: Sequence[Place],
    reason: str,
    *,
    source: str,
) -> None:
    """Coupons become refunded, segments that nobody flies are cancelled (XX), the order ends if nothing is left of it,
    and the seats go back on sale. The caller holds the order's lock; the leg cabins are locked here, last.
    """
    order = change.order
    given_up = [coupons[place] for place in places]
    await move_coupons(
        uow,
        [(each.document_id, each.number) for each in given_up],
        CouponStatus.REFUNDED,
        reason,
        source=source,
    )
    gone = set(places)
    left = {place: held for place, held in coupons.items() if place not in gone and held.status not in GONE}
    follow_coupons(change, [held.status for held in left.values()], reason)
    await change.write(uow)
    await cancel_empty_segments(uow, change, {segment_id for _, segment_id in left})
    if change.status is OrderStatus.CANCELLED:
        uow.publish(OrderCancelled(order_id=str(order.id), reason=reason))
    await give_seats_back(uow, order, places)


def follow_coupons(change: OrderChange, left: Iterable[CouponStatus], reason: str) -> None:
    """The order follows the coupons that are left of it: none, none that can still be flown, or some."""
    statuses = set(left)
    if change.status is not OrderStatus.CONFIRMED:
        return
    if not statuses:
        change.status_to(OrderStatus.CANCELLED, reason)
    elif statuses <= DONE:
        change.status_to(OrderStatus.COMPLETED, "no coupon can be flown any more")


async def cancel_empty_segments(uow: UnitOfWork, change: OrderChange, flown: set[OrderSegmentId]) -> None:
    """Segments that nobody flies any more are the customer's to have given up (XX), so that no reinstated flight brings
    them back; where all of the order has ended, those that the airline has cancelled still say so (UN).
    """
    ended = change.status is OrderStatus.CANCELLED
    empty = [
        segment.id
        for segment in change.order.segments
        if segment.id not in flown and not (ended and segment.status is SegmentStatus.CANCELLED)
    ]
    await orders.move_segments(uow, empty, SegmentStatus.CANCELLED, "XX", "given up")


async def give_seats_back(uow: UnitOfWork, order: Order, places: Sequence[Place]) -> None:
    """The seats and the places on laps of what is given up, leg by leg; that each goes back once follows from the
    coupons, which are given up once.
    """
    laps = {passenger.id for passenger in order.passengers if passenger.type == "infant"}
    leaving: dict[OrderSegmentId, tuple[int, int]] = {}
    for passenger_id, segment_id in places:
        seats, infants = leaving.get(segment_id, (0, 0))
        on_lap = passenger_id in laps
        leaving[segment_id] = (seats + (not on_lap), infants + on_lap)
    items = [
        SeatsToGiveBack(each.leg_id, each.cabin, each.rbd, *leaving[each.segment_id])
        for each in await repository.seats_carried(uow, order.id)
        if each.segment_id in leaving
    ]
    await release_sold(uow, order.hold_id, items)
