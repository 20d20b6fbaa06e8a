"""The hashes by which addresses are found, made anew by another lookup key."""

from __future__ import annotations

from uuid import UUID

from ais.accounts.repository import lookups
from ais.accounts.repository.lookups import Holder, ToRewrite
from ais.accounts.service.plumbing import EMAIL_KIND, email_lookup
from ais.platform.database import UnitOfWork
from ais.platform.vault import Lookup

REWRITTEN_AT_ONCE = 500


async def rewrite_account_lookups(
    uow: UnitOfWork, *, after: UUID | None = None, limit: int = REWRITTEN_AT_ONCE
) -> tuple[UUID | None, int]:
    """Make the hashes of the next accounts by the first lookup key, from what is sealed.

    Answers the id to go on after, None when there are no more, and how many were rewritten. What an account has claimed
    under other keys it keeps, so that nobody who still writes those makes a second one.
    """
    return await _rewrite(uow, "users", after, limit)


async def rewrite_registration_lookups(
    uow: UnitOfWork, *, after: UUID | None = None, limit: int = REWRITTEN_AT_ONCE
) -> tuple[UUID | None, int]:
    """As :func:`rewrite_account_lookups`, for those who have asked for an account."""
    return await _rewrite(uow, "registrations", after, limit)


async def _rewrite(uow: UnitOfWork, holder: Holder, after: UUID | None, limit: int) -> tuple[UUID | None, int]:
    found = await lookups.to_rewrite(uow, holder, uow.vault.lookup_id, after, limit)
    hashed = await _hashed(uow, found)
    await lookups.rewrite(uow, holder, uow.vault.lookup_id, list(hashed), list(hashed.values()))
    return (found[-1].id if found else None), len(found)


async def _hashed(uow: UnitOfWork, found: list[ToRewrite]) -> dict[UUID, Lookup]:
    """By id the hashes of those whose key is not destroyed: a registration's may be, in the moment before it goes."""
    keys = await uow.vault.persons(uow.connection, (each.person_id for each in found))
    return {
        each.id: email_lookup(uow.vault, keys[each.person_id].open(EMAIL_KIND, each.email_sealed))
        for each in found
        if each.person_id in keys
    }
