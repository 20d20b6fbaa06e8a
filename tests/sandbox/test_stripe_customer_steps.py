"""What customers and banks do between confirmation and the end: 3-D Secure, and payments that take their time."""

import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
import stripe
from tests.factories.stripe_simulator import StripeSimulator, card_payment
from tests.factories.webhook_receiver import WebhookReceiver


def authenticating(client: stripe.StripeClient, card: str = "pm_card_authenticationRequired") -> stripe.PaymentIntent:
    params: Any = {
        "amount": 5000, "currency": "usd", "allowed_payment_method_types": ["card"], "payment_method": card,
        "confirm": True, "return_url": "https://example.com/back?order=1",
    }  # fmt: skip
    return client.v1.payment_intents.create(params=params)


def page_of(intent: stripe.PaymentIntent) -> str:
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    url = intent.next_action.redirect_to_url.url
    assert url is not None
    return url


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def press(url: str, outcome: str) -> tuple[int, str]:
    """Press a button on the page; status, and where the answer leads."""
    opener = urllib.request.build_opener(_StayHere)
    try:
        with opener.open(url, data=urllib.parse.urlencode({"outcome": outcome}).encode(), timeout=5) as response:
            return response.status, ""
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers.get("Location", "")


def test_the_page_of_the_bank_completes_the_payment(client: stripe.StripeClient) -> None:
    intent = authenticating(client)
    with urllib.request.urlopen(page_of(intent), timeout=5) as page:
        text = page.read().decode()
    assert "50.00 USD" in text
    assert "value='succeed'" in text
    status, location = press(page_of(intent), "succeed")
    assert status == 303
    parts = urllib.parse.urlsplit(location)
    assert (parts.netloc, parts.path) == ("example.com", "/back")
    assert dict(urllib.parse.parse_qsl(parts.query)) == {
        "order": "1",
        "payment_intent": intent.id,
        "payment_intent_client_secret": intent.client_secret,
        "redirect_status": "succeeded",
    }
    paid = client.v1.payment_intents.retrieve(intent.id, params={"expand": ["latest_charge"]})
    assert (paid.status, paid.next_action, paid.amount_received) == ("succeeded", None, 5000)
    assert isinstance(paid.latest_charge, stripe.Charge)
    assert paid.latest_charge.payment_method_details is not None
    assert paid.latest_charge.payment_method_details.card is not None
    three_d_secure = paid.latest_charge.payment_method_details.card.three_d_secure
    assert three_d_secure is not None
    assert three_d_secure.result == "authenticated"
    assert press(page_of(intent), "succeed")[0] == 400
    assert len(client.v1.charges.list(params={"payment_intent": intent.id}).data) == 1


def test_a_failed_authentication_takes_nothing(client: stripe.StripeClient, receiver: WebhookReceiver) -> None:
    intent = authenticating(client)
    status, location = press(page_of(intent), "fail")
    assert (status, "redirect_status=failed" in location) == (303, True)
    failed = client.v1.payment_intents.retrieve(intent.id)
    assert (failed.status, failed.payment_method, failed.latest_charge) == ("requires_payment_method", None, None)
    assert failed.last_payment_error is not None
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"
    received = receiver.wait_for(lambda all_: len(all_) == 3)
    assert sorted(one.event("whsec_ais_demo").type for one in received) == [
        "payment_intent.created", "payment_intent.payment_failed", "payment_intent.requires_action",
    ]  # fmt: skip


def test_tests_can_authenticate_without_a_page(simulator: StripeSimulator, client: stripe.StripeClient) -> None:
    params: Any = card_payment(confirm=True, payment_method="pm_card_threeDSecure2Required")
    intent = client.v1.payment_intents.create(params=params)
    assert intent.next_action is not None
    assert intent.next_action.type == "use_stripe_sdk"
    simulator.control("POST", f"/payment_intents/{intent.id}/authenticate", {"outcome": "succeed"})
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    with pytest.raises(urllib.error.HTTPError) as refusal:
        simulator.control("POST", f"/payment_intents/{intent.id}/authenticate", {"outcome": "succeed"})
    assert refusal.value.code == 400


def test_a_card_may_be_declined_after_authentication(client: stripe.StripeClient) -> None:
    intent = authenticating(client, "pm_card_threeDSecureRequiredChargeDeclined")
    _, location = press(page_of(intent), "succeed")
    assert "redirect_status=failed" in location
    declined = client.v1.payment_intents.retrieve(intent.id)
    assert declined.last_payment_error is not None
    assert (declined.status, declined.last_payment_error.code) == ("requires_payment_method", "card_declined")


