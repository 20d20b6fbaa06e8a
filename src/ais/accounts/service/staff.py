"""What whoever runs the installation does to accounts: lock, unlock, grant a first role, take a second factor away."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ais.accounts.domain import EndReason, User, UserKind, UserStatus
from ais.accounts.errors import AccountNotFound
from ais.accounts.events import SecondFactorRemoved
from ais.accounts.repository import sessions, users
from ais.accounts.roles import ROLES
from ais.accounts.service.plumbing import EMAIL_KIND, AccountServices, change_access, email_lookup, public_id
from ais.kit import Actor, ValidationFailed, new_uuid
from ais.platform.audit import Entry, record


class Account(msgspec.Struct, frozen=True):
    """An account as staff see it; ``email`` is None once its person is erased."""

    user: User
    email: str | None
    roles: list[str]


async def find_account(services: AccountServices, email: str) -> User:
    """The account with this address. Raises AccountNotFound, ValidationFailed."""
    async with services.database.connection() as connection:
        user = await users.find_user_by_email(connection, email_lookup(services.vault, email).hashes)
    if user is None:
        raise AccountNotFound
    return user


async def have_accounts(services: AccountServices, emails: Sequence[str]) -> bool:
    """Whether any of these addresses has an account that may sign in."""
    async with services.database.connection() as connection:
        for email in emails:
            user = await users.find_user_by_email(connection, email_lookup(services.vault, email).hashes)
            if user is not None and user.status is UserStatus.ACTIVE:
                return True
    return False


async def list_accounts(services: AccountServices, *, kind: UserKind | None, limit: int) -> list[Account]:
    """Accounts, the newest first, each with its address and roles."""
    async with services.database.connection() as connection:
        found = await users.list_users(connection, kind=kind, limit=limit)
        grants = await users.grants_of(connection, [user.id for user in found])
        persons = await services.vault.persons(connection, [user.person_id for user in found])
    return [
        Account(
            user,
            persons[user.person_id].open(EMAIL_KIND, user.email_sealed)
            if user.email_sealed is not None and user.person_id in persons
            else None,
            [grant.role for grant in grants[user.id]],
        )
        for user in found
    ]


async def set_locked(services: AccountServices, user: User, actor: Actor, *, locked: bool) -> bool:
    """Lock the account, which ends all its sessions, or unlock it. Whether it was not so already."""
    wanted = UserStatus.LOCKED if locked else UserStatus.ACTIVE
    async with services.database.unit_of_work(actor) as uow:
        version = await change_access(uow, user.id)
        known = await users.lock_user(uow, user.id)
        if known is None or known.status is wanted:
            return False
        await users.set_status(uow, user.id, wanted)
        if locked:
            await sessions.end_sessions(uow, user.id, EndReason.LOCKED)
        action = "account.locked" if locked else "account.unlocked"
        await record(uow, Entry(action=action, subject=public_id(user.id)))
    await services.checks.announce(user.id, version)
    return True


async def grant_role(services: AccountServices, user: User, role: str, actor: Actor) -> bool:
    """Give a role without limits, as an installation's first people get theirs. Whether the user did not have it."""
    if role not in ROLES:
        raise ValidationFailed([("role", f"is none of {', '.join(ROLES)}")])
    if (user.kind is not UserKind.STAFF) != (role in {UserKind.TRAVELLER, UserKind.AGENT}):
        raise ValidationFailed([("role", f"is not for {user.kind} accounts")])
    async with services.database.unit_of_work(actor) as uow:
        if not await users.insert_grant(uow, user.id, role, services.database.clock.now()):
            return False
        version = await change_access(uow, user.id)
        await record(uow, Entry(action="role.granted", subject=public_id(user.id), after={"role": role}))
    await services.checks.announce(user.id, version)
    return True


async def reset_second_factor(services: AccountServices, user: User, actor: Actor) -> None:
    """Take the second factor away from somebody who has lost it, and end all sessions."""
    async with services.database.unit_of_work(actor) as uow:
        version = await change_access(uow, user.id)
        await users.remove_totp(uow, user.id)
        await sessions.end_sessions(uow, user.id, EndReason.ALL_REVOKED)
        await record(uow, Entry(action="account.second_factor_removed", subject=public_id(user.id)))
        if user.has_second_factor:
            uow.publish(SecondFactorRemoved(str(user.id), str(new_uuid())))
    await services.checks.announce(user.id, version)
