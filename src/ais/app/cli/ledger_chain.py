"""The part of ``ais ledger`` that proves: the chain, its heads, the export, and the rules of recognition."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import click

from ais.app.cli.edge import DAY, actor, with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.ledger import (
    ChainReport,
    FolderSink,
    HeadFileError,
    Item,
    Moment,
    RecognitionRule,
    SignedHead,
    all_rules,
    chain_everything,
    read_heads,
    set_recognition_rule,
    sign_head,
    verify_chain,
)
from ais.ledger.exporting import PostingGone, export_chain
from ais.ledger.schemas import ChainBody
from ais.ledger.service.reading import chain_status
from ais.platform.database import Database
from ais.platform.settings import Settings
from ais.platform.signatures import PublicKeys, SigningKeyError, SigningKeys


@click.command("verify")
@click.option(
    "--anchors",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of signed heads that the database's owner could not change; see AIS_LEDGER_HEADS_DIR.",
)
@click.option(
    "--public-keys",
    metavar="KEYS",
    help="name:base64url of the keys that signed them, comma separated; those of the settings if it is not given.",
)
@json_option
@click.pass_obj
def verify(output: Output, anchors: Path | None, public_keys: str | None) -> None:
    """Walk the whole chain of postings and name the first link that is not what it was.

    Without --anchors an edit is found unless every later hash was written anew; with them that is found too, between
    the last head that agrees and the first that does not. Exit code 1 if the chain is broken.
    """
    heads: list[SignedHead] = []
    if anchors is not None:
        try:
            heads = read_heads(anchors)
        except HeadFileError as problem:
            raise click.BadParameter(str(problem), param_hint="--anchors") from None
        if not heads:
            raise click.BadParameter(f"there are no heads in {anchors}.", param_hint="--anchors")
    try:
        keys = PublicKeys.parse(public_keys) if public_keys else None
    except SigningKeyError as problem:
        raise click.BadParameter(f"{problem}.", param_hint="--public-keys") from None

    with output.progress("Walking the chain") as tell:

        async def walk(database: Database, settings: Settings) -> ChainReport:
            known = keys or SigningKeys(settings.ledger_signing_keys).public
            return await verify_chain(database, heads, known, tell)

        report = with_database(output, walk)
    output.document({"holds": report.broken is None, **{n: getattr(report, n) for n in report.__struct_fields__}})
    output.say(f"{report.length} postings hold, {report.anchors} signed heads agree, {report.waiting} postings wait.")
    if report.broken is None:
        output.say(f"The chain ends with {report.hash}.")
        return
    broken = report.broken
    of = f" (posting {broken.posting_id})" if broken.posting_id else ""
    output.say(f"BROKEN at position {broken.position}{of}: {broken.reason}.")
    if heads:
        output.say(f"Up to position {broken.since} the heads agree.")
    end(NOT_SO)


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(("csv", "jsonl")), help="By the file's ending if it is not given.")
@json_option
@click.pass_obj
def export(output: Output, file: Path, form: str | None) -> None:
    """Write every chained posting to FILE (- for standard output), as CSV or JSON lines.

    docs/verify_ledger_export.py verifies either without this program. Exit code 1 if a posting is gone.
    """
    chosen = form or {".csv": "csv", ".jsonl": "jsonl"}.get(file.suffix)
    if chosen is None:
        raise click.BadParameter("say csv or jsonl, or name the file so.", param_hint="--format")
    to_stdout = str(file) == "-"
    with ExitStack() as stack:
        target = sys.stdout if to_stdout else stack.enter_context(file.open("w", encoding="utf-8", newline=""))
        tell = stack.enter_context(output.progress("Exporting"))

        async def write(database: Database, _settings: Settings) -> int:
            return await export_chain(database, target, chosen, tell)

        try:
            written = with_database(output, write)
        except PostingGone as problem:
            output.note(str(problem))
            end(NOT_SO)
    if not to_stdout:
        output.document({"file": str(file), "format": chosen, "postings": written})
        output.say(f"{written} postings are in {file}.")


@click.command("chain")
@click.option("--extend", is_flag=True, help="Chain now what waits, as the worker does every few seconds.")
@click.option("--sign", is_flag=True, help="Sign the end now and send it away, as the worker does every hour.")
@json_option
@click.pass_obj
def chain(output: Output, extend: bool, sign: bool) -> None:
    """Show where the chain stands, how many postings wait, the newest signed head and the key that signs.

    Exit code 0, also if nothing was ever posted.
    """

    async def look(database: Database, settings: Settings) -> tuple[ChainBody, PublicKeys, Path]:
        keys = SigningKeys(settings.ledger_signing_keys)
        if extend:
            await chain_everything(database, actor())
        if sign:
            await sign_head(database, keys, [FolderSink(settings.heads_dir)])
        async with database.connection() as connection:
            return await chain_status(connection), keys.public, settings.heads_dir

    status, public, folder = with_database(output, look)
    document = {name: getattr(status, name) for name in status.__struct_fields__}
    output.document({**document, "public_keys": public.written(), "heads_dir": str(folder)})
    output.table(("What", "Now"), [(name.replace("_", " ").capitalize(), value) for name, value in document.items()])
    output.say(f"Public keys: {public.written()}")
    output.say(f"Signed heads go to {folder}.")


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


CHAIN_COMMANDS = (verify, export, chain, rules)
