"""Travel credit: issued by a refund, spent in parts, expiring, never below zero."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factories.books import grant
from tests.factories.giving_back import cancel
from tests.factories.in_process import ADULT, order_id, payment_id
from tests.factories.meeting import Meeting
from tests.payments.test_own_money import agency_now, new_agency, pay_by
from tests.payments.test_refunds import paid_order, refund, total

from ais.kit import Money, system_actor
from ais.kit.ids import PaymentId, RefundId
from ais.payments import AgencyMovement, RefundExceedsPaid, issue_travel_credit, repository
from ais.payments.jobs import expire_credits
from ais.platform.jobs import JobContext

NOW = datetime(2027, 1, 1, tzinfo=UTC)
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


async def pay_with(program, order, code):
    return await program.post_payment(order, method="travel_credit", travel_credit_code=code)


async def credit_of(program, minor):
    """A credit of so much, from another order."""
    order, payment = await paid_order(program)
    assert total(order) >= minor
    return await issue(program, payment, minor)


async def left(program, credit):
    return await program.rows(
        "SELECT kind, amount_minor, balance_minor FROM travel_credit_movements WHERE credit_id = $1 ORDER BY id",
        credit.id,
    )


async def books(program, credit):
    (balance,) = await program.rows(
        "SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_entries"
        " WHERE account = 'travel_credit' AND credit_id = $1",
        credit.id,
    )
    return -balance


async def dear_credit(program):
    """A credit that pays more than one order."""
    big = await program.order([ADULT, ADULT, ADULT])
    return await issue(program, await program.pay(big), total(big))


async def test_a_part_of_the_credit_pays_an_order_and_a_refund_comes_back_to_it(program):
    order, credit = await program.order(), await dear_credit(program)
    shown = credit.code.lower()[:10] + "-" + credit.code.lower()[10:]
    answer = await pay_with(program, order, shown)
    assert (answer.status_code, answer.json()["status"], answer.json()["provider"]) == (201, "succeeded", "credit")
    assert (await program.read(order))["status"] == "confirmed"
    rest = credit.balance.minor - total(order)
    assert await left(program, credit) == [
        ("issued", credit.balance.minor, credit.balance.minor),
        ("spent", -total(order), rest),
    ]
    assert await books(program, credit) == rest
    await refund(program, answer.json(), 700)
    await program.run_jobs()
    assert (await left(program, credit))[-1] == ("returned", 700, rest + 700)
    assert await books(program, credit) == rest + 700
    seen = await program.http.post("/api/v1/travel-credits/lookup", json={"code": shown})
    assert seen.json()["balance"] == {"amount": Money(rest + 700, "SAR").amount, "currency": "SAR"}


async def made_of(program, order):
    return await program.rows("SELECT id FROM travel_credits WHERE order_id = $1", order_id(order))


async def test_what_a_credit_has_paid_comes_back_to_it_and_makes_no_new_one(program):
    """Else one that is about to end would be good for another year after every detour."""
    order, credit = await program.order(), await dear_credit(program)
    assert (await pay_with(program, order, credit.code)).status_code == 201
    seen = await cancel(program, order, refund_to="travel_credit")
    assert (seen["payment_status"], seen["refunded"]) == ("refunded", order["total"])
    assert (await left(program, credit))[-1] == ("returned", total(order), credit.balance.minor)
    assert await made_of(program, order) == []
    assert await program.rows("SELECT expires_at FROM travel_credits WHERE id = $1", credit.id) == [credit.expires_at]


async def test_what_an_agency_has_paid_does_not_become_the_travellers_credit(program):
    order = await program.order()
    agency = await new_agency(program, deposit=total(order))
    assert (await pay_by(program, agency, order)).status_code == 201
    seen = await cancel(program, order, refund_to="travel_credit")
    assert (seen["payment_status"], seen["refunded"]) == ("refunded", order["total"])
    balance, movements = await agency_now(program, agency)
    assert (balance, movements[-1][0]) == (order["total"]["amount"], "returned")
    assert await made_of(program, order) == []


async def test_a_credit_that_is_too_small_or_unknown_pays_nothing(program):
    order, credit = await program.order(), await credit_of(program, 100)
    refused = await pay_with(program, order, credit.code)
    assert (refused.status_code, refused.json()["error"]["details"]) == (409, {"reason": "travel_credit_too_small"})
    unknown = await pay_with(program, order, "0" * 20)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert (await program.post_payment(order, method="travel_credit")).status_code == 422
    assert (await program.post_payment(order, method="card", travel_credit_code=credit.code)).status_code == 422
    assert await left(program, credit) == [("issued", 100, 100)]
    assert (await program.read(order))["status"] == "reserved"


async def test_a_credit_ends_and_what_is_left_is_breakage(own_program):
    credit = await credit_of(own_program, 1234)
    await own_program.run_jobs()
    async with own_program.later(days=364) as late:
        await expire_credits(JobContext(late.database, "test", "test", 1, 1), {})
    assert await left(own_program, credit) == [("issued", 1234, 1234)]
    async with own_program.later(days=366) as late:
        for _ in range(2):
            await expire_credits(JobContext(late.database, "test", "test", 1, 1), {})
    assert await left(own_program, credit) == [("issued", 1234, 1234), ("expired", -1234, 0)]
    assert await books(own_program, credit) == 0
    assert await own_program.rows(
        "SELECT amount_minor FROM ledger_entries AS entry JOIN ledger_postings AS posting ON posting.id = posting_id"
        " WHERE posting.kind = 'credit_expired' AND account = 'breakage'"
    ) == [-1234]


async def test_one_credit_for_many_orders_at_once_never_goes_below_zero(program):
    orders = await asyncio.gather(*(program.order() for _ in range(8)))
    credit = await dear_credit(program)
    answers = await asyncio.gather(*(pay_with(program, order, credit.code) for order in orders))
    assert {answer.status_code for answer in answers} == {201, 409}
    spent = sum(total(order) for order, answer in zip(orders, answers, strict=True) if answer.status_code == 201)
    assert (await left(program, credit))[-1][2] == credit.balance.minor - spent >= 0
    assert await books(program, credit) == credit.balance.minor - spent


async def test_without_the_lock_on_the_credit_only_the_database_stands_in_the_way(program, monkeypatch):
    """The control of the test above."""
    orders = await asyncio.gather(*(program.order() for _ in range(8)))
    credit = await dear_credit(program)

    both_have_read = Meeting()

    async def unlocked(uow, credit_id):
        found = await repository.find_credit_by_code(uow.connection, credit.code)
        await both_have_read.wait()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(repository, "lock_credit", unlocked)
        answers = await asyncio.gather(*(pay_with(program, order, credit.code) for order in orders))
    assert 500 in {answer.status_code for answer in answers}
    async with program.later(minutes=1) as late:
        await late.run_jobs()


@given(st.lists(st.integers(-500, 500).filter(bool), max_size=12), st.integers(0, 300))
def test_deposit_and_debt_of_an_agency_always_sum_to_its_movements(moves, start):
    balance = start
    deposit, debt = -max(start, 0), 0
    for amount in moves:
        balance += amount
        line = AgencyMovement(1, "paid", Money(amount, "SAR"), Money(balance, "SAR"), None, uuid4(), "t", NOW)
        deposit += line.of_deposit.minor
        debt += line.of_receivable.minor
        assert line.of_deposit.minor + line.of_receivable.minor == -amount
        assert (-deposit, debt) == (max(balance, 0), max(-balance, 0))
