"""One storm in this process, from its seed to its judgement."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.factories.in_process import departure
from tests.factories.mailbox import Mailbox
from tests.factories.stripe_simulator import API_KEY, StripeSimulator
from tests.simulation.storm.bank import Bank
from tests.simulation.storm.counter import Counter as MoneyCounter
from tests.simulation.storm.customers import Bought, Customer, Market
from tests.simulation.storm.judge import judge
from tests.simulation.storm.returns import give_back
from tests.simulation.storm.staff import (
    ACTOR,
    cancel_a_flight,
    close_departures,
    keep_seats_off_sale,
    void_an_order,
)
from tests.simulation.storm.world import (
    AFTER_CALM,
    CALM,
    STAFF_LIMIT,
    CutOff,
    PostOffice,
    World,
    open_world,
    slow_down_banks,
    trouble_at_provider,
)

from ais import ledger
from ais.accounts import audit
from ais.app.invariants import INVARIANTS
from ais.app.reconciliation import WEEK, reconcile_with_provider, window_before
from ais.payments import ProviderError, ProviderTimeout, ReconciliationReport
from ais.platform.invariants import find_violations

JSON = dict[str, Any]
CUSTOMERS_MAX = 100
CHAINS = (ledger.CHAIN, audit.CHAIN)
ROUTES = (("RUH", "JED"), ("RUH", "DMM"), ("RUH", "CAI"), ("DMM", "CAI"))


@dataclass
class Report:
    """What a storm came to; nothing in ``wrong`` means that all of it adds up."""

    seed: int
    wrong: list[str] = field(default_factory=list)
    hits: Counter[str] = field(default_factory=Counter)
    cuts: Counter[str] = field(default_factory=Counter)
    did: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)
    departures: int = 0
    captured: int = 0
    ticketed: int = 0
    seconds: float = 0.0


class InThisProcess:
    """Where customers shop when the program runs beside them."""

    def __init__(self, world: World, *, troubled: bool) -> None:
        self._world = world
        self.troubled = troubled
        self._counter = MoneyCounter(self, self.codes, self.waiting)

    @property
    def over(self) -> bool:
        return self._world.over

    @property
    def counter(self) -> MoneyCounter:
        return self._counter

    async def codes(self) -> list[str]:
        """The travel credits that were given."""
        return await self._world.program.rows("SELECT code FROM travel_credits ORDER BY id")

    async def waiting(self) -> list[str]:
        """The refunds that wait at the counter."""
        return await self._world.program.rows(
            """
            SELECT subject FROM staff_queue WHERE kind = 'cash_refund_waiting' AND resolved_at IS NULL ORDER BY subject
            """
        )

    async def ask(
        self, method: str, path: str, body: JSON | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response | None:
        try:
            return await self._world.program.http.request(method, path, json=body, headers=headers)
        except CutOff:
            return None

    async def ask_provider(self, method: str, path: str, form: JSON | None = None) -> httpx.Response | None:
        try:
            return await self._world.provider.request(method, path, data=form)
        except httpx.TransportError:
            return None

    async def at_provider(self, path: str, body: JSON) -> Any:
        answer = await self._world.provider.post(f"/_sandbox{path}", json=body)
        return answer.json() if answer.status_code == 200 else None

    async def wait_long(self) -> None:
        await self._world.advance(seconds=31)


async def storm(
    database_url: str, redis_url: str, simulator: StripeSimulator, mailbox: Mailbox, seed: int, *, faulty: bool
) -> Report:
    """Run the storm of this seed on a database with a market in it."""
    report = Report(seed)
    began = time.monotonic()
    async with open_world(database_url, redis_url, simulator, mailbox, seed, faulty=faulty) as world:
        report.hits, report.cuts = world.hits, world.cuts
        there, post = InThisProcess(world, troubled=faulty), PostOffice(world)
        bank = Bank(there, world.chance)
        await there.counter.open()
        await _make_scarce(world)
        await trouble_at_provider(world, seed)
        if faulty:
            await slow_down_banks(world, seed)
        market = Market(ROUTES, departure(2), 3)
        customers = [
            Customer(seed, number, there, market) for number in range(world.chance.randint(8, CUSTOMERS_MAX // 6))
        ]
        around = [asyncio.create_task(world.keep_working()) for _ in range(3)]
        around += [
            asyncio.create_task(each)
            for each in (
                post.keep_delivering(),
                bank.keep_banking(),
                _keep_chaining(world),
                _keep_paying_out(world, there.counter),
                _keep_reconciling(world),
            )
        ]
        weather = asyncio.create_task(_weather(world, faulty=faulty))
        try:
            gone = await asyncio.gather(*(_visit(each, there) for each in customers), return_exceptions=True)
            bought = [each.bought for each in customers if each.bought is not None]
        finally:
            weather.cancel()
            world.over = True
            ended = await asyncio.gather(*around, weather, return_exceptions=True)
        report.wrong += [
            f"somebody met with {each!r}"
            for each in (*gone, *ended)
            if isinstance(each, BaseException) and not isinstance(each, asyncio.CancelledError)
        ]
        try:
            await _afterwards(world, post, there.counter, bank, report)
        except AssertionError as problem:
            report.wrong.append(f"somebody met with {problem!r}")
        await _judge(world, report, bought, faulty=faulty)
    report.seconds = time.monotonic() - began
    return report


async def _afterwards(world: World, post: PostOffice, counter: MoneyCounter, bank: Bank, report: Report) -> None:
    """All that was begun comes to its end; in half of the storms some days go by, flights depart, and the money has
    been paid out. Then there is nothing left for reconciliation to do.
    """
    await _calm(world, post, counter)
    if world.chance.random() < 0.5:
        await bank.finish()
        await world.advance(days=world.chance.randint(1, 6))
        report.departures = await close_departures(world)
        await _calm(world, post, counter)
    if world.chance.random() < 0.5:
        await _reconcile(world)
        again = await _reconcile(world)
        report.wrong += [f"reconciliation finds something again: {row}" for row in again.rows if row.outcome == "fixed"]


async def _calm(world: World, post: PostOffice, counter: MoneyCounter) -> None:
    # What the last messages and pay-outs bring about has its time too.
    for steps in (CALM, AFTER_CALM):
        await world.calm_down(steps)
        await post.deliver_all()
        await counter.pay_out()
    await world.run_jobs()


async def _keep_chaining(world: World) -> None:
    """The chains of the books and of the audit trail are written beside the sale."""
    while not world.over:
        with suppress(TimeoutError):
            for chain in CHAINS:
                await chain.extend_to_the_end(world.program.database, ACTOR)
        await asyncio.sleep(0.15)


async def _keep_reconciling(world: World) -> None:
    """Books and provider are compared in the midst of it, two runs beside each other."""
    for _ in range(world.chance.choice((0, 0, 1, 2))):
        await asyncio.sleep(0.5 + world.chance.random() * 1.5)
        for ended in await asyncio.gather(_reconcile(world), _reconcile(world), return_exceptions=True):
            if isinstance(ended, BaseException) and not isinstance(ended, CutOff | ProviderError | ProviderTimeout):
                raise ended


async def _reconcile(world: World) -> ReconciliationReport:
    program = world.program
    window = window_before(program.database.clock.now(), WEEK)
    return await reconcile_with_provider(program.settings, program.database, program.gateways, window, ACTOR, "storm")


async def _keep_paying_out(world: World, counter: MoneyCounter) -> None:
    """Clerks hand out the refunds of cash payments."""
    while not world.over:
        await counter.pay_out()
        await asyncio.sleep(0.2)


async def _visit(customer: Customer, there: InThisProcess) -> None:
    await asyncio.sleep(customer.chance.random() * 2.0)
    if await customer.shop() is not None:
        await asyncio.sleep(0.3 + customer.chance.random() * 1.5)
        await give_back(customer, there)


async def _weather(world: World, *, faulty: bool) -> None:
    """The clock jumps past time limits now and then, and staff cancel a flight."""
    chance = world.chance
    for _ in range(chance.randint(0, 3) if faulty else 0):
        await asyncio.sleep(chance.random() * 1.5)
        thinking = chance.random() < 0.6
        if thinking:
            await _bank_is_thinking(world)
        # After 15.5 minutes a time limit has passed, and the minute for which a hold outlives it has not.
        await world.advance(minutes=chance.choice((3, 14, 15.5, 17, 20, 45)))
        if thinking and chance.random() < 0.25:
            await keep_seats_off_sale(world)
    for deed in chance.sample((_cancel_a_flight, void_an_order, void_an_order), chance.randint(0, 3)):
        await asyncio.sleep(chance.random() * 1.5)
        try:
            await deed(world)
        except CutOff:
            continue


async def _bank_is_thinking(world: World) -> None:
    """The worst moment for a time limit: a bank decides about money for seats that are held."""
    for _ in range(30):
        if await world.program.rows("SELECT id FROM payments WHERE status = 'processing' LIMIT 1"):
            return
        await asyncio.sleep(0.05)


async def _cancel_a_flight(world: World) -> None:
    await cancel_a_flight(world.program.database, world.chance)


async def _make_scarce(world: World) -> None:
    """Few seats are left on some flights, so that they sell out."""
    await world.program.rows(
        """
        UPDATE leg_cabins AS leg SET authorised = few.seats, limits = ARRAY(
            SELECT least(each, few.seats) FROM unnest(leg.limits) WITH ORDINALITY AS old (each, rank) ORDER BY rank)
        FROM (
            SELECT leg_id, cabin, 2 + (hashint8(leg_id + $2) & 7) AS seats
            FROM leg_cabins JOIN legs ON legs.id = leg_id
            WHERE scheduled_departure_at < ais_now() + interval '9 days' AND (hashint8(leg_id # $2) & 3) < $1
        ) AS few
        WHERE leg.leg_id = few.leg_id AND leg.cabin = few.cabin
        RETURNING 1
        """,
        world.chance.choice((0, 1, 3)),
        world.chance.randrange(1 << 31),
    )


async def _judge(world: World, report: Report, bought: list[Bought], *, faulty: bool) -> None:
    program = world.program
    report.did = Counter(did for each in bought for did in each.did)
    report.orders = Counter(
        f"{status} {payment}" for status, payment in await program.rows("SELECT status, payment_status FROM orders")
    )
    assert program.settings.database_url is not None
    judged = await judge(
        program.settings.database_url, program.simulator.url, API_KEY, faults=faulty, limit=STAFF_LIMIT
    )
    report.wrong += judged.wrong
    report.captured, report.ticketed, report.seen = judged.captured, judged.ticketed, judged.seen + world.seen
    for chain in CHAINS:
        await chain.extend_to_the_end(program.database, ACTOR)
        walked, table = await chain.verify(program.database), chain.table
        if walked.broken is not None:
            report.wrong.append(f"the {table.name} chain is broken: {walked.broken}")
        if walked.waiting:
            report.wrong.append(f"the {table.name} chain has left out {walked.waiting} of {table.rows}")
    report.wrong += [f"{run.name} is dead: {run.error}" for run in world.failed_jobs]
    if any("eadlock" in each for each in report.wrong):
        report.wrong += await world.deadlocks()
    report.wrong += [
        f"{violation.invariant.name}: {violation.rows[:3]}"
        for violation in await find_violations(program.database, INVARIANTS)
    ]
