"""An account as its own user sees it."""

from __future__ import annotations

from typing import Literal

import msgspec

from ais.accounts.domain import User
from ais.accounts.errors import AccountNotFound
from ais.accounts.repository import users
from ais.accounts.service.plumbing import EMAIL_KIND, NAME_KIND, AccountServices
from ais.accounts.service.second_factor import is_required
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
