"""A database that lives in January 2027, with the reference data and the carriers of the fictional test schedule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from ais.kit import Actor, Channel, SystemClock
from ais.kit.actor import ActorKind
from ais.platform.database import Database
from ais.platform.embedded import SharedServers
from ais.platform.migration import migrate
from ais.reference import ReferenceData, import_carriers, load_reference, seed_reference

CARRIERS = "code,accounting_code,name_en,name_ar,country_code\nZQ,,Test Air,,SA\nYQ,,Other Air,,AE\n"
TODAY = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)


def _clock() -> SystemClock:
    return SystemClock(shift=TODAY - datetime.now(UTC))


def _build(url: str) -> None:
    migrate(url)
    asyncio.run(_seed(url))


async def _seed(url: str) -> None:
    database = await Database.connect(url, clock=_clock())
    async with database.unit_of_work(Actor(ActorKind.SYSTEM, "test", Channel.CLI)) as uow:
        await seed_reference(uow)
        await import_carriers(uow, CARRIERS)
        await uow.connection.execute("INSERT INTO aircraft_types VALUES ('73F', NULL, '737 freighter', 'Boeing', 1)")
    await database.close()


@pytest.fixture(scope="session")
def template(servers: SharedServers) -> str:
    """The newest schema with reference data, made once per run."""
    return servers.template("ais_template_schedule", _build)


@pytest.fixture
async def database(database_url: str, anyio_backend: object) -> AsyncIterator[Database]:
    """A pool on a database of the test's own, whose clock stands before the summer of 2027 whenever the test runs."""
    database = await Database.connect(database_url, clock=_clock(), maximum=5, application_name="tests")
    yield database
    await database.close()


@pytest.fixture(scope="session")
def _loaded() -> list[ReferenceData]:
    return []


@pytest.fixture
async def reference(database: Database, _loaded: list[ReferenceData]) -> ReferenceData:
    """The reference data of the template, loaded by the first test that asks."""
    if not _loaded:
        async with database.connection() as connection:
            _loaded.append(await load_reference(connection))
    return _loaded[0]
