"""Where a list goes on: the time and id of its last row, in one opaque word."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from uuid import UUID

from ais.kit import ValidationFailed


def write_cursor(moment: datetime, identifier: str) -> str:
    """The word for the row after which the list goes on."""
    return base64.urlsafe_b64encode(f"{moment.isoformat()} {identifier}".encode()).decode()


def read_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """What :func:`write_cursor` wrote; raises :class:`ValidationFailed` for anything else."""
    if cursor is None:
        return None
    try:
        moment, _, identifier = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return datetime.fromisoformat(moment).astimezone(UTC), identifier
    except (ValueError, binascii.Error):
        raise ValidationFailed([("cursor", "is not a cursor of ours")]) from None


def read_id_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The same for rows whose id is a uuid."""
    found = read_cursor(cursor)
    try:
        return (found[0], UUID(found[1])) if found is not None else None
    except ValueError:
        raise ValidationFailed([("cursor", "is not a cursor of ours")]) from None
