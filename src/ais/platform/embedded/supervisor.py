"""Runs child processes: starts them, waits until they are ready, restarts those that crash, and ends them all.

One thread, which lives as long as the supervisor, starts, watches, restarts and reaps every child, so nothing of it
needs a lock, and a stop signal, which Python delivers to the main thread, cannot fall between a start and its record.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Self, TypeVar

from ais.platform.embedded import processes
from ais.platform.embedded.errors import ChildFailedError, EmbeddedServerError
from ais.platform.embedded.stop_signals import StopRequested, StopSignals

if TYPE_CHECKING:
    from types import TracebackType

Report = Callable[[str], None]
Result = TypeVar("Result")

TICK_SECONDS = 0.05
STILL_EVERY_SECONDS = 2.0
KILL_PATIENCE_SECONDS = 2.0
STEADY_AFTER_SECONDS = 60.0


def silent(_message: str) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """A program to run.

    `env` replaces the environment when given. `ready` is asked until it answers True. `stop_signals` are sent in turn,
    each with its patience in seconds, to the child itself; what is left of its process group then gets SIGKILL, because
    a server can lose a SIGTERM while it starts (Granian 2.8 does). `death_signal` is what the kernel sends when the
    parent ends without a word: SIGKILL suits a server whose own workers call `die_with_parent`. `output`: "inherit"
    passes it through, "prefix" puts `name | ` before each line, a path appends to that file. A crashed child is
    restarted after 0.2 s, doubling to 5 s; `restarts` is how many times in a minute before it counts as failed (0:
    never restarted).
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    account: processes.Account | None = None
    ready: Callable[[], bool] | None = None
    ready_within_seconds: float = 60.0
    stop_signals: Sequence[tuple[int, float]] = ((signal.SIGTERM, 4.0),)
    death_signal: int = signal.SIGTERM
    output: Literal["inherit", "prefix"] | Path = "inherit"
    restarts: int = 5


@dataclass(slots=True)
class Child:
    """A started program; read it, the supervisor's thread writes it."""

    spec: ChildSpec
    process: subprocess.Popen[bytes]
    kept: bool = False
    failed: bool = False
    last_exit: int | None = None
    restart_at: float | None = None
    crashes: list[float] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """The process number of the running instance."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether the process runs now."""
        return self.process.returncode is None and not processes.has_exited(self.process)


