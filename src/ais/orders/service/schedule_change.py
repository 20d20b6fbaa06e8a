"""What a changed schedule does to orders: their segments learn of it, nothing is deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from ais.kit import encode_id, ids
from ais.kit.ids import OrderId, OrderSegmentId
from ais.orders import repository
from ais.orders.domain import SegmentStatus
from ais.orders.events import OrderFlightsCancelled
from ais.platform.audit import Entry, record
from ais.platform.database import UnitOfWork


async def cancel_segments(
    uow: UnitOfWork,
    *,
    flight_date_ids: Sequence[UUID] = (),
    segment_ids: Sequence[int] = (),
    reason: str,
    order_id: OrderId | None = None,
) -> int:
    """Segments on flights that do not operate become cancelled (UN), and each order tells of it; how many there were.

    ``order_id`` leaves the other orders alone.
    """
    affected = await repository.segments_on(
        uow,
        flight_date_ids=flight_date_ids,
        segment_ids=segment_ids,
        statuses=(SegmentStatus.CONFIRMED, SegmentStatus.SCHEDULE_CHANGED),
        order_id=order_id,
    )
    await repository.move_segments(uow, affected, SegmentStatus.CANCELLED, "UN", reason)
    by_order = await _record(uow, "order.segments_cancelled", affected)
    for affected_order, its_segments in by_order.items():
        uow.publish(OrderFlightsCancelled(str(affected_order), tuple(str(each) for each in its_segments)))
    return len(affected)


async def retime_segments(uow: UnitOfWork, flight_date_ids: Sequence[UUID], reason: str) -> int:
    """Segments whose times have changed become schedule changed (TK); how many there were."""
    affected = await repository.segments_on(uow, flight_date_ids=flight_date_ids, statuses=(SegmentStatus.CONFIRMED,))
    await repository.move_segments(uow, affected, SegmentStatus.SCHEDULE_CHANGED, "TK", reason)
    await _record(uow, "order.segments_retimed", affected)
    return len(affected)


async def reinstate_segments(uow: UnitOfWork, flight_date_ids: Sequence[UUID], reason: str) -> int:
    """Segments that the airline had cancelled (UN) are flown after all; how many there were.

    What the customer gave up stays so.
    """
    affected = await repository.segments_on(
        uow, flight_date_ids=flight_date_ids, statuses=(SegmentStatus.CANCELLED,), code="UN"
    )
    await repository.move_segments(uow, affected, SegmentStatus.CONFIRMED, "HK", reason)
    await _record(uow, "order.segments_reinstated", affected)
    return len(affected)


async def _record(
    uow: UnitOfWork, action: str, segment_ids: Sequence[OrderSegmentId]
) -> Mapping[OrderId, Sequence[OrderSegmentId]]:
    """Note in the audit trail, order by order, what happened to segments; answers which are whose."""
    by_order = await repository.orders_of_segments(uow, segment_ids)
    for order_id, of_order in by_order.items():
        segments = [encode_id(ids.SEGMENT, segment_id) for segment_id in of_order]
        subject = encode_id(ids.ORDER, order_id)
        await record(uow, Entry(action=action, subject=subject, order_id=order_id, after={"segments": segments}))
    return by_order
