"""The last seats of a two-leg flight under a rush, and what happens when one guard is taken away."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from uuid import uuid4

import pytest
from tests.factories.inventory import add_ladder, broken_promises, claim_of, open_flights

from ais.inventory import (
    ClaimItem,
    HoldStatus,
    SeatDesk,
    SeatsUnavailable,
    confirm_hold,
    release_hold,
    release_sold,
    sweep_expired_holds,
)
from ais.kit import InvalidStateTransition, SystemClock, system_actor
from ais.platform.database import Database

BUYERS = 300
SEATS = 7
LADDER = (("Y", 100), ("M", 72), ("Q", 43))  # booking limits 7, 5, 3
SEAT_GUARD = "IF v_seats > v_open THEN"
LOCK_GUARD = "ORDER BY leg_id, cabin FOR NO KEY UPDATE"


@pytest.fixture
async def desks(database, database_url):
    """Two desks with pools of their own, as two web processes have them."""
    other = await Database.connect(database_url, clock=SystemClock(), application_name="second process")
    pair = (SeatDesk(database), SeatDesk(other, batch_limit=16))
    for desk in pair:
        await desk.start()
    yield pair
    for desk in pair:
        await desk.stop()
    await other.close()


async def two_leg_flight(database):
    """A-B-C with seven seats, and a large feeder X-A: the legs A-B, B-C and X-A."""
    async with database.connection() as connection:
        if not await connection.fetchval("SELECT count(*) FROM booking_class_ladders WHERE carrier = 'QZ'"):
            await add_ladder(connection, "Y", LADDER)
    [flight] = await open_flights(database, route=("AAA", "BBB", "CCC"), configuration=f"Y{SEATS}")
    [feeder] = await open_flights(database, route=("XXX", "AAA"), configuration="Y200")
    return (*flight.leg_ids, *feeder.leg_ids)


def wish(chance, legs, party):
    """A-B, B-C, A-C or the connection X-A-B, in one of three classes."""
    first, second, feeder = legs
    over = chance.choice(((first,), (second,), (first, second), (feeder, first)))
    rbd = chance.choice("YMQ")
    return tuple(ClaimItem(leg, "Y", rbd, party) for leg in over)


async def buyer(number, database, desk, legs, quiet, final):
    """Ask until served; keep, give back or forget the hold. The items of a party that got nothing at the end."""
    chance = random.Random(number)
    party = chance.randint(1, 4)
    items = wish(chance, legs, party)
    fate = chance.choice(("confirm", "confirm", "release", "forget", "forget"))
    await asyncio.sleep(chance.random() * 0.05)
    for _ in range(3):
        claim = claim_of(*items, hold_seconds=0.2 + chance.random() * 0.3 if fate == "forget" else 60)
        try:
            await desk.claim(claim)
        except SeatsUnavailable:
            await asyncio.sleep(chance.random() * 0.2)
            continue
        if fate == "forget":
            break
        await asyncio.sleep(chance.random() * 0.1)
        async with database.unit_of_work(system_actor("test")) as uow:
            await (confirm_hold if fate == "confirm" else release_hold)(uow, claim.hold_id)
        if fate == "confirm":
            quiet.count_down()
            return None
        break
    quiet.count_down()
    await final.wait()
    claim = claim_of(*items, hold_seconds=600)
    try:
        await desk.claim(claim)
    except SeatsUnavailable:
        return items
    return None


class Latch:
    """Opens when as many have come as were expected."""

    def __init__(self, count):
        self.remaining = count
        self.opened = asyncio.Event()

    def count_down(self):
        self.remaining -= 1
        if self.remaining == 0:
            self.opened.set()


async def counted(database, leg_id):
    """Seats per class by the holds alone, and what the counters say: held plus sold."""
    async with database.connection() as connection:
        by_holds = dict(
            await connection.fetch(
                """
                SELECT rbd, sum(seats)::int FROM hold_items
                WHERE leg_id = $1 AND (state = 'sold' OR (state = 'held' AND expires_at > ais_now())) GROUP BY rbd
                """,
                leg_id,
            )
        )
        row = await connection.fetchrow("SELECT * FROM leg_cabins WHERE leg_id = $1", leg_id)
    counters = {rbd: row["held_by_class"][rank] + row["sold_by_class"][rank] for rank, rbd in enumerate(row["classes"])}
    return {rbd: by_holds.get(rbd, 0) for rbd in row["classes"]}, counters, row["limits"]


def opened(taken, limits, rbd):
    """Open seats of a class, counted in the plainest way."""
    seats = list(taken.values())
    return min(limits[rank] - sum(seats[rank:]) for rank in range(list(taken).index(rbd) + 1))


async def rush(database, desks, legs):
    quiet, final = Latch(BUYERS), asyncio.Event()
    asking = [
        asyncio.create_task(buyer(number, database, desks[number % 2], legs, quiet, final)) for number in range(BUYERS)
    ]
    await quiet.opened.wait()
    await asyncio.sleep(0.6)  # the last forgotten holds end
    final.set()
    return [left for left in await asyncio.gather(*asking) if left is not None]


async def test_the_last_seven_seats_go_to_whom_they_fit_and_to_nobody_else(database, desks):
    legs = await two_leg_flight(database)
    refused = await rush(database, desks, legs)
    async with database.unit_of_work(system_actor("test")) as uow:
        while await sweep_expired_holds(uow):
            pass
    state = {}
    for leg in legs:
        by_holds, counters, limits = await counted(database, leg)
        assert by_holds == counters
        assert sum(by_holds.values()) <= limits[0]
        for rank in range(3):
            assert sum(list(by_holds.values())[rank:]) <= limits[rank]
        state[leg] = (by_holds, limits)
    assert limits[0] == 200
    assert state[legs[0]][1] == [7, 5, 3]
    assert refused, "300 parties cannot all have had seats"
    for items in refused:
        assert any(item.seats > opened(*state[item.leg_id], item.rbd) for item in items), items
    assert await broken_promises(database) == []


async def test_a_hold_of_one_leg_is_a_hold_of_every_leg(database, desks):
    legs = await two_leg_flight(database)
    await rush(database, desks, legs)
    async with database.connection() as connection:
        uneven = await connection.fetch(
            """
            SELECT hold_id FROM hold_items GROUP BY hold_id
            HAVING count(DISTINCT seats) > 1 OR count(DISTINCT rbd) > 1
                OR count(DISTINCT CASE WHEN state = 'expired' THEN 'held' ELSE state END) > 1
            """
        )
    assert uneven == []


async def without(database, guard, instead):
    """Install claim_seats as it is but for one guard; the constraints behind it are taken away by the caller."""
    async with database.connection() as connection:
        text = await connection.fetchval("SELECT pg_get_functiondef('claim_seats'::regproc)")
        assert text.count(guard) == 1
        await connection.execute(text.replace(guard, instead))


async def drop_constraints(database):
    async with database.connection() as connection:
        await connection.execute(
            """
            ALTER TABLE leg_cabins DROP CONSTRAINT leg_cabins_within_authorisation, DROP CONSTRAINT leg_cabins_totals
            """
        )


async def seats_taken(database, desks, attempts):
    """The most seats that were held on one leg of seven seats, over so many flights rushed by both desks at once."""
    most = 0
    for _ in range(attempts):
        legs = await two_leg_flight(database)
        claims = [claim_of(ClaimItem(legs[0], "Y", "Y", 1)) for _ in range(60)]
        await asyncio.gather(
            *(desks[number % 2].claim(claim) for number, claim in enumerate(claims)), return_exceptions=True
        )
        by_holds, _, _ = await counted(database, legs[0])
        most = max(most, sum(by_holds.values()))
    return most


async def test_the_function_alone_keeps_to_the_seats(database, desks):
    await drop_constraints(database)
    assert await seats_taken(database, desks, attempts=10) == SEATS


async def test_control_without_the_seat_guard_it_oversells(database, desks):
    await drop_constraints(database)
    await without(database, SEAT_GUARD, "IF v_rank = 0 THEN")
    assert await seats_taken(database, desks, attempts=1) == 60


async def test_control_without_the_lock_it_oversells(database, desks):
    await drop_constraints(database)
    await without(database, LOCK_GUARD, "ORDER BY leg_id, cabin")
    assert await seats_taken(database, desks, attempts=30) > SEATS


async def test_the_constraint_stands_behind_the_seat_guard(database, desks):
    await without(database, SEAT_GUARD, "IF v_rank = 0 THEN")
    assert await seats_taken(database, desks, attempts=1) <= SEATS


async def test_one_hold_confirmed_fifty_times_is_sold_once(database, desks):
    legs = await two_leg_flight(database)
    claim = claim_of(ClaimItem(legs[0], "Y", "Y", 2), ClaimItem(legs[1], "Y", "Y", 2), hold_id=uuid4())
    await desks[0].claim(claim)

    async def confirm():
        async with database.unit_of_work(system_actor("test")) as uow:
            return await confirm_hold(uow, claim.hold_id)

    confirmed = await asyncio.gather(*(confirm() for _ in range(50)))
    assert {(hold.id, hold.status) for hold in confirmed} == {(claim.hold_id, HoldStatus.CONFIRMED)}
    for leg in legs[:2]:
        assert (await counted(database, leg))[0] == {"Y": 2, "M": 0, "Q": 0}
    assert await broken_promises(database) == []


async def test_confirmation_release_and_sweep_of_one_hold_meet_and_one_wins(database, desks):
    legs = await two_leg_flight(database)
    for round_number in range(30):
        claim = claim_of(ClaimItem(legs[0], "Y", "Y", 1), ClaimItem(legs[1], "Y", "Y", 1), hold_seconds=0.01)
        await desks[0].claim(claim)

        async def act(what, hold_id=claim.hold_id):
            async with database.unit_of_work(system_actor("test")) as uow:
                return await what(uow, hold_id) if what is not sweep_expired_holds else await what(uow)

        await asyncio.sleep(0.01 * (round_number % 2))
        await asyncio.gather(act(confirm_hold), act(release_hold), act(sweep_expired_holds), return_exceptions=True)
        assert await broken_promises(database) == []
        with suppress(InvalidStateTransition):  # if it was released or had ended, nothing is sold
            async with database.unit_of_work(system_actor("test")) as uow:
                await release_sold(uow, claim.hold_id)
