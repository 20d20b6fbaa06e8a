"""Every statement on the hash chain and its signed heads, and its one lock: an advisory one that the chaining job holds
for each batch, so that two workers cannot chain at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from ais.ledger.domain import Link, SignedHead
from ais.platform.database import Connection, UnitOfWork

# The bytes of "ais" and of "ledg".
_CHAIN_LOCK = (0x616973, 0x6C656467)


def _instant(column: str) -> str:
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


# What a posting says, as JSON that every language writes the same way: an array of arrays of strings and nulls, ", "
# between them; first the posting's fields in the order of POSTING_FIELDS, then each entry's in that of ENTRY_FIELDS.
# Null if there are no entries, and for a posting that is gone.
CONTENT = f"""
    '[' || json_build_array(
        posting.id::text, posting.kind, posting.cause_type, posting.cause_id, posting.order_id::text,
        posting.form_of_payment, posting.actor, posting.channel, posting.seller_id, {_instant("posting.happened_at")},
        {_instant("posting.recorded_at")}, posting.entry_count::text)::text
    || (SELECT string_agg(', ' || json_build_array(
            entry.number::text, entry.account, entry.amount_minor::text, entry.currency, entry.authority, entry.code,
            entry.document_id::text, entry.coupon_number::text, entry.provider, entry.agency_id, entry.office,
            entry.shift, entry.credit_id::text, {_instant("entry.due_at")})::text, '' ORDER BY entry.number)
        FROM ledger_entries AS entry WHERE entry.posting_id = posting.id) || ']'
"""  # noqa: S608  # made of constants


async def walk_by_index(connection: Connection) -> None:
    """For the rest of the transaction: take links and postings one by one by their keys, never a whole table for a few.

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


async def lock_chain(uow: UnitOfWork) -> Horizon | None:
    """How far may be chained; None while another worker does. Held until the unit of work ends."""
    if not await uow.connection.fetchval("SELECT pg_try_advisory_xact_lock($1, $2)", *_CHAIN_LOCK):
        return None
    await walk_by_index(uow.connection)
    row = await uow.connection.fetchrow(
        """
        SELECT pg_snapshot_xmin(at)::text, pg_snapshot_xmax(at)::text, next_transaction_id::text,
               next_transaction_id > pg_snapshot_xmax(at)
        FROM ledger_chain_progress, pg_current_snapshot() AS at
        """
    )
    return Horizon(*row)


async def unchained(uow: UnitOfWork, horizon: Horizon, limit: int) -> list[tuple[UUID, str, str]]:
    """Postings that can no longer be overtaken and are not in the chain: id, content, transaction; in their order.

    After a restore the numbers of the old server's transactions say nothing: all that it left is looked through once.
    """
    if horizon.restored:
        condition = "(posting.transaction_id < $1::text::xid8 OR posting.transaction_id >= $2::text::xid8)"
        bounds = (horizon.settled, horizon.upcoming)
    else:
        condition = "posting.transaction_id < $1::text::xid8 AND posting.transaction_id >= $2::text::xid8"
        bounds = (horizon.settled, horizon.begin)
    rows = await uow.connection.fetch(
        f"""
        SELECT posting.id, {CONTENT}, posting.transaction_id::text FROM ledger_postings AS posting
        WHERE {condition} AND NOT EXISTS (SELECT FROM ledger_chain WHERE posting_id = posting.id)
        ORDER BY posting.transaction_id, posting.id LIMIT $3
        """,  # noqa: S608  # made of constants
        *bounds,
        limit,
    )
    return [tuple(row) for row in rows]


async def append_links(uow: UnitOfWork, links: Sequence[tuple[int, UUID, bytes]], go_on_at: str | None) -> None:
    """Add (position, posting, hash) and note where chaining goes on, None for where it stands."""
    await uow.connection.execute(
        """
        WITH progress AS (
            UPDATE ledger_chain_progress SET next_transaction_id = $4::text::xid8
            WHERE $4::text IS NOT NULL AND next_transaction_id <> $4::text::xid8
        )
        INSERT INTO ledger_chain (position, posting_id, hash)
        SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bytea[])
        """,
        [position for position, _, _ in links],
        [posting_id for _, posting_id, _ in links],
        [digest for _, _, digest in links],
        go_on_at,
    )


async def last_link(connection: Connection) -> tuple[int, bytes] | None:
    """Position and hash of the chain's end."""
    row = await connection.fetchrow("SELECT position, hash FROM ledger_chain ORDER BY position DESC LIMIT 1")
    return tuple(row) if row else None


async def links_after(connection: Connection, position: int, limit: int) -> list[Link]:
    """The next links with what their postings say now."""
    rows = await connection.fetch(
        f"""
        SELECT link.position, link.posting_id, link.hash, {CONTENT} AS content
        FROM (SELECT * FROM ledger_chain WHERE position > $1 ORDER BY position LIMIT $2) AS link
        LEFT JOIN ledger_postings AS posting ON posting.id = link.posting_id
        ORDER BY link.position
        """,  # noqa: S608  # made of constants
        position,
        limit,
    )
    return [Link(*row) for row in rows]


async def count_waiting(connection: Connection) -> int:
    """:func:`count_unchained` from where chaining goes on, without reading what is chained long since.

    After a restore, until the job has looked through all, everything is counted.
    """
    waiting: int = await connection.fetchval(
        """
        SELECT count(*) FROM ledger_postings AS posting
        WHERE posting.transaction_id >= (
                SELECT CASE WHEN next_transaction_id > pg_snapshot_xmax(pg_current_snapshot()) THEN '0'::xid8
                            ELSE next_transaction_id END FROM ledger_chain_progress)
          AND NOT EXISTS (SELECT FROM ledger_chain WHERE posting_id = posting.id)
        """
    )
    return waiting


async def count_unchained(connection: Connection) -> int:
    """How many postings wait for their place in the chain."""
    waiting: int = await connection.fetchval(
        "SELECT (SELECT count(*) FROM ledger_postings) - (SELECT count(*) FROM ledger_chain)"
    )
    return waiting


async def insert_head(uow: UnitOfWork, head: SignedHead) -> None:
    """Note a signed head; one of that position stays as it was."""
    await uow.connection.execute(
        "INSERT INTO ledger_heads (position, hash, signed_at, key_id, signature) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT DO NOTHING",
        head.position,
        bytes.fromhex(head.hash),
        head.signed_at,
        head.key_id,
        head.signature,
    )


async def last_head(connection: Connection) -> SignedHead | None:
    """The newest head that was signed."""
    row: asyncpg.Record | None = await connection.fetchrow(
        "SELECT position, encode(hash, 'hex'), signed_at, key_id, signature FROM ledger_heads"
        " ORDER BY position DESC LIMIT 1"
    )
    return SignedHead(*row) if row else None
