"""Who is told that something waits for a second person, and what they are told: no reason, no name, only the matter."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from ais.accounts.rights import repository
from ais.accounts.rights.domain import SIGNATURES, Approval, ApprovalKind, ApprovalStatus, gives_roles
from ais.accounts.roles import ROLES
from ais.accounts.service.letters import letter_to_user
from ais.accounts.service.plumbing import public_id as public_user_id
from ais.kit import ActorKind, encode_id, ids
from ais.kit.ids import ApprovalId, UserId
from ais.platform.database import Connection
from ais.platform.vault import Vault


class SignerLetter(msgspec.Struct, frozen=True):
    """A letter to somebody who may sign: what waits, about what, until when."""

    email: str
    approval: str
    kind: ApprovalKind
    subject: str
    expires_at: datetime


async def signers_of(connection: Connection, approval_id: UUID, only: UserId | None = None) -> list[UserId]:
    """The active accounts that could sign this approval, by roles without limits: not whoever asked, nor whom it is
    about. None are there once it is signed, declined or over; ``only`` looks at one account alone.
    """
    approval = await repository.find_approval(connection, ApprovalId(approval_id))
    if approval is None or approval.status is not ApprovalStatus.OPEN:
        return []
    held = await repository.unlimited_roles(connection, only)
    return [user_id for user_id, roles in held.items() if _may_sign(approval, user_id, roles)]


async def letter_to_signer(
    connection: Connection, vault: Vault, approval_id: UUID, user_id: UserId
) -> SignerLetter | None:
    """What to write to somebody who may sign; None if there is nothing to sign any more, or not for them."""
    if user_id not in await signers_of(connection, approval_id, user_id):
        return None
    approval = await repository.find_approval(connection, ApprovalId(approval_id))
    letter = await letter_to_user(connection, vault, user_id)
    if approval is None or letter is None:
        return None
    return SignerLetter(
        letter.email, encode_id(ids.APPROVAL, approval.id), approval.kind, approval.subject, approval.expires_at
    )


def _may_sign(approval: Approval, user_id: UserId, roles: list[str]) -> bool:
    person = public_user_id(user_id)
    if approval.requested_by == f"{ActorKind.STAFF}:{person}" or approval.payload.get("user_id") == person:
        return False
    permissions = frozenset[str]().union(*(ROLES[role] for role in roles if role in ROLES))
    needed = {SIGNATURES[approval.kind]}
    if approval.kind is ApprovalKind.ROLE_GRANT and gives_roles(approval.payload["role"]):
        needed |= ROLES[approval.payload["role"]]
    return needed <= permissions
