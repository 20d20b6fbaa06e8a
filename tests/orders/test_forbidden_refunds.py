"""What giving money back must never do, each named after the defect of the old system that it forbids."""

import asyncio
from uuid import uuid4

import pytest
from tests.factories.books import grant
from tests.factories.giving_back import (
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
from tests.factories.in_process import ADULT, OPERATOR, bearer, departure, order_id, payment_id

from ais.app.schedule_import import cancel_flight_for_orders
from ais.kit import Money, system_actor
from ais.kit.ids import PaymentId, RefundId
from ais.payments import begin_refund

ACTOR = system_actor("test")
SOON = departure(2)
"""Two days ahead half of the fare is kept."""


async def paid(program, people=1, **search):
    order = await program.order([ADULT] * people, **{"slices": [("RUH", "JED", SOON)], **search})
    payment = await program.pay(order)
    return order, payment


@pytest.mark.parametrize("field", ["amount", "refund", "fee", "penalty", "refund_amount", "reason", "status", "waive"])
async def test_b5_a_client_names_what_it_gets_back(program, field):
    order, _ = await paid(program)
    quoted = await quote(program, order)
    for answer in (
        await post_quote(program, order, **{field: order["total"]}),
        await post_confirm(program, order, quoted, body={field: order["total"]}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert (states(await program.read(order)), await refunds(program, order)) == (("confirmed", "paid", "issued"), [])
    # The quote that stood before still holds: nothing was changed by the refusals.
    assert (await confirm(program, order, quoted))["status"] == "cancelled"


async def test_b6_a_part_is_refunded_twice_while_it_still_flies(program):
    order, payment = await paid(program, 2)
    first = order["passengers"][0]["id"]
    quoted = await quote(program, order, passenger_ids=[first])
    seen = await cancel(program, order, passenger_ids=[first])
    assert states(seen) == ("confirmed", "partially_refunded", "issued")
    assert sorted(coupons(seen)) == ["open", "refunded"]
    again = await post_quote(program, order, passenger_ids=[first])
    assert (again.status_code, again.json()["error"]["code"]) == (409, "ORDER_CONFLICT")
    rest = await cancel(program, order)
    whole = sum(amount for amount, _ in await refunds(program, order))
    assert whole == 2 * minor(quoted["refund"]) == minor(rest["refunded"])
    assert sum(refund["amount"] for refund in await program.refunds_of(payment)) == whole
    held = await books(program, order)
    assert held == {
        "provider_clearing": minor(order["total"]) - whole,
        "penalty_revenue": whole - minor(order["total"]),
    }


async def test_b6_two_tabs_give_up_the_same_passenger_at_once(program):
    order, _ = await paid(program, 2)
    first = order["passengers"][0]["id"]

    async def tab():
        answer = await post_quote(program, order, passenger_ids=[first])
        if answer.status_code != 201:
            return answer.json()["error"]["code"]
        confirmed = await post_confirm(program, order, answer.json(), key=str(uuid4()))
        return confirmed.status_code if confirmed.status_code == 200 else confirmed.json()["error"]["code"]

    outcomes = await asyncio.gather(*(tab() for _ in range(10)))
    assert 200 in outcomes
    assert set(outcomes) <= {200, "ORDER_CONFLICT"}
    await program.run_jobs()
    seen = await program.read(order)
    (refund,) = await refunds(program, order)
    assert (minor(seen["refunded"]), sorted(coupons(seen))) == (refund[0], ["open", "refunded"])


async def test_b6_a_clerk_and_a_customer_confirm_at_once_and_the_sum_stays_below_what_was_paid(program):
    order, _ = await paid(program, 2)
    people = [passenger["id"] for passenger in order["passengers"]]

    async def give_up(passenger, headers):
        answer = await post_quote(program, order, headers=headers, passenger_ids=[passenger])
        if answer.status_code == 201:
            answer = await post_confirm(program, order, answer.json(), headers=headers)
        return answer.status_code

    outcomes = await asyncio.gather(*(give_up(people[n % 2], [bearer(order), OPERATOR][n % 2]) for n in range(6)))
    assert 200 in outcomes
    assert set(outcomes) <= {200, 404, 409}
    await program.run_jobs()
    seen = await program.read(order)
    assert minor(seen["refunded"]) == sum(amount for amount, _ in await refunds(program, order)) <= minor(seen["paid"])
    assert len(await refunds(program, order)) == coupons(seen).count("refunded")


async def test_b7_a_cancelled_flight_says_refunded_without_money_and_leaves_seats_and_unpaid_orders(own_program):
    order, payment = await paid(own_program)
    waiting = await own_program.order(slices=[("RUH", "JED", SOON)])
    (flight,) = await flight_dates(own_program, order)
    assert await flight_dates(own_program, waiting) == [flight]
    async with own_program.database.unit_of_work(ACTOR) as uow:
        await cancel_flight_for_orders(
            uow, flight, reason="aircraft on ground", give_back=True, progress=lambda _done, _total: None
        )
    await own_program.run_jobs()
    await own_program.run_jobs()
    seen = await own_program.read(order)
    assert (states(seen), seen["refunded"]) == (("cancelled", "refunded", "issued"), order["total"])
    assert [refund["amount"] for refund in await own_program.refunds_of(payment)] == [minor(order["total"])]
    assert states(await own_program.read(waiting)) == ("cancelled", "unpaid", "none")
    assert await own_program.taken(order) == [(0, 0)]


async def test_b9_a_cancelled_order_is_revived_by_a_late_payment(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    await confirm(program, order, await quote(program, order))
    answer = await program.confirm(payment)
    assert answer.get("error") is not None
    await program.report(payment)
    assert states(await program.read(order)) == ("cancelled", "unpaid", "none")


async def test_b21_somebody_else_asks_for_or_confirms_a_refund(program):
    order, _ = await paid(program)
    other, _ = await paid(program)
    quoted = await quote(program, order)
    for answer in (
        await post_quote(program, order, headers=bearer(other)),
        await post_confirm(program, order, quoted, headers=bearer(other)),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    nobody = await program.http.post(f"/api/v1/orders/{order['id']}/cancellation-quotes", json={})
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    assert await refunds(program, order) == []


async def test_h7_partial_refunds_keep_the_seats(program):
    order, _ = await paid(program, 3)
    before = await program.taken(order)
    for given_up, passenger in enumerate(order["passengers"], start=1):
        await cancel(program, order, passenger_ids=[passenger["id"]])
        assert await program.taken(order) == [(held, sold - given_up) for held, sold in before]


async def test_h8_refunds_at_the_provider_are_lost(program):
    order, payment = await paid(program)
    await confirm(program, order, await quote(program, order))
    await program.run_jobs()
    for event in await program.events_of(payment):
        assert (await program.deliver(event)).status_code == 200
    await program.run_jobs()
    (refund,) = await program.refunds_of(payment)
    assert [(refund["amount"], "succeeded")] == await refunds(program, order)
    assert minor((await program.read(order))["refunded"]) == refund["amount"]


async def test_h24_seats_come_back_twice_by_the_refund_and_by_its_message(program):
    order, payment = await paid(program, 2)
    other, _ = await paid(program)
    before = await program.taken(order)
    quoted = await quote(program, order)
    for _ in range(3):
        await confirm(program, order, quoted)
    await program.run_jobs()
    for _ in range(3):
        for event in await program.events_of(payment):
            assert (await program.deliver(event)).status_code == 200
        await program.run_jobs()
    assert await program.taken(order) == [(held, sold - 2) for held, sold in before]
    assert states(await program.read(other))[0] == "confirmed"


async def test_a_refund_exceeds_what_is_left_of_its_payment(program):
    """A second refund that staff began by hand leaves less than the quote says: nothing is given up then."""
    order, payment = await paid(program)
    quoted = await quote(program, order)
    refund_id, part = RefundId(uuid4()), Money(minor(order["total"]) - 1, "SAR")
    async with program.database.unit_of_work(ACTOR) as uow:
        await grant(uow, order_id(order), refund_id, part)
        await begin_refund(uow, refund_id, PaymentId(payment_id(payment)), part, "goodwill")
    before = await program.taken(order)
    for answer in (await post_confirm(program, order, quoted), await post_quote(program, order)):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "REFUND_EXCEEDS_PAID")
    seen = await program.read(order)
    assert (coupons(seen), await program.taken(order), len(await refunds(program, order))) == (["open"], before, 1)
