"""Money reaches its order through one function, whenever, however often, and whatever else happens."""

import asyncio
from uuid import uuid4

import pytest
from tests.factories.in_process import ADULT, order_id, payment_id
from tests.factories.meeting import Meeting

from ais.inventory import set_authorisation
from ais.kit import Money, ids, system_actor
from ais.kit.ids import PaymentId, encode_id
from ais.orders import expire_order, settle_order_payment
from ais.orders import repository as orders
from ais.orders.domain import OrderStatus
from ais.orders.service import expire
from ais.orders.service.settle import apply_settlement
from ais.orders.service.states import OrderChange
from ais.payments import NewPayment, PaymentMethod, begin_payment, find_payment
from ais.payments import repository as payments

ACTOR = system_actor("test")


def states(order):
    return order["status"], order["payment_status"], order["ticketing_status"]


async def settle(program, payment):
    await settle_order_payment(program.database, program.gateways, PaymentId(payment_id(payment)), ACTOR, "test")


async def change_intent(program, payment, **values):
    answer = await program.provider.post(f"/v1/payment_intents/{payment['provider_payment_id']}", data=values)
    assert answer.status_code == 200, answer.text


async def close_flight(program, order):
    """Nothing more is sold on the order's legs: they carry nobody."""
    legs = await program.rows(
        "SELECT item.leg_id, item.cabin FROM hold_items AS item JOIN orders USING (hold_id) WHERE orders.id = $1",
        order_id(order),
    )
    async with program.database.unit_of_work(ACTOR) as uow:
        for leg_id, cabin in legs:
            await set_authorisation(uow, leg_id, cabin, reason="test", authorised=0)


