"""What becomes of a hold: confirmed, extended, released, swept, and given back after sale."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from tests.factories.inventory import broken_promises, claim_of, open_flights

from ais.inventory import (
    ClaimItem,
    HoldExpired,
    HoldHasExpired,
    HoldNotFound,
    HoldStatus,
    SeatDesk,
    SeatsNotSold,
    SeatsUnavailable,
    confirm_hold,
    extend_hold,
    release_hold,
    release_sold,
    repository,
    sweep_expired_holds,
)
from ais.kit import InvalidStateTransition


@pytest.fixture
async def flight(database):
    [flight] = await open_flights(database, route=("AAA", "BBB", "CCC"), configuration="Y10")
    return flight


@pytest.fixture
async def take(database, flight):
    """Claim seats over both legs; the hold."""
    desk = SeatDesk(database)
    await desk.start()

    async def claim(seats=2, infants=0, hold_seconds=900.0, legs=flight.leg_ids, rbd="Y"):
        return await desk.claim(
            claim_of(*(ClaimItem(leg, "Y", rbd, seats, infants) for leg in legs), hold_seconds=hold_seconds)
        )

    yield claim
    await desk.stop()


async def counters(database, flight):
    async with database.connection() as connection:
        return [
            tuple(record)
            for record in await connection.fetch(
                "SELECT held, sold FROM leg_cabins WHERE leg_id = ANY ($1) ORDER BY leg_id", flight.leg_ids
            )
        ]


async def act(database, actor, what, *arguments):
    async with database.unit_of_work(actor) as uow:
        return await what(uow, *arguments)


async def test_confirmed_seats_are_sold_on_every_leg_once(database, actor, flight, take):
    hold = await take(2)
    assert await counters(database, flight) == [(2, 0), (2, 0)]
    for _ in range(3):
        confirmed = await act(database, actor, confirm_hold, hold.id)
        assert (confirmed.id, confirmed.status) == (hold.id, HoldStatus.CONFIRMED)
        assert await counters(database, flight) == [(0, 2), (0, 2)]
    assert await broken_promises(database) == []


async def test_an_ended_hold_stops_counting_without_the_sweeper(database, flight, take):
    await take(10, hold_seconds=1.0)
    with pytest.raises(SeatsUnavailable):
        await take(1)
    await asyncio.sleep(1.01)
    assert (await take(10)).is_new
    assert await counters(database, flight) == [(10, 0), (10, 0)]
    assert await broken_promises(database) == []


async def test_confirming_an_ended_hold_claims_its_seats_again(database, actor, flight, take):
    hold = await take(4, hold_seconds=0.02)
    await asyncio.sleep(0.03)
    confirmed = await act(database, actor, confirm_hold, hold.id)
    assert confirmed.status is HoldStatus.CONFIRMED
    assert confirmed.id != hold.id
    assert await counters(database, flight) == [(0, 4), (0, 4)]
    assert await act(database, actor, confirm_hold, hold.id) == confirmed
    assert await act(database, actor, confirm_hold, confirmed.id) == confirmed
    assert await act(database, actor, sweep_expired_holds) == 0
    assert await broken_promises(database) == []
    await act(database, actor, release_sold, hold.id)
    assert await counters(database, flight) == [(0, 0), (0, 0)]


async def test_confirming_an_ended_hold_takes_all_legs_or_none(database, actor, flight, take):
    hold = await take(4, hold_seconds=0.02)
    await asyncio.sleep(0.03)
    await take(8, legs=flight.leg_ids[1:])
    with pytest.raises(SeatsUnavailable) as refusal:
        await act(database, actor, confirm_hold, hold.id)
    assert refusal.value.details == {"asked": 4, "open": 2}
    assert await counters(database, flight) == [(4, 0), (8, 0)]  # the first leg is folded by the next who asks for it
    assert await act(database, actor, sweep_expired_holds) == 1
    assert await counters(database, flight) == [(0, 0), (8, 0)]
    assert await broken_promises(database) == []


async def test_extending_moves_the_end_and_never_back(database, actor, flight, take):
    hold = await take(2, hold_seconds=30)
    later = hold.created_at + timedelta(minutes=15)
    assert (await act(database, actor, extend_hold, hold.id, later)).expires_at == later
    assert (await act(database, actor, extend_hold, hold.id, hold.expires_at)).expires_at == later
    assert await broken_promises(database) == []


async def test_an_ended_hold_is_not_extended(database, actor, flight, take):
    hold = await take(2, hold_seconds=0.02)
    await asyncio.sleep(0.03)
    with pytest.raises(HoldHasExpired):
        await act(database, actor, extend_hold, hold.id, hold.expires_at + timedelta(hours=1))
    assert (await take(10)).is_new


async def test_released_seats_are_back_at_once_and_once(database, actor, flight, take):
    hold = await take(7)
    for _ in range(2):
        assert (await act(database, actor, release_hold, hold.id)).status is HoldStatus.RELEASED
        assert await counters(database, flight) == [(0, 0), (0, 0)]
    with pytest.raises(InvalidStateTransition):
        await act(database, actor, confirm_hold, hold.id)
    with pytest.raises(InvalidStateTransition):
        await act(database, actor, extend_hold, hold.id, hold.expires_at)
    assert await counters(database, flight) == [(0, 0), (0, 0)]


async def test_a_confirmed_hold_is_not_released_as_if_it_were_held(database, actor, flight, take):
    hold = await take(3)
    await act(database, actor, confirm_hold, hold.id)
    with pytest.raises(InvalidStateTransition):
        await act(database, actor, release_hold, hold.id)
    with pytest.raises(InvalidStateTransition):
        await act(database, actor, extend_hold, hold.id, hold.expires_at)
    assert await counters(database, flight) == [(0, 3), (0, 3)]


async def test_sold_seats_given_back_in_part_and_then_whole(database, actor, flight, take):
    hold = await take(3, infants=1)
    await act(database, actor, confirm_hold, hold.id)
    part = [ClaimItem(leg, "Y", "Y", 1) for leg in flight.leg_ids]
    await act(database, actor, release_sold, hold.id, part)
    assert await counters(database, flight) == [(0, 2), (0, 2)]
    assert await broken_promises(database) == []
    for _ in range(2):
        assert (await act(database, actor, release_sold, hold.id)).status is HoldStatus.CONFIRMED
        assert await counters(database, flight) == [(0, 0), (0, 0)]
    assert await broken_promises(database) == []


async def test_more_than_was_sold_is_not_given_back(database, actor, flight, take):
    hold = await take(3)
    await act(database, actor, confirm_hold, hold.id)
    items = [ClaimItem(flight.leg_ids[0], "Y", "Y", 1), ClaimItem(flight.leg_ids[1], "Y", "Y", 4)]
    with pytest.raises(SeatsNotSold):
        await act(database, actor, release_sold, hold.id, items)
    assert await counters(database, flight) == [(0, 3), (0, 3)]
    held = await take(1)
    with pytest.raises(InvalidStateTransition):
        await act(database, actor, release_sold, held.id)


async def test_a_hold_that_never_was(database, actor):
    for what, arguments in ((confirm_hold, ()), (release_hold, ()), (release_sold, ())):
        with pytest.raises(HoldNotFound):
            await act(database, actor, what, uuid4(), *arguments)


async def test_the_sweeper_tells_each_end_once(database, actor, flight, take):
    ended = [await take(1, hold_seconds=0.02) for _ in range(5)]
    await take(1)
    await asyncio.sleep(0.03)
    told = []
    for _ in range(4):
        async with database.unit_of_work(actor) as uow:
            swept = await sweep_expired_holds(uow, 2)
            told.extend(event for _, event in uow._events)
        if not swept:
            break
    assert sorted(event.hold_id for event in told) == sorted(hold.id for hold in ended)
    assert all(isinstance(event, HoldExpired) and event.owner == "test" for event in told)
    assert await counters(database, flight) == [(1, 0), (1, 0)]
    assert await broken_promises(database) == []


async def test_the_database_refuses_a_second_resolution(database, actor, take):
    hold = await take(1)
    await act(database, actor, confirm_hold, hold.id)
    async with database.connection() as connection:
        for status in ("active", "released", "expired"):
            with pytest.raises(asyncpg.CheckViolationError):
                await connection.execute("UPDATE holds SET status = $2 WHERE id = $1", hold.id, status)
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("UPDATE hold_items SET state = 'held' WHERE hold_id = $1", hold.id)


async def test_a_hold_is_found_again_under_its_id_whatever_became_of_it(database, actor, flight, take):
    async with database.connection() as connection:
        seen = {}
        for status, what in (("confirmed", confirm_hold), ("released", release_hold)):
            hold = await take(1)
            await act(database, actor, what, hold.id)
            claim = claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 1), hold_id=hold.id)
            [seen[status]] = await repository.claim_seats(connection, [claim])
    assert {status: (hold.status, hold.is_new) for status, hold in seen.items()} == {
        "confirmed": (HoldStatus.CONFIRMED, False),
        "released": (HoldStatus.RELEASED, False),
    }
