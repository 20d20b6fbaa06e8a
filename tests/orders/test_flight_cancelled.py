"""The airline cancels or changes a flight: everything unflown comes back with every fee, asked for or by itself."""

from datetime import date, timedelta

import pytest
from tests.factories.giving_back import (
    bank_decides,
    books,
    cancel,
    confirm,
    coupons,
    flight_dates,
    minor,
    post_confirm,
    post_quote,
    quote,
    refunds,
    states,
)
from tests.factories.in_process import ADULT, INFANT, departure, order_id
from tests.payments.test_disputes import decide, dispute, tell

from ais.app.schedule_import import cancel_flight_for_orders
from ais.kit import system_actor
from ais.orders import OrderFlightsCancelled, RetimeRule, sales_on_flight_dates
from ais.orders.service.schedule_change import cancel_segments
from ais.payments import DisputeStatus
from ais.platform.jobs import JobRegistry
from ais.schedule import FlightDatesCancelled, FlightDatesReinstated, FlightDatesRetimed

ACTOR = system_actor("test")


async def cancel_flight(program, flight_date_id, *, give_back):
    """Cancel a flight date as staff do, and run what follows; answers what the command would say."""
    async with program.database.unit_of_work(ACTOR) as uow:
        done = await cancel_flight_for_orders(
            uow, flight_date_id, reason="aircraft on ground", give_back=give_back, progress=lambda _done, _total: None
        )
    await program.run_jobs()
    await program.run_jobs()
    return done


def codes(order):
    return [segment["status_code"] for each in order["slices"] for segment in each["segments"]]


async def test_everything_goes_back_by_itself_when_staff_choose_so(module_program):
    soon = ("RUH", "JED", departure(2))
    paid = await module_program.order([ADULT, INFANT], slices=[soon, ("JED", "RUH", departure(19))])
    await module_program.pay(paid)
    (first, _) = await flight_dates(module_program, paid)
    done = await cancel_flight(module_program, first, give_back=True)
    assert (done.sales.order_ids, done.sales.passengers) == ((order_id(paid),), 2)
    seen = await module_program.read(paid)
    assert states(seen) == ("cancelled", "refunded", "issued")
    assert (seen["refunded"], codes(seen), set(coupons(seen))) == (paid["total"], ["UN", "XX"], {"refunded"})
    assert await module_program.taken(paid) == [(0, 0), (0, 0)]
    again = await cancel_flight(module_program, first, give_back=True)
    assert (again.changed, again.sales.order_ids) == (None, ())
    assert len(await refunds(module_program, paid)) == 1


async def test_else_the_customer_is_quoted_everything_back_with_every_fee(module_program):
    order = await module_program.order(slices=[("JED", "RUH", departure(2))])
    await module_program.pay(order)
    (flight,) = await flight_dates(module_program, order)
    before = await quote(module_program, order)
    assert before["penalty"]["amount"] != "0.00"
    await cancel_flight(module_program, flight, give_back=False)
    seen = await module_program.read(order)
    assert (states(seen), codes(seen), "cancel" in seen["available_actions"]) == (
        ("confirmed", "paid", "issued"),
        ["UN"],
        True,
    )
    quoted = await quote(module_program, order)
    assert (quoted["fee"]["amount"], quoted["refund"]) == ("0.00", order["total"])
    assert {line["rule"] for line in quoted["lines"]} == {
        "The airline has cancelled or changed a flight: everything that was not flown is given back."
    }
    assert (await cancel(module_program, order))["refunded"] == order["total"]


async def test_unpaid_orders_end_with_their_flight_and_nobody_can_pay_for_them(module_program):
    order = await module_program.order(slices=[("RUH", "JED", departure(34))])
    payment = await module_program.begin_payment(order)
    (flight,) = await flight_dates(module_program, order)
    await cancel_flight(module_program, flight, give_back=False)
    seen = await module_program.read(order)
    assert states(seen) == ("cancelled", "unpaid", "none")
    assert (await module_program.intent(payment))["status"] == "canceled"
    assert await module_program.hold_of(order) == "released"


async def move(program, flight, departure_minutes, arrival_minutes):
    """The schedule moves a flight, and orders learn of it."""
    departs, arrives = timedelta(minutes=departure_minutes), timedelta(minutes=arrival_minutes)
    async with program.database.unit_of_work(ACTOR) as uow:
        await uow.connection.execute(
            """
            UPDATE legs SET scheduled_departure_at = scheduled_departure_at + $2::interval,
                scheduled_arrival_at = scheduled_arrival_at + $3::interval,
                passenger_departure_at = passenger_departure_at + $2::interval,
                passenger_arrival_at = passenger_arrival_at + $3::interval
            WHERE flight_date_id = $1
            """,
            flight,
            departs,
            arrives,
        )
        await uow.connection.execute(
            """
            UPDATE segments SET departs_at = departs_at + $2::interval, arrives_at = arrives_at + $3::interval
            WHERE flight_date_id = $1
            """,
            flight,
            departs,
            arrives,
        )
        uow.publish(FlightDatesRetimed(flight_date_ids=(flight,)))
    await program.run_jobs()


