"""From price lines to documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ais.fares import UNKNOWN_AUTHORITY
from ais.kit import Money
from ais.kit.ids import PassengerId
from ais.orders.domain import Order, OrderPriceLine, OrderSegment, PersonalDetails
from ais.ticketing import CouponCharge, CouponTax, CouponToIssue, TicketToIssue, ticket_name


def tickets_to_issue(order: Order, details: Mapping[PassengerId, PersonalDetails]) -> list[TicketToIssue]:
    """One ticket per passenger, a coupon per segment in order of travel; what each is worth is said by its lines."""
    lines: dict[tuple[object, object], list[OrderPriceLine]] = {}
    totals: dict[object, int] = {}
    for line in order.lines:
        totals[line.passenger_id] = totals.get(line.passenger_id, 0) + line.amount_minor
        lines.setdefault((line.passenger_id, line.order_segment_id), []).append(line)
    return [
        TicketToIssue(
            passenger_id=passenger.id,
            passenger_name=_shown_name(details[passenger.id]),
            coupons=tuple(
                _coupon(segment, lines.get((passenger.id, segment.id), ()), order.currency)
                for segment in order.segments
            ),
            total=Money(totals.get(passenger.id, 0), order.currency),
        )
        for passenger in order.passengers
    ]


def _coupon(segment: OrderSegment, lines: Sequence[OrderPriceLine], currency: str) -> CouponToIssue:
    def of(kind: str) -> list[OrderPriceLine]:
        return [line for line in lines if line.kind == kind]

    rounding = of("rounding")
    return CouponToIssue(
        segment_id=segment.id,
        carrier=segment.marketing_carrier,
        flight_number=segment.flight_number,
        origin=segment.origin,
        destination=segment.destination,
        departure_date=segment.departure_date,
        booking_class=segment.booking_class,
        fare_basis=segment.fare_basis,
        value=Money(sum(line.amount_minor for line in of("fare")), currency),
        charges=tuple(CouponCharge(line.code, Money(line.amount_minor, currency)) for line in of("carrier_charge")),
        taxes=tuple(
            CouponTax(line.authority or UNKNOWN_AUTHORITY, line.code, Money(line.amount_minor, currency))
            for line in of("tax")
        ),
        rounding=Money(sum(line.amount_minor for line in rounding), currency) if rounding else None,
    )


def _shown_name(details: PersonalDetails) -> str:
    return ticket_name(details.family_name, details.given_name, details.title)
