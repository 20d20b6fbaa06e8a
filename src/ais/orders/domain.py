"""The order: its states, its passengers, segments and price lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from ais.kit import Money, RecordLocator, Transitions
from ais.kit.ids import OrderId, OrderItemId, OrderSegmentId, PassengerId, PersonId


class OrderStatus(StrEnum):
    """Where the order stands as a whole."""

    PENDING = "pending"
    RESERVED = "reserved"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class OrderPaymentStatus(StrEnum):
    """Where its money stands."""

    UNPAID = "unpaid"
    PROCESSING = "processing"
    FAILED = "failed"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


class TicketingStatus(StrEnum):
    """Where its documents stand."""

    NONE = "none"
    ISSUING = "issuing"
    ISSUED = "issued"
    PARTLY_VOID = "partly_void"
    VOID = "void"


class SegmentStatus(StrEnum):
    """Where one segment stands; beside it the trade's two-letter code."""

    CONFIRMED = "confirmed"  # HK
    SCHEDULE_CHANGED = "schedule_changed"  # TK
    CANCELLED = "cancelled"  # UN by the airline, HX by the time limit, XX by the customer


ORDER_TRANSITIONS: Transitions[OrderStatus] = Transitions(
    "order.status",
    {
        OrderStatus.PENDING: (OrderStatus.RESERVED, OrderStatus.CANCELLED),
        OrderStatus.RESERVED: (OrderStatus.CONFIRMED, OrderStatus.EXPIRED, OrderStatus.CANCELLED),
        OrderStatus.EXPIRED: (OrderStatus.CONFIRMED,),
        OrderStatus.CONFIRMED: (OrderStatus.COMPLETED, OrderStatus.CANCELLED),
        OrderStatus.COMPLETED: (),
        OrderStatus.CANCELLED: (),
    },
)

ORDER_PAYMENT_TRANSITIONS: Transitions[OrderPaymentStatus] = Transitions(
    "order.payment_status",
    {
        OrderPaymentStatus.UNPAID: (
            OrderPaymentStatus.PROCESSING,
            OrderPaymentStatus.PAID,
            OrderPaymentStatus.FAILED,
        ),
        OrderPaymentStatus.PROCESSING: (
            OrderPaymentStatus.PAID,
            OrderPaymentStatus.FAILED,
            OrderPaymentStatus.UNPAID,
        ),
        OrderPaymentStatus.FAILED: (OrderPaymentStatus.PROCESSING, OrderPaymentStatus.PAID),
        OrderPaymentStatus.PAID: (
            OrderPaymentStatus.PARTIALLY_REFUNDED,
            OrderPaymentStatus.REFUNDED,
            OrderPaymentStatus.DISPUTED,
        ),
        OrderPaymentStatus.PARTIALLY_REFUNDED: (OrderPaymentStatus.REFUNDED, OrderPaymentStatus.DISPUTED),
        OrderPaymentStatus.DISPUTED: (
            OrderPaymentStatus.PAID,
            OrderPaymentStatus.PARTIALLY_REFUNDED,
            OrderPaymentStatus.REFUNDED,
        ),
        OrderPaymentStatus.REFUNDED: (),
    },
)

TICKETING_TRANSITIONS: Transitions[TicketingStatus] = Transitions(
    "order.ticketing_status",
    {
        TicketingStatus.NONE: (TicketingStatus.ISSUING,),
        TicketingStatus.ISSUING: (TicketingStatus.ISSUED,),
        TicketingStatus.ISSUED: (TicketingStatus.PARTLY_VOID, TicketingStatus.VOID),
        TicketingStatus.PARTLY_VOID: (TicketingStatus.VOID,),
        TicketingStatus.VOID: (),
    },
)

SEGMENT_TRANSITIONS: Transitions[SegmentStatus] = Transitions(
    "order_segment.status",
    {
        SegmentStatus.CONFIRMED: (SegmentStatus.CANCELLED, SegmentStatus.SCHEDULE_CHANGED),
        SegmentStatus.SCHEDULE_CHANGED: (SegmentStatus.CONFIRMED, SegmentStatus.CANCELLED),
        # Paid late and claimed again, or a flight that operates after all.
        SegmentStatus.CANCELLED: (SegmentStatus.CONFIRMED,),
    },
)


class Contact(msgspec.Struct, frozen=True):
    """Where to reach whoever bought."""

    email: str
    phone: str | None = None


class LocalName(msgspec.Struct, frozen=True):
    """The name in its own script."""

    given: str
    family: str


class TravelDocument(msgspec.Struct, frozen=True):
    """A passport or identity card."""

    type: str
    number: str
    issuing_country: str
    expires_on: date | None


class PersonalDetails(msgspec.Struct, frozen=True):
    """Who a passenger is. It rests sealed under the passenger's key."""

    given_name: str
    family_name: str
    title: str | None = None
    gender: str | None = None
    name_local: LocalName | None = None
    born_on: date | None = None
    nationality: str | None = None
    documents: tuple[TravelDocument, ...] = ()


class People(msgspec.Struct, frozen=True):
    """The persons of an order, opened. Who was erased is missing."""

    contact: Contact | None
    details: Mapping[PassengerId, PersonalDetails]


class Passenger(msgspec.Struct, frozen=True):
    """A place in the party. ``offer_reference`` is the id the offer gave; an infant on a lap names its adult.

    ``personal_sealed`` holds the :class:`PersonalDetails` and ``name_lookup`` finds the family name, both as PostgreSQL
    writes bytes in JSON. ``clear`` are the details of a row that has not been sealed yet.
    """

    id: PassengerId
    position: int
    offer_reference: str
    type: str
    accompanying_id: PassengerId | None
    person_id: PersonId | None = None
    personal_sealed: str | None = None
    name_lookup: str | None = None
    clear: PersonalDetails | None = None


