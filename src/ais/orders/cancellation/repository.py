"""Every statement on cancellation quotes. Their lock comes after the order's, which guards all of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from ais.kit.ids import ApprovalId, CancellationQuoteId, OrderId, OrderSegmentId, PassengerId
from ais.orders.cancellation.domain import Quote, QuoteStatus
from ais.platform.database import Connection, UnitOfWork

_QUOTE = """
    SELECT quote.*,
        (SELECT coalesce(jsonb_agg(to_jsonb(line) ORDER BY line.position), '[]')
         FROM cancellation_quote_lines AS line WHERE line.quote_id = quote.id) AS lines
    FROM cancellation_quotes AS quote
"""


async def insert_quote(uow: UnitOfWork, quote: Quote) -> None:
    """Write a new quote with its lines; the order's open one, if there is any, is superseded by it."""
    await uow.connection.execute(
        """
        UPDATE cancellation_quotes SET status = 'superseded', resolved_at = ais_now(), resolved_by = $2
        WHERE order_id = $1 AND status = 'open'
        """,
        quote.order_id,
        uow.actor.name,
    )
    content: dict[str, Any] = msgspec.to_builtins(quote)
    await uow.connection.execute(
        """
        WITH new_quote AS (
            INSERT INTO cancellation_quotes (id, order_id, status, kind, refund_to, currency, penalty_minor,
                                             non_refundable_minor, refund_minor, waived_minor, waiver_reason, basis,
                                             made_by, channel, created_at, expires_at)
            SELECT id, order_id, status, kind, refund_to, currency, penalty_minor, non_refundable_minor, refund_minor,
                   waived_minor, waiver_reason, basis, $3, $4, created_at, expires_at
            FROM jsonb_populate_record(NULL::cancellation_quotes, $1)
        )
        INSERT INTO cancellation_quote_lines (quote_id, position, order_id, price_line_position, passenger_id,
                                              order_segment_id, kind, code, paid_minor, kept_minor, penalty_minor,
                                              shortfall_minor, refunded_minor, taken_minor, rule, details)
        SELECT $5, position, $6, price_line_position, passenger_id, order_segment_id, kind, code, paid_minor,
               kept_minor, penalty_minor, shortfall_minor, refunded_minor, taken_minor, rule, details
        FROM jsonb_populate_recordset(NULL::cancellation_quote_lines, $2)
        """,
        content,
        content["lines"],
        uow.actor.name,
        uow.actor.channel,
        quote.id,
        quote.order_id,
    )


async def find_quote(connection: Connection, quote_id: CancellationQuoteId) -> Quote | None:
    """The quote with its lines."""
    row = await connection.fetchrow(f"{_QUOTE} WHERE quote.id = $1", quote_id)
    return msgspec.convert(dict(row), Quote) if row else None


async def keep_quote_for(
    uow: UnitOfWork, quote_id: CancellationQuoteId, approval_id: ApprovalId, expires_at: datetime
) -> None:
    """The open quote waits for this approval: it holds until then."""
    await uow.connection.execute(
        "UPDATE cancellation_quotes SET approval_id = $2, expires_at = $3 WHERE id = $1 AND status = 'open'",
        quote_id,
        approval_id,
        expires_at,
    )


async def lock_quote(uow: UnitOfWork, quote_id: CancellationQuoteId) -> Quote | None:
    """The quote, locked until the unit of work ends; its order must be locked before it. Those who end quotes whose
    time is over hold the quote alone, and pass by one that is locked.
    """
    await uow.connection.execute("SELECT FROM cancellation_quotes WHERE id = $1 FOR UPDATE", quote_id)
    return await find_quote(uow.connection, quote_id)


async def resolve_quote(uow: UnitOfWork, quote_id: CancellationQuoteId, status: QuoteStatus) -> None:
    """An open quote reaches its end."""
    await uow.connection.execute(
        "UPDATE cancellation_quotes SET status = $2, resolved_at = ais_now(), resolved_by = $3 WHERE id = $1",
        quote_id,
        status,
        uow.actor.name,
    )


