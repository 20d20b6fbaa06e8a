"""Every statement on approvals, grants of roles and API keys.

Lock order: the approval first of all, before the order that it may be about; then the account, before its grants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from ais.accounts.domain import Grant
from ais.accounts.rights.domain import (
    ApiKey,
    Approval,
    ApprovalKind,
    ApprovalStatus,
    HeldRole,
    digest_of,
)
from ais.kit.ids import ApiKeyId, ApprovalId, UserId
from ais.platform.database import Connection, UnitOfWork

_APPROVAL = """id, kind, subject, payload, payload_hash, reason, status, requested_by, requested_at, expires_at,
    resolved_by, resolved_at"""
_KEY = """id, name, agency_id, permissions, requests_per_minute, created_by, created_at, expires_at, last_used_at,
    revoked_by, revoked_at"""
_HELD = "id, user_id, role, stations, agencies, channels, granted_by, granted_at, revoked_by, revoked_at"
_USED_EVERY = timedelta(minutes=1)


def _approval(row: Any) -> Approval:
    return msgspec.convert(dict(row), Approval)


async def insert_approval(
    uow: UnitOfWork, kind: ApprovalKind, subject: str, payload: Mapping[str, Any], reason: str, expires_at: datetime
) -> Approval:
    """A new open approval, asked for by who runs the unit of work."""
    row = await uow.connection.fetchrow(
        f"""
        INSERT INTO approvals (kind, subject, payload, payload_hash, reason, requested_by, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING {_APPROVAL}
        """,  # noqa: S608  # a constant
        kind,
        subject,
        dict(payload),
        digest_of(kind, subject, payload),
        reason,
        uow.actor.name,
        expires_at,
    )
    return _approval(row)


async def find_open_approval(connection: Connection, kind: ApprovalKind, subject: str) -> Approval | None:
    """The approval about this that waits and whose time is not over, not locked."""
    row = await connection.fetchrow(
        f"SELECT {_APPROVAL} FROM approvals"  # noqa: S608  # a constant
        " WHERE kind = $1 AND subject = $2 AND status = 'open' AND expires_at > ais_now()",
        kind,
        subject,
    )
    return _approval(row) if row else None


async def find_approval(connection: Connection, approval_id: ApprovalId) -> Approval | None:
    """The approval as it is; one whose time is over is no longer open, whether it was ended yet or not."""
    row = await connection.fetchrow(
        f"SELECT {_APPROVAL} FROM approvals WHERE id = $1 AND NOT (status = 'open' AND expires_at <= ais_now())",  # noqa: S608  # a constant
        approval_id,
    )
    return _approval(row) if row else None


async def lock_approval(uow: UnitOfWork, approval_id: ApprovalId) -> Approval | None:
    """The approval, its row locked until the unit of work ends."""
    row = await uow.connection.fetchrow(f"SELECT {_APPROVAL} FROM approvals WHERE id = $1 FOR UPDATE", approval_id)  # noqa: S608  # a constant
    return _approval(row) if row else None


async def list_approvals(
    connection: Connection,
    kinds: Sequence[ApprovalKind],
    requested_by: str,
    *,
    status: ApprovalStatus | None,
    before: UUID | None,
    limit: int,
) -> list[Approval]:
    """The newest of these kinds, and what ``requested_by`` asked for, whatever its kind; ``before`` goes on after the
    last one of an earlier list.
    """
    rows = await connection.fetch(
        f"""
        SELECT {_APPROVAL} FROM approvals
        WHERE (kind = ANY($1) OR requested_by = $2) AND ($3::text IS NULL OR status = $3)
          AND ($4::uuid IS NULL OR id < $4)
        ORDER BY id DESC LIMIT $5
        """,  # noqa: S608  # a constant
        [str(kind) for kind in kinds],
        requested_by,
        status,
        before,
        limit,
    )
    return [_approval(row) for row in rows]


async def resolve_approval(uow: UnitOfWork, approval_id: ApprovalId, status: ApprovalStatus) -> Approval:
    """An open approval reaches its end by who runs the unit of work."""
    row = await uow.connection.fetchrow(
        f"""
        UPDATE approvals SET status = $2, resolved_by = $3, resolved_at = ais_now() WHERE id = $1
        RETURNING {_APPROVAL}
        """,  # noqa: S608  # a constant
        approval_id,
        status,
        uow.actor.name,
    )
    return _approval(row)


async def expire_approvals(uow: UnitOfWork, *, subject: str | None = None, limit: int = 1000) -> list[Approval]:
    """End open approvals whose time is over, as far as nobody is at work on them; those about ``subject`` alone if it
    is given.
    """
    rows = await uow.connection.fetch(
        f"""
        UPDATE approvals SET status = 'expired', resolved_by = $2, resolved_at = ais_now()
        WHERE id IN (SELECT id FROM approvals WHERE status = 'open' AND expires_at <= (SELECT ais_now())
                       AND ($3::text IS NULL OR subject = $3)
                     ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
        RETURNING {_APPROVAL}
        """,  # noqa: S608  # a constant
        limit,
        uow.actor.name,
        subject,
    )
    return [_approval(row) for row in rows]


async def insert_grant(
    uow: UnitOfWork, user_id: UserId, grant: Grant, granted_by: str, approval_id: ApprovalId | None
) -> UUID | None:
    """The role with its limits; None if the account has it already. Without an approval it is given by whoever runs the
    installation.
    """
    return await uow.connection.fetchval(  # type: ignore[no-any-return]  # see above
        """
        INSERT INTO role_grants (user_id, role, stations, agencies, channels, granted_by, approval_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (user_id, role) WHERE revoked_at IS NULL DO NOTHING RETURNING id
        """,
        user_id,
        grant.role,
        grant.stations,
        grant.agencies,
        grant.channels,
        granted_by,
        approval_id,
    )


async def revoke_grant(uow: UnitOfWork, grant_id: UUID) -> bool:
    """The role is taken; False if it was before."""
    tag: str = await uow.connection.execute(
        "UPDATE role_grants SET revoked_at = ais_now(), revoked_by = $2 WHERE id = $1 AND revoked_at IS NULL",
        grant_id,
        uow.actor.name,
    )
    return tag == "UPDATE 1"


async def held_roles(connection: Connection, user_id: UserId, *, with_revoked: bool = False) -> list[HeldRole]:
    """The roles that an account has, and those it had, in the order in which they were given."""
    rows = await connection.fetch(
        f"SELECT {_HELD} FROM role_grants WHERE user_id = $1 AND ($2 OR revoked_at IS NULL) ORDER BY granted_at, id",  # noqa: S608  # a constant
        user_id,
        with_revoked,
    )
    return [msgspec.convert(dict(row), HeldRole) for row in rows]


async def find_grant(connection: Connection, grant_id: UUID) -> HeldRole | None:
    """One grant, also a revoked one."""
    row = await connection.fetchrow(f"SELECT {_HELD} FROM role_grants WHERE id = $1", grant_id)  # noqa: S608  # a constant
    return msgspec.convert(dict(row), HeldRole) if row else None


async def unlimited_roles(connection: Connection, only: UserId | None = None) -> dict[UserId, list[str]]:
    """The roles without limits of each active account of staff that has some, or of one account."""
    rows = await connection.fetch(
        """
        SELECT users.id, array_agg(held.role) AS roles
        FROM users JOIN role_grants AS held ON held.user_id = users.id
        WHERE users.status = 'active' AND users.kind = 'staff' AND held.revoked_at IS NULL
          AND held.stations IS NULL AND held.agencies IS NULL AND held.channels IS NULL
          AND ($1::uuid IS NULL OR users.id = $1)
        GROUP BY users.id ORDER BY users.id
        """,
        only,
    )
    return {row["id"]: row["roles"] for row in rows}


async def count_signers(connection: Connection, roles: Sequence[str]) -> int:
    """How many active accounts have one of these roles without limits."""
    return await connection.fetchval(  # type: ignore[no-any-return]  # asyncpg's values are Any
        """
        SELECT count(DISTINCT users.id) FROM users JOIN role_grants AS held ON held.user_id = users.id
        WHERE users.status = 'active' AND held.revoked_at IS NULL AND held.role = ANY($1)
          AND held.stations IS NULL AND held.agencies IS NULL AND held.channels IS NULL
        """,
        list(roles),
    )


async def insert_key(
    uow: UnitOfWork,
    key_hash: bytes,
    name: str,
    agency_id: UUID | None,
    permissions: Sequence[str],
    requests_per_minute: int | None,
    expires_at: datetime,
) -> ApiKey:
    """A new key, of which the hash alone is kept."""
    row = await uow.connection.fetchrow(
        f"""
        INSERT INTO api_keys (hash, name, agency_id, permissions, requests_per_minute, created_by, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING {_KEY}
        """,  # noqa: S608  # a constant
        key_hash,
        name,
        agency_id,
        sorted(permissions),
        requests_per_minute,
        uow.actor.name,
        expires_at,
    )
    return msgspec.convert(dict(row), ApiKey)


async def read_key(connection: Connection, key_hash: bytes) -> ApiKey | None:
    """The key of that hash, also one that has ended."""
    row = await connection.fetchrow(f"SELECT {_KEY} FROM api_keys WHERE hash = $1", key_hash)  # noqa: S608  # a constant
    return msgspec.convert(dict(row), ApiKey) if row else None


async def note_key_used(connection: Connection, key_id: ApiKeyId) -> None:
    """When the key was last used, written at most once a minute."""
    await connection.execute(
        """
        UPDATE api_keys SET last_used_at = ais_now()
        WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= ais_now() - $2::interval)
        """,
        key_id,
        _USED_EVERY,
    )


async def list_keys(connection: Connection, *, agency_id: UUID | None, before: UUID | None, limit: int) -> list[ApiKey]:
    """Keys, the newest first; of one agency if it is given. ``before`` as in :func:`list_approvals`."""
    rows = await connection.fetch(
        f"""
        SELECT {_KEY} FROM api_keys WHERE ($1::uuid IS NULL OR agency_id = $1) AND ($2::uuid IS NULL OR id < $2)
        ORDER BY id DESC LIMIT $3
        """,  # noqa: S608  # a constant
        agency_id,
        before,
        limit,
    )
    return [msgspec.convert(dict(row), ApiKey) for row in rows]


async def revoke_key(uow: UnitOfWork, key_id: ApiKeyId) -> ApiKey | None:
    """The key as it is then, revoked now or before; None if there is none."""
    row = await uow.connection.fetchrow(
        f"""
        UPDATE api_keys SET revoked_at = coalesce(revoked_at, ais_now()), revoked_by = coalesce(revoked_by, $2)
        WHERE id = $1 RETURNING {_KEY}
        """,  # noqa: S608  # a constant
        key_id,
        uow.actor.name,
    )
    return msgspec.convert(dict(row), ApiKey) if row else None
