"""What the schedule asks of packages above it, which the application wires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from ais.platform.database import UnitOfWork


class FlightSales(msgspec.Struct, frozen=True):
    """What hangs on a flight date: seats sold (over its legs), distinct passengers, and the orders they are in."""

    seats_sold: int = 0
    passengers: int = 0
    order_ids: tuple[UUID, ...] = ()


class SalesOnFlights(Protocol):
    """Tells what is sold on flight dates; one without sales may be left out of the answer."""

    async def sales_on(self, uow: UnitOfWork, flight_date_ids: Sequence[UUID]) -> Mapping[UUID, FlightSales]: ...


class NoSales:
    """The answer of an installation where nothing is sold yet."""

    async def sales_on(self, uow: UnitOfWork, flight_date_ids: Sequence[UUID]) -> Mapping[UUID, FlightSales]:  # noqa: ARG002  # the port's shape
        return {}
