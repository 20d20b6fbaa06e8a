"""One SQLite file per stand-in, durable against the death of the process.

The file is in write-ahead mode with `synchronous=NORMAL`: a commit has been handed to the operating system before it
returns, so that killing the process with signal 9 loses nothing that was answered. Only a crash of the machine can
lose the last moments, which a stand-in may.
"""

import contextlib
import fcntl
import sqlite3
from collections.abc import Callable, Iterator
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
        self.commit_later: Callable[[], object] | None = None
        self._inside = False
        self.connection = sqlite3.connect(directory / file_name, isolation_level=None, cached_statements=256)
        self.connection.row_factory = sqlite3.Row
        # Nobody else may have the file, so that SQLite need not ask the kernel for a lock at each transaction.
        pragmas = ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON")
        for pragma in (*pragmas, "cache_size=-8000"):
            self.connection.execute(f"PRAGMA {pragma}")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another transaction it is part of that one.

        With `commit_later` set the work is durable only after `commit`, which that function arranges: transactions of
        one moment then share one write to the disk, and nothing of them may be shown before.
        """
        if self._inside:
            yield
            return
        self._open()
        self._inside = True
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO step")
            raise
        finally:
            self._inside = False
            self.connection.execute("RELEASE step")
            if self.commit_later is None:
                self.commit()

    def add_missing_column(self, table: str, column: str, declaration: str) -> None:
        """Give a table of an older release the column that it lacks."""
        names = {row["name"] for row in self.connection.execute(f"PRAGMA table_info({table})")}
        if column not in names:
            self.connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {declaration}")

    def commit(self) -> None:
        """Make what was done durable; without effect when nothing was."""
        if self.connection.in_transaction:
            self.connection.execute("COMMIT")

    def _open(self) -> None:
        if not self.connection.in_transaction:
            self.connection.execute("BEGIN IMMEDIATE")
            if self.commit_later is not None:
                self.commit_later()
        self.connection.execute("SAVEPOINT step")

    def close(self) -> None:
        """Make what was done durable, close the file and give the data directory free."""
        self.commit()
        self.connection.close()
        self._lock.close()
