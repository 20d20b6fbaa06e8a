"""Which versions begin and which end when rows are filed: nothing is ever overwritten.

A key (such as a fare in its market) may have several versions whose sale periods do not overlap. Filing rows of a key
states all of that key: what differs from the rows ends where the first new version begins. Keys that are not filed are
left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta

import msgspec


class FiledRow(msgspec.Struct, frozen=True):
    """A filed row: its key, the digest of everything it says, and the sale dates it says (both ends included)."""

    key: str
    digest: bytes
    sale_from: date | None
    sale_until: date | None


class StoredVersion(msgspec.Struct, frozen=True):
    """A stored version of a key, whether it is still sold or not."""

    id: int
    key: str
    digest: bytes
    sale_starts_at: datetime
    sale_ends_at: datetime | None
    is_superseded: bool

    def lasts_beyond(self, at: datetime) -> bool:
        """Whether it is still to be sold after that instant."""
        return self.sale_ends_at is None or self.sale_ends_at > max(at, self.sale_starts_at)


class NewVersion(msgspec.Struct, frozen=True):
    """Row number ``row`` of the filing becomes a version with this sale period."""

    row: int
    sale_starts_at: datetime
    sale_ends_at: datetime | None


class EndedVersion(msgspec.Struct, frozen=True):
    """A stored version that is replaced, with the instant at which its sale ends now."""

    id: int
    sale_ends_at: datetime


class VersionPlan(msgspec.Struct, frozen=True):
    """What a filing changes; ``unchanged`` and ``past`` count rows that change nothing because they are stored as they
    are, or because their sale is over.
    """

    begins: tuple[NewVersion, ...]
    ends: tuple[EndedVersion, ...]
    unchanged: int
    past: int


def midnight(day: date) -> datetime:
    """The instant at which a sale date begins."""
    return datetime.combine(day, time(), UTC)


def plan_versions(rows: Sequence[FiledRow], stored: Iterable[StoredVersion], now: datetime) -> VersionPlan:
    """The versions that begin and end when ``rows`` are filed at ``now``; ``stored`` are all versions of their keys.

    A first version of a key is on sale from its sale date (or from the day of filing, if it names none); one that
    replaces another never begins before ``now``. The same rows again change nothing, whatever the time.
    """
    by_key: dict[str, list[StoredVersion]] = {}
    for version in stored:
        by_key.setdefault(version.key, []).append(version)
    rows_by_key: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        rows_by_key.setdefault(row.key, []).append(number)
    begins: list[NewVersion] = []
    ends: list[EndedVersion] = []
    unchanged = past = 0
    for key, numbers in rows_by_key.items():
        present = by_key.get(key, [])
        same = {version.digest: version for version in present if not version.is_superseded}
        lasting = [version for version in present if not version.is_superseded or version.lasts_beyond(now)]
        changed = [number for number in numbers if rows[number].digest not in same]
        unchanged += len(numbers) - len(changed)
        if not changed:
            continue
        kept = {same[rows[number].digest].id for number in numbers if rows[number].digest in same}
        replaced = [version for version in lasting if version.id not in kept]
        new = [_begin(rows[number], number, now, is_first=not present) for number in changed]
        sold = [version for version in new if version is not None]
        past += len(new) - len(sold)
        begins += sold
        turn = min([now if version is None else max(now, version.sale_starts_at) for version in new])
        if not sold:
            turn = now
        ends += [_end(version, turn) for version in replaced]
    return VersionPlan(tuple(begins), tuple(ends), unchanged, past)


def _begin(row: FiledRow, number: int, now: datetime, *, is_first: bool) -> NewVersion | None:
    """The version that a row becomes, or None if its sale is over."""
    start = midnight(row.sale_from or now.date())
    if not is_first:
        start = max(start, now)
    end = None if row.sale_until is None else midnight(row.sale_until + timedelta(days=1))
    if end is not None and end <= max(start, now):
        return None
    return NewVersion(number, start, end)


def _end(version: StoredVersion, turn: datetime) -> EndedVersion:
    """A replaced version sells until ``turn``, never longer than before; one that has not begun is never sold."""
    end = turn if version.sale_ends_at is None else min(version.sale_ends_at, turn)
    return EndedVersion(version.id, max(end, version.sale_starts_at))
