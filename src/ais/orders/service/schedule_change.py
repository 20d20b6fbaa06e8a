"""What a changed schedule does to orders: their segments learn of it, nothing is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ais.kit.ids import OrderId
from ais.orders import repository
from ais.orders.domain import SegmentStatus
from ais.orders.events import OrderFlightsCancelled
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
    for affected_order, its_segments in (await repository.orders_of_segments(uow, affected)).items():
        uow.publish(OrderFlightsCancelled(str(affected_order), tuple(str(each) for each in its_segments)))
    return len(affected)


async def retime_segments(uow: UnitOfWork, flight_date_ids: Sequence[UUID], reason: str) -> int:
    """Segments whose times have changed become schedule changed (TK); how many there were."""
    affected = await repository.segments_on(uow, flight_date_ids=flight_date_ids, statuses=(SegmentStatus.CONFIRMED,))
    await repository.move_segments(uow, affected, SegmentStatus.SCHEDULE_CHANGED, "TK", reason)
    return len(affected)


async def reinstate_segments(uow: UnitOfWork, flight_date_ids: Sequence[UUID], reason: str) -> int:
    """Segments that the airline had cancelled (UN) are flown after all; how many there were.

    What the customer gave up stays so.
    """
    affected = await repository.segments_on(
        uow, flight_date_ids=flight_date_ids, statuses=(SegmentStatus.CANCELLED,), code="UN"
    )
    await repository.move_segments(uow, affected, SegmentStatus.CONFIRMED, "HK", reason)
    return len(affected)
