"""The world of one storm in this process: the program, the provider beside it, the clock, and what goes wrong."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
from tests.factories.in_process import InProcess, in_process
from tests.factories.mailbox import Mailbox
from tests.factories.stripe_simulator import StripeSimulator

from ais.platform import faults
from ais.platform.jobs.worker import JobRun, run_due_jobs

JSON = dict[str, Any]
FORGED = 0.02
LATE = "TimeoutError"
# Places that are passed seldom are cut so many times as often.
RARE = {"refunds.called": 6, "cancellations.confirmed": 4, "notices.sent": 6}
# Above this sum, in minor units, staff need a second person: most orders cost more.
STAFF_LIMIT = 30_000
# In so many of the storms people are told by mail.
MAIL = 0.35
# The others decide within twenty seconds.
SLOW_BANKS, SLOW_BANK_SECONDS = 0.5, 1500.0
# What goes by when it is calm: retries come after seconds, time limits after minutes, the last tries after hours.
CALM: tuple[Mapping[str, float], ...] = (
    {"seconds": 0},
    {"seconds": 40},
    {"minutes": 2},
    {"minutes": 20},
    {"hours": 1},
    {"hours": 3},
)
AFTER_CALM: tuple[Mapping[str, float], ...] = ({"minutes": 20}, {"hours": 3})
# A storm has its own present: SQL reads it from a row, the program's clock and the provider's are moved with it.
CLOCK = """
CREATE UNLOGGED TABLE storm_clock (shift interval NOT NULL);
INSERT INTO storm_clock VALUES ('0');
CREATE OR REPLACE FUNCTION ais_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN clock_timestamp() + (SELECT shift FROM storm_clock);
"""


# The server's log says of a deadlock who waited for whom with which statement, which the error does not.
DEADLOCKS_TOLD = """
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET log_error_verbosity = %L', current_database(), 'default');
END $$
"""
LOG = """
SELECT pg_read_file(name, greatest(0, (pg_stat_file(name)).size - 400000), 400000)
FROM (SELECT current_setting('data_directory') || '/../start.log' AS name) AS log
"""


class CutOff(BaseException):
    """The process ended here: nothing of the program may catch it."""


@dataclass
class Weather:
    """What goes wrong, each by its chance; all zero is calm."""

    cut: float = 0.0
    lost: float = 0.0
    duplicated: float = 0.0
    late: float = 0.0
    provider: float = 0.0

    @classmethod
    def calm(cls) -> Weather:
        return cls()

    @classmethod
    def drawn(cls, chance: random.Random) -> Weather:
        """A weather in which each kind of trouble is off, rare or frequent."""
        return cls(
            cut=chance.choice((0.0, 0.01, 0.05)),
            lost=chance.choice((0.0, 0.1, 0.5)),
            duplicated=chance.choice((0.0, 0.2, 0.6)),
            late=chance.choice((0.0, 0.3, 0.8)),
            provider=chance.choice((0.0, 0.02, 0.08)),
        )


@dataclass
class World:
    """Everything that a storm acts upon. ``hits`` counts the fault points passed, ``cuts`` those where it was cut,
    ``seen`` what staff were answered.
    """

    program: InProcess
    chance: random.Random
    weather: Weather
    hits: Counter[str] = field(default_factory=Counter)
    cuts: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    failed_jobs: list[JobRun] = field(default_factory=list)
    knows_schedules: bool = False
    over: bool = False

    @property
    def provider(self) -> httpx.AsyncClient:
        return self.program.provider

    async def advance(self, **by: float) -> None:
        """Let time pass for everybody at once."""
        step = timedelta(**by)
        await self.program.rows("UPDATE storm_clock SET shift = shift + $1 RETURNING 1", step)
        self.program.database.clock.shift += step  # type: ignore[attr-defined]  # the clock of tests has a shift
        await asyncio.to_thread(
            self.program.simulator.control, "POST", "/clock", {"advance_seconds": step.total_seconds()}
        )

    def pass_fault_point(self, name: str) -> None:
        """Called by the program at each of its fault points."""
        self.hits[name] += 1
        if self.weather.cut and self.chance.random() < self.weather.cut * RARE.get(name, 1):
            self.cuts[name] += 1
            raise CutOff(name)

    async def run_jobs(self) -> list[JobRun]:
        """Run what is due until nothing is; a worker that is cut off is followed by another."""
        while True:
            try:
                runs = await run_due_jobs(
                    self.program.database, self.program.registry, limit=500, knows_schedules=self.knows_schedules
                )
            except (CutOff, TimeoutError):
                continue  # TimeoutError: on a machine with too much to do no connection was free for ten seconds
            self.knows_schedules = True
            # And a schedule that found none has its next turn.
            self.failed_jobs += [
                run for run in runs if run.is_dead and not (self._is_schedule(run) and run.error == LATE)
            ]
            return runs

    def _is_schedule(self, run: JobRun) -> bool:
        return self.program.registry.definitions[run.name].schedule is not None

    async def keep_working(self) -> None:
        """What workers do, until the storm is over."""
        while not self.over:
            await self.run_jobs()
            await asyncio.sleep(0.1)

    async def deadlocks(self) -> list[str]:
        """What the server's log says of deadlocks: the waiting processes and their statements."""
        (log,) = await self.program.rows(LOG)
        lines = log.splitlines()
        return [
            line
            for line in lines
            if "deadlock detected" in line or line.strip().startswith("Process ") or "DETAIL:  Process " in line
        ]

    async def calm_down(self, steps: Sequence[Mapping[str, float]]) -> None:
        """No more trouble, and time enough for all that was begun: what is not finished then never will be."""
        self.weather = Weather.calm()
        control = self.program.simulator.control
        await asyncio.to_thread(control, "DELETE", "/faults")
        for step in steps:
            await self.advance(**step)
            await asyncio.to_thread(control, "POST", "/transitions/run")
            await self.run_jobs()


