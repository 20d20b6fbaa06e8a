"""The worker process: runs jobs and schedules until it is told to stop."""

from __future__ import annotations

import asyncio
import signal

from ais.app.composition import open_gateways
from ais.app.registry import build_registry
from ais.platform.database import Database
from ais.platform.database_role import warn_of_role
from ais.platform.error_reports import start_error_reports
from ais.platform.jobs.worker import WorkerSettings, run_worker
from ais.platform.settings import Settings
from ais.platform.telemetry import configure_logging, get_logger
from ais.platform.vault import admit_lookup_keys

log = get_logger("worker")
CONCURRENCY = 8


async def serve(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; what runs then is finished or goes back to the queue."""
    configure_logging(settings.log_level, process="worker")
    start_error_reports(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    assert settings.database_url is not None
    database = await Database.connect(
        settings.database_url,
        clock=settings.clock,
        vault=settings.vault,
        maximum=CONCURRENCY + 4,
        application_name="ais worker",
    )
    try:
        async with database.connection() as connection:
            await admit_lookup_keys(connection, settings.vault)
            if settings.production:
                await warn_of_role(connection)
        gateways = open_gateways(settings, database)
        registry = build_registry(settings, gateways)
        database.subscriptions = registry.subscriptions
        log.info("worker started")
        await run_worker(database, registry, stop, WorkerSettings(concurrency=CONCURRENCY))
    finally:
        await database.close()
        log.info("worker stopped")
