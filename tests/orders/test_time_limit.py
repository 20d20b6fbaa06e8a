"""The time limit: money is looked for, open attempts are closed, then the seats go back."""

import pytest
from tests.factories.in_process import OPERATOR, order_id

from ais.payments import ProviderError


async def states(program, order):
    seen = await program.read(order)
    return seen["status"], seen["payment_status"], seen["ticketing_status"]


async def test_an_unpaid_order_ends_and_its_seats_go_back(own_program):
    order = await own_program.order()
    async with own_program.later(minutes=15.1) as late:
        await late.run_jobs()
        seen = await late.read(order)
        assert [seen[name] for name in ("status", "payment_status", "display_status")] == [
            "expired",
            "unpaid",
            "expired",
        ]
        assert (seen["payment_required_by"], seen["available_actions"]) == (None, [])
        assert seen["balance_due"]["amount"] == "0.00"
        segment = seen["slices"][0]["segments"][0]
        assert (segment["status"], segment["status_code"]) == ("cancelled", "HX")
        assert await late.taken(order) == [(0, 0)]
        assert await late.history(order, "order.status") == [
            (None, "reserved", "offer accepted"),
            ("reserved", "expired", "time limit"),
        ]
        actors = await late.rows(
            "SELECT DISTINCT actor, channel FROM order_history WHERE order_id = $1 AND to_state = 'expired'",
            order_id(order),
        )
        assert actors in ([("system:orders.enforce_time_limits", "job")], [("system:orders.expire", "job")])


@pytest.mark.parametrize("method", [None, "pm_card_chargeDeclined", "pm_card_authenticationRequired"])
async def test_open_attempts_are_closed_at_the_provider(own_program, method):
    order = await own_program.order()
    payment = await own_program.begin_payment(order)
    if method is not None:
        await own_program.confirm(payment, method)
        await own_program.report(payment)
    async with own_program.later(minutes=15.1) as late:
        await late.run_jobs()
        assert (await late.intent(payment))["status"] == "canceled"
        assert (await late.read(order))["status"] == "expired"
        assert await late.rows("SELECT status FROM payments") == ["cancelled"]
        assert await late.hold_of(order) == "released"
        assert await late.taken(order) == [(0, 0)]
        refused = await late.confirm(payment)
        assert refused["error"]["code"] == "payment_intent_unexpected_state"


async def test_what_was_paid_is_settled_instead(own_program):
    order = await own_program.order()
    payment = await own_program.begin_payment(order)
    await own_program.confirm(payment)
    async with own_program.later(minutes=15.1) as late:
        await late.run_jobs()
        assert await states(late, order) == ("confirmed", "paid", "issued")


async def test_an_attempt_that_never_reached_the_provider_is_closed_there_too(own_program):
    order = await own_program.order()
    own_program.simulator.control(
        "POST", "/faults", {"action": "cut_before", "path": "/v1/payment_intents", "times": 2}
    )
    assert (await own_program.post_payment(order)).status_code == 504
    async with own_program.later(minutes=15.1) as late:
        await late.run_jobs()
        assert [intent["status"] for intent in await late.intents_of(order)] == ["canceled"]
        assert await states(late, order) == ("expired", "unpaid", "none")


async def test_while_the_provider_is_away_the_order_waits(own_program):
    order = await own_program.order()
    payment = await own_program.begin_payment(order)
    own_program.simulator.control(
        "POST", "/faults", {"action": "error_before", "path": "/v1/payment_intents/*", "method": "*", "times": None}
    )
    async with own_program.later(minutes=15.1) as late:
        with pytest.raises(ProviderError):
            await late.expire(order)
        assert await states(late, order) == ("reserved", "unpaid", "none")
        own_program.simulator.control("DELETE", "/faults")
        await late.expire(order)
        assert await states(late, order) == ("expired", "unpaid", "none")
        assert (await late.intent(payment))["status"] == "canceled"


async def test_an_order_that_is_not_due_is_left_alone(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.expire(order)
    assert await states(program, order) == ("reserved", "unpaid", "none")
    assert (await program.intent(payment))["status"] == "requires_payment_method"
    assert await program.hold_of(order) == "active"


async def test_a_payment_that_nobody_reported_is_found(own_program):
    """No webhook comes at all: the search for unfinished payments settles it."""
    order = await own_program.order()
    payment = await own_program.begin_payment(order)
    await own_program.confirm(payment)
    async with own_program.later(seconds=40) as late:
        runs = await late.run_jobs()
        assert "orders.finish_payments" in {run.name for run in runs}
        assert await states(late, order) == ("confirmed", "paid", "issued")
    listed = await own_program.http.get("/api/v1/orders", params={"status": "confirmed"}, headers=OPERATOR)
    assert [each["id"] for each in listed.json()["items"]] == [order["id"]]
