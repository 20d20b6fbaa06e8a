"""The hosted page: opened by the real SDK, paid by a person at the provider, ended before seats go back."""

import asyncio

import pytest
from tests.factories.in_process import bearer, in_process, new_key, order_id, payment_id
from tests.orders.test_settling import close_flight, settle, states

from ais.kit import ValidationFailed
from ais.orders import LinkRules


async def attempts(program, order):
    return await program.rows(
        "SELECT method, status FROM payments WHERE order_id = $1 ORDER BY created_at", order_id(order)
    )


async def test_a_page_is_opened_for_what_is_due_and_lives_as_long_as_stripe_demands(program):
    order = await program.order()
    payment = await program.begin_checkout(order)
    session = await program.session(payment)
    assert (payment["method"], payment["provider"], payment["client_secret"]) == ("checkout", "stripe", None)
    assert payment["checkout_url"] == session["url"]
    assert (payment["amount"], payment["status"]) == (order["total"], "requires_payment")
    assert (session["amount_total"], session["currency"]) == (int(order["total"]["amount"].replace(".", "")), "sar")
    assert session["metadata"] == {"payment_id": payment["id"], "order_id": order["id"]}
    assert session["client_reference_id"] == payment["id"]
    assert session["expires_at"] - session["created"] >= 30 * 60
    assert session["allow_promotion_codes"] in {None, False}
    assert session["success_url"] == f"http://127.0.0.1:8000/orders/{order['id']}?payment=done"
    assert session["cancel_url"] == f"http://127.0.0.1:8000/orders/{order['id']}?payment=cancelled"


async def test_paid_on_the_page_the_order_is_confirmed(program):
    order = await program.order()
    payment = await program.begin_checkout(order)
    program.complete(payment)
    await program.report(payment)
    seen = await program.read(order)
    assert (states(seen), seen["paid"]) == (("confirmed", "paid", "issued"), order["total"])
    session = await program.session(payment)
    assert await program.rows("SELECT provider_capture_id FROM payments WHERE id = $1", payment_id(payment)) == [
        session["payment_intent"]
    ]


async def test_the_intent_of_a_page_carries_our_reference_too(program):
    """What is told of the intent or its charge alone finds the payment."""
    order = await program.order()
    payment = await program.begin_checkout(order)
    program.complete(payment)
    (event,) = await program.events_of(payment, "payment_intent.succeeded")
    assert event["data"]["object"]["metadata"]["payment_id"] == payment["id"]
    assert (await program.deliver(event)).status_code == 200
    await program.run_jobs()
    assert (await program.read(order))["status"] == "confirmed"


async def test_a_declined_card_leaves_the_page_open_for_another(program):
    order = await program.order()
    payment = await program.begin_checkout(order)
    program.complete(payment, "pm_card_chargeDeclined")
    await program.report(payment)
    assert (await program.read(order))["payment_status"] == "failed"
    again = await program.begin_checkout(order)
    assert (again["id"], again["checkout_url"]) == (payment["id"], payment["checkout_url"])
    program.complete(again)
    await program.report(again)
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")


async def test_a_bank_that_takes_its_time_and_says_yes(program):
    order = await program.order()
    payment = await program.begin_checkout(order)
    program.complete(payment, "pm_sandbox_processingSucceeds")
    await program.report(payment)
    assert states(await program.read(order)) == ("reserved", "processing", "none")
    program.simulator.control("POST", "/transitions/run")
    await program.report(payment)
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")


async def test_a_bank_that_takes_its_time_and_says_no_ends_the_page(program):
    order = await program.order()
    payment = await program.begin_checkout(order)
    program.complete(payment, "pm_sandbox_processingFails")
    await program.report(payment)
    program.simulator.control("POST", "/transitions/run")
    await program.report(payment)
    assert states(await program.read(order)) == ("reserved", "failed", "none")
    assert await attempts(program, order) == [("checkout", "cancelled")]
    another = await program.begin_checkout(order)
    assert another["id"] != payment["id"]


