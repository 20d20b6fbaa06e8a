"""A changed schedule reaches the orders it concerns: nothing is deleted, segments say what became of them."""

from uuid import UUID, uuid4

import pytest
from tests.factories.in_process import departure, order_id

from ais.kit import system_actor
from ais.orders import affected_orders, sales_on_flight_dates
from ais.orders.domain import SegmentStatus
from ais.orders.repository import move_segments, segments_on
from ais.platform.audit import Entry, record
from ais.platform.database import Event
from ais.schedule import FlightDatesCancelled, FlightDatesReinstated, FlightDatesRetimed, cancel_flight_date

ACTOR = system_actor("test")


def segments(order):
    return [
        (segment["origin"], segment["status"], segment["status_code"])
        for each in order["slices"]
        for segment in each["segments"]
    ]


async def flight_dates(program, order) -> list[UUID]:
    return await program.rows(
        "SELECT flight_date_id FROM order_segments WHERE order_id = $1 ORDER BY position", order_id(order)
    )


async def tell(program, event: Event) -> None:
    async with program.database.unit_of_work(ACTOR) as uow:
        uow.publish(event)
    await program.run_jobs()


async def test_a_cancelled_flight_date_cancels_its_segments_alone(own_program):
    order = await own_program.order(slices=[("DMM", "CAI", departure(23))])
    await own_program.pay(order)
    other = await own_program.order(slices=[("DMM", "CAI", departure(24))])
    first, _second = await flight_dates(own_program, order)
    async with own_program.database.unit_of_work(ACTOR) as uow:
        sold = await sales_on_flight_dates(uow, [first])
        assert (sold[first].seats_sold, sold[first].passengers, sold[first].order_ids) == (1, 1, (order_id(order),))
        await cancel_flight_date(uow, first, reason="aircraft on ground")
    await own_program.run_jobs()
    seen = await own_program.read(order)
    assert segments(seen) == [("DMM", "cancelled", "UN"), ("RUH", "confirmed", "HK")]
    assert [seen[name] for name in ("status", "payment_status", "ticketing_status")] == ["confirmed", "paid", "issued"]
    assert segments(await own_program.read(other)) == [("DMM", "confirmed", "HK"), ("RUH", "confirmed", "HK")]
    moves = await own_program.history(order, "order_segment.status")
    assert [move[:2] for move in moves] == [("confirmed", "cancelled")]
    async with own_program.database.connection() as connection:
        (affected,) = await affected_orders(connection, 10)
    assert (affected["record_locator"], affected["status_code"], affected["passengers"]) == (
        order["record_locator"],
        "UN",
        1,
    )


async def test_a_flight_that_operates_after_all_is_confirmed_again(program):
    order = await program.order()
    (flight,) = await flight_dates(program, order)
    for event, expected in [
        (FlightDatesCancelled, ("cancelled", "UN")),
        (FlightDatesCancelled, ("cancelled", "UN")),
        (FlightDatesReinstated, ("confirmed", "HK")),
        (FlightDatesRetimed, ("schedule_changed", "TK")),
        (FlightDatesCancelled, ("cancelled", "UN")),
    ]:
        await tell(program, event(flight_date_ids=(flight,)))
        assert segments(await program.read(order))[0][1:] == expected
    assert [move[1] for move in await program.history(order, "order_segment.status")] == [
        "cancelled",
        "confirmed",
        "schedule_changed",
        "cancelled",
    ]


async def test_what_the_customer_gave_up_does_not_come_back_with_the_flight(program):
    order = await program.order()
    (flight,) = await flight_dates(program, order)
    async with program.database.unit_of_work(ACTOR) as uow:
        given_up = await uow.connection.fetch("SELECT id FROM order_segments WHERE order_id = $1", order_id(order))
        await move_segments(uow, [row["id"] for row in given_up], SegmentStatus.CANCELLED, "XX", "given up")
        await record(uow, Entry(action="order.cancelled", subject=order["id"], order_id=order_id(order)))
    await tell(program, FlightDatesReinstated(flight_date_ids=(flight,)))
    assert segments(await program.read(order))[0][1:] == ("cancelled", "XX")


@pytest.mark.parametrize("event", [FlightDatesCancelled, FlightDatesRetimed])
async def test_an_order_that_has_ended_is_left_alone(own_program, event):
    order = await own_program.order()
    (flight,) = await flight_dates(own_program, order)
    async with own_program.later(minutes=15.1) as late:
        await late.expire(order)
        version = (await late.read(order))["version"]
    await tell(own_program, event(flight_date_ids=(flight,)))
    seen = await own_program.read(order)
    assert (segments(seen)[0][1:], seen["version"]) == (("cancelled", "HX"), version)


async def test_orders_on_changed_flights_are_found_without_reading_every_segment(program):
    asked = []
    async with program.database.unit_of_work(ACTOR) as uow:
        with uow.connection.query_logger(asked.append):
            await segments_on(uow, flight_date_ids=[uuid4()], segment_ids=[1], statuses=[SegmentStatus.CONFIRMED])
            await affected_orders(uow.connection, 10)
        # What is left is a bitmap of indexes that answer the condition; only where there is none the table is read.
        for way in ("seqscan", "indexscan", "indexonlyscan", "nestloop", "mergejoin"):
            await uow.connection.execute(f"SET LOCAL enable_{way} = off")
        plans = [
            "\n".join(row[0] for row in await uow.connection.fetch("EXPLAIN " + each.query, *each.args))
            for each in asked
            if "order_segments" in each.query  # a new connection asks for types besides
        ]
    assert [plan.count("Seq Scan on order_segments") for plan in plans] == [0, 0]
    assert "order_segments_segment_id" in plans[0]
    assert "order_segments_affected" in plans[1]
