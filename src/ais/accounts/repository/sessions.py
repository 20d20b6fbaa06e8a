"""Statements on sessions and the refresh tokens of each."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ais.accounts.domain import RETRY_WITHIN, EndReason, RefreshToken, Session, SessionKind, SessionState
from ais.kit.ids import SessionId, UserId
from ais.platform.database import Connection, UnitOfWork

_COLUMNS = "id, user_id, kind, origin_sealed, second_factor_at, created_at, last_used_at, ends_at"
_TOUCHED_EVERY = timedelta(minutes=1)


async def insert_session(
    uow: UnitOfWork,
    user_id: UserId,
    kind: SessionKind,
    origin_sealed: bytes,
    second_factor_at: datetime | None,
    *,
    lifetime: timedelta,
    idle: timedelta | None,
) -> SessionId:
    """A session of ``lifetime`` at most, of a page also over after ``idle`` without use."""
    return await uow.connection.fetchval(  # type: ignore[no-any-return]  # asyncpg's values are Any
        """
        INSERT INTO sessions (user_id, kind, origin_sealed, second_factor_at, ends_at, idle_ends_at)
        VALUES ($1, $2, $3, $4, ais_now() + $5::interval, ais_now() + $6::interval) RETURNING id
        """,
        user_id,
        kind,
        origin_sealed,
        second_factor_at,
        lifetime,
        idle,
    )


async def read_state(connection: Connection, session_id: SessionId, idle: timedelta) -> SessionState | None:
    """What a session may do now, and note that it is used; None if there is none, or it has ended."""
    row = await connection.fetchrow(
        """
        SELECT session.id AS session_id, session.user_id, session.kind, session.second_factor_at,
               least(session.ends_at, session.idle_ends_at) AS ends_at,
               session.last_used_at <= ais_now() - $2::interval AS is_stale,
               users.kind AS user_kind, users.agency_id, users.access_version AS version,
               users.totp_confirmed_at IS NOT NULL AS has_second_factor,
               (SELECT coalesce(jsonb_agg(jsonb_build_object('role', role, 'stations', stations, 'agencies', agencies,
                                                             'channels', channels) ORDER BY role), '[]')
                FROM role_grants WHERE role_grants.user_id = users.id AND revoked_at IS NULL) AS grants
        FROM sessions AS session JOIN users ON users.id = session.user_id
        WHERE session.id = $1 AND session.ended_at IS NULL AND users.status = 'active'
          AND least(session.ends_at, session.idle_ends_at) > ais_now()
        """,
        session_id,
        _TOUCHED_EVERY,
    )
    if row is None:
        return None
    values = dict(row)
    if values.pop("is_stale"):
        ends_at = await connection.fetchval(
            """
            UPDATE sessions SET last_used_at = ais_now(),
                   idle_ends_at = CASE WHEN kind = 'page' THEN ais_now() + $2::interval END
            WHERE id = $1 AND ended_at IS NULL RETURNING least(ends_at, idle_ends_at)
            """,
            session_id,
            idle,
        )
        if ends_at is None:
            return None
        values["ends_at"] = ends_at
    return msgspec.convert(values, SessionState)


async def find_session(connection: Connection, session_id: SessionId) -> Session | None:
    """A session that has not ended."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM sessions WHERE id = $1 AND ended_at IS NULL AND ends_at > ais_now()",  # noqa: S608  # a constant
        session_id,
    )
    return msgspec.convert(dict(row), Session) if row is not None else None


async def kept_session(connection: Connection, session_id: SessionId) -> Session | None:
    """A session, also one that has ended, as long as it is kept."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM sessions WHERE id = $1", session_id)  # noqa: S608  # a constant
    return msgspec.convert(dict(row), Session) if row is not None else None


async def list_sessions(connection: Connection, user_id: UserId) -> list[Session]:
    """The user's sessions that have not ended, the last used first."""
    rows = await connection.fetch(
        f"""
        SELECT {_COLUMNS} FROM sessions
        WHERE user_id = $1 AND ended_at IS NULL AND least(ends_at, idle_ends_at) > ais_now()
        ORDER BY last_used_at DESC, id DESC
        """,  # noqa: S608  # a constant
        user_id,
    )
    return [msgspec.convert(dict(row), Session) for row in rows]


