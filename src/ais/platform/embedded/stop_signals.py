"""SIGINT, SIGTERM and SIGHUP as a request that the program asks for, instead of an interruption at any line.

A handler that raises may raise inside a clean-up. Here the handler only notes the signal, and a byte in a pipe wakes
whoever waits, also when the kernel gave the signal to another thread; every place that waits leaves through
`StopRequested` from a line where leaving is safe.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType

STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(SystemExit):
    """The program was asked to end; uncaught it ends the program with 128 + the signal's number and no traceback."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(128 + signal_number)
        self.signal_number = signal_number


class StopSignals:
    """Collects stop signals while it is entered; enter it first of all, in the main thread.

    Outside the main thread Python allows no handlers: there only `request()` stops.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._previous: dict[signal.Signals, Any] = {}
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        os.set_blocking(self._read_end, False)
        self._previous_wakeup = -1

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in STOPPING_SIGNALS:
                self._previous[number] = signal.signal(number, self._on_signal)
            self._previous_wakeup = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._previous:
            signal.set_wakeup_fd(self._previous_wakeup)
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()
        os.close(self._read_end)
        os.close(self._write_end)

    def request(self, signal_number: int = signal.SIGTERM) -> None:
        """Ask for the stop as a signal would; the first one counts."""
        if self.signal_number is None:
            self.signal_number = signal_number
            with contextlib.suppress(BlockingIOError):
                os.write(self._write_end, b"s")

    def check(self) -> None:
        """Raise `StopRequested` if a stop was asked for."""
        if self.signal_number is not None:
            raise StopRequested(self.signal_number)

    def wait(self, seconds: float | None) -> bool:
        """Wait for a stop at most that long (None: for ever); True if one was asked for."""
        until = None if seconds is None else time.monotonic() + seconds
        while self.signal_number is None:
            left_seconds = None if until is None else max(0.0, until - time.monotonic())
            woken, _, _ = select.select([self._read_end], [], [], left_seconds)
            if not woken:
                break
            # The byte may be of a signal that is none of ours; ours is noted before the next turn.
            with contextlib.suppress(BlockingIOError):
                os.read(self._read_end, 4096)
        return self.signal_number is not None

    def _on_signal(self, signal_number: int, _frame: FrameType | None) -> None:
        self.request(signal_number)
