"""Where storms take place: servers and a simulator that serve one storm after the other."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path

from tests.factories.mailbox import Mailbox, start_mailbox
from tests.factories.market import market_template
from tests.factories.stripe_simulator import StripeSimulator, start_stripe_simulator
from tests.simulation.storm.storm import Report, storm

from ais.platform.embedded import SharedServers

Mutation = Callable[[str], AbstractAsyncContextManager[None]]


class Field:
    """Servers, the market's template, the simulator and a mailbox."""

    def __init__(self, servers: SharedServers, template: str, simulator: StripeSimulator, mailbox: Mailbox) -> None:
        self.servers = servers
        self._template = template
        self._simulator = simulator
        self._mailbox = mailbox

    async def storm(self, seed: int, *, faulty: bool = True, mutation: Mutation | None = None) -> Report:
        """The storm of this seed, on a database of its own; ``mutation`` is given its address and changes the program
        for as long as the storm lasts.
        """
        with self.servers.database(self._template) as url:
            async with mutation(url) if mutation else nullcontext():
                return await storm(url, self.servers.cache_url(), self._simulator, self._mailbox, seed, faulty=faulty)


@asynccontextmanager
async def open_field() -> AsyncIterator[Field]:
    """Everything started; ended with the block."""
    import anyio.to_thread

    with (
        tempfile.TemporaryDirectory(prefix="ais-storm-") as name,
        SharedServers(Path(tempfile.gettempdir()) / f"ais-storm-{os.getpid()}") as servers,
    ):
        template = await anyio.to_thread.run_sync(market_template, servers)
        simulator = start_stripe_simulator(Path(name), options=("--settle-seconds", "20"))
        mailbox = start_mailbox(Path(name))
        try:
            yield Field(servers, template, simulator, mailbox)
        finally:
            mailbox.kill()
            simulator.kill()
