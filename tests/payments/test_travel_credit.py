"""Travel credit: issued by a refund, spent in parts, expiring, never below zero."""

from uuid import uuid4

import pytest
from tests.factories.books import grant
from tests.factories.in_process import order_id, payment_id
from tests.payments.test_refunds import paid_order, total

from ais.kit import Money, system_actor
from ais.kit.ids import PaymentId, RefundId
from ais.payments import RefundExceedsPaid, issue_travel_credit

ACTOR = system_actor("test")


async def issue(program, payment, minor, currency="SAR", refund_id=None):
    refund_id = RefundId(refund_id or uuid4())
    async with program.database.unit_of_work(ACTOR) as uow:
        credit = await issue_travel_credit(
            uow, refund_id, PaymentId(payment_id(payment)), Money(minor, currency), "given up"
        )
        await grant(uow, order_id({"id": payment["order_id"]}), refund_id, credit.issued)
        return credit


async def test_a_refund_to_travel_credit_is_done_at_once_and_only_once(program):
    order, payment = await paid_order(program)
    refund_id = uuid4()
    first = await issue(program, payment, 4000, refund_id=refund_id)
    again = await issue(program, payment, 4000, refund_id=refund_id)
    assert first == again
    assert (str(first.issued), str(first.balance), len(first.code)) == ("40.00 SAR", "40.00 SAR", 20)
    await program.run_jobs()
    seen = await program.read(order)
    assert (seen["payment_status"], seen["refunded"]["amount"]) == ("partially_refunded", "40.00")
    assert await program.refunds_of(payment) == []
    assert await program.rows(
        "SELECT kind, amount_minor, balance_minor FROM travel_credit_movements WHERE credit_id = $1", first.id
    ) == [("issued", 4000, 4000)]


async def test_credit_and_refunds_together_never_exceed_what_was_received(program):
    order, payment = await paid_order(program)
    await issue(program, payment, total(order) - 1)
    for minor, currency in ((2, "SAR"), (1, "USD")):
        with pytest.raises(RefundExceedsPaid):
            await issue(program, payment, minor, currency)
    assert await program.rows("SELECT count(*) FROM refunds WHERE payment_id = $1", payment_id(payment)) == [1]
    await program.run_jobs()
