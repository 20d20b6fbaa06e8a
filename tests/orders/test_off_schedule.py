"""Money and flights that change between the order, its payment and its settling."""

from uuid import UUID, uuid4

from tests.factories.in_process import departure, order_id, payment_id

from ais.kit import Money, system_actor
from ais.kit.ids import PaymentId
from ais.orders import repository as orders
from ais.orders import settle_order_payment
from ais.payments import NewPayment, PaymentMethod, begin_payment
from ais.schedule import FlightDatesRetimed, cancel_flight_date

ACTOR = system_actor("test")
CONNECTION = ("DMM", "CAI", departure(26))


def states(order):
    return order["status"], order["payment_status"], order["ticketing_status"]


def codes(order):
    return [segment["status_code"] for each in order["slices"] for segment in each["segments"]]


async def flights(program, order) -> list[UUID]:
    return await program.rows(
        "SELECT flight_date_id FROM order_segments WHERE order_id = $1 ORDER BY position", order_id(order)
    )


async def cancel_first_flight(program, order):
    first, *_ = await flights(program, order)
    async with program.database.unit_of_work(ACTOR) as uow:
        await cancel_flight_date(uow, first, reason="aircraft on ground")


async def test_a_cancelled_flight_is_not_to_be_paid_for(own_program):
    order = await own_program.order(slices=[CONNECTION])
    await cancel_first_flight(own_program, order)
    for _ in range(2):  # before and after the order has learned of it
        refused = await own_program.post_payment(order)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "ORDER_CONFLICT")
        await own_program.run_jobs()
    seen = await own_program.read(order)
    assert (states(seen), codes(seen)) == (("reserved", "unpaid", "none"), ["UN", "HK"])
    assert "pay" not in seen["available_actions"]
    assert await own_program.rows("SELECT count(*) FROM payments") == [0]
    assert await own_program.intents_of(order) == []


async def test_money_for_a_flight_cancelled_meanwhile_goes_back_and_so_do_the_seats(own_program):
    order = await own_program.order(slices=[CONNECTION])
    payment = await own_program.begin_payment(order)
    await own_program.confirm(payment)
    await cancel_first_flight(own_program, order)
    await own_program.report(payment)
    seen = await own_program.read(order)
    assert (states(seen), codes(seen)) == (("cancelled", "refunded", "none"), ["UN", "XX"])
    assert (seen["refunded"], seen["documents"]) == (order["total"], [])
    assert [refund["amount"] for refund in await own_program.refunds_of(payment)] == [
        int(order["total"]["amount"].replace(".", ""))
    ]
    assert await own_program.hold_of(order) == "released"
    assert await own_program.taken(order) == [(0, 0), (0, 0)]


async def test_an_order_paid_late_learns_that_its_flight_was_retimed(own_program):
    order = await own_program.order(slices=[CONNECTION])
    payment = await own_program.begin_payment(order)
    await own_program.confirm(payment, "pm_sandbox_processingSucceeds")
    await own_program.report(payment)
    first, _ = await flights(own_program, order)
    async with own_program.later(minutes=17) as late:
        await late.run_jobs()
        assert states(await late.read(order)) == ("expired", "processing", "none")
        async with late.database.unit_of_work(ACTOR) as uow:
            await uow.connection.execute(
                """
                UPDATE legs SET scheduled_departure_at = scheduled_departure_at + interval '40 minutes',
                    scheduled_arrival_at = scheduled_arrival_at + interval '40 minutes',
                    passenger_departure_at = passenger_departure_at + interval '40 minutes',
                    passenger_arrival_at = passenger_arrival_at + interval '40 minutes'
                WHERE flight_date_id = $1
                """,
                first,
            )
            await uow.connection.execute(
                """
                UPDATE segments SET departs_at = departs_at + interval '40 minutes',
                    arrives_at = arrives_at + interval '40 minutes'
                WHERE flight_date_id = $1
                """,
                first,
            )
            uow.publish(FlightDatesRetimed(flight_date_ids=(first,)))
        await late.run_jobs()
        assert codes(await late.read(order)) == ["HX", "HX"]
        late.simulator.control("POST", "/transitions/run")
        await late.report(payment)
        seen = await late.read(order)
        assert (states(seen), codes(seen)) == (("confirmed", "paid", "issued"), ["TK", "HK"])
        assert await late.taken(order) == [(0, 1), (0, 1)]


async def test_an_attempt_that_the_provider_refuses_to_open_ends_and_another_may_begin(own_program):
    order = await own_program.order()
    refused = PaymentId(uuid4())
    async with own_program.database.unit_of_work(ACTOR) as uow:
        limit = (await orders.lock_order(uow, order_id(order))).payment_required_by
        # Less than any card is charged.
        await begin_payment(
            uow,
            NewPayment(
                id=refused,
                order_id=order_id(order),
                method=PaymentMethod.CARD,
                provider="stripe",
                amount=Money(1, "SAR"),
                expires_at=limit,
                point_of_sale="SA",
            ),
        )
    await settle_order_payment(own_program.database, own_program.gateways, refused, ACTOR, "test")
    assert await own_program.rows("SELECT status, provider_payment_id FROM payments WHERE id = $1", refused) == [
        ("cancelled", None)
    ]
    await own_program.pay(order)
    assert states(await own_program.read(order)) == ("confirmed", "paid", "issued")


async def test_an_attempt_left_open_by_an_order_that_has_ended_is_closed_once_the_bank_has_decided(own_program):
    order = await own_program.order()
    payment = await own_program.begin_payment(order)
    await own_program.confirm(payment, "pm_sandbox_processingFails")
    await own_program.report(payment)
    async with own_program.later(minutes=17) as late:
        await late.run_jobs()
        assert states(await late.read(order)) == ("expired", "processing", "none")
        assert (await late.intent(payment))["status"] == "processing"
        late.simulator.control("POST", "/transitions/run")
        assert (await late.intent(payment))["status"] == "requires_payment_method"
        await late.report(payment)
        assert (await late.intent(payment))["status"] == "canceled"
        assert await late.rows("SELECT status FROM payments WHERE id = $1", payment_id(payment)) == ["cancelled"]
        refused = await late.confirm(payment)
        assert refused["error"]["code"] == "payment_intent_unexpected_state"
        assert await late.taken(order) == [(0, 0)]