@pytest.mark.parametrize(
    ("route", "day", "departs", "arrives", "off"),
    [
        (("RUH", "DMM"), 5, 120, 120, 120),
        (("RUH", "DMM"), 6, 0, 121, 121),
        (("RUH", "JED"), 5, -121, -121, 121),
        (("RUH", "JED"), 6, 120, 119, 120),
        (("JED", "RUH"), 5, -120, -60, 120),
    ],
)
async def test_a_flight_that_is_moved_far_lets_the_customer_go_without_a_fee(
    module_program, route, day, departs, arrives, off
):
    # Between 72 and 168 hours before departure, whatever the time of day and however it is moved: one penalty. Each on
    # a flight of its own, as the shop may read the timetable while another test has moved one.
    order = await module_program.order(slices=[(*route, departure(day))])
    await module_program.pay(order)
    before = await quote(module_program, order)
    assert minor(before["penalty"]) > 0
    (flight,) = await flight_dates(module_program, order)
    await move(module_program, flight, departs, arrives)
    try:
        assert codes(await module_program.read(order)) == ["TK"]
        quoted = await quote(module_program, order)
    finally:
        await move(module_program, flight, -departs, -arrives)
    (said,) = {line["rule"].partition(" A flight was moved")[2] for line in quoted["lines"]}
    if off > 120:
        assert (quoted["fee"]["amount"], quoted["refund"]) == ("0.00", order["total"])
        assert said == f" by {off} minutes; by more than 120 it is the airline's doing."
    else:
        assert (quoted["fee"], quoted["penalty"]) == (before["fee"], before["penalty"])
        assert said == f" by {off} minutes; only by more than 120 does everything come back."


async def test_a_quote_from_before_the_flight_was_moved_further_no_longer_holds(module_program):
    order = await module_program.order(slices=[("JED", "RUH", departure(6))])
    await module_program.pay(order)
    (flight,) = await flight_dates(module_program, order)
    await move(module_program, flight, 30, 30)
    quoted = await quote(module_program, order)
    await move(module_program, flight, 100, 100)
    answer = await post_confirm(module_program, order, quoted)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ORDER_CONFLICT")
    assert (await quote(module_program, order))["fee"]["amount"] == "0.00"
    await move(module_program, flight, -130, -130)
    assert states(await module_program.read(order)) == ("confirmed", "paid", "issued")


def test_a_sale_keeps_the_minutes_of_its_day():
    rule = RetimeRule(((date.min, 120), (date(2027, 7, 1), 60)))
    assert [rule.on(date(2027, 6, 30)), rule.on(date(2027, 7, 1)), RetimeRule().on(date(2023, 1, 1))] == [120, 60, 120]


