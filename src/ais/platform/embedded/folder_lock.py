"""A lock on a data folder that ends with its holder, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import TYPE_CHECKING

from ais.platform.embedded.errors import EmbeddedServerError, FolderInUseError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE_SECONDS = 1.0


class FolderLock:
    """An exclusive lock on `folder/lock`, which names the holder's process."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "lock"
        self._folder = folder
        self._descriptor: int | None = None

    def take(self, pause: Callable[[float], None], *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Take the lock; waits a second, because a program that was just killed may be about to let go.

        Raises `FolderInUseError` when another running program holds it.
        """
        try:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            message = f"The data folder {self._folder} cannot be used: {self._file.name}: {error.strerror}."
            raise EmbeddedServerError(message) from error
        try:
            self._wait_for(descriptor, pause, patience_seconds)
        except BaseException:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _wait_for(self, descriptor: int, pause: Callable[[float], None], patience_seconds: float) -> None:
        until = time.monotonic() + patience_seconds
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            if time.monotonic() > until:
                holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
                message = f"The data folder {self._folder} is in use by another running program (process {holder})."
                raise FolderInUseError(message)
            pause(0.05)
