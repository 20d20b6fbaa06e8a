"""The whole program as people run it: PostgreSQL, Valkey, the payment simulator, web processes and a worker.

Every part is a process of its own that a test may kill and start again. All of them end with the test's process. They
are forked from one that has imported the program already (`tests.factories.warm_start`), so that a start is quick.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.factories.market import market_template
from tests.factories.stripe_simulator import StripeSimulator, start_stripe_simulator
from tests.factories.unlimited import UNLIMITED_ENVIRONMENT
from tests.factories.warm_start import WarmProcess, warm_start

from ais.platform.embedded import EmbeddedPostgres, SharedServers, free_port, postgres_programs
from ais.platform.embedded.ports import is_free
from ais.platform.embedded.processes import start_time

START_SECONDS = 60.0
END_SECONDS = 10.0
SHARED_BASE = "https://api.stripe.com"
BRISK_WEBHOOKS = ("--retry-first-seconds", "0.2", "--retry-most-seconds", "1", "--settle-seconds", "0.2")


class Part:
    """One process of the program. It keeps its port and its log over `kill` and `start`."""

    port: int | None = None

    def __init__(
        self,
        name: str,
        command: str,
        environment: Mapping[str, str],
        log: Path,
        ready: Callable[[], bool] | None,
    ) -> None:
        self.name = name
        self.command = command
        self.environment = dict(environment)
        self.log = log
        self._ready = ready
        self.process: WarmProcess | None = None

    def start(self, *, wait: bool = True, **environment: str) -> None:
        """Start it, with these variables added to its environment this time."""
        assert not self.is_running
        self.process = warm_start().start([self.command], {**self.environment, **environment}, self.log)
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until it answers; `RuntimeError` with what it printed if it ends or stays silent."""
        give_up_at = time.monotonic() + START_SECONDS
        while self._ready is not None and not self._ready():
            if not self.is_running or time.monotonic() > give_up_at:
                self.kill()
                raise RuntimeError(f"{self.name} did not come up:\n{self.said()[-4000:]}")
            time.sleep(0.02)

    @property
    def is_running(self) -> bool:
        return self.process is not None and not self.process.has_exited

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def children(self) -> list[int]:
        """Processes that it has started itself and that run now."""
        try:
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        except OSError:
            return []

    def kill(self) -> None:
        """End it with signal 9; what it started itself ends with it."""
        if self.process is not None:
            children = self.children()
            self._end(signal.SIGKILL)
            give_up_at = time.monotonic() + END_SECONDS
            while any(start_time(pid) for pid in children) and time.monotonic() < give_up_at:
                time.sleep(0.005)
            # A process may look dead while its last thread still has the port.
            while self.port is not None and not is_free(self.port) and time.monotonic() < give_up_at:
                time.sleep(0.005)

    def stop(self) -> None:
        """Ask it to end, then insist."""
        if self.process is not None:
            self._end(signal.SIGTERM)

    def _end(self, signal_number: int) -> None:
        assert self.process is not None
        if self.is_running:
            self.process.send_signal(signal_number)
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(END_SECONDS)

    def said(self) -> str:
        """All it has logged so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


class Web(Part):
    """A web process and its port."""

    port: int

    def __init__(self, number: int, environment: Mapping[str, str], folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            f"web-{number}",
            "web",
            {**environment, "AIS_PORT": str(self.port), "AIS_HOST": "127.0.0.1"},
            folder / f"web-{number}.log",
            lambda: answers(f"{self.url}/health/ready"),
        )


class RunningProgram:
    """The parts, wired together; use :func:`running_program` to get one."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        redis_url: str,
        *,
        web: int,
        environment: Mapping[str, str],
        web_environments: Sequence[Mapping[str, str]],
        worker_environment: Mapping[str, str],
        simulator_options: tuple[str, ...],
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.database_url = database_url
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AIS_", "STRIPE_")) and name not in {"DATABASE_URL", "REDIS_URL"}
        }
        common = {
            **inherited,
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "AIS_ENV": "test",
            "AIS_DATA_DIR": str(folder / "data"),
            **UNLIMITED_ENVIRONMENT,
            **environment,
        }
        own = [*web_environments, *[{}] * (web - len(web_environments))]
        self.web = [Web(number, {**common, **own[number]}, folder) for number in range(web)]
        self.simulator: StripeSimulator = start_stripe_simulator(
            folder, webhook_url=f"{self.web[0].url}/webhooks/stripe", options=(*BRISK_WEBHOOKS, *simulator_options)
        )
        self.environment = {**common, "STRIPE_API_BASE": self.simulator.url}
        for part in self.web:
            part.environment["STRIPE_API_BASE"] = self.simulator.url
        self.worker = Part(
            "worker",
            "worker",
            {**self.environment, **worker_environment},
            folder / "worker.log",
            lambda: "worker.started" in self.worker.said(),
        )

    @property
    def parts(self) -> list[Part]:
        return [*self.web, self.worker]

    def start(self, *parts: Part) -> None:
        """Start these parts, all by default, side by side and wait until each is ready."""
        for part in parts or self.parts:
            part.start(wait=False)
        for part in parts or self.parts:
            part.wait_until_ready()

    def close(self) -> None:
        """End everything."""
        for part in self.parts:
            part.kill()
        self.simulator.kill()

    def command(self, *arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run `ais` with these arguments on the same database."""
        return subprocess.run(
            [sys.executable, "-m", "ais.app.cli", *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
        )


@contextlib.contextmanager
def running_program(
    folder: Path,
    database_url: str,
    redis_url: str,
    *,
    web: int = 1,
    started: bool = True,
    environment: Mapping[str, str] | None = None,
    web_environments: Sequence[Mapping[str, str]] = (),
    worker_environment: Mapping[str, str] | None = None,
    simulator_options: tuple[str, ...] = (),
) -> Iterator[RunningProgram]:
    """The program on a database with a market in it, ready, or with `started` False only the simulator.

    `environment` is for web processes and worker, `web_environments` for each web process, `worker_environment` for
    the worker alone.
    """
    program = RunningProgram(
        folder,
        database_url,
        redis_url,
        web=web,
        environment=environment or {},
        web_environments=web_environments,
        worker_environment=worker_environment or {},
        simulator_options=simulator_options,
    )
    try:
        if started:
            program.start()
        yield program
    finally:
        program.close()


@contextlib.contextmanager
def private_market(servers: SharedServers) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of the test's own, to kill, whose database `ais` holds the market; killed, it is started again."""
    template = market_template(servers)
    with servers.private_postgres() as server:
        programs = postgres_programs()
        dump = subprocess.run(
            [programs / "pg_dump", "--no-owner", servers.database_url(template)], capture_output=True, check=True
        )
        subprocess.run(
            [programs / "psql", "-q", "-v", "ON_ERROR_STOP=1", server.url()],
            input=dump.stdout,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        yield server


def answers(url: str) -> bool:
    """Whether the address answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
