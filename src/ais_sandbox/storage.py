"""One SQLite file per stand-in, durable against the death of the process.

The file is in write-ahead mode with `synchronous=NORMAL`: a commit has been handed to the operating system before it
returns, so that killing the process with signal 9 loses nothing that was answered. Only a crash of the machine can
lose the last moments, which a stand-in may.
"""

import contextlib
import fcntl
import sqlite3
from collections.abc import Iterator
from pathlib import Path


class StorageInUseError(RuntimeError):
    """Another process has the data directory open."""


class Storage:
    """A SQLite connection used from one thread, with one level of transactions."""

    def __init__(self, directory: Path, file_name: str) -> None:
        """Open `directory / file_name`, creating both. `StorageInUseError` if another process has it."""
        directory.mkdir(parents=True, exist_ok=True)
        # Two processes on one file would each believe that they alone deliver its webhooks. The lock ends with the
        # process, however it ends.
        self._lock = (directory / f"{file_name}.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            message = f"The data directory {directory} is used by another process."
            raise StorageInUseError(message) from error
        self.connection = sqlite3.connect(directory / file_name, isolation_level=None, cached_statements=256)
        self.connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-8000"):
            self.connection.execute(f"PRAGMA {pragma}")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another transaction it is part of that one."""
        if self.connection.in_transaction:
            yield
            return
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Inside a transaction: undo only what happened in here when it raises."""
        self.connection.execute("SAVEPOINT step")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO step")
            self.connection.execute("RELEASE step")
            raise
        self.connection.execute("RELEASE step")

    def close(self) -> None:
        """Close the file and give the data directory free."""
        self.connection.close()
        self._lock.close()
