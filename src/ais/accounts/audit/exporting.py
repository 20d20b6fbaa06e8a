"""The trail in a file that anybody can verify without this program: see docs/verify_audit_export.py."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import TextIO

from ais.accounts.audit.domain import ENTRY_FIELDS
from ais.accounts.audit.repository import CHAIN
from ais.accounts.audit.service import SUBJECT
from ais.kit import Actor
from ais.platform.audit import Entry
from ais.platform.chain import Link, Told, walk_by_index
from ais.platform.database import Database

EXPORT_COLUMNS = ("position", "hash", *ENTRY_FIELDS)
Write = Callable[[Link], object]


class EntryGone(Exception):
    """A link's entry is gone: the chain is broken there and nothing can be exported."""


async def export_trail(
    database: Database, actor: Actor, file: TextIO, form: str, tell: Told = lambda _done, _total: None
) -> int:
    """Write every chained entry in order, ``form`` csv or jsonl, a line each; how many. The export is an entry itself.

    All values are text or nothing, exactly as they were hashed. One snapshot, constant memory. Raises
    :class:`EntryGone`.
    """
    await database.audit(actor, Entry(action="audit.exported", subject=SUBJECT, after={"format": form}))
    write = _csv_writer(file) if form == "csv" else _jsonl_writer(file)
    written = 0
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await walk_by_index(connection)
        end = await CHAIN.last_link(connection)
        async for link in CHAIN.walk(connection):
            if link.content is None:
                raise EntryGone(f"The entry at position {link.position} is gone.")
            write(link)
            written += 1
            if end is not None and (written % 1000 == 0 or written == end[0]):
                tell(written, end[0])
    return written


def _jsonl_writer(file: TextIO) -> Write:
    def write(link: Link) -> None:
        entry = dict(zip(ENTRY_FIELDS, json.loads(link.content or ""), strict=True))
        line = {"position": link.position, "hash": link.hash.hex(), "entry": entry}
        file.write(json.dumps(line, ensure_ascii=False) + "\n")

    return write


def _csv_writer(file: TextIO) -> Write:
    writer = csv.writer(file)
    writer.writerow(EXPORT_COLUMNS)

    def write(link: Link) -> None:
        writer.writerow([link.position, link.hash.hex(), *json.loads(link.content or "")])

    return write
