"""Mail in a worker that has other things to do, and one that dies between sending and noting it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import asynccontextmanager

import pytest
from tests.factories.in_process import in_process
from tests.factories.notices import deliver, notices_of

from ais.app.registry import build_registry
from ais.notifications import deliver_due
from ais.notifications.jobs import Courier
from ais.platform.jobs.worker import WorkerSettings, run_worker

WORKER = WorkerSettings(concurrency=3, poll_seconds=0.2, grace_seconds=0.5)


@pytest.fixture
async def own(servers, market, simulator, mailbox):
    with servers.database(market) as url:
        settings = {"smtp_url": mailbox.smtp_url, "mail_from": "booking@rimal.example"}
        async with in_process(url, servers.cache_url(), simulator, **settings) as program:
            yield program


async def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "what the test waits for did not come"
        await asyncio.sleep(0.05)


async def paid(program):
    """An order whose payment is reported and left to the worker."""
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment)
    for event in await program.events_of(payment):
        assert (await program.deliver(event)).status_code == 200
    return order


async def is_confirmed(program, order):
    return (await program.read(order))["status"] == "confirmed"


@asynccontextmanager
async def working(program):
    """A worker with three places, in this process."""
    stop = asyncio.Event()
    registry = build_registry(program.settings, program.gateways)
    worker = asyncio.create_task(run_worker(program.database, registry, stop, WORKER))
    try:
        yield
    finally:
        stop.set()
        await worker


async def sending(program):
    """How many places of the worker send mail now."""
    (count,) = await program.rows(
        "SELECT count(*) FROM jobs WHERE status = 'picked' AND entrypoint LIKE 'notifications.deliver%'"
    )
    return count


async def test_a_silent_mail_server_takes_one_place_of_the_worker_and_no_more(own, mailbox):
    mailbox.fault("hang", "data", seconds=120, times=None)
    async with working(own):
        # More orders than the worker has places, each of which brings a mail that hangs.
        for _ in range(5):
            order = await paid(own)
            began = time.monotonic()
            await until(lambda order=order: is_confirmed(own, order))
            assert time.monotonic() - began < 10

        async def all_told():
            return await own.rows("SELECT count(*) FROM notices WHERE status = 'waiting'") == [5]

        async def one_place():
            return await sending(own) <= 1

        await until(all_told)
        # A run that finds another one sending steps aside at once, but has a place for that moment.
        await until(one_place)
        assert mailbox.messages() == []


async def test_control_without_that_rule_it_takes_more(own, mailbox, monkeypatch):
    async def deliver_beside_others(self, database):
        await deliver_due(database, self._open_gateway(), self._letters)

    monkeypatch.setattr(Courier, "deliver", deliver_beside_others)
    mailbox.fault("hang", "data", seconds=120, times=None)
    async with working(own):
        for _ in range(2):
            order = await paid(own)
            await until(lambda order=order: is_confirmed(own, order))

        async def two_places():
            return await sending(own) >= 2

        await until(two_places)


async def test_a_worker_that_dies_before_it_has_noted_a_mail_sends_it_again_under_the_same_id(own, mailbox):
    mailbox.fault("refuse", "connect", status=421)
    order = await own.order()
    await own.pay(order)
    assert (await notices_of(own, order))[0][1] == "waiting"
    async with own.database.connection() as connection:
        await connection.execute("UPDATE notices SET next_try_at = ais_now()")
    environment = {
        **os.environ,
        "DATABASE_URL": own.settings.database_url,
        "REDIS_URL": own.settings.redis_url,
        "STRIPE_API_BASE": own.settings.stripe_api_base,
        "AIS_SMTP_URL": own.settings.smtp_url,
        "AIS_MAIL_FROM": own.settings.mail_from,
        "AIS_FAULT_POINTS": "notices.sent",
    }
    nowhere = asyncio.subprocess.DEVNULL
    command = [sys.executable, "-m", "ais.app.cli", "worker"]
    worker = await asyncio.create_subprocess_exec(*command, env=environment, stdout=nowhere, stderr=nowhere)
    try:
        assert await asyncio.wait_for(worker.wait(), 60) == -signal.SIGKILL
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
    assert len(mailbox.messages()) == 1
    assert (await notices_of(own, order))[0][1] == "waiting"
    assert (await deliver(own)).sent == 0
    assert (await deliver(own, seconds=50)).sent == 1
    first, second = mailbox.messages()
    assert first["message_id"] == second["message_id"]
    assert (first["subject"], first["text"]) == (second["subject"], second["text"])
    assert (await notices_of(own, order))[0][1] == "sent"
