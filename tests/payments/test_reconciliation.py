"""The books against the provider's own lists: what was lost is finished, and the rest is said with a reason."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.factories.books import grant
from tests.factories.in_process import in_process, order_id, payment_id
from tests.factories.stripe_simulator import start_stripe_simulator

from ais.app.reconciliation import reconcile_with_provider, window_before
from ais.kit import Money, ids, new_uuid, system_actor
from ais.kit.ids import PaymentId, RefundId, encode_id
from ais.payments import begin_refund, find_reconciliation, list_reconciliations
from ais.payments.adapters.stripe.lists import StripeLists
from ais.payments.jobs import carry_out_refund
from ais.payments.reconciliation import Payout, PayoutStatus, Window
from ais.payments.service.payouts import reconcile_payout

ACTOR = system_actor("test")


@pytest.fixture(scope="module")
def own_simulator(tmp_path_factory):
    """A provider that holds nothing but what a test did: its lists are compared whole."""
    running = start_stripe_simulator(tmp_path_factory.mktemp("lists"), options=("--settle-seconds", "3600"))
    yield running
    running.kill()


@pytest.fixture
async def program(servers, market, own_simulator):
    own_simulator.control("POST", "/reset")
    with servers.database(market) as url:
        async with in_process(url, servers.cache_url(), own_simulator) as running:
            yield running
            await running.require_invariants()


async def reconciled(program, *, dry_run=False, length=timedelta(hours=2)):
    window = window_before(program.database.clock.now(), length)
    return await reconcile_with_provider(
        program.settings, program.database, program.gateways, window, ACTOR, str(new_uuid()), is_dry_run=dry_run
    )


def counts(report):
    return report.scanned, report.fixed, report.failed, report.skipped


def said(report):
    return sorted((row.kind, row.outcome, row.reason) for row in report.rows)


async def unheard(program):
    """An order that was paid, of which no news has come."""
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment)
    return order, payment


async def begin(program, payment, minor):
    refund_id = RefundId(uuid4())
    async with program.database.unit_of_work(ACTOR) as uow:
        begun = await begin_refund(uow, refund_id, PaymentId(payment_id(payment)), Money(minor, "SAR"), "test")
        await grant(uow, begun.order_id, refund_id, begun.amount)
    return refund_id


async def clearing(program):
    """What the books say that the provider holds, in minor units."""
    (balance,) = await program.rows(
        "SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_entries WHERE account = 'provider_clearing'"
    )
    return balance


async def account(program, name):
    (balance,) = await program.rows(
        "SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_entries WHERE account = $1", name
    )
    return balance


async def provider_balance(program):
    balance = (await program.provider.get("/v1/balance")).json()
    return sum(each["amount"] for each in [*balance["available"], *balance["pending"]] if each["currency"] == "sar")


async def test_money_without_news_confirms_its_order_once(program):
    order, payment = await unheard(program)
    report = await reconciled(program)
    assert counts(report) == (1, 1, 0, 0)
    (row,) = report.rows
    assert (row.kind, row.object_id, row.outcome, row.reason) == (
        "payment", payment["provider_payment_id"], "fixed", "settled",
    )  # fmt: skip
    assert (row.own_id, str(row.amount)) == (payment["id"], f"{order['total']['amount']} SAR")
    seen = await program.read(order)
    assert (seen["status"], seen["payment_status"], seen["ticketing_status"]) == ("confirmed", "paid", "issued")
    again = await reconciled(program)
    assert (counts(again), again.rows) == ((1, 0, 0, 0), [])
    await program.report(payment)
    assert (await program.read(order))["paid"] == order["total"]


async def test_a_dry_run_says_what_differs_and_changes_nothing(program):
    order, _payment = await unheard(program)
    report = await reconciled(program, dry_run=True)
    assert (counts(report), said(report)) == ((1, 0, 0, 1), [("payment", "skipped", "dry_run")])
    assert report.differs
    assert (await program.read(order))["status"] == "reserved"
    assert await program.rows("SELECT count(*) FROM ledger_postings") == [0]
    assert not (await reconciled(program)).differs


async def test_runs_beside_each_other_finish_everything_once(program):
    orders = [await unheard(program) for _ in range(4)]
    reports = await asyncio.gather(*(reconciled(program) for _ in range(5)))
    assert {report.failed for report in reports} == {0}
    assert sum(report.fixed for report in reports) >= 4
    for order, _payment in orders:
        assert (await program.read(order))["paid"] == order["total"]
    captured = await program.rows("SELECT count(*) FROM ledger_postings WHERE kind = 'captured'")
    assert captured == [4]


async def test_a_closed_attempt_is_open_in_the_books_no_longer(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    cancelled = await program.provider.post(f"/v1/payment_intents/{payment['provider_payment_id']}/cancel")
    assert cancelled.status_code == 200
    assert said(await reconciled(program)) == [("payment", "fixed", "settled")]
    assert await program.rows("SELECT status FROM payments WHERE id = $1", payment_id(payment)) == ["cancelled"]
    assert (await program.read(order))["status"] == "reserved"


async def test_money_that_is_not_ours_is_reported_and_staff_are_asked_until_it_is_gone(program):
    body = {
        "amount": 5000, "currency": "sar", "confirm": "true", "payment_method": "pm_card_visa",
        "automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never",
    }  # fmt: skip
    foreign = (await program.provider.post("/v1/payment_intents", data=body)).json()
    await program.provider.post("/v1/payment_intents", data={"amount": 1000, "currency": "sar"})
    for _ in range(2):
        report = await reconciled(program)
        assert said(report) == [("payment", "failed", "unknown"), ("payment", "skipped", "no_money")]
        assert await program.staff_queue(f"stripe:{foreign['id']}") == ["reconciliation"]
    assert await program.rows("SELECT count(*) FROM ledger_postings") == [0]


async def test_a_second_charge_under_our_reference_does_not_hide_behind_the_first(program):
    order = await program.order()
    payment = await program.pay(order)
    body = {
        "amount": 5000, "currency": "sar", "confirm": "true", "payment_method": "pm_card_visa",
        "metadata[payment_id]": payment["id"],
        "automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never",
    }  # fmt: skip
    second = (await program.provider.post("/v1/payment_intents", data=body)).json()
    report = await reconciled(program)
    assert [(row.object_id, row.reason) for row in report.rows] == [(second["id"], "unknown")]
    assert (await program.read(order))["paid"] == order["total"]


async def test_money_that_the_books_alone_hold_is_missing_at_the_provider(program):
    payment = await program.pay(await program.order())
    async with program.database.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "UPDATE payments SET provider_payment_id = 'pi_gone', provider_capture_id = 'pi_gone' WHERE id = $1",
            payment_id(payment),
        )
    report = await reconciled(program)
    assert [(row.object_id, row.outcome, row.reason) for row in report.rows] == [
        (payment["provider_payment_id"], "failed", "unknown"),
        ("pi_gone", "failed", "missing"),
    ]
    assert await program.staff_queue("stripe:pi_gone") == ["reconciliation"]


async def test_a_refund_whose_end_was_not_heard_of_is_settled(program):
    order = await program.order()
    payment = await program.pay(order, "pm_card_pendingRefund")
    refund_id = await begin(program, payment, 1000)
    await carry_out_refund(program.database, program.gateways, refund_id)
    program.simulator.control("POST", "/transitions/run")
    assert await program.rows("SELECT status FROM refunds") == ["pending"]
    report = await reconciled(program)
    assert said(report) == [("refund", "fixed", "settled")]
    assert report.rows[0].own_id == encode_id(ids.REFUND, refund_id)
    assert await program.rows("SELECT status FROM refunds") == ["succeeded"]
    await program.run_jobs()
    assert (await program.read(order))["refunded"]["amount"] == "10.00"
    assert (await reconciled(program)).rows == []


async def test_a_refund_that_was_made_at_the_provider_is_written_down(program):
    order = await program.order()
    payment = await program.pay(order)
    body = {"payment_intent": payment["provider_payment_id"], "amount": 700}
    assert (await program.provider.post("/v1/refunds", data=body)).status_code == 200
    assert said(await reconciled(program, dry_run=True)) == [("refund", "skipped", "dry_run")]
    assert said(await reconciled(program)) == [("refund", "fixed", "settled")]
    await program.run_jobs()
    assert (await program.read(order))["refunded"]["amount"] == "7.00"
    assert (await reconciled(program)).rows == []


async def pay_out(program):
    """Have everything that is available paid out, and the bank confirm it."""
    made = program.simulator.control("POST", "/payouts", {"with_pending": True})["payouts"]
    program.simulator.control("POST", "/transitions/run")
    return made


async def test_a_payout_is_matched_and_posted_to_the_minor_unit_once(program):
    payments = [await program.pay(await program.order()) for _ in range(3)]
    refund_id = await begin(program, payments[0], 1234)
    await carry_out_refund(program.database, program.gateways, refund_id)
    fees = await clearing(program) - await provider_balance(program)
    assert fees > 0
    (payout,) = await pay_out(program)
    report = await reconciled(program)
    # Three captures and a refund stand in the payout, and each is in the books with its sum.
    assert (counts(report), said(report)) == ((4 + 1 + 4, 1, 0, 0), [("payout", "fixed", "posted")])
    assert await account(program, "bank") == payout["amount"]
    assert await account(program, "provider_fees") == fees
    assert (await clearing(program), await provider_balance(program)) == (0, 0)
    reports = await asyncio.gather(*(reconciled(program) for _ in range(4)))
    assert {report.fixed for report in reports} == {0}
    assert await account(program, "bank") == payout["amount"]
    assert await program.rows("SELECT payout_id, amount_minor, fees_minor FROM payouts") == [
        (payout["id"], payout["amount"], fees)
    ]


async def test_a_payout_on_its_way_waits_and_of_one_that_failed_the_fees_alone_stay(program):
    await program.pay(await program.order())
    program.simulator.control("POST", "/payouts", {"with_pending": True})
    assert said(await reconciled(program)) == [("payout", "skipped", "on_its_way")]
    assert await account(program, "bank") == 0
    program.simulator.control("POST", "/money", {"payouts_end": "failed"})
    program.simulator.control("POST", "/transitions/run")
    fees = await clearing(program) - await provider_balance(program)
    assert fees > 0
    assert said(await reconciled(program)) == [("payout", "fixed", "never_arrived")]
    assert (await reconciled(program)).rows == []
    assert (await account(program, "bank"), await account(program, "provider_fees")) == (0, fees)
    # The next payout takes the money along, without its fees.
    assert await clearing(program) == await provider_balance(program) > 0
    program.simulator.control("POST", "/money", {"payouts_end": "paid"})
    (payout,) = await pay_out(program)
    assert ("payout", "fixed", "posted") in said(await reconciled(program))
    assert (await account(program, "bank"), await account(program, "provider_fees")) == (payout["amount"], fees)
    assert (await clearing(program), await provider_balance(program)) == (0, 0)


async def rows_of(program, payout):
    lists = StripeLists(program.settings.stripe_secret_key, program.settings.stripe_api_base)
    return [(row.outcome, row.reason) async for row in reconcile_payout(program.database, lists, payout, ACTOR, "test")]


async def test_a_payout_whose_lines_do_not_add_up_is_not_posted(program):
    await program.pay(await program.order())
    (made,) = await pay_out(program)
    wrong = Payout(id=made["id"], status=PayoutStatus.PAID, amount=Money(made["amount"] + 1, "SAR"), lists_lines=True)
    assert await rows_of(program, wrong) == [("failed", "sum")]
    assert await program.rows("SELECT count(*) FROM payouts") == [0]
    assert await account(program, "bank") == 0


async def test_a_payout_that_comes_back_after_it_was_posted_is_posted_back_once(program):
    await program.pay(await program.order())
    (made,) = await pay_out(program)
    await reconciled(program)
    held = await clearing(program)
    failed = Payout(id=made["id"], status=PayoutStatus.FAILED, amount=Money(made["amount"], "SAR"), lists_lines=True)
    assert await rows_of(program, failed) == [("fixed", "returned")]
    assert await rows_of(program, failed) == [("agreed", "")]
    assert (await account(program, "bank"), await clearing(program)) == (0, held + made["amount"])


async def test_money_in_a_payout_that_the_books_do_not_know_is_named(program):
    await program.pay(await program.order())
    body = {
        "amount": 5000, "currency": "sar", "confirm": "true", "payment_method": "pm_card_visa",
        "automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never",
    }  # fmt: skip
    foreign = (await program.provider.post("/v1/payment_intents", data=body)).json()
    await pay_out(program)
    report = await reconciled(program)
    assert [(row.kind, row.object_id, row.reason) for row in report.rows if row.outcome == "failed"] == [
        ("payment", foreign["id"], "unknown"),
        ("payout_line", foreign["id"], "unknown"),
    ]


async def test_an_object_that_cannot_be_asked_about_fails_alone_and_is_taken_up_by_the_next_run(program):
    (first, payment), (second, _other) = await unheard(program), await unheard(program)
    path = f"/v1/payment_intents/{payment['provider_payment_id']}"
    fault = {"action": "error_before", "method": "GET", "path": path, "status": 500, "times": 9}
    program.simulator.control("POST", "/faults", fault)
    report = await reconciled(program)
    assert said(report) == [("payment", "failed", "unreachable"), ("payment", "fixed", "settled")]
    assert (await program.read(second))["status"] == "confirmed"
    program.simulator.control("DELETE", "/faults")
    assert said(await reconciled(program)) == [("payment", "fixed", "settled")]
    assert (await program.read(first))["status"] == "confirmed"


async def test_more_than_a_page_is_paged_through(program):
    body = {"amount": 1000, "currency": "sar"}
    made = await asyncio.gather(*(program.provider.post("/v1/payment_intents", data=body) for _ in range(130)))
    assert {answer.status_code for answer in made} == {200}
    report = await reconciled(program, dry_run=True)
    assert counts(report) == (130, 0, 0, 130)


async def test_each_run_is_kept_with_its_rows(program):
    await unheard(program)
    await reconciled(program, dry_run=True)
    fixed = await reconciled(program)
    async with program.database.connection() as connection:
        newest, oldest = await list_reconciliations(connection, 10)
        found = await find_reconciliation(connection, fixed.id)
    assert (newest.id, newest.is_dry_run, counts(newest)) == (fixed.id, False, (1, 1, 0, 0))
    assert (oldest.is_dry_run, counts(oldest)) == (True, (1, 0, 0, 1))
    assert found.rows == fixed.rows
    assert found.finished_at >= found.started_at


async def test_what_lies_outside_of_the_window_is_left_alone(program):
    order, _payment = await unheard(program)
    now = program.database.clock.now()
    window = Window(now - timedelta(hours=3), now - timedelta(hours=1))
    report = await reconcile_with_provider(program.settings, program.database, program.gateways, window, ACTOR, "test")
    assert counts(report) == (0, 0, 0, 0)
    assert (await program.read(order))["status"] == "reserved"
    assert order_id(order)


async def open_dispute(program, payment):
    """The payer's bank takes the money of the payment's charge, and no news of it comes."""
    intent = await program.intent(payment)
    made = program.simulator.control("POST", "/disputes", {"charge": intent["latest_charge"], "reason": "fraudulent"})
    return made.get("dispute", made)


async def test_a_dispute_without_news_is_posted_and_its_end_is_found_however_late(program):
    order = await program.order()
    payment = await program.pay(order)
    held = await open_dispute(program, payment)
    assert said(await reconciled(program, dry_run=True)) == [("dispute", "skipped", "dry_run")]
    report = await reconciled(program)
    assert [(row.kind, row.object_id, row.outcome, row.reason) for row in report.rows] == [
        ("dispute", held["id"], "fixed", "settled")
    ]
    await program.run_jobs()
    assert (await program.read(order))["payment_status"] == "disputed"
    assert (await reconciled(program)).rows == []
    program.simulator.control("POST", f"/disputes/{held['id']}/win", {})
    # A window in which the dispute did not begin: it is looked at because the books hold it as undecided.
    now = program.database.clock.now()
    window = Window(now - timedelta(hours=3), now - timedelta(hours=2))
    late = await reconcile_with_provider(program.settings, program.database, program.gateways, window, ACTOR, "test")
    assert said(late) == [("dispute", "fixed", "settled")]
    await program.run_jobs()
    assert (await program.read(order))["payment_status"] == "paid"
    assert await account(program, "chargebacks") == 0


async def test_a_dispute_in_a_payout_is_matched(program):
    lost, _kept = [await program.pay(await program.order()) for _ in range(2)]
    await open_dispute(program, lost)
    assert said(await reconciled(program)) == [("dispute", "fixed", "settled")]
    (payout,) = await pay_out(program)
    report = await reconciled(program)
    assert said(report) == [("payout", "fixed", "posted")]
    assert await account(program, "bank") == payout["amount"]
    assert (await clearing(program), await provider_balance(program)) == (0, 0)
    await program.run_jobs()


async def moved_in(program, currency):
    """Every movement of the provider's balance in a currency, before its fees."""
    query = {"currency": currency, "limit": 100}
    found = (await program.provider.get("/v1/balance_transactions", params=query)).json()["data"]
    return sum(each["amount"] for each in found)


async def test_money_of_another_currency_is_found_sent_back_and_agrees(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    intent = f"/v1/payment_intents/{payment['provider_payment_id']}"
    assert (await program.provider.post(intent, data={"currency": "kwd", "amount": 12_340})).status_code == 200
    await program.confirm(payment)
    reports = await asyncio.gather(*(reconciled(program) for _ in range(3)))
    assert {report.failed for report in reports} == {0}
    assert {(row.reason, str(row.amount)) for report in reports for row in report.rows} == {("settled", "12.340 KWD")}
    assert (await clearing(program), await moved_in(program, "kwd")) == (12_340, 12_340)
    assert not (await reconciled(program)).differs
    await asyncio.gather(program.report(payment), reconciled(program))
    report = await reconciled(program)
    assert (counts(report), report.rows) == ((2, 0, 0, 0), [])
    assert (await clearing(program), await moved_in(program, "kwd")) == (0, 0)
    kinds = await program.rows("SELECT kind FROM ledger_postings ORDER BY recorded_at")
    assert kinds == ["captured", "returned", "refunded"]
    assert (await program.read(order))["paid"]["amount"] == "0.00"
    assert await program.staff_queue(payment["id"]) == ["payment_currency"]
