"""Voiding: staff undo documents on their day of issue; afterwards, and for anybody else, there is no such thing."""

import pytest
from tests.factories.giving_back import books, cancel, coupons, minor, refunds, states
from tests.factories.in_process import ADULT, CHILD, INFANT, OPERATOR, bearer, departure, new_key, order_id
from tests.factories.vault import VAULT

from ais.kit import system_actor
from ais.kit.errors import InvalidStateTransition
from ais.orders.cancellation.service.void import void_in
from ais.orders.errors import VoidTooLate
from ais.platform.vault import open_texts


async def post_void(program, order, *, headers=OPERATOR, **body):
    return await program.http.post(
        f"/api/v1/orders/{order['id']}/void",
        json={"reason": "wrong date", **body},
        headers={**headers, "Idempotency-Key": new_key()},
    )


async def test_a_void_on_the_day_of_issue_gives_everything_back_whatever_the_fare_says(program):
    order = await program.order([ADULT, CHILD], slices=[("RUH", "JED", departure(2))])
    await program.pay(order)
    before = await program.taken(order)
    answer = await post_void(program, order)
    assert answer.status_code == 200, answer.text
    voided = answer.json()
    assert states(voided) == ("cancelled", "paid", "void")
    assert (set(coupons(voided)), {document["status"] for document in voided["documents"]}) == ({"void"}, {"void"})
    assert await program.taken(order) == [(held, sold - 2) for held, sold in before]
    assert (await books(program, order))["refunds_payable"] < 0
    await program.run_jobs()
    seen = await program.read(order)
    assert (states(seen), seen["refunded"]) == (("cancelled", "refunded", "void"), order["total"])
    assert await books(program, order) == {}
    (_, state, reason) = (await program.history(order, "order.ticketing_status"))[-1]
    async with program.database.connection() as connection:
        (opened,) = await open_texts(connection, VAULT, [reason])
    assert (state, opened.text, "wrong date" in reason) == ("void", "wrong date", False)
    again = await post_void(program, order)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "INVALID_STATE_TRANSITION")


async def test_nobody_but_staff_voids(program):
    order = await program.order()
    await program.pay(order)
    answer = await post_void(program, order, headers=bearer(order))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")


async def test_the_day_of_issue_ends_at_midnight_of_the_airline(program):
    order = await program.order()
    await program.pay(order)
    async with program.later(hours=25) as tomorrow, tomorrow.database.unit_of_work(system_actor("test")) as uow:
        with pytest.raises(VoidTooLate):
            await void_in(uow, order_id(order), "late", "Asia/Riyadh")
    assert (states(await program.read(order)), await refunds(program, order)) == (("confirmed", "paid", "issued"), [])


async def test_what_is_given_up_in_part_is_voided_no_more(program):
    order = await program.order([ADULT, ADULT])
    await program.pay(order)
    await cancel(program, order, passenger_ids=[order["passengers"][0]["id"]])
    async with program.database.unit_of_work(system_actor("test")) as uow:
        with pytest.raises(InvalidStateTransition):
            await void_in(uow, order_id(order), "too much", "Asia/Riyadh")


@pytest.mark.parametrize("body", [{"reason": ""}, {"reason": "  "}, {"reason": 3}, {"amount": "1.00"}])
async def test_a_void_says_why_and_nothing_else(program, body):
    order = await program.order()
    await program.pay(order)
    answer = await post_void(program, order, **body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")


async def test_the_tickets_of_one_passenger_are_voided_and_the_others_fly(program):
    order = await program.order([ADULT, ADULT, INFANT], slices=[("RUH", "JED", departure(3))])
    await program.pay(order)
    before = await program.taken(order)
    parent, other, infant = order["passengers"]
    assert infant["accompanying_passenger_id"] == parent["id"]
    costs = {item["passenger_id"]: minor(item["total"]) for item in order["items"]}
    answer = await post_void(program, order, passenger_ids=[parent["id"]])
    assert answer.status_code == 200, answer.text
    voided = answer.json()
    assert states(voided) == ("confirmed", "paid", "partly_void")
    assert {document["passenger_id"]: document["status"] for document in voided["documents"]} == {
        parent["id"]: "void",
        infant["id"]: "void",
        other["id"]: "issued",
    }
    assert await program.taken(order) == [(held, sold - 1) for held, sold in before]
    await program.run_jobs()
    seen = await program.read(order)
    assert states(seen) == ("confirmed", "partially_refunded", "partly_void")
    assert minor(seen["refunded"]) == costs[parent["id"]] + costs[infant["id"]]
    assert (await books(program, order)).get("refunds_payable", 0) == 0
    # The last one ends the order, once.
    assert states((await post_void(program, order, passenger_ids=[other["id"]])).json())[0::2] == ("cancelled", "void")
    await program.run_jobs()
    seen = await program.read(order)
    assert (states(seen), seen["refunded"]) == (("cancelled", "refunded", "void"), order["total"])
    assert await books(program, order) == {}
    assert [move[1] for move in await program.history(order, "order.ticketing_status")][-2:] == ["partly_void", "void"]


async def test_after_a_part_was_voided_the_rest_can_be_given_up_or_voided_whole(program):
    order = await program.order([ADULT, ADULT, ADULT])
    await program.pay(order)
    first, second, third = (each["id"] for each in order["passengers"])
    for passenger in (first, second):
        answer = await post_void(program, order, passenger_ids=[passenger])
        assert states(answer.json())[2] == "partly_void", answer.text
    again = await post_void(program, order, passenger_ids=[first])
    assert (again.status_code, again.json()["error"]["code"]) == (409, "INVALID_STATE_TRANSITION")
    await program.run_jobs()
    given_up = await cancel(program, order, passenger_ids=[third])
    assert states(given_up)[0::2] == ("cancelled", "partly_void")
    whole = await post_void(program, order)
    assert (whole.status_code, whole.json()["error"]["code"]) == (409, "INVALID_STATE_TRANSITION")


async def test_no_child_stays_when_the_last_adult_is_voided_and_strangers_are_refused(program):
    order = await program.order([ADULT, CHILD])
    other = await program.order()
    await program.pay(order)
    for passenger in (order["passengers"][0]["id"], other["passengers"][0]["id"], "pas_nothing"):
        answer = await post_void(program, order, passenger_ids=[passenger])
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR"), passenger
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")
    assert await refunds(program, order) == []
