"""Every statement and lock on orders. Lock order of all: order, payment, coupons, leg cabins, ticket number range."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from ais.kit.ids import OrderId, OrderSegmentId, PersonId, UserId
from ais.orders.access import Scope
from ais.orders.domain import Order, OrderPaymentStatus, OrderStatus, SegmentStatus, TicketingStatus
from ais.orders.people import clear_details
from ais.platform.database import Connection, UnitOfWork
from ais.platform.vault import INSERT_PERSONS, PersonKey
from ais.schedule import FlightSales

_PARTS = """
    (SELECT coalesce(jsonb_agg(to_jsonb(part) ORDER BY part.position), '[]')
     FROM order_passengers AS part WHERE part.order_id = orders.id) AS passengers,
    (SELECT coalesce(jsonb_agg(to_jsonb(part) ORDER BY part.position), '[]')
     FROM order_slices AS part WHERE part.order_id = orders.id) AS slices,
    (SELECT coalesce(jsonb_agg(to_jsonb(part) ORDER BY part.position), '[]')
     FROM order_segments AS part WHERE part.order_id = orders.id) AS segments,
    (SELECT coalesce(jsonb_agg(to_jsonb(part) ORDER BY traveller.position, part.id), '[]')
     FROM order_items AS part JOIN order_passengers AS traveller ON traveller.id = part.passenger_id
     WHERE part.order_id = orders.id) AS items,
    (SELECT coalesce(jsonb_agg(to_jsonb(part) ORDER BY part.position), '[]')
     FROM price_lines AS part WHERE part.order_id = orders.id) AS lines,
    (SELECT jsonb_object_agg(key.id, jsonb_build_array(key.kek_id, encode(key.wrapped_key, 'hex')))
     FROM person_keys AS key
     WHERE key.destroyed_at IS NULL AND key.id = ANY(ARRAY(
         SELECT person_id FROM order_passengers WHERE order_id = orders.id
         UNION ALL SELECT orders.contact_person_id))) AS person_keys
"""


def _order(row: Any) -> Order:
    content = dict(row)
    if content["contact_sealed"] is None:
        content["language"] = content["language"] or content["contact"].get("language") or "en"
    for passenger in content["passengers"]:
        passenger["clear"] = clear_details(passenger)
    return msgspec.convert(content, Order)


class LocatorTaken(Exception):
    """The drawn record locator is another order's: draw again in a new unit of work."""


class OwnerGone(Exception):
    """The account in whose name the order is made has been closed meanwhile."""


async def insert_order(
    uow: UnitOfWork, order: Order, keys: Sequence[PersonKey], *, correlation_id: str, reason: str
) -> None:
    """Write a whole new order with all its parts, the keys of its persons and the first line of its history, by one
    statement.

    Raises :class:`LocatorTaken` and :class:`OwnerGone`; the unit of work cannot go on after it.
    """
    try:
        await _insert_order(uow, order, keys, correlation_id=correlation_id, reason=reason)
    except asyncpg.UniqueViolationError as clash:
        if clash.constraint_name == "orders_record_locator_key":
            raise LocatorTaken from clash
        raise
    except asyncpg.CheckViolationError as refused:
        if refused.constraint_name == "orders_owner_lives":
            raise OwnerGone from refused
        raise


async def _insert_order(
    uow: UnitOfWork, order: Order, keys: Sequence[PersonKey], *, correlation_id: str, reason: str
) -> None:
    content = msgspec.to_builtins(order)
    for name in ("contact_sealed", "contact_lookup"):
        value: bytes | None = getattr(order, name)
        content[name] = "\\x" + value.hex() if value is not None else None
    await uow.execute_auditing(
        _INSERT,
        content,
        content["passengers"],
        content["slices"],
        content["segments"],
        content["items"],
        content["lines"],
        order.id,
        {"reason": reason, "actor": uow.actor.name, "channel": uow.actor.channel, "correlation_id": correlation_id},
        [key.row() for key in keys],
    )


