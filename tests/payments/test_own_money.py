"""Money that we keep ourselves: agencies' deposits, cash in shifts, links that are mailed."""

import asyncio
import itertools
from datetime import datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from tests.factories.in_process import OPERATOR, bearer, new_key, order_id, payment_id
from tests.factories.meeting import Meeting
from tests.orders.test_settling import states
from tests.payments.test_refunds import refund, status_of, total

from ais.kit import Money, ids, system_actor
from ais.kit.ids import PaymentId, decode_id, encode_id
from ais.orders import PayLinkOpened
from ais.orders.service import pay
from ais.payments import PaymentFailed, PaymentMethod, close_uncalled_payment, repository
from ais.payments.domain import NewPayment
from ais.payments.service.pay import begin_payment, call_provider

_CODES = (f"T{number:03d}" for number in itertools.count(1))


def sar(minor):
    return {"amount": Money(minor, "SAR").amount, "currency": "SAR"}


async def new_agency(program, deposit=0, limit=0):
    made = await program.staff_post("agencies", code=next(_CODES), name="Desert Travel", credit_limit=sar(limit))
    assert made.status_code == 201, made.text
    agency = made.json()
    if deposit:
        topped = await program.staff_post(f"agencies/{agency['id']}/top-ups", amount=sar(deposit), reference="FT1")
        assert topped.status_code == 201, topped.text
        agency = topped.json()
    return agency


async def pay_by(program, agency, order):
    return await program.staff_post(f"agencies/{agency['id']}/payments", order_id=order["id"])


async def agency_now(program, agency):
    found = (await program.http.get(f"/api/v1/agencies/{agency['id']}/statement", headers=OPERATOR)).json()
    return found["agency"]["balance"]["amount"], [
        (line["kind"], line["amount"]["amount"], line["balance"]["amount"]) for line in found["movements"]
    ]


async def account(program, name, dimension, value):
    (balance,) = await program.rows(
        f"SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_entries WHERE account = $1 AND {dimension} = $2",
        name,
        value,
    )
    return balance


async def agency_books(program, agency):
    """Deposit and debt of the agency in the ledger: a liability is negative there."""
    (key,) = await program.rows("SELECT id::text FROM agencies WHERE code = $1", agency["code"])
    return tuple([await account(program, name, "agency_id", key) for name in ("agency_deposit", "agency_receivable")])


async def test_an_agent_pays_from_the_deposit_then_from_credit_and_a_refund_comes_back(program):
    first, second = await program.order(), await program.order()
    agency = await new_agency(program, deposit=total(first) + 1000, limit=total(second))
    paid = await pay_by(program, agency, first)
    assert (paid.status_code, paid.json()["status"], paid.json()["amount"]) == (201, "succeeded", first["total"])
    assert (paid.json()["method"], paid.json()["provider"]) == ("agency_deposit", "agency")
    assert states(await program.read(first)) == ("confirmed", "paid", "issued")
    assert await program.rows("SELECT seller_id FROM payments WHERE order_id = $1", order_id(first)) == [agency["code"]]
    assert (await pay_by(program, agency, second)).status_code == 201
    owed = total(second) - 1000
    assert await agency_books(program, agency) == (0, owed)
    await refund(program, paid.json(), total(first))
    await program.run_jobs()
    assert (await program.read(first))["payment_status"] == "refunded"
    balance = total(first) - owed
    assert (await agency_now(program, agency))[0] == Money(balance, "SAR").amount
    assert await agency_books(program, agency) == (-max(balance, 0), max(-balance, 0))
    kinds = [kind for kind, _, _ in (await agency_now(program, agency))[1]]
    assert kinds == ["topped_up", "paid", "paid", "returned"]


async def test_beyond_the_credit_limit_it_is_refused_and_nothing_moves(program):
    order = await program.order()
    agency = await new_agency(program, deposit=500, limit=total(order) - 501)
    before = await agency_now(program, agency)
    refused = await pay_by(program, agency, order)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "PAYMENT_FAILED")
    assert await agency_now(program, agency) == before
    assert states(await program.read(order)) == ("reserved", "unpaid", "none")
    assert await program.rows("SELECT status FROM payments WHERE order_id = $1", order_id(order)) == ["cancelled"]
    raised = await program.staff_post(f"agencies/{agency['id']}/credit-limit", credit_limit=sar(total(order)))
    assert raised.status_code == 200
    assert (await pay_by(program, agency, order)).status_code == 201
    lowered = await program.staff_post(f"agencies/{agency['id']}/credit-limit", credit_limit=sar(0))
    assert (lowered.status_code, lowered.json()["error"]["code"]) == (409, "CREDIT_LIMIT_TOO_LOW")