def wait_for_status(client: stripe.StripeClient, intent_id: str, status: str) -> stripe.PaymentIntent:
    give_up_at = time.monotonic() + 5
    while True:
        intent = client.v1.payment_intents.retrieve(intent_id)
        if intent.status == status:
            return intent
        assert time.monotonic() < give_up_at, f"the intent stays {intent.status}"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("method", "currency", "end"),
    [
        ("pm_sandbox_processingSucceeds", "sar", "succeeded"),
        ("pm_sandbox_processingFails", "sar", "requires_payment_method"),
        ("pm_usBankAccount_success", "usd", "succeeded"),
        ("pm_usBankAccount_insufficientFunds", "usd", "requires_payment_method"),
    ],
)
def test_a_payment_may_take_its_time(
    client: stripe.StripeClient, receiver: WebhookReceiver, method: str, currency: str, end: str
) -> None:
    params: Any = card_payment(12_345, currency, confirm=True, payment_method=method)
    intent = client.v1.payment_intents.create(params=params)
    assert (intent.status, intent.amount_received) == ("processing", 0)
    charge = client.v1.charges.retrieve(str(intent.latest_charge))
    assert (charge.status, charge.paid) == ("pending", False)
    with pytest.raises(stripe.InvalidRequestError, match="status of processing"):
        client.v1.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa"})
    settled = wait_for_status(client, intent.id, end)
    assert settled.amount_received == (12_345 if end == "succeeded" else 0)
    assert client.v1.charges.retrieve(charge.id).status == ("succeeded" if end == "succeeded" else "failed")
    told = ["charge.succeeded", "charge.updated", "payment_intent.succeeded"]
    if end != "succeeded":
        told = ["charge.failed", "payment_intent.payment_failed"]
    received = receiver.wait_for(lambda all_: len(all_) == 3 + len(told))
    assert sorted(one.event("whsec_ais_demo").type for one in received) == sorted(
        ["payment_intent.created", "charge.pending", "payment_intent.processing", *told]
    )


def test_what_processes_for_ever_can_be_canceled_only_at_a_bank(client: stripe.StripeClient) -> None:
    bank: Any = card_payment(5000, "usd", confirm=True, payment_method="pm_usBankAccount_processing")
    intent = client.v1.payment_intents.create(params=bank)
    assert client.v1.payment_intents.cancel(intent.id).status == "canceled"
    card: Any = card_payment(5000, "sar", confirm=True, payment_method="pm_sandbox_processingForever")
    intent = client.v1.payment_intents.create(params=card)
    with pytest.raises(stripe.InvalidRequestError, match="status of processing"):
        client.v1.payment_intents.cancel(intent.id)
    assert client.v1.payment_intents.retrieve(intent.id).status == "processing"


def test_tests_need_not_wait(start: Callable[..., StripeSimulator]) -> None:
    simulator = start(None, "--settle-seconds", "3600")
    client = stripe.StripeClient(simulator.api_key, base_addresses={"api": simulator.url})
    params: Any = card_payment(confirm=True, payment_method="pm_sandbox_processingSucceeds")
    intent = client.v1.payment_intents.create(params=params)
    assert intent.status == "processing"
    assert simulator.control("POST", "/transitions/run") == {"done": 1}
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_phone_pays_with_the_publishable_key_and_the_client_secret(
    simulator: StripeSimulator, client: stripe.StripeClient
) -> None:
    created = client.v1.payment_intents.create(params=card_payment(metadata={"order": "secret to the phone"}))
    phone = stripe.StripeClient("pk_test_ais_demo", base_addresses={"api": simulator.url})
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
        phone.v1.payment_intents.retrieve(created.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
        phone.v1.payment_intents.confirm(created.id, params={"payment_method": "pm_card_visa"})
    with pytest.raises(stripe.AuthenticationError, match="publishable"):
        phone.v1.payment_intents.list()
    params: Any = {"client_secret": created.client_secret, "payment_method": "pm_card_visa"}
    confirmed = phone.v1.payment_intents.confirm(created.id, params=params)
    assert confirmed.status == "succeeded"
    assert "metadata" not in confirmed
    assert "latest_charge" not in confirmed
