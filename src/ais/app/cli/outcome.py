"""How a command ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import click

OK, NOT_SO, WRONG_USE, NO_SERVER = 0, 1, 2, 3
"""The exit codes; ``ais --help`` says what each means."""


class Failure(NamedTuple):
    """A command's failure; ``rows`` under ``columns`` are its single mistakes, for people."""

    exit_code: int
    code: str
    sentence: str
    details: dict[str, Any] = {}  # noqa: RUF012  # never written to
    columns: tuple[str, ...] = ()
    rows: Sequence[Sequence[Any]] = ()


def end(code: int) -> NoReturn:
    """End the command with this exit code."""
    click.get_current_context().exit(code)
