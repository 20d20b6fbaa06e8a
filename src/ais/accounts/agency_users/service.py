"""An agency's users: made by the airline's staff, who never know their passwords, and locked by them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from uuid import UUID

from ais.accounts.domain import User, UserKind
from ais.accounts.errors import AccountExists, AccountNotFound
from ais.accounts.repository import users
from ais.accounts.service.plumbing import AccountServices
from ais.accounts.service.register import create_user
from ais.accounts.service.reset import ask_reset
from ais.accounts.service.staff import find_account, set_locked
from ais.kit import Actor
from ais.kit.ids import UserId


async def invite_user(
    services: AccountServices, actor: Actor, agency_id: UUID, *, email: str, name: str | None, language: str
) -> User:
    """An account of the agency, whose owner chooses a password by the link of a letter; one of this agency that is
    there already is answered again, with another letter.

    Raises AccountExists if the address has another account, ValidationFailed for a text that is no address.
    """
    try:
        user = await create_user(
            services,
            kind=UserKind.AGENT,
            email=email,
            # Nobody knows it: the letter's link sets another.
            password=secrets.token_urlsafe(32),
            name=name,
            language=language,
            actor=actor,
            agency_id=agency_id,
        )
    except AccountExists:
        user = await find_account(services, email)
        if user.agency_id != agency_id:
            raise
    await ask_reset(services, email=email, language=language)
    return user


async def agency_users(services: AccountServices, agency_id: UUID) -> Sequence[User]:
    """The agency's accounts, the oldest first."""
    async with services.database.connection() as connection:
        return await users.list_users_of_agency(connection, agency_id)


async def lock_user(services: AccountServices, actor: Actor, agency_id: UUID, user_id: UserId) -> User:
    """The account may not sign in any more, and its sessions have ended. Raises AccountNotFound."""
    async with services.database.connection() as connection:
        user = await users.find_user(connection, user_id)
    if user is None or user.agency_id != agency_id:
        raise AccountNotFound
    await set_locked(services, user, actor, locked=True)
    async with services.database.connection() as connection:
        locked = await users.find_user(connection, user_id)
    assert locked is not None
    return locked
