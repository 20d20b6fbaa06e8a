"""Work on what is given up that the clock or a cancelled flight asks for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ais.kit import system_actor
from ais.kit.ids import OrderId
from ais.orders.cancellation import repository
from ais.orders.cancellation.service.flight_cancelled import follow_flight_cancellation
from ais.payments import Gateways
from ais.platform.database import UnitOfWork
from ais.platform.jobs import JobContext, JobRegistry, Retry

_RETRY = Retry(attempts=12, first_delay_seconds=2, ceiling_seconds=600)
FOLLOW_FLIGHT_CANCELLATION = "orders.follow_flight_cancellation"


def register(registry: JobRegistry, gateways: Gateways) -> None:
    """Announce these jobs."""

    async def follow(context: JobContext, payload: dict[str, Any]) -> None:
        await follow_flight_cancellation(
            context.database,
            gateways,
            OrderId(UUID(payload["order_id"])),
            UUID(payload["flight_date_id"]),
            give_back=payload["give_back"],
            actor=system_actor(context.name),
            correlation_id=context.correlation_id,
        )

    registry.job(FOLLOW_FLIGHT_CANCELLATION, follow, retry=_RETRY)
    registry.schedule("orders.expire_quotes", expire_quotes, every_seconds=60)


def ask_to_follow(uow: UnitOfWork, order_id: UUID, flight_date_id: UUID, *, give_back: bool) -> None:
    """Let a worker bring the order to the cancelled flight; asking again while it waits changes nothing."""
    uow.enqueue(
        FOLLOW_FLIGHT_CANCELLATION,
        {"order_id": str(order_id), "flight_date_id": str(flight_date_id), "give_back": give_back},
        dedupe_key=f"flight:{flight_date_id}:{order_id}:{give_back}",
    )


async def expire_quotes(context: JobContext, _payload: dict[str, Any]) -> None:
    """End the cancellation quotes whose time is over; they hold no more from that time on, whether ended or not."""
    async with context.unit_of_work() as uow:
        await repository.expire_quotes(uow, 1000)
