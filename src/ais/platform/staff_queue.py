"""The staff queue: what the program cannot decide by itself and a person must look at."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from ais.platform.audit import Entry, record
from ais.platform.database import Connection, UnitOfWork
from ais.platform.telemetry import get_logger

log = get_logger("staff_queue")


class StaffMatter(msgspec.Struct, frozen=True):
    """An entry of the queue; open as long as ``resolved_at`` is None."""

    kind: str
    subject: str
    details: dict[str, Any]
    raised_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None


async def ask_staff(uow: UnitOfWork, kind: str, subject: str, **details: Any) -> None:
    """Put an entry of ``kind`` about ``subject`` (an id, nothing personal) on the queue; an open one stays as it is."""
    await uow.connection.execute(
        """
        INSERT INTO staff_queue (kind, subject, details) VALUES ($1, $2, $3)
        ON CONFLICT (kind, subject) WHERE resolved_at IS NULL DO NOTHING
        """,
        kind,
        subject,
        details,
    )
    log.warning("for staff", kind=kind, subject=subject, **details)


async def resolve_staff_queue(uow: UnitOfWork, kind: str, subject: str) -> bool:
    """Close the open entry of ``kind`` about ``subject``; answers whether there was one."""
    status: str = await uow.connection.execute(
        "UPDATE staff_queue SET resolved_at = ais_now(), resolved_by = $3"
        " WHERE kind = $1 AND subject = $2 AND resolved_at IS NULL",
        kind,
        subject,
        uow.actor.name,
    )
    if not status.endswith(" 1"):
        return False
    await record(uow, Entry(action="staff_queue.resolved", subject=subject, after={"kind": kind}))
    return True


async def list_staff_queue(
    connection: Connection, *, with_resolved: bool = False, limit: int = 1000
) -> list[StaffMatter]:
    """Open entries, the longest open first; ``with_resolved`` adds the closed ones, the last closed first."""
    rows = await connection.fetch(
        """
        SELECT kind, subject, details, raised_at, resolved_at, resolved_by FROM staff_queue
        WHERE $1 OR resolved_at IS NULL
        ORDER BY resolved_at DESC NULLS FIRST, raised_at, id LIMIT $2
        """,
        with_resolved,
        limit,
    )
    return [StaffMatter(*row) for row in rows]
