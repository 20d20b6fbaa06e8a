"""A database that lives in January 2027, with the reference data and the carriers of the fictional test schedule."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from ais.kit import Actor, SystemClock
from ais.platform.database import Database
from ais.reference import ReferenceData, import_carriers, load_reference, seed_reference

CARRIERS = "code,accounting_code,name_en,name_ar,country_code\nZQ,,Test Air,,SA\nYQ,,Other Air,,AE\n"
TODAY = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str, anyio_backend: object) -> AsyncIterator[Database]:
    """A pool on a database of the test's own, whose clock stands before the summer of 2027 whenever the test runs."""
    clock = SystemClock(shift=TODAY - datetime.now(UTC))
    database = await Database.connect(database_url, clock=clock, maximum=5, application_name="tests")
    yield database
    await database.close()


@pytest.fixture
async def reference(database: Database, actor: Actor) -> ReferenceData:
    async with database.unit_of_work(actor) as uow:
        await seed_reference(uow)
        await import_carriers(uow, CARRIERS)
        await uow.connection.execute("INSERT INTO aircraft_types VALUES ('73F', NULL, '737 freighter', 'Boeing', 1)")
    async with database.connection() as connection:
        return await load_reference(connection)
