"""Whatever is cut off, wherever: the same request again, and the story is whole and every promise holds."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from contextlib import AsyncExitStack

import asyncpg
import pytest
from tests.factories.cutting import WEB_POINTS, WORKER_POINTS, Customer, Cut, Cutter, planned_cuts
from tests.factories.running_program import private_market, running_program
from tests.factories.shopper import Shopper

from ais.platform.faults import FAULT_POINTS

AT_ONCE = 4
BRIEF_MINUTES = "0.07"


@pytest.fixture
def cut_program(servers, tmp_path):
    """A program over a database of its own; its second web process holds seats for four seconds and is not cut."""
    brief = {"AIS_HOLD_MINUTES": BRIEF_MINUTES, "AIS_PAYMENT_MINUTES": BRIEF_MINUTES}
    with (
        private_market(servers) as server,
        running_program(
            tmp_path, server.url(), servers.cache_url(), web=2, web_environments=({}, brief), started=False
        ) as program,
    ):
        program.start(program.web[1])
        yield program, server


async def sweep(program, server, cuts, *, hurry):
    """Shop while the cuts are made; the orders of all stories, told to their end, and the cuts that were made."""
    began = time.monotonic()
    cutter = Cutter(program, server, cuts, hurry=hurry)
    customers: list[Customer] = []
    orders = []
    async with AsyncExitStack() as stack:
        shopper = await stack.enter_async_context(Shopper(program))

        async def shop():
            while not cutter.finished.is_set():
                customer = Customer(cutter, shopper, len(customers))
                customers.append(customer)
                orders.append(await customer.story())

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(cutter.run())
            for _ in range(AT_ONCE):
                tasks.create_task(shop())
        made = Counter((cut.part, cut.point, cut.victim) for cut in cutter.done)
        print(
            f"\n{len(cutter.done)} cuts, {len(orders)} stories, {sum(each.repeats for each in customers)} repeats,"
            f" {time.monotonic() - began:.0f} s: {dict(made)}"
        )
        await every_story_is_whole(program, shopper, orders)
    return cutter.done


async def every_story_is_whole(program, shopper, orders):
    """One order per key, one payment per order, charged once or never, nothing left over in the queue of jobs."""
    assert len({order["id"] for order in orders}) == len({order["key"] for order in orders}) == len(orders)
    connection = await asyncpg.connect(program.database_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM orders") == len(orders)
        assert await connection.fetchval("SELECT count(*) FROM payments") == len(orders)
        assert await connection.fetchval("SELECT count(*) FROM refunds") == 0
        assert await connection.fetchval("SELECT count(*) FROM staff_queue") == 0
        assert await connection.fetch("SELECT entrypoint FROM jobs WHERE status = 'failed'") == []
        unpaid = [order for order in orders if order["status"] == "expired"]
        assert await connection.fetchval("SELECT count(*) FROM documents") == len(orders) - len(unpaid)
        paid = await connection.fetchval("SELECT sum(paid_minor) FROM orders WHERE status = 'confirmed'")
    finally:
        await connection.close()
    charged, after = 0, {}
    while True:
        page = (await shopper.provider.get("/v1/charges", params={"limit": 100, **after})).json()
        charged += sum(charge["amount"] for charge in page["data"] if charge["status"] == "succeeded")
        if not page["has_more"]:
            break
        after = {"starting_after": page["data"][-1]["id"]}
    assert charged == paid
    verified = program.command("verify", "--json")
    assert verified.returncode == 0, json.loads(verified.stdout)


def test_every_fault_point_is_in_the_plan():
    # Refunds are cut in a story of their own.
    assert {*WEB_POINTS, *WORKER_POINTS, "refunds.called"} == set(FAULT_POINTS)


@pytest.mark.timeout(240)
async def test_every_place_cut_once_and_the_database_twice(cut_program):
    program, server = cut_program
    cuts = planned_cuts(1, rounds=1, with_database=False)
    cuts += [Cut("web", "payments.called", 1, "postgresql"), Cut("worker", "payments.settled", 1, "postgresql")]
    done = await sweep(program, server, cuts, hurry=True)
    assert sorted(done) == sorted(cuts)


@pytest.mark.slow
@pytest.mark.timeout(1500)
async def test_every_place_cut_four_times_in_the_process_and_in_the_database(cut_program):
    program, server = cut_program
    cuts = planned_cuts(20271122, rounds=4, with_database=True)
    assert len(cuts) >= 60
    done = await sweep(program, server, cuts, hurry=False)
    assert sorted(done) == sorted(cuts)
