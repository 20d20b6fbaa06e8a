"""What a job costs the transaction that asks for it, and how many jobs a worker does in a second.

``python benchmarks/jobs.py postgresql://…`` on an empty database with the newest schema. Medians of several rounds;
each comparison runs its variants in turn, so that a busy moment of the machine falls on all of them.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import msgspec

from ais.kit import system_actor
from ais.platform.database import Database, UnitOfWork
from ais.platform.jobs import JobContext, JobRegistry
from ais.platform.jobs.worker import WorkerSettings, run_worker

ROUNDS = 5
CLIENTS = 16
TRANSACTIONS = 1200
JOBS = 3000
ORDER_ID = "0198c7a0-0000-7000-8000-000000000001"


class Paid(msgspec.Struct, frozen=True):
    event_name: ClassVar[str] = "benchmark.paid"
    order_id: str


async def main(url: str) -> None:
    database = await Database.connect(url, minimum=CLIENTS, maximum=CLIENTS + 4, application_name="benchmark")
    async with database.connection() as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS benchmark_rows (id bigint GENERATED ALWAYS AS IDENTITY)")
    variants: dict[str, Callable[[UnitOfWork], Awaitable[None]]] = {
        "one insert, no job": _nothing,
        "the same and one job": _ask(1),
        "the same and three jobs": _ask(3),
        "the same, one job and NOTIFY inside": _ask_and_notify,
    }
    rates: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, variant in variants.items():
            rates[name].append(await _transactions_per_second(database, variant))
    print(f"transactions/s, {CLIENTS} clients, median of {ROUNDS} rounds (lowest-highest)")
    for name, seen in rates.items():
        print(f"  {name:38} {statistics.median(seen):7.0f}  ({min(seen):.0f}-{max(seen):.0f})")
    print(f"jobs/s end to end, {JOBS} jobs waiting, median of {ROUNDS} rounds (lowest-highest)")
    for concurrency in (16, 32):
        for guarded in (False, True):
            done = [await _jobs_per_second(database, concurrency, guarded=guarded) for _ in range(ROUNDS)]
            kind = "guarded handlers, one transaction each" if guarded else "jobs that do nothing"
            print(
                f"  {kind:38} {statistics.median(done):7.0f}  ({min(done):.0f}-{max(done):.0f})  {concurrency} at once"
            )
    print(f"highest memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")
    await database.close()


async def _nothing(_uow: UnitOfWork) -> None:
    return


def _ask(count: int) -> Callable[[UnitOfWork], Awaitable[None]]:
    async def ask(uow: UnitOfWork) -> None:
        for _ in range(count):
            uow.enqueue("benchmark.nothing", {"order_id": ORDER_ID})

    return ask


async def _ask_and_notify(uow: UnitOfWork) -> None:
    uow.enqueue("benchmark.nothing", {"order_id": ORDER_ID})
    await uow.connection.execute("SELECT pg_notify('benchmark', '')")


async def _transactions_per_second(database: Database, variant: Callable[[UnitOfWork], Awaitable[None]]) -> float:
    await _empty(database)
    left = TRANSACTIONS

    async def client() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            async with database.unit_of_work(system_actor("benchmark")) as uow:
                await uow.connection.execute("INSERT INTO benchmark_rows DEFAULT VALUES")
                await variant(uow)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return TRANSACTIONS / (time.perf_counter() - began)


async def _jobs_per_second(database: Database, concurrency: int, *, guarded: bool) -> float:
    await _empty(database)
    left, finished = JOBS, asyncio.Event()

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            finished.set()

    async def nothing(_context: JobContext, _payload: dict[str, Any]) -> None:
        count()

    async def handle(context: JobContext, _event: Paid) -> None:
        async with context.unit_of_work():
            pass
        count()

    registry = JobRegistry()
    registry.job("benchmark.nothing", nothing)
    registry.handler(Paid, "benchmark.handle", handle)
    database.subscriptions = registry.subscriptions
    async with database.unit_of_work(system_actor("benchmark")) as uow:
        for _ in range(JOBS):
            if guarded:
                uow.publish(Paid(ORDER_ID))
            else:
                uow.enqueue("benchmark.nothing", {"order_id": ORDER_ID})
    stop = asyncio.Event()
    began = time.perf_counter()
    worker = asyncio.create_task(run_worker(database, registry, stop, WorkerSettings(concurrency=concurrency)))
    await finished.wait()
    lasted = time.perf_counter() - began
    stop.set()
    await worker
    return JOBS / lasted


async def _empty(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("TRUNCATE jobs, job_log, handled_events, benchmark_rows")
        await connection.execute("VACUUM ANALYZE jobs")


if __name__ == "__main__":
    import logging

    import structlog
    import uvloop

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    uvloop.run(main(sys.argv[1]))
