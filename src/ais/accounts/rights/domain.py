"""Approvals, grants and API keys: their rules. Pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from ais.accounts.roles import ROLES
from ais.kit import Actor, Transitions
from ais.kit.ids import ApiKeyId, ApprovalId, UserId


class ApprovalKind(StrEnum):
    """What needs a second person."""

    ROLE_GRANT = "role_grant"
    ROLE_REVOCATION = "role_revocation"
    REFUND = "refund"
    WAIVER = "waiver"


SIGNATURES: Mapping[ApprovalKind, str] = {
    ApprovalKind.ROLE_GRANT: "roles.approve",
    ApprovalKind.ROLE_REVOCATION: "roles.approve",
    ApprovalKind.REFUND: "refunds.approve",
    ApprovalKind.WAIVER: "waivers.approve",
}
"""The permission by which each kind is signed; it must hold everywhere."""


class ApprovalStatus(StrEnum):
    """An open approval waits for a signature; approved means that what it says has happened."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


APPROVAL_TRANSITIONS: Transitions[ApprovalStatus] = Transitions(
    "approval.status",
    {
        ApprovalStatus.OPEN: (
            ApprovalStatus.APPROVED,
            ApprovalStatus.DECLINED,
            ApprovalStatus.WITHDRAWN,
            ApprovalStatus.EXPIRED,
        ),
        ApprovalStatus.APPROVED: (),
        ApprovalStatus.DECLINED: (),
        ApprovalStatus.WITHDRAWN: (),
        ApprovalStatus.EXPIRED: (),
    },
)


class Approval(msgspec.Struct, frozen=True):
    """``payload`` is what shall happen to ``subject`` (a public id), ``payload_hash`` its digest from the beginning."""

    id: ApprovalId
    kind: ApprovalKind
    subject: str
    payload: dict[str, Any]
    payload_hash: bytes
    reason: str
    status: ApprovalStatus
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    resolved_by: str | None
    resolved_at: datetime | None


def digest_of(kind: ApprovalKind, subject: str, payload: Mapping[str, Any]) -> bytes:
    """SHA-256 of the canonical JSON of what is asked for."""
    return hashlib.sha256(msgspec.json.encode([kind, subject, payload], order="sorted")).digest()


def signable_kinds(actor: Actor) -> list[ApprovalKind]:
    """The kinds that this caller may sign."""
    return [kind for kind, permission in SIGNATURES.items() if actor.may_everywhere(permission)]


class HeldRole(msgspec.Struct, frozen=True):
    """A role that an account has or had; limits as :class:`~ais.accounts.domain.Grant` has them."""

    id: UUID
    user_id: UserId
    role: str
    stations: tuple[str, ...] | None
    agencies: tuple[UUID, ...] | None
    channels: tuple[str, ...] | None
    granted_by: str
    granted_at: datetime
    revoked_by: str | None
    revoked_at: datetime | None


STAFF_ROLES = tuple(role for role in ROLES if role not in {"traveller", "agent"})
"""What can be granted; travellers and agents have their role by what they are."""


def gives_roles(role: str) -> bool:
    """Whether who has this role has a hand in the roles of others."""
    return not ROLES[role].isdisjoint({"roles.grant", "roles.approve"})


KEY_PREFIX = "ais_"
_KEY_BYTES = 32


class ApiKey(msgspec.Struct, frozen=True):
    """The key of a machine: an agency's, with ``agency_id``, or one of the airline's own or its partners'."""

    id: ApiKeyId
    name: str
    agency_id: UUID | None
    permissions: tuple[str, ...]
    requests_per_minute: int | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_by: str | None
    revoked_at: datetime | None


def new_key() -> str:
    """A key of 256 random bits, as it is shown once."""
    return KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)


def hash_of_key(key: str) -> bytes:
    """What is stored of it. A key is random, so that a fast hash is enough."""
    return hashlib.sha256(key.encode()).digest()


MACHINE_PERMISSIONS = frozenset(
    {
        "inventory.read",
        "fares.explain",
        "orders.read_any",
        "refunds.read",
        "ledger.read",
        "ledger.export",
        "agencies.read",
        "webhooks.read",
    }
)
"""What a key that is no agency's may be given: to read. Nothing moves money, seats or rights without a person."""


def permissions_for(agency_id: UUID | None) -> frozenset[str]:
    """What a key may be given at most: an agency's what its users may, another one what machines may read."""
    return ROLES["agent"] if agency_id is not None else MACHINE_PERMISSIONS


def same_digest(one: bytes, other: bytes) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(one, other)
