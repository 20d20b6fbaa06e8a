"""What the books do behind the sale: chaining, signing, recognising what has become due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ais.kit import system_actor
from ais.ledger.ports import HeadSink
from ais.ledger.service.chain import chain_everything, sign_head
from ais.ledger.service.recognise import recognise_deferred
from ais.platform.jobs import JobContext, JobRegistry
from ais.platform.signatures import SigningKeys

CHAIN_EVERY_SECONDS = 5
RECOGNISE_EVERY_SECONDS = 3600


def register(registry: JobRegistry, keys: SigningKeys, sinks: Sequence[HeadSink], *, heads_every_seconds: int) -> None:
    """Announce this package's jobs."""

    async def chain(context: JobContext, _payload: dict[str, Any]) -> None:
        await chain_everything(context.database, system_actor(context.name))

    async def sign(context: JobContext, _payload: dict[str, Any]) -> None:
        await sign_head(context.database, keys, sinks)

    registry.schedule("ledger.chain", chain, every_seconds=CHAIN_EVERY_SECONDS, timeout_seconds=600)
    registry.schedule("ledger.sign_head", sign, every_seconds=heads_every_seconds)
    registry.schedule("ledger.recognise_deferred", recognise, every_seconds=RECOGNISE_EVERY_SECONDS)


async def recognise(context: JobContext, _payload: dict[str, Any]) -> None:
    """Post what has become due in small transactions, until nothing more is."""
    while True:
        async with context.unit_of_work() as uow:
            if not await recognise_deferred(uow):
                return