_INSERT = f"""
WITH new_persons AS ({INSERT_PERSONS.format("$9")}
), new_order AS (
    INSERT INTO orders (id, record_locator, status, payment_status, ticketing_status, hold_id, validating_carrier,
                        fare_brand, cabin, currency, total_minor, payment_required_by, first_departure_at,
                        last_arrival_at, language, contact_person_id, contact_sealed, contact_lookup, lookup_key,
                        owner, owner_user_id, channel, seller_id, agent_id, point_of_sale, created_at, updated_at)
    SELECT id, record_locator, status, payment_status, ticketing_status, hold_id, validating_carrier, fare_brand, cabin,
           currency, total_minor, payment_required_by, first_departure_at, last_arrival_at, language,
           contact_person_id, contact_sealed, contact_lookup, lookup_key, owner, owner_user_id, channel, seller_id,
           agent_id, point_of_sale, created_at, updated_at
    FROM jsonb_populate_record(NULL::orders, $1::jsonb)
), new_passengers AS (
    INSERT INTO order_passengers (id, order_id, position, offer_reference, type, person_id, personal_sealed,
                                  name_lookup, accompanying_id)
    SELECT id, $7, position, offer_reference, type, person_id, personal_sealed, name_lookup, accompanying_id
    FROM jsonb_populate_recordset(NULL::order_passengers, $2)
), new_slices AS (
    INSERT INTO order_slices (order_id, position, origin, destination, duration_minutes, conditions)
    SELECT $7, position, origin, destination, duration_minutes, conditions
    FROM jsonb_populate_recordset(NULL::order_slices, $3)
), new_segments AS (
    INSERT INTO order_segments (id, order_id, slice_position, position, segment_id, flight_date_id, marketing_carrier,
                                flight_number, operating_carrier, operating_flight_number, origin, destination,
                                departs_at, departure_timezone, arrives_at, arrival_timezone, departure_date, cabin,
                                booking_class, fare_basis, aircraft, status, status_code)
    SELECT id, $7, slice_position, position, segment_id, flight_date_id, marketing_carrier, flight_number,
           operating_carrier, operating_flight_number, origin, destination, departs_at, departure_timezone, arrives_at,
           arrival_timezone, departure_date, cabin, booking_class, fare_basis, aircraft, status, status_code
    FROM jsonb_populate_recordset(NULL::order_segments, $4)
), new_items AS (
    INSERT INTO order_items (id, order_id, passenger_id, kind, total_minor, currency)
    SELECT item.id, $7, item.passenger_id, item.kind, item.total_minor, $1::jsonb ->> 'currency'
    FROM jsonb_populate_recordset(NULL::order_items, $5) AS item
), new_lines AS (
    INSERT INTO price_lines (order_id, position, item_id, passenger_id, order_segment_id, kind, code, name_en, name_ar,
                             amount_minor, currency, refundable, version_id, authority)
    SELECT $7, line.position, line.item_id, line.passenger_id, line.order_segment_id, line.kind, line.code,
           line.name_en, line.name_ar, line.amount_minor, $1::jsonb ->> 'currency', line.refundable, line.version_id,
           line.authority
    FROM jsonb_populate_recordset(NULL::price_lines, $6) AS line
)
INSERT INTO order_history (order_id, axis, from_state, to_state, reason, actor, channel, correlation_id)
SELECT $7, 'order.status', NULL, $1::jsonb ->> 'status', $8::jsonb ->> 'reason', $8::jsonb ->> 'actor',
       $8::jsonb ->> 'channel', $8::jsonb ->> 'correlation_id'
"""  # noqa: S608  # the vault's part is a constant


async def find_order(connection: Connection, order_id: OrderId) -> Order | None:
    """The whole order, not locked, by one statement."""
    row = await connection.fetchrow(f"SELECT orders.*, {_PARTS} FROM orders WHERE id = $1", order_id)  # noqa: S608  # constants
    return _order(row) if row else None


async def lock_order(uow: UnitOfWork, order_id: OrderId) -> Order | None:
    """The whole order, its row locked until the unit of work ends."""
    return await find_order(uow.connection, order_id) if await lock_order_row(uow, order_id) else None