async def expire_quotes(uow: UnitOfWork, limit: int) -> int:
    """End open quotes whose time is over, as far as nobody is at work on them; how many there were."""
    tag = await uow.connection.execute(
        """
        UPDATE cancellation_quotes SET status = 'expired', resolved_at = ais_now(), resolved_by = $2
        WHERE id IN (SELECT id FROM cancellation_quotes WHERE status = 'open' AND expires_at <= (SELECT ais_now())
                     ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
        """,
        limit,
        uow.actor.name,
    )
    return int(tag.rsplit(" ", 1)[1])


class Carried(msgspec.Struct, frozen=True):
    """A leg cabin and class in which an order's hold has seats sold for one of its segments."""

    segment_id: OrderSegmentId
    leg_id: int
    cabin: str
    rbd: str


async def seats_carried(uow: UnitOfWork, order_id: OrderId) -> list[Carried]:
    """Where the order's sold seats are counted, by segment.

    Reads the schedule's legs and inventory's hold items: which seats are a segment's is known from both alone, and a
    flight that was rerouted since has other legs than those that were sold.
    """
    rows = await uow.connection.fetch(
        """
        SELECT DISTINCT sold.id AS segment_id, item.leg_id, item.cabin, item.rbd
        FROM orders
        JOIN order_segments AS sold ON sold.order_id = orders.id
        JOIN segments AS flown ON flown.id = sold.segment_id
        JOIN legs AS leg ON leg.flight_date_id = flown.flight_date_id
                        AND leg.sequence BETWEEN flown.board_sequence AND flown.off_sequence
        JOIN hold_items AS item ON item.hold_id = standing_hold(orders.hold_id) AND item.leg_id = leg.id
                               AND item.rbd = sold.booking_class AND item.cabin = sold.cabin AND item.state = 'sold'
        WHERE orders.id = $1
        ORDER BY item.leg_id
        """,
        order_id,
    )
    return [Carried(*row) for row in rows]


async def shortfalls_kept(connection: Connection, order_id: OrderId) -> dict[PassengerId, int]:
    """What earlier cancellations kept of each passenger for what had been flown."""
    rows = await connection.fetch(
        """
        SELECT line.passenger_id, sum(line.shortfall_minor)::bigint AS kept
        FROM cancellation_quotes AS quote JOIN cancellation_quote_lines AS line ON line.quote_id = quote.id
        WHERE quote.order_id = $1 AND quote.status = 'confirmed' GROUP BY line.passenger_id
        """,
        order_id,
    )
    return {PassengerId(row["passenger_id"]): row["kept"] for row in rows}


async def minutes_moved(connection: Connection, order_id: OrderId) -> dict[OrderSegmentId, int]:
    """By how many minutes the schedule now departs or arrives earlier or later than what was sold, whichever is more;
    segments that are on time are left out, and so are cancelled ones.

    Reads the schedule's segments, as they are now.
    """
    rows = await connection.fetch(
        """
        SELECT id, minutes FROM (
            SELECT sold.id, greatest(
                abs(extract(epoch FROM flown.departs_at - sold.departs_at)),
                abs(extract(epoch FROM flown.arrives_at - sold.arrives_at)))::bigint / 60 AS minutes
            FROM order_segments AS sold JOIN segments AS flown ON flown.id = sold.segment_id
            WHERE sold.order_id = $1 AND sold.status <> 'cancelled' AND flown.status <> 'cancelled'
        ) AS moved WHERE minutes > 0
        """,
        order_id,
    )
    return {OrderSegmentId(row["id"]): row["minutes"] for row in rows}


async def recovered_of(connection: Connection, order_id: OrderId) -> int:
    """How much of what banks have taken in lost disputes earlier cancellations of the order have made up for, in minor
    units.
    """
    recovered: int = await connection.fetchval(
        """
        SELECT coalesce(sum(line.taken_minor), 0)::bigint
        FROM cancellation_quotes AS quote JOIN cancellation_quote_lines AS line ON line.quote_id = quote.id
        WHERE quote.order_id = $1 AND quote.status = 'confirmed'
        """,
        order_id,
    )
    return recovered


async def issued_at(connection: Connection, order_id: OrderId) -> datetime | None:
    """When the order's documents were issued, the first of them."""
    at: datetime | None = await connection.fetchval(
        "SELECT min(issued_at) FROM documents WHERE order_id = $1", order_id
    )
    return at
