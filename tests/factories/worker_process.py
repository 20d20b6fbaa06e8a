"""A worker process of its own, with jobs whose effects tests can count in the table ``effects``.

Run as a program: ``python worker_process.py URL HEARTBEAT_SECONDS GRACE_SECONDS``; it ends on SIGTERM.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from tests.factories.vault import VAULT

from ais.platform.database import Database
from ais.platform.jobs import JobContext, JobRegistry, Retry
from ais.platform.jobs.worker import WorkerSettings, run_worker

ROOT = Path(__file__).parents[2]
EFFECTS = """
CREATE TABLE effects (id bigint GENERATED ALWAYS AS IDENTITY, what text NOT NULL, process integer NOT NULL,
                      attempt integer NOT NULL)
"""


class BellRung(msgspec.Struct, frozen=True):
    event_name: ClassVar[str] = "bells.bell_rung"
    bell_id: str
    rest_seconds: float = 0


async def record(connection: Any, what: str, context: JobContext) -> None:
    await connection.execute(
        "INSERT INTO effects (what, process, attempt) VALUES ($1, $2, $3)", what, os.getpid(), context.attempt
    )


async def count_bell(context: JobContext, event: BellRung) -> None:
    """The guarded handler: rests inside its transaction, so that tests can kill it there."""
    async with context.unit_of_work() as uow:
        await record(uow.connection, f"bell {event.bell_id}", context)
        await asyncio.sleep(event.rest_seconds)


async def count_without_guard(context: JobContext, payload: dict[str, Any]) -> None:
    """The control of the handler above: the same effect from a plain job, which guards nothing."""
    async with context.unit_of_work() as uow:
        await record(uow.connection, f"plain {payload['bell_id']}", context)


async def rest(context: JobContext, payload: dict[str, Any]) -> None:
    async with context.database.connection() as connection:
        await record(connection, "rest begun", context)
    await asyncio.sleep(payload["seconds"])
    async with context.database.connection() as connection:
        await record(connection, "rest done", context)


async def kill_process(context: JobContext, _payload: dict[str, Any]) -> None:
    async with context.database.connection() as connection:
        await record(connection, "killed", context)
    os.kill(os.getpid(), signal.SIGKILL)


async def tick(context: JobContext, _payload: dict[str, Any]) -> None:
    async with context.unit_of_work() as uow:
        await record(uow.connection, "tick", context)


async def kill_process_once(context: JobContext, _payload: dict[str, Any]) -> None:
    """The scheduled work that takes its first worker along."""
    async with context.database.connection() as connection:
        await record(connection, "nightly", context)
    if context.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def registry(*, with_schedule: bool = False) -> JobRegistry:
    registry = JobRegistry()
    registry.handler(BellRung, "bells.count", count_bell)
    registry.job("bells.count_without_guard", count_without_guard)
    registry.job("bells.rest", rest)
    registry.job("bells.kill_process", kill_process, retry=Retry(attempts=2, first_delay_seconds=0))
    if with_schedule:
        registry.schedule("bells.tick", tick, every_seconds=1)
        registry.schedule("bells.nightly", kill_process_once, cron="0 0 1 1 *")
    return registry


def start(
    url: str,
    *,
    heartbeat_seconds: float = 2,
    grace_seconds: float = 1,
    with_schedule: bool = False,
    fault_points: str = "",
) -> subprocess.Popen[bytes]:
    """Start the program as a child process; it is at work within a second or two."""
    return subprocess.Popen(
        [
            sys.executable,
            __file__,
            url,
            str(heartbeat_seconds),
            str(grace_seconds),
            "schedule" if with_schedule else "",
        ],
        env={**os.environ, "AIS_FAULT_POINTS": fault_points, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def end(*processes: subprocess.Popen[bytes]) -> None:
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=10)


async def until(condition: Any, seconds: float = 20) -> None:
    """Wait until the async ``condition`` holds; fails the test after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "what the test waits for did not come"
        await asyncio.sleep(0.05)


async def _main(url: str, heartbeat_seconds: float, grace_seconds: float, schedule: str) -> None:
    database = await Database.connect(url, maximum=8, application_name="test-worker", vault=VAULT)
    known = registry(with_schedule=bool(schedule))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = WorkerSettings(
        concurrency=4, poll_seconds=0.2, heartbeat_seconds=heartbeat_seconds, grace_seconds=grace_seconds
    )
    await run_worker(database, known, stop, settings)
    await database.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))
