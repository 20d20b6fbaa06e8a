"""A payer disputes at the bank: the order says so, nothing goes back, the books follow, it closes either way."""

import pytest
from tests.factories.in_process import in_process, order_id, payment_id
from tests.factories.stripe_simulator import start_stripe_simulator
from tests.orders.test_settling import states
from tests.payments.test_refunds import paid_order, refund, status_of, total

from ais.kit import Money, system_actor
from ais.kit.ids import PaymentId, RefundId, new_uuid
from ais.orders import settle_order_payment
from ais.payments import RefundExceedsPaid, RefundsFrozen, find_payment, issue_travel_credit
from ais.payments.service.dispute import follow_dispute


async def dispute(program, payment, **given):
    """The payer's bank takes the money of the payment's charge."""
    intent = await program.intent(payment)
    made = program.simulator.control(
        "POST", "/disputes", {"charge": intent["latest_charge"], "reason": "fraudulent", **given}
    )
    return made.get("dispute", made)


async def tell(program, held, *, backwards=False, only=None):
    """Deliver the provider's events about a dispute and do what follows."""
    found = (await program.provider.get("/v1/events", params={"limit": 100})).json()["data"]
    events = [event for event in found if event["data"]["object"]["id"] == held["id"]]
    for event in events if backwards else events[::-1]:
        if only in {None, event["type"]}:
            assert (await program.deliver(event)).status_code == 200
    await program.run_jobs()


def decide(program, held, verdict):
    program.simulator.control("POST", f"/disputes/{held['id']}/{verdict}", {})


async def books(program, order):
    """Chargebacks and clearing of the order in the ledger."""
    return tuple(
        await program.rows(
            """
            SELECT coalesce(sum(entry.amount_minor), 0)::bigint
            FROM unnest(ARRAY['chargebacks', 'provider_clearing']) WITH ORDINALITY AS account (name, position)
            LEFT JOIN (ledger_entries AS entry JOIN ledger_postings AS posting ON posting.id = entry.posting_id
                       AND posting.order_id = $1) ON entry.account = account.name
            GROUP BY position ORDER BY position
            """,
            order_id(order),
        )
    )


async def disputes_of(program, order):
    return await program.rows(
        "SELECT status, amount_minor FROM disputes WHERE order_id = $1 ORDER BY opened_at", order_id(order)
    )


async def queue_of(program, order):
    return await program.rows(
        "SELECT kind FROM staff_queue WHERE details ->> 'order_id' = $1 AND resolved_at IS NULL", order["id"]
    )


async def test_a_dispute_marks_the_order_freezes_refunds_and_is_posted(program):
    order, payment = await paid_order(program)
    held = await dispute(program, payment)
    for _ in range(2):
        await tell(program, held)
    assert states(await program.read(order)) == ("confirmed", "disputed", "issued")
    assert await disputes_of(program, order) == [("open", total(order))]
    assert await books(program, order) == (total(order), 0)
    assert await queue_of(program, order) == ["payment_disputed"]
    with pytest.raises(RefundsFrozen):
        await refund(program, payment, 100)
    with pytest.raises(RefundsFrozen):
        async with program.database.unit_of_work(system_actor("test")) as uow:
            await issue_travel_credit(
                uow, RefundId(new_uuid()), PaymentId(payment_id(payment)), Money(100, "SAR"), "test"
            )
    assert await program.rows("SELECT count(*) FROM refunds WHERE order_id = $1", order_id(order)) == [0]


async def test_won_the_order_is_paid_again_and_the_money_is_back(program):
    order, payment = await paid_order(program)
    held = await dispute(program, payment)
    await tell(program, held)
    decide(program, held, "win")
    await tell(program, held)
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")
    assert await books(program, order) == (0, total(order))
    assert await queue_of(program, order) == []
    assert [move[:2] for move in await program.history(order, "order.payment_status")] == [
        ("unpaid", "paid"),
        ("paid", "disputed"),
        ("disputed", "paid"),
    ]
    await refund(program, payment, 100)
    await program.run_jobs()
    assert (await program.read(order))["payment_status"] == "partially_refunded"


async def test_lost_the_order_counts_as_refunded_and_nothing_is_left_to_give_back(program):
    order, payment = await paid_order(program)
    held = await dispute(program, payment)
    await tell(program, held)
    decide(program, held, "lose")
    await tell(program, held)
    assert states(await program.read(order)) == ("confirmed", "refunded", "issued")
    assert await books(program, order) == (total(order), 0)
    assert await queue_of(program, order) == ["dispute_lost"]
    with pytest.raises(RefundExceedsPaid):
        await refund(program, payment, 1)


async def test_lost_in_part_the_rest_is_still_ours_to_give_back(program):
    order, payment = await paid_order(program)
    held = await dispute(program, payment, amount=1000)
    await tell(program, held)
    decide(program, held, "lose")
    await tell(program, held)
    assert (await program.read(order))["payment_status"] == "partially_refunded"
    with pytest.raises(RefundExceedsPaid):
        await refund(program, payment, total(order) - 999)


async def test_after_a_refund_in_part_a_won_dispute_leaves_it_so(program):
    order, payment = await paid_order(program)
    await refund(program, payment, 500)
    await program.run_jobs()
    held = await dispute(program, payment, amount=total(order) - 500)
    await tell(program, held)
    assert (await program.read(order))["payment_status"] == "disputed"
    decide(program, held, "win")
    await tell(program, held)
    assert (await program.read(order))["payment_status"] == "partially_refunded"


