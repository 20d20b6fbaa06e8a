"""Whether a database holds the demo airline already: asked at every start, so it imports next to nothing."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from pathlib import Path

import asyncpg

from ais.app.demo_data import CARRIER, HUB_ZONE
from ais.kit.localtime import local_date

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations" / "versions"


def is_loaded(database_url: str, sale_days: int, now: datetime) -> bool:
    """Whether the schema is at its newest revision and flights are on sale as far ahead as they should be."""
    until = local_date(now, HUB_ZONE) + timedelta(days=sale_days)
    return asyncio.run(_is_loaded(database_url, until))


async def _is_loaded(database_url: str, until: date) -> bool:
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return False
        if await connection.fetchval("SELECT version_num FROM alembic_version") != _newest_revision():
            return False
        horizon: date | None = await connection.fetchval(
            "SELECT max(departure_date) FROM flight_dates WHERE carrier = $1", CARRIER
        )
    finally:
        await connection.close()
    return horizon is not None and horizon >= until


def _newest_revision() -> str:
    return max(path.name.partition("_")[0] for path in MIGRATIONS.glob("*.py"))
