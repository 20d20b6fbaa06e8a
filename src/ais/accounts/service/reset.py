"""A forgotten password, and a new one in the place of a known one."""

from __future__ import annotations

from ais.accounts.domain import LINK_LIFETIME, EndReason, LinkPurpose, Origin, UserStatus
from ais.accounts.errors import AccountNotFound, LinkOver, SignInRefused
from ais.accounts.events import LinkAsked, PasswordChanged
from ais.accounts.repository import links, sessions, users
from ais.accounts.service.plumbing import (
    AccountServices,
    acting,
    change_access,
    deny,
    email_lookup,
    open_email,
    public_id,
    take_try,
    tries_key,
)
from ais.kit import ANONYMOUS, Actor, Channel, new_uuid
from ais.kit.ids import SessionId, UserId
from ais.platform.audit import Entry, record
from ais.platform.database import UnitOfWork


async def ask_reset(services: AccountServices, *, email: str, language: str) -> None:
    """Have a link sent to the address if it has an account; the caller does not learn whether it has.

    Raises ValidationFailed for a text that is no address.
    """
    lookup = email_lookup(services.vault, email)
    async with services.database.unit_of_work(ANONYMOUS) as uow:
        link_id = await links.insert_link(uow, LinkPurpose.RESET, lookup, language, LINK_LIFETIME)
        uow.publish(LinkAsked(str(link_id)))


async def reset_password(services: AccountServices, *, token: str, password: str) -> None:
    """A new password by the link of a letter, once; all sessions of the account end.

    Raises LinkOver, ValidationFailed for a password that would be guessed; the link is not used up by that.
    """
    link_id = services.tokens.read_link(LinkPurpose.RESET, token)
    if link_id is None:
        raise LinkOver
    async with services.database.connection() as connection:
        link = await links.find_link(connection, link_id)
        user = await users.find_user_by_email(connection, link.email_lookups) if link is not None else None
    if link is None or link.is_over or user is None or user.status is not UserStatus.ACTIVE:
        raise LinkOver
    await services.passwords.require_strong("password", password, filter(None, [await open_email(services, user)]))
    password_hash = await services.passwords.hash(password)
    async with services.database.unit_of_work(acting(user, Channel.API)) as uow:
        version = await change_access(uow, user.id)
        locked = await links.lock_link(uow, link.id)
        if locked is None or locked.is_over:
            raise LinkOver
        await links.use_links(uow, LinkPurpose.RESET, link.email_lookups)
        await users.set_password(uow, user.id, password_hash)
        ended = await sessions.end_sessions(uow, user.id, EndReason.PASSWORD_CHANGED)
        await _tell(uow, user.id, "reset", len(ended))
    await services.checks.announce(user.id, version)


async def change_password(
    services: AccountServices,
    *,
    user_id: UserId,
    session_id: SessionId,
    current: str,
    password: str,
    origin: Origin,
    actor: Actor,
) -> None:
    """A new password for whoever knows the present one; all other sessions of the account end.

    Raises SignInRefused, TooManyTries, ValidationFailed.
    """
    async with services.database.connection() as connection:
        user = await users.find_user(connection, user_id)
    if user is None:
        raise AccountNotFound
    pair = tries_key(services.vault, f"password {user_id}", origin)
    async with services.database.unit_of_work(actor) as uow:
        number, refusal = await take_try(uow, pair, public_id(user_id))
    if refusal is not None:
        raise refusal
    if not await services.passwords.verify(user.password_hash, current):
        await deny(services, public_id(user_id), "password", number)
        raise SignInRefused
    await services.passwords.require_strong("new_password", password, filter(None, [await open_email(services, user)]))
    password_hash = await services.passwords.hash(password)
    async with services.database.unit_of_work(actor) as uow:
        version = await change_access(uow, user_id)
        await links.forget_tries(uow, pair)
        await users.set_password(uow, user_id, password_hash)
        ended = await sessions.end_sessions(uow, user_id, EndReason.PASSWORD_CHANGED, all_but=session_id)
        await _tell(uow, user_id, "changed", len(ended))
    await services.checks.announce(user_id, version)


async def _tell(uow: UnitOfWork, user_id: UserId, how: str, ended: int) -> None:
    await record(
        uow,
        Entry(
            action="account.password_changed", subject=public_id(user_id), after={"how": how, "sessions_ended": ended}
        ),
    )
    uow.publish(PasswordChanged(str(user_id), str(new_uuid())))
