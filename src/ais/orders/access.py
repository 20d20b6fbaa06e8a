"""Who may see and pay which order."""

from __future__ import annotations

from ais.kit import Actor, ActorKind
from ais.orders.domain import Order
from ais.orders.errors import OrderNotFound

READ_ANY = "orders.read_any"
CANCEL_ANY = "orders.cancel_any"


def require_order_access(actor: Actor, order: Order) -> None:
    """Raise :class:`OrderNotFound`, the same as for an order that does not exist, unless it is the caller's.

    A guest's token opens one order; staff need ``orders.read_any``; the program itself may.
    """
    if actor.kind is ActorKind.SYSTEM or actor.may(READ_ANY):
        return
    if actor.kind is ActorKind.GUEST and actor.id == str(order.id):
        return
    raise OrderNotFound


def require_cancel_access(actor: Actor, order: Order) -> None:
    """As :func:`require_order_access`, but that staff need ``orders.cancel_any``: to see is not to give up."""
    require_order_access(actor, order)
    if actor.kind is ActorKind.STAFF and not actor.may(CANCEL_ANY):
        raise OrderNotFound
