"""What happened to orders, told by ids alone."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class OrderConfirmed(msgspec.Struct, frozen=True):
    """The order is paid, has its seats and its documents."""

    event_name: ClassVar[str] = "orders.order_confirmed"
    order_id: str


class OrderExpired(msgspec.Struct, frozen=True):
    """The time to pay ended; the seats went back."""

    event_name: ClassVar[str] = "orders.order_expired"
    order_id: str


class OrderPaymentFailed(msgspec.Struct, frozen=True):
    """An attempt to pay was declined; the order may be tried again while its seats are held."""

    event_name: ClassVar[str] = "orders.order_payment_failed"
    order_id: str
    payment_id: str


class PayLinkOpened(msgspec.Struct, frozen=True):
    """A page to pay the order on has been opened for whoever bought it to be told of."""

    event_name: ClassVar[str] = "orders.pay_link_opened"
    order_id: str
    payment_id: str


class OrderCancelled(msgspec.Struct, frozen=True):
    """All of the order has been given up; ``reason`` is ``customer``, ``flight_cancelled`` or ``void``."""

    event_name: ClassVar[str] = "orders.order_cancelled"
    order_id: str
    reason: str


class OrderFlightsCancelled(msgspec.Struct, frozen=True):
    """The airline has cancelled flights of a live order; ``segment_ids`` are its segments that are UN since then."""

    event_name: ClassVar[str] = "orders.order_flights_cancelled"
    order_id: str
    segment_ids: tuple[str, ...]
