"""Reconciliation, put together: whose lists are read, how orders follow, and when it runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ais.kit import Actor, system_actor
from ais.orders import settle_order_payment
from ais.payments import Gateways, ProviderLists, Reconciler, ReconciliationReport, Window, reconcile
from ais.payments.adapters.stripe.lists import StripeLists
from ais.platform.database import Database
from ais.platform.jobs import JobContext, JobRegistry, Retry
from ais.platform.settings import Settings

RECENT = timedelta(hours=2)
WEEK = timedelta(days=7)
_RETRY = Retry(attempts=4, first_delay_seconds=60, ceiling_seconds=600)


def provider_lists(settings: Settings) -> ProviderLists:
    """Whose lists are read."""
    return StripeLists(settings.stripe_secret_key, settings.stripe_api_base)


async def reconcile_with_provider(
    settings: Settings,
    database: Database,
    gateways: Gateways,
    window: Window,
    actor: Actor,
    correlation_id: str,
    *,
    is_dry_run: bool = False,
) -> ReconciliationReport:
    """Compare the books with Stripe's own lists; see :func:`ais.payments.reconcile`."""
    lists = provider_lists(settings)
    run = Reconciler(
        database=database,
        gateways=gateways,
        lists=lists,
        settle=settle_order_payment,
        actor=actor,
        correlation_id=correlation_id,
        is_dry_run=is_dry_run,
    )
    return await reconcile(run, window)


def window_before(now: datetime, length: timedelta) -> Window:
    """The time of that length that ends now; nothing of this very second is left out."""
    return Window(now - length, now + timedelta(seconds=1))


def register(registry: JobRegistry, settings: Settings, gateways: Gateways) -> None:
    """Announce the nightly and the hourly run."""

    def work(length: timedelta) -> Any:
        async def run(context: JobContext, _payload: dict[str, Any]) -> None:
            await reconcile_with_provider(
                settings,
                context.database,
                gateways,
                window_before(context.clock.now(), length),
                system_actor(context.name),
                context.correlation_id,
            )

        return run

    registry.schedule("payments.reconcile_recent", work(RECENT), cron="23 * * * *", retry=_RETRY, timeout_seconds=1800)
    registry.schedule("payments.reconcile_week", work(WEEK), cron="41 1 * * *", retry=_RETRY, timeout_seconds=7200)