async def orders_and_agency_for(program, affordable, asked):
    orders = await asyncio.gather(*(program.order() for _ in range(asked)))
    dearest = sorted(total(order) for order in orders)
    return orders, await new_agency(program, deposit=0, limit=sum(dearest[-affordable:]))


async def test_ten_agents_at_once_never_spend_more_than_the_agency_has(program):
    orders, agency = await orders_and_agency_for(program, 3, 10)
    answers = await asyncio.gather(*(pay_by(program, agency, order) for order in orders))
    paid = [order for order, answer in zip(orders, answers, strict=True) if answer.status_code == 201]
    assert {answer.status_code for answer in answers} == {201, 409}
    balance, lines = await agency_now(program, agency)
    assert balance == Money(-sum(total(order) for order in paid), "SAR").amount
    assert len(lines) == len(paid)
    assert sum(total(order) for order in paid) <= int(agency["credit_limit"]["amount"].replace(".", ""))


async def test_without_the_lock_on_the_agency_only_the_database_stands_in_the_way(program, monkeypatch):
    """The control of the test above: all agents see the same balance, and the CHECK refuses with an error."""
    orders, agency = await orders_and_agency_for(program, 1, 6)

    both_have_read = Meeting()

    async def unlocked(uow, agency_id):
        found = await repository.find_agency(uow.connection, agency_id=agency_id)
        await both_have_read.wait()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(repository, "lock_agency", unlocked)
        answers = await asyncio.gather(*(pay_by(program, agency, order) for order in orders))
    assert 500 in {answer.status_code for answer in answers}
    async with program.later(minutes=1) as late:
        await late.run_jobs()


async def opened_attempt(program, agency, order):
    """An attempt to pay that is written and not yet called, and the call that takes the money for it."""
    key = decode_id(ids.AGENCY, agency["id"])
    new = NewPayment(
        id=PaymentId(uuid4()), order_id=order_id(order), method=PaymentMethod.AGENCY_DEPOSIT, provider="agency",
        amount=Money(total(order), "SAR"), expires_at=program.database.clock.now() + timedelta(minutes=15),
        description="test", point_of_sale="SA", funding_id=key,
    )  # fmt: skip
    async with program.database.unit_of_work(system_actor("test")) as uow:
        payment = await begin_payment(uow, new)
    return payment, lambda: call_provider(program.gateways, payment)


async def close(program, payment):
    async with program.database.unit_of_work(system_actor("test")) as uow:
        await close_uncalled_payment(uow, payment.id, "refused by the provider")


async def test_an_attempt_that_was_refused_is_not_closed_when_its_twin_has_taken_the_money(program):
    """One click sent twice: the first is refused, money comes to the agency, the second is served and dies."""
    order, agency = await program.order(), await new_agency(program)
    payment, call = await opened_attempt(program, agency, order)
    with pytest.raises(PaymentFailed):
        await call()
    await program.staff_post(f"agencies/{agency['id']}/top-ups", amount=sar(total(order)), reference="FT2")
    await call()
    await close(program, payment)
    assert await program.rows("SELECT status FROM payments WHERE id = $1", payment.id) == ["requires_payment"]
    async with program.later(minutes=10) as late:
        await late.run_jobs()
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")
    assert await agency_books(program, agency) == (0, 0)


async def test_for_an_attempt_that_has_ended_no_money_is_taken(program):
    order, agency = await program.order(), await new_agency(program, limit=10_000_000)
    payment, call = await opened_attempt(program, agency, order)
    before = await agency_now(program, agency)
    await close(program, payment)
    with pytest.raises(PaymentFailed):
        await call()
    assert await agency_now(program, agency) == before


async def test_the_statement_as_csv(program):
    agency = await new_agency(program, deposit=12345)
    await program.staff_post(f"agencies/{agency['id']}/top-ups", amount=sar(5), reference="=1+1")
    answer = await program.http.get(f"/api/v1/agencies/{agency['id']}/statement.csv", headers=OPERATOR)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = [line.split(",")[1:] for line in answer.text.splitlines()]
    assert lines == [
        ["kind", "amount", "balance", "currency", "reference"],
        ["topped_up", "123.45", "123.45", "SAR", "FT1"],
        ["topped_up", "0.05", "123.50", "SAR", "'=1+1"],
    ]
    tomorrow = (datetime.now() + timedelta(days=2)).date()  # a day that nothing happened on
    query = f"/api/v1/agencies/{agency['id']}/statement?since={tomorrow}"
    assert (await program.http.get(query, headers=OPERATOR)).json()["movements"] == []


