"""Money of another currency than was asked for: in the books as it came, of no use to the order, and back by itself."""

import asyncio

import pytest
from tests.factories.giving_back import quote
from tests.factories.in_process import order_id, payment_id
from tests.orders.test_settling import change_intent, settle, states
from tests.payments.test_disputes import decide, dispute, tell

from ais.kit import Money, ids, system_actor
from ais.kit.ids import RefundId, encode_id
from ais.kit.money import CurrencyMismatch
from ais.orders import repository as orders
from ais.orders.service.states import OrderChange

# Of no, two and three decimals: what the provider asks for, and what that is in its smallest units.
SUMS = [("JPY", 5000, "5000"), ("USD", 5000, "50.00"), ("KWD", 12_340, "12.340")]


async def paid_in(program, currency="JPY", minor=5000, method="pm_card_visa", order=None):
    """An order whose payer has paid another currency than it asks for; nobody has heard of it yet."""
    order = order or await program.order()
    payment = await program.begin_payment(order)
    await change_intent(program, payment, currency=currency.lower(), amount=minor)
    await program.confirm(payment, method)
    return order, payment


async def payment_of(program, payment):
    return await program.rows(
        "SELECT status, amount_minor, currency, received_minor, received_currency, refunded_minor FROM payments"
        " WHERE id = $1",
        payment_id(payment),
    )


async def postings_of(program, order, currency):
    """What was posted for the order in a currency, in the order of posting."""
    return await program.rows(
        """
        SELECT posting.kind, entry.account, entry.amount_minor
        FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.posting_id = posting.id
        WHERE posting.order_id = $1 AND entry.currency = $2 ORDER BY posting.recorded_at, entry.number
        """,
        order_id(order),
        currency,
    )


def passed_through(minor):
    """The books of money that came, bought nothing and went back."""
    return [
        ("captured", "provider_clearing", minor),
        ("captured", "customer_deposits", -minor),
        ("returned", "customer_deposits", minor),
        ("returned", "refunds_payable", -minor),
        ("refunded", "refunds_payable", minor),
        ("refunded", "provider_clearing", -minor),
    ]


async def refunds_of(program, order):
    return await program.rows(
        "SELECT amount_minor, currency, status, reason FROM refunds WHERE order_id = $1 ORDER BY created_at",
        order_id(order),
    )


async def held_by_provider(program, payment):
    """What the provider's balance holds of a payment, in its smallest units."""
    charge = (await program.intent(payment))["latest_charge"]
    refunds = [each["id"] for each in await program.refunds_of(payment)]
    held = 0
    for source in (charge, *refunds):
        answer = await program.provider.get("/v1/balance_transactions", params={"source": source})
        held += sum(movement["amount"] for movement in answer.json()["data"])
    return held


async def clearing(program, order, currency):
    return sum(
        minor for _, account, minor in await postings_of(program, order, currency) if account.endswith("clearing")
    )


@pytest.mark.parametrize(("currency", "minor", "written"), SUMS, ids=[each[0] for each in SUMS])
async def test_it_is_posted_as_it_came_and_goes_back_whole_however_often_it_is_told(program, currency, minor, written):
    order, payment = await paid_in(program, currency, minor)
    await settle(program, payment)
    assert await clearing(program, order, currency) == await held_by_provider(program, payment) == minor
    assert await refunds_of(program, order) == [(minor, currency, "pending", "another currency")]
    for _ in range(2):
        await program.report(payment)
    assert await clearing(program, order, currency) == await held_by_provider(program, payment) == 0
    assert await postings_of(program, order, currency) == passed_through(minor)
    assert await postings_of(program, order, "SAR") == []
    total = Money.parse(order["total"]["amount"], "SAR")
    assert await payment_of(program, payment) == [("succeeded", total.minor, "SAR", minor, currency, minor)]
    assert await refunds_of(program, order) == [(minor, currency, "succeeded", "another currency")]
    assert [(each["amount"], each["currency"]) for each in await program.refunds_of(payment)] == [
        (minor, currency.lower())
    ]
    seen = await program.read(order)
    assert (states(seen), seen["documents"]) == (("reserved", "unpaid", "none"), [])
    assert (seen["paid"]["amount"], seen["refunded"]["amount"]) == ("0.00", "0.00")
    assert seen["balance_due"] == order["total"]
    assert await program.rows(
        "SELECT kind, details FROM staff_queue WHERE subject = $1 AND resolved_at IS NULL", payment["id"]
    ) == [("payment_currency", {"asked": f"{total}", "received": f"{written} {currency}"})]


async def test_the_order_is_paid_by_another_attempt_and_its_sale_is_of_that_form_alone(program):
    order, payment = await paid_in(program, "JPY", 5000)
    await program.report(payment)
    rest = await program.begin_checkout(order)
    assert (rest["id"] != payment["id"], rest["amount"]) == (True, order["total"])
    program.complete(rest)
    await program.report(rest)
    seen = await program.read(order)
    assert (states(seen), seen["paid"]) == (("confirmed", "paid", "issued"), order["total"])
    assert await postings_of(program, order, "JPY") == passed_through(5000)


