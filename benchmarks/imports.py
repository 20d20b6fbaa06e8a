"""How fast schedules come in: an SSIM file of a big carrier, and the recorded year of one carrier's flights.

Each in a process of its own against one embedded PostgreSQL with its durable settings: legs per second and the most
memory that the process took. Run: ``python -m benchmarks.imports``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from ais.app.demo_load import load_demo_airline
from ais.app.schedule_import import import_nycflights_schedule, import_schedule
from ais.kit import Channel, system_actor
from ais.platform.database import Database
from ais.platform.embedded import EmbeddedServers
from ais.platform.migration import migrate
from ais.platform.settings import load_settings
from ais.reference import load_reference
from ais.schedule import export_ssim

ACTOR = system_actor("benchmark", Channel.CLI)
CARRIER = "B6"


async def recorded_year(database: Database) -> int:
    """Import the recorded year of one carrier with its seats; the number of legs."""
    first = date.today() + timedelta(days=1)
    async with database.unit_of_work(ACTOR) as uow:
        await uow.connection.execute("SET LOCAL statement_timeout = 0")
        reference = await load_reference(uow.connection)
        await import_nycflights_schedule(uow, CARRIER, first_date=first, reference=reference)
    return await _legs(database, CARRIER)


async def ssim(database: Database) -> int:
    """Import all seasons of the demo airline as one would a new carrier's, three years ahead; the number of legs."""
    settings = load_settings({"AIS_SALE_DAYS": "400"})
    await load_demo_airline(database, settings)
    return await _legs(database, "9Z")


async def again(database: Database) -> int:
    """Import what is in force once more, which changes nothing; the number of legs."""
    async with database.unit_of_work(ACTOR) as uow:
        content = await export_ssim(uow.connection, "9Z", season="S27")
        until = date.today() + timedelta(days=400)
        report = await import_schedule(uow, content, reference=await load_reference(uow.connection), until=until)
        assert not report.changes, report
    return await _legs(database, "9Z")


async def _legs(database: Database, carrier: str) -> int:
    async with database.connection() as connection:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM legs JOIN flight_dates AS flown ON flown.id = flight_date_id WHERE carrier = $1",
            carrier,
        )
    return count


async def _measure(name: str) -> None:
    database = await Database.connect(os.environ["DATABASE_URL"], application_name="benchmark")
    began = time.perf_counter()
    legs = await {"ssim": ssim, "again": again, "recorded_year": recorded_year}[name](database)
    seconds = time.perf_counter() - began
    await database.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name}: {legs:,} legs in {seconds:.1f} s ({legs / seconds:,.0f} legs/s), {memory} MB")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("only", nargs="?", choices=("ssim", "again", "recorded_year"))
    chosen = arguments.parse_args()
    if chosen.only:
        asyncio.run(_measure(chosen.only))
        return
    with tempfile.TemporaryDirectory(prefix="ais-bench-imports-") as name:
        Path(name).chmod(0o755)  # the database's own user must be able to enter it
        with EmbeddedServers(Path(name) / "data") as servers:
            migrate(servers.database_url)
            for part in ("ssim", "again", "recorded_year"):
                subprocess.run(
                    [sys.executable, "-m", "benchmarks.imports", part],
                    env={**os.environ, "DATABASE_URL": servers.database_url},
                    check=True,
                )


if __name__ == "__main__":
    main()