async def lock_order_row(uow: UnitOfWork, order_id: OrderId) -> bool:
    """Lock the order's row until the unit of work ends, without reading the order; False if there is none."""
    return await uow.connection.fetchval("SELECT id FROM orders WHERE id = $1 FOR UPDATE", order_id) is not None


async def find_order_by_hold(connection: Connection, hold_id: UUID) -> OrderId | None:
    """The order that these seats are held for."""
    return await connection.fetchval("SELECT id FROM orders WHERE hold_id = $1", hold_id)  # type: ignore[no-any-return]  # asyncpg's values are Any


async def find_by_locator(
    connection: Connection, record_locator: str, hashes: Sequence[bytes], search_name: str
) -> tuple[OrderId, bool] | None:
    """The order of this locator, and whether somebody in it has this family name, sealed or not sealed yet."""
    row = await connection.fetchrow(
        """
        SELECT id, EXISTS (
            SELECT FROM order_passengers WHERE order_id = orders.id AND (name_lookup = ANY($2) OR search_name = $3))
        FROM orders WHERE record_locator = $1
        """,
        record_locator,
        hashes,
        search_name,
    )
    return tuple(row) if row else None


class OrderFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders a list holds, of those in ``scope``; None asks nothing."""

    scope: Scope
    record_locator: str | None = None
    status: OrderStatus | None = None
    departure_from: date | None = None
    updated_after: datetime | None = None
    before: tuple[datetime, UUID] | None = None
    limit: int = 50


# Whose orders: each a condition of its own, so that what is asked for one caller can use that caller's index.
_BY_ORDER, _BY_OWNER, _BY_SELLER = "orders.id = $%d", "orders.owner_user_id = $%d", "orders.seller_id = $%d"
_BY_REACH = """EXISTS (
    SELECT FROM jsonb_to_recordset($%d) AS reach (stations text[], agencies text[], channels text[])
    WHERE (reach.stations IS NULL OR EXISTS (
            SELECT FROM order_segments AS flown WHERE flown.order_id = orders.id
            AND (flown.origin = ANY(reach.stations) OR flown.destination = ANY(reach.stations))))
      AND (reach.agencies IS NULL OR orders.seller_id = ANY(reach.agencies))
      AND (reach.channels IS NULL OR orders.channel = ANY(reach.channels)))"""


def _whose(scope: Scope, arguments: list[Any]) -> str:
    """The condition that leaves the orders of this scope; what it needs is added to the statement's arguments."""
    if scope.everything:
        return "true"
    conditions = []
    for named, condition in (
        (scope.order_id, _BY_ORDER),
        (scope.owner_user_id, _BY_OWNER),
        (scope.seller_id, _BY_SELLER),
        (msgspec.to_builtins(scope.reaches) or None, _BY_REACH),
    ):
        if named is not None:
            arguments.append(named)
            conditions.append(condition % len(arguments))
    return " OR ".join(conditions) or "false"


async def list_orders(connection: Connection, wanted: OrderFilter) -> list[Order]:
    """The newest orders first, at most ``limit``; ``before`` goes on after the last one of an earlier list."""
    created_at, order_id = wanted.before or (None, None)
    arguments: list[Any] = [
        wanted.record_locator,
        wanted.status,
        wanted.departure_from,
        wanted.updated_after,
        created_at,
        order_id,
        wanted.limit,
    ]
    whose = _whose(wanted.scope, arguments)
    rows = await connection.fetch(
        f"""
        SELECT orders.*, {_PARTS} FROM orders
        WHERE ($1::text IS NULL OR record_locator = $1)
          AND ($2::text IS NULL OR status = $2)
          AND ($3::date IS NULL OR $3 <= (
                SELECT departure_date FROM order_segments WHERE order_id = orders.id AND position = 1))
          AND ($4::timestamptz IS NULL OR updated_at > $4)
          AND ($5::timestamptz IS NULL OR (created_at, id) < ($5, $6::uuid))
          AND ({whose})
        ORDER BY created_at DESC, id DESC LIMIT $7
        """,  # noqa: S608  # the parts are constants
        *arguments,
    )
    return [_order(row) for row in rows]


