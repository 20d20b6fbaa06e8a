"""How an order is shown: the one translation from rows to the wire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from ais.kit import Money, encode_id, ids
from ais.kit.localtime import to_local
from ais.offers import CABIN_OF_LETTER, ConditionsBody, TaxBody, money_body
from ais.orders.domain import (
    Order,
    OrderItem,
    OrderSegment,
    OrderStatus,
    Passenger,
    People,
    PersonalDetails,
    available_actions,
    display_status,
)
from ais.orders.schemas import (
    CouponBody,
    DocumentBody,
    LocalNameBody,
    OrderBody,
    OrderContactBody,
    OrderItemBody,
    OrderPassengerBody,
    OrderSegmentBody,
    OrderSliceBody,
)
from ais.platform.i18n import Language
from ais.ticketing import CouponStatus, Document

_GONE = {CouponStatus.VOID, CouponStatus.EXCHANGED, CouponStatus.REFUNDED}
_MINUTE = timedelta(minutes=1)


def order_body(
    order: Order,
    people: People,
    documents: Sequence[Document],
    *,
    now: datetime,
    language: Language,
    guest_token: str | None = None,
) -> OrderBody:
    """The order as its owner sees it, or with its persons as far as ``people`` shows them."""
    currency = order.currency
    coupons = [coupon.status for document in documents for coupon in document.coupons]
    return OrderBody(
        id=encode_id(ids.ORDER, order.id),
        record_locator=order.record_locator,
        status=order.status,
        payment_status=order.payment_status,
        ticketing_status=order.ticketing_status,
        display_status=display_status(order.status, order.payment_status, coupons),
        channel=order.channel,
        created_at=order.created_at,
        updated_at=order.updated_at,
        version=order.version,
        validating_carrier=order.validating_carrier,
        fare_brand=order.fare_brand,
        payment_required_by=order.payment_required_by if order.status is OrderStatus.RESERVED else None,
        total=money_body(order.total),
        paid=money_body(Money(order.paid_minor, currency)),
        refunded=money_body(Money(order.refunded_minor, currency)),
        balance_due=money_body(Money(order.balance_due_minor, currency)),
        contact=OrderContactBody(people.contact.email, people.contact.phone, order.language)
        if people.contact is not None
        else None,
        passengers=_passengers(order, people, documents),
        slices=_slices(order),
        documents=[_document(document) for document in documents],
        items=[_item(order, item, language) for item in order.items],
        available_actions=available_actions(order, now, coupons),
        metadata={},
        guest_token=guest_token,
    )


def _passengers(order: Order, people: People, documents: Sequence[Document]) -> list[OrderPassengerBody]:
    tickets: dict[object, str] = {}
    for document in documents:
        if any(coupon.status not in _GONE for coupon in document.coupons):
            tickets.setdefault(document.passenger_id, document.number)
    return [
        _passenger(passenger, people.details.get(passenger.id), tickets.get(passenger.id))
        for passenger in order.passengers
    ]


def _passenger(passenger: Passenger, details: PersonalDetails | None, ticket: str | None) -> OrderPassengerBody:
    local = details.name_local if details is not None else None
    return OrderPassengerBody(
        id=encode_id(ids.PASSENGER, passenger.id),
        type=passenger.type,
        title=details.title if details is not None else None,
        given_name=details.given_name if details is not None else None,
        family_name=details.family_name if details is not None else None,
        name_local=LocalNameBody(local.given, local.family) if local is not None else None,
        born_on=details.born_on if details is not None else None,
        accompanying_passenger_id=encode_id(ids.PASSENGER, passenger.accompanying_id)
        if passenger.accompanying_id
        else None,
        ticket_number=ticket,
    )


def _slices(order: Order) -> list[OrderSliceBody]:
    return [
        OrderSliceBody(
            origin=each.origin,
            destination=each.destination,
            duration_minutes=each.duration_minutes,
            conditions=msgspec.convert(each.conditions, ConditionsBody),
            segments=[_segment(segment) for segment in order.segments if segment.slice_position == each.position],
        )
        for each in order.slices
    ]


def _segment(segment: OrderSegment) -> OrderSegmentBody:
    return OrderSegmentBody(
        id=encode_id(ids.SEGMENT, segment.id),
        marketing_carrier=segment.marketing_carrier,
        flight_number=segment.flight_number,
        operating_carrier=segment.operating_carrier,
        operating_flight_number=segment.operating_flight_number,
        origin=segment.origin,
        destination=segment.destination,
        departs_at=to_local(segment.departs_at, segment.departure_timezone),
        departure_timezone=segment.departure_timezone,
        arrives_at=to_local(segment.arrives_at, segment.arrival_timezone),
        arrival_timezone=segment.arrival_timezone,
        duration_minutes=(segment.arrives_at - segment.departs_at) // _MINUTE,
        cabin=CABIN_OF_LETTER[segment.cabin],
        booking_class=segment.booking_class,
        fare_basis=segment.fare_basis,
        aircraft=segment.aircraft,
        seats_left=None,
        status=segment.status,
        status_code=segment.status_code,
    )


def _document(document: Document) -> DocumentBody:
    return DocumentBody(
        id=encode_id(ids.DOCUMENT, document.id),
        number=document.number,
        type="ticket",
        status=document.status,
        passenger_id=encode_id(ids.PASSENGER, document.passenger_id),
        issued_at=document.issued_at,
        validating_carrier=document.validating_carrier,
        conjunction_with=list(document.conjunction_with),
        coupons=[
            CouponBody(
                coupon.number, encode_id(ids.SEGMENT, coupon.segment_id), coupon.status, money_body(coupon.value)
            )
            for coupon in document.coupons
        ],
    )


def _item(order: Order, item: OrderItem, language: Language) -> OrderItemBody:
    fare = charges = 0
    taxes: dict[str, tuple[str, int]] = {}
    for line in order.lines:
        if line.item_id != item.id:
            continue
        if line.kind == "fare":
            fare += line.amount_minor
        elif line.kind == "tax":
            name = line.name_ar if language == "ar" else line.name_en
            taxes[line.code] = (name, taxes.get(line.code, (name, 0))[1] + line.amount_minor)
        else:
            charges += line.amount_minor
    return OrderItemBody(
        id=encode_id(ids.ITEM, item.id),
        kind=item.kind,
        passenger_id=encode_id(ids.PASSENGER, item.passenger_id),
        base_fare=money_body(Money(fare, order.currency)),
        taxes=[TaxBody(code, name, money_body(Money(minor, order.currency))) for code, (name, minor) in taxes.items()],
        carrier_charges=money_body(Money(charges, order.currency)),
        total=money_body(Money(item.total_minor, order.currency)),
    )
