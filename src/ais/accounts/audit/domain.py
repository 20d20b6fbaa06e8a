"""An entry as it is read, and what may be asked for. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

# What the chain is taken over, in this order; see docs/operations/audit.md.
ENTRY_FIELDS = (
    "id", "action", "subject", "order_id", "actor_kind", "actor_id", "roles", "session_id", "channel", "origin",
    "correlation_id", "before", "after", "occurred_at", "recorded_at",
)  # fmt: skip


class EntryRow(msgspec.Struct, frozen=True):
    """One entry of the trail; ``position`` is its place in the hash chain, None while it waits for one."""

    id: UUID
    action: str
    subject: str
    order_id: UUID | None
    actor_kind: str
    actor_id: str
    roles: list[str]
    session_id: str | None
    channel: str
    origin: str | None
    correlation_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    occurred_at: datetime
    recorded_at: datetime
    position: int | None


class EntryFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is asked for; what is None does not matter. ``actor`` is an id or ``kind:id``, ``action`` one action or its
    area (``order`` for ``order.cancelled`` and all others); ``occurred_from`` is included, ``occurred_until`` is not.
    """

    actor: str | None = None
    subject: str | None = None
    action: str | None = None
    order_id: UUID | None = None
    correlation_id: str | None = None
    occurred_from: datetime | None = None
    occurred_until: datetime | None = None
    before: tuple[datetime, UUID] | None = None
    limit: int = 50