class Move(msgspec.Struct, frozen=True):
    """One axis of an order moving; ``details`` may name what caused it, nothing personal."""

    axis: str
    from_state: str
    to_state: str
    reason: str
    details: dict[str, Any] = msgspec.field(default_factory=dict)


async def write_order_state(
    uow: UnitOfWork,
    order_id: OrderId,
    moves: Sequence[Move],
    *,
    status: OrderStatus,
    payment_status: OrderPaymentStatus,
    ticketing_status: TicketingStatus,
    paid_minor: int,
    refunded_minor: int,
) -> None:
    """The order's three states and its money as they are now, with each move in its history; one statement."""
    await uow.connection.execute(
        """
        WITH changed AS (
            UPDATE orders SET status = $2, payment_status = $3, ticketing_status = $4, paid_minor = $5,
                              refunded_minor = $6, updated_at = ais_now(), version = version + 1
            WHERE id = $1 RETURNING id
        )
        INSERT INTO order_history (order_id, axis, from_state, to_state, reason, details, actor, channel,
                                   correlation_id)
        SELECT changed.id, move.axis, move.from_state, move.to_state, move.reason, move.details, $8, $9, $10
        FROM changed, jsonb_to_recordset($7) AS move (axis text, from_state text, to_state text, reason text,
                                                      details jsonb)
        """,
        order_id,
        status,
        payment_status,
        ticketing_status,
        paid_minor,
        refunded_minor,
        msgspec.to_builtins(list(moves)),
        uow.actor.name,
        uow.actor.channel,
        uow.correlation_id,
    )


async def extend_time_limit(uow: UnitOfWork, order_id: OrderId, payment_required_by: datetime) -> None:
    """The order's time limit moves, once, because a payment has begun."""
    await uow.connection.execute(
        """
        WITH changed AS (
            UPDATE orders SET payment_required_by = $2, hold_extended_at = ais_now(), updated_at = ais_now(),
                              version = version + 1
            WHERE id = $1 RETURNING id
        )
        INSERT INTO order_history (order_id, axis, from_state, to_state, reason, actor, channel, correlation_id)
        SELECT id, 'time_limit', NULL, $2::timestamptz::text, 'payment begun', $3, $4, $5 FROM changed
        """,
        order_id,
        payment_required_by,
        uow.actor.name,
        uow.actor.channel,
        uow.correlation_id,
    )


async def move_segments(
    uow: UnitOfWork, segment_ids: Sequence[OrderSegmentId], status: SegmentStatus, code: str, reason: str
) -> None:
    """Segments take a status and its code; their orders note it and count a version."""
    if not segment_ids:
        return
    await uow.connection.execute(
        """
        WITH before AS (
            SELECT id, order_id, status FROM order_segments WHERE id = ANY($1) ORDER BY id FOR UPDATE
        ), moved AS (
            UPDATE order_segments SET status = $2, status_code = $3 FROM before
            WHERE order_segments.id = before.id AND (before.status, order_segments.status_code) <> ($2, $3)
            RETURNING order_segments.id, before.order_id, before.status AS from_state
        ), counted AS (
            UPDATE orders SET updated_at = ais_now(), version = version + 1
            WHERE id IN (SELECT order_id FROM moved)
        )
        INSERT INTO order_history (order_id, axis, from_state, to_state, reason, details, actor, channel,
                                   correlation_id)
        SELECT order_id, 'order_segment.status', from_state, $2, $4,
               jsonb_build_object('order_segment_id', id, 'status_code', $3::text), $5, $6, $7
        FROM moved
        """,
        list(segment_ids),
        status,
        code,
        reason,
        uow.actor.name,
        uow.actor.channel,
        uow.correlation_id,
    )


