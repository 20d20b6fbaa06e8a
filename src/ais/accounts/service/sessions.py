"""A user's own sessions, seen and ended."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ais.accounts.devices import Device, device_of
from ais.accounts.domain import EndReason, Origin, SessionKind
from ais.accounts.errors import SessionNotFound
from ais.accounts.repository import sessions, users
from ais.accounts.service.plumbing import ORIGIN_KIND, AccountServices, change_access, public_id
from ais.kit import Actor, encode_id, ids
from ais.kit.ids import SessionId, UserId
from ais.platform.audit import Entry, record
from ais.platform.database import UnitOfWork

_UNREADABLE = Origin("", "")


class SessionShown(msgspec.Struct, frozen=True):
    """A session as its user sees it."""

    id: SessionId
    kind: SessionKind
    device: str
    address: str
    created_at: datetime
    last_used_at: datetime
    ends_at: datetime

    @property
    def named(self) -> Device:
        """The device in people's words."""
        return device_of(self.device)


async def own_sessions(services: AccountServices, user_id: UserId) -> list[SessionShown]:
    """The user's sessions that have not ended, the last used first."""
    async with services.database.connection() as connection:
        user = await users.find_user(connection, user_id)
        found = await sessions.list_sessions(connection, user_id)
        person = await services.vault.person(connection, user.person_id) if user is not None else None
    shown = []
    for each in found:
        origin = _UNREADABLE
        if person is not None and each.origin_sealed is not None:
            origin = msgspec.json.decode(person.open(ORIGIN_KIND, each.origin_sealed), type=Origin)
        shown.append(
            SessionShown(
                each.id, each.kind, origin.device, origin.address, each.created_at, each.last_used_at, each.ends_at
            )
        )
    return shown


async def revoke_session(services: AccountServices, actor: Actor, user_id: UserId, session_id: SessionId) -> None:
    """End one of the user's sessions; every process refuses it within a second. Raises SessionNotFound."""
    async with services.database.unit_of_work(actor) as uow:
        version = await change_access(uow, user_id)
        if not await sessions.end_sessions(uow, user_id, EndReason.REVOKED, only=session_id):
            known = await sessions.find_session(uow.connection, session_id)
            if known is not None and known.user_id != user_id:
                raise SessionNotFound.hiding(encode_id(ids.SESSION, session_id))
            raise SessionNotFound
        await _record(uow, user_id, EndReason.REVOKED, 1)
    await services.checks.announce(user_id, version)


async def revoke_sessions(
    services: AccountServices,
    actor: Actor,
    user_id: UserId,
    *,
    all_but: SessionId | None = None,
    reason: EndReason = EndReason.ALL_REVOKED,
) -> int:
    """End all of the user's sessions, or all but one. How many."""
    async with services.database.unit_of_work(actor) as uow:
        version = await change_access(uow, user_id)
        ended = await sessions.end_sessions(uow, user_id, reason, all_but=all_but)
        await _record(uow, user_id, reason, len(ended))
    await services.checks.announce(user_id, version)
    return len(ended)


async def _record(uow: UnitOfWork, user_id: UserId, reason: EndReason, ended: int) -> None:
    await record(
        uow,
        Entry(action="account.sessions_ended", subject=public_id(user_id), after={"reason": reason, "sessions": ended}),
    )
