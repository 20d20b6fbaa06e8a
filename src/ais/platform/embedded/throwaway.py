"""Folders for servers that live as long as a test run: in memory where there is room, swept when a run was killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "ais-test-servers-"
_MEMORY = Path("/dev/shm")  # noqa: S108 folders in it are made by mkdtemp
_ROOM_BYTES = 3 * 1024**3
_AVAILABLE_BYTES = 5 * 1024**3
_YOUNG_SECONDS = 60.0


@contextlib.contextmanager
def throwaway_folder() -> Iterator[Path]:
    """A new folder that any user can pass through; removed at the end, or by the next caller after a kill.

    In memory a database is created from a template 5 to 10 times faster than on a disk that others write to.
    """
    base = _MEMORY if _has_room(_MEMORY) else Path(tempfile.gettempdir())
    _sweep(base)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    folder.chmod(0o711)
    descriptor = os.open(folder / "in-use", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _has_room(folder: Path) -> bool:
    try:
        space = os.statvfs(folder)
        amounts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        memory = int(amounts["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        return False
    free_bytes = space.f_bavail * space.f_frsize
    return os.access(folder, os.W_OK) and free_bytes >= _ROOM_BYTES and memory >= _AVAILABLE_BYTES


def _sweep(base: Path) -> None:
    """Remove folders of ours that nobody holds: their run was killed."""
    for folder in base.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.lstat().st_uid != os.geteuid() or time.time() - folder.lstat().st_mtime < _YOUNG_SECONDS:
                continue
            descriptor = os.open(folder / "in-use", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
