"""Orders that are paid and ticketed per second, through the whole chain, beside what each half of it does alone.

An order is one adult on one flight: created at the web process, a card payment begun there, paid at the Stripe
simulator, whose signed messages come back to the web process; a job of the worker process settles the payment, sells
the seats, issues the ticket and posts all of it. A caller begins the next order when the database shows the ticket of
the last. One web process, one worker process, the simulator, PostgreSQL with its durable settings and the callers share
this machine. Beside it, in rounds that alternate: orders that are only reserved; the simulator taking as many card
payments with nobody to tell; pgbench inserting the rows that one such order has left behind, in one transaction, into
copies of the tables with their keys, indexes and CHECKs but without triggers and foreign keys: no seat is counted,
nothing is read, no job is queued. Afterwards every order is right, and ``ais verify`` is clean.
Run: ``python -m benchmarks.sales``.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import msgspec
import uvloop
from benchmarks.load import Client, Server, post_request
from benchmarks.orders import offers, order_requests, pgbench
from benchmarks.sales_rows import ROWS_OF_A_SALE, copy_of_a_sale
from benchmarks.search import prepare
from tests.factories.running_program import RunningProgram, running_program
from tests.factories.stripe_simulator import API_KEY, StripeSimulator, start_stripe_simulator

from ais.kit.ids import ORDER, decode_id
from ais.platform.database import Database
from ais.platform.embedded import EmbeddedServers
from ais.platform.migration import migrate

CALLERS = 24
LOOK_SECONDS = 0.02
TICKET_SECONDS_MAX = 30.0
FORM = "application/x-www-form-urlencoded"
KEY = "Basic " + base64.b64encode(f"{API_KEY}:".encode()).decode()
Work = Callable[[Client, Client, bytes], Awaitable[None]]
WAYS = ("paid and ticketed", "only reserved", "simulator alone", "pgbench, the same rows")


class Tickets:
    """Tells callers when their order has its ticket, by one look at the database for all of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def ticketed(self, order_id: str) -> None:
        """Wait until the order is confirmed with its ticket."""
        told = asyncio.get_running_loop().create_future()
        self._waiting[str(decode_id(ORDER, order_id))] = told
        async with asyncio.timeout(TICKET_SECONDS_MAX):
            await told

    async def look(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            async with self._database.connection() as connection:
                rows = await connection.fetch(
                    "/* of the benchmark */ SELECT id::text FROM orders WHERE id = ANY ($1::text[]::uuid[])"
                    " AND status = 'confirmed' AND ticketing_status = 'issued'",
                    list(self._waiting),
                )
            for row in rows:
                self._waiting.pop(row["id"]).set_result(None)
            await asyncio.sleep(LOOK_SECONDS)


def expect(answer: tuple[int, bytes], status: int) -> dict[str, str]:
    """The decoded body of an answer of this status."""
    assert answer[0] == status, answer
    decoded: dict[str, str] = msgspec.json.decode(answer[1])
    return decoded


def form(path: str, **fields: object) -> bytes:
    """A call of the provider's API."""
    body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    return post_request(path, body, Content_Type=FORM, Authorization=KEY)


async def sell(web: Client, provider: Client, request: bytes, tickets: Tickets) -> float:
    """One order from its creation to its ticket; seconds from the card's confirmation to the ticket."""
    order = expect(await web.ask(request), 201)
    begin = post_request(
        f"/api/v1/orders/{order['id']}/payments",
        b'{"method":"card"}',
        Authorization=f"Bearer {order['guest_token']}",
        Idempotency_Key=str(uuid4()),
    )
    payment = expect(await web.ask(begin), 201)
    path = f"/v1/payment_intents/{payment['provider_payment_id']}/confirm"
    expect(await provider.ask(form(path, payment_method="pm_card_visa")), 200)
    paid = time.perf_counter()
    await tickets.ticketed(order["id"])
    return time.perf_counter() - paid


async def callers(requests: list[bytes], ports: tuple[int, int], work: Work) -> float:
    """Have the callers do all requests by ``work(web, provider, request)``; how many a second."""
    left = iter(requests)

    async def caller() -> None:
        async with Client(ports[0]) as web, Client(ports[1]) as provider:
            for request in left:
                await work(web, provider, request)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(CALLERS):
            tasks.create_task(caller())
    return len(requests) / (time.perf_counter() - began)


class Sales:
    """What the rounds measure: orders a second by each way, and of the whole chain waits and processor time."""

    def __init__(self, program: RunningProgram, alone: StripeSimulator, servers: EmbeddedServers) -> None:
        self.rates: dict[str, list[float]] = {way: [] for way in WAYS}
        self.waits: list[float] = []
        self.cpu: dict[str, list[float]] = {}
        self.sold = 0
        self._ports = (program.web[0].port, _port(program.simulator))
        self._alone = _port(alone)
        postgres = servers.postgres
        assert postgres is not None
        assert postgres.pid is not None
        self._processes = {
            "web": Server(0, program.web[0].pid),
            "worker": Server(0, program.worker.pid),
            "simulator": Server(0, program.simulator.process.pid),
            "PostgreSQL": Server(0, postgres.pid),
        }

    async def whole(self, requests: list[bytes], tickets: Tickets) -> None:
        async def work(web: Client, provider: Client, request: bytes) -> None:
            self.waits.append(await sell(web, provider, request, tickets))

        before = {name: process.cpu_seconds() for name, process in self._processes.items()}
        self.rates["paid and ticketed"].append(await callers(requests, self._ports, work))
        for name, process in self._processes.items():
            spent = process.cpu_seconds() - before[name]
            self.cpu.setdefault(name, []).append(spent / len(requests) * 1000)
        self.sold += len(requests)

    async def reserved(self, requests: list[bytes]) -> None:
        async def work(web: Client, _provider: Client, request: bytes) -> None:
            expect(await web.ask(request), 201)

        self.rates["only reserved"].append(await callers(requests, self._ports, work))

    async def simulator(self, count: int) -> None:
        async def work(_web: Client, provider: Client, request: bytes) -> None:
            intent = expect(await provider.ask(request), 200)
            path = f"/v1/payment_intents/{intent['id']}/confirm"
            expect(await provider.ask(form(path, payment_method="pm_card_visa")), 200)

        methods = {"automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never"}
        wanted = {"amount": 12_345, "currency": "sar", **methods}
        requests = [form("/v1/payment_intents", **wanted) for _ in range(count)]
        self.rates["simulator alone"].append(await callers(requests, (self._ports[0], self._alone), work))

    def report(self) -> None:
        """Print medians."""
        base = statistics.median(self.rates["paid and ticketed"])
        print(f"{CALLERS} callers, medians of {len(self.rates[WAYS[0]])} rounds; of the whole chain {self.sold} orders")
        for way, rates in self.rates.items():
            middle = statistics.median(rates)
            print(f"  {way:<24} {middle:7.1f}/s  {base / middle:5.2f}  ({min(rates):.1f}-{max(rates):.1f})")
        cuts = statistics.quantiles(self.waits, n=100)
        print(
            f"  from the card's confirmation to the ticket: p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms"
        )
        spent = ", ".join(f"{name} {statistics.median(each):.1f}" for name, each in self.cpu.items())
        print(f"  processor time of an order in ms: {spent}")


def _port(simulator: StripeSimulator) -> int:
    return int(simulator.url.rpartition(":")[2])


async def all_is_right(database: Database, program: RunningProgram, sold: int) -> None:
    """Each order that was paid is confirmed with a ticket and posted, nothing waits for staff, every promise holds."""
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM orders WHERE ticketing_status = 'issued'") == sold
        assert await connection.fetchval("SELECT count(*) FROM documents") == sold
        assert await connection.fetchval("SELECT count(*) FROM payments WHERE status = 'succeeded'") == sold
        assert await connection.fetchval("SELECT count(*) FROM ledger_postings WHERE kind = 'issued'") == sold
        assert await connection.fetchval("SELECT count(*) FROM refunds") == 0
        assert await connection.fetchval("SELECT count(*) FROM staff_queue") == 0
    verified = await asyncio.to_thread(program.command, "verify", "--json")
    assert verified.returncode == 0, verified.stdout[-4000:] + verified.stderr[-4000:]
    print(f"  afterwards {sold} orders with their tickets, postings and charges; ais verify is clean")


async def run(servers: EmbeddedServers, arguments: argparse.Namespace, folder: Path) -> None:
    markets = await prepare(servers.database_url)
    script = folder / "sale.sql"
    async with AsyncExitStack() as stack:
        program = stack.enter_context(running_program(folder, servers.database_url, servers.redis_url))
        alone = start_stripe_simulator(folder / "alone")
        stack.callback(alone.kill)
        database = await Database.connect(servers.database_url, minimum=2, maximum=4)
        stack.push_async_callback(database.close)
        tickets = Tickets(database)
        looking = asyncio.create_task(tickets.look())
        stack.callback(looking.cancel)
        sales = Sales(program, alone, servers)
        server = Server(program.web[0].port, program.web[0].pid)

        async def fresh(seed: int) -> list[bytes]:
            return order_requests(await asyncio.to_thread(offers, server, markets, seed, arguments.orders // 2), 2)

        warming = Sales(program, alone, servers)
        await warming.whole((await fresh(0))[: 2 * CALLERS], tickets)
        async with database.connection() as connection:
            script.write_text(await copy_of_a_sale(connection), encoding="utf-8")
        for number in range(1, arguments.rounds + 1):
            sales.rates["pgbench, the same rows"].append(
                await asyncio.to_thread(pgbench, servers, arguments.seconds, script, CALLERS)
            )
            await sales.reserved(await fresh(2 * number))
            await sales.simulator(arguments.orders)
            await sales.whole(await fresh(2 * number + 1), tickets)
        sales.report()
        print(f"  rows of a sale: {', '.join(ROWS_OF_A_SALE)}")
        await all_is_right(database, program, sales.sold + warming.sold)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--orders", type=int, default=600, help="of each way, in each round")
    arguments.add_argument("--seconds", type=float, default=5.0, help="of pgbench in each round")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="ais-bench-sales-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database's own user must be able to enter it
        with EmbeddedServers(folder / "data") as servers:
            migrate(servers.database_url)
            uvloop.run(run(servers, chosen, folder))


if __name__ == "__main__":
    main()