async def test_a_quote_from_before_the_cancellation_no_longer_holds(module_program):
    order = await module_program.order(slices=[("DMM", "RUH", departure(2))])
    await module_program.pay(order)
    quoted = await quote(module_program, order)
    (flight,) = await flight_dates(module_program, order)
    await cancel_flight(module_program, flight, give_back=False)
    answer = await module_program.http.post(
        f"/api/v1/cancellation-quotes/{quoted['id']}/confirm",
        json={},
        headers={"Authorization": f"Bearer {order['guest_token']}", "Idempotency-Key": "once" * 8},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ORDER_CONFLICT")
    assert states(await module_program.read(order)) == ("confirmed", "paid", "issued")


async def test_a_flight_that_comes_back_does_not_bring_back_who_has_given_it_up(module_program):
    order = await module_program.order(slices=[("RUH", "JED", departure(9)), ("JED", "RUH", departure(16))])
    await module_program.pay(order)
    out, _ = await flight_dates(module_program, order)
    async with module_program.database.unit_of_work(ACTOR) as uow:
        uow.publish(FlightDatesCancelled(flight_date_ids=(out,)))
    await module_program.run_jobs()
    first = order["slices"][0]["segments"][0]["id"]
    seen = await cancel(module_program, order, segment_ids=[first])
    assert (seen["status"], codes(seen)) == ("confirmed", ["XX", "HK"])
    async with module_program.database.unit_of_work(ACTOR) as uow:
        assert await sales_on_flight_dates(uow, [out]) == {}
        uow.publish(FlightDatesReinstated(flight_date_ids=(out,)))
    await module_program.run_jobs()
    assert codes(await module_program.read(order)) == ["XX", "HK"]


async def test_each_order_is_told_once_of_its_cancelled_flights(own_program):
    order = await own_program.order(slices=[("DMM", "CAI", departure(23))])
    await own_program.pay(order)

    async def hear(_context, _event):
        raise AssertionError("the test reads the job instead")

    registry = JobRegistry()
    registry.handler(OrderFlightsCancelled, "test.on_flights_cancelled", hear)
    own_program.database.subscriptions = registry.subscriptions
    first, _second = await flight_dates(own_program, order)
    async with own_program.database.unit_of_work(ACTOR) as uow:
        assert await cancel_segments(uow, flight_date_ids=[first], reason="test") == 1
        assert await cancel_segments(uow, flight_date_ids=[first], reason="test") == 0
    (payload,) = await own_program.rows("SELECT payload FROM jobs WHERE entrypoint = 'test.on_flights_cancelled'")
    segments = await own_program.rows(
        "SELECT id::text FROM order_segments WHERE order_id = $1 ORDER BY position", order_id(order)
    )
    assert segments[0] in str(payload)
    assert segments[1] not in str(payload)
    await own_program.rows("DELETE FROM jobs WHERE entrypoint = 'test.on_flights_cancelled' RETURNING 1")


async def test_a_dispute_keeps_the_money_and_staff_are_asked(module_program):
    order = await module_program.order(slices=[("RUH", "JED", departure(35))])
    await bank_decides(module_program, await module_program.pay(order), DisputeStatus.OPEN)
    (flight,) = await flight_dates(module_program, order)
    await cancel_flight(module_program, flight, give_back=True)
    assert await module_program.staff_queue(order["id"]) == ["flight_cancelled_not_refunded"]
    assert (states(await module_program.read(order)), await refunds(module_program, order)) == (
        ("confirmed", "disputed", "issued"),
        [],
    )
    answer = await post_quote(module_program, order)
    assert answer.status_code == 409


async def test_what_a_bank_has_taken_for_good_does_not_go_back_again(module_program):
    """A storm found the job that tried it twelve times and died.

    A provider refunds no charge that was disputed, so that staff are asked about the rest.
    """
    order = await module_program.order([ADULT, ADULT], slices=[("RUH", "JED", departure(34))])
    payment = await module_program.pay(order)
    held = await dispute(module_program, payment, amount=minor(order["total"]) // 2)
    decide(module_program, held, "lose")
    await tell(module_program, held)
    before = states(await module_program.read(order))
    assert before == ("confirmed", "partially_refunded", "issued")
    (flight,) = await flight_dates(module_program, order)
    await cancel_flight(module_program, flight, give_back=True)
    assert await module_program.staff_queue(order["id"]) == []
    seen = await module_program.read(order)
    assert (states(seen), coupons(seen)) == (("cancelled", "partially_refunded", "issued"), ["refunded", "refunded"])
    rest = minor(order["total"]) - minor(order["total"]) // 2
    assert await refunds(module_program, order) == [(rest, "failed")]
    assert (await books(module_program, order)).get("chargebacks", 0) == 0


async def test_what_a_bank_has_left_goes_back(module_program):
    order = await module_program.order([ADULT, ADULT], slices=[("RUH", "JED", departure(33))])
    payment = await module_program.pay(order)
    held = await dispute(module_program, payment, amount=1000)
    decide(module_program, held, "lose")
    await tell(module_program, held)
    person = [order["passengers"][0]["id"]]
    quoted = await quote(module_program, order, passenger_ids=person, refund_to="travel_credit")
    await confirm(module_program, order, quoted)
    assert await refunds(module_program, order) == [(minor(quoted["refund"]), "succeeded")]


@pytest.mark.parametrize(("give_back", "days"), [(True, 30), (False, 32)])
async def test_other_flights_orders_are_left_alone(module_program, give_back, days):
    day = departure(days)
    order = await module_program.order(slices=[("RUH", "JED", day)])
    await module_program.pay(order)
    other = await module_program.order(slices=[("RUH", "JED", departure(days + 1))])
    await module_program.pay(other)
    (flight,) = await flight_dates(module_program, other)
    await cancel_flight(module_program, flight, give_back=give_back)
    assert (states(await module_program.read(order)), codes(await module_program.read(order))) == (
        ("confirmed", "paid", "issued"),
        ["HK"],
    )