async def test_a_wrong_amount_confirms_nothing_and_asks_staff(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    await change_intent(program, payment, amount=1000)
    await program.confirm(payment)
    await program.report(payment)
    seen = await program.read(order)
    assert states(seen) == ("reserved", "unpaid", "none")
    assert (seen["paid"]["amount"], seen["documents"]) == ("10.00", [])
    assert await program.staff_queue(payment["id"]) == ["payment_amount"]
    assert await program.hold_of(order) == "active"
    rest = await program.begin_payment(order)
    assert rest["id"] != payment["id"]
    assert rest["amount"] == seen["balance_due"]
    await program.confirm(rest)
    await program.report(rest)
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")


async def test_a_wrong_amount_that_a_bank_has_thought_about_leaves_nothing_under_way(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    await change_intent(program, payment, amount=1000)
    await program.confirm(payment, "pm_sandbox_processingSucceeds")
    await program.report(payment)
    assert states(await program.read(order)) == ("reserved", "processing", "none")
    program.simulator.control("POST", "/transitions/run")
    await program.report(payment)
    assert states(await program.read(order)) == ("reserved", "unpaid", "none")
    assert await program.staff_queue(payment["id"]) == ["payment_amount"]


async def test_too_much_confirms_nothing_and_nothing_more_is_asked_for(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    await change_intent(program, payment, amount=999_900)
    await program.confirm(payment)
    await program.report(payment)
    assert states(await program.read(order)) == ("reserved", "unpaid", "none")
    assert await program.staff_queue(payment["id"]) == ["payment_amount"]
    again = await program.post_payment(order)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "ORDER_CONFLICT")


async def test_another_currency_confirms_nothing_and_asks_staff(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    await change_intent(program, payment, currency="usd")
    await program.confirm(payment)
    await program.report(payment)
    seen = await program.read(order)
    assert states(seen) == ("reserved", "unpaid", "none")
    assert seen["paid"]["amount"] == "0.00"
    assert await program.staff_queue(payment["id"]) == ["payment_currency"]


async def test_money_for_a_cancelled_order_goes_back_by_itself(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    async with program.database.unit_of_work(ACTOR) as uow:
        change = OrderChange(await orders.lock_order(uow, order_id(order)))
        change.status_to(OrderStatus.CANCELLED, "given up")
        await change.write(uow)
    await program.confirm(payment)
    await program.report(payment)
    seen = await program.read(order)
    assert states(seen) == ("cancelled", "refunded", "none")
    assert (seen["refunded"], await program.staff_queue(payment["id"])) == (order["total"], [])


async def test_a_second_payment_goes_back_by_itself(program):
    order = await program.order()
    await program.pay(order)
    total = int(order["total"]["amount"].replace(".", ""))
    second = PaymentId(uuid4())
    async with program.database.unit_of_work(ACTOR) as uow:
        limit = (await orders.lock_order(uow, order_id(order))).payment_required_by
        await begin_payment(
            uow,
            NewPayment(
                id=second,
                order_id=order_id(order),
                method=PaymentMethod.CARD,
                provider="stripe",
                amount=Money(total, "SAR"),
                expires_at=limit,
                point_of_sale="SA",
            ),
        )
    await settle_order_payment(program.database, program.gateways, second, ACTOR, "test")
    async with program.database.connection() as connection:
        known = await find_payment(connection, second)
    payment = {"id": encode_id(ids.PAYMENT, second), "provider_payment_id": known.provider_payment_id}
    await program.confirm(payment)
    await program.report(payment)
    seen = await program.read(order)
    assert states(seen) == ("confirmed", "paid", "issued")
    assert int(seen["paid"]["amount"].replace(".", "")) == 2 * total
    assert seen["refunded"] == order["total"]
    assert [refund["amount"] for refund in await program.refunds_of(payment)] == [total]
    await program.report(payment)
    assert len(await program.refunds_of(payment)) == 1


async def test_paid_after_the_hold_ended_the_seats_are_claimed_again(own_program):
    order = await own_program.order([ADULT, ADULT])
    payment = await own_program.begin_payment(order)
    await own_program.confirm(payment)
    async with own_program.later(minutes=17) as late:
        await settle(late, payment)
        assert states(await late.read(order)) == ("confirmed", "paid", "issued")
        assert await late.hold_of(order) == "expired"
        assert await late.taken(order) == [(0, 2)]
        assert len(await late.rows("SELECT id FROM documents")) == 2


async def test_paid_after_the_hold_ended_and_no_seats_left_the_money_goes_back(own_program):
    order = await own_program.order()
    payment = await own_program.begin_payment(order)
    await own_program.confirm(payment)
    async with own_program.later(minutes=17) as late:
        await close_flight(late, order)
        await settle(late, payment)
        seen = await late.read(order)
        assert states(seen) == ("expired", "paid", "none")
        await late.run_jobs()
        seen = await late.read(order)
        assert states(seen) == ("expired", "refunded", "none")
        assert seen["display_status"] == "refunded"
        assert (seen["refunded"], seen["balance_due"]["amount"]) == (order["total"], "0.00")
        assert [refund["status"] for refund in await late.refunds_of(payment)] == ["succeeded"]
        assert seen["documents"] == []
        assert await late.taken(order) == [(0, 0)]


async def test_processing_at_the_time_limit_and_paid_then(own_program):
    """The bank has not decided when the time is over: the order ends, and comes back when the money does."""
    order = await own_program.order()
    payment = await own_program.begin_payment(order)
    await own_program.confirm(payment, "pm_sandbox_processingSucceeds")
    await own_program.report(payment)
    async with own_program.later(minutes=15.2) as late:
        await late.expire(order)
        ended = await late.read(order)
        assert states(ended) == ("expired", "processing", "none")
        segment = ended["slices"][0]["segments"][0]
        assert (segment["status"], segment["status_code"]) == ("cancelled", "HX")
        own_program.simulator.control("POST", "/transitions/run")
        await settle(late, payment)
        seen = await late.read(order)
        assert states(seen) == ("confirmed", "paid", "issued")
        segment = seen["slices"][0]["segments"][0]
        assert (segment["status"], segment["status_code"]) == ("confirmed", "HK")
        assert [move[1] for move in await late.history(order, "order.status")] == ["reserved", "expired", "confirmed"]


async def test_twenty_settlements_in_parallel_have_one_effect(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment)
    (before,) = await program.rows("SELECT next_serial FROM ticket_number_ranges")
    await asyncio.gather(*(settle(program, payment) for _ in range(20)))
    seen = await program.read(order)
    assert (states(seen), len(seen["documents"])) == (("confirmed", "paid", "issued"), 1)
    assert await program.rows("SELECT next_serial FROM ticket_number_ranges") == [before + 1]
    assert seen["paid"] == order["total"]
    assert len(await program.history(order, "order.payment_status")) == 1


async def test_without_the_locks_parallel_settlements_clash(program, monkeypatch):
    """The control of the test above: nobody waits for the other, and what is left is what the database refuses."""
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment)

    both_have_read = Meeting()

    async def unlocked_order(uow, identifier):
        return await orders.find_order(uow.connection, identifier)

    async def unlocked_payment(uow, identifier):
        found = await find_payment(uow.connection, identifier)
        await both_have_read.wait()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(orders, "lock_order", unlocked_order)
        patched.setattr(payments, "lock_payment", unlocked_payment)
        results = await asyncio.gather(*(settle(program, payment) for _ in range(8)), return_exceptions=True)
    assert [result for result in results if isinstance(result, Exception)] != []


@pytest.mark.parametrize("attempt", range(4))
async def test_settled_in_parallel_with_its_time_limit_it_is_confirmed(program, attempt):
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment)
    await program.rows(
        "UPDATE orders SET payment_required_by = ais_now() WHERE id = $1 RETURNING id", order_id(order)
    )  # fmt: skip
    both = [settle(program, payment), program.expire(order)]
    await asyncio.gather(*(both if attempt % 2 else reversed(both)))
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")


async def test_a_time_limit_that_does_not_look_at_the_payment_ends_a_paid_order(program, monkeypatch):
    """The control of the test above: without the look at open attempts the time limit comes first and wins."""
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment)
    await program.rows(
        "UPDATE orders SET payment_required_by = ais_now() WHERE id = $1 RETURNING id", order_id(order)
    )  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr(expire, "open_attempts", lambda _: [])
        await expire_order(program.database, program.gateways, order_id(order), ACTOR, "test")
    assert (await program.read(order))["status"] == "expired"
    await settle(program, payment)
    await program.run_jobs()
    assert states(await program.read(order)) == ("expired", "refunded", "none")


async def test_old_news_of_an_ended_attempt_do_not_move_the_order(program):
    """An attempt that was closed long ago is looked at again while the next one is being processed."""
    order = await program.order()
    first = await program.begin_payment(order)
    await program.provider.post(f"/v1/payment_intents/{first['provider_payment_id']}/cancel")
    await program.report(first)
    second = await program.begin_payment(order)
    assert second["id"] != first["id"]
    await program.confirm(second, "pm_sandbox_processingForever")
    await program.report(second)
    assert (await program.read(order))["payment_status"] == "processing"
    await settle(program, first)
    assert (await program.read(order))["payment_status"] == "processing"


async def test_another_object_under_the_same_reference_is_not_taken_for_the_attempt(program):
    order, other = await program.order(), await program.order()
    payment, foreign = await program.begin_payment(order), await program.begin_payment(other)
    await program.confirm(foreign)
    found = await program.gateways.of("stripe").retrieve(foreign["provider_payment_id"])
    async with program.database.unit_of_work(ACTOR) as uow:
        settlement = await apply_settlement(uow, order_id(order), PaymentId(payment_id(payment)), found)
    assert (settlement.moved, settlement.newly_succeeded) == (False, False)
    assert (await program.read(order))["status"] == "reserved"
