"""Promises about stored data that one SQL statement can check: what ``ais verify`` runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from ais.platform.database import Connection, Database


class Invariant(msgspec.Struct, frozen=True):
    """``sql`` returns the rows that break ``promise``; none means that it holds."""

    name: str
    promise: str
    sql: str


class Violation(msgspec.Struct, frozen=True):
    """An invariant and the first rows that break it."""

    invariant: Invariant
    rows: list[dict[str, Any]]


async def find_violations(database: Database, invariants: Iterable[Invariant], *, limit: int = 20) -> list[Violation]:
    """Every invariant that does not hold, each with up to ``limit`` offending rows.

    All statements run on one snapshot, so that a sale in progress is seen whole or not at all.
    """
    async with database.connection() as connection:
        return await find_violations_on(connection, invariants, limit=limit)


async def find_violations_on(
    connection: Connection, invariants: Iterable[Invariant], *, limit: int = 20
) -> list[Violation]:
    """:func:`find_violations` on a connection, which remembers how the statements are done: again is cheaper."""
    violations = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("SET LOCAL statement_timeout = 0")
        for invariant in invariants:
            rows = await connection.fetch(f"SELECT * FROM ({invariant.sql}) AS offending LIMIT {limit:d}")  # noqa: S608  # the statement is a constant of a package
            if rows:
                violations.append(Violation(invariant, [dict(row) for row in rows]))
    return violations
