"""The wire types of orders. Sums are decimal strings with their currency; absent values are null."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ais.kit import PRINTED
from ais.offers import Cabin, ConditionsBody, MoneyBody, TaxBody
from ais.orders.domain import OrderPaymentStatus, OrderStatus, SegmentStatus, TicketingStatus
from ais.payments import PaymentMethod, PaymentStatus
from ais.ticketing import CouponStatus, DocumentStatus

Name = Annotated[str, Meta(min_length=1, max_length=60)]
# No control characters, which no name holds and no text column could keep.
_EMAIL = r"^[^@\s\u0000-\u001f\u007f]+@[^@\s\u0000-\u001f\u007f]+\.[^@\s\u0000-\u001f\u007f]+$"
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]


class LocalNameBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The name in its own script; kept and shown, never printed on a ticket."""

    given: Annotated[str, Meta(max_length=60, pattern=PRINTED)]
    family: Annotated[str, Meta(min_length=1, max_length=60, pattern=PRINTED)]


class TravelDocumentBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A travel document, as issued."""

    type: Literal["passport", "identity_card", "iqama"]
    number: Annotated[str, Meta(min_length=3, max_length=30, pattern="^[A-Za-z0-9-]+$")]
    issuing_country: Country
    expires_on: date


class PassengerRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Who travels. ``id`` is the offer passenger's; names are Latin letters as in the travel document, and who has one
    name leaves ``given_name`` empty. ``born_on`` is required for children and infants, ``accompanying_passenger_id``
    for a lap infant.
    """

    id: Annotated[str, Meta(min_length=1, max_length=60)]
    given_name: Annotated[str, Meta(max_length=60)]
    family_name: Name
    title: Annotated[str, Meta(min_length=1, max_length=10, pattern="^[A-Za-z.]+$")] | None = None
    gender: Literal["M", "F", "X", "U"] | None = None
    name_local: LocalNameBody | None = None
    born_on: date | None = None
    nationality: Country | None = None
    documents: Annotated[tuple[TravelDocumentBody, ...], Meta(max_length=5)] = ()
    accompanying_passenger_id: Annotated[str, Meta(max_length=60)] | None = None


class ContactBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to reach whoever buys."""

    email: Annotated[str, Meta(min_length=3, max_length=254, pattern=_EMAIL)]
    phone: Annotated[str, Meta(pattern=r"^\+?[0-9 ()-]{5,25}$")] | None = None
    language: Literal["ar", "en"] | None = None


class OrderRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Accept an offer: every passenger of it, and one contact."""

    offer_id: Annotated[str, Meta(min_length=1, max_length=1024)]
    passengers: Annotated[tuple[PassengerRequest, ...], Meta(min_length=1, max_length=18)]
    contact: ContactBody


class LookupRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Record locator and a family name of the order."""

    record_locator: Annotated[str, Meta(min_length=1, max_length=20)]
    family_name: Annotated[str, Meta(min_length=1, max_length=60)]


class PaymentRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """How to pay; the amount is always what is due.

    `checkout` is a hosted page, for people: card data never reaches us. After it people are sent to `return_url` or
    `cancel_url`, on our own site or a host that the airline allows; without them, to the order's page. `card` is for
    clients that collect the card by the provider's own library. `travel_credit` takes the sum from a credit whose code
    the traveller has, if there is enough in it.
    """

    method: Literal["checkout", "card", "travel_credit"] = "checkout"
    travel_credit_code: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    return_url: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None
    cancel_url: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None


class OrderNamed(Struct, frozen=True, forbid_unknown_fields=True):
    """The order to pay; the amount is always what is due."""

    order_id: Annotated[str, Meta(max_length=60)]


class LinkRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing is to be said."""


class OrderPassengerBody(Struct, frozen=True):
    """A passenger; ``ticket_number`` is the first live ticket's. Names are null once the person was erased."""

    id: str
    type: str
    title: str | None
    given_name: str | None
    family_name: str | None
    name_local: LocalNameBody | None
    born_on: date | None
    accompanying_passenger_id: str | None
    ticket_number: str | None


class OrderSegmentBody(Struct, frozen=True):
    """A flight of the order, as in the offer, and where it stands (HK, TK, UN, HX, XX). ``seats_left`` is null: these
    seats are taken, and what else is on sale an offer tells.
    """

    id: str
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
    duration_minutes: int
    cabin: Cabin
    booking_class: str
    fare_basis: str
    aircraft: str
    seats_left: int | None
    status: SegmentStatus
    status_code: str


class OrderSliceBody(Struct, frozen=True):
    """One direction of travel."""

    origin: str
    destination: str
    duration_minutes: int
    conditions: ConditionsBody
    segments: list[OrderSegmentBody]


class CouponBody(Struct, frozen=True):
    """A coupon: its segment, its state and its share of the fare."""

    number: int
    segment_id: str
    status: CouponStatus
    value: MoneyBody


class DocumentBody(Struct, frozen=True):
    """A document of 13 digits; ``conjunction_with`` holds the other numbers of the same journey."""

    id: str
    number: str
    type: Literal["ticket", "emd_a", "emd_s"]
    status: DocumentStatus
    passenger_id: str
    issued_at: datetime
    validating_carrier: str
    conjunction_with: list[str]
    coupons: list[CouponBody]


class OrderItemBody(Struct, frozen=True):
    """What was accepted for one passenger: base fare + taxes + carrier charges = total."""

    id: str
    kind: str
    passenger_id: str
    base_fare: MoneyBody
    taxes: list[TaxBody]
    carrier_charges: MoneyBody
    total: MoneyBody


class OrderContactBody(Struct, frozen=True):
    """Where to reach whoever bought; staff who need not know see `a•••@example.com`."""

    email: str
    phone: str | None
    language: str


class OrderBody(Struct, frozen=True):
    """An order. Programs branch on the three states; ``display_status`` is one word for people. ``contact`` is null
    once the buyer was erased.
    """

    id: str
    record_locator: str
    status: OrderStatus
    payment_status: OrderPaymentStatus
    ticketing_status: TicketingStatus
    display_status: str
    channel: str
    created_at: datetime
    updated_at: datetime
    version: int
    validating_carrier: str
    fare_brand: str
    payment_required_by: datetime | None
    total: MoneyBody
    paid: MoneyBody
    refunded: MoneyBody
    balance_due: MoneyBody
    contact: OrderContactBody | None
    passengers: list[OrderPassengerBody]
    slices: list[OrderSliceBody]
    documents: list[DocumentBody]
    items: list[OrderItemBody]
    available_actions: list[str]
    metadata: dict[str, Any]
    guest_token: str | None = None


class PaymentBody(Struct, frozen=True):
    """One attempt to pay an order; ``client_secret`` is for the provider's own client library, ``checkout_url`` the
    page on which a person pays.
    """

    id: str
    order_id: str
    status: PaymentStatus
    method: PaymentMethod
    amount: MoneyBody
    provider: str
    provider_payment_id: str
    client_secret: str | None
    checkout_url: str | None
    expires_at: datetime
