"""Programs that run embedded servers in a process of their own, and the search for what they left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

# The whole life of a program as the demo lives it. As another user it takes that identity after the imports, because
# that user may be unable to enter the interpreter's folder.
PROGRAM = """
import os, sys
from pathlib import Path
from ais.platform.embedded import ChildSpec, EmbeddedServerError, EmbeddedServers, StopSignals, Supervisor
import concurrent.futures, encodings.idna, pwd, tempfile

def say(message):
    print(message, flush=True)

folder, uid = Path(sys.argv[1]), int(sys.argv[2])
if uid:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
with StopSignals() as stop:
    try:
        with Supervisor(stop=stop, report=say, folder=folder) as supervisor:
            with EmbeddedServers(folder, supervisor=supervisor, fast=len(sys.argv) > 3, report=say) as servers:
                say(f"url {servers.database_url}")
                sys.exit(supervisor.run([ChildSpec("sleeper", ["/bin/sh", "-c", "sleep 1000 & wait"])]))
    except EmbeddedServerError as error:
        say(f"refused: {error}")
        sys.exit(3)
"""


class EmbeddedProgram:
    """The program above on a data folder; ended with SIGKILL when a test forgets it."""

    def __init__(self, folder: Path, *, uid: int = 0, fast: bool = True, python_path: Path | None = None) -> None:
        self.folder = folder
        environment = {**os.environ, "PYTHONPATH": str(python_path)} if python_path else dict(os.environ)
        self.process = subprocess.Popen(
            [sys.executable, *(["-S"] if python_path else []), "-c", PROGRAM, str(folder), str(uid)]
            + (["fast"] if fast else []),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        self.said: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        # What a killed program left may hold the other end of the pipe, so it is not read to its end.
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.wait()

    def wait_for(self, beginning: str) -> str:
        """The rest of the first line that begins so; fails when the program ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.strip())
            if line.startswith(beginning):
                return line.removeprefix(beginning).strip()
        raise AssertionError(self.said)

    def end(self, signal_number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send the signal; the exit code and how many seconds the end took."""
        began = time.monotonic()
        self.process.send_signal(signal_number)
        rest, _ = self.process.communicate(timeout=30)
        self.said += rest.splitlines()
        return self.process.returncode, time.monotonic() - began


def processes_of(*folders: Path) -> dict[int, str]:
    """Living processes that name a folder in arguments or environment, or work or run in it."""
    wanted = [str(folder) for folder in folders]
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            texts = [words]
        except OSError:
            continue
        # Root in a container may be kept from seeing these two of another user's process.
        with contextlib.suppress(OSError):
            texts.append((entry / "environ").read_bytes().decode(errors="replace"))
            texts.append(str((entry / "cwd").readlink()))
        if any(folder in text for folder in wanted for text in texts):
            found[int(entry.name)] = words.strip()
    return found


def all_gone(*folders: Path, within_seconds: float) -> dict[int, str]:
    """What is left of the processes of these folders after at most that long; empty is good."""
    until = time.monotonic() + within_seconds
    while (left := processes_of(*folders)) and time.monotonic() < until:
        time.sleep(0.02)
    return left
