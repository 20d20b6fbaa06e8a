"""What happens to a checkout session when a customer is at its page, or is not."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest
import stripe
from tests.factories.stripe_simulator import StripeSimulator, checkout_session
from tests.factories.webhook_receiver import WebhookReceiver


def create(client: stripe.StripeClient, **more: Any) -> stripe.checkout.Session:
    return client.v1.checkout.sessions.create(params=checkout_session(**more))  # type: ignore[arg-type]  # a plain dict


def complete(simulator: StripeSimulator, session_id: str, **body: Any) -> dict[str, Any]:
    outcome: dict[str, Any] = simulator.control("POST", f"/checkout_sessions/{session_id}/complete", body)
    return outcome


def told(receiver: WebhookReceiver, count: int) -> list[str]:
    received = receiver.wait_for(lambda all_: len(all_) >= count)
    return [one.event("whsec_ais_demo").type for one in received]


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def browse(url: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, str, str]:
    """Status, where the answer leads, and its text."""
    data = None if form is None else urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.build_opener(_StayHere).open(request, timeout=5) as response:
            return response.status, "", response.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers.get("Location", ""), answer.read().decode()


def test_a_paid_session_is_complete_and_its_intent_carries_our_metadata(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    session = create(
        client,
        client_reference_id="ord_1",
        metadata={"order": "ord_1"},
        payment_intent_data={"metadata": {"payment": "pay_1"}, "description": "Order ord_1"},
    )
    complete(simulator, session.id, payment_method="pm_card_visa", email="ali@example.com")
    paid = client.v1.checkout.sessions.retrieve(session.id, params={"expand": ["payment_intent.latest_charge"]})
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert paid.customer_details is not None
    assert paid.customer_details.email == "ali@example.com"
    intent: Any = paid.payment_intent
    assert (intent.status, intent.amount_received, intent.currency) == ("succeeded", 12_345, "sar")
    assert (intent.metadata.to_dict(), intent.description) == ({"payment": "pay_1"}, "Order ord_1")
    assert intent.latest_charge.metadata.to_dict() == {"payment": "pay_1"}
    assert client.v1.checkout.sessions.list(params={"payment_intent": intent.id}).data[0].id == session.id
    by_mail: Any = {"customer_details": {"email": "ali@example.com"}}
    assert [one.id for one in client.v1.checkout.sessions.list(params=by_mail).data] == [session.id]
    assert sorted(told(receiver, 5)) == [
        "charge.succeeded", "charge.updated", "checkout.session.completed", "payment_intent.created",
        "payment_intent.succeeded",
    ]  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
        client.v1.checkout.sessions.expire(session.id)
    with pytest.raises(urllib.error.HTTPError) as refusal:
        complete(simulator, session.id)
    assert refusal.value.code == 400
    assert len(client.v1.charges.list().data) == 1


def test_a_declined_attempt_leaves_the_session_open_for_another(
    simulator: StripeSimulator, client: stripe.StripeClient
) -> None:
    session = create(client)
    outcome = complete(simulator, session.id, payment_method="pm_card_visa_chargeDeclinedInsufficientFunds")
    assert outcome["payment_intent"]["last_payment_error"]["decline_code"] == "insufficient_funds"
    assert (outcome["session"]["status"], outcome["session"]["payment_status"]) == ("open", "unpaid")
    intent_id = outcome["session"]["payment_intent"]
    assert complete(simulator, session.id)["session"]["payment_intent"] == intent_id
    assert sorted(str(one.status) for one in client.v1.charges.list().data) == ["failed", "succeeded"]


def test_nobody_but_the_session_moves_its_intent(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    session = create(client)
    outcome = complete(simulator, session.id, payment_method="pm_card_visa_chargeDeclined")
    intent_id = outcome["payment_intent"]["id"]
    for call in (
        lambda: client.v1.payment_intents.confirm(intent_id, params={"payment_method": "pm_card_visa"}),
        lambda: client.v1.payment_intents.cancel(intent_id),
        lambda: client.v1.payment_intents.update(intent_id, params={"amount": 1000}),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=r"created by Checkout\. Try expiring"):
            call()
    assert client.v1.payment_intents.retrieve(intent_id).status == "requires_payment_method"
    client.v1.checkout.sessions.expire(session.id)
    canceled = client.v1.payment_intents.retrieve(intent_id)
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "expired")


@pytest.mark.parametrize(
    ("method", "payment_status", "event"),
    [
        ("pm_sandbox_processingSucceeds", "paid", "checkout.session.async_payment_succeeded"),
        ("pm_sandbox_processingFails", "unpaid", "checkout.session.async_payment_failed"),
    ],
)
def test_a_session_is_complete_before_a_slow_payment_is_known(
    simulator: StripeSimulator, client: stripe.StripeClient, method: str, payment_status: str, event: str
) -> None:
    simulator.control("POST", "/settings", {"settle_seconds": 3600})
    session = create(client)
    outcome = complete(simulator, session.id, payment_method=method)
    assert (outcome["session"]["status"], outcome["session"]["payment_status"]) == ("complete", "unpaid")
    assert simulator.control("POST", "/transitions/run") == {"done": 1}
    ended = client.v1.checkout.sessions.retrieve(session.id)
    assert (ended.status, ended.payment_status) == ("complete", payment_status)
    kinds = [one.type for one in client.v1.events.list(params={"type": "checkout.*"}).data]
    assert kinds == [event, "checkout.session.completed"]


def test_time_ends_an_open_session_and_no_other(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    left, paid = create(client, expires_at=int(time.time()) + 1860), create(client, expires_at=int(time.time()) + 1860)
    waiting = complete(simulator, left.id, payment_method="pm_card_threeDSecure2Required", authenticate=None)
    assert waiting["payment_intent"]["status"] == "requires_action"
    complete(simulator, paid.id)
    simulator.control("POST", "/transitions/run")
    simulator.control("POST", "/clock", {"advance_seconds": 1800})
    assert client.v1.checkout.sessions.retrieve(left.id).status == "open"
    simulator.control("POST", "/clock", {"advance_seconds": 120})
    received = receiver.wait_for(
        lambda all_: any(one.event("whsec_ais_demo").type == "checkout.session.expired" for one in all_)
    )
    told = [one.event("whsec_ais_demo") for one in received]
    (event,) = [each for each in told if each.type == "checkout.session.expired"]
    assert event.created >= left.expires_at
    assert client.v1.checkout.sessions.retrieve(left.id).status == "expired"
    assert client.v1.checkout.sessions.retrieve(paid.id).status == "complete"
    assert client.v1.payment_intents.retrieve(waiting["payment_intent"]["id"]).status == "canceled"
    with pytest.raises(urllib.error.HTTPError):
        complete(simulator, left.id)


def test_the_clock_goes_where_it_is_told_and_back(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    then = 1_900_000_000
    simulator.control("POST", "/clock", {"now": then})
    assert then <= client.v1.payment_intents.create(params={"amount": 500, "currency": "sar"}).created <= then + 5
    simulator.control("POST", "/reset")
    assert abs(create(client).created - time.time()) <= 5


def test_what_waits_for_a_pause_does_not_wait_longer_when_the_clock_goes_back(
    simulator: StripeSimulator, client: stripe.StripeClient, receiver: WebhookReceiver
) -> None:
    simulator.control("POST", "/webhooks", {"delay_seconds": 0.4})
    session = create(client, payment_intent_data={"metadata": {"payment": "pay_1"}})
    complete(simulator, session.id, payment_method="pm_sandbox_processingSucceeds")
    simulator.control("POST", "/clock", {"advance_seconds": -24 * 3600})
    # The signatures bear the former day, too: whoever checks their age refuses them.
    told = "checkout.session.async_payment_succeeded"
    received = receiver.wait_for(lambda all_: any(json.loads(one.body)["type"] == told for one in all_))
    assert json.loads(received[-1].body)["created"] < time.time() - 23 * 3600
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_the_page_pays_once_however_often_the_button_is_pressed(client: stripe.StripeClient) -> None:
    session = create(client)
    url = str(session.url)
    status, _, text = browse(url)
    assert (status, "123.45 SAR" in text, 'dir="ltr"' in text, "<script" in text) == (200, True, True, False)
    success = f"https://example.com/paid?session={session.id}"
    assert browse(url, {"payment_method": "pm_card_visa"})[:2] == (303, success)
    assert browse(url, {"payment_method": "pm_card_visa"})[:2] == (303, success)
    status, _, text = browse(url)
    assert (status, success in text, "<form" in text) == (200, True, False)
    assert len(client.v1.charges.list().data) == 1


def test_the_page_shows_why_nothing_was_paid(client: stripe.StripeClient) -> None:
    session = create(client)
    url = str(session.url)
    status, location, _ = browse(url, {"other": "pm_card_visa_chargeDeclinedExpiredCard"})
    assert (status, location) == (303, f"/c/pay/{session.id}?lang=en")
    assert "it has expired" in browse(url)[2]
    assert browse(url, {"payment_method": "pm_nothing"})[0] == 400
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"


@pytest.mark.parametrize(
    ("outcome", "leads_to"), [("succeed", "https://example.com/paid?session="), ("fail", "/c/pay/")]
)
def test_the_bank_sends_the_customer_back_to_the_page(client: stripe.StripeClient, outcome: str, leads_to: str) -> None:
    session = create(client)
    url = str(session.url)
    status, bank, _ = browse(url, {"payment_method": "pm_card_threeDSecure2Required"})
    assert (status, bank.startswith("/authenticate/pi_")) == (303, True)
    host = url.partition("/c/pay/")[0]
    status, back, _ = browse(host + bank, {"outcome": outcome})
    assert (status, back.startswith(f"{url}/return?lang=en&payment_intent=pi_")) == (303, True)
    status, location, text = browse(back)
    if outcome == "succeed":
        assert (status, location) == (303, leads_to + session.id)
    else:
        assert (status, "could not make sure that it is you" in text) == (200, True)


def test_the_page_speaks_the_readers_language(client: stripe.StripeClient) -> None:
    url = str(create(client).url)
    arabic = {"Accept-Language": "ar-SA,ar;q=0.9,en;q=0.8"}
    assert 'lang="ar" dir="rtl"' in browse(url, **arabic)[2]
    assert 'lang="en" dir="ltr"' in browse(f"{url}?lang=en", **arabic)[2]
    assert 'lang="ar" dir="rtl"' in browse(f"{url}?lang=ar")[2]
    assert 'lang="en" dir="ltr"' in browse(str(create(client, locale="en").url), **arabic)[2]


def test_the_page_of_an_expired_session_leads_back(client: stripe.StripeClient) -> None:
    session = create(client)
    client.v1.checkout.sessions.expire(session.id)
    status, _, text = browse(str(session.url))
    assert (status, "https://example.com/back" in text) == (410, True)
    assert browse(str(session.url), {"payment_method": "pm_card_visa"})[0] == 410
    assert client.v1.charges.list().data == []
    assert browse(str(session.url).replace("cs_test_a1", "cs_test_b2"))[0] == 404


def test_what_an_order_is_called_cannot_become_html(client: stripe.StripeClient) -> None:
    name = "<script>alert(1)</script>"
    price = {"currency": "sar", "unit_amount": 500, "product_data": {"name": name}}
    session = create(client, line_items=[{"price_data": price, "quantity": 1}], client_reference_id="<b>")
    text = browse(str(session.url))[2]
    assert ("<script" in text, "<b>&lt;" in text, "&lt;script&gt;" in text) == (False, False, True)
