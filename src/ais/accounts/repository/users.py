"""Statements on users and their recovery codes. What is personal comes and goes sealed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from ais.accounts.domain import Grant, User, UserKind, UserStatus
from ais.kit.ids import PersonId, UserId
from ais.platform.database import Connection, UnitOfWork
from ais.platform.vault import Lookup

_COLUMNS = """id, kind, status, person_id, email_sealed, name_sealed, language, agency_id, password_hash, verified_at,
    totp_sealed, totp_confirmed_at, totp_last_step, access_version, created_at"""


def _user(row: Any) -> User | None:
    return msgspec.convert(dict(row), User) if row is not None else None


async def find_user(connection: Connection, user_id: UserId) -> User | None:
    return _user(await connection.fetchrow(f"SELECT {_COLUMNS} FROM users WHERE id = $1", user_id))  # noqa: S608  # a constant


async def lock_user(uow: UnitOfWork, user_id: UserId) -> User | None:
    """The user, until the end of the unit of work nobody else's to change."""
    return _user(
        await uow.connection.fetchrow(f"SELECT {_COLUMNS} FROM users WHERE id = $1 FOR NO KEY UPDATE", user_id)  # noqa: S608  # a constant
    )


async def share_user(uow: UnitOfWork, user_id: UserId) -> User | None:
    """The user, whom nobody changes until the end of the unit of work; others may share them too."""
    return _user(await uow.connection.fetchrow(f"SELECT {_COLUMNS} FROM users WHERE id = $1 FOR SHARE", user_id))  # noqa: S608  # a constant


async def find_user_by_email(connection: Connection, hashes: Sequence[bytes]) -> User | None:
    """The user with this address that is not closed; ``hashes`` are the address's, under each lookup key."""
    return _user(
        await connection.fetchrow(f"SELECT {_COLUMNS} FROM users WHERE email_lookup = ANY($1)", hashes)  # noqa: S608  # a constant
    )


async def staff_among(connection: Connection, user_ids: Sequence[UserId]) -> list[User]:
    """Those of these users who are the airline's staff."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM users WHERE id = ANY($1) AND kind = 'staff'",  # noqa: S608  # a constant
        user_ids,
    )
    return [msgspec.convert(dict(row), User) for row in rows]


async def list_users(connection: Connection, *, kind: UserKind | None, limit: int) -> list[User]:
    """Users, the newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM users WHERE ($1::text IS NULL OR kind = $1) ORDER BY id DESC LIMIT $2",  # noqa: S608  # a constant
        kind,
        limit,
    )
    return [msgspec.convert(dict(row), User) for row in rows]


async def insert_user(
    uow: UnitOfWork,
    *,
    kind: UserKind,
    person_id: PersonId,
    email_lookup: Lookup,
    email_sealed: bytes,
    name_sealed: bytes | None,
    language: str,
    password_hash: str,
    agency_id: UUID | None = None,
) -> UserId | None:
    """A user whose address is verified; None if its address has an account: the unit of work cannot go on then.

    The address is claimed under each lookup key, in order of hash: two processes of which one has the keys in another
    order, or one key more, meet at the hash under a key that both have.
    """
    try:
        return await uow.connection.fetchval(  # type: ignore[no-any-return]  # asyncpg's values are Any
            """
            WITH made AS (
                INSERT INTO users (kind, person_id, email_lookup, lookup_key, email_sealed, name_sealed, language,
                                   agency_id, password_hash, password_changed_at, verified_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, ais_now(), ais_now()) RETURNING id
            ), claimed AS (
                INSERT INTO address_claims (lookup, lookup_key, user_id)
                SELECT claim.lookup, claim.key_id, made.id
                FROM made, unnest($10::bytea[], $11::text[]) AS claim (lookup, key_id) ORDER BY claim.lookup
            )
            SELECT id FROM made
            """,
            kind,
            person_id,
            email_lookup.stored,
            email_lookup.key_id,
            email_sealed,
            name_sealed,
            language,
            agency_id,
            password_hash,
            email_lookup.hashes,
            email_lookup.key_ids,
        )
    except asyncpg.UniqueViolationError as clash:
        if clash.constraint_name in {"users_email_lookup_key", "address_claims_pkey"}:
            return None
        raise


async def list_users_of_agency(connection: Connection, agency_id: UUID) -> list[User]:
    """The accounts of an agency, the oldest first."""
    rows = await connection.fetch(f"SELECT {_COLUMNS} FROM users WHERE agency_id = $1 ORDER BY id", agency_id)  # noqa: S608  # a constant
    return [msgspec.convert(dict(row), User) for row in rows]


async def set_password(uow: UnitOfWork, user_id: UserId, password_hash: str) -> None:
    """Another password; the sessions that others opened with the old one are not ended here."""
    await uow.connection.execute(
        "UPDATE users SET password_hash = $2, password_changed_at = ais_now(), updated_at = ais_now() WHERE id = $1",
        user_id,
        password_hash,
    )


async def renew_hash(uow: UnitOfWork, user_id: UserId, before: str, after: str) -> None:
    """The same password at another cost, unless it was changed meanwhile."""
    await uow.connection.execute(
        "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2", user_id, before, after
    )


