"""Creating an order: the offer is opened, seats are claimed, then one transaction writes everything.

A repeat derives the same hold id from its key and body, so that it finds its own seats; the idempotency record and the
order commit together. No refusal leaves seats taken.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ais.inventory import Claim, Hold, HoldNotFound, HoldStatus, SeatDesk, release_hold
from ais.kit import (
    Actor,
    AppError,
    Forbidden,
    InvalidStateTransition,
    ValidationFailed,
    encode_id,
    ids,
    new_locator,
    new_uuid,
)
from ais.kit.ids import OrderId, OrderItemId, OrderSegmentId, PassengerId
from ais.offers import AcceptableOffer, Shop
from ais.orders import repository
from ais.orders.access import owner_of, require_create_access
from ais.orders.domain import (
    Contact,
    Order,
    OrderItem,
    OrderPaymentStatus,
    OrderPriceLine,
    OrderSegment,
    OrderSlice,
    OrderStatus,
    Passenger,
    People,
    SegmentStatus,
    TicketingStatus,
)
from ais.orders.errors import OrderConflict
from ais.orders.people import seal_people
from ais.orders.schemas import OrderRequest
from ais.orders.service.travellers import Party, check_travellers, refusals_of
from ais.orders.view import order_body
from ais.platform.audit import Entry, record
from ais.platform.database import Database
from ais.platform.faults import fault_point
from ais.platform.i18n import Language
from ais.platform.idempotency import Answer, IdempotencyInProgress, RequestKey, find_answer, store_answer
from ais.platform.vault import UnusableAddress, normalise_email

# A hold that ended before its order was written cannot be revived, and that of an order whose answer is forgotten is
# the order's own: the next try claims under the next name. More tries than this mean that something else is wrong.
HOLD_NAMES_MAX = 8
LOCATOR_TRIES_MAX = 5


class CreateOrder(msgspec.Struct, frozen=True):
    """What creating needs: ``hold_window`` is how long seats are held for payment."""

    database: Database
    seat_desk: SeatDesk
    shop: Shop
    hold_window: timedelta


class _Superseded(Exception):
    """Not an error: a twin has stored its answer first, which leaves through it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


async def create_order(
    services: CreateOrder,
    actor: Actor,
    correlation_id: str,
    request: RequestKey,
    body: OrderRequest,
    language: Language,
) -> Answer:
    """The stored answer: 201 and the order without its guest token.

    The order is the traveller's or the agency's who is signed in. Raises Forbidden, what opening an offer raises
    (OfferExpired, PriceChanged, SeatsUnavailable, NotFound), what ``check_travellers`` raises, and the refusals of
    idempotency. No refusal takes seats.
    """
    require_create_access(actor)
    async with services.database.connection() as connection:
        stored = await find_answer(connection, request, services.database.vault)
    if stored is not None:
        return stored
    _check_contact(body.contact.email)
    offer = services.shop.open_offer(body.offer_id)
    now = services.database.clock.now()
    party = check_travellers(
        body.passengers,
        {passenger.id: passenger.type for passenger in offer.passengers},
        [segment.departure_date for segment in offer.segments],
        now.date(),
    )
    hold = await _claim(services, actor, request, offer)
    fault_point("orders.claimed")
    try:
        answer = await _write(services, actor, correlation_id, request, offer, party, hold, body, language)
    except IdempotencyInProgress:
        # The twin that is writing now has the same hold: the seats are its order's.
        raise
    except AppError:
        await _give_up(services, actor, correlation_id, hold)
        raise
    fault_point("orders.written")
    return answer


