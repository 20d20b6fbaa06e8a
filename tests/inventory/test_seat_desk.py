"""The seat desk on a real PostgreSQL: claims decided in batches, each member by its own merit."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from tests.factories.inventory import broken_promises, claim_of, open_flights

from ais.inventory import ClaimItem, HoldStatus, SeatDesk, SeatDeskUnavailable, SeatsUnavailable


@pytest.fixture
async def desk(database):
    desk = SeatDesk(database)
    await desk.start()
    yield desk
    await desk.stop()


async def counters(database, leg_id, cabin="Y"):
    async with database.connection() as connection:
        return tuple(
            await connection.fetchrow(
                "SELECT held, sold, authorised FROM leg_cabins WHERE leg_id = $1 AND cabin = $2", leg_id, cabin
            )
        )


async def test_a_claim_holds_its_seats_until_its_end(database, desk):
    [flight] = await open_flights(database, configuration="Y70")
    hold = await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 3), hold_seconds=900))
    assert hold.status is HoldStatus.ACTIVE
    assert hold.is_new
    assert (hold.expires_at - hold.created_at).total_seconds() == 900
    assert await counters(database, flight.leg_ids[0]) == (3, 0, 70)
    assert await broken_promises(database) == []


async def test_a_refusal_says_what_is_left_and_takes_nothing(database, desk):
    [flight] = await open_flights(database, configuration="Y5")
    leg = flight.leg_ids[0]
    await desk.claim(claim_of(ClaimItem(leg, "Y", "Y", 3)))
    with pytest.raises(SeatsUnavailable) as refusal:
        await desk.claim(claim_of(ClaimItem(leg, "Y", "Y", 3)))
    assert refusal.value.details == {"asked": 3, "open": 2}
    assert await counters(database, leg) == (3, 0, 5)
    assert await broken_promises(database) == []


async def test_all_legs_or_none(database, desk):
    [first] = await open_flights(database, configuration="Y5")
    [second] = await open_flights(database, configuration="Y2")
    items = [ClaimItem(flight.leg_ids[0], "Y", "Y", 3) for flight in (first, second)]
    with pytest.raises(SeatsUnavailable) as refusal:
        await desk.claim(claim_of(*items))
    assert refusal.value.details == {"asked": 3, "open": 2}
    assert (await counters(database, first.leg_ids[0]))[0] == 0
    assert (await counters(database, second.leg_ids[0]))[0] == 0


async def test_the_same_hold_id_finds_its_own_seats(database, desk):
    [flight] = await open_flights(database, configuration="Y70")
    claim = claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 2))
    together = await asyncio.gather(*(desk.claim(claim) for _ in range(20)))
    later = await desk.claim(claim)
    assert [hold.is_new for hold in together].count(True) == 1
    assert not later.is_new
    assert {(hold.id, hold.status, hold.expires_at) for hold in [*together, later]} == {
        (claim.hold_id, HoldStatus.ACTIVE, together[0].expires_at)
    }
    assert await counters(database, flight.leg_ids[0]) == (2, 0, 70)


async def test_a_member_of_a_batch_never_suffers_for_another(database, desk):
    [flight] = await open_flights(database, configuration="Y10")
    leg = flight.leg_ids[0]
    fitting = [claim_of(ClaimItem(leg, "Y", "Y", 2)) for _ in range(4)]
    too_large = claim_of(ClaimItem(leg, "Y", "Y", 9))
    unknown_leg = claim_of(ClaimItem(2**40, "Y", "Y", 1))
    unknown_class = claim_of(ClaimItem(leg, "Y", "X", 1))
    impossible = claim_of(ClaimItem(2**80, "Y", "Y", 1))
    asked = [fitting[0], too_large, fitting[1], impossible, fitting[2], unknown_leg, unknown_class, fitting[3]]
    answers = await asyncio.gather(*(desk.claim(claim) for claim in asked), return_exceptions=True)
    assert [type(answer).__name__ for answer in answers] == [
        "Hold", "SeatsUnavailable", "Hold", "DataError", "Hold", "SeatsUnavailable", "SeatsUnavailable", "Hold",
    ]  # fmt: skip
    assert answers[1].details == {"asked": 9, "open": 8}
    assert answers[5].details == {"asked": 1, "open": 0}
    assert (await counters(database, leg))[0] == 8


async def test_infants_take_no_seat_and_have_a_limit_of_their_own(database, desk):
    [flight] = await open_flights(database, configuration="Y20")
    leg = flight.leg_ids[0]
    await desk.claim(claim_of(ClaimItem(leg, "Y", "Y", 1, infants=1)))
    with pytest.raises(SeatsUnavailable) as refusal:
        await desk.claim(claim_of(ClaimItem(leg, "Y", "Y", 2, infants=2)))
    assert refusal.value.details == {"asked": 2, "open": 1, "of": "infants"}
    await desk.claim(claim_of(ClaimItem(leg, "Y", "Y", 2, infants=1)))
    assert await counters(database, leg) == (3, 0, 20)
    assert await broken_promises(database) == []


async def test_a_closed_desk_refuses(database):
    desk = SeatDesk(database)
    with pytest.raises(SeatDeskUnavailable):
        await desk.claim(claim_of(ClaimItem(1, "Y", "Y", 1)))


async def test_stopping_answers_those_who_wait(database):
    [flight] = await open_flights(database, configuration="Y100")
    desk = SeatDesk(database, batch_limit=4)
    await desk.start()
    waiting = [asyncio.create_task(desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 1)))) for _ in range(30)]
    await asyncio.sleep(0)
    await desk.stop()
    assert {hold.status for hold in await asyncio.gather(*waiting)} == {HoldStatus.ACTIVE}
    assert (await counters(database, flight.leg_ids[0]))[0] == 30
    with pytest.raises(SeatDeskUnavailable):
        await desk.claim(claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 1)))


async def test_a_caller_cancelled_before_its_batch_claims_nothing(database):
    [flight] = await open_flights(database, configuration="Y100")
    desk = SeatDesk(database, batch_limit=1)
    await desk.start()
    claims = [claim_of(ClaimItem(flight.leg_ids[0], "Y", "Y", 1), hold_id=uuid4()) for _ in range(10)]
    waiting = [asyncio.create_task(desk.claim(claim)) for claim in claims]
    await asyncio.sleep(0)
    for task in waiting[5:]:
        task.cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    await desk.stop()
    assert [type(answer).__name__ for answer in answers] == ["Hold"] * 5 + ["CancelledError"] * 5
    assert (await counters(database, flight.leg_ids[0]))[0] == 5
