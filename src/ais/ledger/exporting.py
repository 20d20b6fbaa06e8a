"""The chain in a file that anybody can verify without this program: see docs/verify_ledger_export.py."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterator, Callable
from typing import TextIO

from ais.kit import Actor
from ais.ledger.domain import ENTRY_FIELDS, POSTING_FIELDS
from ais.ledger.service.chain import last_link, walk_chain
from ais.ledger.service.reading import record_export
from ais.platform.chain import Link, Told, walk_by_index
from ais.platform.database import Database

EXPORT_COLUMNS = (
    "position",
    "hash",
    *(f"posting_{name}" for name in POSTING_FIELDS),
    *(f"entry_{name}" for name in ENTRY_FIELDS),
)
Write = Callable[[Link], object]


class PostingGone(Exception):
    """A link's posting or entries are gone: the chain is broken there and nothing can be exported."""


async def export_chain(
    database: Database, actor: Actor, file: TextIO, form: str, tell: Told = lambda _done, _total: None
) -> int:
    """Write every chained posting in order, ``form`` csv (a line an entry) or jsonl (a line a posting); how many.

    All values are text or nothing, exactly as they were hashed. One snapshot, constant memory. Raises
    :class:`PostingGone`.
    """
    await record_export(database, actor, "chain", form)
    write = _csv_writer(file) if form == "csv" else _jsonl_writer(file)
    written = 0
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await walk_by_index(connection)
        end = await last_link(connection)
        links: AsyncIterator[Link] = walk_chain(connection)
        async for link in links:
            if link.content is None:
                raise PostingGone(f"The posting at position {link.position} or its entries are gone.")
            write(link)
            written += 1
            if end is not None and (written % 1000 == 0 or written == end[0]):
                tell(written, end[0])
    return written


def _jsonl_writer(file: TextIO) -> Write:
    def write(link: Link) -> None:
        posting, *entries = json.loads(link.content or "")
        line = {
            "position": link.position,
            "hash": link.hash.hex(),
            "posting": dict(zip(POSTING_FIELDS, posting, strict=True)),
            "entries": [dict(zip(ENTRY_FIELDS, entry, strict=True)) for entry in entries],
        }
        file.write(json.dumps(line, ensure_ascii=False) + "\n")

    return write


def _csv_writer(file: TextIO) -> Write:
    writer = csv.writer(file)
    writer.writerow(EXPORT_COLUMNS)

    def write(link: Link) -> None:
        posting, *entries = json.loads(link.content or "")
        writer.writerows([link.position, link.hash.hex(), *posting, *entry] for entry in entries)

    return write
