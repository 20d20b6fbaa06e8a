"""A storm over the running program, whose processes and database are ended by signal 9 again and again."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from tests.factories.connections import client_of_mortals
from tests.factories.cutting import CONNECTION_LOST
from tests.factories.in_process import departure
from tests.factories.running_program import Part, RunningProgram, private_market, running_program
from tests.factories.stripe_simulator import API_KEY
from tests.simulation.storm.bank import Bank
from tests.simulation.storm.counter import Counter as MoneyCounter
from tests.simulation.storm.customers import Customer, Market
from tests.simulation.storm.judge import judge
from tests.simulation.storm.returns import give_back
from tests.simulation.storm.storm import ROUTES, Report
from tests.simulation.storm.world import PROVIDER_TROUBLE, TROUBLED_PATHS

from ais.platform.embedded import EmbeddedPostgres, SharedServers

JSON = dict[str, Any]
HOLD_MINUTES = "0.15"
LINK_MINUTES = "45"
SETTLED_WITHIN_SECONDS = 60.0
# How far the clocks of program and provider are put forward at the end, so that nothing waits for its time any more.
SHIFTS = (timedelta(0), timedelta(minutes=50), timedelta(hours=4))


class KilledWorld:
    """A running program, what ends its parts, and what starts them again."""

    def __init__(self, program: RunningProgram, server: EmbeddedPostgres, seed: int) -> None:
        self.program = program
        self.server = server
        self.chance = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.over = False
        self.shift = timedelta(0)
        assert server.child is not None
        server.child.spec = replace(server.child.spec, restarts=1000)

    @property
    def parts(self) -> list[Part]:
        return [*self.program.web, self.program.worker]

    async def keep_running(self) -> None:
        """What a supervisor does: a part that has ended is started again."""
        while not self.over:
            for part in self.parts:
                if not part.is_running:
                    part.kill()  # also what it has left behind
                    part.start(wait=False, AIS_CLOCK_SHIFT_SECONDS=str(self.shift.total_seconds()))
            await asyncio.sleep(0.05)

    async def keep_killing(self, times: int) -> None:
        """End a part or the database, at moments of chance."""
        for _ in range(times):
            await asyncio.sleep(0.3 + 1.2 * self.chance.random())
            victim = self.chance.choice(("web", "worker", "postgresql"))
            if victim == "postgresql":
                assert self.server.child is not None
                self.server.child.crashes.clear()
                if self.server.pid is not None:
                    os.kill(self.server.pid, signal.SIGKILL)
            else:
                (self.program.web[0] if victim == "web" else self.program.worker).kill()
            self.kills[victim] += 1

    async def trouble(self, seed: int) -> None:
        """Webhooks are delayed, doubled, reordered and dropped; the provider fails before and after it has acted."""
        chance, control = self.chance, self.program.simulator.control
        switches = {
            "seed": seed,
            "duplicate_probability": chance.choice((0.0, 0.3)),
            "delay_most_seconds": chance.choice((0.0, 1.0)),
            "reorder_probability": chance.choice((0.0, 0.3)),
            "drop_probability": chance.choice((0.0, 0.3)),
        }
        await asyncio.to_thread(control, "POST", "/webhooks", switches)
        share = chance.choice((0.0, 0.005, 0.01))
        for number, rule in enumerate(PROVIDER_TROUBLE if share else ()):
            for path in TROUBLED_PATHS:
                body = {**rule, "path": path, "method": "*", "times": None, "probability": share, "seed": number}
                await asyncio.to_thread(control, "POST", "/faults", body)

    async def calm_down(self, counter: MoneyCounter) -> None:
        """No more trouble; then the clocks are put forward step by step, each time until nothing is due and nobody
        waits at the counter.
        """
        control = self.program.simulator.control
        calm = dict.fromkeys(
            ("duplicate_probability", "delay_most_seconds", "reorder_probability", "drop_probability"), 0.0
        )
        await asyncio.to_thread(control, "DELETE", "/faults")
        await asyncio.to_thread(control, "POST", "/webhooks", calm)
        for shift in SHIFTS:
            step = (shift - self.shift).total_seconds()
            self.shift = shift
            if step:
                await asyncio.to_thread(control, "POST", "/clock", {"advance_seconds": step})
                for part in self.parts:
                    part.kill()
            await asyncio.to_thread(control, "POST", "/transitions/run")
            await asyncio.to_thread(control, "POST", "/webhooks/flush")
            await asyncio.sleep(1.0)
            await self._until_quiet()
            await counter.pay_out()
            await self._until_quiet()

    async def _until_quiet(self) -> None:
        give_up_at = time.monotonic() + SETTLED_WITHIN_SECONDS
        quiet = 0
        while quiet < 3:
            assert time.monotonic() < give_up_at, "work is left that nobody does"
            await asyncio.sleep(0.3)
            try:
                connection = await asyncpg.connect(self.program.database_url, timeout=5)
                due = await connection.fetchval(
                    """
                    SELECT count(*) FROM jobs WHERE status = 'picked'
                    OR (status = 'queued' AND execute_after <= clock_timestamp() + $1)
                    """,
                    self.shift,
                )
                await connection.execute(
                    "UPDATE jobs SET heartbeat = now() - interval '1 minute'"
                    " WHERE status = 'picked' AND heartbeat < now() - interval '2 seconds'"
                )
                await connection.close()
            except CONNECTION_LOST:
                continue
            quiet = quiet + 1 if due == 0 and all(part.is_running for part in self.parts) else 0


class OverHTTP:
    """Where customers shop when the program runs as people run it."""

    troubled = True

    def __init__(self, world: KilledWorld, http: httpx.AsyncClient, provider: httpx.AsyncClient) -> None:
        self._world = world
        self._http = http
        self._provider = provider
        self._counter = MoneyCounter(self, self.codes, self.waiting)

    @property
    def over(self) -> bool:
        return self._world.over

    @property
    def counter(self) -> MoneyCounter:
        return self._counter

    async def codes(self) -> list[str]:
        """The travel credits that were given."""
        return await self._found("SELECT code FROM travel_credits ORDER BY id")

    async def waiting(self) -> list[str]:
        """The refunds that wait at the counter."""
        return await self._found(
            """
            SELECT subject FROM staff_queue WHERE kind = 'cash_refund_waiting' AND resolved_at IS NULL ORDER BY subject
            """
        )

    async def _found(self, statement: str) -> list[str]:
        """What a statement finds, nothing while the database is away."""
        try:
            connection = await asyncpg.connect(self._world.program.database_url, timeout=5)
            found = [row[0] for row in await connection.fetch(statement)]
            await connection.close()
        except CONNECTION_LOST:
            return []
        return found

    async def ask(
        self, method: str, path: str, body: JSON | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response | None:
        try:
            return await self._http.request(method, path, json=body, headers=headers)
        except httpx.TransportError:
            await asyncio.sleep(0.1)
            return None

    async def ask_provider(self, method: str, path: str, form: JSON | None = None) -> httpx.Response | None:
        try:
            return await self._provider.request(method, path, data=form)
        except httpx.TransportError:
            return None

    async def at_provider(self, path: str, body: JSON) -> Any:
        answer = await self._provider.post(f"/_sandbox{path}", json=body)
        return answer.json() if answer.status_code == 200 else None

    async def wait_long(self) -> None:
        """Here the clock cannot be moved for all: the time that is reserved is let be over instead."""
        try:
            connection = await asyncpg.connect(self._world.program.database_url, timeout=5)
            await connection.execute(
                """
                UPDATE idempotency_records SET lease_until = ais_now()
                WHERE status IS NULL AND lease_until < ais_now() + interval '25 seconds'
                """
            )
            await connection.close()
        except CONNECTION_LOST:
            return


class KillingField:
    """A PostgreSQL to kill, with the market in it; each storm has a copy."""

    def __init__(self, servers: SharedServers, server: EmbeddedPostgres, folder: Path) -> None:
        self._servers = servers
        self._server = server
        self._folder = folder

    async def storm(self, seed: int) -> Report:
        """The storm of this seed, judged."""
        began = time.monotonic()
        report = Report(seed)
        name = f"storm_{seed}"
        connection = await asyncpg.connect(self._server.url("postgres"), timeout=30)
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE ais")
        await connection.close()
        with running_program(
            self._folder / name,
            self._server.url(name),
            self._servers.cache_url(),
            environment={
                "AIS_HOLD_MINUTES": HOLD_MINUTES,
                "AIS_PAYMENT_MINUTES": HOLD_MINUTES,
                "AIS_PAY_LINK_MINUTES": LINK_MINUTES,
            },
            started=False,
        ) as program:
            world = KilledWorld(program, self._server, seed)
            program.start()
            await self._storm(world, report, seed)
        report.seconds = time.monotonic() - began
        return report

    async def _storm(self, world: KilledWorld, report: Report, seed: int) -> None:
        program = world.program
        await world.trouble(seed)
        async with (
            client_of_mortals(base_url=program.web[0].url) as http,
            client_of_mortals(base_url=program.simulator.url, auth=(API_KEY, "")) as provider,
        ):
            there = OverHTTP(world, http, provider)
            await there.counter.open()
            bank = Bank(there, world.chance)
            market = Market(ROUTES, departure(2), 30)
            customers = [Customer(seed, number, there, market) for number in range(world.chance.randint(12, 20))]
            keeper = asyncio.create_task(world.keep_running())
            killer = asyncio.create_task(world.keep_killing(world.chance.randint(4, 8)))
            around = [asyncio.create_task(each) for each in (bank.keep_banking(), _keep_reconciling(world))]
            gone = await asyncio.gather(*(_visit(each, there) for each in customers), killer, return_exceptions=True)
            for each in around:
                each.cancel()
            gone += await asyncio.gather(*around, return_exceptions=True)
            report.wrong += [
                f"somebody met with {each!r}"
                for each in gone
                if isinstance(each, BaseException) and not isinstance(each, asyncio.CancelledError)
            ]
            await bank.finish()
            await world.calm_down(there.counter)
            world.over = True
            await keeper
        report.cuts = world.kills
        report.did = Counter(did for each in customers if each.bought for did in each.bought.did)
        judged = await judge(program.database_url, program.simulator.url, API_KEY, faults=True)
        report.wrong += judged.wrong
        report.captured, report.ticketed, report.seen = judged.captured, judged.ticketed, judged.seen
        program.environment["AIS_CLOCK_SHIFT_SECONDS"] = str(world.shift.total_seconds())
        verified = await asyncio.to_thread(program.command, "verify", "--json")
        report.wrong += [
            f"{each['name']}: {each['rows'][:3]}"
            for each in json.loads(verified.stdout)["invariants"]
            if not each["holds"]
        ]


async def _keep_reconciling(world: KilledWorld) -> None:
    """Books and provider are compared in the midst of it, two runs beside each other."""
    await asyncio.sleep(1.0 + 2.0 * world.chance.random())
    await asyncio.gather(*(asyncio.to_thread(world.program.command, "reconcile") for _ in range(2)))


async def _visit(customer: Customer, there: OverHTTP) -> None:
    await asyncio.sleep(customer.chance.random() * 3.0)
    if await customer.shop() is not None:
        await give_back(customer, there)


@asynccontextmanager
async def open_killing_field(servers: SharedServers) -> AsyncIterator[KillingField]:
    """The database started, once for all storms; ended with the block."""
    with tempfile.TemporaryDirectory(prefix="ais-storm-") as name, private_market(servers) as server:
        yield KillingField(servers, server, Path(name))
