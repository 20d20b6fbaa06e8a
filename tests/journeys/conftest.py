"""The running program, shared by the stories of one test process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.factories.market import market_template
from tests.factories.people_at_large import CHEAP_PASSWORDS
from tests.factories.running_program import RunningProgram, running_program
from tests.factories.shopper import Shopper
from tests.factories.vault import VAULT

from ais.app.invariants import INVARIANTS
from ais.kit import SystemClock
from ais.platform.database import Database
from ais.platform.embedded import SharedServers
from ais.platform.invariants import find_violations

BRIEF_HOLD_SECONDS = 3.0


@pytest.fixture(scope="session")
def program(servers: SharedServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProgram]:
    """Two web processes, a worker and the simulator on one market; the second one's holds last three seconds."""
    with (
        servers.database(market_template(servers)) as url,
        running_program(
            tmp_path_factory.mktemp("program"),
            url,
            servers.cache_url(),
            web=2,
            environment={"AIS_LOG_LEVEL": "debug", **CHEAP_PASSWORDS},
            web_environments=({}, {"AIS_HOLD_MINUTES": str(BRIEF_HOLD_SECONDS / 60)}),
        ) as program,
    ):
        yield program


@pytest.fixture
async def shopper(program: RunningProgram) -> AsyncIterator[Shopper]:
    async with Shopper(program) as shopper:
        yield shopper


@pytest.fixture
async def stored(program: RunningProgram) -> AsyncIterator[Database]:
    """What the program has stored; at the end every promise about it holds."""
    database = await Database.connect(
        program.database_url, clock=SystemClock(), maximum=2, application_name="tests", vault=VAULT
    )
    yield database
    violations = await find_violations(database, INVARIANTS)
    await database.close()
    assert not violations, violations
