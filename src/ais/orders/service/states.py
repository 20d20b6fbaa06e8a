"""Moving an order: the one place where its three states and its money change."""

from __future__ import annotations

from typing import Any

import msgspec

from ais.kit import Money, encode_id, ids
from ais.orders import repository
from ais.orders.domain import (
    ORDER_PAYMENT_TRANSITIONS,
    ORDER_TRANSITIONS,
    TICKETING_TRANSITIONS,
    Order,
    OrderPaymentStatus,
    OrderStatus,
    TicketingStatus,
)
from ais.orders.repository import Move
from ais.platform.audit import Entry, record
from ais.platform.database import UnitOfWork


class OrderChange:
    """Collects what happens to a locked order in one unit of work, and writes it as one.

    Each move is checked against its table when it is asked for: what the table does not allow raises
    ``InvalidStateTransition`` and nothing is written.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        self.status = order.status
        self.payment_status = order.payment_status
        self.ticketing_status = order.ticketing_status
        self.paid_minor = order.paid_minor
        self.refunded_minor = order.refunded_minor
        self._moves: list[Move] = []

    def status_to(self, target: OrderStatus, reason: str, **details: Any) -> None:
        ORDER_TRANSITIONS.require(self.status, target)
        self._moves.append(Move("order.status", self.status, target, reason, details))
        self.status = target

    def payment_to(self, target: OrderPaymentStatus, reason: str, **details: Any) -> None:
        ORDER_PAYMENT_TRANSITIONS.require(self.payment_status, target)
        self._moves.append(Move("order.payment_status", self.payment_status, target, reason, details))
        self.payment_status = target

    def payment_may_become(self, target: OrderPaymentStatus) -> bool:
        return ORDER_PAYMENT_TRANSITIONS.allows(self.payment_status, target)

    def ticketing_to(self, target: TicketingStatus, reason: str, **details: Any) -> None:
        TICKETING_TRANSITIONS.require(self.ticketing_status, target)
        self._moves.append(Move("order.ticketing_status", self.ticketing_status, target, reason, details))
        self.ticketing_status = target

    def receive(self, money: Money) -> None:
        """Count money that came in. Raises CurrencyMismatch for money of another currency than the order's."""
        self.paid_minor = (Money(self.paid_minor, self.order.currency) + money).minor

    def give_back(self, money: Money) -> None:
        """Count money that went back."""
        self.refunded_minor += money.minor

    @property
    def is_changed(self) -> bool:
        money = (self.order.paid_minor, self.order.refunded_minor)
        return bool(self._moves) or (self.paid_minor, self.refunded_minor) != money

    async def write(self, uow: UnitOfWork) -> None:
        """Write all of it, if there is anything."""
        if not self.is_changed:
            return
        await record(uow, self._entry())
        await repository.write_order_state(
            uow,
            self.order.id,
            self._moves,
            status=self.status,
            payment_status=self.payment_status,
            ticketing_status=self.ticketing_status,
            paid_minor=self.paid_minor,
            refunded_minor=self.refunded_minor,
        )
        self._moves = []
        self.order = self._changed_order()

    def _changed_order(self) -> Order:
        return msgspec.structs.replace(
            self.order,
            status=self.status,
            payment_status=self.payment_status,
            ticketing_status=self.ticketing_status,
            paid_minor=self.paid_minor,
            refunded_minor=self.refunded_minor,
        )

    def _entry(self) -> Entry:
        before, after = _facts(self.order), _facts(self._changed_order())
        changed = [name for name in before if before[name] != after[name]]
        if self.status != self.order.status:
            action = f"order.{self.status}"
        elif self.payment_status != self.order.payment_status:
            action = f"order.payment_{self.payment_status}"
        elif self.ticketing_status != self.order.ticketing_status:
            action = f"order.tickets_{self.ticketing_status}"
        else:
            action = "order.money_counted"
        return Entry(
            action=action,
            subject=encode_id(ids.ORDER, self.order.id),
            order_id=self.order.id,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )


def _facts(order: Order) -> dict[str, str]:
    return {
        "status": order.status,
        "payment_status": order.payment_status,
        "ticketing_status": order.ticketing_status,
        "paid": str(Money(order.paid_minor, order.currency)),
        "refunded": str(Money(order.refunded_minor, order.currency)),
    }
