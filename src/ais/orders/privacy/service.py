"""Sealing old rows, exporting and erasing persons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from ais.accounts import (
    AccountNotFound,
    User,
    UserKind,
    account_data,
    erase_user,
    find_user_id,
    lock_for_erasure,
)
from ais.kit import AppError, Forbidden, NotFound, encode_id, ids
from ais.kit.ids import OrderId, PassengerId, UserId
from ais.orders import repository as orders
from ais.orders.domain import Order, OrderStatus, TravelDocument
from ais.orders.errors import OrderNotFound
from ais.orders.people import address_lookup, open_people, seal_people
from ais.orders.privacy import repository
from ais.orders.schemas import OrderBody
from ais.orders.texts import erase_texts
from ais.orders.view import order_body
from ais.payments import has_pending_refund, has_undecided_dispute, open_attempts, payments_of_order
from ais.platform.audit import Entry, record
from ais.platform.database import Connection, UnitOfWork
from ais.platform.idempotency import forget_answers
from ais.platform.vault import destroy_persons, insert_persons, open_texts
from ais.ticketing import documents_of_orders

SEALED_AT_ONCE = 200
REMAINS = ("documents", "ledger", "payments", "order_history", "audit_trail")
"""What stays of an erased person's orders: numbers and sums, and on each ticket the name that the law wants kept."""


class ErasureRefused(AppError):
    """Something of what is to be erased is still needed; ``details.open`` names each order and why."""

    code = "ERASURE_REFUSED"
    status = 409
    message = "Not everything can be erased yet: a journey is still to be flown, or money is open."


class PersonNotFound(NotFound):
    """Nothing is kept under this address. Told to staff only."""

    message = "Nothing is kept under this address."


class PassengerNotFound(NotFound):
    """One of these passengers is none of the order's."""

    message = "There is no such passenger in this order."


class Needed(msgspec.Struct, frozen=True):
    """Why an order's persons cannot be erased yet."""

    order_id: str
    record_locator: str
    why: str


class Erased(msgspec.Struct, frozen=True):
    """What an erasure did, and what stays because the law wants it."""

    orders: int
    persons: int
    remains: Sequence[str] = REMAINS


class PassengerData(msgspec.Struct, frozen=True):
    """What is kept of a passenger beyond what the order shows."""

    passenger_id: str
    gender: str | None
    nationality: str | None
    documents: Sequence[TravelDocument]


class OrderData(msgspec.Struct, frozen=True):
    """An order with all that is personal in it; ``written`` is what staff wrote about it by hand."""

    order: OrderBody
    passengers: Sequence[PassengerData]
    written: Sequence[str]


async def seal_next(uow: UnitOfWork, limit: int = SEALED_AT_ONCE) -> tuple[int, int]:
    """Seal the persons of the next orders that rest in the clear: how many orders were looked at, and how many sealed.

    Goes on where the last call ended; (0, 0) when there is nothing more. Harmless beside the running program: each
    order is locked while it changes, and both forms are read.
    """
    after = await repository.sealing_begins_after(uow)
    found = await repository.orders_in_the_clear(uow, after, limit)
    sealed = 0
    for order_id, clear in found:
        if clear:
            sealed += await _seal_order(uow, order_id)
    if found:
        await repository.note_sealing(uow, found[-1][0], sealed)
    return len(found), sealed


async def _seal_order(uow: UnitOfWork, order_id: OrderId) -> bool:
    order = await orders.lock_order(uow, order_id)
    if order is None or order.contact_sealed is not None:
        return False
    sealed, keys = seal_people(uow.vault, order, open_people(uow.vault, order))
    await insert_persons(uow, keys)
    await repository.write_sealed(uow, sealed)
    return True


async def why_needed(connection: Connection, order: Order, now: datetime) -> str | None:
    """Why the persons of an order are still needed: one word; None if they are not."""
    if order.status in {OrderStatus.PENDING, OrderStatus.RESERVED}:
        return "to_be_paid"
    if order.status is OrderStatus.CONFIRMED and order.last_arrival_at > now:
        return "journey_to_come"
    if open_attempts(await payments_of_order(connection, order.id)):
        return "payment_open"
    if await has_pending_refund(connection, order.id):
        return "refund_pending"
    if await has_undecided_dispute(connection, order.id):
        return "dispute_open"
    return None


