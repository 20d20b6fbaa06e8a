"""Writing to the books."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from ais.kit import new_uuid
from ais.ledger.domain import Entry, Posting
from ais.ledger.repository import postings as repository
from ais.platform.database import UnitOfWork


async def post(uow: UnitOfWork, posting: Posting) -> UUID | None:
    """Write ``posting`` by one statement; its id, or None if its cause has one already or nothing was to be written.

    Raises :class:`~ais.ledger.PostingError` if it does not balance; what else the database refuses fails the unit of
    work.
    """
    (written,) = await post_all(uow, (posting,))
    return written


async def post_all(uow: UnitOfWork, postings: Sequence[Posting]) -> list[UUID | None]:
    """:func:`post` for several at once, still one statement; answers in the given order."""
    ids: list[UUID | None] = []
    rows: list[dict[str, Any]] = []
    for posting in postings:
        written = posting.written()
        ids.append(new_uuid() if written else None)
        if written:
            rows.append(_row(ids[-1], written, uow))
    if not rows:
        return ids
    new = await repository.insert_postings(uow, rows)
    return [each if each in new else None for each in ids]


def _row(posting_id: UUID | None, posting: Posting, uow: UnitOfWork) -> dict[str, Any]:
    return {
        "id": posting_id,
        "kind": posting.kind,
        "cause_type": posting.cause_type,
        "cause_id": posting.cause_id,
        "order_id": posting.order_id,
        "form_of_payment": posting.form_of_payment,
        "channel": posting.channel or uow.actor.channel,
        "seller_id": posting.seller_id,
        "happened_at": posting.happened_at or uow.effective_at,
        "entries": [_entry(number, entry) for number, entry in enumerate(posting.entries, start=1)],
    }


def _entry(number: int, entry: Entry) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(entry)
    return {"number": number, **fields}
