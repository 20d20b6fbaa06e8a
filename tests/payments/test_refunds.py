"""Refunds: decided under the payment's lock, carried out by a job under their own key."""

import asyncio
from uuid import uuid4

import pytest
import stripe
from tests.factories.books import grant
from tests.factories.in_process import OPERATOR, order_id, payment_id

from ais.kit import Money, ids, system_actor
from ais.kit.ids import PaymentId, RefundId, encode_id
from ais.payments import RefundExceedsPaid, begin_refund
from ais.payments.adapters.stripe.gateway import _made_once
from ais.payments.jobs import carry_out_refund
from ais.payments.service.refund import follow_refunds

ACTOR = system_actor("test")


async def refund(program, payment, minor, currency="SAR", identifier=None):
    """Decide a refund; its id."""
    refund_id = RefundId(identifier or uuid4())
    async with program.database.unit_of_work(ACTOR) as uow:
        begun = await begin_refund(uow, refund_id, PaymentId(payment_id(payment)), Money(minor, currency), "test")
        await grant(uow, begun.order_id, refund_id, begun.amount)
    return refund_id


def total(order):
    return int(order["total"]["amount"].replace(".", ""))


async def paid_order(program, method="pm_card_visa"):
    order = await program.order()
    return order, await program.pay(order, method)


async def status_of(program, refund_id):
    return (await program.rows("SELECT status FROM refunds WHERE id = $1", refund_id))[0]


async def test_a_part_and_then_the_rest(program):
    order, payment = await paid_order(program)
    await refund(program, payment, 1000)
    await program.run_jobs()
    seen = await program.read(order)
    assert (seen["payment_status"], seen["refunded"]["amount"]) == ("partially_refunded", "10.00")
    await refund(program, payment, total(order) - 1000)
    await program.run_jobs()
    seen = await program.read(order)
    assert (seen["payment_status"], seen["refunded"]) == ("refunded", order["total"])
    assert [found["amount"] for found in await program.refunds_of(payment)] == [total(order) - 1000, 1000]
    assert [move[1] for move in await program.history(order, "order.payment_status")] == [
        "paid",
        "partially_refunded",
        "refunded",
    ]


async def test_never_more_than_was_received(program):
    order, payment = await paid_order(program)
    await refund(program, payment, total(order) - 1)
    for minor, currency in ((2, "SAR"), (1, "USD")):
        with pytest.raises(RefundExceedsPaid) as refused:
            await refund(program, payment, minor, currency)
        assert (refused.value.code, refused.value.status) == ("REFUND_EXCEEDS_PAID", 409)
    await program.run_jobs()
    assert len(await program.refunds_of(payment)) == 1


async def test_the_same_refund_twice_is_one(program):
    order, payment = await paid_order(program)
    identifier = uuid4()
    for _ in range(3):
        await refund(program, payment, total(order), identifier=identifier)
        await program.run_jobs()
        await carry_out_refund(program.database, program.gateways, RefundId(identifier))
    assert len(await program.refunds_of(payment)) == 1
    assert await program.rows("SELECT refunded_minor FROM payments WHERE id = $1", payment_id(payment)) == [
        total(order)
    ]


async def test_a_refund_that_takes_its_time(program):
    order, payment = await paid_order(program, "pm_card_pendingRefund")
    refund_id = await refund(program, payment, total(order))
    await program.run_jobs()
    assert await status_of(program, refund_id) == "pending"
    assert (await program.read(order))["payment_status"] == "paid"
    program.simulator.control("POST", "/transitions/run")
    await program.report(payment)
    assert await status_of(program, refund_id) == "succeeded"
    assert (await program.read(order))["payment_status"] == "refunded"


async def test_a_success_that_the_bank_takes_back_goes_to_staff(program):
    order, payment = await paid_order(program, "pm_card_refundFail")
    refund_id = await refund(program, payment, total(order))
    await program.run_jobs()
    assert (await program.read(order))["payment_status"] == "refunded"
    program.simulator.control("POST", "/transitions/run")
    await program.report(payment)
    assert await status_of(program, refund_id) == "failed"
    assert await program.staff_queue(encode_id(ids.REFUND, refund_id)) == ["refund_failed"]
    assert await program.rows("SELECT refunded_minor FROM payments WHERE id = $1", payment_id(payment)) == [0]
    assert await program.rows("SELECT refunded_minor FROM orders WHERE id = $1", order_id(order)) == [0]


