"""Entries of the audit trail on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from ais.accounts.audit.domain import EntryRow
from ais.kit import encode_id, ids


class AuditEntryBody(Struct, frozen=True):
    """Who did what, when, from where. `actor` is kind and id; `origin` a block of addresses, or the machine's user for
    a command; `before` and `after` hold the fields that changed, a personal one as ciphertext under its person's key;
    `position` is the place in the hash chain, null while the entry waits for one.
    """

    id: str
    action: str
    subject: str
    order_id: str | None
    actor: str
    roles: list[str]
    session_id: str | None
    channel: str
    origin: str | None
    correlation_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    occurred_at: datetime
    position: int | None


def entry_body(row: EntryRow) -> AuditEntryBody:
    """An entry with the ids that the API gives."""
    return AuditEntryBody(
        id=encode_id(ids.AUDIT_ENTRY, row.id),
        action=row.action,
        subject=row.subject,
        order_id=encode_id(ids.ORDER, row.order_id) if row.order_id else None,
        actor=f"{row.actor_kind}:{row.actor_id}",
        roles=row.roles,
        session_id=row.session_id,
        channel=row.channel,
        origin=row.origin,
        correlation_id=row.correlation_id,
        before=row.before,
        after=row.after,
        occurred_at=row.occurred_at,
        position=row.position,
    )