async def test_the_time_limit_ends_the_page_before_the_seats_go_back(own_program):
    order = await own_program.order()
    payment = await own_program.begin_checkout(order)
    async with own_program.later(minutes=15.2) as late:
        await late.expire(order)
        assert (await late.session(payment))["status"] == "expired"
        assert states(await late.read(order)) == ("expired", "unpaid", "none")
        assert await attempts(late, order) == [("checkout", "cancelled")]
        assert await late.hold_of(order) == "released"


async def test_at_the_time_limit_a_page_that_was_paid_already_confirms_the_order(own_program):
    order = await own_program.order()
    payment = await own_program.begin_checkout(order)
    own_program.complete(payment)
    async with own_program.later(minutes=15.2) as late:
        await late.expire(order)
        assert states(await late.read(order)) == ("confirmed", "paid", "issued")


async def test_paid_between_our_look_and_our_end_it_counts_as_paid(own_program, monkeypatch):
    """The provider refuses to end a session that has just been completed: it is settled as paid."""
    order = await own_program.order()
    payment = await own_program.begin_checkout(order)
    gateway = own_program.gateways.of("stripe")
    ended = gateway.cancel

    async def paid_first(identifier):
        own_program.complete(payment)
        return await ended(identifier)

    monkeypatch.setattr(gateway, "cancel", paid_first)
    async with own_program.later(minutes=15.2) as late:
        await late.expire(order)
        assert states(await late.read(order)) == ("confirmed", "paid", "issued")


async def test_money_of_a_page_goes_back_when_the_seats_are_gone(own_program):
    order = await own_program.order()
    payment = await own_program.begin_checkout(order)
    own_program.complete(payment)
    async with own_program.later(minutes=17) as late:
        await close_flight(late, order)
        await settle(late, payment)
        await late.run_jobs()
        assert states(await late.read(order)) == ("expired", "refunded", "none")
        intent = (await late.session(payment))["payment_intent"]
        assert [found["amount"] for found in await late.refunds_of({"provider_payment_id": intent})] == [
            int(order["total"]["amount"].replace(".", ""))
        ]


@pytest.mark.parametrize(("first", "second"), [("card", "checkout"), ("checkout", "card")])
async def test_another_method_closes_the_open_attempt_at_the_provider_first(program, first, second):
    order = await program.order()
    old = (await program.post_payment(order, method=first)).json()
    answer = await program.post_payment(order, method=second)
    assert answer.status_code == 201, answer.text
    assert answer.json()["id"] != old["id"]
    assert await attempts(program, order) == [(first, "cancelled"), (second, "requires_payment")]
    at_provider = await (program.intent if first == "card" else program.session)(old)
    assert at_provider["status"] == ("canceled" if first == "card" else "expired")


async def test_another_method_after_the_page_was_paid_finds_nothing_due(program):
    order = await program.order()
    page = await program.begin_checkout(order)
    program.complete(page)
    answer = await program.post_payment(order, method="card")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ORDER_CONFLICT")
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")
    assert await attempts(program, order) == [("checkout", "succeeded")]


async def test_another_method_while_the_bank_decides_is_refused_and_changes_nothing(program):
    order = await program.order()
    page = await program.begin_checkout(order)
    program.complete(page, "pm_sandbox_processingForever")
    answer = await program.post_payment(order, method="card")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "PAYMENT_PROCESSING")
    assert await attempts(program, order) == [("checkout", "processing")]


