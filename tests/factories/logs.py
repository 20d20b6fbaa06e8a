"""What the program in the test's own process logs, at any level."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from structlog._config import BoundLoggerLazyProxy

from ais.platform.telemetry import configure_logging


@contextmanager
def all_logged() -> Iterator[io.StringIO]:
    """Everything that is logged inside the block, down to debug, if what runs in it configures logging so.

    A logger keeps the stream that it wrote to first: all of them are made to look again, before the block and after it,
    so that none is left with a stream that is gone.
    """
    written, before = io.StringIO(), sys.stderr
    _look_again()
    sys.stderr = written
    try:
        yield written
    finally:
        sys.stderr = before
        configure_logging("error", process="tests")
        _look_again()


def _look_again() -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("ais."):
            for value in vars(module).values():
                if isinstance(value, BoundLoggerLazyProxy):
                    vars(value).pop("bind", None)