@pytest.mark.parametrize("verdict", ["win", "lose"])
async def test_told_backwards_late_and_all_at_once_it_ends_the_same(program, verdict):
    order, payment = await paid_order(program)
    held = await dispute(program, payment)
    decide(program, held, verdict)
    await tell(program, held, backwards=True)
    won = verdict == "win"
    assert await disputes_of(program, order) == [("won" if won else "lost", total(order))]
    assert (await program.read(order))["payment_status"] == ("paid" if won else "refunded")
    assert await books(program, order) == ((0, total(order)) if won else (total(order), 0))
    kinds = await program.rows(
        "SELECT kind FROM ledger_postings WHERE order_id = $1 AND cause_type = 'dispute' ORDER BY kind", order_id(order)
    )
    assert kinds == (["dispute_won", "disputed"] if won else ["disputed"])


async def test_a_dispute_that_is_heard_of_before_its_money_waits_for_it(program):
    """A storm met with it: reconciliation found the dispute of a payment that it had not seen succeed yet."""
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment)
    held = await dispute(program, payment)
    decide(program, held, "lose")
    async with program.database.connection() as connection:
        begun = await find_payment(connection, PaymentId(payment_id(payment)))
    actor = system_actor("test")
    await follow_dispute(program.database, program.gateways, settle_order_payment, begun, held["id"], actor, "test")
    await program.run_jobs()
    assert states(await program.read(order)) == ("confirmed", "refunded", "issued")
    assert await disputes_of(program, order) == [("lost", total(order))]
    assert await books(program, order) == (total(order), 0)


async def test_only_the_closing_message_comes(program):
    order, payment = await paid_order(program)
    held = await dispute(program, payment)
    decide(program, held, "lose")
    await tell(program, held, only="charge.dispute.closed")
    assert (await program.read(order))["payment_status"] == "refunded"


async def test_an_inquiry_takes_nothing_until_it_becomes_a_dispute(program):
    order, payment = await paid_order(program)
    held = await dispute(program, payment, inquiry=True)
    await tell(program, held)
    assert (await disputes_of(program, order), await books(program, order)) == (
        [("inquiry", total(order))],
        (0, total(order)),
    )
    assert (await program.read(order))["payment_status"] == "paid"
    assert await queue_of(program, order) == ["payment_disputed"]
    decide(program, held, "escalate")
    await tell(program, held)
    assert (await program.read(order))["payment_status"] == "disputed"
    assert await books(program, order) == (total(order), 0)


async def test_a_refund_on_its_way_is_refused_by_the_provider_and_goes_to_staff(program):
    order, payment = await paid_order(program)
    back = await refund(program, payment, 700)
    held = await dispute(program, payment)
    await program.run_jobs()
    assert await status_of(program, back) == "failed"
    await tell(program, held)
    assert (await program.read(order))["payment_status"] == "disputed"


@pytest.fixture
async def alone(servers, market, tmp_path):
    """The program with a provider of its own: no other test's money lies there."""
    provider = start_stripe_simulator(tmp_path, options=("--settle-seconds", "3600"))
    try:
        with servers.database(market) as url:
            async with in_process(url, servers.cache_url(), provider) as program:
                yield program
                await program.require_invariants()
    finally:
        provider.kill()


async def test_a_payout_is_posted_with_its_fees_and_matched_to_the_minor_unit(alone):
    """Clearing of what was paid out is empty afterwards; the bank has the rest, the provider its fees."""
    control = alone.simulator.control
    orders = [await paid_order(alone) for _ in range(3)]
    _, payment = orders[0]
    await refund(alone, payment, 1234)
    await alone.run_jobs()
    control("POST", "/payouts", {"with_pending": True})
    control("POST", "/transitions/run")
    found = (await alone.provider.get("/v1/events", params={"limit": 100, "type": "payout.paid"})).json()["data"]
    newest = found[0]
    for _ in range(2):
        await alone.deliver(newest)
    await alone.run_jobs()
    payout = newest["data"]["object"]
    ((amount, fees),) = await alone.rows(
        "SELECT amount_minor, fees_minor FROM payouts WHERE payout_id = $1", payout["id"]
    )
    assert amount == payout["amount"]
    assert amount + fees == sum(total(order) for order, _ in orders) - 1234
    assert await alone.rows("SELECT subject FROM staff_queue WHERE kind = 'reconciliation'") == []
    assert fees > 0
    balances = dict(
        await alone.rows(
            "SELECT account, sum(amount_minor)::bigint FROM ledger_entries"
            " WHERE account IN ('bank', 'provider_fees', 'provider_clearing') GROUP BY account"
        )
    )
    assert balances == {"bank": amount, "provider_fees": fees, "provider_clearing": 0}


async def test_a_payout_with_money_of_somebody_else_goes_to_staff(alone):
    control = alone.simulator.control
    made = await alone.provider.post(
        "/v1/payment_intents",
        data={"amount": 5000, "currency": "sar", "allowed_payment_method_types[]": "card", "confirm": "true",
              "payment_method": "pm_card_visa"},
    )  # fmt: skip
    control("POST", "/payouts", {"with_pending": True})
    control("POST", "/transitions/run")
    found = (await alone.provider.get("/v1/events", params={"limit": 100, "type": "payout.paid"})).json()["data"]
    await alone.deliver(found[0])
    await alone.run_jobs()
    assert await alone.rows("SELECT count(*) FROM payouts") == [1]
    assert await alone.staff_queue(f"stripe:{made.json()['id']}") == ["reconciliation"]
