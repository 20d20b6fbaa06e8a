"""Cuts off a running program again and again, at named places and with signal 9, while shoppers go on shopping.

Whoever shops repeats each request under its key until it is answered, as a client does whose connection broke.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, NamedTuple

import asyncpg
import httpx
from tests.factories.running_program import Part, RunningProgram
from tests.factories.shopper import GONE, JSON, Shopper, days_ahead, expect, new_key, order_request

from ais.platform.embedded import EmbeddedPostgres
from ais.platform.embedded.processes import start_time

WEB_POINTS = ("orders.claimed", "orders.written", "payments.begun", "payments.called", "webhooks.stored")
WORKER_POINTS = ("job.started", "job.finished", "payments.called", "payments.settled", "orders.closed")
PATIENCE_SECONDS = 200.0
# Of the web process, whose traceback leads through its lifespan, and of the worker.
ENDED_WHILE_STARTING = ("in lifespan", "Traceback (most recent call last)", "cannot be used")
CONNECTION_LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
MARKETS = ("JED", "CAI", "DXB", "AMM", "AHB", "MED", "GIZ", "KWI", "DMM", "IST")


class Cut(NamedTuple):
    """The part in which the place is armed, the place, at which hit, and what ends there."""

    part: str
    point: str
    hit: int
    victim: str


def planned_cuts(seed: int, *, rounds: int, with_database: bool, latest_hit: int = 3) -> list[Cut]:
    """Every place `rounds` times for the process itself and, if wanted, as often for the database, in seeded order."""
    chance = random.Random(seed)
    places = [("web", point) for point in WEB_POINTS] + [("worker", point) for point in WORKER_POINTS]
    cuts = []
    for _ in range(rounds):
        for victim in ("itself", "postgresql") if with_database else ("itself",):
            cuts += [Cut(part, point, chance.randint(1, latest_hit), victim) for part, point in places]
    chance.shuffle(cuts)
    return cuts


class Cutter:
    """Runs web process 0 and the worker of a program, each armed with its next cut, until the plan is used up.

    `hurry` lets time pass that a test need not wait for: the 30 seconds for which an operation that a dead process
    began is reserved, the 20 after which a dead worker's jobs are taken up, and the time to pay of who does not pay.
    """

    def __init__(self, program: RunningProgram, server: EmbeddedPostgres, cuts: list[Cut], *, hurry: bool) -> None:
        self.program = program
        self.server = server
        self.hurry = hurry
        self.done: list[Cut] = []
        self.queues = {name: deque(cut for cut in cuts if cut.part == name) for name in ("web", "worker")}
        self._database = asyncio.Lock()
        # A server that ends so often would be given up; here that is what is wanted of it.
        assert server.child is not None
        server.child.spec = replace(server.child.spec, restarts=1000)
        self.finished = asyncio.Event()

    async def run(self) -> None:
        """Cut until the plan is used up, then leave both parts running with nothing armed."""
        await asyncio.gather(
            self._keep("web", self.program.web[0]),
            self._keep("worker", self.program.worker),
        )
        self.finished.set()

    async def _keep(self, name: str, part: Part) -> None:
        queue = self.queues[name]
        while queue:
            cut = queue.popleft()
            await asyncio.sleep(0.05)  # who waited for the database's turn has it now
            if cut.victim == "postgresql" and self._database.locked():
                # One cut of the database at a time; meanwhile this part makes another one, or just works.
                other = next((each for each in queue if each.victim == "itself"), None)
                if other is not None:
                    queue.remove(other)
                    queue.appendleft(cut)
                    cut = other
                else:
                    await self._start(part, "")
            if cut.victim == "postgresql":
                async with self._database:
                    part.kill()
                    await self._cut_database(part, cut)
            else:
                await self._start(part, f"{cut.point}:{cut.hit}")
                while not await _is_cut_off(part):
                    await self._start(part, f"{cut.point}:{cut.hit}")
                part.kill()
            self.done.append(cut)
        await self._start(part, "")

    async def _cut_database(self, part: Part, cut: Cut) -> None:
        before = self.server.pid
        assert self.server.child is not None
        # It is started again at once, not ever later as one that will not stay up.
        self.server.child.crashes.clear()
        await self._start(part, f"{cut.point}:{cut.hit}:{before}")
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while self.server.pid == before and start_time(before or 0):
            assert time.monotonic() < give_up_at, f"{cut} was not reached"
            assert part.is_running, part.said()[-4000:]
            await asyncio.sleep(0.01)
        connection = await self._connect()
        await connection.close()
        # The part has to find its way back by itself, before it is ended too.
        await asyncio.to_thread(part.wait_until_ready)
        await asyncio.sleep(0.5)
        part.kill()

    async def _start(self, part: Part, faults: str) -> None:
        """Start it, ended if it still runs, with these faults armed; with none wait until it is ready."""
        part.kill()
        connection = await self._connect()
        if self.hurry and part is self.program.worker:
            await connection.execute("UPDATE jobs SET heartbeat = now() - interval '1 minute' WHERE status = 'picked'")
        await connection.close()
        if part.log.exists():
            # Whether it is ready again is read from its log; what it said before is kept beside it.
            with part.log.with_suffix(".earlier").open("ab") as earlier:
                earlier.write(part.log.read_bytes())
            part.log.unlink()
        part.start(wait=False, AIS_FAULT_POINTS=faults)
        if not faults:
            try:
                await asyncio.to_thread(part.wait_until_ready)
            except RuntimeError:
                # The database went away while it started: like any supervisor, try again.
                await self._start(part, faults)

    async def _connect(self) -> asyncpg.Connection[Any]:
        """A connection to the database, which may be about to come back."""
        give_up_at = time.monotonic() + 30
        while True:
            try:
                return await asyncpg.connect(self.server.url(), timeout=5)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                if time.monotonic() > give_up_at:
                    raise
                await asyncio.sleep(0.05)

    async def end_lease(self, key: str) -> None:
        """Let the lease of the operation under this key end, whose process is dead."""
        await self._execute(
            "UPDATE idempotency_records SET lease_until = ais_now() WHERE key = $1 AND status IS NULL", key
        )

    async def end_time_limit(self, order: JSON) -> None:
        """Let the time to pay for this order be over."""
        await self._execute(
            "UPDATE orders SET payment_required_by = ais_now() WHERE record_locator = $1", order["record_locator"]
        )

    async def _execute(self, statement: str, *arguments: str) -> None:
        """Run a statement, again if the database is cut off meanwhile."""
        while True:
            connection = await self._connect()
            try:
                await connection.execute(statement, *arguments)
            except CONNECTION_LOST:
                connection.terminate()
                await asyncio.sleep(0.05)
            else:
                await connection.close()
                return


async def _is_cut_off(part: Part) -> bool:
    """Wait until the process, or the one that it has started to do its work, has ended; whether by its armed fault.

    It may also end while it starts, because the database is away at that moment.
    """
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    seen: set[int] = set()
    while part.is_running and not any(not start_time(pid) for pid in seen):
        seen.update(part.children())
        assert time.monotonic() < give_up_at, f"{part.name} was not cut off:\n{part.said()[-2000:]}"
        await asyncio.sleep(0.01)
    return not any(words in part.said() for words in ENDED_WHILE_STARTING)


class Customer:
    """One shopper, who repeats each request under its key until it is answered."""

    def __init__(self, cutter: Cutter, shopper: Shopper, number: int) -> None:
        self.cutter = cutter
        self.shopper = shopper
        self.number = number
        self.repeats = 0
        self.chance = random.Random(number)

    async def story(self) -> JSON:
        """Search, order, and pay at once, after a declined card, or never: by the number. The order at its end."""
        fate = ("gives up", "pays", "declined", "pays", "pays")[self.number % 5]
        # Holds of the second web process last a few seconds only.
        web = 1 if fate == "gives up" else 0
        offer = await self._offer(web)
        body, key = order_request(offer), new_key()
        order: JSON = await self.until(201, lambda: self.shopper.ask_for_order(body, key, web=web), key)
        again = await self.until(201, lambda: self.shopper.ask_for_order(body, key, web=web), key)
        assert again["id"] == order["id"]
        payment_key = new_key()
        payment = await self.until(201, lambda: self.shopper.ask_for_payment(order, payment_key, web=web), payment_key)
        assert payment["amount"] == offer["total"]
        if fate == "gives up":
            if self.cutter.hurry:
                await self.cutter.end_time_limit(order)
            return {**await self.shopper.wait_for(order, "expired", seconds=PATIENCE_SECONDS, web=web), "key": key}
        if fate == "declined":
            assert (await self.shopper.confirm_card(payment, "pm_card_chargeDeclined")).status_code == 402
        expect(200, await self.shopper.confirm_card(payment))
        done = await self.shopper.wait_for(order, "confirmed", seconds=PATIENCE_SECONDS)
        assert len(done["documents"]) == 1
        return {**done, "key": key}

    async def _offer(self, web: int) -> JSON:
        day, destination = days_ahead(self.chance.randint(5, 30)), self.chance.choice(MARKETS)
        body = {
            "slices": [{"origin": "RUH", "destination": destination, "departure_date": day.isoformat()}],
            "passengers": [{"type": "adult"}],
        }
        found = await self.until(200, lambda: self.shopper.request("POST", "/api/v1/offers/search", body, web=web), "")
        return found["offers"][self.number % len(found["offers"])] if found["offers"] else await self._offer(web)

    async def until(self, status: int, ask: Callable[[], Awaitable[httpx.Response]], key: str) -> JSON:
        """The answer to a request that is repeated as long as it is not answered, or answered as retryable."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            try:
                answer = await ask()
            except GONE:
                self.repeats += 1
                await asyncio.sleep(0.1)
                if key and self.cutter.hurry:
                    await self.cutter.end_lease(key)
                continue
            if answer.status_code == status:
                return answer.json()
            error = answer.json()["error"]
            assert error["retryable"], answer.text
            assert error["code"] != "INTERNAL_ERROR", answer.text
            self.repeats += 1
            if error["code"] == "IDEMPOTENCY_IN_PROGRESS" and self.cutter.hurry:
                await self.cutter.end_lease(key)
            await asyncio.sleep(0.1)
        raise AssertionError("the request was not answered in time")
