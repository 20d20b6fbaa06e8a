"""What money costs and where it is: fees to the minor unit, disputes, refunds that fail, payouts, and who is told."""

import time
import urllib.error
from collections.abc import Callable
from typing import Any

import pytest
import stripe
from tests.factories.stripe_simulator import StripeSimulator, card_payment, client_of
from tests.factories.webhook_receiver import WebhookReceiver


def paid(client: stripe.StripeClient, amount: int = 10_000, currency: str = "sar", **more: Any) -> stripe.PaymentIntent:
    params = card_payment(amount, currency, confirm=True, **({"payment_method": "pm_card_visa"} | more))
    return client.v1.payment_intents.create(params=params)  # type: ignore[arg-type]  # a plain dict


def transactions(client: stripe.StripeClient, **params: Any) -> list[tuple[str, int, int, int]]:
    listed = client.v1.balance_transactions.list(params={"limit": 100, **params})
    return [(one.type, one.amount, one.fee, one.net) for one in reversed(listed.data)]


def balances(client: stripe.StripeClient) -> dict[str, tuple[int, int]]:
    balance = client.v1.balance.retrieve()
    pending = {share.currency: share.amount for share in balance.pending}
    return {share.currency: (share.amount, pending[share.currency]) for share in balance.available}


def kinds(client: stripe.StripeClient, pattern: str) -> list[str]:
    return [one.type for one in reversed(client.v1.events.list(params={"type": pattern, "limit": 100}).data)]


@pytest.mark.parametrize(
    ("amount", "currency", "fee"),
    [
        (10_000, "sar", 390),  # 2.9 % and 1.00
        (12_345, "sar", 458),  # 358.005 rounds to 358
        (12_350, "sar", 458),  # 358.15
        (50, "usd", 31),  # 1.45 rounds to 1
        (10_000, "kwd", 390),  # 290 and 0.100, in tens of the minor unit
        (10_150, "kwd", 390),  # 294.35 and 100 are 394, which is 390 in tens
        (10_000, "jpy", 290),  # no fixed fee
        (10_000, "omr", 290),
    ],
)
def test_the_fee_is_a_share_and_a_fixed_sum(client: stripe.StripeClient, amount: int, currency: str, fee: int) -> None:
    paid(client, amount, currency)
    assert transactions(client) == [("charge", amount, fee, amount - fee)]
    assert balances(client) == {currency: (0, amount - fee)}


