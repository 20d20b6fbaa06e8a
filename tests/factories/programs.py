"""Fixtures of the program in process: one that tests share, and one of a test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.factories.in_process import InProcess, in_process
from tests.factories.market import market_template
from tests.factories.stripe_simulator import StripeSimulator, start_stripe_simulator

from ais.platform.embedded import SharedServers


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeSimulator]:
    """One simulator for the whole run of a worker; it posts no webhooks."""
    running = start_stripe_simulator(tmp_path_factory.mktemp("provider"), options=("--settle-seconds", "3600"))
    yield running
    running.kill()


@pytest.fixture(scope="session")
def market(servers: SharedServers) -> str:
    """The name of the database template with the market; building it takes an event loop of its own."""
    return market_template(servers)


@pytest.fixture(scope="session")
async def shared_program(
    servers: SharedServers, market: str, simulator: StripeSimulator, anyio_backend: object
) -> AsyncIterator[InProcess]:
    """The program on one database for all tests that look at their own orders only."""
    with servers.database(market) as url:
        async with (
            in_process(url, servers.cache_url(), simulator) as program,
            program.database.connection() as program.watcher,
        ):
            yield program
            await program.require_invariants()


@pytest.fixture
async def program(shared_program: InProcess) -> AsyncIterator[InProcess]:
    """The shared program without faults at the provider; whatever a test did, everything that must hold still does.

    What no sale changes, schedule and fares, is looked at once, in the end.
    """
    yield shared_program
    shared_program.simulator.control("DELETE", "/faults")
    await shared_program.require_invariants(but=("schedule", "fares", "reference"))


@pytest.fixture(scope="module")
async def module_program(
    servers: SharedServers, market: str, simulator: StripeSimulator, anyio_backend: object
) -> AsyncIterator[InProcess]:
    """The program on a database of the module's own, whose tests keep to flights of their own."""
    with servers.database(market) as url:
        async with in_process(url, servers.cache_url(), simulator) as program:
            await program.run_jobs()
            yield program
            async with program.later(minutes=20) as late:
                await late.require_invariants()


@pytest.fixture
async def own_program(servers: SharedServers, market: str, simulator: StripeSimulator) -> AsyncIterator[InProcess]:
    """The program on a database of the test's own."""
    with servers.database(market) as url:
        async with in_process(url, servers.cache_url(), simulator) as program:
            # A schedule is due first an interval after it was seen first.
            await program.run_jobs()
            yield program
            simulator.control("DELETE", "/faults")
            # Under a clock at which what tests have let expire really is over, and nothing else is overdue yet.
            async with program.later(minutes=20) as late:
                await late.require_invariants()
