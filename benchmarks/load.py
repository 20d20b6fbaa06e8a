"""Servers under load: one Granian worker started as the program starts it, and a closed loop of HTTP callers."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self, cast

import msgspec

from ais.platform.embedded import free_port

ANSWER_SECONDS_MAX = 30
# What is measured pays for being counted, and is never refused.
NEVER_LIMITED = {
    f"AIS_LIMIT_{route_class}": "1000000/1s" for route_class in ("LOGIN", "LOOKUP", "SEARCH", "ORDER", "DEFAULT")
}
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Measured(msgspec.Struct, frozen=True):
    """One stretch of load: answers per second, latencies, and the server's own processor time per answer."""

    answers: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    failures: int


class Server(msgspec.Struct, frozen=True):
    """A running server: where it listens and the processes whose time it takes."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Processor time of the server and its workers so far."""
        return sum(_process_seconds(pid) for pid in (self.pid, *_children(self.pid)))


@contextmanager
def granian(factory: str, environment: Mapping[str, str], ready_path: str) -> Iterator[Server]:
    """One worker serving ``factory`` ("module:function"), until the block ends."""
    port = free_port()
    command = [
        sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "--workers", "1", "--loop", "uvloop",
        "--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "warning", factory,
    ]  # fmt: skip
    root = Path(__file__).resolve().parents[1]
    started_with = {**os.environ, **NEVER_LIMITED, **environment}
    process = subprocess.Popen(command, cwd=root, env=started_with, start_new_session=True)
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}{ready_path}")
        yield Server(port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(8)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it was ready")
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer within {seconds:.0f} s")


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def _process_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


class Client:
    """One connection that is kept: asks, reads the whole answer, and may be asked again."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        start = head.index(b"content-length:") + 15
        length = int(head[start:].partition(b"\r\n")[0])
        return int(head[9:12]), await self._reader.readexactly(length)


def get_request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post_request(path: str, body: bytes, **headers: str) -> bytes:
    """A request with a body, JSON unless ``Content_Type`` says otherwise; ``_`` in a header's name is a hyphen."""
    given = {"Content_Type": "application/json", **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items())
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class _Caller(asyncio.Protocol):
    """One connection that sends the next request as soon as it has the whole answer to the last."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._missing = 0
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def _next(self) -> None:
        request = self._load.take()
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._head[:end].lower()
            start = head.index(b"content-length:") + 15
            length = int(head[start:].partition(b"\r\n")[0])
            self._ok = head.startswith(b"http/1.1 2")
            self._missing = length - (len(self._head) - end - 4)
            self._head = b""
        if self._missing == 0:
            self._load.answered(time.perf_counter() - self._sent_at, ok=self._ok)
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        self._load.left(error)


class _Load:
    def __init__(self, requests: Sequence[bytes], callers: int, seconds: float, *, repeat: bool) -> None:
        self._requests = requests
        self._repeat = repeat
        self._next = 0
        self._callers = callers
        self._until = time.perf_counter() + seconds
        self.latencies: list[float] = []
        self.failures = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self) -> bytes | None:
        if time.perf_counter() >= self._until or (not self._repeat and self._next >= len(self._requests)):
            return None
        request = self._requests[self._next % len(self._requests)]
        self._next += 1
        return request

    def answered(self, seconds: float, *, ok: bool) -> None:
        self.latencies.append(seconds)
        self.failures += not ok

    def left(self, error: Exception | None) -> None:
        self.failures += error is not None
        self._callers -= 1
        if self._callers == 0 and not self.done.done():
            self.done.set_result(None)


async def press(
    server: Server, requests: Sequence[bytes], *, callers: int, seconds: float, repeat: bool = True
) -> Measured:
    """Send ``requests`` over ``callers`` connections for ``seconds``, again and again unless ``repeat`` is False."""
    loop = asyncio.get_running_loop()
    load = _Load(requests, callers, seconds, repeat=repeat)
    cpu_before, began = server.cpu_seconds(), time.perf_counter()
    for _ in range(callers):
        await loop.create_connection(lambda: _Caller(load), "127.0.0.1", server.port)
    async with asyncio.timeout(seconds + ANSWER_SECONDS_MAX):
        await load.done
    elapsed, cpu = time.perf_counter() - began, server.cpu_seconds() - cpu_before
    latencies = sorted(load.latencies)
    count = len(latencies)
    return Measured(
        answers=count,
        per_second=count / elapsed,
        p50_ms=latencies[count // 2] * 1000,
        p99_ms=latencies[int(count * 0.99)] * 1000,
        cpu_us=cpu / count * 1e6,
        failures=load.failures,
    )


def median(rounds: Sequence[Measured]) -> Measured:
    """The middle of each figure over several rounds."""
    return Measured(
        answers=sum(each.answers for each in rounds),
        per_second=statistics.median(each.per_second for each in rounds),
        p50_ms=statistics.median(each.p50_ms for each in rounds),
        p99_ms=statistics.median(each.p99_ms for each in rounds),
        cpu_us=statistics.median(each.cpu_us for each in rounds),
        failures=sum(each.failures for each in rounds),
    )