async def recent_origins(connection: Connection, user_id: UserId, limit: int) -> list[bytes]:
    """From where the user's newest sessions came, also those that have ended; sealed."""
    rows = await connection.fetch(
        """
        SELECT origin_sealed FROM sessions WHERE user_id = $1 AND origin_sealed IS NOT NULL ORDER BY id DESC LIMIT $2
        """,
        user_id,
        limit,
    )
    return [row["origin_sealed"] for row in rows]


async def end_sessions(
    uow: UnitOfWork,
    user_id: UserId,
    reason: EndReason,
    *,
    only: SessionId | None = None,
    all_but: SessionId | None = None,
) -> list[SessionId]:
    """End the user's sessions: all, one, or all but one. Answers which were ended now."""
    rows = await uow.connection.fetch(
        """
        UPDATE sessions SET ended_at = ais_now(), end_reason = $2
        WHERE user_id = $1 AND ended_at IS NULL AND ($3::uuid IS NULL OR id = $3) AND ($4::uuid IS NULL OR id <> $4)
        RETURNING id
        """,
        user_id,
        reason,
        only,
        all_but,
    )
    return sorted(row["id"] for row in rows)


async def note_second_factor(uow: UnitOfWork, session_id: SessionId) -> None:
    """The session's user has just proved who they are."""
    await uow.connection.execute("UPDATE sessions SET second_factor_at = ais_now() WHERE id = $1", session_id)


async def remove_past(uow: UnitOfWork, *, before: datetime, limit: int) -> int:
    """Forget sessions that ended before that; their refresh tokens go with them. How many."""
    rows = await uow.connection.fetch(
        """
        DELETE FROM sessions WHERE id IN (
            SELECT id FROM sessions WHERE ends_at < $1 ORDER BY ends_at LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING 1
        """,
        before,
        limit,
    )
    return len(rows)


# Refresh tokens


async def insert_refresh(
    uow: UnitOfWork, session_id: SessionId, token_hash: bytes, generation: int, lifetime: timedelta
) -> None:
    """The next token of a family; the session lives at least as long."""
    await uow.connection.execute(
        """
        WITH token AS (
            INSERT INTO refresh_tokens (hash, session_id, generation, expires_at)
            VALUES ($1, $2, $3, ais_now() + $4::interval) RETURNING expires_at
        )
        UPDATE sessions SET ends_at = greatest(ends_at, token.expires_at), last_used_at = ais_now()
        FROM token WHERE id = $2
        """,
        token_hash,
        session_id,
        generation,
        lifetime,
    )


async def lock_refresh(uow: UnitOfWork, token_hash: bytes) -> RefreshToken | None:
    """The token, its user locked: of two that use it at once the second waits, and sees what the first did."""
    user_id = await uow.connection.fetchval(
        """
        SELECT user_id FROM sessions JOIN refresh_tokens ON sessions.id = session_id WHERE hash = $1
        """,
        token_hash,
    )
    if user_id is None:
        return None
    await uow.connection.execute("SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE", user_id)
    row = await uow.connection.fetchrow(
        """
        SELECT token.session_id, session.user_id, token.generation, token.used_at, token.retried_at,
               token.expires_at <= ais_now() AS is_over,
               token.used_at > ais_now() - $2::interval AS was_just_used,
               session.ended_at IS NULL AS is_live, users.status = 'active' AS may_sign_in,
               next.hash AS successor_hash
        FROM refresh_tokens AS token
        JOIN sessions AS session ON session.id = token.session_id
        JOIN users ON users.id = session.user_id
        LEFT JOIN refresh_tokens AS next
            ON next.session_id = token.session_id AND next.generation = token.generation + 1 AND next.used_at IS NULL
        WHERE token.hash = $1
        """,
        token_hash,
        RETRY_WITHIN,
    )
    return msgspec.convert(dict(row), RefreshToken) if row is not None else None


async def note_used(uow: UnitOfWork, token_hash: bytes) -> None:
    await uow.connection.execute("UPDATE refresh_tokens SET used_at = ais_now() WHERE hash = $1", token_hash)


async def note_retried(uow: UnitOfWork, token_hash: bytes) -> None:
    await uow.connection.execute("UPDATE refresh_tokens SET retried_at = ais_now() WHERE hash = $1", token_hash)