def refusals_of_order(services: CreateOrder, body: OrderRequest) -> list[AppError]:
    """Each reason for which :func:`create_order` would refuse who travels and the contact, for a form that tells them
    all at once. Nothing is claimed or written. Raises what opening the offer raises, and ValidationFailed if the
    passengers are not the offer's.
    """
    offer = services.shop.open_offer(body.offer_id)
    refusals: list[AppError] = []
    try:
        _check_contact(body.contact.email)
    except ValidationFailed as refusal:
        refusals.append(refusal)
    types = {passenger.id: passenger.type for passenger in offer.passengers}
    dates = [segment.departure_date for segment in offer.segments]
    return [*refusals, *refusals_of(body.passengers, types, dates, services.database.clock.now().date())]


def _check_contact(address: str) -> None:
    try:
        normalise_email(address)
    except UnusableAddress as problem:
        raise ValidationFailed([("contact.email", str(problem))]) from None


async def _claim(services: CreateOrder, actor: Actor, request: RequestKey, offer: AcceptableOffer) -> Hold:
    """Hold the seats of the whole journey, or raise SeatsUnavailable."""
    for number in range(1, HOLD_NAMES_MAX + 1):
        hold = await services.seat_desk.claim(
            Claim(
                hold_id=request.derived_id(f"hold {number}"),
                owner=actor.name,
                items=offer.claim_items,
                hold_seconds=services.hold_window.total_seconds(),
                channel=actor.channel,
                point_of_sale=offer.point_of_sale,
                journey=offer.journey,
            )
        )
        if hold.is_new:
            return hold
        async with services.database.connection() as connection:
            taken = await repository.find_order_by_hold(connection, hold.id) is not None
            if taken and await find_answer(connection, request, services.database.vault) is not None:
                # A twin's order, whose answer is the one to give.
                return hold
        if hold.status is HoldStatus.ACTIVE and not taken:
            return hold
    raise OrderConflict


async def _write(
    services: CreateOrder,
    actor: Actor,
    correlation_id: str,
    request: RequestKey,
    offer: AcceptableOffer,
    party: Party,
    hold: Hold,
    body: OrderRequest,
    language: Language,
) -> Answer:
    for _ in range(LOCATOR_TRIES_MAX):
        people = People(Contact(body.contact.email, body.contact.phone), party.details)
        spoken = body.contact.language or language
        order = order_of(offer, party.passengers, hold, spoken, actor, services.database.clock.now())
        order, keys = seal_people(services.database.vault, order, people)
        content = order_body(order, people, (), now=order.created_at, language=language)
        answer = Answer(201, msgspec.json.encode(content), person=keys[0])
        try:
            async with services.database.unit_of_work(actor, correlation_id) as uow:
                twin = await store_answer(uow, request, answer)
                if twin is not None:
                    raise _Superseded(twin)
                await record(uow, _created(order))
                await repository.insert_order(uow, order, keys, correlation_id=correlation_id, reason="offer accepted")
        except _Superseded as superseded:
            return superseded.answer
        except repository.LocatorTaken:
            continue
        except repository.OwnerGone as gone:
            raise Forbidden from gone
        return answer
    raise OrderConflict


def _created(order: Order) -> Entry:
    return Entry(
        action="order.created",
        subject=encode_id(ids.ORDER, order.id),
        order_id=order.id,
        after={"status": order.status, "total": str(order.total), "passenger_count": len(order.passengers)},
    )


async def _give_up(services: CreateOrder, actor: Actor, correlation_id: str, hold: Hold) -> None:
    """Give the seats of a refused order back at once, unless they belong to an order by now."""
    async with services.database.unit_of_work(actor, correlation_id) as uow:
        if await repository.find_order_by_hold(uow.connection, hold.id) is not None:
            return
        try:
            await release_hold(uow, hold.id)
        except (HoldNotFound, InvalidStateTransition):
            return


