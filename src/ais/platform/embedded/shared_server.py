"""One PostgreSQL and one Valkey for all processes of a test run, with a database per test.

A holder process of its own runs the servers. Whoever uses
them holds a shared lock on a file in the folder; the holder ends when that lock is free, so the servers live exactly
as long as somebody uses them, however the users end, and leave nothing behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ais.platform.embedded.cluster import SUPERUSER
from ais.platform.embedded.errors import EmbeddedServerError
from ais.platform.embedded.placement import installed_version, make_folder
from ais.platform.embedded.ports import ADDRESS
from ais.platform.embedded.postgres import EmbeddedPostgres, psql_call
from ais.platform.embedded.processes import start_time
from ais.platform.embedded.stop_signals import StopRequested, StopSignals
from ais.platform.embedded.supervisor import Supervisor
from ais.platform.embedded.template import copied_cluster, template_cluster
from ais.platform.embedded.throwaway import throwaway_folder
from ais.platform.embedded.valkey import EmbeddedValkey, ValkeyAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

CACHE_DATABASES = 512
_TEMPLATE_FORMAT = 1
_START_WITHIN_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.2
_END_WITHIN_SECONDS = 1.5
_HOLDER = f"import sys; from {__name__} import main; sys.exit(main())"


class SharedServers:
    """A user's view of the servers of a test run; enter it once per process (a session-wide fixture).

    `run_dir` is a folder that all processes of the run share and no other run. `template_dir` caches a cluster
    between runs; by default it lies in the system's temporary directory.
    """

    def __init__(self, run_dir: Path, *, template_dir: Path | None = None) -> None:
        self.run_dir = run_dir.resolve()
        self._template_dir = template_dir or _default_template_dir()
        self._users: int | None = None
        self._addresses: dict[str, str] = {}
        self._holder: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._users = self._become_user()
        try:
            with self._alone("start"):
                self._addresses = self._running() or self._start_holder()
        except BaseException:
            os.close(self._users)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._users is not None:
            os.close(self._users)
            self._users = None
        if self._holder is not None:
            # Without other users it ends now; with them its thread reaps it later.
            self._holder.join(_END_WITHIN_SECONDS)

    def database_url(self, name: str = "postgres") -> str:
        """Address of a database of the server, with superuser and password."""
        address = self._addresses
        return f"postgresql://{SUPERUSER}:{address['password']}@{ADDRESS}:{address['port']}/{name}"

    def template(self, name: str, build: Callable[[str], None]) -> str:
        """Make the template database `name` once per run: `build` gets its URL and leaves no connection open.

        Returns the name. When `build` fails the database is dropped and the error raised.
        """
        with self._alone(f"template-{name}"):
            if name in self.run_sql("SELECT datname FROM pg_database WHERE datistemplate").splitlines():
                return name
            self.run_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            self.run_sql(f"CREATE DATABASE {name}")
            try:
                build(self.database_url(name))
            except BaseException:
                self.run_sql(f"DROP DATABASE {name} WITH (FORCE)")
                raise
            self.run_sql(f"ALTER DATABASE {name} WITH IS_TEMPLATE true")
        return name

    @contextlib.contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """A database of one test, copied from the template and dropped afterwards; yields its URL."""
        name = f"test_{secrets.token_hex(8)}"
        self.run_sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self.database_url(name)
        finally:
            self.run_sql(f"DROP DATABASE {name} WITH (FORCE)")

    def cache_url(self) -> str:
        """Address of an empty Valkey database that no test of this run has used among the last 511."""
        with self._alone("cache"):
            counter = self.run_dir / "cache-databases"
            number = int(counter.read_text()) if counter.exists() else 0
            counter.write_text(str(number + 1))
        database = number % CACHE_DATABASES
        valkey = ValkeyAddress(int(self._addresses["valkey_port"]), self._addresses["valkey_password"])
        valkey.command("FLUSHDB", database=database)
        return valkey.url(database)

    @contextlib.contextmanager
    def private_postgres(self, settings: Mapping[str, str] | None = None) -> Iterator[EmbeddedPostgres]:
        """A running server of the test's own, to kill or to restart, with an empty database `ais`; 0.2 s."""
        with throwaway_folder() as folder:
            server = EmbeddedPostgres(folder / "postgres", fast=True, settings=settings)
            try:
                copied_cluster(template_cluster(self._template_dir), server.data_dir)
                server.start()
                yield server
            finally:
                server.stop()
                server.remove_placed_files()

    def run_sql(self, sql: str) -> str:
        """Run a statement in the database `postgres` and return its unaligned rows."""
        argv, environment = psql_call(int(self._addresses["port"]), self._addresses["password"], "postgres", sql)
        done = subprocess.run(  # noqa: S603 our own program
            argv, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0:
            message = f"The test server refused a statement: {done.stderr.strip()}"
            raise EmbeddedServerError(message)
        return done.stdout.strip()

    def _become_user(self) -> int:
        """The lock on `users`, shared; taken anew when a holder that ended removed the file while we waited for it."""
        while True:
            self.run_dir.mkdir(parents=True, exist_ok=True)
            users = os.open(self.run_dir / "users", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(users, fcntl.LOCK_SH)
            with contextlib.suppress(FileNotFoundError):
                if (self.run_dir / "users").stat().st_ino == os.fstat(users).st_ino:
                    return users
            os.close(users)

    @contextlib.contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        descriptor = os.open(self.run_dir / f"{what}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _running(self) -> dict[str, str]:
        try:
            addresses: dict[str, str] = json.loads((self.run_dir / "servers.json").read_text())
        except FileNotFoundError:
            return {}
        return addresses if start_time(int(addresses["holder"])) == addresses["holder_began"] else {}

    def _start_holder(self) -> dict[str, str]:
        (self.run_dir / "servers.json").unlink(missing_ok=True)
        log = self.run_dir / "servers.log"
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            holder = subprocess.Popen(  # noqa: S603 this module
                [sys.executable, "-c", _HOLDER, str(self.run_dir), str(self._template_dir)],
                stdin=subprocess.DEVNULL, stdout=descriptor, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(descriptor)
        self._holder = threading.Thread(target=holder.wait, daemon=True)
        self._holder.start()
        until = time.monotonic() + _START_WITHIN_SECONDS
        while time.monotonic() < until:
            addresses = self._running()
            if addresses:
                return addresses
            if not self._holder.is_alive():
                break
            time.sleep(0.01)
        holder.terminate()
        lines = log.read_text(errors="replace").strip().splitlines()
        message = f"The test servers did not start: {lines[-1] if lines else 'no reason was given'}"
        raise EmbeddedServerError(message)


def hold(run_dir: Path, template_dir: Path) -> None:
    """Run the servers until nobody holds the lock on `users`; the body of the holder process."""
    users = os.open(run_dir / "users", os.O_RDWR | os.O_CREAT, 0o600)
    unused = False
    with StopSignals() as stop, throwaway_folder() as folder:
        template_cluster(template_dir, report=_say)
        with Supervisor(stop=stop, report=_say, folder=folder) as supervisor:
            postgres = EmbeddedPostgres(folder / "postgres", supervisor=supervisor, fast=True, report=_say)
            valkey = EmbeddedValkey(folder / "valkey", supervisor=supervisor, databases=CACHE_DATABASES)
            try:
                copied_cluster(template_dir, folder / "postgres", report=_say)
                postgres.start()
                valkey.start()
                _publish(run_dir, postgres, valkey)
                while not _unused(users):
                    supervisor.pause(_LOOK_EVERY_SECONDS)
                unused = True
            finally:
                (run_dir / "servers.json").unlink(missing_ok=True)
                valkey.stop()
                postgres.stop()
                postgres.remove_placed_files()
    if unused:
        _remove_run_files(run_dir)


def _publish(run_dir: Path, postgres: EmbeddedPostgres, valkey: EmbeddedValkey) -> None:
    addresses = {
        "holder": str(os.getpid()),
        "holder_began": start_time(os.getpid()),
        "port": str(postgres.port),
        "password": postgres.password,
        "valkey_port": str(valkey.port),
        "valkey_password": valkey.password,
    }
    unfinished = run_dir / "servers.json.new"
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        json.dump(addresses, opened)
    unfinished.rename(run_dir / "servers.json")


def _remove_run_files(run_dir: Path) -> None:
    """Remove what the run left in its folder, and the folder if nothing of others is in it; nobody uses it now."""
    for name in ("*.lock", "cache-databases", "servers.log", "users"):
        for file in run_dir.glob(name):
            file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        run_dir.rmdir()


def _unused(users: int) -> bool:
    """True when nobody uses the servers; the lock then stays ours, so that a late user waits until they have ended."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _say(message: str) -> None:
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


def _default_template_dir() -> Path:
    folder = Path(tempfile.gettempdir()) / f"ais-test-template-{_TEMPLATE_FORMAT}-{os.geteuid()}-{installed_version()}"
    make_folder(folder, 0o711)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        message = f"{folder} belongs to another user; remove it or set TMPDIR."
        raise EmbeddedServerError(message)
    return folder


def main() -> int:
    """Entry of the holder process; its last line of output is the reason of a failure."""
    try:
        hold(Path(sys.argv[1]), Path(sys.argv[2]))
    except StopRequested:
        return 0
    except EmbeddedServerError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
