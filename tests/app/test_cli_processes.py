"""``ais web`` and ``ais worker`` as programs: they serve, end whole, and bring their servers where none is set."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from ais.platform.embedded import free_port

WITHIN_SECONDS = 60.0


class Program:
    """``ais`` as a process of its own, killed when a test forgets it."""

    def __init__(self, log: Path, *arguments: str, **settings: str) -> None:
        self.log = log
        environment = {**os.environ, **settings}
        for name in ("DATABASE_URL", "REDIS_URL"):
            if name not in settings:
                environment.pop(name, None)
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ais.app.cli", *arguments], stdout=output, stderr=output, env=environment
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, condition) -> None:
        until = time.monotonic() + WITHIN_SECONDS
        while not condition():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < until, self.said()
            time.sleep(0.05)

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=20)

    def offspring(self) -> list[int]:
        """The processes below this one."""
        found, ahead = [], [self.process.pid]
        while ahead:
            pid = ahead.pop()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
            found += map(int, children)
            ahead += map(int, children)
        return found


def answer(port: int) -> dict | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2) as response:
            return json.loads(response.read())
    except (OSError, urllib.error.URLError):
        return None


def all_gone(pids: list[int]) -> bool:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_web_server_serves_and_ends_whole(database_url, redis_url, tmp_path, number):
    port = free_port()
    with Program(
        tmp_path / "web.log", "web", "--port", str(port), "--processes", "1",
        DATABASE_URL=database_url, REDIS_URL=redis_url, AIS_DATA_DIR=str(tmp_path),
    ) as web:  # fmt: skip
        web.wait_for(lambda: answer(port) is not None)
        assert answer(port) == {
            "status": "ok",
            "parts": {"postgresql": "ok", "valkey": "ok"},
            "rate_limits": {"shared": True, "checks_without_valkey": 0},
        }
        workers = web.offspring()
        assert len(workers) == 1
        assert f"Serving on http://127.0.0.1:{port}." in web.said()
        code = web.end(number)
        assert code == (-number if number == signal.SIGKILL else 0), web.said()
        assert all_gone(workers)


def test_a_port_in_use_is_one_sentence(database_url, redis_url, tmp_path):
    import socket

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with Program(
            tmp_path / "web.log", "web", "--port", str(port),
            DATABASE_URL=database_url, REDIS_URL=redis_url, AIS_DATA_DIR=str(tmp_path),
        ) as web:  # fmt: skip
            assert web.process.wait(timeout=30) == 3
            reason = "Address already in use"
            assert web.said() == (
                f"Port {port} on 127.0.0.1 cannot be used ({reason}); end what uses it, or set AIS_PORT.\n"
            )


def test_the_worker_runs_schedules_and_ends_when_told(database_url, redis_url, tmp_path):
    with Program(
        tmp_path / "worker.log", "worker", DATABASE_URL=database_url, REDIS_URL=redis_url, AIS_DATA_DIR=str(tmp_path)
    ) as worker:
        worker.wait_for(lambda: "worker.started" in worker.said())
        assert worker.end(signal.SIGTERM) == 0
        assert "worker stopped" in worker.said()


def test_without_servers_the_web_server_brings_its_own_and_others_find_them(tmp_path):
    port, data = free_port(), tmp_path / "data"
    with Program(tmp_path / "web.log", "web", AIS_DATA_DIR=str(data), AIS_PORT=str(port)) as web:
        web.wait_for(lambda: answer(port) is not None)
        everything = web.offspring()
        with Program(tmp_path / "verify.log", "verify", "--json", AIS_DATA_DIR=str(data)) as verify:
            assert verify.process.wait(timeout=60) == 0
            assert json.loads(verify.said())["holds"] is True
        assert web.end(signal.SIGINT) == 0
        assert all_gone(everything)
    assert not (data / "running.json").exists()
