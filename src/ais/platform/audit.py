"""The audit trail: who did what to what, when, from where, in whose request. Appended, never changed, kept for ever.

A use case says it inside the unit of work of its change::

    await record(
        uow,
        Entry(
            action="order.cancelled",
            subject="ord_…",
            order_id=order.id,
            before={"status": "confirmed"},
            after={"status": "cancelled"},
        ),
    )

Who, which door and which correlation id come from the unit of work, where from out of :data:`ORIGIN`, which the edge
sets. All entries of a unit of work are written by the statement that writes its jobs, or by one of their own where
there are none; they are there if and only if the change is. What is refused is recorded in a unit of its own.

Personal data stands here only sealed under its person's key, so that the hash chain holds when the key is destroyed.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Protocol, TypeAlias
from uuid import UUID

import msgspec

from ais.kit import Actor, new_uuid
from ais.platform.outbox import PERSONAL_MEMBERS, PersonalDataError, Rider

# Where the running request comes from: a block of addresses, or the machine's user for a command; None inside jobs.
ORIGIN: ContextVar[str | None] = ContextVar("audit_origin", default=None)

_ACTION = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+")
_FIELD = re.compile(r"[a-z][a-z0-9_]*")
SUBJECT_LENGTH = 200
# The blocks that providers hand out to one customer: what stands behind them is a household or office, not a person.
IPV4_BLOCK, IPV6_BLOCK = 24, 48


class Sealed(msgspec.Struct, frozen=True):
    """A personal value as it may be kept: ciphertext under the key of the person with that id."""

    person: UUID
    sealed: bytes


Value: TypeAlias = str | int | bool | Sealed | Sequence[str] | None
Fields: TypeAlias = Mapping[str, Value]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """``action`` is the area and the past tense, ``order.cancelled``; ``subject`` the public id or a code of what it
    was done to. ``before`` and ``after`` name the fields that changed; a personal field's value is :class:`Sealed`.
    """

    action: str
    subject: str
    order_id: UUID | None = None
    before: Fields | None = None
    after: Fields | None = None


class Unit(Protocol):
    """What an entry is recorded in: the unit of work of :mod:`ais.platform.database`."""

    def audit(self, entry: Entry) -> None: ...


async def record(uow: Unit, entry: Entry) -> None:
    """Add ``entry`` to the trail with the unit of work's change. Raises :class:`PersonalDataError` and ValueError."""
    uow.audit(entry)


class Row(msgspec.Struct, frozen=True):
    """An entry with its circumstances, as the table has it."""

    id: UUID
    action: str
    subject: str
    order_id: UUID | None
    actor_kind: str
    actor_id: str
    roles: Sequence[str]
    session_id: str | None
    channel: str
    origin: str | None
    correlation_id: str
    before: Fields | None
    after: Fields | None
    occurred_at: datetime


def row_of(entry: Entry, actor: Actor, correlation_id: str, occurred_at: datetime) -> Row:
    """The entry's row. Raises :class:`PersonalDataError` for a personal field in the clear, ValueError for an action,
    subject or field that is not of their form.
    """
    if not _ACTION.fullmatch(entry.action):
        raise ValueError(f"{entry.action!r} is not an action: area and past tense, order.cancelled")
    if not 1 <= len(entry.subject) <= SUBJECT_LENGTH:
        raise ValueError(f"a subject has 1 to {SUBJECT_LENGTH} characters")
    for fields in filter(None, (entry.before, entry.after)):
        _require_form(fields)
    return Row(
        new_uuid(), entry.action, entry.subject, entry.order_id, actor.kind, actor.id, sorted(actor.roles),
        actor.session_id, actor.channel,
        ORIGIN.get(), correlation_id, entry.before, entry.after, occurred_at,
    )  # fmt: skip


def _require_form(fields: Fields) -> None:
    for name, value in fields.items():
        if not _FIELD.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a field")
        if name in PERSONAL_MEMBERS and not (value is None or isinstance(value, Sealed)):
            raise PersonalDataError(f"the audit trail takes {name!r} only sealed")


# Written so that it can ride in the statement that writes the jobs; {0} is the number of its parameter.
_INSERT = """
    INSERT INTO audit_entries (id, action, subject, order_id, actor_kind, actor_id, roles, session_id, channel, origin,
                               correlation_id, before, after, occurred_at)
    SELECT id, action, subject, order_id, actor_kind, actor_id, roles, session_id, channel, origin, correlation_id,
           before, after, occurred_at
    FROM json_to_recordset(${0}::json) AS entry (
        id uuid, action text, subject text, order_id uuid, actor_kind text, actor_id text, roles text[],
        session_id text, channel text, origin text, correlation_id text, before json, after json,
        occurred_at timestamptz)
"""


def insertion(rows: Sequence[Row]) -> Rider | None:
    """What writes the rows; None if there are none."""
    return Rider("audit", _INSERT, list(rows)) if rows else None


def after_row(row: Row, before: Row | None) -> Row:
    """``row`` with an id above that of ``before``: by their ids the chain takes what one transaction has written."""
    if before is None or row.id > before.id:
        return row
    return msgspec.structs.replace(row, id=UUID(int=before.id.int + 1))


@functools.lru_cache(maxsize=4096)
def address_block(address: str) -> str | None:
    """The block that ``address`` lies in, 203.0.113.0/24 or 2001:db8:1::/48; None if it is not an address.

    A whole address says who somebody is, and the trail is kept for ever and cannot be erased. The block says from
    where, and is what the limits count by.
    """
    try:
        parsed: Any = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    parsed = mapped or parsed
    length = IPV4_BLOCK if parsed.version == 4 else IPV6_BLOCK
    return str(ipaddress.ip_network(f"{parsed}/{length}", strict=False))
