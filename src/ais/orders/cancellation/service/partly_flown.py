"""Partly flown tickets: what was flown is charged at the fare that it would have had by itself, on the day of issue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from ais.fares import FareBook, PassengerType, PricingPassenger, PricingSegment, load_fare_book, price_itinerary
from ais.inventory import SHOWN_AT_MOST, leg_cabins
from ais.kit.ids import OrderSegmentId, PassengerId
from ais.kit.localtime import to_local
from ais.orders.cancellation import repository
from ais.orders.cancellation.domain import FLOWN, CouponHeld, Place
from ais.orders.domain import Order, OrderSegment, Passenger
from ais.platform.database import UnitOfWork
from ais.reference import ReferenceData, load_reference

ReadReference = Callable[[], ReferenceData]


async def shortfalls_of(
    uow: UnitOfWork, order: Order, coupons: Mapping[Place, CouponHeld], read_reference: ReadReference | None
) -> dict[PassengerId, int]:
    """By passenger, what the flown part of the ticket would have cost more by itself than its share of the fare, in
    minor units, less what earlier cancellations have kept for that. Nothing for whoever has not flown.

    ``read_reference`` gives the reference data that a process holds in memory; without it they are read.
    """
    flown: dict[PassengerId, set[OrderSegmentId]] = {}
    for (passenger_id, segment_id), coupon in coupons.items():
        if coupon.status in FLOWN:
            flown.setdefault(passenger_id, set()).add(segment_id)
    at = await repository.issued_at(uow.connection, order.id) if flown else None
    if at is None:
        return {}
    reference = await load_reference(uow.connection) if read_reference is None else read_reference()
    airports = {end for segment in order.segments for end in (segment.origin, segment.destination)}
    places = airports | {reference.airport(iata).city_code for iata in airports}
    book = await load_fare_book(uow.connection, at, facts=reference, rates=reference, places=places)
    classes = await _classes_at_or_above(uow, order)
    kept = await repository.shortfalls_kept(uow.connection, order.id)
    found: dict[PassengerId, int] = {}
    for passenger in order.passengers:
        segments = flown.get(passenger.id)
        if not segments:
            continue
        applicable = _applicable_fare(book, order, passenger, segments, classes, at)
        share = sum(coupons[passenger.id, segment_id].value.minor for segment_id in segments)
        # Without a fare on file for what was flown, its share of the ticket stands for it.
        short = max(0, (share if applicable is None else applicable) - share)
        found[passenger.id] = max(0, short - kept.get(passenger.id, 0))
    return found


def _applicable_fare(
    book: FareBook,
    order: Order,
    passenger: Passenger,
    flown: set[OrderSegmentId],
    classes: Mapping[OrderSegmentId, str],
    at: datetime,
) -> int | None:
    """The fare, without taxes and charges, of the flown segments alone as it was on sale at ``at``: the cheapest of the
    ticket's brand in booking classes not below those flown, else the cheapest of any brand; None if there is none.
    """
    slices = [
        [
            _pricing_segment(segment, classes)
            for segment in order.segments
            if segment.slice_position == each.position and segment.id in flown
        ]
        for each in order.slices
    ]
    priced = price_itinerary(
        book,
        [segments for segments in slices if segments],
        [PricingPassenger(str(passenger.id), PassengerType(passenger.type))],
        cabin=order.cabin,
        as_of=at,
        point_of_sale=order.point_of_sale,
    )
    of_brand = [each for each in priced if each.brand == order.fare_brand] or priced
    return of_brand[0].passengers[0].base_fare.minor if of_brand else None


def _pricing_segment(segment: OrderSegment, classes: Mapping[OrderSegmentId, str]) -> PricingSegment:
    """The segment as pricing sees it, open in the classes given."""
    return PricingSegment(
        segment_id=segment.segment_id,
        carrier=segment.marketing_carrier,
        flight_number=segment.flight_number,
        origin=segment.origin,
        destination=segment.destination,
        departs_at=segment.departs_at,
        arrives_at=segment.arrives_at,
        departure_date=segment.departure_date,
        arrival_date=to_local(segment.arrives_at, segment.arrival_timezone).date(),
        cabin=segment.cabin,
        open_by_rbd=dict.fromkeys(classes.get(segment.id, segment.booking_class), SHOWN_AT_MOST),
        infants_open=SHOWN_AT_MOST,
    )


async def _classes_at_or_above(uow: UnitOfWork, order: Order) -> dict[OrderSegmentId, str]:
    """By segment, the booking classes of its leg cabin down to the one that was sold."""
    carried = await repository.seats_carried(uow, order.id)
    ladders = {
        (cabin.leg_id, cabin.cabin): cabin.classes
        for cabin in await leg_cabins(uow, sorted({each.leg_id for each in carried}))
    }
    return {each.segment_id: ladders[each.leg_id, each.cabin].partition(each.rbd)[0] + each.rbd for each in carried}
