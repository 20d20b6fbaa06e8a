"""Every statement that reads the audit trail."""

from __future__ import annotations

from typing import Any

from ais.accounts.audit.domain import EntryFilter, EntryRow
from ais.kit import ActorKind
from ais.platform.chain import Chain, ChainedTable, instant
from ais.platform.database import Connection

# What an entry says, as JSON that every language writes the same way: an array of strings and nulls, ", " between them,
# in the order of ENTRY_FIELDS; roles by a space, before and after as the text that was written. Null for one that is
# gone.
CONTENT = f"""
    CASE WHEN entry.id IS NOT NULL THEN json_build_array(
        entry.id::text, entry.action, entry.subject, entry.order_id::text, entry.actor_kind, entry.actor_id,
        nullif(array_to_string(entry.roles, ' '), ''), entry.session_id, entry.channel, entry.origin,
        entry.correlation_id, entry.before::text, entry.after::text, {instant("entry.occurred_at")},
        {instant("entry.recorded_at")})::text END
"""

CHAIN = Chain(
    ChainedTable(
        name="audit",
        rows="audit_entries",
        alias="entry",
        key="entry_id",
        content=CONTENT,
        noun="entry",
        gone="the entry is gone",
    )
)


async def find_entries(connection: Connection, wanted: EntryFilter) -> list[EntryRow]:
    """The latest entries first, at most ``limit``."""
    conditions, arguments = ["true"], list[Any]()

    def require(condition: str, *values: Any) -> None:
        numbers = (f"${len(arguments) + place}" for place in range(1, len(values) + 1))
        conditions.append(condition.format(*numbers))
        arguments.extend(values)

    if wanted.actor is not None:
        kind, separator, identifier = wanted.actor.partition(":")
        if separator and kind in set(ActorKind):
            require("entry.actor_kind = {} AND entry.actor_id = {}", kind, identifier)
        else:
            require("entry.actor_id = {}", wanted.actor)
    if wanted.action is not None:
        require("(entry.action = {0} OR starts_with(entry.action, {0} || '.'))", wanted.action)
    for condition, value in (
        ("entry.subject = {}", wanted.subject),
        ("entry.order_id = {}", wanted.order_id),
        ("entry.correlation_id = {}", wanted.correlation_id),
        ("entry.occurred_at >= {}", wanted.occurred_from),
        ("entry.occurred_at < {}", wanted.occurred_until),
    ):
        if value is not None:
            require(condition, value)
    if wanted.before is not None:
        require("(entry.occurred_at, entry.id) < ({}, {})", *wanted.before)
    rows = await connection.fetch(
        f"""
        SELECT entry.*, link.position FROM audit_entries AS entry
        LEFT JOIN audit_chain AS link ON link.entry_id = entry.id
        WHERE {" AND ".join(conditions)}
        ORDER BY entry.occurred_at DESC, entry.id DESC LIMIT {wanted.limit:d}
        """,  # noqa: S608  # made of constants and numbers
        *arguments,
    )
    return [EntryRow(**{name: row[name] for name in EntryRow.__struct_fields__}) for row in rows]
