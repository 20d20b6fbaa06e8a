"""From price lines to documents."""

from __future__ import annotations

from ais.kit import Money
from ais.orders.domain import Order, Passenger
from ais.ticketing import CouponToIssue, TicketToIssue, ticket_name


def tickets_to_issue(order: Order) -> list[TicketToIssue]:
    """One ticket per passenger, a coupon per segment in order of travel; a coupon's value is its fare lines."""
    fares: dict[tuple[object, object], int] = {}
    totals: dict[object, int] = {}
    for line in order.lines:
        totals[line.passenger_id] = totals.get(line.passenger_id, 0) + line.amount_minor
        if line.kind == "fare":
            key = (line.passenger_id, line.order_segment_id)
            fares[key] = fares.get(key, 0) + line.amount_minor
    return [
        TicketToIssue(
            passenger_id=passenger.id,
            passenger_name=_shown_name(passenger),
            coupons=tuple(
                CouponToIssue(
                    segment_id=segment.id,
                    carrier=segment.marketing_carrier,
                    flight_number=segment.flight_number,
                    origin=segment.origin,
                    destination=segment.destination,
                    departure_date=segment.departure_date,
                    booking_class=segment.booking_class,
                    fare_basis=segment.fare_basis,
                    value=Money(fares.get((passenger.id, segment.id), 0), order.currency),
                )
                for segment in order.segments
            ),
            total=Money(totals.get(passenger.id, 0), order.currency),
        )
        for passenger in order.passengers
    ]


def _shown_name(passenger: Passenger) -> str:
    return ticket_name(passenger.family_name, passenger.given_name, passenger.title)
