"""The job that sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ais.notifications.letters import Letters
from ais.notifications.ports import MailGateway
from ais.notifications.service import DELIVER, deliver_due
from ais.platform.jobs import JobContext, JobRegistry, Retry


def register(registry: JobRegistry, open_gateway: Callable[[], MailGateway], letters: Letters) -> None:
    """Announce this package's jobs."""

    async def deliver(context: JobContext, _payload: dict[str, Any]) -> None:
        await deliver_due(context.database, open_gateway(), letters)

    # Each notice keeps its own tries, so that a run which fails has nothing of its own to repeat.
    registry.job(DELIVER, deliver, retry=Retry(attempts=3, first_delay_seconds=5, ceiling_seconds=60))
    registry.schedule("notifications.deliver_waiting", deliver, every_seconds=15)
