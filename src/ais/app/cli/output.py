"""What a command says: tables or one JSON document on standard output, everything else on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from ais.app.cli.outcome import Failure
    from ais.schedule import Progress

PIPE_WIDTH = 200
SHOWN_ROWS = 40


class Output:
    """Where a command speaks. ``as_json`` is set by ``--json``: then tables and headings are not written at all."""

    def __init__(self) -> None:
        self.as_json = False

    @cached_property
    def console(self) -> Console:
        """Standard output; wide where nobody looks at a terminal, so that a pipe gets whole lines."""
        from rich.console import Console

        return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, soft_wrap=False)

    @cached_property
    def notes(self) -> Console:
        """Standard error."""
        from rich.console import Console

        return Console(stderr=True, highlight=False, soft_wrap=True)

    def note(self, sentence: str) -> None:
        """Say something about the work on standard error."""
        click.echo(sentence, err=True)

    def say(self, line: str = "") -> None:
        """A line between tables."""
        if not self.as_json:
            click.echo(line)

    def document(self, value: Any) -> None:
        """The answer for a program; does nothing without ``--json``."""
        if self.as_json:
            import msgspec

            text = msgspec.json.format(msgspec.json.encode(value, enc_hook=_encode), indent=2)
            click.echo(text.decode())

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]],
        *,
        title: str | None = None,
        at_most: int | None = None,
        empty: str = "There is nothing to show.",
    ) -> None:
        """Rows for people; does nothing with ``--json``. A column whose name ends in ``>`` is set to the right.

        Of more than ``at_most`` rows the first are shown and the rest counted; ``empty`` is said where there is none.
        """
        if self.as_json:
            return
        everything = list(rows)
        if not everything:
            self.say(f"{title}: {empty}" if title else empty)
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
        for column in columns:
            is_number = column.endswith(">")
            table.add_column(column.rstrip(">"), justify="right" if is_number else "left", overflow="fold")
        shown = everything if at_most is None else everything[:at_most]
        for row in shown:
            table.add_row(*(Text(_cell(value)) for value in row))
        self.console.print(table)
        if len(shown) < len(everything):
            self.say(f"… and {len(everything) - len(shown)} more; --json has them all.")

    def limited(self, limit: int, found: int) -> None:
        """Say on standard error that a list may go on, if ``--limit`` has been reached."""
        if found >= limit:
            self.note(f"At most {limit} are shown; --limit shows more.")

    def failure(self, failure: Failure) -> None:
        """Say why the command failed; with ``--json`` as a document too."""
        self.note(failure.sentence)
        self.document({"error": {"code": failure.code, "message": failure.sentence, **failure.details}})
        if failure.rows:
            self.table(failure.columns, failure.rows)

    @contextmanager
    def progress(self, what: str) -> Iterator[Progress]:
        """A bar on standard error, if that is a terminal; call what is given with how much is done, of how much."""
        if not self.notes.is_terminal:
            yield lambda _done, _total: None
            return
        from ais.app.progress_bar import progress_bar

        with progress_bar(self.notes, what) as progress:
            yield progress

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """A sign of life on standard error, if that is a terminal, for work that cannot count itself."""
        with self.progress(what):
            yield


def _set_json(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:  # click's shape
    ctx.find_root().obj.as_json = value


json_option = click.option(
    "--json",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_set_json,
    help="One JSON document instead of tables.",
)


def _encode(value: Any) -> Any:
    """Mappings that are not dicts; anything else is a mistake of the command."""
    if hasattr(value, "items"):
        return dict(value.items())
    return str(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_cell, value))
    return str(value)
