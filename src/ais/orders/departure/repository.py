"""Statements on the coupons of a flight."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from ais.orders.departure.domain import CouponOnFlight
from ais.platform.database import UnitOfWork


async def coupons_on_flight(uow: UnitOfWork, flight_date_id: UUID) -> list[CouponOnFlight]:
    """Every coupon for the flight that is not gone, by order and number, the orders locked in order of their ids.

    Reads ticketing's rows: which coupons fly on a flight date is known from orders and documents together.
    """
    await uow.connection.execute(
        """
        SELECT FROM orders WHERE id IN (SELECT order_id FROM order_segments WHERE flight_date_id = $1)
        ORDER BY id FOR UPDATE
        """,
        flight_date_id,
    )
    rows = await uow.connection.fetch(
        """
        SELECT orders.id AS order_id, orders.record_locator AS locator, document.id AS document_id,
               document.number AS ticket, coupon.number, document.passenger_name, coupon.status
        FROM order_segments AS segment
        JOIN orders ON orders.id = segment.order_id
        JOIN coupons AS coupon ON coupon.segment_id = segment.id
        JOIN documents AS document ON document.id = coupon.document_id
        WHERE segment.flight_date_id = $1 AND coupon.status NOT IN ('void', 'exchanged', 'refunded')
        ORDER BY orders.id, document.number, coupon.number
        """,
        flight_date_id,
    )
    return [msgspec.convert(dict(row), CouponOnFlight) for row in rows]


async def first_departure(uow: UnitOfWork, flight_date_id: UUID) -> datetime | None:
    """When the flight leaves its first airport; None if it does not operate.

    Reads the schedule's legs, as they are now.
    """
    at: datetime | None = await uow.connection.fetchval(
        """
        SELECT min(leg.scheduled_departure_at) FROM legs AS leg JOIN flight_dates AS flight
            ON flight.id = leg.flight_date_id
        WHERE flight.id = $1 AND flight.status <> 'cancelled' AND leg.status <> 'cancelled'
        """,
        flight_date_id,
    )
    return at
