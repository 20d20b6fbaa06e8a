"""Every statement on documents, coupons and number ranges.

Lock order: coupons of a document by number; the number range last of all, because every sale of the carrier meets at
that one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from ais.kit import Money
from ais.kit.ids import DocumentId, OrderId
from ais.platform.database import Connection, UnitOfWork
from ais.ticketing.domain import Coupon, CouponStatus, Document, DocumentStatus, DocumentType
from ais.ticketing.errors import TicketRangeInvalid


class NumberBlock(msgspec.Struct, frozen=True):
    """Consecutive serials that are now taken: ``first`` and as many as were asked for."""

    accounting_code: str
    first: int


class OpenCoupons(msgspec.Struct, frozen=True):
    """Coupons that could still be used at an instant, of one currency, and what they were worth."""

    currency: str
    coupons: int
    fare: Money
    carrier_charges: Money


class NumberRange(msgspec.Struct, frozen=True):
    """Serials of a carrier, ``first`` to ``last``; the lowest ``used`` of them are documents."""

    carrier: str
    accounting_code: str
    first: int
    last: int
    used: int
    added_at: datetime

    @property
    def left(self) -> int:
        """How many serials are not used yet."""
        return self.last - self.first + 1 - self.used


async def number_ranges(connection: Connection, carrier: str | None = None) -> list[NumberRange]:
    """The ranges of a carrier, or of all, in the order in which their numbers are taken."""
    rows = await connection.fetch(
        """
        SELECT carrier, accounting_code, first_serial, last_serial, next_serial - first_serial AS used, created_at
        FROM ticket_number_ranges WHERE $1::text IS NULL OR carrier = $1 ORDER BY carrier, first_serial
        """,
        carrier,
    )
    return [NumberRange(*row) for row in rows]


async def carrier_with_code(uow: UnitOfWork, carrier: str) -> tuple[str, str | None] | None:
    """The carrier and the accounting code that the reference data gives it; None if there is no such carrier."""
    row = await uow.connection.fetchrow("SELECT code, accounting_code FROM carriers WHERE code = $1", carrier)
    return (row["code"], row["accounting_code"]) if row else None


async def insert_range(uow: UnitOfWork, carrier: str, accounting_code: str, first: int, last: int) -> bool:
    """Add a range of serials; False if the very same exists. An overlap raises :class:`TicketRangeInvalid`."""
    try:
        inserted = await _insert_range(uow, carrier, accounting_code, first, last)
    except asyncpg.ExclusionViolationError:
        raise TicketRangeInvalid(reason="it overlaps a range that exists") from None
    if inserted is None:
        raise TicketRangeInvalid(reason="it overlaps a range that exists")
    return inserted


async def _insert_range(uow: UnitOfWork, carrier: str, accounting_code: str, first: int, last: int) -> bool | None:
    """True if it is new, False if it was there; None if another range begins at the same serial."""
    inserted: bool | None = await uow.connection.fetchval(
        """
        WITH inserted AS (
            INSERT INTO ticket_number_ranges (carrier, accounting_code, first_serial, last_serial, next_serial)
            VALUES ($1, $2, $3, $4, $3)
            ON CONFLICT (accounting_code, first_serial) DO NOTHING
            RETURNING true
        )
        SELECT true FROM inserted
        UNION ALL
        SELECT false FROM ticket_number_ranges
        WHERE carrier = $1 AND accounting_code = $2 AND first_serial = $3 AND last_serial = $4
        """,
        carrier,
        accounting_code,
        first,
        last,
    )
    return inserted


async def has_numbers(uow: UnitOfWork, carrier: str, count: int) -> bool:
    """Whether a range of the carrier has ``count`` consecutive serials left."""
    found = await uow.connection.fetchval(
        "SELECT EXISTS (SELECT FROM ticket_number_ranges WHERE carrier = $1 AND next_serial + $2 - 1 <= last_serial)",
        carrier,
        count,
    )
    return bool(found)


async def take_numbers(uow: UnitOfWork, carrier: str, count: int) -> NumberBlock | None:
    """Take ``count`` consecutive serials of the carrier's oldest range with room; None if there is none.

    The range's row stays locked until the unit of work ends, so a rollback gives the numbers back.
    """
    row = await uow.connection.fetchrow(
        """
        UPDATE ticket_number_ranges AS taken SET next_serial = taken.next_serial + $2
        WHERE taken.id = (
            SELECT id FROM ticket_number_ranges
            WHERE carrier = $1 AND next_serial + $2 - 1 <= last_serial
            ORDER BY first_serial LIMIT 1 FOR UPDATE
        )
        RETURNING accounting_code, next_serial - $2 AS first
        """,
        carrier,
        count,
    )
    return NumberBlock(row["accounting_code"], row["first"]) if row else None


async def insert_documents(
    uow: UnitOfWork, documents: list[dict[str, Any]], coupons: list[dict[str, Any]], issued_at: datetime
) -> None:
    """Write documents and their coupons, all by one statement; a coupon's issue is its first recorded move."""
    await uow.execute_auditing(
        """
        WITH document AS (
            INSERT INTO documents (id, number, type, order_id, passenger_id, passenger_name, validating_carrier,
                                   conjunction_of, conjunction_sequence, total_minor, currency, channel, seller_id,
                                   agent_id, point_of_sale, issued_by, issued_at)
            SELECT row.*, $4 FROM jsonb_to_recordset($1) AS row (
                id uuid, number text, type text, order_id uuid, passenger_id uuid, passenger_name text,
                validating_carrier text, conjunction_of uuid, conjunction_sequence int, total_minor bigint,
                currency text, channel text, seller_id text, agent_id text, point_of_sale text, issued_by text)
        ), coupon AS (
            INSERT INTO coupons (document_id, number, passenger_id, segment_id, carrier, flight_number, origin,
                                 destination, departure_date, booking_class, fare_basis, value_minor,
                                 carrier_charges_minor, currency)
            SELECT * FROM jsonb_to_recordset($2) AS row (
                document_id uuid, number smallint, passenger_id uuid, segment_id uuid, carrier text, flight_number text,
                origin text, destination text, departure_date date, booking_class text, fare_basis text,
                value_minor bigint, carrier_charges_minor bigint, currency text)
            RETURNING document_id, number
        )
        INSERT INTO coupon_moves (document_id, coupon_number, from_status, to_status, reason, actor, happened_at)
        SELECT document_id, number, NULL, 'open', 'issued', $3, $4 FROM coupon
        """,
        documents,
        coupons,
        uow.actor.name,
        issued_at,
    )


