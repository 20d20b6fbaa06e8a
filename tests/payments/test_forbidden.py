"""What must be impossible with money: each test is named after a defect of the system that this one replaces.

The letters are those of the list of its defects; B5, B6, B7, H7 and H24, about giving back, stand with the orders.
"""

import json
from datetime import date

import asyncpg
import pytest
from tests.factories.in_process import bearer, new_key, order_id, payment_id
from tests.orders.test_settling import change_intent, states
from tests.payments.test_refunds import paid_order, total

from ais.app.asgi import litestar_application
from ais.kit import InvalidStateTransition, system_actor
from ais.orders import repository as orders
from ais.orders.domain import OrderPaymentStatus, OrderStatus
from ais.orders.service.states import OrderChange

UNPAID = ("reserved", "unpaid", "none")


async def attempts(program, order):
    return await program.rows("SELECT status FROM payments WHERE order_id = $1 ORDER BY created_at", order_id(order))


async def deliver_all(program, payment, **changes):
    for event in await program.events_of(payment):
        await program.deliver({**event, **changes})
    await program.run_jobs()


@pytest.mark.parametrize(
    "body",
    [
        {"method": "card", "amount": "0.01"},
        {"method": "card", "amount": {"amount": "0.01", "currency": "SAR"}},
        {"method": "card", "currency": "USD"},
        {"method": "card", "status": "succeeded"},
        {"method": "cash"},
        {"method": "agency_deposit"},
        {"method": "bank_transfer"},
        {"method": "checkout", "discount_code": "FREE"},
    ],
    ids=str,
)
async def test_b1_h1_nobody_confirms_an_order_by_naming_an_amount_or_a_method_without_money(program, body):
    order = await program.order()
    answer = await program.http.post(
        f"/api/v1/orders/{order['id']}/payments", json=body, headers={**bearer(order), "Idempotency-Key": new_key()}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert (states(await program.read(order)), await attempts(program, order)) == (UNPAID, [])


async def test_b1_nobody_pays_or_sees_the_order_of_another(program):
    mine, other = await program.order(), await program.order()
    for headers, status in ((bearer(other), 404), ({}, 401), ({"Authorization": "Bearer nonsense"}, 401)):
        answer = await program.http.post(
            f"/api/v1/orders/{mine['id']}/payments",
            json={"method": "card"},
            headers={**headers, "Idempotency-Key": new_key()},
        )
        assert answer.status_code == status
    assert await attempts(program, mine) == []


async def test_h1_a_payment_that_is_begun_and_not_paid_confirms_nothing(program):
    """The way of the page that people use: the hosted page is opened, nobody pays, everything is told and looked at."""
    order = await program.order()
    payment = await program.begin_checkout(order)
    await deliver_all(program, payment)
    async with program.later(minutes=1) as late:
        await late.run_jobs()
    assert (states(await program.read(order)), await attempts(program, order)) == (UNPAID, ["requires_payment"])


async def test_b8_an_event_that_is_delivered_again_has_no_second_effect(program):
    order, payment = await paid_order(program)
    events = await program.events_of(payment)
    before = await effects(program, order)
    for event in events * 3:
        assert (await program.deliver(event)).status_code == 200
    await program.run_jobs()
    assert await effects(program, order) == before


async def effects(program, order):
    return await program.rows(
        """
        SELECT (SELECT count(*) FROM payment_events JOIN payments ON payments.id = payment_id WHERE order_id = $1),
               (SELECT count(*) FROM order_history WHERE order_id = $1),
               (SELECT count(*) FROM documents WHERE order_id = $1),
               (SELECT count(*) FROM ledger_postings WHERE order_id = $1),
               (SELECT count(*) FROM notices WHERE order_id = $1),
               (SELECT count(*) FROM refunds WHERE order_id = $1)
        """,
        order_id(order),
    )


async def test_b9_a_completed_page_that_is_not_paid_yet_confirms_nothing(program):
    order = await program.order()
    payment = await program.begin_checkout(order)
    program.complete(payment, "pm_sandbox_processingForever")
    (event,) = await program.events_of(payment, "checkout.session.completed")
    assert event["data"]["object"]["payment_status"] == "unpaid"
    event["data"]["object"]["payment_status"] = "paid"
    await program.deliver(event)
    await program.run_jobs()
    assert states(await program.read(order)) == ("reserved", "processing", "none")


@pytest.mark.parametrize("changes", [{"amount": 200}, {"currency": "usd"}], ids=str)
async def test_b9_money_of_another_sum_or_currency_confirms_nothing(program, changes):
    order = await program.order()
    payment = await program.begin_payment(order)
    await change_intent(program, payment, **changes)
    await program.confirm(payment)
    await deliver_all(program, payment)
    seen = await program.read(order)
    assert (states(seen), seen["documents"]) == (UNPAID, [])
    assert len(await program.staff_queue(payment["id"])) == 1


async def test_b9_money_does_not_revive_a_cancelled_order(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    async with program.database.unit_of_work(system_actor("test")) as uow:
        change = OrderChange(await orders.lock_order(uow, order_id(order)))
        change.status_to(OrderStatus.CANCELLED, "given up")
        await change.write(uow)
    await program.confirm(payment)
    await deliver_all(program, payment)
    seen = await program.read(order)
    assert (states(seen), seen["documents"]) == (("cancelled", "refunded", "none"), [])
    assert seen["refunded"] == order["total"]


async def test_b16_an_order_is_never_confirmed_without_being_paid(program):
    """Both states move in one transaction, and the database refuses one without the other, whoever writes it."""
    order, _ = await paid_order(program)
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")

    async def write(money):
        async with program.database.connection() as connection, connection.transaction():
            # What orders may become is not asked then.
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute("UPDATE orders SET payment_status = $2 WHERE id = $1", order_id(order), money)

    for money in ("unpaid", "processing", "failed"):
        with pytest.raises(asyncpg.CheckViolationError):
            await write(money)
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")


async def test_b17_h8_a_failure_is_recorded_and_found_by_what_the_provider_knows(program):
    """The intent of a hosted page is not known to us before it fails; the failure reaches the order all the same."""
    order = await program.order()
    payment = await program.begin_checkout(order)
    program.complete(payment, "pm_card_chargeDeclinedInsufficientFunds")
    (event,) = await program.events_of(payment, "payment_intent.payment_failed")
    await program.deliver(event)
    await program.run_jobs()
    assert (await program.read(order))["payment_status"] == "failed"
    assert await program.rows("SELECT failure_code FROM payments WHERE id = $1", payment_id(payment)) == [
        "insufficient_funds"
    ]


async def test_h8_a_refund_at_the_providers_side_is_not_lost(program):
    order = await program.order()
    payment = await program.begin_checkout(order)
    program.complete(payment)
    await deliver_all(program, payment)
    intent = (await program.session(payment))["payment_intent"]
    await program.provider.post("/v1/refunds", data={"payment_intent": intent})
    await deliver_all(program, payment)
    assert (await program.read(order))["payment_status"] == "refunded"


async def test_b22_an_order_has_one_open_attempt_a_row_for_it_and_no_price_but_its_own(program):
    order = await program.order()
    first = await program.begin_checkout(order)
    again = await program.begin_checkout(order)
    assert (again["id"], again["checkout_url"]) == (first["id"], first["checkout_url"])
    assert await attempts(program, order) == ["requires_payment"]
    session = await program.session(first)
    assert not session["allow_promotion_codes"]
    assert session["amount_total"] == total(order)


async def test_b22_an_order_that_has_ended_cannot_be_paid(own_program):
    order = await own_program.order()
    async with own_program.later(minutes=16) as late:
        await late.expire(order)
        answer = await late.post_payment(order, method="checkout")
        assert (answer.status_code, answer.json()["error"]["code"]) == (410, "HOLD_EXPIRED")
        assert await attempts(late, order) == []


async def test_b29_the_provider_is_asked_for_exactly_the_minor_units_that_are_due_once(program):
    order, key = await program.order(), new_key()
    for _ in range(3):
        assert (await program.post_payment(order, key)).status_code == 201
    assert [intent["amount"] for intent in await program.intents_of(order)] == [total(order)]


async def test_h4_a_part_of_the_sum_does_not_confirm_the_whole(program):
    """A share was enough to confirm a booking for everybody."""
    order = await program.order()
    payment = await program.begin_payment(order)
    await change_intent(program, payment, amount=total(order) // 2)
    await program.confirm(payment)
    await deliver_all(program, payment)
    seen = await program.read(order)
    assert (states(seen), seen["documents"]) == (UNPAID, [])
    assert seen["balance_due"]["amount"] != "0.00"


async def test_h5_a_page_for_something_else_does_not_pay_the_order_it_names(program):
    """Whoever opens a session of one riyal and writes our ids on it has paid nothing of ours."""
    order = await program.order()
    own = await program.begin_checkout(order)
    made = await program.provider.post(
        "/v1/checkout/sessions",
        data={"mode": "payment", "success_url": "https://evil.example/", "client_reference_id": own["id"],
              "metadata[payment_id]": own["id"], "metadata[order_id]": order["id"],
              "line_items[0][quantity]": "1", "line_items[0][price_data][currency]": "sar",
              "line_items[0][price_data][unit_amount]": "200",
              "line_items[0][price_data][product_data][name]": "modification"},
    )  # fmt: skip
    foreign = {"provider_payment_id": made.json()["id"]}
    program.complete(foreign)
    await deliver_all(program, foreign)
    assert states(await program.read(order)) == UNPAID
    assert await program.rows("SELECT provider_payment_id FROM payments WHERE id = $1", payment_id(own)) == [
        own["provider_payment_id"]
    ]


async def test_h6_nobody_mints_a_balance(program):
    order = await program.order()
    for path in ("agencies", "agencies/agy_x/top-ups", "agencies/agy_x/credit-limit", "cash/shifts"):
        for headers, status in ((bearer(order), 403), ({}, 401)):
            answer = await program.http.post(
                f"/api/v1/{path}", json={}, headers={**headers, "Idempotency-Key": new_key()}
            )
            assert answer.status_code == status, path
    assert await program.rows("SELECT count(*) FROM travel_credits AS credit LEFT JOIN refunds"
                              " ON refunds.id = credit.refund_id WHERE refunds.id IS NULL") == [0]  # fmt: skip


def test_h14_there_is_one_way_in_for_webhooks(program):
    application = litestar_application(program.settings)
    ways = [route.path for route in application.routes if "webhook" in route.path and "/api/" not in route.path]
    assert ways == ["/webhooks/stripe"]


@pytest.mark.parametrize("target", ["failed", "processing", "unpaid"])
async def test_h14_no_message_moves_money_states_outside_of_the_table(program, target):
    order, payment = await paid_order(program)
    async with program.database.unit_of_work(system_actor("test")) as uow:
        change = OrderChange(await orders.lock_order(uow, order_id(order)))
        with pytest.raises(InvalidStateTransition):
            change.payment_to(OrderPaymentStatus(target), "test")
    (event,) = await program.events_of(payment, "payment_intent.succeeded")
    late = json.loads(json.dumps({**event, "id": f"evt_{new_key()}", "type": "payment_intent.payment_failed"}))
    late["data"]["object"]["status"] = "requires_payment_method"
    await program.deliver(late)
    await program.run_jobs()
    assert (await program.read(order))["payment_status"] == "paid"


async def test_h21_orders_that_nobody_paid_do_not_raise_the_price(program):
    offer = await program.offer()
    search = {"slices": [(offer["slices"][0]["origin"], offer["slices"][0]["destination"], day_of(offer))]}
    before = (await program.offer(**search))["total"]
    for _ in range(3):
        answer = await program.post_order(await program.offer(**search))
        assert answer.status_code == 201
    assert (await program.offer(**search))["total"] == before


def day_of(offer):
    return date.fromisoformat(offer["slices"][0]["segments"][0]["departs_at"][:10])


async def test_h22_what_was_not_paid_in_time_is_not_confirmed_days_later(own_program):
    order = await own_program.order()
    payment = await own_program.begin_checkout(order)
    async with own_program.later(minutes=16) as late:
        await late.expire(order)
        assert (await late.session(payment))["status"] == "expired"
        answer = await late.provider.get(f"/v1/checkout/sessions/{payment['provider_payment_id']}")
        assert answer.json()["url"] is None
    async with own_program.later(days=7) as much_later:
        await deliver_all(much_later, payment)
        assert (await much_later.read(order))["status"] == "expired"


async def test_h23_no_money_is_kept_as_a_fraction(program):
    """Sums are whole minor units: no column of money has a type that can hold a part of one."""
    found = await program.rows(
        """
        SELECT table_name || '.' || column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND column_name ~ '(_minor|amount|balance)$'
          AND data_type NOT IN ('bigint', 'integer')
        """
    )
    assert found == []
