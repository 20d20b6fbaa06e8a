"""The program in process with a mailbox beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.factories.in_process import InProcess, in_process
from tests.factories.mailbox import Mailbox, start_mailbox
from tests.factories.programs import market, simulator

__all__ = ["mailbox", "mailing_program", "market", "program", "running_mailbox", "simulator"]

MAIL_FROM = "booking@rimal.example"
SITE = "https://fly.rimal.example"


@pytest.fixture(scope="session")
def running_mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    """One mailbox for the whole run of a worker."""
    running = start_mailbox(tmp_path_factory.mktemp("mailbox"))
    yield running
    running.kill()


@pytest.fixture(scope="session")
async def mailing_program(servers, market, simulator, running_mailbox, anyio_backend) -> AsyncIterator[InProcess]:
    """The program on one database, with mail."""
    with servers.database(market) as url:
        settings = {
            "smtp_url": running_mailbox.smtp_url,
            "mail_from": MAIL_FROM,
            "public_url": SITE,
            "allowed_hosts": "ais.test",
        }
        async with in_process(url, servers.cache_url(), simulator, **settings) as running:
            yield running


@pytest.fixture
def mailbox(running_mailbox: Mailbox) -> Iterator[Mailbox]:
    """The mailbox, empty and well behaved."""
    running_mailbox.clear()
    yield running_mailbox
    running_mailbox.clear()


@pytest.fixture
async def program(mailing_program: InProcess, mailbox: Mailbox) -> AsyncIterator[InProcess]:
    """The program, with no notice of an earlier test waiting; what must always hold still does afterwards."""
    async with mailing_program.database.connection() as connection:
        await connection.execute(
            "UPDATE notices SET status = 'withdrawn', ended_at = ais_now() WHERE status = 'waiting'"
        )
    await mailing_program.run_jobs()
    mailbox.clear()
    yield mailing_program
    mailing_program.simulator.control("DELETE", "/faults")
    await mailing_program.require_invariants()
