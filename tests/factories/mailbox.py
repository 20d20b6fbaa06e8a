"""Starts the mailbox as the process that people run, for tests of whatever sends mail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ais.platform.embedded import free_port

_START_SECONDS = 20.0
_STOP_SECONDS = 5.0


@dataclass
class Mailbox:
    """A running mailbox. Its ports and its data stay the same over `kill` and `restart`."""

    url: str
    smtp_port: int
    data_directory: Path
    arguments: list[str]
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def smtp_url(self) -> str:
        return f"smtp://127.0.0.1:{self.smtp_port}"

    def stop(self) -> int:
        """Ask it to stop and return its exit code; a second call does nothing more."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(_STOP_SECONDS)

    def kill(self) -> None:
        """End it with signal 9."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(_STOP_SECONDS)

    def restart(self) -> None:
        """Start it again on the same ports and data; it must not be running."""
        self.process = _launch(self.arguments, self.data_directory)
        _wait_until_ready(self)

    def memory_bytes(self) -> int:
        """What it holds in memory now (resident set size)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Call its API under `/_sandbox`. `urllib.error.HTTPError` when it refuses."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def page(self, path: str) -> tuple[str, dict[str, str]]:
        """A page of it, and its headers in lower case."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as response:
            return response.read().decode(), {name.lower(): value for name, value in response.headers.items()}

    def messages(self, recipient: str | None = None) -> list[dict[str, Any]]:
        """Whole messages, the oldest first; of one recipient if it is given."""
        query = "" if recipient is None else "?" + urllib.parse.urlencode({"to": recipient})
        listed = self.control("GET", f"/messages{query}")["messages"]
        return [self.control("GET", f"/messages/{each['id']}") for each in reversed(listed)]

    def clear(self) -> None:
        """Forget all messages and faults."""
        self.control("DELETE", "/messages")
        self.control("DELETE", "/faults")

    def fault(self, action: str, step: str = "data", **more: Any) -> None:
        """Misbehave: `refuse`, `hang`, `delay` or `cut` at a step, once unless `times` says otherwise."""
        self.control("POST", "/faults", {"action": action, "step": step, **more})


def start_mailbox(directory: Path, *options: str) -> Mailbox:
    """Start a mailbox on free ports with its data under `directory`, and wait until it answers.

    It ends with the process that started it. Raises `RuntimeError`, with what it printed, if it does not come up.
    """
    port, smtp_port = free_port(), free_port()
    data_directory = directory / "mailbox"
    arguments = [
        *("--port", str(port), "--smtp-port", str(smtp_port), "--data-dir", str(data_directory)),
        *("--die-with-parent", *options),
    ]
    directory.mkdir(parents=True, exist_ok=True)
    process = _launch(arguments, data_directory)
    mailbox = Mailbox(f"http://127.0.0.1:{port}", smtp_port, data_directory, arguments, process)
    _wait_until_ready(mailbox)
    return mailbox


def _launch(arguments: list[str], data_directory: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIS_")}
    with data_directory.with_name("mailbox.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "ais_sandbox", "mailbox", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
        )


def _wait_until_ready(mailbox: Mailbox) -> None:
    give_up_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up_at:
        if mailbox.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{mailbox.url}/healthz", timeout=1):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.02)
    printed = mailbox.data_directory.with_name("mailbox.log").read_text(encoding="utf-8", errors="replace")
    mailbox.kill()
    message = f"The mailbox did not come up:\n{printed}"
    raise RuntimeError(message)
