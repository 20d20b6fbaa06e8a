"""Every statement on notices. Their ids grow with time, as those of version 7 do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from ais.kit.ids import OrderId
from ais.notifications.domain import GIVE_UP_AFTER, Notice, NoticeKind, NoticeStatus
from ais.platform.database import Connection, UnitOfWork

_COLUMNS = """notices.id, kind, order_id, cause, language, details, status, attempts, created_at, next_try_at,
    give_up_at, sent_at, last_error"""


def _notice(row: Any) -> Notice:
    return msgspec.convert(dict(row), Notice)


async def insert_notice(
    uow: UnitOfWork,
    kind: NoticeKind,
    order_id: OrderId | None,
    cause: str,
    language: str,
    details: dict[str, Any],
    after: timedelta,
) -> UUID | None:
    """The new notice, due ``after`` from now; None if this cause has one of this kind already."""
    return await uow.connection.fetchval(  # type: ignore[no-any-return]  # asyncpg's values are Any
        """
        INSERT INTO notices (kind, order_id, cause, language, details, next_try_at, give_up_at)
        VALUES ($1, $2, $3, $4, $5, ais_now() + $6::interval, ais_now() + $7::interval)
        ON CONFLICT (kind, cause) DO NOTHING RETURNING id
        """,
        kind,
        order_id,
        cause,
        language,
        details,
        after,
        after + GIVE_UP_AFTER,
    )


async def lease_due(uow: UnitOfWork, limit: int, lease: timedelta) -> list[Notice]:
    """Take notices that are due, longest first, and count a try of each; nobody else takes them during the lease.

    A sender that dies leaves its lease behind: when that has ended the notice is due again.
    """
    rows = await uow.connection.fetch(
        f"""
        WITH due AS MATERIALIZED (
            SELECT id FROM notices
            WHERE status = 'waiting' AND next_try_at <= (SELECT ais_now())
            ORDER BY next_try_at, id LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        UPDATE notices SET next_try_at = ais_now() + $2::interval, attempts = attempts + 1 FROM due
        WHERE notices.id = due.id RETURNING {_COLUMNS}
        """,  # noqa: S608  # a constant
        limit,
        lease,
    )
    return sorted((_notice(row) for row in rows), key=lambda notice: notice.id)


async def put_back(uow: UnitOfWork, notice_ids: Sequence[UUID], after: timedelta) -> None:
    """Give back notices that were taken and not tried; they are due ``after`` from now."""
    await uow.connection.execute(
        """
        UPDATE notices SET next_try_at = ais_now() + $2::interval, attempts = attempts - 1
        WHERE id = ANY($1) AND status = 'waiting' AND attempts > 0
        """,
        list(notice_ids),
        after,
    )


async def note_failed_try(uow: UnitOfWork, notice_id: UUID, error: str, after: timedelta, *, by_server: bool) -> None:
    """A try failed; the next one is due ``after`` from now. ``by_server``: because the server takes nothing at all."""
    await uow.connection.execute(
        """
        UPDATE notices SET next_try_at = ais_now() + $3::interval, last_error = $2, server_down = $4
        WHERE id = $1 AND status = 'waiting'
        """,
        notice_id,
        error,
        after,
        by_server,
    )


async def end_notice(uow: UnitOfWork, notice_id: UUID, status: NoticeStatus, error: str | None = None) -> bool:
    """A waiting notice ends as ``status``; whether it was waiting still."""
    done: str = await uow.connection.execute(
        """
        UPDATE notices
        SET status = $2, last_error = $3, server_down = false, ended_at = ais_now(),
            sent_at = CASE WHEN $2 = 'sent' THEN ais_now() END
        WHERE id = $1 AND status = 'waiting'
        """,
        notice_id,
        status,
        error,
    )
    return done == "UPDATE 1"


async def hurry_after_outage(uow: UnitOfWork) -> int:
    """The server takes mail again: what waited for it is due at once. How many those are."""
    done: str = await uow.connection.execute(
        """
        UPDATE notices SET next_try_at = ais_now(), server_down = false
        WHERE status = 'waiting' AND server_down AND next_try_at > ais_now()
        """
    )
    return int(done.removeprefix("UPDATE "))


async def revive(uow: UnitOfWork, notice_ids: Sequence[UUID] | None) -> list[UUID]:
    """Let failed notices wait again with a day of their own, due at once; all of them, or those named."""
    rows = await uow.connection.fetch(
        """
        UPDATE notices
        SET status = 'waiting', attempts = 0, next_try_at = ais_now(), give_up_at = ais_now() + $2::interval,
            ended_at = NULL
        WHERE status = 'failed' AND ($1::uuid[] IS NULL OR id = ANY($1)) RETURNING id
        """,
        None if notice_ids is None else list(notice_ids),
        GIVE_UP_AFTER,
    )
    return [row["id"] for row in rows]


async def list_notices(
    connection: Connection,
    *,
    status: NoticeStatus | None = None,
    order_id: OrderId | None = None,
    limit: int = 100,
) -> list[Notice]:
    """The newest ``limit`` notices, the failed first; of one status or one order where they are given."""
    rows = await connection.fetch(
        f"""
        SELECT {_COLUMNS} FROM notices
        WHERE ($1::text IS NULL OR status = $1) AND ($2::uuid IS NULL OR order_id = $2)
        ORDER BY (status = 'failed') DESC, id DESC LIMIT $3
        """,  # noqa: S608  # a constant
        status,
        order_id,
        limit,
    )
    return [_notice(row) for row in rows]
