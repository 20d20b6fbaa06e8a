"""The job that sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ais.notifications.letters import Letters
from ais.notifications.ports import MailGateway
from ais.notifications.service import DELIVER, deliver_due
from ais.platform.database import Database
from ais.platform.jobs import JobContext, JobRegistry, Retry


def register(registry: JobRegistry, open_gateway: Callable[[], MailGateway], letters: Letters) -> None:
    """Announce this package's jobs."""
    courier = Courier(open_gateway, letters)

    async def deliver(context: JobContext, _payload: dict[str, Any]) -> None:
        await courier.deliver(context.database)

    # Each notice keeps its own tries, so that a run which fails has nothing of its own to repeat.
    registry.job(
        DELIVER, deliver, retry=Retry(attempts=3, first_delay_seconds=5, ceiling_seconds=60), timeout_seconds=150
    )
    registry.schedule("notifications.deliver_waiting", deliver, every_seconds=15, timeout_seconds=150)


class Courier:
    """Sends for one process, one run at a time: with a silent mail server each run takes long, and runs beside each
    other would take the places of all other jobs.
    """

    def __init__(self, open_gateway: Callable[[], MailGateway], letters: Letters) -> None:
        self._open_gateway = open_gateway
        self._letters = letters
        self._is_out = False
        self._is_wanted = False

    async def deliver(self, database: Database) -> None:
        """Send what is due; while another run is out, leave it to that one and return at once."""
        self._is_wanted = True
        if self._is_out:
            return
        self._is_out = True
        try:
            while self._is_wanted:
                self._is_wanted = False
                report = await deliver_due(database, self._open_gateway(), self._letters)
                if report.is_server_down:
                    break
        finally:
            self._is_out = False
