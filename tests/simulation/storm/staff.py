"""What the airline's people do in a storm: cancel flights, undo sales of the day, close departures."""

from __future__ import annotations

import asyncio
import random
from typing import Any
from uuid import UUID

import httpx
from tests.factories.callers import Caller, staff
from tests.simulation.storm.world import World

from ais.app.schedule_import import cancel_flight_for_orders
from ais.inventory import set_authorisation
from ais.kit import AppError, encode_id, ids, system_actor
from ais.orders import close_departure, read_list
from ais.platform.database import Database

ACTOR = system_actor("storm")
LEAVES_WITHIN = """
    SELECT DISTINCT sold.flight_date_id FROM order_segments AS sold
    JOIN flight_dates AS flight ON flight.id = sold.flight_date_id AND flight.status <> 'cancelled'
    WHERE sold.departs_at < ais_now() ORDER BY sold.flight_date_id
"""


def _unwatched(_done: int, _total: int) -> None:
    """Nobody looks at the progress."""


async def cancel_a_flight(database: Database, chance: random.Random) -> UUID | None:
    """Cancel a flight that people have booked; their money goes back by itself or when they ask."""
    async with database.unit_of_work(ACTOR) as uow:
        booked = await uow.connection.fetch(
            "SELECT DISTINCT flight_date_id FROM order_segments WHERE status = 'confirmed' ORDER BY flight_date_id"
        )
        if not booked:
            return None
        flight: UUID = chance.choice(booked)["flight_date_id"]
        await cancel_flight_for_orders(
            uow, flight, reason="storm", give_back=chance.random() < 0.5, progress=_unwatched
        )
        return flight


async def keep_seats_off_sale(world: World) -> None:
    """Nothing more is sold in a cabin for which a bank decides about money now: who pays late has lost his seats."""
    cabins = await world.program.rows(
        """
        SELECT DISTINCT cabin.leg_id, cabin.cabin, cabin.authorised FROM payments
        JOIN orders ON orders.id = payments.order_id
        JOIN hold_items AS item ON item.hold_id = orders.hold_id
        JOIN leg_cabins AS cabin ON (cabin.leg_id, cabin.cabin) = (item.leg_id, item.cabin)
        WHERE payments.status = 'processing' ORDER BY cabin.leg_id, cabin.cabin
        """
    )
    for leg_id, cabin, authorised in cabins[:1]:
        async with world.program.database.unit_of_work(ACTOR) as uow:
            await set_authorisation(uow, leg_id, cabin, reason="storm", blocked=authorised)


async def void_an_order(world: World) -> bool:
    """Undo a sale of today, or a passenger's part of it, if the program lets it be undone; two clerks do so at the same
    moment, and what is above their limit is signed.
    """
    for _ in range(30):
        orders = await world.program.rows("SELECT id FROM orders WHERE status = 'confirmed' ORDER BY id")
        if orders or world.over:
            break
        await asyncio.sleep(0.1)
    if not orders:
        return False
    order = world.chance.choice(orders)
    chosen, body = encode_id(ids.ORDER, order), {"reason": "storm"}
    if world.chance.random() < 0.4:
        people = await world.program.rows("SELECT id FROM order_passengers WHERE order_id = $1 ORDER BY id", order)
        body["passenger_ids"] = [encode_id(ids.PASSENGER, world.chance.choice(people))]
    clerk = await staff(world.program, "finance")
    answers = await asyncio.gather(*(_void(clerk, chosen, body) for _ in range(2)))
    for approval in {answer.json()["id"] for answer in answers if answer.status_code == 202}:
        await _sign(world, clerk, approval)
    world.seen.update(f"void {answer.status_code}" for answer in answers)
    return any(answer.is_success for answer in answers)


async def _sign(world: World, clerk: Caller, approval: str) -> None:
    """What one clerk may not decide is signed: by the clerk, who is refused, and by two others at the same moment."""
    path = f"approvals/{approval}/approve"
    own = await clerk.post(path)
    if own.status_code != 403:
        raise AssertionError(f"{approval} was signed by who had asked for it: {own.status_code} {own.text}")
    signers = [await staff(world.program, "finance") for _ in range(2)]
    for answer in await asyncio.gather(*(signer.post(path) for signer in signers)):
        world.seen[f"signature {answer.status_code}"] += 1
        if answer.status_code >= 500 and not answer.json()["error"]["retryable"]:
            raise AssertionError(f"{approval} was not signed: {answer.text}")


async def _void(clerk: Caller, order: str, body: dict[str, Any]) -> httpx.Response:
    answer = await clerk.post(f"orders/{order}/void", **body)
    if answer.status_code >= 500 and not answer.json()["error"]["retryable"]:
        raise AssertionError(f"{order} was not voided: {answer.text}")
    return answer


async def close_departures(world: World) -> int:
    """Close every flight that has left, by a list on which some did not come, twice at once; how many flights."""
    closed = 0
    for flight in await world.program.rows(LEAVES_WITHIN):
        coupons = await world.program.rows(
            """
            SELECT document.number, coupon.number FROM coupons AS coupon
            JOIN documents AS document ON document.id = coupon.document_id
            JOIN order_segments AS sold ON sold.id = coupon.segment_id
            WHERE sold.flight_date_id = $1 AND coupon.status IN ('open', 'checked_in') AND sold.status <> 'cancelled'
            ORDER BY document.number, coupon.number
            """,
            flight,
        )
        lines = [
            f"{ticket},{coupon},,,{world.chance.choice(('boarded', 'boarded', 'boarded', 'no_show'))}"
            for ticket, coupon in coupons
        ]
        listed = "\n".join(["ticket,coupon,locator,name,status", *lines]) + "\n"
        moved = await asyncio.gather(*(_close(world, flight, listed) for _ in range(2)))
        if sum(moved) != len(coupons):
            raise AssertionError(f"{len(coupons)} coupons were closed as {moved}")
        closed += 1
    return closed


async def _close(world: World, flight: UUID, listed: str) -> int:
    """How many coupons were moved by closing the departure."""
    try:
        async with world.program.database.unit_of_work(ACTOR) as uow:
            closed = await close_departure(uow, flight, read_list(listed), early=False)
    except AppError as refused:
        raise AssertionError(f"the departure of {flight} was refused: {refused.code} {refused.details}") from refused
    return closed.flown + closed.no_show
