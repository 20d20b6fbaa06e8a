"""The wire types of rights: nobody names who gives, only what and to whom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from ais.accounts.rights.domain import ApiKey, Approval, ApprovalKind, ApprovalStatus, HeldRole
from ais.kit import ONE_LINE, Channel, encode_id, ids

Reason = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
PublicId = Annotated[str, Meta(min_length=1, max_length=60)]
Airport = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
Permission = Annotated[str, Meta(min_length=1, max_length=60)]


class GrantRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A role for an account of staff, and why. Limits that are left out are none."""

    role: Annotated[str, Meta(min_length=1, max_length=40)]
    reason: Reason
    stations: Annotated[tuple[Airport, ...], Meta(min_length=1, max_length=50)] | None = None
    agencies: Annotated[tuple[PublicId, ...], Meta(min_length=1, max_length=50)] | None = None
    channels: Annotated[tuple[Channel, ...], Meta(min_length=1, max_length=6)] | None = None


class RevocationRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why the role is taken away."""

    reason: Reason


class SignRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing is said with a signature: the approval says it all."""


class ApiKeyRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A key for a machine: of an agency, or without one of the airline's own or a partner's, which may read only."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=ONE_LINE)]
    permissions: Annotated[tuple[Permission, ...], Meta(min_length=1, max_length=50)]
    expires_in_days: Annotated[int, Meta(ge=1, le=366)]
    agency_id: PublicId | None = None
    requests_per_minute: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class ApprovalBody(Struct, frozen=True):
    """What one person asked for and another signs; `details` is what happens then. `reason` is null once whoever it is
    about is erased.
    """

    id: str
    kind: ApprovalKind
    subject: str
    details: dict[str, Any]
    reason: str | None
    status: ApprovalStatus
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    resolved_by: str | None
    resolved_at: datetime | None


class HeldRoleBody(Struct, frozen=True):
    """A role that an account has, with its limits; null is no limit."""

    id: str
    role: str
    stations: list[str] | None
    agencies: list[str] | None
    channels: list[str] | None
    granted_by: str
    granted_at: datetime
    revoked_by: str | None
    revoked_at: datetime | None


class ApiKeyBody(Struct, frozen=True):
    """A key. `key` itself is in the first answer of its creation only: nobody can be shown it again."""

    id: str
    name: str
    agency_id: str | None
    permissions: list[str]
    requests_per_minute: int | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    key: str | None = None


def approval_body(approval: Approval, reason: str | None) -> ApprovalBody:
    """The approval as it is shown, with its reason in the clear."""
    return ApprovalBody(
        encode_id(ids.APPROVAL, approval.id),
        approval.kind,
        approval.subject,
        approval.payload,
        reason,
        approval.status,
        approval.requested_by,
        approval.requested_at,
        approval.expires_at,
        approval.resolved_by,
        approval.resolved_at,
    )


def held_role_body(held: HeldRole) -> HeldRoleBody:
    """The role as it is shown."""
    return HeldRoleBody(
        encode_id(ids.GRANT, held.id),
        held.role,
        _listed(held.stations),
        [encode_id(ids.AGENCY, agency) for agency in held.agencies] if held.agencies is not None else None,
        _listed(held.channels),
        held.granted_by,
        held.granted_at,
        held.revoked_by,
        held.revoked_at,
    )


def _listed(limit: Sequence[str] | None) -> list[str] | None:
    return list(limit) if limit is not None else None


def api_key_body(key: ApiKey) -> ApiKeyBody:
    """The key as it is shown, without itself."""
    return ApiKeyBody(
        encode_id(ids.API_KEY, key.id),
        key.name,
        encode_id(ids.AGENCY, key.agency_id) if key.agency_id is not None else None,
        list(key.permissions),
        key.requests_per_minute,
        key.created_by,
        key.created_at,
        key.expires_at,
        key.last_used_at,
        key.revoked_at,
    )