class OrderSlice(msgspec.Struct, frozen=True):
    """One direction of travel and the conditions it was sold under, in their wire form."""

    position: int
    origin: str
    destination: str
    duration_minutes: int
    conditions: Any


class OrderSegment(msgspec.Struct, frozen=True):
    """A flight that was sold, as it was told to the passenger."""

    id: OrderSegmentId
    slice_position: int
    position: int
    segment_id: int
    flight_date_id: UUID
    marketing_carrier: str
    flight_number: str
    operating_carrier: str
    operating_flight_number: str
    origin: str
    destination: str
    departs_at: datetime
    departure_timezone: str
    arrives_at: datetime
    arrival_timezone: str
    departure_date: date
    cabin: str
    booking_class: str
    fare_basis: str
    aircraft: str
    status: SegmentStatus
    status_code: str


class OrderItem(msgspec.Struct, frozen=True):
    """What was accepted for one passenger."""

    id: OrderItemId
    passenger_id: PassengerId
    kind: str
    total_minor: int


class OrderPriceLine(msgspec.Struct, frozen=True):
    """The smallest piece of what is paid, in the order's currency; see docs/algorithms/pricing.md.

    ``authority`` is to whom a tax is owed.
    """

    position: int
    item_id: OrderItemId
    passenger_id: PassengerId
    order_segment_id: OrderSegmentId
    kind: str
    code: str
    name_en: str
    name_ar: str
    amount_minor: int
    refundable: bool
    version_id: int | None
    authority: str | None


class Order(msgspec.Struct, frozen=True):
    """The whole order. The total is the sum of its price lines; balance due = total - paid + refunded.

    Its persons are sealed; ``person_keys`` are their wrapped keys, as the vault reads them. ``contact`` is that of a
    row that has not been sealed yet.
    """

    id: OrderId
    record_locator: RecordLocator
    status: OrderStatus
    payment_status: OrderPaymentStatus
    ticketing_status: TicketingStatus
    hold_id: UUID
    validating_carrier: str
    fare_brand: str
    cabin: str
    currency: str
    total_minor: int
    paid_minor: int
    refunded_minor: int
    payment_required_by: datetime
    hold_extended_at: datetime | None
    first_departure_at: datetime
    last_arrival_at: datetime
    language: str
    contact_person_id: PersonId | None
    contact_sealed: bytes | None
    contact_lookup: bytes | None
    lookup_key: str | None
    owner: str
    owner_user_id: UUID | None
    channel: str
    seller_id: str | None
    agent_id: str | None
    point_of_sale: str
    created_at: datetime
    updated_at: datetime
    version: int
    passengers: tuple[Passenger, ...]
    slices: tuple[OrderSlice, ...]
    segments: tuple[OrderSegment, ...]
    items: tuple[OrderItem, ...]
    lines: tuple[OrderPriceLine, ...]
    person_keys: Mapping[str, tuple[str, str]] | None = None
    contact: Contact | None = None

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)

    @property
    def balance_due_minor(self) -> int:
        """What is still to be paid; nothing once the order has ended unpaid or has been refunded."""
        if self.status in {OrderStatus.EXPIRED, OrderStatus.CANCELLED}:
            return 0
        return max(0, self.total_minor - self.paid_minor) if self.refunded_minor == 0 else 0


def display_status(status: OrderStatus, payment_status: OrderPaymentStatus, coupon_statuses: Iterable[str] = ()) -> str:  # noqa: PLR0911  # one line a word
    """The one word for people, derived from the states: one of the thirteen of the original system.

    Of a confirmed order the coupons decide: all done reads as completed, any on board as boarded, any checked in so.
    """
    if payment_status is OrderPaymentStatus.REFUNDED:
        return "refunded"
    if status is OrderStatus.RESERVED:
        return {
            OrderPaymentStatus.FAILED: "payment_failed",
            OrderPaymentStatus.PAID: "paid",
            OrderPaymentStatus.PROCESSING: "pending",
        }.get(payment_status, "reserved")
    coupons = set(coupon_statuses) - {"void", "exchanged", "refunded"}
    if status is OrderStatus.COMPLETED and coupons == {"no_show"}:
        return "no_show"
    if status is not OrderStatus.CONFIRMED:
        return str(status)
    if coupons and coupons <= {"no_show"}:
        return "no_show"
    if "flown" in coupons and coupons <= {"flown", "no_show"}:
        return "completed"
    if "lifted" in coupons:
        return "boarded"
    return "checked_in" if "checked_in" in coupons else "confirmed"


def available_actions(order: Order, now: datetime, coupon_statuses: Iterable[str] = ()) -> list[str]:
    """What may be done with the order now."""
    payable = (
        order.status is OrderStatus.RESERVED
        and order.payment_status is not OrderPaymentStatus.PAID
        and order.payment_required_by > now
        and all(segment.status is not SegmentStatus.CANCELLED for segment in order.segments)
    )
    cancellable = order.payment_status is not OrderPaymentStatus.DISPUTED and (
        order.status is OrderStatus.RESERVED
        or (order.status is OrderStatus.CONFIRMED and not {"open", "suspended"}.isdisjoint(coupon_statuses))
    )
    return ["pay"] * payable + ["cancel"] * cancellable


def age_on(born_on: date, day: date) -> int:
    """Whole years on that day; who is born on 29 February is a year older on 1 March of other years."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


AGE_RANGES: dict[str, tuple[int, int]] = {"child": (2, 11), "infant": (0, 1), "infant_seat": (0, 1)}
