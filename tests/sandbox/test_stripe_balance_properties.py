"""Whatever happens to payments in whatever order, the lists of the API explain the balance to the minor unit."""

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sandbox.test_stripe_refund_properties import Api

from ais_sandbox.http import Request, Response

CURRENCIES = ("sar", "kwd", "jpy")
PAY = st.tuples(
    st.just("pay"),
    st.sampled_from(CURRENCIES),
    st.integers(100, 3_000),
    st.sampled_from(["pm_card_visa", "pm_card_bypassPending", "pm_card_refundFail", "pm_card_pendingRefund"]),
)
ONE = st.integers(0, 30)
OTHER = st.one_of(
    st.tuples(st.just("refund"), ONE, st.integers(1, 2_000)),
    st.tuples(st.just("dispute"), ONE, st.booleans()),
    st.tuples(st.just("end"), ONE, st.sampled_from(["win", "lose", "escalate"])),
    st.tuples(st.just("payout"), st.booleans()),
    st.tuples(st.just("manual payout"), st.sampled_from(CURRENCIES), st.integers(1, 3_000)),
    st.tuples(st.just("settle")),
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Api:
    return Api(tmp_path_factory.mktemp("balance"))


def control(api: Api, path: str, **body: object) -> tuple[int, Any]:
    reply = api.application.answer(Request("POST", f"/_sandbox{path}", "", {}, msgspec.json.encode(body)))
    assert isinstance(reply, Response)
    return reply.status, msgspec.json.decode(reply.body)


def listed(api: Api, resource: str, **filters: str) -> list[dict[str, Any]]:
    """Every object of a list, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        after = {"starting_after": found[-1]["id"]} if found else {}
        page = api.call("GET", f"/v1/{resource}", limit="7", **filters, **after)[1]
        found += page["data"]
        if not page["has_more"]:
            return found


def step(api: Api, kind: str, *given_: Any) -> None:
    if kind == "pay":
        currency, tens, card = given_
        intent = {"amount": str(tens * 10), "currency": currency, "allowed_payment_method_types[]": "card"}
        assert api.call("POST", "/v1/payment_intents", payment_method=card, confirm="true", **intent)[0] == 200
    elif kind == "settle":
        control(api, "/transitions/run")
    elif kind == "payout":
        assert control(api, "/payouts", with_pending=given_[0])[0] == 200
    elif kind == "manual payout":
        api.call("POST", "/v1/payouts", currency=given_[0], amount=str(given_[1] * 10))
    elif kind == "end":
        disputes = listed(api, "disputes")
        if disputes:
            control(api, f"/disputes/{disputes[given_[0] % len(disputes)]['id']}/{given_[1]}")
    else:
        charges = listed(api, "charges")
        if charges and kind == "refund":
            charge = charges[given_[0] % len(charges)]
            api.call("POST", "/v1/refunds", charge=charge["id"], amount=str(given_[1] * 10))
        elif charges:
            control(api, "/disputes", charge=charges[given_[0] % len(charges)]["id"], inquiry=given_[1])


def explained(api: Api) -> Counter[str]:
    """What the balance has to be by charges, refunds, disputes and payouts, each with its fee."""
    wanted: Counter[str] = Counter()
    for charge in listed(api, "charges"):
        fee = api.call("GET", f"/v1/balance_transactions/{charge['balance_transaction']}")[1]["fee"]
        wanted[charge["currency"]] += charge["amount_captured"] - fee
    for refund in listed(api, "refunds"):
        wanted[refund["currency"]] -= refund["amount"] if refund["status"] not in {"failed", "canceled"} else 0
    for dispute in listed(api, "disputes"):
        for transaction in dispute["balance_transactions"]:
            wanted[dispute["currency"]] += transaction["net"]
    for payout in listed(api, "payouts"):
        wanted[payout["currency"]] -= payout["amount"] if payout["status"] != "failed" else 0
    return wanted


@settings(max_examples=25)
@given(first=st.lists(PAY, min_size=1, max_size=4), steps=st.lists(st.one_of(PAY, OTHER), max_size=15))
def test_the_lists_explain_the_balance(api: Api, first: list[Any], steps: list[Any]) -> None:
    control(api, "/reset")
    for one in (*first, *steps):
        step(api, *one)
    transactions = listed(api, "balance_transactions")
    assert all(one["net"] == one["amount"] - one["fee"] for one in transactions)
    net: Counter[str] = Counter()
    for one in transactions:
        net[one["currency"]] += one["net"]
    balance = api.call("GET", "/v1/balance")[1]
    shown: Counter[str] = Counter()
    for share in (*balance["available"], *balance["pending"]):
        shown[share["currency"]] += share["amount"]
    assert shown == net == explained(api)
    carried: Counter[str] = Counter()
    for payout in listed(api, "payouts"):
        if payout["automatic"]:
            content = listed(api, "balance_transactions", payout=payout["id"])
            assert sum(one["net"] for one in content) == 0
            assert payout["balance_transaction"] in {one["id"] for one in content}
            carried.update(one["id"] for one in content)
    assert set(carried.values()) <= {1}