PROVIDER_TROUBLE: tuple[JSON, ...] = (
    {"action": "rate_limit"},
    {"action": "error_before", "status": 500},
    {"action": "error_after", "status": 500, "kept": "error"},
    {"action": "error_after", "status": 502, "kept": "answer"},
    {"action": "cut_before"},
    {"action": "cut_after"},
    {"action": "hang_after", "seconds": 0.1},
)
# What is told of an attempt now and then comes so late that it is no longer so.
STALE: JSON = {"action": "hang_after", "seconds": 0.3, "method": "GET", "probability": 0.12}
TROUBLED_PATHS = ("/v1/payment_intents*", "/v1/checkout/sessions*", "/v1/refunds*")


async def trouble_at_provider(world: World, seed: int) -> None:
    """From now on the provider fails as often as the weather says: before and after it has acted."""
    share = world.weather.provider / len(PROVIDER_TROUBLE)
    if not share:
        return
    rules = [{"method": "*", "probability": share, **rule} for rule in PROVIDER_TROUBLE] + [STALE]
    for number, rule in enumerate(rules):
        for path in TROUBLED_PATHS:
            trouble = {**rule, "path": path, "times": None, "seed": seed + number}
            await asyncio.to_thread(world.program.simulator.control, "POST", "/faults", trouble)


async def slow_down_banks(world: World, seed: int) -> None:
    """In some storms banks decide for so long that a time limit passes meanwhile, and the seats must wait for them."""
    if random.Random(f"{seed} bank").random() < SLOW_BANKS:
        body = {"settle_seconds": SLOW_BANK_SECONDS}
        await asyncio.to_thread(world.program.simulator.control, "POST", "/settings", body)


class PostOffice:
    """Carries the provider's events to the program: late, twice, in another order, or not at all."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._newest: str | None = None
        self._waiting: list[tuple[int, JSON]] = []
        self._round = 0

    async def keep_delivering(self) -> None:
        while not self._world.over:
            await self.deliver()
            await asyncio.sleep(0.06)

    async def deliver(self) -> None:
        """One round: fetch what is new, hand over what is due."""
        world, chance = self._world, self._world.chance
        self._round += 1
        for event in await self._new_events():
            if chance.random() < world.weather.lost:
                continue
            for _ in range(1 + (chance.random() < world.weather.duplicated) * chance.randint(1, 3)):
                delay = chance.randint(1, 20) if chance.random() < world.weather.late else 0
                self._waiting.append((self._round + delay, event))
        due = [event for when, event in self._waiting if when <= self._round]
        self._waiting = [entry for entry in self._waiting if entry[0] > self._round]
        chance.shuffle(due)
        for event in due:
            if chance.random() < FORGED:
                await self._forge(event)
            try:
                answer = await world.program.deliver(event)
            except CutOff:
                self._waiting.append((self._round + 1, event))  # not answered, so it comes again
                continue
            if answer.status_code == 503:
                self._waiting.append((self._round + 5, event))  # a machine with too much to do
            else:
                assert answer.status_code == 200, answer.text

    async def _forge(self, event: JSON) -> None:
        """Somebody who does not know the secret tells us the same."""
        answer = await self._world.program.deliver({**event, "id": f"{event['id']}forged"}, secret="whsec_forged")
        if answer.status_code < 400:
            raise AssertionError(f"a forged message was taken: {answer.status_code} {event['type']}")

    async def deliver_all(self) -> None:
        """Whatever still waits, now."""
        for _ in range(20):
            self._round += 1000
            await self.deliver()
            if not self._waiting:
                return
            await asyncio.sleep(0.5)

    async def _new_events(self) -> list[JSON]:
        """What has happened since the last look, oldest first."""
        found: list[JSON] = []
        while True:
            since = {"ending_before": self._newest} if self._newest is not None else {}
            answer = await self._world.provider.get("/v1/events", params={"limit": 100, **since})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            if page["data"]:
                self._newest = page["data"][0]["id"]
                found += page["data"][::-1]
            if not page["has_more"]:
                return found
            assert since, "the first look comes before there are so many"


@asynccontextmanager
async def open_world(
    database_url: str, redis_url: str, simulator: StripeSimulator, mailbox: Mailbox, seed: int, *, faulty: bool
) -> AsyncIterator[World]:
    """The program on a database of the storm's own, everything at its beginning."""
    chance = random.Random(seed)
    await asyncio.to_thread(simulator.control, "POST", "/reset")
    await asyncio.to_thread(simulator.control, "POST", "/clock", {"now": time.time()})
    connection = await asyncpg.connect(database_url)
    await connection.execute(CLOCK)
    await connection.execute(DEADLOCKS_TOLD)
    await connection.close()
    # A link that is mailed ends within the calm, like every other attempt.
    settings: JSON = {
        "sale_days": 40,
        "pay_link_minutes": 60.0,
        "refund_approval_above": f"SAR {STAFF_LIMIT // 100}",
    }
    if random.Random(f"{seed} mail").random() < MAIL:
        settings |= {"smtp_url": mailbox.smtp_url, "mail_from": "Storm Air <storm@example.com>"}
    async with in_process(database_url, redis_url, simulator, **settings) as program:
        world = World(program, chance, Weather.drawn(chance) if faulty else Weather.calm())
        stop: Callable[[], None] = faults.watch(world.pass_fault_point)
        try:
            await world.run_jobs()
            yield world
        finally:
            world.over = True
            stop()
