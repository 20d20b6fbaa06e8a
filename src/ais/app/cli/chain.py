"""The commands that every hash chain has, the books' and the audit trail's: ``verify``, ``chain`` and ``export``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, TextIO

import click
from msgspec.structs import asdict

from ais.app.cli.edge import actor, with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.kit import Actor
from ais.platform.chain import Chain, ChainBody, ChainReport, FolderSink, HeadFileError, SignedHead, read_heads
from ais.platform.database import Database
from ais.platform.settings import Settings
from ais.platform.signatures import PublicKeys, SigningKeyError, SigningKeys

HeadsFolder = Callable[[Settings], Path]


class WriteChain(Protocol):
    """Writes all that is chained to a stream as CSV or JSON lines, and answers how many rows there were."""

    async def __call__(
        self, database: Database, actor: Actor, target: TextIO, form: str, tell: Callable[[int, int], None], /
    ) -> int: ...


def verify_command(chain: Chain, nouns: str) -> click.Command:
    """``verify`` of a chain whose rows are ``nouns`` to people."""

    @click.command(
        "verify",
        help=f"""Walk the whole chain of {nouns} and name the first link that is not what it was.

        Without --anchors an edit is found unless every later hash was written anew; with them that is found too,
        between the last head that agrees and the first that does not. Exit code 1 if the chain is broken.""",
    )
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
        heads = _heads_of(anchors)
        try:
            keys = PublicKeys.parse(public_keys) if public_keys else None
        except SigningKeyError as problem:
            raise click.BadParameter(f"{problem}.", param_hint="--public-keys") from None

        with output.progress("Walking the chain") as tell:

            async def walk(database: Database, settings: Settings) -> ChainReport:
                known = keys or SigningKeys(settings.ledger_signing_keys).public
                return await chain.verify(database, heads, known, tell)

            _tell(output, chain, nouns, with_database(output, walk), anchored=bool(heads))

    return verify


def _heads_of(anchors: Path | None) -> list[SignedHead]:
    if anchors is None:
        return []
    try:
        heads = read_heads(anchors)
    except HeadFileError as problem:
        raise click.BadParameter(str(problem), param_hint="--anchors") from None
    if not heads:
        raise click.BadParameter(f"there are no heads in {anchors}.", param_hint="--anchors")
    return heads


def _tell(output: Output, chain: Chain, nouns: str, report: ChainReport, *, anchored: bool) -> None:
    broken = report.broken
    document = asdict(report)
    if broken is not None:
        document["broken"] = {
            chain.table.key if name == "row_id" else name: value for name, value in asdict(broken).items()
        }
    output.document({"holds": broken is None, **document})
    output.say(f"{report.length} {nouns} hold, {report.anchors} signed heads agree, {report.waiting} {nouns} wait.")
    if broken is None:
        output.say(f"The chain ends with {report.hash}.")
        return
    of = f" ({chain.table.noun} {broken.row_id})" if broken.row_id else ""
    output.say(f"BROKEN at position {broken.position}{of}: {broken.reason}.")
    if anchored:
        output.say(f"Up to position {broken.since} the heads agree.")
    end(NOT_SO)


def chain_command(chain: Chain, nouns: str, heads_folder: HeadsFolder) -> click.Command:
    """``chain``: where a chain stands; its heads go to ``heads_folder``."""

    @click.command(
        "chain",
        help=f"""Show where the chain stands, how many {nouns} wait, the newest signed head and the key that signs.

        Exit code 0, also if there never was anything to chain.""",
    )
    @click.option("--extend", is_flag=True, help="Chain now what waits, as the worker does every few seconds.")
    @click.option("--sign", is_flag=True, help="Sign the end now and send it away, as the worker does every hour.")
    @json_option
    @click.pass_obj
    def show(output: Output, extend: bool, sign: bool) -> None:
        async def look(database: Database, settings: Settings) -> tuple[ChainBody, PublicKeys, Path]:
            keys, folder = SigningKeys(settings.ledger_signing_keys), heads_folder(settings)
            if extend:
                await chain.extend_to_the_end(database, actor())
            if sign:
                await chain.sign_head(database, keys, [FolderSink(folder)])
            async with database.connection() as connection:
                return await chain.status(connection), keys.public, folder

        status, public, folder = with_database(output, look)
        document = asdict(status)
        output.document({**document, "public_keys": public.written(), "heads_dir": str(folder)})
        output.table(
            ("What", "Now"), [(name.replace("_", " ").capitalize(), value) for name, value in document.items()]
        )
        output.say(f"Public keys: {public.written()}")
        output.say(f"Signed heads go to {folder}.")

    return show


def export_command(noun: str, nouns: str, write: WriteChain, gone: type[Exception], verifier: str) -> click.Command:
    """``export`` of a chain whose rows are ``nouns`` to people; ``write`` raises ``gone`` where one is missing, and
    ``verifier`` is the script by which others prove what was written.
    """

    @click.command(
        "export",
        help=f"""Write every chained {noun} to FILE (- for standard output), as CSV or JSON lines.

        {verifier} verifies either without this program. Exit code 1 if one of the {nouns} is gone.""",
    )
    @click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
    @click.option(
        "--format", "form", type=click.Choice(("csv", "jsonl")), help="By the file's ending if it is not given."
    )
    @json_option
    @click.pass_obj
    def export(output: Output, file: Path, form: str | None) -> None:
        chosen = form or {".csv": "csv", ".jsonl": "jsonl"}.get(file.suffix)
        if chosen is None:
            raise click.BadParameter("say csv or jsonl, or name the file so.", param_hint="--format")
        to_stdout = str(file) == "-"
        with ExitStack() as stack:
            target = sys.stdout if to_stdout else stack.enter_context(file.open("w", encoding="utf-8", newline=""))
            tell = stack.enter_context(output.progress("Exporting"))

            async def work(database: Database, _settings: Settings) -> int:
                return await write(database, actor(), target, chosen, tell)

            try:
                written = with_database(output, work)
            except gone as problem:
                output.note(str(problem))
                end(NOT_SO)
        if not to_stdout:
            output.document({"file": str(file), "format": chosen, nouns: written})
            output.say(f"{written} {nouns} are in {file}.")

    return export
