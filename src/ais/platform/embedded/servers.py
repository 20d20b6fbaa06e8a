"""Both embedded servers of one data folder, for the demo and for development."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Self

from ais.platform.embedded import processes
from ais.platform.embedded.errors import EmbeddedServerError
from ais.platform.embedded.placement import make_folder
from ais.platform.embedded.postgres import EmbeddedPostgres
from ais.platform.embedded.supervisor import Report, Supervisor, silent
from ais.platform.embedded.valkey import EmbeddedValkey

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from ais.platform.embedded.stop_signals import StopSignals

_DATA_DIR_MODE = 0o711


class EmbeddedServers:
    """PostgreSQL in `data_dir/postgres` and Valkey in `data_dir/valkey`, started on entering, ended on leaving.

    A URL that is given is used as it is and its server is not started. `supervisor` shares the caller's, whose
    `run()` then also ends when a server cannot be kept running.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        database_url: str | None = None,
        redis_url: str | None = None,
        fast: bool = False,
        stop: StopSignals | None = None,
        supervisor: Supervisor | None = None,
        report: Report = silent,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self._own_supervisor = supervisor is None
        self.supervisor = supervisor or Supervisor(stop=stop, report=report, folder=data_dir)
        self._report = report
        self._database_url = database_url
        self._redis_url = redis_url
        self.postgres = (
            EmbeddedPostgres(self.data_dir / "postgres", supervisor=self.supervisor, fast=fast, report=report)
            if database_url is None
            else None
        )
        self.valkey = (
            EmbeddedValkey(self.data_dir / "valkey", supervisor=self.supervisor, report=report)
            if redis_url is None
            else None
        )

    def __enter__(self) -> Self:
        try:
            if self.postgres is not None or self.valkey is not None:
                make_folder(self.data_dir, _DATA_DIR_MODE)
            self._end_orphans()
            for server in (self.postgres, self.valkey):
                if server is not None:
                    server.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def database_url(self) -> str:
        """The database's address, embedded or given."""
        return self.postgres.url() if self.postgres is not None else self._database_url or ""

    @property
    def redis_url(self) -> str:
        """The cache's address, embedded or given."""
        return self.valkey.url() if self.valkey is not None else self._redis_url or ""

    def close(self) -> None:
        """End both servers."""
        children = (server.child for server in (self.valkey, self.postgres) if server is not None)
        self.supervisor.stop([child for child in children if child is not None])
        for server in (self.valkey, self.postgres):
            if server is not None:
                server.stop()
        if self._own_supervisor:
            self.supervisor.close()

    def _end_orphans(self) -> None:
        """End what supervisors of this folder that were killed have left (web, worker, and what those started)."""
        if not processes.orphans_of(self.data_dir):
            return
        self._report("Processes of an earlier run of this data folder still run; they are ended first.")
        escalation = ((signal.SIGTERM, 3.0), (signal.SIGKILL, 2.0))
        if not processes.end_processes(lambda: processes.orphans_of(self.data_dir), escalation, self.supervisor.pause):
            message = f"Processes of an earlier run of {self.data_dir} cannot be ended."
            raise EmbeddedServerError(message)
