"""The hashes by which orders are found, made anew by another lookup key; and the end of a key that none needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from ais.accounts import count_lookups, forget_claims, rewrite_account_lookups, rewrite_registration_lookups
from ais.kit.ids import OrderId, PassengerId
from ais.orders.domain import Contact, PersonalDetails
from ais.orders.people import CONTACT, PERSONAL, address_lookup, name_lookup
from ais.orders.privacy import repository
from ais.platform.audit import Entry, record
from ais.platform.database import Connection, UnitOfWork
from ais.platform.vault import LookupKeyRefused, Vault, drop_lookup_key, known_lookup_keys

REWRITTEN_AT_ONCE = 200


async def rewrite_order_lookups(
    uow: UnitOfWork, *, after: UUID | None = None, limit: int = REWRITTEN_AT_ONCE
) -> tuple[UUID | None, int]:
    """Make the hashes of the next orders by the first lookup key, from what is sealed: no other key is needed for it.

    Answers the id to go on after, None when there are no more, and how many orders were rewritten. The orders are
    locked: an erasure comes before or after, and what it has removed does not come back.
    """
    order_ids = await repository.lock_to_rewrite(uow, uow.vault.lookup_id, after, limit)
    if not order_ids:
        return None, 0
    found = await repository.read_to_rewrite(uow.connection, order_ids)
    keys = await uow.vault.persons(uow.connection, (each.person_id for each in found))
    contacts: dict[OrderId, bytes] = {}
    names: dict[PassengerId, bytes] = {}
    for each in found:
        key = keys[each.person_id]
        if each.passenger_id is None:
            contact = msgspec.json.decode(key.open_bytes(CONTACT, each.sealed), type=Contact)
            contacts[each.order_id] = address_lookup(uow.vault, contact.email).stored
        else:
            details = msgspec.json.decode(key.open_bytes(PERSONAL, each.sealed), type=PersonalDetails)
            names[each.passenger_id] = name_lookup(uow.vault, each.record_locator, details.family_name).stored
    await repository.write_lookups(uow, uow.vault.lookup_id, order_ids, contacts, names)
    return order_ids[-1], len(order_ids)


# What is rewritten, by name, each a batch in a unit of work of the caller's: (where to go on or None, how many).
REWRITES: Mapping[str, Callable[..., Awaitable[tuple[UUID | None, int]]]] = {
    "accounts": rewrite_account_lookups,
    "registrations": rewrite_registration_lookups,
    "orders": rewrite_order_lookups,
}


async def lookups_in_use(connection: Connection) -> Mapping[str | None, int]:
    """How many accounts, registrations and orders have hashes of which lookup key; None is a key that nobody named."""
    counts: Counter[str | None] = Counter()
    for each in (await count_lookups(connection), await repository.count_lookups(connection)):
        counts.update(each)
    return dict(counts)


async def require_first_key_in_use(connection: Connection, vault: Vault) -> None:
    """Raise LookupKeyRefused unless processes were started with the first lookup key: others would find nobody."""
    known = {each.id: each.dropped_at for each in await known_lookup_keys(connection)}
    if vault.lookup_id not in known:
        raise LookupKeyRefused(
            f"No process was started with the lookup key {vault.lookup_id!r} yet: restart them all with it first."
        )
    if known[vault.lookup_id] is not None:
        raise LookupKeyRefused(f"The lookup key {vault.lookup_id!r} was dropped: it may not be the first again.")


async def drop_key(uow: UnitOfWork, name: str) -> None:
    """Drop a lookup key that no hash needs any more, with what accounts have claimed under it. Audited.

    Raises LookupKeyRefused for the first key, for one that was never set or is dropped already, and while hashes of it,
    or of a key that nobody named, are left.
    """
    if name == uow.vault.lookup_id:
        raise LookupKeyRefused(f"The lookup key {name!r} is the first: new hashes are made by it.")
    in_use = await lookups_in_use(uow.connection)
    left = in_use.get(name, 0) + in_use.get(None, 0)
    if left:
        raise LookupKeyRefused(f"{left} hashes still need the lookup key {name!r}: call `ais privacy rotate-lookups`.")
    if not await drop_lookup_key(uow, name):
        raise LookupKeyRefused(f"No lookup key {name!r} is in use.")
    await forget_claims(uow, [each for each in uow.vault.lookup_ids if each != name])
    after: dict[str, Any] = {"first": uow.vault.lookup_id}
    await record(uow, Entry(action="vault.lookup_key_dropped", subject=name, after=after))
