"""Persons of orders that the clock looks after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from ais.kit.ids import OrderId
from ais.orders.privacy import repository
from ais.orders.privacy.service import ErasureRefused, erase_orders, seal_next
from ais.platform.jobs import JobContext, JobRegistry
from ais.platform.telemetry import get_logger

log = get_logger("orders.privacy")

_ERASED_AT_ONCE = 500
_BATCHES = 20


def register(registry: JobRegistry, *, unpaid: timedelta, travelled: timedelta) -> None:
    """Announce these schedules; the times are how long persons are kept, see docs/operations/privacy.md."""

    async def erase_past_use(context: JobContext, _payload: dict[str, Any]) -> None:
        after, due = None, [OrderId(UUID(int=0))]
        while due:
            async with context.database.connection() as connection:
                due = await repository.orders_past_use(
                    connection, unpaid=unpaid, travelled=travelled, after=after, limit=_ERASED_AT_ONCE
                )
            for order_id in due:
                after = order_id
                try:
                    async with context.unit_of_work() as uow:
                        await erase_orders(uow, [order_id], "no longer needed")
                except ErasureRefused as refusal:
                    log.info("persons are still needed", order_id=str(order_id), open=refusal.details["open"])

    registry.schedule("orders.seal_old_rows", seal_old_rows, every_seconds=300, timeout_seconds=300)
    registry.schedule("orders.erase_past_use", erase_past_use, cron="37 2 * * *", timeout_seconds=3600)


async def seal_old_rows(context: JobContext, _payload: dict[str, Any]) -> None:
    """Seal orders that were written in the clear, a batch a transaction; the next run goes on."""
    for _ in range(_BATCHES):
        async with context.unit_of_work() as uow:
            looked_at, sealed = await seal_next(uow)
        if sealed:
            log.info("orders sealed", sealed=sealed)
        if not looked_at:
            return
