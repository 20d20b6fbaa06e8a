"""Roles that are given and taken: asked for by one, signed by another; an agency's users come and go by one hand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ais.accounts.domain import Grant, User, UserKind, UserStatus
from ais.accounts.repository import users
from ais.accounts.rights import repository
from ais.accounts.rights.approvals import APPROVAL_WINDOW, ask_approval
from ais.accounts.rights.domain import SIGNATURES, STAFF_ROLES, Approval, ApprovalKind, HeldRole, gives_roles
from ais.accounts.rights.errors import GrantNotFound, RoleConflict, SecondPersonNeeded, UserNotFound
from ais.accounts.roles import ROLES
from ais.accounts.service.plumbing import AccountServices, change_access
from ais.kit import Actor, Channel, ValidationFailed, decode_id, encode_id, ids
from ais.kit.ids import UserId
from ais.platform.audit import Entry, record
from ais.platform.database import UnitOfWork
from ais.platform.vault import seal_text

_MOST_LIMITS = 50
_SIGNING = tuple(role for role, held in ROLES.items() if SIGNATURES[ApprovalKind.ROLE_GRANT] in held)
_ENOUGH_SIGNERS = 2


def check_grant(grant: Grant) -> None:
    """Raise ValidationFailed for a role that nobody can be given, and for limits that are none."""
    wrong = []
    if grant.role not in STAFF_ROLES:
        wrong.append(("role", f"is none of {', '.join(STAFF_ROLES)}"))
    for field, limit in (("stations", grant.stations), ("agencies", grant.agencies), ("channels", grant.channels)):
        if limit is not None and not 1 <= len(limit) <= _MOST_LIMITS:
            wrong.append((field, f"names 1 to {_MOST_LIMITS}, or is left out"))
    unknown = set(grant.channels or ()) - {str(channel) for channel in Channel}
    if unknown:
        wrong.append(("channels", f"knows {', '.join(Channel)}"))
    if wrong:
        raise ValidationFailed(wrong)


async def ask_grant(uow: UnitOfWork, user_id: UserId, grant: Grant, reason: str) -> Approval:
    """Ask that an account of staff is given a role within limits.

    Raises UserNotFound, RoleConflict, ValidationFailed.
    """
    check_grant(grant)
    user = await _lock_staff(uow, user_id)
    if any(held.role == grant.role for held in await repository.held_roles(uow.connection, user_id)):
        raise RoleConflict
    payload: dict[str, Any] = {"user_id": encode_id(ids.USER, user_id), "role": grant.role}
    for field, limit in (("stations", grant.stations), ("agencies", grant.agencies), ("channels", grant.channels)):
        payload[field] = sorted(str(each) for each in limit) if limit is not None else None
    subject = f"{payload['user_id']} {grant.role}"
    until = uow.clock.now() + APPROVAL_WINDOW
    sealed = await _sealed(uow, user, reason)
    return await ask_approval(uow, ApprovalKind.ROLE_GRANT, subject, payload, sealed, until)


async def ask_revocation(uow: UnitOfWork, user_id: UserId, grant_id: UUID, reason: str) -> Approval:
    """Ask that a role is taken away. Raises UserNotFound, GrantNotFound."""
    user = await _lock_staff(uow, user_id)
    held = await repository.find_grant(uow.connection, grant_id)
    if held is None or held.user_id != user_id or held.revoked_at is not None:
        raise GrantNotFound
    payload = {
        "user_id": encode_id(ids.USER, user_id),
        "role": held.role,
        "grant_id": encode_id(ids.GRANT, grant_id),
    }
    subject = f"{payload['user_id']} {held.role}"
    until = uow.clock.now() + APPROVAL_WINDOW
    sealed = await _sealed(uow, user, reason)
    return await ask_approval(uow, ApprovalKind.ROLE_REVOCATION, subject, payload, sealed, until)


async def carry_out_grant(uow: UnitOfWork, approval: Approval) -> tuple[UserId, int]:
    """The account has the role from now on. Answers whose sessions must be read anew, and the version to announce.

    A role that has a hand in the roles of others is signed by somebody who holds all of it. Raises SecondPersonNeeded,
    RoleConflict, UserNotFound.
    """
    payload = approval.payload
    user_id = _user_id(payload["user_id"])
    role = payload["role"]
    if gives_roles(role) and not all(uow.actor.may_everywhere(permission) for permission in ROLES[role]):
        raise SecondPersonNeeded
    await _lock_staff(uow, user_id)
    grant = Grant(
        role,
        tuple(payload["stations"]) if payload["stations"] is not None else None,
        tuple(UUID(each) for each in payload["agencies"]) if payload["agencies"] is not None else None,
        tuple(payload["channels"]) if payload["channels"] is not None else None,
    )
    if await repository.insert_grant(uow, user_id, grant, approval.requested_by, approval.id) is None:
        raise RoleConflict
    await record(uow, Entry(action="role.granted", subject=payload["user_id"], after=_limits(payload)))
    return user_id, await change_access(uow, user_id)


async def carry_out_revocation(uow: UnitOfWork, approval: Approval) -> tuple[UserId, int]:
    """The account has the role no more; answers as :func:`carry_out_grant`.

    Raises GrantNotFound if somebody took it before.
    """
    user_id, grant_id = _user_id(approval.payload["user_id"]), decode_id(ids.GRANT, approval.payload["grant_id"])
    assert grant_id is not None
    await users.lock_user(uow, user_id)
    if not await repository.revoke_grant(uow, grant_id):
        raise GrantNotFound
    await record(
        uow,
        Entry(action="role.revoked", subject=approval.payload["user_id"], before={"role": approval.payload["role"]}),
    )
    return user_id, await change_access(uow, user_id)


def _limits(payload: dict[str, Any]) -> dict[str, Any]:
    return {field: payload[field] for field in ("role", "stations", "agencies", "channels")}


def _user_id(text: str) -> UserId:
    found = decode_id(ids.USER, text)
    assert found is not None
    return UserId(found)


async def _lock_staff(uow: UnitOfWork, user_id: UserId) -> User:
    """The user. Raises UserNotFound, and RoleConflict for an account to which no role can be given."""
    user = await users.lock_user(uow, user_id)
    if user is None:
        raise UserNotFound
    if user.kind is not UserKind.STAFF or user.status is UserStatus.CLOSED:
        raise RoleConflict
    return user


async def _sealed(uow: UnitOfWork, user: User, reason: str) -> str:
    """What somebody wrote about this account by hand, under its user's key."""
    person = await uow.vault.person(uow.connection, user.person_id)
    assert person is not None
    return seal_text(person, reason)


