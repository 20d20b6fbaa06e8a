"""What one order costs in PostgreSQL from its creation to its ticket: statements, round trips, checks and time.

Orders are sold as `benchmarks.sales` sells them, by few callers so that they seldom wait for one another, while
pg_stat_statements counts: how often an order makes the program ask (`asked`), how often a trigger or a foreign key
makes the server ask itself (`inside`), how long it plans and executes, and what it writes to the log of changes. What
the processes ask while nobody buys, the jobs' poll and the schedules, is counted for as long beforehand and taken away.
Counting costs time of its own, so that rates are for `benchmarks.sales` to tell. Run:
``python -m benchmarks.statements``.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import uvloop
from benchmarks.load import Client, Server
from benchmarks.orders import offers, order_requests
from benchmarks.sales import Tickets, sell
from benchmarks.search import prepare
from tests.factories.running_program import running_program

from ais.platform.database import Connection, Database
from ais.platform.embedded import EmbeddedPostgres, EmbeddedServers
from ais.platform.migration import migrate

CALLERS = 2
SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "all",
    "pg_stat_statements.track_planning": "on",
    "pg_stat_statements.max": "10000",
}
COUNTED = """
SELECT regexp_replace(query, '\\s+', ' ', 'g') AS text, toplevel, sum(calls)::float8 AS calls,
       sum(total_exec_time + total_plan_time)::float8 AS ms, sum(total_plan_time)::float8 AS planning_ms,
       sum(wal_bytes)::float8 AS wal_bytes
FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%' AND query NOT LIKE '%of the benchmark%'
GROUP BY 1, 2
"""


class Counted(msgspec.Struct, frozen=True):
    """What was asked in a stretch of time; by an order, once divided."""

    calls: float = 0
    ms: float = 0
    planning_ms: float = 0
    wal_bytes: float = 0

    def less(self, other: Counted, share: float, orders: int) -> Counted:
        """What is left for each order when ``share`` times the other is taken away."""
        return Counted(
            *(
                max(0.0, (getattr(self, name) - share * getattr(other, name)) / orders)
                for name in self.__struct_fields__
            )
        )


Statements = dict[tuple[bool, str], Counted]


async def counted(connection: Connection) -> Statements:
    """All statements since the last time, by where they were asked and their text."""
    rows = await connection.fetch(COUNTED)
    await connection.execute("SELECT pg_stat_statements_reset()")
    return {
        (row["toplevel"], row["text"]): Counted(row["calls"], row["ms"], row["planning_ms"], row["wal_bytes"])
        for row in rows
    }


def total(statements: Statements, *, asked: bool) -> Counted:
    chosen = [each for (toplevel, _), each in statements.items() if toplevel is asked]
    return Counted(*(sum(getattr(each, name) for each in chosen) for name in Counted.__struct_fields__))


def report(statements: Statements, orders: int, most: int, width: int) -> None:
    """Print what an order costs, and the dearest statements."""
    asked, inside = total(statements, asked=True), total(statements, asked=False)
    print(f"{orders} orders of {CALLERS} callers, each created, paid and ticketed; an order makes")
    print(
        f"  {asked.calls:.1f} statements asked, {asked.ms:.2f} ms of the server (planning {asked.planning_ms:.2f}),"
        f" {asked.wal_bytes / 1024:.1f} kB of log"
    )
    print(f"  {inside.calls:.1f} statements inside of triggers and foreign keys, {inside.ms:.2f} of those ms")
    for name, toplevel in (("asked", True), ("inside", False)):
        print(f"  {name:<8} {'ms':>7} {'calls':>6} {'ms each':>8} {'log, B':>7}")
        rows = [(each, text) for (top, text), each in statements.items() if top is toplevel and each.calls >= 0.01]
        for each, text in sorted(rows, key=lambda row: -row[0].ms)[:most]:
            print(
                f"  {'':<8} {each.ms:7.3f} {each.calls:6.2f} {each.ms / each.calls:8.3f} {each.wal_bytes:7.0f}"
                f"  {text[:width]}"
            )


async def run(server: EmbeddedPostgres, redis_url: str, chosen: argparse.Namespace, folder: Path) -> None:
    markets = await prepare(server.url())
    async with AsyncExitStack() as stack:
        program = stack.enter_context(running_program(folder, server.url(), redis_url))
        database = await Database.connect(server.url(), minimum=2, maximum=4)
        stack.push_async_callback(database.close)
        tickets = Tickets(database)
        web = Server(program.web[0].port, program.web[0].pid)
        port = int(program.simulator.url.rpartition(":")[2])
        found = await asyncio.to_thread(offers, web, markets, 0, chosen.orders // 2 + 20)
        requests = order_requests(found, 2)

        async def sell_all(wanted: list[bytes]) -> None:
            left = iter(wanted)

            async def caller() -> None:
                async with Client(web.port) as shop, Client(port) as provider:
                    for request in left:
                        await sell(shop, provider, request, tickets)

            async with asyncio.TaskGroup() as tasks:
                for _ in range(CALLERS):
                    tasks.create_task(caller())

        looking = asyncio.create_task(tickets.look())
        stack.callback(looking.cancel)
        await sell_all(requests[:40])
        async with database.connection() as connection:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            await connection.execute("VACUUM ANALYZE")
            await counted(connection)
            await asyncio.sleep(chosen.idle)
            idle = await counted(connection)
            began = time.perf_counter()
            await sell_all(requests[40 : 40 + chosen.orders])
            await asyncio.sleep(1)  # letters and other consequences
            took = time.perf_counter() - began
            busy = await counted(connection)
    nothing, orders = Counted(), chosen.orders
    each = {key: value.less(idle.get(key, nothing), took / chosen.idle, orders) for key, value in busy.items()}
    report(each, orders, chosen.most, chosen.width)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--orders", type=int, default=200)
    arguments.add_argument("--idle", type=float, default=5.0, help="seconds in which nobody buys")
    arguments.add_argument("--most", type=int, default=12, help="statements that are shown of each kind")
    arguments.add_argument("--width", type=int, default=110, help="of their text that is shown")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="ais-bench-statements-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database's own user must be able to enter it
        server = EmbeddedPostgres(folder / "postgres", settings=SETTINGS)
        try:
            server.start()
            with EmbeddedServers(folder / "data", database_url=server.url()) as servers:
                migrate(server.url())
                uvloop.run(run(server, servers.redis_url, chosen, folder))
        finally:
            server.stop()
            server.remove_placed_files()


if __name__ == "__main__":
    main()
