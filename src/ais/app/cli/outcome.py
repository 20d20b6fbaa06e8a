"""How a command ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

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


class ServerAway(Exception):
    """A server cannot be used; the text is one sentence without a password."""


def address(url: str) -> str:
    """Host, port and name of a server's URL, without user and password."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname or ''}{port}{parts.path}"


def end(code: int) -> NoReturn:
    """End the command with this exit code."""
    click.get_current_context().exit(code)
