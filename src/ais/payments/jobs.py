"""Work that carries money to its end: refunds at the provider, and halves that a crash left behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from ais.kit import AppError, system_actor
from ais.kit.ids import RefundId
from ais.payments import repository
from ais.payments.errors import RefundExceedsPaid, RefundsFrozen
from ais.payments.ports import Gateways, SettlesPayments
from ais.payments.reconciliation import ProviderLists
from ais.payments.service.credit import expire_credit
from ais.payments.service.receive import ask_for_event, handle_event
from ais.payments.service.refund import call_refund, refuse_refund, settle_refund
from ais.platform.database import Database
from ais.platform.faults import fault_point
from ais.platform.jobs import JobContext, JobRegistry, Retry
from ais.platform.telemetry import get_logger

log = get_logger("payments.jobs")

RECHECK_SECONDS = 60.0
OVERDUE_SECONDS = 300.0
_SHORTENED_AT_ONCE = 2000


def register(
    registry: JobRegistry,
    gateways: Gateways,
    lists: ProviderLists,
    settle: SettlesPayments,
    *,
    keep_messages: timedelta,
) -> None:
    """Announce this package's jobs; ``settle`` brings an order to what its payment is now, ``keep_messages`` is how
    long a provider's message is kept in full.
    """

    async def handle(context: JobContext, payload: dict[str, Any]) -> None:
        await handle_event(context.database, gateways, lists, settle, payload["event_id"], context.correlation_id)

    async def refund(context: JobContext, payload: dict[str, Any]) -> None:
        await carry_out_refund(context.database, gateways, RefundId(UUID(payload["refund_id"])))

    async def recheck_refunds(context: JobContext, _payload: dict[str, Any]) -> None:
        async with context.database.connection() as connection:
            pending = await repository.pending_refunds(connection, older_than_seconds=RECHECK_SECONDS, limit=100)
        for refund_id in pending:
            try:
                await carry_out_refund(context.database, gateways, refund_id)
            except AppError as problem:
                # The next round tries this one again; the others go on.
                log.warning("refund waits for the provider", refund_id=str(refund_id), code=problem.code)

    async def shorten_messages(context: JobContext, _payload: dict[str, Any]) -> None:
        shortened = _SHORTENED_AT_ONCE
        while shortened == _SHORTENED_AT_ONCE:
            async with context.unit_of_work() as uow:
                shortened = await repository.shorten_events(uow, keep_messages, _SHORTENED_AT_ONCE)

    registry.job("payments.handle_event", handle)
    registry.schedule("payments.shorten_messages", shorten_messages, cron="53 2 * * *", timeout_seconds=600)
    registry.schedule("payments.handle_overdue_events", handle_overdue_events, every_seconds=60)
    registry.schedule("payments.expire_credits", expire_credits, cron="23 * * * *")
    registry.job("payments.refund", refund, retry=Retry(attempts=12, first_delay_seconds=2, ceiling_seconds=3600))
    registry.schedule("payments.recheck_refunds", recheck_refunds, every_seconds=60)


async def carry_out_refund(database: Database, gateways: Gateways, refund_id: RefundId) -> None:
    """Call the provider and settle; safe to repeat. What the provider has not left to give back ends as failed."""
    try:
        found = await call_refund(database, gateways, refund_id)
    except (RefundExceedsPaid, RefundsFrozen) as refused:
        reason = "disputed" if isinstance(refused, RefundsFrozen) else refused.code.lower()
        async with database.unit_of_work(system_actor("payments.refund")) as uow:
            await refuse_refund(uow, refund_id, reason)
        return
    if found is None:
        return
    fault_point("refunds.called")
    async with database.unit_of_work(system_actor("payments.refund")) as uow:
        await settle_refund(uow, refund_id, found)


async def expire_credits(context: JobContext, _payload: dict[str, Any]) -> None:
    """Take what is left of travel credits whose time is over."""
    async with context.database.connection() as connection:
        due = await repository.credits_to_expire(connection, 1000)
    for credit_id in due:
        async with context.unit_of_work() as uow:
            await expire_credit(uow, credit_id)


async def handle_overdue_events(context: JobContext, _payload: dict[str, Any]) -> None:
    """Ask again for messages whose job was lost or has died, so that none is forgotten."""
    async with context.database.connection() as connection:
        overdue = await repository.overdue_events(connection, seconds=OVERDUE_SECONDS, limit=500)
    async with context.unit_of_work() as uow:
        for event_id in overdue:
            ask_for_event(uow, event_id)