async def test_what_was_given_back_elsewhere_is_not_given_back_again(program):
    """Somebody refunded the payment at the provider: ours is refused there, ends as failed, and staff are asked."""
    order, payment = await paid_order(program)
    intent = payment["provider_payment_id"]
    assert (await program.provider.post("/v1/refunds", data={"payment_intent": intent})).status_code == 200
    refund_id = await refund(program, payment, total(order))
    await program.run_jobs()
    assert await status_of(program, refund_id) == "failed"
    assert await program.staff_queue(encode_id(ids.REFUND, refund_id)) == ["refund_failed"]
    assert await program.rows("SELECT refunded_minor FROM payments WHERE id = $1", payment_id(payment)) == [0]


async def test_of_what_was_given_back_elsewhere_in_part_the_whole_cannot_go_back(program):
    """Ours ends as failed and is before staff, and what went back elsewhere is counted then."""
    order, payment = await paid_order(program)
    elsewhere = {"payment_intent": payment["provider_payment_id"], "amount": 100}
    assert (await program.provider.post("/v1/refunds", data=elsewhere)).status_code == 200
    refund_id = await refund(program, payment, total(order))
    await program.run_jobs()
    assert await status_of(program, refund_id) == "failed"
    assert await program.staff_queue(encode_id(ids.REFUND, refund_id)) == ["refund_failed"]
    await program.report(payment)
    assert await program.rows("SELECT refunded_minor FROM payments WHERE id = $1", payment_id(payment)) == [100]
    assert (await program.read(order))["refunded"]["amount"] == "1.00"


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "error_after", "kept": "error"},
        {"action": "error_before", "times": 2},
        {"action": "cut_after", "times": 2},
        {"action": "rate_limit", "times": 2},
    ],
    ids=lambda fault: fault["action"],
)
async def test_trouble_at_the_provider_ends_in_one_refund(program, fault):
    order, payment = await paid_order(program)
    program.simulator.control("POST", "/faults", {"path": "/v1/refunds", **fault})
    refund_id = await refund(program, payment, total(order))
    await program.try_jobs()
    program.simulator.control("DELETE", "/faults")
    await carry_out_refund(program.database, program.gateways, refund_id)
    await program.try_jobs()
    assert await status_of(program, refund_id) == "succeeded"
    assert [found["amount"] for found in await program.refunds_of(payment)] == [total(order)]
    assert (await program.read(order))["payment_status"] == "refunded"


async def failed_refund(program, minor=900):
    """A refund that the bank has sent back for good."""
    order, payment = await paid_order(program, "pm_card_refundFail")
    refund_id = await refund(program, payment, minor)
    await program.run_jobs()
    program.simulator.control("POST", "/transitions/run")
    await program.report(payment)
    assert await status_of(program, refund_id) == "failed"
    return order, payment, encode_id(ids.REFUND, refund_id)


