"""What the books do behind the sale: chaining, signing, recognising what has become due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ais.ledger.repository.chain import CHAIN
from ais.ledger.service.recognise import recognise_deferred
from ais.platform.chain import HeadSink
from ais.platform.jobs import JobContext, JobRegistry
from ais.platform.signatures import SigningKeys

RECOGNISE_EVERY_SECONDS = 3600


def register(registry: JobRegistry, keys: SigningKeys, sinks: Sequence[HeadSink], *, heads_every_seconds: int) -> None:
    """Announce this package's jobs."""
    CHAIN.register(registry, keys, sinks, heads_every_seconds=heads_every_seconds)
    registry.schedule("ledger.recognise_deferred", recognise, every_seconds=RECOGNISE_EVERY_SECONDS)


async def recognise(context: JobContext, _payload: dict[str, Any]) -> None:
    """Post what has become due in small transactions, until nothing more is."""
    while True:
        async with context.unit_of_work() as uow:
            if not await recognise_deferred(uow):
                return