async def segments_on(
    uow: UnitOfWork,
    *,
    flight_date_ids: Sequence[UUID] = (),
    segment_ids: Sequence[int] = (),
    statuses: Sequence[SegmentStatus],
    code: str | None = None,
    order_id: OrderId | None = None,
) -> list[OrderSegmentId]:
    """The live orders' segments on these flight dates or timetable segments, their orders locked in order of id.

    ``code`` leaves only those that carry it, ``order_id`` only those of one order.
    """
    rows = await uow.connection.fetch(
        """
        SELECT segment.id FROM orders
        JOIN order_segments AS segment ON segment.order_id = orders.id
        WHERE (segment.flight_date_id = ANY($1) OR segment.segment_id = ANY($2))
          AND segment.status = ANY($3) AND ($4::text IS NULL OR segment.status_code = $4)
          AND ($5::uuid IS NULL OR orders.id = $5)
          AND orders.status IN ('pending', 'reserved', 'confirmed')
        ORDER BY orders.id FOR UPDATE OF orders
        """,
        list(flight_date_ids),
        list(segment_ids),
        [str(status) for status in statuses],
        code,
        order_id,
    )
    return [OrderSegmentId(row["id"]) for row in rows]


async def orders_of_segments(
    uow: UnitOfWork, segment_ids: Sequence[OrderSegmentId]
) -> dict[OrderId, list[OrderSegmentId]]:
    """The segments by their orders, in order of travel."""
    rows = await uow.connection.fetch(
        """
        SELECT order_id, array_agg(id ORDER BY position) AS segments FROM order_segments
        WHERE id = ANY($1) GROUP BY order_id ORDER BY order_id
        """,
        list(segment_ids),
    )
    return {OrderId(row["order_id"]): [OrderSegmentId(each) for each in row["segments"]] for row in rows}


class OffSchedule(msgspec.Struct, frozen=True):
    """Segments of an order that are flown otherwise than they were sold: not at all, or at other times."""

    cancelled: tuple[OrderSegmentId, ...]
    retimed: tuple[OrderSegmentId, ...]


async def segments_off_schedule(uow: UnitOfWork, order_id: OrderId) -> OffSchedule:
    """What the schedule says now of the segments of an order, whose row is locked.

    Reads the schedule's own rows: an order may be written, or come back from its time limit, between a change of the
    schedule and the event that tells of it.
    """
    rows = await uow.connection.fetch(
        """
        SELECT sold.id, flown.status = 'cancelled' OR flight.status = 'cancelled' AS cancelled,
               (flown.departs_at, flown.arrives_at) <> (sold.departs_at, sold.arrives_at) AS retimed
        FROM order_segments AS sold
        JOIN segments AS flown ON flown.id = sold.segment_id
        JOIN flight_dates AS flight ON flight.id = sold.flight_date_id
        WHERE sold.order_id = $1 AND sold.status_code <> 'XX'
        """,
        order_id,
    )
    return OffSchedule(
        tuple(OrderSegmentId(row["id"]) for row in rows if row["cancelled"]),
        tuple(OrderSegmentId(row["id"]) for row in rows if row["retimed"] and not row["cancelled"]),
    )


async def orders_past_time_limit(connection: Connection, limit: int) -> list[OrderId]:
    """Reserved orders whose time to pay is over and that are not paid, longest overdue first."""
    rows = await connection.fetch(
        """
        SELECT id FROM orders
        WHERE status = 'reserved' AND payment_required_by <= (SELECT ais_now()) AND payment_status <> 'paid'
        ORDER BY payment_required_by LIMIT $1
        """,
        limit,
    )
    return [OrderId(row["id"]) for row in rows]


async def orders_awaiting_tickets(connection: Connection, limit: int) -> list[OrderId]:
    """Orders that are paid, have their seats, and lack documents."""
    rows = await connection.fetch(
        "SELECT id FROM orders WHERE ticketing_status = 'issuing' AND status IN ('reserved', 'expired')"
        " ORDER BY updated_at LIMIT $1",
        limit,
    )
    return [OrderId(row["id"]) for row in rows]