def test_fees_are_what_they_are_switched_to(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    simulator.control("POST", "/money", {"charge_fee_basis_points": 100, "charge_fee_fixed": {}, "dispute_fee": {}})
    intent = paid(client)
    simulator.control("POST", "/disputes", {"charge": intent.latest_charge})
    assert transactions(client) == [("charge", 10_000, 100, 9_900), ("adjustment", -10_000, 0, -10_000)]
    for wrong in ({"charge_fee_basis_points": -1}, {"colour": 1}, {"dispute_fee": {"usd": -1}}):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            simulator.control("POST", "/money", wrong)
        assert refusal.value.code == 400
    simulator.control("POST", "/reset")
    assert simulator.control("GET", "")["money"]["charge_fee_basis_points"] == 290


def test_an_asynchronous_capture_is_booked_behind_the_answer(
    simulator: StripeSimulator, client: stripe.StripeClient
) -> None:
    simulator.control("POST", "/money", {"booked_after_seconds": 3600})
    intent = paid(client)
    charge = client.v1.charges.retrieve(str(intent.latest_charge))
    assert (charge.status, charge.captured, charge.balance_transaction) == ("succeeded", True, None)
    assert transactions(client) == []
    simulator.control("POST", "/transitions/run")
    charge = client.v1.charges.retrieve(str(intent.latest_charge))
    assert str(charge.balance_transaction).startswith("txn_")
    told = client.v1.events.list(params={"type": "charge.*"}).data
    assert [one.type for one in told] == ["charge.updated", "charge.succeeded"]
    assert told[1].data.object["balance_transaction"] is None
    assert told[0].data.object["balance_transaction"] == charge.balance_transaction


def test_a_refund_that_fails_is_on_the_account_again(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    intent = paid(client)
    refund = client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 4_000})
    simulator.control("POST", f"/refunds/{refund.id}", {"status": "failed", "failure_reason": "lost_or_stolen_card"})
    failed = client.v1.refunds.retrieve(refund.id, params={"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert isinstance(failed.failure_balance_transaction, stripe.BalanceTransaction)
    assert failed.failure_balance_transaction.source == refund.id
    assert transactions(client) == [
        ("charge", 10_000, 390, 9_610), ("refund", -4_000, 0, -4_000), ("refund_failure", 4_000, 0, 4_000),
    ]  # fmt: skip
    assert client.v1.charges.retrieve(str(intent.latest_charge)).amount_refunded == 0
    assert kinds(client, "*refund*") == [
        "refund.created", "charge.refunded", "refund.failed", "refund.updated", "charge.refund.updated",
    ]  # fmt: skip
    with pytest.raises(urllib.error.HTTPError):
        simulator.control("POST", f"/refunds/{refund.id}", {"status": "succeeded"})
    assert client.v1.refunds.retrieve(refund.id).status == "failed"


@pytest.mark.parametrize("end", ["succeeded", "failed", "canceled"])
def test_a_refund_may_wait_for_the_customer(simulator: StripeSimulator, client: stripe.StripeClient, end: str) -> None:
    simulator.control("POST", "/settings", {"settle_seconds": 3600})
    intent = paid(client, payment_method="pm_card_pendingRefund")
    refund = client.v1.refunds.create(params={"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError, match="Canceling this refund is unsupported"):
        client.v1.refunds.cancel(refund.id)
    simulator.control("POST", f"/refunds/{refund.id}", {"status": "requires_action"})
    if end == "canceled":
        assert client.v1.refunds.cancel(refund.id).status == "canceled"
    else:
        simulator.control("POST", f"/refunds/{refund.id}", {"status": end})
    simulator.control("POST", "/transitions/run")
    assert client.v1.refunds.retrieve(refund.id).status == end
    refunded = client.v1.charges.retrieve(str(intent.latest_charge)).amount_refunded
    assert refunded == (10_000 if end == "succeeded" else 0)
    assert sum(net for *_, net in transactions(client)) == (-390 if end == "succeeded" else 9_610)


def test_a_dispute_is_told_step_by_step_and_can_be_won(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    intent = paid(client)
    dispute = simulator.control("POST", "/disputes", {"charge": intent.latest_charge, "amount": 6_000})
    with pytest.raises(urllib.error.HTTPError):
        simulator.control("POST", "/disputes", {"charge": intent.latest_charge})
    client.v1.disputes.update(dispute["id"], params={"evidence": {"uncategorized_text": "We flew them."}})
    simulator.control("POST", "/transitions/run")
    assert client.v1.disputes.retrieve(dispute["id"]).status == "under_review"
    simulator.control("POST", f"/disputes/{dispute['id']}/win")
    assert transactions(client) == [
        ("charge", 10_000, 390, 9_610), ("adjustment", -6_000, 5_500, -11_500), ("adjustment", 6_000, 0, 6_000),
    ]  # fmt: skip
    assert kinds(client, "charge.dispute.*") == [
        "charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.updated",
        "charge.dispute.funds_reinstated", "charge.dispute.closed",
    ]  # fmt: skip
    with pytest.raises(urllib.error.HTTPError):
        simulator.control("POST", f"/disputes/{dispute['id']}/lose")


def test_a_lost_dispute_and_an_inquiry_that_closes(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    lost = simulator.control("POST", "/disputes", {"charge": paid(client).latest_charge})
    assert simulator.control("POST", f"/disputes/{lost['id']}/lose")["status"] == "lost"
    inquiry = simulator.control("POST", "/disputes", {"charge": paid(client).latest_charge, "inquiry": True})
    assert client.v1.disputes.close(inquiry["id"]).status == "warning_closed"
    asked = paid(client)
    other = simulator.control("POST", "/disputes", {"charge": asked.latest_charge, "inquiry": True})
    refund = client.v1.refunds.create(params={"payment_intent": asked.id, "amount": 1_000})
    assert simulator.control("POST", f"/disputes/{other['id']}/escalate")["status"] == "needs_response"
    failed = client.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "charge_for_pending_refund_disputed")
    assert [one[1:] for one in transactions(client, type="adjustment")] == [(-10_000, 5_500, -15_500)] * 2


def test_an_automatic_payout_can_be_listed_to_the_minor_unit(
    simulator: StripeSimulator, client: stripe.StripeClient
) -> None:
    intent = paid(client)
    paid(client, 20_000, "usd")
    client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 1_000})
    assert simulator.control("POST", "/payouts")["payouts"] == []
    made = simulator.control("POST", "/payouts", {"with_pending": True})["payouts"]
    assert [(one["currency"], one["amount"]) for one in made] == [("sar", 8_610), ("usd", 19_390)]
    simulator.control("POST", "/transitions/run")
    sar = client.v1.payouts.retrieve(made[0]["id"])
    assert (sar.status, sar.automatic, sar.reconciliation_status) == ("paid", True, "completed")
    assert transactions(client, payout=sar.id) == [
        ("charge", 10_000, 390, 9_610), ("refund", -1_000, 0, -1_000), ("payout", -8_610, 0, -8_610),
    ]  # fmt: skip
    assert balances(client) == {"sar": (0, 0), "usd": (0, 0)}
    assert kinds(client, "payout.*") == [
        *["payout.created", "payout.reconciliation_completed"] * 2, "payout.paid", "payout.paid",
    ]  # fmt: skip
    day = sar.arrival_date
    assert client.v1.payouts.list(params={"arrival_date": {"gte": day + 1}}).data == []
    assert len(client.v1.payouts.list(params={"arrival_date": day}).data) == 2
    assert [one.id for one in client.v1.payouts.list(params={"status": "paid"}).data] == [made[1]["id"], made[0]["id"]]


def test_a_payout_that_fails_is_available_again(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    simulator.control("POST", "/money", {"payouts_end": "failed"})
    paid(client, payment_method="pm_card_bypassPending")
    payout = client.v1.payouts.create(params={"amount": 9_000, "currency": "sar"})
    assert balances(client) == {"sar": (610, 0)}
    simulator.control("POST", "/transitions/run")
    failed = client.v1.payouts.retrieve(payout.id)
    assert (failed.status, failed.failure_code) == ("failed", "account_closed")
    assert balances(client) == {"sar": (9_610, 0)}
    assert kinds(client, "payout.*") == ["payout.created", "payout.failed"]


def test_payouts_are_made_daily_when_switched_on(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    simulator.control("POST", "/money", {"automatic_payouts": True})
    paid(client)
    for _ in range(4):
        simulator.control("POST", "/clock", {"advance_seconds": 24 * 3600})
        time.sleep(0.05)
    give_up_at = time.monotonic() + 5
    while not client.v1.payouts.list().data:
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
    [payout] = client.v1.payouts.list().data
    assert (payout.amount, payout.automatic) == (9_610, True)


def test_a_hold_ends_after_a_week(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    intent = paid(client, capture_method="manual")
    assert intent.status == "requires_capture"
    simulator.control("POST", "/clock", {"advance_seconds": 7 * 24 * 3600 + 5})
    give_up_at = time.monotonic() + 5
    while (found := client.v1.payment_intents.retrieve(intent.id)).status != "canceled":
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    assert (found.cancellation_reason, found.amount_capturable) == ("automatic", 0)
    assert transactions(client) == []
    assert kinds(client, "charge.*") == ["charge.succeeded", "charge.refunded", "charge.expired"]


def test_an_endpoint_of_the_api_is_told_with_its_own_secret(
    client: stripe.StripeClient, receiver: WebhookReceiver, simulator: StripeSimulator
) -> None:
    simulator.control("DELETE", "/endpoints/we_configured")
    made = client.v1.webhook_endpoints.create(
        params={"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]}
    )
    intent = paid(client)
    [received] = receiver.wait_for(lambda all_: len(all_) == 1)
    event = received.event(str(made.secret))
    assert (event.type, event.data.object["id"]) == ("payment_intent.succeeded", intent.id)
    client.v1.webhook_endpoints.update(made.id, params={"disabled": True})
    paid(client)
    simulator.control("POST", "/reset")
    client.v1.webhook_endpoints.update(made.id, params={"disabled": False, "enabled_events": ["charge.succeeded"]})
    paid(client)
    assert receiver.wait_for(lambda all_: len(all_) == 2)[1].event(str(made.secret)).type == "charge.succeeded"
    client.v1.webhook_endpoints.delete(made.id)
    paid(client)
    time.sleep(0.1)
    assert len(receiver.received) == 2


def test_everything_is_there_after_a_kill(start: Callable[..., StripeSimulator]) -> None:
    simulator = start(None, "--settle-seconds", "3600")
    client = client_of(simulator.url, simulator.api_key)
    intent = paid(client)
    simulator.control("POST", "/disputes", {"charge": intent.latest_charge})
    simulator.control("POST", "/clock", {"advance_seconds": 3 * 24 * 3600})
    simulator.control("POST", "/money", {"payouts_end": "failed"})
    before = (transactions(client), balances(client), simulator.control("GET", "")["objects"])
    simulator.kill()
    simulator.restart()
    state = simulator.control("GET", "")
    assert (transactions(client), balances(client), state["objects"]) == before
    assert state["clock_shift_seconds"] == 3 * 24 * 3600
    assert state["money"]["payouts_end"] == "failed"


@pytest.mark.parametrize("path", ["/v1/checkout/sessions", "/v1/payouts", "/v1/refunds"])
@pytest.mark.parametrize(
    ("action", "left"), [("error_after", 1), ("cut_after", 1), ("error_before", 0), ("rate_limit", 0)]
)
def test_new_routes_go_wrong_like_the_old_ones(
    simulator: StripeSimulator, client: stripe.StripeClient, path: str, action: str, left: int
) -> None:
    intent = paid(client, payment_method="pm_card_bypassPending")
    price = {"currency": "sar", "unit_amount": 500, "product_data": {"name": "A"}}
    calls: dict[str, Callable[[], object]] = {
        "/v1/checkout/sessions": lambda: client.v1.checkout.sessions.create(
            params={
                "mode": "payment",
                "success_url": "https://example.com",
                "line_items": [{"price_data": price, "quantity": 1}],  # type: ignore[typeddict-item]  # a plain dict
            }
        ),
        "/v1/payouts": lambda: client.v1.payouts.create(params={"amount": 500, "currency": "sar"}),
        "/v1/refunds": lambda: client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 100}),
    }
    simulator.control("POST", "/faults", {"action": action, "path": path})
    with pytest.raises(stripe.StripeError):
        calls[path]()
    table = path.removeprefix("/v1/").replace("/", "_")
    assert simulator.control("GET", "")["objects"][table] == left
    calls[path]()
    assert simulator.control("GET", "")["objects"][table] == left + 1