async def set_status(uow: UnitOfWork, user_id: UserId, status: UserStatus) -> None:
    await uow.connection.execute("UPDATE users SET status = $2, updated_at = ais_now() WHERE id = $1", user_id, status)


async def close_user(uow: UnitOfWork, user_id: UserId) -> None:
    """The account ends for good: nothing by which its user is found, named or signed in is left."""
    await uow.connection.execute(
        """
        UPDATE users SET status = 'closed', email_lookup = NULL, email_sealed = NULL, name_sealed = NULL,
                         password_hash = NULL, password_changed_at = NULL, totp_sealed = NULL, totp_confirmed_at = NULL,
                         totp_last_step = NULL, updated_at = ais_now()
        WHERE id = $1
        """,
        user_id,
    )
    await uow.connection.execute("DELETE FROM recovery_codes WHERE user_id = $1", user_id)


async def outdate(uow: UnitOfWork, user_id: UserId) -> int:
    """The user's new access version: what any process has read of its sessions before counts no more."""
    version: int = await uow.connection.fetchval(
        "UPDATE users SET access_version = access_version + 1, updated_at = ais_now() WHERE id = $1"
        " RETURNING access_version",
        user_id,
    )
    return version


async def access_version(connection: Connection, user_id: UserId) -> int | None:
    version: int | None = await connection.fetchval("SELECT access_version FROM users WHERE id = $1", user_id)
    return version


# The second factor


async def begin_totp(uow: UnitOfWork, user_id: UserId, sealed: bytes) -> None:
    """A secret that counts once a code of it was shown; replaces one that was never confirmed."""
    await uow.connection.execute(
        "UPDATE users SET totp_sealed = $2, totp_last_step = NULL, updated_at = ais_now()"
        " WHERE id = $1 AND totp_confirmed_at IS NULL",
        user_id,
        sealed,
    )


async def confirm_totp(uow: UnitOfWork, user_id: UserId, step: int, recovery_hashes: Sequence[bytes]) -> None:
    """From now on the second factor is asked for; ``recovery_hashes`` take the place of all earlier ones."""
    await uow.connection.execute(
        "UPDATE users SET totp_confirmed_at = ais_now(), totp_last_step = $2, updated_at = ais_now() WHERE id = $1",
        user_id,
        step,
    )
    await uow.connection.execute("DELETE FROM recovery_codes WHERE user_id = $1", user_id)
    await uow.connection.execute(
        "INSERT INTO recovery_codes (user_id, hash) SELECT $1, hash FROM unnest($2::bytea[]) AS hash",
        user_id,
        list(recovery_hashes),
    )


async def remove_totp(uow: UnitOfWork, user_id: UserId) -> None:
    await uow.connection.execute(
        "UPDATE users SET totp_sealed = NULL, totp_confirmed_at = NULL, totp_last_step = NULL, updated_at = ais_now()"
        " WHERE id = $1",
        user_id,
    )
    await uow.connection.execute("DELETE FROM recovery_codes WHERE user_id = $1", user_id)


async def spend_totp_step(uow: UnitOfWork, user_id: UserId, step: int) -> bool:
    """Whether this step's code was not used yet, nor one after it; from now on it is."""
    done: str = await uow.connection.execute(
        """
        UPDATE users SET totp_last_step = $2
        WHERE id = $1 AND totp_confirmed_at IS NOT NULL AND coalesce(totp_last_step, -1) < $2
        """,
        user_id,
        step,
    )
    return done == "UPDATE 1"


async def spend_recovery_code(uow: UnitOfWork, user_id: UserId, code_hash: bytes) -> bool:
    """Whether this is a recovery code of the user that was not used yet; from now on it is."""
    done: str = await uow.connection.execute(
        "UPDATE recovery_codes SET used_at = ais_now() WHERE user_id = $1 AND hash = $2 AND used_at IS NULL",
        user_id,
        code_hash,
    )
    return done == "UPDATE 1"


async def recovery_codes_left(connection: Connection, user_id: UserId) -> int:
    left: int = await connection.fetchval(
        "SELECT count(*) FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL", user_id
    )
    return left


# Roles


async def grants_of(connection: Connection, user_ids: Sequence[UserId]) -> dict[UserId, list[Grant]]:
    """The roles that each of these users has now."""
    rows = await connection.fetch(
        """
        SELECT user_id, role, stations, agencies::text[] AS agencies, channels FROM role_grants
        WHERE user_id = ANY($1) AND revoked_at IS NULL ORDER BY user_id, role
        """,
        list(user_ids),
    )
    found: dict[UserId, list[Grant]] = {user_id: [] for user_id in user_ids}
    for row in rows:
        found[row["user_id"]].append(msgspec.convert({**row}, Grant, strict=False))
    return found


async def insert_grant(uow: UnitOfWork, user_id: UserId, role: str, granted_at: datetime) -> bool:
    """Whether the user did not have the role; it is without limits."""
    done: str = await uow.connection.execute(
        """
        INSERT INTO role_grants (user_id, role, granted_by, granted_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id, role) WHERE revoked_at IS NULL DO NOTHING
        """,
        user_id,
        role,
        uow.actor.name,
        granted_at,
    )
    return done == "INSERT 0 1"
