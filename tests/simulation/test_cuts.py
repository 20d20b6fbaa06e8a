"""Whatever is cut off, wherever: the same request again, and the story is whole and every promise holds."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from contextlib import AsyncExitStack

import asyncpg
import pytest
from tests.factories.cutting import WEB_POINTS, WORKER_POINTS, Customer, Cutter, planned_cuts
from tests.factories.market import market_template
from tests.factories.running_program import private_market, running_program
from tests.factories.shopper import Shopper, days_ahead

from ais.platform.faults import FAULT_POINTS
from ais.platform.jobs.inspection import list_jobs

AT_ONCE = 5
BRIEF_MINUTES = "0.25"  # longer than the database needs to come back, so that a payment can begin


@pytest.fixture
def cut_program(servers, tmp_path):
    """A program over a database of its own; its second web process holds seats for 15 seconds and is not cut."""
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
        # A job that saw its worker die at each of its tries waits for a person; what it was to do is done by others.
        dead = await list_jobs(connection, state="dead", limit=100)
        assert [job for job in dead if "WorkerDied" not in str(job.last_error)] == []
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
    # Refunds are cut in a story of their own, cancellations and mail in the tests of their packages.
    elsewhere = {"refunds.called", "cancellations.confirmed", "notices.sent"}
    assert {*WEB_POINTS, *WORKER_POINTS, *elsewhere} == set(FAULT_POINTS)


@pytest.mark.timeout(400)
async def test_every_place_cut_three_times_in_the_process_and_in_the_database(cut_program):
    program, server = cut_program
    cuts = planned_cuts(1, rounds=3, with_database=True)
    assert len(cuts) == 60
    done = await sweep(program, server, cuts, hurry=True)
    assert sorted(done) == sorted(cuts)


async def let_the_hold_end_and_its_class_close(connection, order):
    """What a minute and other buyers would bring about: the hold of the order ends, its booking class sells out."""
    hold_id = await connection.fetchval("SELECT hold_id FROM orders WHERE record_locator = $1", order["record_locator"])
    async with connection.transaction():
        await connection.execute(
            "UPDATE holds SET expires_at = created_at + interval '1 millisecond' WHERE id = $1", hold_id
        )
        await connection.execute(
            "UPDATE hold_items SET expires_at = holds.expires_at FROM holds WHERE holds.id = hold_id AND hold_id = $1",
            hold_id,
        )
        await connection.execute(
            """
            UPDATE leg_cabins SET next_expiry_at = holds.expires_at,
                limits = ARRAY[authorised] || array_fill(0, ARRAY[length(classes) - 1])
            FROM holds JOIN hold_items ON hold_id = holds.id
            WHERE holds.id = $1 AND leg_cabins.leg_id = hold_items.leg_id AND leg_cabins.cabin = hold_items.cabin
            """,
            hold_id,
        )


@pytest.fixture
def market_program(servers, tmp_path):
    """A program on a market, of which only the payment simulator runs yet."""
    with (
        servers.database(market_template(servers)) as url,
        running_program(tmp_path, url, servers.cache_url(), started=False) as program,
    ):
        yield program


async def test_money_that_came_too_late_goes_back_once_though_the_worker_ends_in_between(market_program):
    program = market_program
    program.start(program.web[0])
    async with Shopper(program) as shopper:
        [offer] = await shopper.search("RUH", "AMM", days_ahead(14), max_connections=0, limit=1)
        assert offer["slices"][0]["segments"][0]["booking_class"] != "Y"
        order = await shopper.order(offer)
        await shopper.pay(order)
        connection = await asyncpg.connect(program.database_url)
        await let_the_hold_end_and_its_class_close(connection, order)
        program.worker.start(wait=False, AIS_FAULT_POINTS="refunds.called:1")
        assert await asyncio.to_thread(program.worker.process.wait, 60) == -signal.SIGKILL
        refunds = (await shopper.provider.get("/v1/refunds")).json()["data"]
        assert [refund["amount"] for refund in refunds] == [await connection.fetchval("SELECT total_minor FROM orders")]
        assert await connection.fetch("SELECT status FROM refunds") == [("pending",)]
        # The jobs of a dead worker are taken up 20 seconds later.
        await connection.execute("UPDATE jobs SET heartbeat = now() - interval '1 minute' WHERE status = 'picked'")
        await connection.close()
        program.worker.start()
        for _ in range(300):
            present = await shopper.read(order)
            if present["payment_status"] == "refunded":
                break
            await asyncio.sleep(0.1)
        assert (present["status"], present["payment_status"]) == ("expired", "refunded")
        assert present["refunded"] == present["paid"] == offer["total"]
        assert present["documents"] == []
        assert (await shopper.provider.get("/v1/refunds")).json()["data"] == refunds
    verified = program.command("verify", "--json")
    assert verified.returncode == 0, json.loads(verified.stdout)


@pytest.mark.slow
@pytest.mark.timeout(1500)
async def test_the_same_with_nothing_hurried(cut_program):
    program, server = cut_program
    cuts = planned_cuts(20271122, rounds=3, with_database=True)
    done = await sweep(program, server, cuts, hurry=False)
    assert sorted(done) == sorted(cuts)
