"""Every statement on a chain and its signed heads, and its one lock: an advisory one that the chaining job holds for
each batch, so that two workers cannot chain at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from ais.platform.chain.links import Link, SignedHead
from ais.platform.database import Connection, UnitOfWork

_AIS = 0x616973  # the bytes of "ais": the class of advisory locks that are the program's


def instant(column: str) -> str:
    """SQL for an instant as contents write it: UTC, six digits of the second."""
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


class ChainedTable(msgspec.Struct, frozen=True):
    """A table with a chain. ``name`` is that of the chain and begins the names of its tables; ``rows`` is the table,
    ``alias`` its name in ``content``, SQL for what a row says as text, null for a row that is gone; ``key`` the column
    of the chain that refers to the row's id. ``noun`` and ``gone`` are words for people.
    """

    name: str
    rows: str
    alias: str
    key: str
    content: str
    noun: str
    gone: str

    @property
    def lock(self) -> tuple[int, int]:
        """The advisory lock: "ais" and the first four bytes of the chain's name."""
        return _AIS, int.from_bytes(self.name.encode()[:4], "big")


async def walk_by_index(connection: Connection) -> None:
    """For the rest of the transaction: take links and rows one by one by their keys, never a whole table for a few.

    The chain is walked in small steps, of which each would be worth a scan of everything by the planner's reckoning.
    """
    await connection.execute(
        "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL statement_timeout = 0"
    )


class Horizon(msgspec.Struct, frozen=True):
    """Transactions: below ``settled`` none is open any more; ``begin`` is where chaining goes on, ``upcoming`` the next
    to be given out. A place to go on beyond that means that the database was restored by a dump, which counts anew.
    """

    settled: str
    upcoming: str
    begin: str
    restored: bool


async def lock_chain(uow: UnitOfWork, table: ChainedTable) -> Horizon | None:
    """How far may be chained; None while another worker does. Held until the unit of work ends."""
    if not await uow.connection.fetchval("SELECT pg_try_advisory_xact_lock($1, $2)", *table.lock):
        return None
    await walk_by_index(uow.connection)
    row = await uow.connection.fetchrow(
        f"""
        SELECT pg_snapshot_xmin(at)::text, pg_snapshot_xmax(at)::text, next_transaction_id::text,
               next_transaction_id > pg_snapshot_xmax(at)
        FROM {table.name}_chain_progress, pg_current_snapshot() AS at
        """  # noqa: S608  # made of constants
    )
    return Horizon(*row)


async def unchained(uow: UnitOfWork, table: ChainedTable, horizon: Horizon, limit: int) -> list[tuple[UUID, str, str]]:
    """Rows that can no longer be overtaken and are not in the chain: id, content, transaction; in their order.

    After a restore the numbers of the old server's transactions say nothing: all that it left is looked through once.
    """
    alias = table.alias
    if horizon.restored:
        condition = f"({alias}.transaction_id < $1::text::xid8 OR {alias}.transaction_id >= $2::text::xid8)"
        bounds = (horizon.settled, horizon.upcoming)
    else:
        condition = f"{alias}.transaction_id < $1::text::xid8 AND {alias}.transaction_id >= $2::text::xid8"
        bounds = (horizon.settled, horizon.begin)
    rows = await uow.connection.fetch(
        f"""
        SELECT {alias}.id, {table.content}, {alias}.transaction_id::text FROM {table.rows} AS {alias}
        WHERE {condition} AND NOT EXISTS (SELECT FROM {table.name}_chain WHERE {table.key} = {alias}.id)
        ORDER BY {alias}.transaction_id, {alias}.id LIMIT $3
        """,  # noqa: S608  # made of constants
        *bounds,
        limit,
    )
    return [tuple(row) for row in rows]


async def append_links(
    uow: UnitOfWork, table: ChainedTable, links: Sequence[tuple[int, UUID, bytes]], go_on_at: str | None
) -> None:
    """Add (position, row, hash) and note where chaining goes on, None for where it stands."""
    await uow.connection.execute(
        f"""
        WITH progress AS (
            UPDATE {table.name}_chain_progress SET next_transaction_id = $4::text::xid8
            WHERE $4::text IS NOT NULL AND next_transaction_id <> $4::text::xid8
        )
        INSERT INTO {table.name}_chain (position, {table.key}, hash)
        SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bytea[])
        """,  # noqa: S608  # made of constants
        [position for position, _, _ in links],
        [row_id for _, row_id, _ in links],
        [digest for _, _, digest in links],
        go_on_at,
    )


