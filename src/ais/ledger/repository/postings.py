"""Every statement on postings and entries. Nothing here takes a lock; a second posting for a cause waits for the first
one's transaction at the unique index, and is then not written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ais.ledger.domain import Account, Entry
from ais.platform.database import Connection, UnitOfWork


async def insert_postings(uow: UnitOfWork, postings: Sequence[dict[str, Any]]) -> set[UUID]:
    """Write postings with their entries, all by one statement; the ids of those whose cause had none yet."""
    rows = await uow.connection.fetch(
        """
        WITH given AS MATERIALIZED (
            SELECT * FROM jsonb_to_recordset($1) AS row (
                id uuid, kind text, cause_type text, cause_id text, order_id uuid, form_of_payment text, channel text,
                seller_id text, happened_at timestamptz, entries jsonb)
        ), posted AS (
            INSERT INTO ledger_postings (id, kind, cause_type, cause_id, order_id, form_of_payment, actor, channel,
                                         seller_id, happened_at, entry_count)
            SELECT id, kind, cause_type, cause_id, order_id, form_of_payment, $2, channel, seller_id,
                   happened_at, jsonb_array_length(entries)
            FROM given ORDER BY kind, cause_type, cause_id
            ON CONFLICT ON CONSTRAINT ledger_postings_one_per_cause DO NOTHING
            RETURNING id
        ), entered AS (
            INSERT INTO ledger_entries (posting_id, number, account, amount_minor, currency, authority, code,
                                        document_id, coupon_number, provider, agency_id, office, shift, credit_id,
                                        due_at)
            SELECT given.id, entry.* FROM given JOIN posted USING (id)
            CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(given.entries) AS (
                number smallint, account text, amount_minor bigint, currency text, authority text, code text,
                document_id uuid, coupon_number smallint, provider text, agency_id text, office text, shift text,
                credit_id uuid, due_at timestamptz)) AS entry
        )
        SELECT id FROM posted
        """,
        postings,
        uow.actor.name,
    )
    return {row["id"] for row in rows}


async def coupon_balances(connection: Connection, document_ids: Sequence[UUID]) -> list[Entry]:
    """What the books hold of the documents' coupons: per coupon, account, authority, code and currency, not zero."""
    rows = await connection.fetch(
        """
        SELECT document_id, coupon_number, account, authority, code, currency, max(due_at) AS due_at,
               sum(amount_minor)::bigint AS amount_minor
        FROM ledger_entries WHERE document_id = ANY($1) AND coupon_number IS NOT NULL
        GROUP BY document_id, coupon_number, account, authority, code, currency HAVING sum(amount_minor) <> 0
        ORDER BY document_id, coupon_number, account, authority, code, currency
        """,
        list(document_ids),
    )
    return [
        Entry(
            account=Account(row["account"]),
            amount_minor=row["amount_minor"],
            currency=row["currency"],
            authority=row["authority"],
            code=row["code"],
            document_id=row["document_id"],
            coupon_number=row["coupon_number"],
            due_at=row["due_at"],
        )
        for row in rows
    ]


async def order_balances(connection: Connection, order_id: UUID) -> dict[tuple[Account, str], int]:
    """Debits less credits of all postings of the order, by account and currency; what is zero is left out."""
    rows = await connection.fetch(
        """
        SELECT account, currency, sum(amount_minor)::bigint AS balance
        FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.posting_id = posting.id
        WHERE posting.order_id = $1 GROUP BY account, currency HAVING sum(amount_minor) <> 0
        """,
        order_id,
    )
    return {(Account(row["account"]), row["currency"]): row["balance"] for row in rows}