async def lock_coupons(
    uow: UnitOfWork, coupons: Sequence[tuple[DocumentId, int]]
) -> dict[tuple[DocumentId, int], CouponStatus]:
    """The status of each coupon, locked by document and number until the unit of work ends."""
    rows = await uow.connection.fetch(
        """
        SELECT coupon.document_id, coupon.number, coupon.status
        FROM coupons AS coupon JOIN unnest($1::uuid[], $2::smallint[]) AS named (document_id, number)
          ON named.document_id = coupon.document_id AND named.number = coupon.number
        ORDER BY coupon.document_id, coupon.number FOR UPDATE OF coupon
        """,
        [document_id for document_id, _ in coupons],
        [number for _, number in coupons],
    )
    return {(DocumentId(row["document_id"]), row["number"]): CouponStatus(row["status"]) for row in rows}


async def write_coupon_status(
    uow: UnitOfWork, coupons: Sequence[tuple[DocumentId, int]], target: CouponStatus, reason: str, source: str
) -> None:
    """Locked coupons take a status; each move is recorded, once for one source and status."""
    await uow.connection.execute(
        """
        WITH before AS (
            SELECT coupon.document_id, coupon.number, coupon.status
            FROM coupons AS coupon JOIN unnest($1::uuid[], $2::smallint[]) AS named (document_id, number)
              ON named.document_id = coupon.document_id AND named.number = coupon.number
        ), moved AS (
            UPDATE coupons SET status = $3 FROM before
            WHERE coupons.document_id = before.document_id AND coupons.number = before.number
            RETURNING coupons.document_id, coupons.number, before.status AS from_status
        )
        INSERT INTO coupon_moves (document_id, coupon_number, from_status, to_status, reason, actor, source_id,
                                  happened_at)
        SELECT document_id, number, from_status, $3, $4, $5, concat_ws(':', $6::text, document_id, number, $3::text), $7
        FROM moved
        ORDER BY document_id, number
        """,
        [document_id for document_id, _ in coupons],
        [number for _, number in coupons],
        target,
        reason,
        uow.actor.name,
        source,
        uow.effective_at,
    )


