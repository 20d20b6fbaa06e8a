"""Second persons: asking, signing, declining. What is signed happens in the transaction of the signature, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from ais.accounts.events import ApprovalRequested
from ais.accounts.rights import repository
from ais.accounts.rights.domain import (
    APPROVAL_TRANSITIONS,
    SIGNATURES,
    Approval,
    ApprovalKind,
    ApprovalStatus,
    digest_of,
    same_digest,
    signable_kinds,
)
from ais.accounts.rights.errors import ApprovalConflict, ApprovalExpired, ApprovalNotFound, SecondPersonNeeded
from ais.accounts.rights.schemas import ApprovalBody, approval_body
from ais.kit import Actor, encode_id, ids
from ais.kit.ids import ApprovalId
from ais.platform.audit import Entry, record
from ais.platform.database import Connection, Database, UnitOfWork
from ais.platform.idempotency import Answer, RequestKey, once
from ais.platform.vault import Vault, open_texts

AfterCommit: TypeAlias = Callable[[], Awaitable[None]]
CarryOut: TypeAlias = Callable[[UnitOfWork, Approval], Awaitable[AfterCommit | None]]
"""What a kind of approval does once it is signed, in the unit of work of the signature; it may refuse, and then the
approval stays open. What it answers runs after the commit.
"""


class ApprovalDesk(msgspec.Struct, frozen=True):
    """What signing needs: for each kind what happens then."""

    database: Database
    matters: Mapping[ApprovalKind, CarryOut]


def public_id(approval: Approval) -> str:
    return encode_id(ids.APPROVAL, approval.id)


async def ask_approval(
    uow: UnitOfWork,
    kind: ApprovalKind,
    subject: str,
    payload: Mapping[str, Any],
    reason: str,
    expires_at: datetime,
) -> Approval:
    """Ask that a second person lets this happen; the one that waits about the same is answered again.

    The caller holds the lock of what ``subject`` names, so that nobody asks beside it. ``payload`` holds ids, words and
    whole numbers, nothing personal. Raises :class:`ApprovalConflict` if something else about it waits.
    """
    await repository.expire_approvals(uow, subject=subject)
    waiting = await repository.find_open_approval(uow.connection, kind, subject)
    if waiting is not None:
        if not same_digest(waiting.payload_hash, digest_of(kind, subject, payload)):
            raise ApprovalConflict
        return waiting
    approval = await repository.insert_approval(uow, kind, subject, payload, reason, expires_at)
    await record(
        uow,
        Entry(action="approval.requested", subject=public_id(approval), after={"kind": str(kind), "about": subject}),
    )
    uow.publish(ApprovalRequested(str(approval.id)))
    return approval


async def sign(
    desk: ApprovalDesk,
    actor: Actor,
    correlation_id: str,
    request: RequestKey | None,
    approval_id: ApprovalId,
) -> Answer:
    """Sign, and have it happen. Signed already by the same person, it answers as it is.

    Raises ApprovalNotFound for who may not sign such a thing, SecondPersonNeeded, ApprovalExpired,
    InvalidStateTransition for one that has ended otherwise, and what the matter itself refuses.
    """
    after: list[AfterCommit] = []

    async def work(uow: UnitOfWork) -> Answer:
        approval = await _lock_for(uow, approval_id)
        if approval.status is ApprovalStatus.APPROVED and approval.resolved_by == actor.name:
            return await approval_answer(uow, approval, 200)
        require_second_person(approval, actor)
        APPROVAL_TRANSITIONS.require(approval.status, ApprovalStatus.APPROVED)
        if approval.expires_at <= uow.clock.now():
            raise ApprovalExpired
        if not same_digest(digest_of(approval.kind, approval.subject, approval.payload), approval.payload_hash):
            raise RuntimeError(f"{public_id(approval)} is not what was asked for")
        signed = await repository.resolve_approval(uow, approval_id, ApprovalStatus.APPROVED)
        await _note(uow, signed, "approval.approved")
        then = await desk.matters[approval.kind](uow, approval)
        if then is not None:
            after.append(then)
        return await approval_answer(uow, signed, 200)

    answer = await once(desk.database, actor, correlation_id, request, work)
    for then in after:
        await then()
    return answer


async def decline(uow: UnitOfWork, approval_id: ApprovalId) -> Approval:
    """Say that it shall not happen: whoever could sign it, and whoever asked for it, who withdraws it so.

    Raises ApprovalNotFound, InvalidStateTransition.
    """
    approval = await _lock_for(uow, approval_id)
    own = approval.requested_by == uow.actor.name
    target = ApprovalStatus.WITHDRAWN if own else ApprovalStatus.DECLINED
    if approval.status is target and approval.resolved_by == uow.actor.name:
        return approval
    APPROVAL_TRANSITIONS.require(approval.status, target)
    ended = await repository.resolve_approval(uow, approval_id, target)
    await _note(uow, ended, f"approval.{target}")
    return ended


async def expire_approvals(uow: UnitOfWork) -> int:
    """End what nobody signed in time; how many there were."""
    ended = await repository.expire_approvals(uow)
    for approval in ended:
        await _note(uow, approval, "approval.expired")
    return len(ended)


async def open_approvals(database: Database, limit: int) -> list[ApprovalBody]:
    """What waits for a second person, the newest first."""
    async with database.connection() as connection:
        found = await repository.list_approvals(
            connection, list(ApprovalKind), "", status=ApprovalStatus.OPEN, before=None, limit=limit
        )
        return await shown_approvals(connection, database.vault, found)


async def approvals_for(
    database: Database, actor: Actor, *, status: ApprovalStatus | None, before: UUID | None, limit: int
) -> list[ApprovalBody]:
    """What this caller may sign, and what they asked for themselves, the newest first; ``before`` goes on after the
    last one of an earlier list.
    """
    async with database.connection() as connection:
        found = await repository.list_approvals(
            connection, signable_kinds(actor), actor.name, status=status, before=before, limit=limit
        )
        return await shown_approvals(connection, database.vault, found)


async def shown_approvals(connection: Connection, vault: Vault, found: Sequence[Approval]) -> list[ApprovalBody]:
    """Approvals as they are shown to those who may see them, with what was written about them by hand."""
    opened = await open_texts(connection, vault, [each.reason for each in found])
    return [approval_body(each, reason.text) for each, reason in zip(found, opened, strict=True)]


async def approval_answer(uow: UnitOfWork, approval: Approval, status: int) -> Answer:
    """The approval as an answer, which is kept for repeats under the key of its reason."""
    (opened,) = await open_texts(uow.connection, uow.vault, [approval.reason])
    return Answer(status, msgspec.json.encode(approval_body(approval, opened.text)), person=opened.key)


async def _lock_for(uow: UnitOfWork, approval_id: ApprovalId) -> Approval:
    """The approval, locked, if the caller may sign its kind or asked for it."""
    approval = await repository.lock_approval(uow, approval_id)
    if approval is None:
        raise ApprovalNotFound
    if approval.kind not in signable_kinds(uow.actor) and approval.requested_by != uow.actor.name:
        raise ApprovalNotFound.hiding(public_id(approval))
    return approval


def require_second_person(approval: Approval, actor: Actor) -> None:
    """Raise :class:`SecondPersonNeeded` unless this is another person than asked, and one who may sign such a thing."""
    if approval.requested_by == actor.name or not actor.may_everywhere(SIGNATURES[approval.kind]):
        raise SecondPersonNeeded
    if approval.payload.get("user_id") == actor.id:
        raise SecondPersonNeeded


async def _note(uow: UnitOfWork, approval: Approval, action: str) -> None:
    await record(
        uow,
        Entry(
            action=action,
            subject=public_id(approval),
            after={"kind": str(approval.kind), "about": approval.subject, "requested_by": approval.requested_by},
        ),
    )


APPROVAL_WINDOW = timedelta(hours=24)
