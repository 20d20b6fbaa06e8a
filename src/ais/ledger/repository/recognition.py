"""Every statement on recognition rules and on what is deferred."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import msgspec

from ais.ledger.domain import Account, Item, Moment, RecognitionRule
from ais.platform.database import Connection, UnitOfWork


async def rule_on(connection: Connection, item: Item, day: date) -> Moment | None:
    """The moment that the newest rule not after ``day`` names; None before the first rule."""
    moment = await connection.fetchval(
        "SELECT moment FROM recognition_rules WHERE item = $1 AND valid_from <= $2 ORDER BY valid_from DESC LIMIT 1",
        item,
        day,
    )
    return Moment(moment) if moment else None


async def all_rules(connection: Connection) -> list[RecognitionRule]:
    """The rules of each item, the newest first."""
    rows = await connection.fetch(
        "SELECT item, moment, valid_from, set_by, set_at FROM recognition_rules ORDER BY item, valid_from DESC"
    )
    return [RecognitionRule(Item(row[0]), Moment(row[1]), *row[2:]) for row in rows]


async def insert_rule(uow: UnitOfWork, item: Item, moment: Moment, valid_from: date) -> bool:
    """Add a rule; False if the item has one from that day."""
    done = await uow.connection.execute(
        "INSERT INTO recognition_rules (item, moment, valid_from, set_by) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        item,
        moment,
        valid_from,
        uow.actor.name,
    )
    return bool(done == "INSERT 0 1")


class DeferredSum(msgspec.Struct, frozen=True):
    """What is kept of a coupon and becomes revenue at ``due_at``."""

    account: Account
    document_id: UUID
    coupon_number: int
    currency: str
    minor: int
    due_at: datetime
    order_id: UUID | None
    channel: str
    seller_id: str | None


async def due_deferrals(connection: Connection, limit: int) -> list[DeferredSum]:
    """What has become due and is not recognised yet, the longest due first; what was taken back counts as gone."""
    rows = await connection.fetch(
        """
        SELECT entry.account, entry.document_id, entry.coupon_number, entry.currency,
               -sum(entry.amount_minor)::bigint AS minor, max(entry.due_at) AS due_at,
               (array_agg(posting.order_id ORDER BY posting.id))[1] AS order_id,
               (array_agg(posting.channel ORDER BY posting.id))[1] AS channel,
               (array_agg(posting.seller_id ORDER BY posting.id))[1] AS seller_id
        FROM ledger_entries AS entry JOIN ledger_postings AS posting ON posting.id = entry.posting_id
        WHERE entry.due_at IS NOT NULL AND entry.account IN ('deferred_penalties', 'deferred_breakage')
        GROUP BY entry.account, entry.document_id, entry.coupon_number, entry.currency
        HAVING sum(entry.amount_minor) < 0 AND max(entry.due_at) <= ais_now()
        ORDER BY max(entry.due_at), entry.document_id, entry.coupon_number LIMIT $1
        """,
        limit,
    )
    return [DeferredSum(Account(row["account"]), *list(row.values())[1:]) for row in rows]