class Supervisor:
    """Owner of child processes; leaving it, or the end of the program, ends them all.

    `folder` marks the children as belonging to a data folder, so that the next start finds what a crash left.
    """

    def __init__(self, *, stop: StopSignals | None = None, report: Report = silent, folder: Path | None = None) -> None:
        self.report = report
        self._stop = stop
        self._marker = None if folder is None else processes.marker_of(folder)
        self._children: list[Child] = []
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._closed = False
        # A forked copy of this process has no supervising thread and owns none of the children.
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._watch, name="ais-supervisor", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def check_stop(self) -> None:
        """Raise `StopRequested` when a stop signal came."""
        if self._stop is not None:
            self._stop.check()

    def pause(self, seconds: float) -> None:
        """Wait that long, or until a stop signal, which raises `StopRequested`."""
        if self._stop is None:
            time.sleep(seconds)
        else:
            self._stop.wait(seconds)
            self._stop.check()

    def wait_until(self, condition: Callable[[], bool], *, within_seconds: float, what: str) -> bool:
        """Wait for the condition; False when the time is over. Reports every two seconds that `what` still lasts."""
        began = time.monotonic()
        said = began
        pause_seconds = 0.005
        while not condition():
            now = time.monotonic()
            if now - began > within_seconds:
                return False
            if now - said >= STILL_EVERY_SECONDS:
                said = now
                self.report(f"{what} ({now - began:.0f} s)")
            self.pause(pause_seconds)
            pause_seconds = min(pause_seconds * 1.5, 0.05)
        return True

    def start(self, spec: ChildSpec) -> Child:
        """Start the program and wait until it is ready; from then on it is kept running.

        Raises `ChildFailedError` when it ends or is not ready in time, `StopRequested` on a stop signal; then it has
        been ended.
        """
        self.check_stop()
        child = self._call(lambda: self._start_child(spec))
        try:
            self._await_ready(child)
            child.kept = True
        except BaseException:
            self.stop([child])
            raise
        return child

    def run_to_end(
        self,
        argv: Sequence[str],
        *,
        what: str,
        env: Mapping[str, str] | None = None,
        account: processes.Account | None = None,
        within_seconds: float = 120.0,
        shown: bool = False,
    ) -> tuple[int, str]:
        """Run a program that ends by itself; its exit code and all it printed. A stop signal ends it.

        ``shown``: what it prints goes where our own output goes, and is not answered.
        """
        self.check_stop()
        with tempfile.TemporaryFile() as output:
            spec = ChildSpec(
                name=what, argv=argv, env=env, cwd=Path("/"), account=account, death_signal=signal.SIGKILL,
                stop_signals=((signal.SIGKILL, KILL_PATIENCE_SECONDS),), restarts=0,
            )  # fmt: skip
            child = self._call(lambda: self._start_child(spec, None if shown else output))
            try:
                done = self.wait_until(lambda: not child.running, within_seconds=within_seconds, what=what)
            finally:
                self.stop([child])
            output.seek(0)
            text = output.read().decode(errors="replace")
        if not done:
            message = f"{what} did not end within {within_seconds:.0f} s."
            raise ChildFailedError(message)
        return child.process.returncode, text

    def run(self, specs: Sequence[ChildSpec]) -> int:
        """Start the programs in order, keep them running until a stop signal, then end them side by side.

        Returns 0 after a stop signal and 1 when a child could not be kept running, which is reported.
        """
        started: list[Child] = []
        try:
            for spec in specs:
                started.append(self.start(spec))
                self.report(f"{spec.name} is ready (process {started[-1].pid}).")
            return self.watch()
        except StopRequested:
            return 0
        finally:
            self.stop(started)

    def watch(self) -> int:
        """Wait until a stop signal (0) or until a child could not be kept running, which is reported (1)."""
        while True:
            for child in tuple(self._children):
                if child.failed:
                    self.report(f"{child.spec.name} could not be kept running (last exit code {child.last_exit}).")
                    return 1
            try:
                self.pause(0.2)
            except StopRequested:
                return 0

    def stop(self, children: Sequence[Child] | None = None) -> None:
        """End these children (all by default), side by side; returns when they and their groups are gone."""
        if not self._closed:
            self._call(lambda: self._end(list(self._children) if children is None else list(children)))

    def close(self) -> None:
        """End every child and the supervisor itself; may be called again."""
        if not self._closed and os.getpid() == self._pid:
            try:
                self.stop()
            finally:
                self._closed = True
                self._thread.join(timeout=KILL_PATIENCE_SECONDS)
                atexit.unregister(self.close)

    def _call(self, function: Callable[[], Result]) -> Result:
        if self._closed:
            message = "The supervisor of the servers has ended."
            raise EmbeddedServerError(message)
        answer: Future[Result] = Future()
        self._calls.put((function, answer))
        return answer.result()

    def _watch(self) -> None:
        while not self._closed:
            try:
                function, answer = self._calls.get(timeout=TICK_SECONDS)
            except queue.Empty:
                self._look_after_children()
                continue
            try:
                answer.set_result(function())
            except BaseException as error:
                answer.set_exception(error)
        while not self._calls.empty():
            self._calls.get()[1].set_exception(EmbeddedServerError("The supervisor of the servers has ended."))

    def _start_child(self, spec: ChildSpec, output: IO[bytes] | None = None) -> Child:
        child = Child(spec, self._spawn(spec, output))
        self._children.append(child)
        return child

    def _spawn(self, spec: ChildSpec, output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        environment = dict(os.environ if spec.env is None else spec.env)
        if self._marker is not None:
            environment[processes.MARKER] = self._marker
        opened = spec.output.open("ab") if isinstance(spec.output, Path) else None
        try:
            process = processes.spawn(
                spec.argv, env=environment, cwd=spec.cwd, account=spec.account, death_signal=spec.death_signal,
                output=output or opened or (subprocess.PIPE if spec.output == "prefix" else None),
            )  # fmt: skip
        except OSError as error:
            message = f"{spec.name} cannot be started: {spec.argv[0]}: {error.strerror}."
            raise ChildFailedError(message) from error
        finally:
            if opened is not None:
                opened.close()
        if process.stdout is not None:
            threading.Thread(target=_prefix_lines, args=(spec.name, process.stdout), daemon=True).start()
        return process

    def _await_ready(self, child: Child) -> None:
        ready = child.spec.ready

        def settled() -> bool:
            return not child.running or ready is None or ready()

        within = child.spec.ready_within_seconds
        in_time = self.wait_until(settled, within_seconds=within, what=f"Starting {child.spec.name}")
        if not child.running:
            self.stop([child])
            message = f"{child.spec.name} ended while it started (exit code {child.process.returncode})."
            raise ChildFailedError(message)
        if not in_time:
            message = f"{child.spec.name} was not ready within {within:.0f} s."
            raise ChildFailedError(message)

    def _look_after_children(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.failed or not child.kept:
                continue
            if child.restart_at is None and processes.has_exited(child.process):
                self._note_crash(child, now)
            elif child.restart_at is not None and now >= child.restart_at:
                child.restart_at = None
                try:
                    child.process = self._spawn(child.spec)
                except ChildFailedError as error:
                    child.failed = True
                    self.report(str(error))

    def _note_crash(self, child: Child, now: float) -> None:
        processes.signal_group(child.pid, signal.SIGKILL)
        child.last_exit = child.process.wait()
        child.crashes = [moment for moment in child.crashes if now - moment < STEADY_AFTER_SECONDS] + [now]
        if len(child.crashes) > child.spec.restarts:
            child.failed = True
            return
        delay_seconds = min(0.2 * 2 ** (len(child.crashes) - 1), 5.0)
        child.restart_at = now + delay_seconds
        self.report(f"{child.spec.name} ended (exit code {child.last_exit}); it is started again.")

    def _end(self, children: list[Child]) -> None:
        for child in children:
            child.kept = False
        self._children = [child for child in self._children if child not in children]
        ends = [_ending(child) for child in reversed(children) if child.process.returncode is None]
        while ends:
            ends = [step for step in ends if next(step, None) is not None]
            if ends:
                time.sleep(0.01)


def _ending(child: Child) -> Any:
    """Step by step end one child; each yield says that it still runs."""
    process = child.process
    for signal_number, patience_seconds in (*child.spec.stop_signals, (None, KILL_PATIENCE_SECONDS)):
        until = time.monotonic() + patience_seconds
        if not processes.has_exited(process):
            if signal_number is None:
                processes.signal_group(process.pid, signal.SIGKILL)
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal_number)
        while not processes.has_exited(process) and time.monotonic() < until:
            yield True
    # The group's number is reserved until the leader is reaped, so this reaches only what the child left behind.
    processes.signal_group(process.pid, signal.SIGKILL)
    if processes.has_exited(process):
        child.last_exit = process.wait()
    until = time.monotonic() + KILL_PATIENCE_SECONDS
    while processes.group_lives(process.pid) and time.monotonic() < until:
        yield True


def _prefix_lines(name: str, stream: IO[bytes]) -> None:
    with stream:
        for line in stream:
            sys.stdout.write(f"{name} | {line.decode(errors='replace').rstrip()}\n")
            sys.stdout.flush()
