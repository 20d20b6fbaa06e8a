"""Whatever is refunded in whatever order, a charge gives back what it took and no more."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ais_sandbox.http import Request, Response
from ais_sandbox.storage import Storage
from ais_sandbox.stripe.server import Application, Settings
from ais_sandbox.stripe.switches import WebhookSwitches


class Api:
    """The simulator without a network: requests in, decoded answers out."""

    def __init__(self, directory: Path) -> None:
        options = Settings("127.0.0.1", 0, directory, "sk_test_x", "whsec_x", None, WebhookSwitches(), 0.0)
        self.application = Application(options, Storage(directory, "stripe.sqlite3"))

    def call(self, method: str, path: str, **parameters: str) -> tuple[int, dict[str, Any]]:
        form = urlencode(parameters)
        query, body = (form, b"") if method == "GET" else ("", form.encode())
        reply = self.application.answer(Request(method, path, query, {"authorization": "Bearer sk_test_x"}, body))
        assert isinstance(reply, Response)
        return reply.status, msgspec.json.decode(reply.body)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Api:
    return Api(tmp_path_factory.mktemp("properties"))


CARDS = st.sampled_from(["pm_card_visa", "pm_card_pendingRefund", "pm_card_refundFail"])
STEPS = st.lists(st.one_of(st.integers(1, 4_000), st.just("rest"), st.just("settle")), max_size=12)


@settings(max_examples=60)
@given(card=CARDS, tens=st.integers(200, 3_000), steps=STEPS, currency=st.sampled_from(["usd", "sar", "kwd", "jpy"]))
def test_refunds_never_exceed_the_charge(api: Api, card: str, tens: int, steps: list[Any], currency: str) -> None:
    amount = tens * 10
    intent = {"amount": str(amount), "currency": currency, "allowed_payment_method_types[]": "card", "confirm": "true"}
    status, paid = api.call("POST", "/v1/payment_intents", payment_method=card, **intent)
    assert (status, paid["status"]) == (200, "succeeded")
    for step in steps:
        if step == "settle":
            with api.application.account.storage.transaction():
                api.application.background.run_transitions(None)
            continue
        left = amount - given_back(api, paid["id"])
        wanted = {} if step == "rest" else {"amount": str(step)}
        sum_ = left if step == "rest" else step
        status, answer = api.call("POST", "/v1/refunds", payment_intent=paid["id"], **wanted)
        allowed = 0 < sum_ <= left and (currency != "kwd" or sum_ % 10 == 0)
        assert status == (200 if allowed else 400), answer
        if allowed:
            assert answer["amount"] == sum_
        assert given_back(api, paid["id"]) == amount - left + (sum_ if allowed else 0)
    charge = api.call("GET", f"/v1/charges/{paid['latest_charge']}")[1]
    assert charge["amount_refunded"] == given_back(api, paid["id"]) <= amount
    assert charge["refunded"] is (charge["amount_refunded"] == amount)


def given_back(api: Api, intent_id: str) -> int:
    """The sum of the refunds that did not fail, from the list of refunds alone."""
    listed = api.call("GET", "/v1/refunds", payment_intent=intent_id, limit="100")[1]
    assert listed["has_more"] is False
    return sum(refund["amount"] for refund in listed["data"] if refund["status"] != "failed")