async def test_travellers_have_no_part_in_it(program):
    order = await program.order()
    agency = await new_agency(program, limit=10_000_000)
    for path in (f"agencies/{agency['id']}/payments", f"orders/{order['id']}/payment-links", "cash/shifts"):
        answer = await program.http.post(
            f"/api/v1/{path}", json={}, headers={**bearer(order), "Idempotency-Key": new_key()}
        )
        assert answer.status_code == 403, path
    refused = await program.post_payment(order, method="agency_deposit")
    assert refused.status_code == 422
    amount = await program.staff_post(f"agencies/{agency['id']}/payments", order_id=order["id"], amount="1.00")
    assert amount.status_code == 422
    assert states(await program.read(order)) == ("reserved", "unpaid", "none")


async def new_shift(program, opening=0, office=None, clerk="c1"):
    if office is None:
        office = next(_CODES)
        made = await program.staff_post("cash/offices", code=office, name="Olaya", currency="SAR")
        assert made.status_code == 201, made.text
    opened = await program.staff_post("cash/shifts", office=office, clerk=clerk, opening_float=sar(opening))
    assert opened.status_code == 201, opened.text
    return opened.json()


async def take_cash(program, shift, order):
    return await program.staff_post(f"cash/shifts/{shift['id']}/payments", order_id=order["id"])


async def test_only_a_closed_drawer_with_a_difference_is_written_off_and_too_much_lessens_the_expense(program):
    shift = await new_shift(program, opening=1000)
    path = f"cash/shifts/{shift['id']}"
    for _ in range(2):
        refused = await program.staff_post(f"{path}/write-off", reason="none")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "NOTHING_TO_WRITE_OFF")
        await program.staff_post(f"{path}/close", counted=sar(1000))
    other = await new_shift(program, opening=1000)
    await program.staff_post(f"cash/shifts/{other['id']}/close", counted=sar(1030))
    assert (await program.staff_post(f"cash/shifts/{other['id']}/write-off", reason="tip")).status_code == 200
    key = str(decode_id(ids.CASH_SHIFT, other["id"]))
    assert await account(program, "cash_difference", "shift", key) == -30
    assert await account(program, "cash", "shift", key) == 0
    clerk = await program.http.post(
        f"/api/v1/{path}/write-off", json={"reason": "x"},
        headers={**bearer(await program.order()), "Idempotency-Key": new_key()},
    )  # fmt: skip
    assert clerk.status_code == 403


async def test_a_day_at_the_counter(program):
    shift, order = await new_shift(program, opening=10_000), await program.order()
    paid = await take_cash(program, shift, order)
    assert (paid.status_code, paid.json()["status"], paid.json()["amount"]) == (201, "succeeded", order["total"])
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")
    back = await refund(program, paid.json(), 2500)
    await program.run_jobs()
    assert await status_of(program, back) == "pending"
    waiting = encode_id(ids.REFUND, back)
    assert await program.staff_queue(waiting) == ["cash_refund_waiting"]
    for _ in range(2):
        out = await program.staff_post(f"cash/shifts/{shift['id']}/pay-outs", refund_id=waiting)
        assert (out.status_code, out.json()["amount"]["amount"]) == (201, "-25.00"), out.text
        assert out.json()["receipt"] == f"{shift['office']}-000002"
    await program.run_jobs()
    assert (await program.read(order))["payment_status"] == "partially_refunded"
    assert await program.staff_queue(waiting) == []
    should_be = 10_000 + total(order) - 2500
    closed = (await program.staff_post(f"cash/shifts/{shift['id']}/close", counted=sar(should_be - 50))).json()
    assert (closed["status"], closed["difference"]["amount"], closed["expected"]["amount"]) == (
        "closed",
        "-0.50",
        Money(should_be, "SAR").amount,
    )
    assert await program.staff_queue(shift["id"]) == ["cash_difference"]
    (key,) = await program.rows(
        "SELECT shift.id::text FROM cash_shifts AS shift JOIN cash_offices AS office ON office.id = office_id"
        " WHERE office.code = $1",
        shift["office"],
    )
    assert await account(program, "cash", "shift", key) == 50
    assert (await take_cash(program, shift, await program.order())).json()["error"]["code"] == "PAYMENT_FAILED"
    for _ in range(2):
        gone = await program.staff_post(f"cash/shifts/{shift['id']}/write-off", reason="shortage")
        assert (gone.status_code, gone.json()["difference"]["amount"]) == (200, "-0.50"), gone.text
    assert gone.json()["written_off_at"] is not None
    assert await account(program, "cash", "shift", key) == 0
    assert await account(program, "cash_difference", "shift", key) == 50
    assert await program.staff_queue(shift["id"]) == []
    again = await program.staff_post(f"cash/shifts/{shift['id']}/close", counted=sar(0))
    assert (again.status_code, again.json()["error"]["code"]) == (409, "SHIFT_NOT_OPEN")


