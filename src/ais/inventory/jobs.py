"""Scheduled work of inventory: resolving holds that have ended, forgetting what every process has read."""

from __future__ import annotations

from typing import Any

from ais.inventory import repository
from ais.inventory.availability import CHANGES_KEPT_SECONDS
from ais.inventory.service import sweep_expired_holds
from ais.platform.jobs import JobContext, JobRegistry

SWEEP_EVERY_SECONDS = 5
_HOLDS_AT_ONCE = 100
_SWEEPS_AT_MOST = 200


def register(registry: JobRegistry) -> None:
    """Register the hold sweep and the purge of change rows."""
    registry.schedule("inventory.sweep_holds", sweep_holds, every_seconds=SWEEP_EVERY_SECONDS)
    registry.schedule("inventory.purge_changes", purge_changes, every_seconds=60)


async def sweep_holds(context: JobContext, _payload: dict[str, Any]) -> None:
    """Resolve ended holds in small transactions, so that no flight is locked for long, until none are left."""
    for _ in range(_SWEEPS_AT_MOST):
        async with context.unit_of_work() as uow:
            swept = await sweep_expired_holds(uow, _HOLDS_AT_ONCE)
        if swept < _HOLDS_AT_ONCE:
            return


async def purge_changes(context: JobContext, _payload: dict[str, Any]) -> None:
    """Remove rows about changes that every process has had a quarter of an hour to read."""
    async with context.unit_of_work() as uow:
        await repository.purge_changes(uow.connection, CHANGES_KEPT_SECONDS)
