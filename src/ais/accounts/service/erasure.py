"""An account's own part in exporting and erasing its user; the orders are looked after by the package above."""

from __future__ import annotations

from typing import Any

import msgspec

from ais.accounts.domain import EndReason, Origin, User, UserStatus
from ais.accounts.errors import AccountNotFound
from ais.accounts.repository import links, sessions, users
from ais.accounts.service.plumbing import (
    EMAIL_KIND,
    NAME_KIND,
    ORIGIN_KIND,
    change_access,
    email_lookup,
    public_id,
)
from ais.kit.ids import UserId
from ais.platform.audit import Entry, record
from ais.platform.database import Connection, UnitOfWork
from ais.platform.vault import Lookup, Vault, destroy_persons


async def find_user_id(connection: Connection, vault: Vault, email: str) -> UserId | None:
    """The account with this address, if there is one. Raises ValidationFailed for what is no address."""
    user = await users.find_user_by_email(connection, email_lookup(vault, email).hashes)
    return user.id if user is not None else None


async def address_lookup_of(connection: Connection, vault: Vault, user_id: UserId) -> Lookup | None:
    """By what the user's address is found, here and with others who have it; None once it is gone."""
    user = await users.find_user(connection, user_id)
    if user is None or user.email_sealed is None:
        return None
    address = await vault.open(connection, user.person_id, EMAIL_KIND, user.email_sealed)
    return email_lookup(vault, address) if address is not None else None


async def account_data(uow: UnitOfWork, user_id: UserId) -> dict[str, Any]:
    """What is kept of the account itself and of its sessions, which nobody erases until the unit of work ends.

    Raises AccountNotFound.
    """
    user = await users.share_user(uow, user_id)
    person = await uow.vault.person(uow.connection, user.person_id) if user is not None else None
    if user is None or person is None:
        raise AccountNotFound
    found = await sessions.list_sessions(uow.connection, user_id)
    return {
        "id": public_id(user_id),
        "kind": user.kind.value,
        "email": person.open(EMAIL_KIND, user.email_sealed) if user.email_sealed else None,
        "name": person.open(NAME_KIND, user.name_sealed) if user.name_sealed else None,
        "language": user.language,
        "verified_at": user.verified_at.isoformat() if user.verified_at else None,
        "created_at": user.created_at.isoformat(),
        "has_second_factor": user.has_second_factor,
        "sessions": [
            {
                "kind": each.kind.value,
                "created_at": each.created_at.isoformat(),
                "last_used_at": each.last_used_at.isoformat(),
                "origin": msgspec.to_builtins(
                    msgspec.json.decode(person.open(ORIGIN_KIND, each.origin_sealed), type=Origin)
                )
                if each.origin_sealed is not None
                else None,
            }
            for each in found
        ],
    }


async def lock_for_erasure(uow: UnitOfWork, user_id: UserId) -> User:
    """The user, whose row every sale in the account's name holds too. Raises AccountNotFound for one that is closed."""
    user = await users.lock_user(uow, user_id)
    if user is None or user.status is UserStatus.CLOSED:
        raise AccountNotFound
    return user


async def erase_user(uow: UnitOfWork, user: User, reason: str) -> int:
    """Close the locked account and destroy its user's key; sessions end, links to the address are gone.

    Answers the access version to announce after the commit; a job announces it too.
    """
    version = await change_access(uow, user.id)
    await sessions.end_sessions(uow, user.id, EndReason.CLOSED)
    lookup = await address_lookup_of(uow.connection, uow.vault, user.id)
    persons = await links.forget_address(uow, lookup.hashes) if lookup is not None else []
    await users.close_user(uow, user.id)
    await destroy_persons(uow, [user.person_id, *persons])
    await record(uow, Entry(action="account.erased", subject=public_id(user.id), after={"reason": reason}))
    return version