async def affected_orders(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Live orders with a segment that the schedule has changed or cancelled: one row per segment, soonest first."""
    rows = await connection.fetch(
        """
        SELECT orders.record_locator, orders.status, segment.marketing_carrier || segment.flight_number AS flight,
               segment.departure_date, segment.origin, segment.destination, segment.status AS segment_status,
               segment.status_code,
               (SELECT count(*) FROM order_passengers WHERE order_id = orders.id) AS passengers
        FROM order_segments AS segment JOIN orders ON orders.id = segment.order_id
        WHERE segment.status IN ('schedule_changed', 'cancelled') AND segment.status_code IN ('TK', 'UN')
          AND orders.status IN ('reserved', 'confirmed')
        ORDER BY segment.departs_at, orders.record_locator LIMIT $1
        """,
        limit,
    )
    return [dict(row) for row in rows]


async def history_of(connection: Connection, order_id: OrderId) -> list[dict[str, Any]]:
    """Everything that happened to the order, oldest first."""
    rows = await connection.fetch(
        """
        SELECT happened_at, axis, from_state, to_state, reason, details, actor, channel, correlation_id
        FROM order_history WHERE order_id = $1 ORDER BY id
        """,
        order_id,
    )
    return [dict(row) for row in rows]


async def text_keys(connection: Connection, order_id: OrderId) -> list[PersonId]:
    """The keys of what was written about the order by hand, those that are destroyed among them."""
    rows = await connection.fetch("SELECT person_id FROM order_text_keys WHERE order_id = $1", order_id)
    return [PersonId(row["person_id"]) for row in rows]


async def insert_text_key(uow: UnitOfWork, order_id: OrderId, key_id: PersonId) -> None:
    await uow.connection.execute("INSERT INTO order_text_keys (person_id, order_id) VALUES ($1, $2)", key_id, order_id)


async def sales_on_flight_dates(uow: UnitOfWork, flight_date_ids: Sequence[UUID]) -> dict[UUID, FlightSales]:
    """What is sold on flight dates: seats counted by inventory, travellers and orders that are alive; one statement.

    An order counts while it holds or has sold seats, or waits for an answer to a cancelled flight (UN), so that the
    return of a flight names it too. A flight date without either is left out, and so is who has given the flight up.
    Inventory's counters and ticketing's coupons are read here, and not by questions of their own, so that seats and
    travellers are of the same moment.
    """
    rows = await uow.connection.fetch(
        """
        WITH counted AS (
            SELECT flight_date_id, sum(sold)::integer AS seats_sold FROM leg_cabins
            WHERE flight_date_id = ANY($1) GROUP BY flight_date_id HAVING sum(sold) > 0
        ), booked AS (
            SELECT segment.flight_date_id, count(DISTINCT passenger.id)::integer AS passengers,
                   array_agg(DISTINCT orders.id) AS order_ids
            FROM order_segments AS segment
            JOIN orders ON orders.id = segment.order_id
            JOIN order_passengers AS passenger ON passenger.order_id = orders.id
            WHERE segment.flight_date_id = ANY($1) AND segment.status_code IN ('HK', 'TK', 'UN')
              AND orders.status IN ('pending', 'reserved', 'confirmed')
              AND (orders.status <> 'confirmed' OR EXISTS (
                SELECT FROM coupons AS coupon
                WHERE coupon.segment_id = segment.id AND coupon.passenger_id = passenger.id
                  AND coupon.status NOT IN ('void', 'exchanged', 'refunded')))
            GROUP BY segment.flight_date_id
        )
        SELECT flight_date_id, coalesce(seats_sold, 0) AS seats_sold, coalesce(passengers, 0) AS passengers,
               coalesce(order_ids, '{}') AS order_ids
        FROM counted FULL JOIN booked USING (flight_date_id)
        """,
        list(flight_date_ids),
    )
    return {
        row["flight_date_id"]: FlightSales(row["seats_sold"], row["passengers"], tuple(row["order_ids"]))
        for row in rows
    }


async def take_over(uow: UnitOfWork, hashes: Sequence[bytes], user_id: UserId) -> list[OrderId]:
    """Give the orders that nobody owns and no agency sold, and whose contact has this address, to the user. Which."""
    rows = await uow.connection.fetch(
        """
        WITH own AS MATERIALIZED (
            SELECT id FROM orders
            WHERE contact_lookup = ANY($1) AND owner_user_id IS NULL AND seller_id IS NULL
            ORDER BY id FOR NO KEY UPDATE)
        UPDATE orders SET owner_user_id = $2 FROM own WHERE orders.id = own.id RETURNING orders.id
        """,
        hashes,
        user_id,
    )
    return sorted(row["id"] for row in rows)