async def give_or_ask(
    services: AccountServices, user: User, grant: Grant, reason: str, actor: Actor
) -> Approval | None:
    """Give a role as whoever runs the installation does: at once while there are not yet two people who could sign it,
    so that there come to be some, and afterwards by an approval, which is answered.

    Raises RoleConflict, ApprovalConflict, ValidationFailed.
    """
    check_grant(grant)
    async with services.database.unit_of_work(actor) as uow:
        if await repository.count_signers(uow.connection, _SIGNING) >= _ENOUGH_SIGNERS:
            return await ask_grant(uow, user.id, grant, reason)
        await _lock_staff(uow, user.id)
        if await repository.insert_grant(uow, user.id, grant, actor.name, None) is None:
            raise RoleConflict
        version = await change_access(uow, user.id)
        after = {"role": grant.role, "reason": await _sealed(uow, user, reason)}
        await record(uow, Entry(action="role.granted", subject=encode_id(ids.USER, user.id), after=after))
    await services.checks.announce(user.id, version)
    return None


async def take_or_ask(services: AccountServices, user: User, role: str, reason: str, actor: Actor) -> Approval | None:
    """Take a role away as :func:`give_or_ask` gives one. Raises GrantNotFound, RoleConflict."""
    async with services.database.unit_of_work(actor) as uow:
        await _lock_staff(uow, user.id)
        held = {each.role: each for each in await repository.held_roles(uow.connection, user.id)}
        if role not in held:
            raise GrantNotFound
        if await repository.count_signers(uow.connection, _SIGNING) >= _ENOUGH_SIGNERS:
            return await ask_revocation(uow, user.id, held[role].id, reason)
        await repository.revoke_grant(uow, held[role].id)
        version = await change_access(uow, user.id)
        before = {"role": role, "reason": await _sealed(uow, user, reason)}
        await record(uow, Entry(action="role.revoked", subject=encode_id(ids.USER, user.id), before=before))
    await services.checks.announce(user.id, version)
    return None


async def roles_of(services: AccountServices, user: User) -> list[HeldRole]:
    """The roles that an account has now, with their limits."""
    async with services.database.connection() as connection:
        return await repository.held_roles(connection, user.id)