async def last_link(connection: Connection, table: ChainedTable) -> tuple[int, bytes] | None:
    """Position and hash of the chain's end."""
    row = await connection.fetchrow(
        f"SELECT position, hash FROM {table.name}_chain ORDER BY position DESC LIMIT 1"  # noqa: S608  # a constant
    )
    return tuple(row) if row else None


async def links_after(connection: Connection, table: ChainedTable, position: int, limit: int) -> list[Link]:
    """The next links with what their rows say now."""
    rows = await connection.fetch(
        f"""
        SELECT link.position, link.{table.key}, link.hash, {table.content} AS content
        FROM (SELECT * FROM {table.name}_chain WHERE position > $1 ORDER BY position LIMIT $2) AS link
        LEFT JOIN {table.rows} AS {table.alias} ON {table.alias}.id = link.{table.key}
        ORDER BY link.position
        """,  # noqa: S608  # made of constants
        position,
        limit,
    )
    return [Link(*row) for row in rows]


async def count_waiting(connection: Connection, table: ChainedTable) -> int:
    """:func:`count_unchained` from where chaining goes on, without reading what is chained long since.

    After a restore, until the job has looked through all, everything is counted.
    """
    waiting: int = await connection.fetchval(
        f"""
        SELECT count(*) FROM {table.rows} AS {table.alias}
        WHERE {table.alias}.transaction_id >= (
                SELECT CASE WHEN next_transaction_id > pg_snapshot_xmax(pg_current_snapshot()) THEN '0'::xid8
                            ELSE next_transaction_id END FROM {table.name}_chain_progress)
          AND NOT EXISTS (SELECT FROM {table.name}_chain WHERE {table.key} = {table.alias}.id)
        """  # noqa: S608  # made of constants
    )
    return waiting


async def count_unchained(connection: Connection, table: ChainedTable) -> int:
    """How many rows wait for their place in the chain."""
    waiting: int = await connection.fetchval(
        f"SELECT (SELECT count(*) FROM {table.rows}) - (SELECT count(*) FROM {table.name}_chain)"  # noqa: S608  # constants
    )
    return waiting


async def insert_head(uow: UnitOfWork, table: ChainedTable, head: SignedHead) -> None:
    """Note a signed head; one of that position stays as it was."""
    await uow.connection.execute(
        f"INSERT INTO {table.name}_heads (position, hash, signed_at, key_id, signature) VALUES ($1, $2, $3, $4, $5)"  # noqa: S608  # a constant
        " ON CONFLICT DO NOTHING",
        head.position,
        bytes.fromhex(head.hash),
        head.signed_at,
        head.key_id,
        head.signature,
    )


async def last_head(connection: Connection, table: ChainedTable) -> SignedHead | None:
    """The newest head that was signed."""
    row: asyncpg.Record | None = await connection.fetchrow(
        f"SELECT position, encode(hash, 'hex'), signed_at, key_id, signature FROM {table.name}_heads"  # noqa: S608  # a constant
        " ORDER BY position DESC LIMIT 1"
    )
    if row is None:
        return None
    position, digest, signed_at, key_id, signature = row
    return SignedHead(position, digest, signed_at, key_id, signature, table.name)


def chain_holds(table: ChainedTable) -> str:
    """SQL that finds the links which do not follow from the one before and from what their row says."""
    return f"""
        SELECT link.position, link.{table.key}, link.previous_position
        FROM (
            SELECT link.*, lag(link.position, 1, 0::bigint) OVER (ORDER BY link.position) AS previous_position,
                   lag(link.hash, 1, decode(repeat('00', 32), 'hex')) OVER (ORDER BY link.position) AS previous_hash,
                   {table.content} AS content
            FROM {table.name}_chain AS link
            LEFT JOIN {table.rows} AS {table.alias} ON {table.alias}.id = link.{table.key}
        ) AS link
        WHERE link.position <> link.previous_position + 1
           OR link.hash IS DISTINCT FROM sha256(link.previous_hash || convert_to(link.content, 'UTF8'))
        """  # noqa: S608  # made of constants


def heads_agree(table: ChainedTable) -> str:
    """SQL that finds the signed heads which are not the chain's hash at their position."""
    return f"""
        SELECT head.position, head.signed_at, encode(head.hash, 'hex') AS signed, encode(link.hash, 'hex') AS present
        FROM {table.name}_heads AS head LEFT JOIN {table.name}_chain AS link USING (position)
        WHERE head.hash IS DISTINCT FROM link.hash
        """  # noqa: S608  # made of constants
