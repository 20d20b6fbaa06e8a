"""The command line on a copy of the market: the demo airline, on sale for 40 days."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.factories.command_line import CommandLine
from tests.factories.market import market_template
from tests.factories.programs import market, module_program, own_program, simulator

from ais.platform.embedded import SharedServers

__all__ = ["market", "module_program", "own_program", "simulator"]


@pytest.fixture
def market_url(servers: SharedServers) -> Iterator[str]:
    """A database of the test's own that holds the market."""
    with servers.database(market_template(servers)) as url:
        yield url


@pytest.fixture(scope="session")
def shared_market_url(servers: SharedServers) -> Iterator[str]:
    """A market for tests that only look at it."""
    with servers.database(market_template(servers)) as url:
        yield url


@pytest.fixture
def ais(market_url: str, tmp_path: Path) -> CommandLine:
    return CommandLine(market_url, tmp_path)


@pytest.fixture
def ais_to_look(shared_market_url: str, tmp_path: Path) -> CommandLine:
    return CommandLine(shared_market_url, tmp_path)
