"""All that ``ais verify`` checks."""

from __future__ import annotations

from ais import accounts, fares, inventory, ledger, orders, payments, schedule, ticketing
from ais.accounts import audit
from ais.accounts.rights import invariants as rights
from ais.platform.invariants import Invariant

INVARIANTS: tuple[Invariant, ...] = (
    *schedule.INVARIANTS,
    *inventory.INVARIANTS,
    *fares.INVARIANTS,
    *ledger.INVARIANTS,
    *payments.INVARIANTS,
    *ticketing.INVARIANTS,
    *orders.INVARIANTS,
    *accounts.INVARIANTS,
    *audit.INVARIANTS,
    *rights.INVARIANTS,
)
