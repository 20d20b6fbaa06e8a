"""Entries of the audit trail by the dozen, and what stands in it."""

from __future__ import annotations

import asyncio
from typing import Any

from ais.accounts.audit import CHAIN
from ais.kit import Actor, decode_id, ids, system_actor
from ais.platform.audit import Entry, record
from ais.platform.database import Database


async def chained_entries(database: Database, actor: Actor, count: int, *, first: int = 1) -> None:
    """So many entries, all in the chain: the n-th is of the lamp ``lmp_n``."""
    async with database.unit_of_work(actor) as uow:
        for number in range(first, first + count):
            await record(uow, Entry(action="lamp.lit", subject=f"lmp_{number:04}", after={"watts": number}))
    await chain_all_entries(database, actor)


async def chain_all_entries(database: Database, actor: Actor) -> None:
    """Chain until no entry waits; a test that runs beside this one holds back what is newer."""
    for _ in range(400):
        await CHAIN.extend_to_the_end(database, actor)
        async with database.connection() as connection:
            if await CHAIN.count_unchained(connection) == 0:
                return
        await asyncio.sleep(0.05)
    raise AssertionError("some transaction stays open")


async def entries(database: Database, columns: str, condition: str = "true", *arguments: Any) -> list[Any]:
    """Columns of the entries that fit, oldest first; of one column its values."""
    async with database.connection() as connection:
        found = await connection.fetch(
            f"SELECT {columns} FROM audit_entries WHERE {condition} ORDER BY transaction_id, occurred_at, id",
            *arguments,
        )
    return [row[0] if len(row) == 1 else tuple(row) for row in found]


async def audited(program: Any, order: dict[str, Any]) -> None:
    """The entry of a move that a test has written into the order's history by hand, in the request ``test``."""
    entry = Entry(action="test.moved", subject=order["id"], order_id=decode_id(ids.ORDER, order["id"]))
    await program.database.audit(system_actor("test"), entry, "test")