async def erase_orders(uow: UnitOfWork, order_ids: Iterable[OrderId], reason: str) -> Erased:
    """Erase the buyer and the passengers of these orders, all or none.

    The orders are locked in order of id. Those that were erased before count for nothing. Raises
    :class:`ErasureRefused` naming every order that is still needed.
    """
    found, needed = [], []
    for order_id in sorted(order_ids):
        order = await orders.lock_order(uow, order_id)
        if order is None:
            continue
        why = await why_needed(uow.connection, order, uow.clock.now())
        if why is not None:
            needed.append(Needed(encode_id(ids.ORDER, order.id), order.record_locator, why))
        found.append(order)
    if needed:
        raise ErasureRefused(open=msgspec.to_builtins(needed))
    persons, erased = [], 0
    for order in found:
        if order.contact_sealed is None:
            await _seal_order(uow, order.id)
            again = await orders.find_order(uow.connection, order.id)
            assert again is not None
            order = again  # noqa: PLW2901  # the same order, sealed
        destroyed = await destroy_persons(uow, repository.persons_of(order))
        if not destroyed:
            continue
        persons.extend(destroyed)
        erased += 1
        await erase_texts(uow, order.id)
        await repository.forget_hashes(uow, order.id, reason)
        subject = encode_id(ids.ORDER, order.id)
        await record(
            uow,
            Entry(
                action="person.erased",
                subject=subject,
                order_id=order.id,
                after={"persons": len(destroyed), "reason": reason},
            ),
        )
    return Erased(erased, len(persons))


async def erase_passengers(
    uow: UnitOfWork, order_id: OrderId, passenger_ids: Iterable[PassengerId], reason: str, *, with_contact: bool = False
) -> Erased:
    """Erase some of an order's passengers: the others and the order stay as they are.

    Nothing in an order says which of its passengers has bought it. So the buyer's contact goes ``with_contact``, where
    who asks says that it is theirs, and with the last of the passengers, who leaves nobody to write to.

    Who was erased before counts for nothing. Answers kept for repeated requests name all passengers, so that they go
    too. Raises OrderNotFound, PassengerNotFound, ErasureRefused while the order's persons are still needed.
    """
    order = await orders.lock_order(uow, order_id)
    if order is None:
        raise OrderNotFound
    asked = set(passenger_ids)
    if not asked <= {each.id for each in order.passengers}:
        raise PassengerNotFound
    why = await why_needed(uow.connection, order, uow.clock.now())
    if why is not None:
        needed = Needed(encode_id(ids.ORDER, order.id), order.record_locator, why)
        raise ErasureRefused(open=[msgspec.to_builtins(needed)])
    if order.contact_sealed is None:
        await _seal_order(uow, order.id)
        again = await orders.find_order(uow.connection, order.id)
        assert again is not None
        order = again
    persons = {each.person_id: each.id for each in order.passengers if each.id in asked and each.person_id is not None}
    buyer = order.contact_person_id
    assert buyer is not None
    known = order.person_keys or {}
    nobody_left = all(each.id in asked or str(each.person_id) not in known for each in order.passengers)
    destroyed = await destroy_persons(uow, [*persons, *([buyer] if with_contact or nobody_left else [])])
    if not destroyed:
        return Erased(0, 0)
    await erase_texts(uow, order.id)
    await forget_answers(uow, sealed_for=buyer, erased=destroyed[0])
    gone = [persons[each] for each in destroyed if each != buyer]
    await repository.forget_passengers(uow, order.id, gone, reason, with_contact=buyer in destroyed)
    await record(
        uow,
        Entry(
            action="person.erased",
            subject=encode_id(ids.ORDER, order.id),
            order_id=order.id,
            after={
                "persons": len(destroyed),
                "passengers": [_public(each) for each in gone],
                "buyer": buyer in destroyed,
                "reason": reason,
            },
        ),
    )
    return Erased(1, len(destroyed))


async def erase_person(
    uow: UnitOfWork, address: str, reason: str, *, travellers_only: bool = False
) -> tuple[Erased, tuple[UserId, int] | None]:
    """Erase whoever has this address: the account with its orders, and every order that was bought under it.

    Answers what was done, and of an account what to announce after the commit. ``travellers_only`` leaves accounts of
    agencies and staff to those who make and close them: Forbidden. Raises ErasureRefused, PersonNotFound,
    ValidationFailed for a text that is no address.
    """
    user = await _account_to_erase(uow, address)
    if user is not None and travellers_only and user.kind is not UserKind.TRAVELLER:
        raise Forbidden
    found = set(await repository.orders_with_address(uow.connection, address_lookup(uow.vault, address).hashes))
    if user is None:
        done, version = await erase_orders(uow, found, reason), None
    else:
        found.update(await repository.orders_owned_by(uow.connection, user.id))
        done, version = await _erase_with_orders(uow, user, found, reason)
    if not done.persons:
        raise PersonNotFound
    return done, (user.id, version) if user is not None and version is not None else None


