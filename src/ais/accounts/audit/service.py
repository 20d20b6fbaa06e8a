"""Reading the trail, which leaves an entry itself."""

from __future__ import annotations

import msgspec

from ais.accounts.audit import repository
from ais.accounts.audit.domain import EntryFilter, EntryRow
from ais.platform.audit import Entry, record
from ais.platform.database import UnitOfWork

SUBJECT = "audit"


async def search_entries(uow: UnitOfWork, wanted: EntryFilter) -> list[EntryRow]:
    """The latest entries that fit first, at most ``limit``; that they were looked for, and by what, is recorded."""
    asked = msgspec.to_builtins(msgspec.structs.replace(wanted, before=None, limit=EntryFilter().limit))
    await record(uow, Entry(action="audit.searched", subject=SUBJECT, after=asked))
    return await repository.find_entries(uow.connection, wanted)