async def test_what_a_bank_has_thought_about_leaves_nothing_under_way(program):
    order, payment = await paid_in(program, "KWD", 12_340, "pm_sandbox_processingSucceeds")
    await program.report(payment)
    assert states(await program.read(order)) == ("reserved", "processing", "none")
    program.simulator.control("POST", "/transitions/run")
    await program.report(payment)
    assert states(await program.read(order)) == ("reserved", "unpaid", "none")
    assert await postings_of(program, order, "KWD") == passed_through(12_340)
    assert await program.history(order, "order.payment_status") == [
        ("unpaid", "processing", "payment processing"),
        ("processing", "unpaid", "money of another currency"),
    ]


async def test_of_many_who_look_at_once_one_posts_and_one_sends_it_back(program):
    order, payment = await paid_in(program, "USD", 5000)
    (event,) = await program.events_of(payment, "payment_intent.succeeded")
    await asyncio.gather(*(settle(program, payment) for _ in range(6)), *(program.deliver(event) for _ in range(4)))
    await program.run_jobs()
    assert await postings_of(program, order, "USD") == passed_through(5000)
    assert len(await program.refunds_of(payment)) == 1


async def test_money_for_an_order_that_was_given_up_goes_back_too(program):
    order, payment = await paid_in(program)
    async with program.database.unit_of_work(system_actor("test")) as uow:
        change = OrderChange(await orders.lock_order(uow, order_id(order)))
        change.status_to("cancelled", "given up")
        await change.write(uow)
    await program.report(payment)
    assert states(await program.read(order)) == ("cancelled", "unpaid", "none")
    assert await postings_of(program, order, "JPY") == passed_through(5000)


async def test_what_the_bank_sends_back_is_no_money_of_the_order_and_staff_try_again(program):
    order, payment = await paid_in(program, method="pm_card_refundFail")
    await program.report(payment)
    program.simulator.control("POST", "/transitions/run")
    await program.report(payment)
    assert await refunds_of(program, order) == [(5000, "JPY", "failed", "another currency")]
    assert await clearing(program, order, "JPY") == await held_by_provider(program, payment) == 5000
    (failed,) = await program.rows("SELECT id FROM refunds WHERE order_id = $1", order_id(order))
    reference = encode_id(ids.REFUND, RefundId(failed))
    assert await program.staff_queue(reference) == ["refund_failed"]
    # Five thousand yen are no fifty riyals.
    assert (await quote(program, order))["refund"] == {"amount": "0.00", "currency": "SAR"}
    answer = await program.staff_post(f"refunds/{reference}/retry", to="travel_credit")
    assert (answer.status_code, answer.json()["amount"]) == (201, {"amount": "5000", "currency": "JPY"})
    await program.run_jobs()
    assert await program.rows(
        "SELECT balance_minor, currency FROM travel_credits WHERE order_id = $1", order_id(order)
    ) == [(5000, "JPY")]
    seen = await program.read(order)
    assert (states(seen), seen["refunded"]["amount"]) == (("reserved", "unpaid", "none"), "0.00")
    assert await payment_of(program, payment) == [
        ("succeeded", Money.parse(order["total"]["amount"], "SAR").minor, "SAR", 5000, "JPY", 5000)
    ]


@pytest.mark.parametrize("verdict", ["win", "lose"])
async def test_a_dispute_about_it_is_posted_in_its_currency_and_leaves_the_order_alone(program, verdict):
    order, payment = await paid_in(program)
    held = await dispute(program, payment)
    await tell(program, held)
    rest = await program.pay(order)
    assert rest["amount"] == order["total"]
    await tell(program, held)
    decide(program, held, verdict)
    await tell(program, held)
    seen = await program.read(order)
    assert states(seen) == ("confirmed", "paid", "issued")
    assert {coupon["status"] for document in seen["documents"] for coupon in document["coupons"]} == {"open"}
    assert await program.rows(
        "SELECT status, amount_minor, currency FROM disputes WHERE order_id = $1", order_id(order)
    ) == [("won" if verdict == "win" else "lost", 5000, "JPY")]
    # The provider gives nothing back of what a bank has taken: it is still owed, and before staff.
    assert await refunds_of(program, order) == [(5000, "JPY", "failed", "another currency")]
    balances = {}
    for _, account, minor in await postings_of(program, order, "JPY"):
        balances[account] = balances.get(account, 0) + minor
    assert balances == {
        "provider_clearing": 5000 if verdict == "win" else 0,
        "chargebacks": 0 if verdict == "win" else 5000,
        "customer_deposits": 0,
        "refunds_payable": -5000,
    }


async def test_what_somebody_gave_back_at_the_providers_side_is_followed_in_its_currency(program):
    order, payment = await paid_in(program)
    charge = (await program.intent(payment))["latest_charge"]
    assert (await program.provider.post("/v1/refunds", data={"charge": charge})).status_code == 200
    await settle(program, payment)
    await program.run_jobs()
    await program.report(payment)
    assert await refunds_of(program, order) == [
        (5000, "JPY", "failed", "another currency"),
        (5000, "JPY", "succeeded", "another currency"),
    ]
    assert await clearing(program, order, "JPY") == await held_by_provider(program, payment) == 0
    assert (await program.read(order))["refunded"]["amount"] == "0.00"


async def test_an_order_cannot_count_another_currency(program):
    order = await program.order()
    async with program.database.unit_of_work(system_actor("test")) as uow:
        change = OrderChange(await orders.lock_order(uow, order_id(order)))
        with pytest.raises(CurrencyMismatch):
            change.receive(Money(5000, "JPY"))
    assert (change.paid_minor, change.is_changed) == (0, False)