async def test_nothing_is_handed_out_that_is_not_in_the_drawer(program):
    shift, order = await new_shift(program), await program.order()
    paid = (await take_cash(program, shift, order)).json()
    back = encode_id(ids.REFUND, await refund(program, paid, 1000))
    await program.run_jobs()
    other = await new_shift(program)
    refused = await program.staff_post(f"cash/shifts/{other['id']}/pay-outs", refund_id=back)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "DRAWER_TOO_SMALL")
    assert await program.rows("SELECT next_receipt FROM cash_offices WHERE code = $1", other["office"]) == [1]
    assert (await program.staff_post(f"cash/shifts/{shift['id']}/pay-outs", refund_id=back)).status_code == 201


async def test_receipts_have_no_gaps_and_no_twins_however_many_clerks_take_money(program):
    first = await new_shift(program)
    second = await new_shift(program, office=first["office"], clerk="c2")
    twice = await program.staff_post("cash/shifts", office=first["office"], clerk="c2", opening_float=sar(0))
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "SHIFT_NOT_OPEN")
    orders = await asyncio.gather(*(program.order() for _ in range(8)))
    pairs = zip(itertools.cycle((first, second)), orders, strict=False)
    answers = await asyncio.gather(*(take_cash(program, shift, order) for shift, order in pairs))
    assert {answer.status_code for answer in answers} == {201}
    numbers = await program.rows(
        "SELECT receipt_number FROM cash_receipts JOIN cash_offices AS office ON office.id = office_id"
        " WHERE office.code = $1 ORDER BY 1",
        first["office"],
    )
    assert numbers == list(range(1, 9))


async def test_ten_clicks_on_take_cash_take_it_once(program):
    shift, order = await new_shift(program), await program.order()
    answers = await asyncio.gather(*(take_cash(program, shift, order) for _ in range(10)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert await program.rows(
        "SELECT amount_minor FROM cash_receipts WHERE cause_id = ANY(SELECT id FROM payments WHERE order_id = $1)",
        order_id(order),
    ) == [total(order)]
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")


async def test_cut_between_taking_the_money_and_noting_it_the_job_finishes(own_program, monkeypatch):
    """The process dies after the agency's money was taken; nobody pays twice, the order is confirmed."""
    order = await own_program.order()
    agency = await new_agency(own_program, deposit=total(order))

    async def dies(*_arguments):
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(pay, "apply_settlement", dies)
        assert (await pay_by(own_program, agency, order)).status_code == 503
    assert (await agency_now(own_program, agency))[0] == "0.00"
    async with own_program.later(minutes=1) as late:
        await late.run_jobs()
        await late.run_jobs()
        assert states(await late.read(order)) == ("confirmed", "paid", "issued")
    assert (await agency_now(own_program, agency))[0] == "0.00"


@pytest.fixture
def links(program, monkeypatch):
    """The links that were asked to be mailed."""
    asked = []
    program.state.database.subscriptions.add(PayLinkOpened.event_name, "test.nobody")
    yield asked
    program.state.database.subscriptions._handlers.pop(PayLinkOpened.event_name)


async def test_a_link_is_a_page_that_may_be_paid_for_hours_and_its_mail_is_asked_for_once(program, links):
    order, key = await program.order(), new_key()
    headers = {**OPERATOR, "Idempotency-Key": key}
    answers = [
        await program.http.post(f"/api/v1/orders/{order['id']}/payment-links", json={}, headers=headers)
        for _ in range(2)
    ]
    payment = answers[0].json()
    assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
    assert answers[1].json() == payment
    assert (payment["method"], payment["checkout_url"]) == ("pay_link", (await program.session(payment))["url"])
    expires_at = datetime.fromisoformat(payment["expires_at"])
    assert timedelta(hours=22) < expires_at - datetime.fromisoformat(order["created_at"]) <= timedelta(hours=24)
    assert (await program.read(order))["payment_required_by"] == payment["expires_at"]
    found = await program.rows("SELECT payload FROM jobs WHERE entrypoint = 'test.nobody'")
    told = [msgspec.json.decode(payload)["event"] for payload in found]
    assert told == [{"order_id": str(order_id(order)), "payment_id": str(payment_id(payment))}]
    await program.rows("DELETE FROM jobs WHERE entrypoint = 'test.nobody' RETURNING id")
    program.complete(payment)
    await program.report(payment)
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")
