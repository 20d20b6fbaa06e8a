"""The state tables of the packages, and the rows and triggers that the migrations write: the two must be the same."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import asyncpg
from tools.whole_program import all_state_tables

Moves = Mapping[str, set[tuple[str, str]]]


def mistakes(stated: Moves, written: Moves, enforced: set[str]) -> list[str]:
    """What differs, one sentence each: ``stated`` in Python, ``written`` by migrations, ``enforced`` by a trigger."""
    found = []
    for aggregate in sorted({*stated, *written}):
        in_code, in_database = stated.get(aggregate, set()), written.get(aggregate, set())
        found.extend(
            f"{aggregate}: {before} -> {after} is in the program's table, not in the database's."
            for before, after in sorted(in_code - in_database)
        )
        found.extend(
            f"{aggregate}: {before} -> {after} is in the database's table, not in the program's."
            for before, after in sorted(in_database - in_code)
        )
    found.extend(f"{aggregate}: no trigger enforces its moves." for aggregate in sorted(set(written) - enforced))
    found.extend(f"{aggregate}: a trigger enforces a table without moves." for aggregate in enforced - set(written))
    return found


async def read_written(url: str) -> tuple[dict[str, set[tuple[str, str]]], set[str]]:
    """The moves by aggregate as the database at ``url`` has them, and the aggregates that a trigger enforces."""
    connection = await asyncpg.connect(url)
    try:
        written: dict[str, set[tuple[str, str]]] = {}
        for row in await connection.fetch("SELECT aggregate, from_state, to_state FROM transitions"):
            written.setdefault(row["aggregate"], set()).add((row["from_state"], row["to_state"]))
        triggers = await connection.fetch(
            "SELECT pg_get_triggerdef(oid) AS text FROM pg_trigger WHERE tgfoid = 'enforce_transition'::regproc"
        )
    finally:
        await connection.close()
    named = (re.search(r"enforce_transition\('([^']+)'", row["text"]) for row in triggers)
    return written, {found[1] for found in named if found}


def main() -> None:
    """Exit code 1 and one line per difference if there are any."""
    from ais.platform.embedded import SharedServers
    from ais.platform.migration import migrate

    stated = {aggregate: set(table) for aggregate, table in all_state_tables().items()}
    with (
        tempfile.TemporaryDirectory(prefix="ais-state-tables-") as folder,
        SharedServers(Path(folder)).private_postgres() as server,
    ):
        migrate(server.url())
        written, enforced = asyncio.run(read_written(server.url()))
    found = mistakes(stated, written, enforced)
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
