"""Mail at another time: what the sending job does, without moving the schedules that other tests wait for."""

from __future__ import annotations

from typing import Any

from tests.factories.in_process import JSON, InProcess, order_id

from ais.app.notices import open_letters, open_mail_gateway
from ais.notifications import DeliveryReport, deliver_due


async def deliver(program: InProcess, **shift: float) -> DeliveryReport:
    """Send what is due under a clock that is ahead by ``shift``."""
    async with program.later(**shift) as later:
        return await deliver_due(
            later.database, open_mail_gateway(program.settings), open_letters(program.settings, program.gateways)
        )


async def notices_of(program: InProcess, order: JSON) -> list[Any]:
    """Kind, status, tries and last error of each notice of an order, oldest first."""
    return await program.rows(
        "SELECT kind, status, attempts, last_error FROM notices WHERE order_id = $1 ORDER BY id", order_id(order)
    )
