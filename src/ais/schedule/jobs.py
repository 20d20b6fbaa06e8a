"""Scheduled work: flights stay on sale as far ahead as the horizon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from ais.platform.database import UnitOfWork
from ais.platform.jobs import JobContext, JobRegistry
from ais.reference import load_reference
from ais.schedule.domain import ImportReport
from ais.schedule.ports import SalesOnFlights
from ais.schedule.service.importing import extend_sale_horizon

AfterChange = Callable[[UnitOfWork, ImportReport], Awaitable[None]]
_DAILY = "10 0 * * *"
_TIMEOUT_SECONDS = 900


def register(
    registry: JobRegistry, *, days_ahead: int, after_change: AfterChange, sales: SalesOnFlights | None = None
) -> None:
    """Register the daily extension of the sale horizon to ``days_ahead`` days from then.

    ``after_change`` runs in the same unit of work: there the application brings inventory to the new legs.
    """

    async def extend(context: JobContext, _payload: dict[str, Any]) -> None:
        async with context.unit_of_work() as uow:
            until = uow.clock.now().date() + timedelta(days=days_ahead)
            reference = await load_reference(uow.connection)
            report = await extend_sale_horizon(uow, until, reference=reference, sales=sales)
            await after_change(uow, report)

    registry.schedule("schedule.extend_sale_horizon", extend, cron=_DAILY, timeout_seconds=_TIMEOUT_SECONDS)
