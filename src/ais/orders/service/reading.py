"""Reading orders: one's own, one found by locator and name, and how long a guest may come back to it."""

from __future__ import annotations

from datetime import datetime, timedelta

from ais.kit import Actor, decode_id, encode_id, ids
from ais.kit.ids import OrderId
from ais.kit.locator import is_locator
from ais.orders import repository
from ais.orders.access import Scope, is_own, may_read_personal, owner_of, require_order_access
from ais.orders.domain import Order, People
from ais.orders.errors import OrderNotFound
from ais.orders.names import search_name
from ais.orders.people import masked, name_lookup, open_people
from ais.orders.schemas import OrderBody
from ais.orders.view import order_body
from ais.platform.audit import Entry, record
from ais.platform.database import Database, UnitOfWork
from ais.platform.i18n import Language
from ais.platform.vault import Vault
from ais.ticketing import documents_of_order, documents_of_orders

GUEST_TOKEN_AFTER_LAST_FLIGHT = timedelta(hours=24)
LOOKUP_TOKEN = timedelta(hours=1)


async def read_own_order(database: Database, actor: Actor, order_id: str) -> Order:
    """The order of that public id; OrderNotFound if there is none or it is not the caller's."""
    identifier = decode_id(ids.ORDER, order_id)
    if identifier is None:
        raise OrderNotFound
    async with database.connection() as connection:
        order = await repository.find_order(connection, OrderId(identifier))
    if order is None:
        raise OrderNotFound
    require_order_access(actor, order)
    return order


async def find_order_by_name(database: Database, record_locator: str, family_name: str) -> Order:
    """The order of that locator with a passenger of that family name, the same OrderNotFound whichever is wrong.

    Names compare without case, spaces, hyphens and the Arabic article. Whoever calls limits how often one may ask.
    """
    locator = written_locator(record_locator)
    if not locator:
        raise OrderNotFound
    async with database.connection() as connection:
        found = await repository.find_by_locator(
            connection, locator, name_lookup(database.vault, locator, family_name).hashes, search_name(family_name)
        )
        if found is None:
            raise OrderNotFound
        order_id, is_theirs = found
        if not is_theirs:
            # Somebody has a locator and guesses at the name.
            raise OrderNotFound.hiding(encode_id(ids.ORDER, order_id))
        order = await repository.find_order(connection, order_id)
    if order is None:
        raise OrderNotFound
    return order


async def show_order(
    database: Database, order: Order, language: Language, actor: Actor, *, guest_token: str | None = None
) -> OrderBody:
    """The order as the caller, who may see it, sees it now, with its documents.

    Whose own it is sees all of it. Staff see its persons masked; with ``passengers.read_personal`` they see them in
    full, which is audited.
    """
    if not reads_as_staff(actor, order):
        async with database.connection() as connection:
            documents = await documents_of_order(connection, order.id)
        people = people_for(database.vault, actor, order)
    else:
        async with database.unit_of_work(actor) as uow:
            documents = await documents_of_order(uow.connection, order.id)
            people = await people_shown(uow, order)
    return order_body(order, people, documents, now=database.clock.now(), language=language, guest_token=guest_token)


async def own_orders(database: Database, actor: Actor, language: Language, *, limit: int) -> list[OrderBody]:
    """The orders that are the caller's own, the newest first, without any that they see as staff."""
    scope = Scope(owner_user_id=owner_of(actor), seller_id=actor.seller_id)
    async with database.connection() as connection:
        found = await repository.list_orders(connection, repository.OrderFilter(scope=scope, limit=limit))
        documents = await documents_of_orders(connection, [order.id for order in found])
    now = database.clock.now()
    return [
        order_body(order, people_for(database.vault, actor, order), documents[order.id], now=now, language=language)
        for order in found
    ]


def reads_as_staff(actor: Actor, order: Order) -> bool:
    """Whether the caller would see in full what is not their own, which is to be audited."""
    return not is_own(actor, order) and may_read_personal(actor, order)


def people_for(vault: Vault, actor: Actor, order: Order) -> People:
    """The persons of an order as the caller sees them without anybody noting it: masked unless it is their own."""
    people = open_people(vault, order)
    return people if is_own(actor, order) else masked(people)


async def people_shown(uow: UnitOfWork, order: Order) -> People:
    """The persons as whoever runs the unit of work sees them; what staff see in full is audited with it."""
    if not reads_as_staff(uow.actor, order):
        return people_for(uow.vault, uow.actor, order)
    await note_personal_read(uow, order)
    return open_people(uow.vault, order)


async def note_personal_read(uow: UnitOfWork, order: Order) -> None:
    """Put on record that what is personal in an order was read in full."""
    await record(
        uow, Entry(action="passengers.personal_read", subject=encode_id(ids.ORDER, order.id), order_id=order.id)
    )


def written_locator(text: str) -> str:
    """The locator as it is written, however it was typed; what cannot be one becomes empty, which names no order."""
    locator = "".join(text.split()).upper()
    return locator if is_locator(locator) else ""


def buyer_access_ends_at(order: OrderBody | Order) -> datetime:
    """Until when the token of whoever made the order opens it: a day after its last flight."""
    if isinstance(order, Order):
        return order.last_arrival_at + GUEST_TOKEN_AFTER_LAST_FLIGHT
    last = max(segment.arrives_at for each in order.slices for segment in each.segments)
    return last + GUEST_TOKEN_AFTER_LAST_FLIGHT


def lookup_access_ends_at(now: datetime) -> datetime:
    """Until when the token of whoever looked an order up opens it: one hour."""
    return now + LOOKUP_TOKEN
