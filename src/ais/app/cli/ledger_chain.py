"""The part of ``ais ledger`` that proves: the chain, its heads, the export, and the rules of recognition."""

from __future__ import annotations

from datetime import date

import click

from ais.app.cli.chain import chain_command, export_command, verify_command
from ais.app.cli.edge import DAY, actor, with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.ledger import CHAIN, Item, Moment, RecognitionRule, all_rules, set_recognition_rule
from ais.ledger.exporting import PostingGone, export_chain
from ais.platform.database import Database
from ais.platform.settings import Settings


@click.command("rules")
@click.argument("item", type=click.Choice([each.value for each in Item]), required=False)
@click.argument("moment", type=click.Choice([each.value for each in Moment]), required=False)
@click.option("--from", "valid_from", type=DAY, help="From this day (UTC) on; tomorrow at the earliest.")
@json_option
@click.pass_obj
def rules(output: Output, item: str | None, moment: str | None, valid_from: date | None) -> None:
    """Show when penalties and breakage become revenue, or set it: ITEM MOMENT --from DAY.

    \b
    penalty   cancellation: when the coupon is given up; departure: when the flight departs
    breakage  no_show: when the flight has departed; expiry: when the document has expired

    What was posted before stays as it is. Exit code 1 if the item has a rule from that day.
    """  # noqa: D301  # click reads \b as: keep these lines
    if (item is None) != (valid_from is None) or (item is None) != (moment is None):
        raise click.UsageError("ITEM, MOMENT and --from go together.")

    async def work(database: Database, _settings: Settings) -> tuple[bool, list[RecognitionRule]]:
        added = True
        if item is not None and moment is not None and valid_from is not None:
            async with database.unit_of_work(actor()) as uow:
                added = await set_recognition_rule(uow, Item(item), Moment(moment), valid_from)
        async with database.connection() as connection:
            return added, await all_rules(connection)

    try:
        added, known = with_database(output, work)
    except ValueError as problem:
        raise click.UsageError(f"{problem}.") from None
    output.document({"added": added if item else None, "rules": known})
    output.table(
        ("Item", "Recognised at", "From", "Set by"),
        [(rule.item, rule.moment, rule.valid_from, rule.set_by) for rule in known],
    )
    if not added:
        output.note(f"There is a rule for {item} from {valid_from} already: nothing changed.")
        end(NOT_SO)


CHAIN_COMMANDS = (
    verify_command(CHAIN, "postings"),
    export_command("posting", "postings", export_chain, PostingGone, "docs/verify_ledger_export.py"),
    chain_command(CHAIN, "postings", lambda settings: settings.heads_dir),
    rules,
)