def order_of(
    offer: AcceptableOffer,
    passengers: tuple[Passenger, ...],
    hold: Hold,
    language: str,
    actor: Actor,
    now: datetime,
) -> Order:
    """The order that an accepted offer becomes, with its price lines; nothing is computed from today's fares.

    Its persons are not in it yet: :func:`seal_people` puts them there.
    """
    slices, segments = _journey(offer)
    items, lines = _prices(offer, passengers, segments)
    return Order(
        id=OrderId(new_uuid()),
        record_locator=new_locator(),
        status=OrderStatus.RESERVED,
        payment_status=OrderPaymentStatus.UNPAID,
        ticketing_status=TicketingStatus.NONE,
        hold_id=hold.id,
        validating_carrier=offer.validating_carrier,
        fare_brand=offer.brand,
        cabin=offer.cabin,
        currency=offer.total.currency,
        total_minor=offer.total.minor,
        paid_minor=0,
        refunded_minor=0,
        payment_required_by=hold.expires_at,
        hold_extended_at=None,
        first_departure_at=segments[0].departs_at,
        last_arrival_at=max(segment.arrives_at for segment in segments),
        language=language,
        contact_person_id=None,
        contact_sealed=None,
        contact_lookup=None,
        lookup_key=None,
        owner=actor.name,
        owner_user_id=owner_of(actor),
        channel=actor.channel,
        seller_id=actor.seller_id,
        agent_id=actor.agent_id,
        point_of_sale=offer.point_of_sale,
        created_at=now,
        updated_at=now,
        version=1,
        passengers=passengers,
        slices=slices,
        segments=segments,
        items=items,
        lines=lines,
    )


def _journey(offer: AcceptableOffer) -> tuple[tuple[OrderSlice, ...], tuple[OrderSegment, ...]]:
    slices: list[OrderSlice] = []
    segments: list[OrderSegment] = []
    for position, each in enumerate(offer.slices, start=1):
        slices.append(OrderSlice(position, each.origin, each.destination, each.duration_minutes, each.conditions))
        before = len(segments)
        segments.extend(
            OrderSegment(
                id=OrderSegmentId(new_uuid()),
                slice_position=position,
                position=before + number,
                segment_id=segment.segment_id,
                flight_date_id=segment.flight_date_id,
                marketing_carrier=segment.marketing_carrier,
                flight_number=segment.flight_number,
                operating_carrier=segment.operating_carrier,
                operating_flight_number=segment.operating_flight_number,
                origin=segment.origin,
                destination=segment.destination,
                departs_at=segment.departs_at,
                departure_timezone=segment.departure_timezone,
                arrives_at=segment.arrives_at,
                arrival_timezone=segment.arrival_timezone,
                departure_date=segment.departure_date,
                cabin=offer.cabin,
                booking_class=segment.rbd,
                fare_basis=segment.fare_basis,
                aircraft=segment.aircraft,
                status=SegmentStatus.CONFIRMED,
                status_code="HK",
            )
            for number, segment in enumerate(each.segments, start=1)
        )
    return tuple(slices), tuple(segments)


def _prices(
    offer: AcceptableOffer, passengers: tuple[Passenger, ...], segments: tuple[OrderSegment, ...]
) -> tuple[tuple[OrderItem, ...], tuple[OrderPriceLine, ...]]:
    by_reference: dict[str, PassengerId] = {passenger.offer_reference: passenger.id for passenger in passengers}
    items: list[OrderItem] = []
    lines: list[OrderPriceLine] = []
    for price in offer.prices:
        passenger_id = by_reference[price.reference]
        item = OrderItem(OrderItemId(new_uuid()), passenger_id, "flight", price.total.minor)
        items.append(item)
        for charge in price.charges:
            lines.append(
                OrderPriceLine(
                    position=len(lines) + 1,
                    item_id=item.id,
                    passenger_id=passenger_id,
                    order_segment_id=segments[charge.segment_position].id,
                    kind=charge.kind,
                    code=charge.code,
                    name_en=charge.name_en,
                    name_ar=charge.name_ar,
                    amount_minor=charge.amount.minor,
                    refundable=charge.refundable,
                    version_id=charge.version_id,
                    authority=charge.authority,
                )
            )
    assert sum(line.amount_minor for line in lines) == offer.total.minor
    return tuple(items), tuple(lines)