async def coupons_moved_by(
    connection: Connection, coupons: Sequence[tuple[DocumentId, int]], target: CouponStatus, source: str
) -> set[tuple[DocumentId, int]]:
    """Those of the coupons that this source has moved to ``target`` at some time, whatever became of them since."""
    rows = await connection.fetch(
        """
        SELECT document_id, coupon_number FROM coupon_moves WHERE source_id = ANY(ARRAY(
            SELECT concat_ws(':', $3::text, document_id, number, $4::text)
            FROM unnest($1::uuid[], $2::smallint[]) AS named (document_id, number)))
        """,
        [document_id for document_id, _ in coupons],
        [number for _, number in coupons],
        source,
        target,
    )
    return {(DocumentId(row["document_id"]), row["coupon_number"]) for row in rows}


async def write_document_status(uow: UnitOfWork, documents: Sequence[DocumentId], status: DocumentStatus) -> None:
    """Documents take a status."""
    await uow.connection.execute(
        "UPDATE documents SET status = $2, version = version + 1 WHERE id = ANY($1)", list(documents), status
    )


async def documents_of_order(connection: Connection, order_id: OrderId) -> list[Document]:
    """The order's documents with their coupons, in order of issue."""
    return (await documents_of_orders(connection, [order_id]))[order_id]


async def documents_of_orders(connection: Connection, order_ids: Sequence[OrderId]) -> dict[OrderId, list[Document]]:
    """The documents of each of these orders, in order of issue, by one statement; empty for one without any."""
    rows = await connection.fetch(
        """
        SELECT document.id, document.order_id, document.passenger_id, document.number, document.type, document.status,
               document.issued_at, document.validating_carrier, document.conjunction_of,
               array_agg(ROW (coupon.number, coupon.segment_id, coupon.status, coupon.value_minor,
                              coupon.carrier_charges_minor, coupon.currency)
                         ORDER BY coupon.number) AS coupons
        FROM documents AS document
        JOIN coupons AS coupon ON coupon.document_id = document.id
        WHERE document.order_id = ANY($1)
        GROUP BY document.id
        ORDER BY document.number
        """,
        list(order_ids),
    )
    found: dict[OrderId, list[Document]] = {order_id: [] for order_id in order_ids}
    for document in _documents(rows):
        found[document.order_id].append(document)
    return found


def _documents(rows: Sequence[asyncpg.Record]) -> list[Document]:
    journeys: dict[UUID, list[str]] = {}
    for row in rows:
        journeys.setdefault(row["conjunction_of"] or row["id"], []).append(row["number"])
    return [
        Document(
            id=DocumentId(row["id"]),
            order_id=OrderId(row["order_id"]),
            passenger_id=row["passenger_id"],
            number=row["number"],
            type=DocumentType(row["type"]),
            status=DocumentStatus(row["status"]),
            issued_at=row["issued_at"],
            validating_carrier=row["validating_carrier"],
            conjunction_with=tuple(
                number for number in journeys[row["conjunction_of"] or row["id"]] if number != row["number"]
            ),
            coupons=tuple(
                Coupon(number, segment_id, CouponStatus(status), Money(value, currency), Money(charges, currency))
                for number, segment_id, status, value, charges, currency in row["coupons"]
            ),
        )
        for row in rows
    ]


async def open_coupon_values(connection: Connection, until: datetime) -> list[OpenCoupons]:
    """What could still be used at ``until``, by currency, from the coupons and their moves alone.

    A coupon stood where its last move that had happened by then left it, whenever that was recorded.
    """
    rows = await connection.fetch(
        """
        SELECT coupon.currency, count(*) AS coupons, sum(coupon.value_minor)::bigint AS fare,
               sum(coupon.carrier_charges_minor)::bigint AS charges
        FROM coupons AS coupon
        JOIN LATERAL (
            SELECT to_status FROM coupon_moves AS move
            WHERE move.document_id = coupon.document_id AND move.coupon_number = coupon.number
              AND move.happened_at < $1
            ORDER BY move.happened_at DESC, move.id DESC LIMIT 1
        ) AS last ON last.to_status IN ('open', 'airport_control', 'checked_in', 'lifted', 'suspended')
        GROUP BY coupon.currency ORDER BY coupon.currency
        """,
        until,
    )
    return [OpenCoupons(row[0], row[1], Money(row[2], row[0]), Money(row[3], row[0])) for row in rows]