async def test_staff_try_a_failed_refund_again_and_two_clerks_begin_one(program):
    order, payment, failed = await failed_refund(program)
    listed = (await program.http.get("/api/v1/refunds?status=failed", headers=OPERATOR)).json()["items"]
    assert [(each["amount"]["amount"], each["failure_code"] is None) for each in listed if each["id"] == failed] == [
        ("9.00", False)
    ]
    answers = await asyncio.gather(*(program.staff_post(f"refunds/{failed}/retry") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}, answers[0].text
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await program.staff_queue(failed) == []
    await program.run_jobs()
    assert await program.rows(
        "SELECT amount_minor, status FROM refunds WHERE order_id = $1 ORDER BY created_at", order_id(order)
    ) == [(900, "failed"), (900, "succeeded")]
    assert len(await program.refunds_of(payment)) == 2
    again = await program.staff_post(f"refunds/{answers[0].json()['id']}/retry")
    assert (again.status_code, again.json()["error"]["code"]) == (404, "NOT_FOUND")


async def compensated(program, order):
    return await program.rows(
        """
        SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_postings
        JOIN ledger_entries ON posting_id = ledger_postings.id
        WHERE order_id = $1 AND account = 'compensation'
        """,
        order_id(order),
    )


async def test_staff_who_carry_a_failed_refund_out_at_the_provider_have_tried_it_again(program):
    order, payment, failed = await failed_refund(program)
    elsewhere = {"payment_intent": payment["provider_payment_id"], "amount": 900}
    made = await program.provider.post("/v1/refunds", data=elsewhere)
    for _ in range(2):
        await program.report(payment)
    program.simulator.control("POST", "/transitions/run")  # this card's bank sends every refund back
    assert await program.rows(
        "SELECT amount_minor, reason, status, provider_refund_id = $2 FROM refunds WHERE order_id = $1"
        " ORDER BY created_at", order_id(order), made.json()["id"],
    ) == [(900, "test", "failed", False), (900, "test", "succeeded", True)]  # fmt: skip
    # Promised once, as compensation, by the test itself.
    assert (await program.staff_queue(failed), await compensated(program, order)) == ([], [900])
    assert (await program.read(order))["refunded"]["amount"] == "9.00"
    again = await program.staff_post(f"refunds/{failed}/retry")
    assert (again.status_code, again.json()["status"]) == (201, "succeeded")
    await program.report(payment)
    (theirs,) = await program.rows(
        "SELECT id FROM refunds WHERE order_id = $1 AND provider_refund_id = $2", order_id(order), made.json()["id"]
    )
    assert again.json()["id"] == encode_id(ids.REFUND, theirs)
    assert await program.staff_queue(again.json()["id"]) == ["refund_failed"]
    assert await compensated(program, order) == [900]


async def test_looks_beside_each_other_write_what_was_carried_out_at_the_provider_down_once(program):
    order, payment, failed = await failed_refund(program)
    elsewhere = {"payment_intent": payment["provider_payment_id"], "amount": 900}
    await program.provider.post("/v1/refunds", data=elsewhere)
    looks = [
        follow_refunds(program.database, program.gateways, PaymentId(payment_id(payment)), system_actor("test"), "test")
        for _ in range(5)
    ]
    assert await asyncio.gather(*looks) == [None] * 5
    assert await program.rows(
        "SELECT amount_minor, reason, status FROM refunds WHERE order_id = $1 ORDER BY created_at", order_id(order)
    ) == [(900, "test", "failed"), (900, "test", "succeeded")]
    assert await program.staff_queue(failed) == []


async def test_another_sum_given_back_at_the_provider_leaves_a_failed_refund_to_staff(program):
    order, payment, failed = await failed_refund(program)
    elsewhere = {"payment_intent": payment["provider_payment_id"], "amount": 899}
    await program.provider.post("/v1/refunds", data=elsewhere)
    await program.report(payment)
    assert await program.rows(
        "SELECT amount_minor, reason, status FROM refunds WHERE order_id = $1 ORDER BY created_at", order_id(order)
    ) == [(900, "test", "failed"), (899, "made at the provider", "succeeded")]
    assert await program.staff_queue(failed) == ["refund_failed"]


async def test_a_failed_refund_may_become_travel_credit(program):
    order, _, failed = await failed_refund(program)
    answer = await program.staff_post(f"refunds/{failed}/retry", to="travel_credit")
    assert (answer.json()["status"], answer.json()["destination"]) == ("succeeded", "travel_credit")
    await program.run_jobs()
    assert (await program.read(order))["refunded"]["amount"] == "9.00"
    assert await program.rows("SELECT balance_minor FROM travel_credits WHERE order_id = $1", order_id(order)) == [900]


@pytest.mark.parametrize(("holding", "made_under"), [(0, "k"), (1, "k-2"), (4, "k-5")])
async def test_a_call_goes_on_under_the_next_key_while_the_provider_keeps_errors(holding, made_under):
    tried = []

    async def create(key):
        tried.append(key)
        if len(tried) <= holding:
            raise stripe.APIError("kept under the key", http_status=500)
        return key

    async def find():
        return None

    assert await _made_once("k", create, find) == made_under
    assert tried == ["k", "k-2", "k-3", "k-4", "k-5"][: holding + 1]


async def test_what_was_made_before_the_error_is_found_and_a_call_ends_after_five_keys():
    tried = []

    async def create(key):
        tried.append(key)
        raise stripe.APIError("kept under the key", http_status=500)

    async def find_nothing():
        return None

    async def find_the_second():
        return "made" if len(tried) == 2 else None

    assert await _made_once("k", create, find_the_second) == "made"
    assert tried == ["k", "k-2"]
    tried.clear()
    with pytest.raises(stripe.APIError):
        await _made_once("k", create, find_nothing)
    assert tried == ["k", "k-2", "k-3", "k-4", "k-5"]
