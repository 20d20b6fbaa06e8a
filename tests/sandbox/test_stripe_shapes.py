"""Every object has the members that the SDK's own classes declare for it, and no others."""

from pathlib import Path
from typing import Any, get_args

import pytest
import stripe
from tests.factories.stripe_simulator import checkout_session
from tests.sandbox.test_stripe_balance_properties import control, listed
from tests.sandbox.test_stripe_refund_properties import Api

from ais_sandbox.stripe.account import API_VERSION

# Stripe's answers carry it although the SDK no longer declares it.
UNDECLARED = {("charge", "dispute")}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[type, dict[str, Any]]]:
    """One of each, after a life that touched all of them."""
    api = Api(Path(tmp_path_factory.mktemp("shapes")))
    form = {name: value for name, value in checkout_session().items() if isinstance(value, str)}
    item = "line_items[0]"
    form |= {f"{item}[quantity]": "1", f"{item}[price_data][currency]": "usd"}
    form |= {f"{item}[price_data][unit_amount]": "90000", f"{item}[price_data][product_data][name]": "A"}
    session = api.call("POST", "/v1/checkout/sessions", **form)[1]
    control(api, f"/checkout_sessions/{session['id']}/complete", payment_method="pm_card_bypassPending")
    session = api.call("GET", f"/v1/checkout/sessions/{session['id']}")[1]
    intent = api.call("GET", f"/v1/payment_intents/{session['payment_intent']}")[1]
    refund = api.call("POST", "/v1/refunds", payment_intent=intent["id"], amount="100")[1]
    payout = api.call("POST", "/v1/payouts", amount="500", currency="usd")[1]
    dispute = control(api, "/disputes", charge=intent["latest_charge"])[1]
    line_item = listed(api, f"checkout/sessions/{session['id']}/line_items")[0]
    endpoint = api.call("POST", "/v1/webhook_endpoints", url="https://example.com", **{"enabled_events[]": "*"})[1]
    return {
        "session": (stripe.checkout.Session, session),
        "payment intent": (stripe.PaymentIntent, intent),
        "charge": (stripe.Charge, api.call("GET", f"/v1/charges/{intent['latest_charge']}")[1]),
        "refund": (stripe.Refund, refund),
        "dispute": (stripe.Dispute, dispute),
        "payout": (stripe.Payout, payout),
        "balance": (stripe.Balance, api.call("GET", "/v1/balance")[1]),
        "balance transaction": (stripe.BalanceTransaction, listed(api, "balance_transactions")[0]),
        "line item": (stripe.LineItem, line_item),
        "price": (stripe.Price, line_item["price"]),
        "payment method": (
            stripe.PaymentMethod,
            api.call("GET", f"/v1/payment_methods/{intent['payment_method']}")[1],
        ),
        "endpoint": (stripe.WebhookEndpoint, endpoint),
        "event": (stripe.Event, listed(api, "events")[0]),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("session", "payment intent", "charge", "refund", "dispute", "payout", "balance", "balance transaction"),
        *("line item", "price", "payment method", "endpoint", "event"),
    ],
)
def test_an_object_has_the_members_that_the_sdk_declares(
    objects: dict[str, tuple[type, dict[str, Any]]], name: str
) -> None:
    class_, document = objects[name]
    declared = {member: kind for member, kind in class_.__annotations__.items() if member[0].islower()}
    needed = {member for member, kind in declared.items() if type(None) not in get_args(kind)}
    assert needed <= set(document)
    unknown = {(document["object"], member) for member in set(document) - set(declared)}
    assert unknown <= UNDECLARED


def test_the_version_is_that_of_the_sdk() -> None:
    assert stripe.api_version == API_VERSION
