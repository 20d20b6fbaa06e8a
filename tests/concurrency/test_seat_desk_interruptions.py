"""Killed databases, locked rows and impatient callers leave no seat claimed without a hold that ends."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from uuid import uuid4

import pytest
from tests.factories.inventory import broken_promises, claim_of, open_flights

from ais.inventory import ClaimItem, Hold, SeatDesk, SeatDeskUnavailable, SeatsUnavailable
from ais.platform.database import Database
from ais.platform.migration import migrate


async def test_a_database_killed_in_the_middle_loses_no_answered_hold(servers):
    with servers.private_postgres() as server:
        await asyncio.to_thread(migrate, server.url())
        database = await Database.connect(server.url())
        [flight] = await open_flights(database, configuration="Y200")
        desk = SeatDesk(database, batch_limit=8, patience_seconds=20)
        await desk.start()
        answered: list[Hold] = []
        refused = 0
        stop_at = time.monotonic() + 3.0

        async def caller() -> None:
            nonlocal refused
            while time.monotonic() < stop_at:
                try:
                    answered.append(
                        await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 1), hold_seconds=600))
                    )
                except (SeatDeskUnavailable, SeatsUnavailable):
                    refused += 1
                    await asyncio.sleep(0.05)
                await asyncio.sleep(0.05)

        callers = [asyncio.create_task(caller()) for _ in range(20)]
        for _ in range(2):
            await asyncio.sleep(0.7)
            os.kill(server.pid, signal.SIGKILL)
        await asyncio.gather(*callers)
        after = await desk_answers_again(desk, flight)
        await desk.stop()
        async with database.connection() as connection:
            stored = {
                record["id"]: record["expires_at"]
                for record in await connection.fetch("SELECT id, expires_at FROM holds WHERE status = 'active'")
            }
            held = await connection.fetchval("SELECT held FROM leg_cabins WHERE leg_id = $1", flight.leg_ids[0])
        assert len(answered) > 20
        for hold in [*answered, *after]:
            assert stored[hold.id] == hold.expires_at
        assert held == len(stored)
        assert await broken_promises(database) == []
        await database.close()


async def desk_answers_again(desk, flight):
    """A claim after the restart: served, or refused because the flight is full. Either shows that the desk is back."""
    try:
        return [await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 1), hold_seconds=600))]
    except SeatsUnavailable:
        return []


async def test_a_locked_flight_makes_callers_wait_only_so_long(database):
    [flight] = await open_flights(database, configuration="Y20")
    [other] = await open_flights(database, configuration="Y20")
    desk = SeatDesk(database, batch_seconds=0.3, patience_seconds=0.5)
    await desk.start()
    async with database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT lock_leg_cabins(ARRAY[$1::bigint])", flight.leg_ids[0])
        began = time.monotonic()
        with pytest.raises(SeatDeskUnavailable):
            await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 2)))
        assert time.monotonic() - began < 3
        await transaction.rollback()
    hold = await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 2)))
    await desk.claim(claim_of(ClaimItem(other.leg_ids[0], "Y", "Y", 2)))
    await desk.stop()
    assert hold.is_new
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT sum(held) FROM leg_cabins") == 4
    assert await broken_promises(database) == []


async def test_a_locked_flight_holds_up_nobody_else(database):
    [flight] = await open_flights(database, configuration="Y200")
    [other] = await open_flights(database, configuration="Y200")
    desk = SeatDesk(database, patience_seconds=20)
    await desk.start()
    async with database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT lock_leg_cabins(ARRAY[$1::bigint])", flight.leg_ids[0])
        blocked = [
            asyncio.create_task(desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 1)))) for _ in range(20)
        ]
        waited = []
        for _ in range(30):
            began = time.monotonic()
            await asyncio.gather(*(desk.claim(claim_of(ClaimItem(other.leg_ids[0], "Y", "Y", 1))) for _ in range(5)))
            waited.append(time.monotonic() - began)
            await asyncio.sleep(0.1)
        assert not any(task.done() for task in blocked)
        await transaction.rollback()
    assert all([(await task).is_new for task in blocked])
    await desk.stop()
    assert sorted(waited)[15] < 0.5
    assert max(waited) < 3
    async with database.connection() as connection:
        assert [record[0] for record in await connection.fetch("SELECT held FROM leg_cabins ORDER BY leg_id")] == [
            20,
            150,
        ]
    assert await broken_promises(database) == []


async def test_callers_that_leave_get_holds_that_end_or_nothing(database):
    [flight] = await open_flights(database, configuration="Y200")
    desk = SeatDesk(database, batch_limit=10)
    await desk.start()
    ids = [uuid4() for _ in range(100)]

    async def impatient(number, hold_id):
        try:
            async with asyncio.timeout(0.0005 * (number % 20)):
                await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 1), hold_id=hold_id, hold_seconds=600))
        except TimeoutError:
            return None
        return hold_id

    kept = [hold_id for hold_id in await asyncio.gather(*map(impatient, range(100), ids)) if hold_id]
    await desk.stop()
    async with database.connection() as connection:
        held = {record[0] for record in await connection.fetch("SELECT id FROM holds WHERE expires_at > ais_now()")}
        assert await connection.fetchval("SELECT held FROM leg_cabins WHERE leg_id = $1", flight.leg_ids[0]) == len(
            held
        )
    assert set(kept) <= held <= set(ids)
    assert await broken_promises(database) == []
