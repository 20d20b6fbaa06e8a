"""Fixtures that every test may ask for: a real PostgreSQL and Valkey, a fresh database, clocks."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.factories.vault import VAULT

from ais.kit import Channel, FixedClock, SystemClock
from ais.kit.actor import Actor, ActorKind
from ais.platform.database import Database
from ais.platform.embedded import SharedServers
from ais.platform.migration import migrate

TEMPLATE = "ais_template"

# How long an example takes is the machine's affair; `make bench` measures what is ours.
settings.register_profile(
    "ais",
    parent=settings(),
    deadline=None,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("ais")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, or one worker would be left with them at the end while the other has nothing to do."""
    items.sort(key=lambda item: "simulation" not in item.path.parts)


def pytest_collection_finish() -> None:
    """What a worker has loaded by now stays until its end; walking it again and again costs a tenth of a run."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return ("asyncio", {"use_uvloop": True})


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedServers]:
    """One PostgreSQL and one Valkey for the whole run, shared by its workers."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"single-{os.getpid()}"
    with SharedServers(Path(tempfile.gettempdir()) / f"ais-tests-{run}") as shared:
        yield shared


@pytest.fixture(scope="session")
def template(servers: SharedServers) -> str:
    """The name of a database with the newest schema, made once per run."""
    return servers.template(TEMPLATE, migrate)


@pytest.fixture
def database_url(servers: SharedServers, template: str) -> Iterator[str]:
    """A database of the test's own, with the newest schema and no rows."""
    with servers.database(template) as url:
        yield url


@pytest.fixture
def redis_url(servers: SharedServers) -> str:
    """An empty Valkey database."""
    return servers.cache_url()


@pytest.fixture
async def database(database_url: str, anyio_backend: object) -> AsyncIterator[Database]:
    """A pool on a database of the test's own."""
    database = await Database.connect(
        database_url, clock=SystemClock(), maximum=20, application_name="tests", vault=VAULT
    )
    yield database
    await database.close()


@pytest.fixture
def actor() -> Actor:
    return Actor(ActorKind.SYSTEM, "test", Channel.CLI)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2027, 1, 15, 9, 0, tzinfo=UTC))