async def _account_to_erase(uow: UnitOfWork, address: str) -> User | None:
    """The account of this address, locked; None also if it was erased while we waited for it."""
    user_id = await find_user_id(uow.connection, uow.vault, address)
    if user_id is None:
        return None
    try:
        return await lock_for_erasure(uow, user_id)
    except AccountNotFound:
        return None


async def erase_address(uow: UnitOfWork, address: str, reason: str) -> Erased:
    """Erase the persons of every order that was bought under this address. Raises ErasureRefused."""
    found = await repository.orders_with_address(uow.connection, address_lookup(uow.vault, address).hashes)
    return await erase_orders(uow, found, reason)


async def erase_account(uow: UnitOfWork, user_id: UserId, reason: str) -> tuple[Erased, int]:
    """Close an account and erase its user with all persons of its orders; all sessions end.

    The user is locked before its orders are looked for, and a sale in the account's name holds the same row until its
    commit: so no order is left behind. Answers what was done and the access version to announce after the commit.
    Raises AccountNotFound, ErasureRefused.
    """
    user = await lock_for_erasure(uow, user_id)
    return await _erase_with_orders(uow, user, await repository.orders_owned_by(uow.connection, user_id), reason)


async def _erase_with_orders(
    uow: UnitOfWork, user: User, order_ids: Iterable[OrderId], reason: str
) -> tuple[Erased, int]:
    """Erase a locked user and these orders, all of which are locked in order of id before anything changes: so two who
    have bought for one another are erased at once.
    """
    done = await erase_orders(uow, order_ids, reason)
    version = await erase_user(uow, user, reason)
    return Erased(done.orders, done.persons + 1), version


async def export_person(uow: UnitOfWork, address: str) -> dict[str, Any]:
    """All that is kept about whoever has this address: the account, its orders, and those bought under it. Audited.

    Raises PersonNotFound, ValidationFailed for a text that is no address.
    """
    user_id = await find_user_id(uow.connection, uow.vault, address)
    account, own = None, list[OrderId]()
    if user_id is not None:
        with suppress(AccountNotFound):  # erased while we waited for it
            account = await account_data(uow, user_id)
            own = await repository.orders_owned_by(uow.connection, user_id)
    bought = await repository.orders_with_address(uow.connection, address_lookup(uow.vault, address).hashes)
    if account is None and not bought:
        raise PersonNotFound
    data = await _export(uow, [*own, *(each for each in bought if each not in own)])
    for each in bought:
        await record(uow, Entry(action="person.exported", subject=encode_id(ids.ORDER, each), after={"orders": 1}))
    if account is not None:
        await record(uow, Entry(action="person.exported", subject=account["id"], after={"orders": len(own)}))
    return {"account": account, "orders": data}


async def export_account(uow: UnitOfWork, user_id: UserId) -> dict[str, Any]:
    """All that is kept about the user of an account: the account, its sessions, its orders. Audited.

    Raises AccountNotFound.
    """
    account = await account_data(uow, user_id)
    data = await _export(uow, await repository.orders_owned_by(uow.connection, user_id))
    await record(uow, Entry(action="person.exported", subject=account["id"], after={"orders": len(data)}))
    return {"account": account, "orders": data}


async def _export(uow: UnitOfWork, order_ids: Sequence[OrderId]) -> list[dict[str, Any]]:
    """These orders in full, none of which is erased meanwhile: what is handed out is whole, or as it is afterwards."""
    await repository.share_orders(uow, order_ids)
    documents = await documents_of_orders(uow.connection, list(order_ids))
    found = []
    for order_id in order_ids:
        order = await orders.find_order(uow.connection, order_id)
        assert order is not None
        people = open_people(uow.vault, order)
        body = order_body(order, people, documents[order_id], now=uow.clock.now(), language="en")
        passengers = [
            PassengerData(_public(passenger), details.gender, details.nationality, details.documents)
            for passenger, details in people.details.items()
        ]
        rested = await repository.written_about(uow.connection, order_id)
        opened = {each.text for each in await open_texts(uow.connection, uow.vault, rested) if each.text is not None}
        found.append(msgspec.to_builtins(OrderData(body, passengers, sorted(opened))))
    return found


def _public(passenger: PassengerId) -> str:
    return encode_id(ids.PASSENGER, passenger)
