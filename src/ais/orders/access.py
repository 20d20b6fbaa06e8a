"""Who may see, pay and give up which order.

An order is its guest's, its traveller's or its agency's; staff reach others by a permission, as far as the grant that
gave it goes. Whoever may not see an order is answered as if there were none.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import msgspec

from ais.kit import Actor, ActorKind, Forbidden, Reach, decode_id, encode_id, ids
from ais.kit.ids import OrderId
from ais.orders.domain import Order
from ais.orders.errors import OrderNotFound
from ais.payments import PaymentMethod

CREATE = "orders.create"
READ_OWN, PAY_OWN, CANCEL_OWN = "orders.read_own", "orders.pay_own", "orders.cancel_own"
READ_PERSONAL = "passengers.read_personal"
READ_ANY, PAY_ANY, CANCEL_ANY = "orders.read_any", "orders.pay_any", "orders.cancel_any"

# What staff need to take a payment of each method; the others are paid by orders.pay_any.
_COUNTER: Mapping[PaymentMethod, str] = {
    PaymentMethod.AGENCY_DEPOSIT: "agencies.pay",
    PaymentMethod.CASH: "cash.take",
    PaymentMethod.PAY_LINK: "payments.send_link",
}


class Scope(msgspec.Struct, frozen=True):
    """The orders that a caller sees: what any one of these names. ``everything`` leaves nothing out."""

    everything: bool = False
    order_id: OrderId | None = None
    owner_user_id: UUID | None = None
    seller_id: str | None = None
    reaches: tuple[Reach, ...] = ()


EVERYTHING = Scope(everything=True)


def owner_of(actor: Actor) -> UUID | None:
    """The account whose own an order is that this caller makes: a traveller's. An agent's is the agency's instead."""
    return decode_id(ids.USER, actor.id) if actor.kind is ActorKind.TRAVELLER else None


def scope_of(actor: Actor) -> Scope:
    """What the caller's lists of orders may hold."""
    if actor.kind is ActorKind.SYSTEM or actor.may_everywhere(READ_ANY):
        return EVERYTHING
    own = actor.may(READ_OWN)
    return Scope(
        order_id=OrderId(UUID(actor.id)) if actor.kind is ActorKind.GUEST else None,
        owner_user_id=owner_of(actor) if own else None,
        seller_id=actor.seller_id if own else None,
        reaches=actor.reaches_of(READ_ANY),
    )


def require_create_access(actor: Actor) -> None:
    """Anybody may order as a guest; an account or a machine needs the right. Raises Forbidden."""
    if actor.kind not in {ActorKind.ANONYMOUS, ActorKind.GUEST, ActorKind.SYSTEM} and not actor.may(CREATE):
        raise Forbidden


def require_order_access(actor: Actor, order: Order) -> None:
    """Raise :class:`OrderNotFound`, the same as for an order that does not exist, unless the caller may see it."""
    if not _may(actor, order, READ_OWN, READ_ANY):
        raise OrderNotFound.hiding(encode_id(ids.ORDER, order.id))


def is_own(actor: Actor, order: Order) -> bool:
    """Whether the order is the caller's own, or that of their agency: what is in it they said themselves."""
    return actor.kind is not ActorKind.SYSTEM and _own(actor, order, READ_OWN)


def may_read_personal(actor: Actor, order: Order) -> bool:
    """Whether staff may see contact, dates of birth and documents of this order in full."""
    return _reached(actor, READ_PERSONAL, order)


def require_pay_access(actor: Actor, order: Order, method: PaymentMethod) -> None:
    """Raise OrderNotFound unless the caller may see the order, Forbidden unless it may pay it in this way."""
    require_order_access(actor, order)
    counter = _COUNTER.get(method)
    if counter is None:
        allowed = _may(actor, order, PAY_OWN, PAY_ANY)
    else:
        allowed = actor.kind is ActorKind.SYSTEM or _reached(actor, counter, order)
    if not allowed:
        raise Forbidden


def require_cancel_access(actor: Actor, order: Order) -> None:
    """Raise OrderNotFound unless the caller may see the order, Forbidden unless it may give it up."""
    require_order_access(actor, order)
    if not _may(actor, order, CANCEL_OWN, CANCEL_ANY):
        raise Forbidden


def require_staff_access(actor: Actor, order: Order, permission: str) -> None:
    """Raise OrderNotFound unless the caller may see the order, Forbidden unless this right of theirs reaches it."""
    require_order_access(actor, order)
    if actor.kind is not ActorKind.SYSTEM and not _reached(actor, permission, order):
        raise Forbidden


def _may(actor: Actor, order: Order, own: str, anybodys: str) -> bool:
    return actor.kind is ActorKind.SYSTEM or _own(actor, order, own) or _reached(actor, anybodys, order)


def _own(actor: Actor, order: Order, own: str) -> bool:
    if actor.kind is ActorKind.GUEST:
        return actor.id == str(order.id)
    if not actor.may(own):
        return False
    owner = owner_of(actor)
    if owner is not None and order.owner_user_id == owner:
        return True
    return actor.seller_id is not None and order.seller_id == actor.seller_id


def _reached(actor: Actor, permission: str, order: Order) -> bool:
    """Whether a grant that gave this right reaches the order: an airport of it, its agency, the channel it was sold by.

    What is not limited is reached; each limit must hold.
    """
    airports = {airport for segment in order.segments for airport in (segment.origin, segment.destination)}
    return any(
        (reach.stations is None or not airports.isdisjoint(reach.stations))
        and (reach.agencies is None or order.seller_id in reach.agencies)
        and (reach.channels is None or order.channel in reach.channels)
        for reach in actor.reaches_of(permission)
    )
