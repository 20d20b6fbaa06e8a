"""``ais verify``: every promise about the stored data, checked by one statement each."""

from __future__ import annotations

import click

from ais.app.cli.edge import with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.app.invariants import INVARIANTS
from ais.platform.database import Database
from ais.platform.invariants import Violation, find_violations
from ais.platform.settings import Settings


@click.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Rows shown of each break.")
@json_option
@click.pass_obj
def verify(output: Output, limit: int) -> None:
    """Check every promise about the stored data.

    Counters against holds, orders against payments and documents, lines against totals, and so on; all on one snapshot,
    so that a sale in progress is seen whole or not at all. Exit code 1 if a promise is broken; its rows are named.
    """

    async def check(database: Database, _settings: Settings) -> list[Violation]:
        return await find_violations(database, INVARIANTS, limit=limit)

    with output.waiting(f"Checking {len(INVARIANTS)} promises"):
        violations = with_database(output, check)
    broken = {violation.invariant.name: violation.rows for violation in violations}
    output.document(
        {
            "holds": not broken,
            "invariants": [
                {
                    "name": each.name,
                    "promise": each.promise,
                    "holds": each.name not in broken,
                    "rows": broken.get(each.name, []),
                }
                for each in INVARIANTS
            ],
        }
    )
    output.table(
        ("Invariant", "State", "Promise"),
        [(each.name, "BROKEN" if each.name in broken else "OK", each.promise) for each in INVARIANTS],
    )
    for violation in violations:
        output.table(
            list(violation.rows[0]),
            [list(row.values()) for row in violation.rows],
            title=f"{violation.invariant.name} is broken by",
        )
    output.say(f"{len(INVARIANTS) - len(broken)} of {len(INVARIANTS)} promises hold.")
    if broken:
        end(NOT_SO)
