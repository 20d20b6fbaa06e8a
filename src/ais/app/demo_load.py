"""Loading the demo airline: its files go in the way any airline's would. A program of its own, run by ``ais demo``."""

from __future__ import annotations

import asyncio
import sys
from datetime import date, timedelta

from rich.console import Console

from ais.app import demo_data
from ais.app.accounts import load_demo_people, open_accounts
from ais.app.composition import open_gateways
from ais.app.progress_bar import progress_bar
from ais.app.registry import build_registry
from ais.app.schedule_import import extend_sale, import_schedule
from ais.fares import import_fares
from ais.kit import Channel, system_actor
from ais.kit.localtime import local_date
from ais.platform.database import Database, UnitOfWork
from ais.platform.migration import migrate
from ais.platform.settings import Settings, load_settings
from ais.reference import import_carriers, load_reference, seed_reference
from ais.schedule import Progress, import_cabin_layouts, import_connecting_times
from ais.ticketing import add_number_range

FARE_FILES = ("brands.csv", "fares.csv", "fare_rules.csv", "taxes.csv", "discounts.csv", "points_of_sale.csv")
ACTOR = system_actor("demo", Channel.CLI)


async def load_demo_airline(database: Database, settings: Settings, progress: Progress | None = None) -> bool:
    """Bring the demo airline into the database and its sale up to the horizon; whether anything had to be loaded.

    Everything is one unit of work, so that a demo that is interrupted here begins again from nothing.
    """
    today = local_date(database.clock.now(), demo_data.HUB_ZONE)
    until = today + timedelta(days=settings.sale_days)
    async with database.connection() as connection:
        horizon = await connection.fetchval(
            "SELECT max(departure_date) FROM flight_dates WHERE carrier = $1", demo_data.CARRIER
        )
    if horizon is not None and horizon >= until:
        return False
    async with database.unit_of_work(ACTOR) as uow:
        await uow.connection.execute("SET LOCAL statement_timeout = 0")
        if horizon is None:
            await _load_base_data(uow)
        await _load_schedules(uow, today, until, progress)
        if horizon is None:
            await _load_fares(uow)
    return True


async def _load_base_data(uow: UnitOfWork) -> None:
    await seed_reference(uow)
    await import_carriers(uow, demo_data.demo_file("carriers.csv"))
    await import_connecting_times(uow, demo_data.demo_file("minimum_connecting_times.csv"))
    await import_cabin_layouts(uow, demo_data.demo_file("cabin_layouts.csv"))
    await _load_inventory_rules(uow)
    for row in demo_data.demo_rows("ticket_numbers.csv"):
        await add_number_range(
            uow, row["carrier"], row["accounting_code"], int(row["first_serial"]), int(row["last_serial"])
        )


async def _load_inventory_rules(uow: UnitOfWork) -> None:
    await uow.connection.executemany(
        """
        INSERT INTO booking_class_ladders (carrier, cabin, rbd, rank, limit_percent) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (carrier, cabin, rbd) DO NOTHING
        """,
        [
            (row["carrier"], row["cabin"], row["rbd"], int(row["rank"]), int(row["limit_percent"]))
            for row in demo_data.demo_rows("booking_class_ladders.csv")
        ],
    )
    await uow.connection.executemany(
        "INSERT INTO overbooking_levels (carrier, cabin, percent) VALUES ($1, $2, $3)"
        " ON CONFLICT (carrier, cabin) DO NOTHING",
        [(row["carrier"], row["cabin"], int(row["percent"])) for row in demo_data.demo_rows("overbooking.csv")],
    )


async def _load_schedules(uow: UnitOfWork, today: date, until: date, progress: Progress | None) -> None:
    reference = await load_reference(uow.connection)
    files = demo_data.schedule_files(today, until)
    for position, season in enumerate(files):
        if progress is not None:
            progress(position, len(files))
        await import_schedule(uow, season.content, reference=reference, until=until)
    await extend_sale(uow, until, reference=reference)
    if progress is not None:
        progress(len(files), len(files))


async def _load_fares(uow: UnitOfWork) -> None:
    files = {name: demo_data.demo_file(f"fares/{name}") for name in FARE_FILES}
    await import_fares(uow, files, await load_reference(uow.connection))


async def _load(settings: Settings) -> None:
    console = Console(stderr=True)
    assert settings.database_url is not None
    database = await Database.connect(
        settings.database_url, clock=settings.clock, vault=settings.vault, application_name="ais demo"
    )
    # A schedule that has changed since the last start is told to the orders on it.
    database.subscriptions = build_registry(settings, open_gateways(settings, database)).subscriptions
    try:
        with progress_bar(console, "Loading Rimal Air: schedules, seats and fares") as progress:
            loaded = await load_demo_airline(database, settings, progress)
        accounts = open_accounts(settings, database)
        await load_demo_people(accounts)
        accounts.passwords.close()
        async with database.connection() as connection:
            flights, last = await connection.fetchrow(
                "SELECT count(*), max(departure_date) FROM flight_dates WHERE carrier = $1", demo_data.CARRIER
            )
        verb = "loaded" if loaded else "is there"
        console.print(f"Rimal Air (9Z) {verb}: {flights:,} flight dates on sale to {last}.")
    finally:
        await database.close()


def main() -> int:
    """Migrate the database that ``DATABASE_URL`` names and load the demo airline into it."""
    settings = load_settings()
    if settings.database_url is None:
        sys.stderr.write("DATABASE_URL is not set.\n")
        return 2
    migrate(settings.database_url)
    asyncio.run(_load(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
