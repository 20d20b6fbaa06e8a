"""A small but real market: the demo airline's files, on sale for 40 days, as a template that tests copy."""

from __future__ import annotations

import asyncio

from tests.factories.vault import VAULT

from ais.app.demo_load import load_demo_airline
from ais.kit import SystemClock
from ais.platform.database import Database
from ais.platform.embedded import SharedServers
from ais.platform.migration import migrate
from ais.platform.settings import Settings

MARKET_TEMPLATE = "ais_market"
SALE_DAYS = 40


def build_market(url: str) -> None:
    """Fill the empty database at ``url``: newest schema, reference data, schedule, seats, fares and ticket numbers."""
    migrate(url)
    asyncio.run(_load(url))


def market_template(servers: SharedServers) -> str:
    """The name of the template database that holds the market, made once per run and shared by its workers."""
    return servers.template(MARKET_TEMPLATE, build_market)


async def _load(url: str) -> None:
    database = await Database.connect(url, clock=SystemClock(), maximum=4, application_name="tests market", vault=VAULT)
    try:
        await load_demo_airline(database, Settings(database_url=url, sale_days=SALE_DAYS))
    finally:
        await database.close()
