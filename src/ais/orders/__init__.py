"""Orders: who travels, on what, for how much, until when it must be paid.

An order (PNR) is created from an offer with its seats held, is paid, and is confirmed when documents exist. Three
states say where it stands: as a whole, its money, its documents; each moves by its own table only, and every move is
history. The record locator is its public handle. Price lines are written at the sale and never recomputed; the total
is their sum.

Lock order of the whole program: order, its quote, payment (with its refunds, disputes and what pays), coupons, leg
cabins, ticket number range. An erasure holds the account's row before them and the keys of persons after them.
"""

from ais.orders.access import EVERYTHING, Scope
from ais.orders.cancellation.domain import QUOTE_TRANSITIONS, RefundTo, RetimeRule
from ais.orders.cancellation.jobs import ask_to_follow
from ais.orders.cancellation.schemas import CancellationQuoteBody
from ais.orders.cancellation.service.confirm import confirm_quote
from ais.orders.cancellation.service.quote import CancelOrder, Wish, quote_cancellation, wish_of
from ais.orders.cancellation.service.second_person import RefundLimits
from ais.orders.cancellation.service.signed import carry_out_signed
from ais.orders.cancellation.service.void import void_order
from ais.orders.departure.domain import DepartureListRefused, DepartureTooEarly, read_list
from ais.orders.departure.service import ClosedDeparture, close_departure
from ais.orders.domain import (
    ORDER_PAYMENT_TRANSITIONS,
    ORDER_TRANSITIONS,
    SEGMENT_TRANSITIONS,
    TICKETING_TRANSITIONS,
    Order,
    OrderPaymentStatus,
    OrderSegment,
    OrderStatus,
    People,
    TicketingStatus,
)
from ais.orders.errors import (
    HoldExpired,
    NameRomanisationRequired,
    OrderConflict,
    OrderNotFound,
    PassengerAge,
    QuoteExpired,
    QuoteNotFound,
    QuoteSuperseded,
    VoidTooLate,
)
from ais.orders.events import (
    OrderCancelled,
    OrderConfirmed,
    OrderExpired,
    OrderFlightsCancelled,
    OrderPaymentFailed,
    PayLinkOpened,
)
from ais.orders.invariants import INVARIANTS
from ais.orders.people import masked, open_people
from ais.orders.repository import (
    OrderFilter,
    affected_orders,
    find_order,
    history_of,
    list_orders,
    sales_on_flight_dates,
)
from ais.orders.return_links import LinkRules
from ais.orders.schemas import OrderBody, OrderRequest, PaymentBody
from ais.orders.service.create import CreateOrder, create_order, refusals_of_order
from ais.orders.service.disputed import release_order
from ais.orders.service.expire import expire_order
from ais.orders.service.pay import PaymentChoice, PayOrder, pay_order, with_secrets
from ais.orders.service.reading import (
    buyer_access_ends_at,
    find_order_by_name,
    lookup_access_ends_at,
    note_personal_read,
    own_orders,
    read_own_order,
    show_order,
)
from ais.orders.service.settle import settle_order_payment
from ais.orders.view import order_body

__all__ = [
    "EVERYTHING",
    "INVARIANTS",
    "ORDER_PAYMENT_TRANSITIONS",
    "ORDER_TRANSITIONS",
    "QUOTE_TRANSITIONS",
    "SEGMENT_TRANSITIONS",
    "TICKETING_TRANSITIONS",
    "CancelOrder",
    "CancellationQuoteBody",
    "ClosedDeparture",
    "CreateOrder",
    "DepartureListRefused",
    "DepartureTooEarly",
    "HoldExpired",
    "LinkRules",
    "NameRomanisationRequired",
    "Order",
    "OrderBody",
    "OrderCancelled",
    "OrderConfirmed",
    "OrderConflict",
    "OrderExpired",
    "OrderFilter",
    "OrderFlightsCancelled",
    "OrderNotFound",
    "OrderPaymentFailed",
    "OrderPaymentStatus",
    "OrderRequest",
    "OrderSegment",
    "OrderStatus",
    "PassengerAge",
    "PayLinkOpened",
    "PayOrder",
    "PaymentBody",
    "PaymentChoice",
    "People",
    "QuoteExpired",
    "QuoteNotFound",
    "QuoteSuperseded",
    "RefundLimits",
    "RefundTo",
    "RetimeRule",
    "Scope",
    "TicketingStatus",
    "VoidTooLate",
    "Wish",
    "affected_orders",
    "ask_to_follow",
    "buyer_access_ends_at",
    "carry_out_signed",
    "close_departure",
    "confirm_quote",
    "create_order",
    "expire_order",
    "find_order",
    "find_order_by_name",
    "history_of",
    "list_orders",
    "lookup_access_ends_at",
    "masked",
    "note_personal_read",
    "open_people",
    "order_body",
    "own_orders",
    "pay_order",
    "quote_cancellation",
    "read_list",
    "read_own_order",
    "refusals_of_order",
    "release_order",
    "sales_on_flight_dates",
    "settle_order_payment",
    "show_order",
    "void_order",
    "wish_of",
    "with_secrets",
]
