"""Postings by the dozen, and the hands of somebody who may do anything to the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from ais.kit import Actor, Money
from ais.ledger import Account, Posting, chain_everything, count_unchained, credit, debit, post_all
from ais.platform.database import Connection, Database


def capture(minor: int = 10_000, currency: str = "SAR", *, cause: str | None = None, **more: object) -> Posting:
    """Money that came in by a payment."""
    money = Money(minor, currency)
    return Posting(
        kind="captured",
        cause_type="payment",
        cause_id=cause or str(uuid4()),
        entries=(debit(Account.PROVIDER_CLEARING, money, provider="stripe"), credit(Account.CUSTOMER_DEPOSITS, money)),
        **more,  # type: ignore[arg-type]  # the fields of a posting, as a test names them
    )


async def chained(database: Database, actor: Actor, count: int) -> None:
    """So many postings, all in the chain: the n-th is of n riyals, for the cause ``p-n``."""
    async with database.unit_of_work(actor) as uow:
        await post_all(uow, [capture(100 * number, cause=f"p-{number:04}") for number in range(1, count + 1)])
    await chain_all(database, actor)


async def chain_all(database: Database, actor: Actor, *, but: int = 0) -> int:
    """Chain until no posting waits, or so many do; answers how many were chained.

    Transactions are counted for the whole server, so that a test that runs beside this one holds back what is newer.
    """
    chained = 0
    for _ in range(400):
        chained += await chain_everything(database, actor)
        async with database.connection() as connection:
            if await count_unchained(connection) == but:
                return chained
        await asyncio.sleep(0.05)
    raise AssertionError("some transaction stays open")


@asynccontextmanager
async def superuser(database: Database) -> AsyncIterator[Connection]:
    """A transaction past every trigger and foreign key."""
    async with database.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        yield connection
