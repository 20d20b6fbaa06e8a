"""Every statement on what providers have told us. An event's row is locked after payments and refunds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from ais.kit.ids import PaymentId
from ais.payments.domain import EventAttempt, EventKind, EventState, ProviderEvent, StoredEvent
from ais.platform.database import Connection, Database, UnitOfWork
from ais.platform.outbox import NewJob

_EVENT = """
    provider, event_id, type, object_id, state, deliveries, attempts, last_error, payment_id, received_at, handled_at,
    next_attempt_at
"""


def _event(row: asyncpg.Record) -> StoredEvent:
    return msgspec.convert(dict(row), StoredEvent)


async def store_event(
    database: Database, provider: str, event: ProviderEvent, body: bytes, jobs: Sequence[NewJob], correlation_id: str
) -> bool:
    """Keep the raw message under its event id, durably, with ``jobs`` if it is the first delivery; answers whether it
    is.
    """
    return await database.change_at_once(
        """
        INSERT INTO provider_events AS stored
            (provider, event_id, type, object_id, provider_payment_id, body, occurred_at, state)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (provider, event_id) DO UPDATE SET deliveries = stored.deliveries + 1
        RETURNING deliveries = 1
        """,
        provider,
        event.id,
        event.type,
        event.object_id,
        event.payment_id,
        body,
        event.occurred_at,
        EventState.IGNORED if event.kind is EventKind.UNKNOWN else EventState.STORED,
        jobs=jobs,
        correlation_id=correlation_id,
    )


async def find_event(connection: Connection, event_id: str) -> StoredEvent | None:
    """The message of this id, whoever sent it, with its body."""
    row = await connection.fetchrow(f"SELECT {_EVENT}, body FROM provider_events WHERE event_id = $1", event_id)  # noqa: S608  # a constant
    return _event(row) if row else None


async def lock_event(uow: UnitOfWork, provider: str, event_id: str) -> StoredEvent | None:
    """The message without its body, locked until the unit of work ends."""
    row = await uow.connection.fetchrow(
        f"SELECT {_EVENT} FROM provider_events WHERE provider = $1 AND event_id = $2 FOR UPDATE",  # noqa: S608  # a constant
        provider,
        event_id,
    )
    return _event(row) if row else None


async def write_event(
    uow: UnitOfWork,
    event: StoredEvent,
    state: EventState,
    *,
    outcome: str,
    detail: str | None = None,
    attempts: int,
    next_attempt_at: datetime | None = None,
    payment_id: PaymentId | None = None,
) -> None:
    """Where the locked message stands now, and the try that brought it there."""
    await uow.connection.execute(
        """
        WITH written AS (
            UPDATE provider_events SET state = $3, attempts = $4, last_error = $5, next_attempt_at = $6,
                   payment_id = $7, handled_at = CASE WHEN $3 = 'stored' THEN NULL ELSE ais_now() END
            WHERE provider = $1 AND event_id = $2
        )
        INSERT INTO provider_event_attempts (provider, event_id, outcome, detail, actor) VALUES ($1, $2, $8, $5, $9)
        """,
        event.provider,
        event.event_id,
        state,
        attempts,
        detail,
        next_attempt_at,
        payment_id,
        outcome,
        uow.actor.name,
    )


async def list_events(
    connection: Connection,
    *,
    states: list[EventState] | None = None,
    type_: str | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int,
) -> list[StoredEvent]:
    """Messages without their bodies, the newest first; ``before`` goes on after the last one of an earlier list."""
    received_at, event_id = before or (None, None)
    rows = await connection.fetch(
        f"""
        SELECT {_EVENT} FROM provider_events
        WHERE ($1::text[] IS NULL OR state = ANY($1)) AND ($2::text IS NULL OR type = $2)
          AND ($3::timestamptz IS NULL OR (received_at, event_id) < ($3, $4::text))
        ORDER BY received_at DESC, event_id DESC LIMIT $5
        """,  # noqa: S608  # the column list is a constant
        states,
        type_,
        received_at,
        event_id,
        limit,
    )
    return [_event(row) for row in rows]


async def event_attempts(connection: Connection, event_id: str) -> list[EventAttempt]:
    """What was tried with a message, oldest first."""
    rows = await connection.fetch(
        "SELECT outcome, detail, actor, recorded_at FROM provider_event_attempts WHERE event_id = $1 ORDER BY id",
        event_id,
    )
    return [EventAttempt(*row) for row in rows]


async def count_events(connection: Connection) -> list[dict[str, Any]]:
    """How many messages of each type stand in each state, and how often they were delivered."""
    rows = await connection.fetch(
        "SELECT type, state, count(*) AS events, sum(deliveries)::bigint AS deliveries FROM provider_events"
        " GROUP BY type, state ORDER BY type, state"
    )
    return [dict(row) for row in rows]


async def shorten_events(uow: UnitOfWork, older_than: timedelta, limit: int) -> int:
    """Leave of dealt-with messages that old no more than what they are about, by which they can be replayed; how many.

    Only those of before messages were kept without persons have more to lose than that.
    """
    done: str = await uow.connection.execute(
        """
        WITH old AS (
            SELECT provider, event_id,
                   convert_to(jsonb_build_object('id', event_id, 'type', type, 'short', true, 'created',
                       extract(epoch FROM coalesce(occurred_at, received_at))::bigint, 'data', jsonb_build_object(
                       'object', CASE WHEN provider_payment_id = object_id
                           THEN jsonb_build_object('id', object_id, 'object', 'payment_intent')
                           ELSE jsonb_build_object('id', object_id, 'payment_intent', provider_payment_id) END))::text,
                       'UTF8') AS short
            FROM provider_events
            WHERE state IN ('handled', 'ignored') AND received_at < (SELECT ais_now() - $1::interval)
              AND position('"short": true'::bytea IN body) = 0
            ORDER BY received_at LIMIT $2
        )
        UPDATE provider_events AS stored SET body = old.short FROM old
        WHERE stored.provider = old.provider AND stored.event_id = old.event_id
        """,
        older_than,
        limit,
    )
    return int(done.removeprefix("UPDATE "))


async def overdue_events(connection: Connection, *, seconds: float, limit: int) -> list[str]:
    """Messages that should have been handled so long ago, because their job was lost or has died; oldest first."""
    rows = await connection.fetch(
        "SELECT event_id FROM provider_events WHERE state = 'stored'"
        " AND coalesce(next_attempt_at, received_at) < ais_now() - make_interval(secs => $1)"
        " ORDER BY received_at LIMIT $2",
        seconds,
        limit,
    )
    return [row["event_id"] for row in rows]