async def test_methods_that_race_leave_one_open_attempt(program):
    order = await program.order()
    answers = await asyncio.gather(*(program.post_payment(order, method=method) for method in ("card", "checkout") * 3))
    assert {answer.status_code for answer in answers} <= {201, 409}
    open_ones = [status for _, status in await attempts(program, order) if status == "requires_payment"]
    assert len(open_ones) == 1
    payable = [intent for intent in await program.intents_of(order) if intent["status"] != "canceled"]
    sessions = (await program.provider.get("/v1/checkout/sessions", params={"limit": 100})).json()["data"]
    payable += [each for each in sessions if each["metadata"]["order_id"] == order["id"] and each["status"] == "open"]
    assert len(payable) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "error_before", "times": None},
        {"action": "error_after", "kept": "error"},
        {"action": "cut_after", "times": 2},
        {"action": "hang_after", "seconds": 0.2, "times": 2},
        {"action": "rate_limit", "times": 3},
    ],
    ids=lambda fault: fault["action"],
)
async def test_trouble_while_a_page_is_opened_ends_in_one_page(program, fault):
    order, key = await program.order(), new_key()
    program.simulator.control("POST", "/faults", {"path": "/v1/checkout/sessions", "method": "POST", **fault})
    first = await program.post_payment(order, key, method="checkout")
    program.simulator.control("DELETE", "/faults")
    again = await program.post_payment(order, key, method="checkout")
    assert (first.status_code in {201, 502, 504}, again.status_code) == (True, 201), again.text
    sessions = (await program.provider.get("/v1/checkout/sessions", params={"limit": 100})).json()["data"]
    assert [each["id"] for each in sessions if each["metadata"]["order_id"] == order["id"]] == [
        again.json()["provider_payment_id"]
    ]


async def test_a_replayed_answer_has_the_page_that_is_there_now(program):
    order, key = await program.order(), new_key()
    first = await program.post_payment(order, key, method="checkout")
    again = await program.post_payment(order, key, method="checkout")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.json() == again.json()
    stored = await program.rows("SELECT answer FROM idempotency_records WHERE key = $1", key)
    assert b'checkout_url":null' in stored[0]


async def test_people_are_sent_back_to_allowed_hosts_only(servers, market, simulator):
    settings = {"public_url": "https://fly.example", "allowed_hosts": "ais.test", "return_hosts": "app.example"}
    with servers.database(market) as url:
        async with in_process(url, servers.cache_url(), simulator, **settings) as program:
            order = await program.order()
            for field in ("return_url", "cancel_url"):
                refused = await program.post_payment(order, method="checkout", **{field: "https://evil.example/"})
                assert refused.status_code == 422
                assert refused.json()["error"]["details"]["fields"] == [
                    {"path": field, "reason": "is not an address on an allowed host"}
                ]
            assert await attempts(program, order) == []
            payment = await program.begin_checkout(
                order, return_url="https://app.example/done?x=1", cancel_url="https://fly.example/orders"
            )
            session = await program.session(payment)
            assert (session["success_url"], session["cancel_url"]) == (
                "https://app.example/done?x=1",
                "https://fly.example/orders",
            )
            refused = await program.post_payment(order, method="card", return_url="https://fly.example/")
            assert refused.status_code == 422


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://fly.example/orders/1", True),
        ("https://fly.example:8443/", False),
        ("http://fly.example/", False),
        ("https://app.example/x", True),
        ("https://app.example:9000/x", True),
        ("http://app.example/x", False),
        ("http://localhost:3000/", True),
        ("https://evil.example/", False),
        ("https://app.example.evil.example/", False),
        ("https://app.example@evil.example/", False),
        ("https://evil.example\\@app.example/", False),
        ("https://evil.example#@app.example/", False),
        ("//evil.example/", False),
        ("/orders/1", False),
        ("javascript:alert(1)//app.example", False),
        ("https://app.example/\nX: y", False),
        ("https://", False),
        ("https://[app.example/", False),
        ("https://app.example:port/", False),
        ("https://\u0430pp.example/", False),
        ("https://app.example/" + "x" * 2000, False),
    ],
)
def test_which_addresses_are_allowed(url, allowed):
    rules = LinkRules("https://fly.example", frozenset({"app.example", "localhost"}))
    assert rules.allows(url) is allowed
    if not allowed:
        with pytest.raises(ValidationFailed):
            rules.links("ord_1", url, None)


async def test_nobody_names_an_amount(program):
    order = await program.order()
    for field in ("amount", "currency", "status", "provider", "funding_id"):
        refused = await program.http.post(
            f"/api/v1/orders/{order['id']}/payments",
            json={"method": "checkout", field: "1"},
            headers={**bearer(order), "Idempotency-Key": new_key()},
        )
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert await attempts(program, order) == []
