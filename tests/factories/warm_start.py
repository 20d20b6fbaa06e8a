"""Starts `ais` commands without importing the program each time.

One process has imported everything and forks itself for each start; the fork runs the same command line in a session of
its own, with the environment and the log that it is given. What it does from there on is what a fresh one would do.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ais.platform import faults
from ais.platform.embedded import die_with_parent


class WarmStart:
    """The process that forks."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.factories.warm_start"],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> WarmProcess:
        """Run `ais` with these arguments; what it prints goes to the end of `log`."""
        pid = self._ask({"arguments": list(arguments), "environment": dict(environment), "log": str(log)})
        return WarmProcess(self, pid)

    def wait(self, pid: int) -> int:
        """The exit code of a command that has ended or is about to, as Popen tells it; once for each."""
        return self._ask({"wait": pid})

    def _ask(self, request: Mapping[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it, and with it every command that it has started."""
        self._process.kill()
        self._process.wait()


@functools.cache
def warm_start() -> WarmStart:
    """The one of this test process, which ends with it."""
    source = WarmStart()
    atexit.register(source.close)
    return source


class WarmProcess:
    """A started command, with what tests use of Popen."""

    def __init__(self, source: WarmStart, pid: int) -> None:
        self._source = source
        self.pid = pid
        self.returncode: int | None = None
        self._descriptor = os.pidfd_open(pid)

    @property
    def has_exited(self) -> bool:
        """Whether it has ended; its number stays reserved until `wait`."""
        return self.returncode is not None or bool(select.select([self._descriptor], [], [], 0)[0])

    def send_signal(self, number: int) -> None:
        if not self.has_exited:
            signal.pidfd_send_signal(self._descriptor, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code; `subprocess.TimeoutExpired` if it still runs after so many seconds."""
        if self.returncode is None:
            if not select.select([self._descriptor], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(["ais"], timeout or 0)
            self.returncode = self._source.wait(self.pid)
            os.close(self._descriptor)
        return self.returncode


def _serve() -> None:
    # All that a web process and a worker import, and nothing that starts a thread.
    import granian

    import ais.app.cli.web_worker
    import ais.app.worker
    import ais.platform.jobs.worker  # noqa: F401  # see above
    from ais.app.asgi import application_over
    from ais.app.composition import web_state
    from ais.platform.settings import Settings

    assert granian is not None
    # The framework reads what it needs to know of each route once in a process, and in a fork finds it.
    application_over(lambda: web_state(Settings()), ())
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        else:
            parent = os.getpid()
            answer = os.fork()
            if answer == 0:
                _become(request, parent)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _become(request: dict[str, Any], parent: int) -> None:
    code = 1
    try:
        os.setsid()
        die_with_parent(signal.SIGKILL, parent_pid=parent)
        silence, log = os.open(os.devnull, os.O_RDONLY), os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(silence, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.clear()
        os.environ.update(request["environment"])
        faults.arm(os.environ.get("AIS_FAULT_POINTS", ""))
        from ais.app.cli import main

        main(request["arguments"], prog_name="ais")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # what a fresh interpreter would print
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
