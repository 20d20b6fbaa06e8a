"""Checkout sessions as Stripe has them, through the real SDK. Runs against Stripe's test mode as well.

At Stripe nothing but a browser can pay a session: the tests with a `customer` are skipped there.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe
from tests.factories.stripe_simulator import checkout_session


def create(client: stripe.StripeClient, **more: Any) -> stripe.checkout.Session:
    return client.v1.checkout.sessions.create(params=checkout_session(**more))  # type: ignore[arg-type]  # a plain dict


def test_a_new_session_waits_for_the_customer(contract_client: stripe.StripeClient) -> None:
    item = {
        "price_data": {"currency": "sar", "unit_amount": 10_050, "product_data": {"name": "RUH - JED"}},
        "quantity": 2,
    }
    bag = {"price_data": {"currency": "sar", "unit_amount": 7_500, "product_data": {"name": "Bag"}}, "quantity": 1}
    session = create(
        contract_client,
        line_items=[item, bag],
        client_reference_id="ord_1",
        customer_email="ali@example.com",
        locale="en",
        metadata={"order": "ord_1"},
        payment_intent_data={"metadata": {"payment": "pay_1"}, "description": "Order ord_1"},
    )
    assert session.id.startswith("cs_test_")
    assert (session.object, session.mode, session.ui_mode) == ("checkout.session", "payment", "hosted_page")
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert (session.amount_subtotal, session.amount_total, session.currency) == (27_600, 27_600, "sar")
    assert (session.client_reference_id, session.customer_email, session.locale) == ("ord_1", "ali@example.com", "en")
    assert session.metadata is not None
    assert session.metadata.to_dict() == {"order": "ord_1"}
    assert session.success_url == "https://example.com/paid?session={CHECKOUT_SESSION_ID}"
    assert session.cancel_url == "https://example.com/back"
    assert session.expires_at == session.created + 24 * 3600
    assert session.url is not None
    assert session.url.startswith("http")
    assert "card" in session.payment_method_types
    assert "line_items" not in session
    found = contract_client.v1.checkout.sessions.retrieve(session.id, params={"expand": ["line_items"]})
    assert found.line_items is not None
    assert {(one.description, one.quantity, one.amount_total) for one in found.line_items.data} == {
        ("RUH - JED", 2, 20_100),
        ("Bag", 1, 7_500),
    }
    listed = contract_client.v1.checkout.sessions.line_items.list(session.id, params={"limit": 1})
    assert (len(listed.data), listed.has_more) == (1, True)


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (29 * 60, "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."),
        (25 * 3600, "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."),
    ],
)
def test_a_session_lives_from_thirty_minutes_to_a_day(
    contract_client: stripe.StripeClient, seconds: int, message: str
) -> None:
    before = int(time.time())
    reference = f"ref-{seconds}-{before}"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        create(contract_client, expires_at=before + seconds, client_reference_id=reference)
    assert (refusal.value.http_status, refusal.value.param) == (400, "expires_at")
    assert refusal.value.user_message == message
    recent = contract_client.v1.checkout.sessions.list(params={"created": {"gte": before}, "limit": 100})
    assert reference not in {one.client_reference_id for one in recent.data}
    session = create(contract_client, expires_at=before + 31 * 60)
    assert session.expires_at == before + 31 * 60


@pytest.mark.parametrize(
    ("more", "param", "code"),
    [
        ({"locale": "ar"}, "locale", None),
        ({"success_url": "somewhere"}, "success_url", "url_invalid"),
        ({"customer_email": "nobody"}, "customer_email", "email_invalid"),
        ({"colour": "red"}, "colour", "parameter_unknown"),
        ({"amount": 1}, None, "amount_too_small"),
        ({"payment_method_types": ["card"]}, None, None),
    ],
)
def test_a_session_that_makes_no_sense_is_refused(
    contract_client: stripe.StripeClient, more: dict[str, Any], param: str | None, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        create(contract_client, **more)
    assert refusal.value.http_status == 400
    assert param is None or refusal.value.param == param
    assert code is None or refusal.value.code == code


def test_only_an_open_session_expires(contract_client: stripe.StripeClient) -> None:
    session = create(contract_client)
    expired = contract_client.v1.checkout.sessions.expire(session.id)
    assert (expired.status, expired.payment_status, expired.url) == ("expired", "unpaid", None)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        contract_client.v1.checkout.sessions.expire(session.id)
    assert refusal.value.http_status == 400
    assert refusal.value.user_message == (
        'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
        "`expired`."
    )
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        contract_client.v1.checkout.sessions.expire("cs_test_none")
    assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")
    events = contract_client.v1.events.list(params={"type": "checkout.session.expired", "limit": 20})
    assert [one.data.object["id"] for one in events.data].count(session.id) == 1


def test_sessions_are_listed_by_what_they_are(contract_client: stripe.StripeClient) -> None:
    before = int(time.time())
    first, second = create(contract_client), create(contract_client)
    contract_client.v1.checkout.sessions.expire(first.id)
    sessions = contract_client.v1.checkout.sessions
    open_ones = sessions.list(params={"status": "open", "created": {"gte": before}, "limit": 100})
    expired = sessions.list(params={"status": "expired", "created": {"gte": before}, "limit": 100})
    assert second.id in {one.id for one in open_ones.data}
    assert first.id not in {one.id for one in open_ones.data}
    assert first.id in {one.id for one in expired.data}
    page = sessions.list(params={"limit": 1, "starting_after": second.id})
    assert page.data[0].id == first.id


def test_only_metadata_of_a_session_changes(contract_client: stripe.StripeClient) -> None:
    session = create(contract_client, metadata={"a": "1"})
    changed = contract_client.v1.checkout.sessions.update(session.id, params={"metadata": {"b": "2"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"a": "1", "b": "2"}


def test_a_key_makes_one_session(contract_client: stripe.StripeClient) -> None:
    key: Any = {"idempotency_key": f"session-{time.time_ns()}"}
    params: Any = checkout_session()
    first = contract_client.v1.checkout.sessions.create(params=params, options=key)
    again = contract_client.v1.checkout.sessions.create(params=params, options=key)
    assert (again.id, again.url) == (first.id, first.url)


def test_a_session_is_complete_once_it_is_paid(
    contract_client: stripe.StripeClient, customer: Callable[..., None]
) -> None:
    session = create(contract_client, payment_intent_data={"metadata": {"payment": "pay_1"}})
    customer(session.id, "pm_card_visa_chargeDeclined")
    declined = contract_client.v1.checkout.sessions.retrieve(session.id)
    assert (declined.status, declined.payment_status) == ("open", "unpaid")
    customer(session.id, "pm_card_visa")
    paid = contract_client.v1.checkout.sessions.retrieve(session.id, params={"expand": ["payment_intent"]})
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert isinstance(paid.payment_intent, stripe.PaymentIntent)
    assert (paid.payment_intent.status, paid.payment_intent.amount_received) == ("succeeded", 12_345)
    assert paid.payment_intent.metadata.to_dict() == {"payment": "pay_1"}
    found = contract_client.v1.checkout.sessions.list(params={"payment_intent": paid.payment_intent.id})
    assert [one.id for one in found.data] == [session.id]
    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
        contract_client.v1.checkout.sessions.expire(session.id)
    with pytest.raises(stripe.InvalidRequestError, match="created by Checkout"):
        contract_client.v1.payment_intents.cancel(paid.payment_intent.id)
