"""Everything that a worker runs, put together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ais.accounts import audit
from ais.accounts import jobs as account_jobs
from ais.app import notices, reconciliation
from ais.app.accounts import open_cache
from ais.app.head_mail import mail_sinks
from ais.app.schedule_import import extend_sale
from ais.inventory import jobs as inventory_jobs
from ais.ledger import jobs as ledger_jobs
from ais.orders import handlers as order_handlers
from ais.orders import jobs as order_jobs
from ais.orders import settle_order_payment
from ais.orders.cancellation import jobs as cancellation_jobs
from ais.orders.privacy import jobs as privacy_jobs
from ais.payments import Gateways
from ais.payments import jobs as payment_jobs
from ais.platform.chain import FolderSink
from ais.platform.idempotency import remove_expired_records
from ais.platform.jobs import JobContext, JobRegistry, Retry, housekeeping
from ais.platform.settings import Settings
from ais.platform.signatures import SigningKeys
from ais.reference import load_reference

_RECORDS_AT_ONCE = 5000
_DAILY = Retry(attempts=5, first_delay_seconds=60, ceiling_seconds=3600)


def build_registry(settings: Settings, gateways: Gateways) -> JobRegistry:
    """The jobs, handlers and schedules of the whole program."""
    registry = JobRegistry()
    housekeeping.register(registry)
    account_jobs.register(registry, lambda: open_cache(settings))
    inventory_jobs.register(registry)
    ledger_jobs.register(
        registry,
        SigningKeys(settings.ledger_signing_keys),
        (FolderSink(settings.heads_dir), *mail_sinks(settings)),
        heads_every_seconds=settings.ledger_heads_minutes * 60,
    )
    audit.CHAIN.register(
        registry,
        SigningKeys(settings.ledger_signing_keys),
        (FolderSink(settings.audit_heads_dir), *mail_sinks(settings)),
        heads_every_seconds=settings.ledger_heads_minutes * 60,
    )
    payment_jobs.register(
        registry,
        gateways,
        reconciliation.provider_lists(settings),
        settle_order_payment,
        keep_messages=timedelta(days=settings.keep_messages_days),
    )
    order_jobs.register(registry, gateways)
    cancellation_jobs.register(registry, gateways)
    privacy_jobs.register(
        registry,
        unpaid=timedelta(days=settings.keep_unpaid_days),
        travelled=timedelta(days=settings.keep_travelled_days),
    )
    order_handlers.register(registry)
    notices.register(registry, settings, gateways)
    reconciliation.register(registry, settings, gateways)
    registry.schedule("platform.remove_expired_answers", remove_expired_answers, cron="7 * * * *", timeout_seconds=300)

    async def extend_horizon(context: JobContext, _payload: dict[str, Any]) -> None:
        async with context.unit_of_work() as uow:
            await uow.connection.execute("SET LOCAL statement_timeout = 0")
            until = context.clock.now().date() + timedelta(days=settings.sale_days)
            await extend_sale(uow, until, reference=await load_reference(uow.connection))

    registry.schedule(
        "schedule.extend_sale_horizon", extend_horizon, cron="11 0 * * *", retry=_DAILY, timeout_seconds=600
    )
    return registry


async def remove_expired_answers(context: JobContext, _payload: dict[str, Any]) -> None:
    """Forget stored answers whose 24 hours are over, in small steps."""
    while True:
        async with context.unit_of_work() as uow:
            removed = await remove_expired_records(uow, limit=_RECORDS_AT_ONCE)
        if removed < _RECORDS_AT_ONCE:
            return
