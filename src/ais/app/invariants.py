"""All that ``ais verify`` checks."""

from __future__ import annotations

from ais import inventory, orders, payments, ticketing
from ais.platform.invariants import Invariant

INVARIANTS: tuple[Invariant, ...] = (
    *inventory.INVARIANTS,
    *payments.INVARIANTS,
    *ticketing.INVARIANTS,
    *orders.INVARIANTS,
)
