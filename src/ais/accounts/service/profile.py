"""An account as its own user sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from ais.accounts.domain import User
from ais.accounts.errors import AccountNotFound
from ais.accounts.repository import users
from ais.accounts.service.plumbing import EMAIL_KIND, NAME_KIND, AccountServices, public_id
from ais.accounts.service.second_factor import is_required
from ais.kit import decode_id, ids
from ais.kit.ids import UserId


class OwnAccount(msgspec.Struct, frozen=True):
    """The user with what opens of it; ``second_factor`` is ``missing`` where the account has no rights without one, and
    ``needs_second_factor`` where it may not be taken off.
    """

    user: User
    email: str | None
    name: str | None
    second_factor: Literal["on", "off", "missing"]
    recovery_codes_left: int
    needs_second_factor: bool


async def own_account(services: AccountServices, user_id: UserId) -> OwnAccount:
    """The account. Raises AccountNotFound."""
    async with services.database.connection() as connection:
        user = await users.find_user(connection, user_id)
        if user is None:
            raise AccountNotFound
        person = await services.vault.person(connection, user.person_id)
        left = await users.recovery_codes_left(connection, user_id)
    email = person.open(EMAIL_KIND, user.email_sealed) if person is not None and user.email_sealed else None
    name = person.open(NAME_KIND, user.name_sealed) if person is not None and user.name_sealed else None
    needed = is_required(services, user)
    standing: Literal["on", "off", "missing"] = "on" if user.has_second_factor else "missing" if needed else "off"
    return OwnAccount(user, email, name, standing, left, needed)


async def names_of_staff(services: AccountServices, public_ids: Iterable[str]) -> Mapping[str, str]:
    """How colleagues know one another: the name, or without one the address, of each of these ids that is an account of
    staff; of any other id nothing.
    """
    decoded = [decode_id(ids.USER, each) for each in public_ids]
    async with services.database.connection() as connection:
        found = await users.staff_among(connection, [UserId(each) for each in decoded if each is not None])
        persons = await services.vault.persons(connection, [each.person_id for each in found])
    names = {}
    for user in found:
        person = persons.get(user.person_id)
        if person is not None and user.name_sealed:
            names[public_id(user.id)] = person.open(NAME_KIND, user.name_sealed)
        elif person is not None and user.email_sealed:
            names[public_id(user.id)] = person.open(EMAIL_KIND, user.email_sealed)
    return names
