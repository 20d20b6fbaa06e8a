"""POST /orders/{id}/payments and what the payer does then."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.factories.in_process import ADULT, bearer, new_key, order_id, payment_id

from ais.kit import encode_id, new_uuid
from ais.payments import repository


def minor(money):
    return int(money["amount"].replace(".", ""))


async def test_a_payment_asks_for_what_is_due(program):
    order = await program.order([ADULT, ADULT])
    before = datetime.now(UTC)
    answer = await program.post_payment(order)
    assert answer.status_code == 201
    payment = answer.json()
    intent = await program.intent(payment)
    assert {**payment, "id": "", "client_secret": "", "expires_at": ""} == {
        "id": "",
        "order_id": order["id"],
        "status": "requires_payment",
        "method": "card",
        "amount": order["total"],
        "provider": "stripe",
        "provider_payment_id": intent["id"],
        "client_secret": "",
        "checkout_url": None,
        "expires_at": "",
    }
    assert payment["client_secret"] == intent["client_secret"]
    assert (intent["amount"], intent["currency"]) == (minor(order["total"]), "sar")
    assert intent["metadata"] == {"payment_id": payment["id"], "order_id": order["id"]}
    expires = datetime.fromisoformat(payment["expires_at"])
    assert timedelta(minutes=15) <= expires - before < timedelta(minutes=15, seconds=10)


async def test_the_same_method_again_is_the_same_attempt(program):
    order = await program.order()
    first = await program.begin_payment(order)
    second = await program.begin_payment(order)
    assert second == first
    assert len(await program.intents_of(order)) == 1


async def test_an_attempt_that_is_being_processed_is_returned_too(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment, "pm_sandbox_processingSucceeds")
    await program.report(payment)
    again = await program.begin_payment(order)
    assert (again["id"], again["status"]) == (payment["id"], "processing")
    assert (await program.read(order))["payment_status"] == "processing"


async def test_a_replay_carries_the_client_secret_again(program):
    order, key = await program.order(), new_key()
    first = await program.post_payment(order, key)
    again = await program.post_payment(order, key)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json() == first.json()
    stored = await program.rows("SELECT convert_from(answer, 'UTF8') FROM idempotency_records WHERE key = $1", key)
    assert first.json()["client_secret"] not in stored[0]


async def test_a_payment_needs_a_key_and_the_orders_own_token(program):
    order, other = await program.order(), await program.order()
    path = f"/api/v1/orders/{order['id']}/payments"
    body = {"method": "card"}
    bare = await program.http.post(path, json=body, headers=bearer(order))
    assert (bare.status_code, bare.json()["error"]["code"]) == (400, "IDEMPOTENCY_KEY_REQUIRED")
    foreign = await program.http.post(path, json=body, headers={**bearer(other), "Idempotency-Key": new_key()})
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (404, "NOT_FOUND")
    nobody = await program.http.post(path, json=body, headers={"Idempotency-Key": new_key()})
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    gone = await program.http.post(
        path.replace(order["id"], encode_id("ord", new_uuid())),
        json=body,
        headers={**bearer(order), "Idempotency-Key": new_key()},
    )
    assert gone.status_code == 404
    assert await program.rows("SELECT id FROM payments WHERE order_id = $1", order_id(order)) == []


@pytest.mark.parametrize("body", [{"method": "cash"}, {"amount": "1.00"}, {"method": None}])
async def test_nobody_names_another_amount_or_method(program, body):
    order = await program.order()
    answer = await program.post_payment(order, **body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert await program.intents_of(order) == []


async def test_paying_confirms_and_issues(program):
    order = await program.order([ADULT, ADULT])
    payment = await program.pay(order)
    paid = await program.read(order)
    assert [paid[name] for name in ("status", "payment_status", "ticketing_status", "display_status")] == [
        "confirmed",
        "paid",
        "issued",
        "confirmed",
    ]
    assert paid["paid"] == order["total"]
    assert paid["balance_due"] == {"amount": "0.00", "currency": "SAR"}
    assert (paid["payment_required_by"], paid["available_actions"]) == (None, ["cancel"])
    assert len(paid["documents"]) == 2
    assert await program.hold_of(order) == "confirmed"
    assert await program.history(order, "order.status") == [
        (None, "reserved", "offer accepted"),
        ("reserved", "confirmed", "paid and ticketed"),
    ]
    assert await program.history(order, "order.payment_status") == [("unpaid", "paid", "paid")]
    assert await program.history(order, "order.ticketing_status") == [
        ("none", "issuing", "paid"),
        ("issuing", "issued", "documents issued"),
    ]
    assert await program.rows(
        "SELECT status, received_minor FROM payments WHERE id = $1", payment_id(payment)
    ) == [("succeeded", minor(order["total"]))]  # fmt: skip
    again = await program.post_payment(order)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "ORDER_CONFLICT")


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
    ],
)
async def test_a_declined_card_leaves_another_try_while_the_seats_are_held(program, method, code):
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment, method)
    await program.report(payment)
    declined = await program.read(order)
    assert [declined[name] for name in ("status", "payment_status", "display_status")] == [
        "reserved",
        "failed",
        "payment_failed",
    ]
    assert declined["available_actions"] == ["pay", "cancel"]
    assert await program.rows("SELECT status, failure_code FROM payments WHERE id = $1", payment_id(payment)) == [
        ("failed", code)
    ]
    again = await program.begin_payment(order)
    assert (again["id"], again["status"]) == (payment["id"], "failed")
    await program.confirm(payment)
    await program.report(payment)
    paid = await program.read(order)
    assert (paid["status"], paid["payment_status"]) == ("confirmed", "paid")
    moves = [move[:2] for move in await program.history(order, "order.payment_status")]
    assert moves == [("unpaid", "failed"), ("failed", "paid")]


async def authenticate(program, payment, outcome):
    program.simulator.control(
        "POST", f"/payment_intents/{payment['provider_payment_id']}/authenticate", {"outcome": outcome}
    )


async def test_a_step_of_authentication_is_waited_for(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment, "pm_card_authenticationRequired")
    await program.report(payment)
    assert (await program.read(order))["payment_status"] == "processing"
    assert (await program.begin_payment(order))["status"] == "requires_action"
    await authenticate(program, payment, "succeed")
    await program.report(payment)
    assert (await program.read(order))["status"] == "confirmed"


async def test_a_failed_authentication_is_a_decline(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment, "pm_card_authenticationRequired")
    await program.report(payment)
    await authenticate(program, payment, "fail")
    await program.report(payment)
    seen = await program.read(order)
    assert (seen["status"], seen["payment_status"]) == ("reserved", "failed")


@pytest.mark.parametrize(("method", "ends"), [("Succeeds", ("confirmed", "paid")), ("Fails", ("reserved", "failed"))])
async def test_a_bank_that_takes_its_time(program, method, ends):
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment, f"pm_sandbox_processing{method}")
    await program.report(payment)
    waiting = await program.read(order)
    assert (waiting["status"], waiting["payment_status"], waiting["display_status"]) == (
        "reserved",
        "processing",
        "pending",
    )
    program.simulator.control("POST", "/transitions/run")
    await program.report(payment)
    seen = await program.read(order)
    assert (seen["status"], seen["payment_status"]) == ends


async def test_starting_a_payment_extends_the_hold_once(program):
    order = await program.order()
    first_limit = datetime.fromisoformat(order["payment_required_by"])
    await program.rows(
        "UPDATE orders SET payment_required_by = payment_required_by - interval '10 minutes'"
        " WHERE id = $1 RETURNING id",
        order_id(order),
    )
    await program.begin_payment(order)
    extended = datetime.fromisoformat((await program.read(order))["payment_required_by"])
    assert first_limit < extended < first_limit + timedelta(seconds=30)
    (hold_end,) = await program.rows(
        "SELECT hold.expires_at FROM holds AS hold JOIN orders ON orders.hold_id = hold.id WHERE orders.id = $1",
        order_id(order),
    )
    assert hold_end - extended == timedelta(seconds=60)
    await asyncio.sleep(0.05)
    await program.begin_payment(order)
    assert datetime.fromisoformat((await program.read(order))["payment_required_by"]) == extended
    assert [to for _, to, _ in await program.history(order, "time_limit")] == [
        f"{extended:%Y-%m-%d %H:%M:%S.%f}".rstrip("0") + "+00"
    ]


async def test_paying_after_the_time_limit_is_refused(program):
    order = await program.order()
    await program.rows(
        "UPDATE orders SET payment_required_by = ais_now() WHERE id = $1 RETURNING id", order_id(order)
    )  # fmt: skip
    answer = await program.post_payment(order)
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "HOLD_EXPIRED")
    assert await program.intents_of(order) == []
    assert await program.rows("SELECT id FROM payments WHERE order_id = $1", order_id(order)) == []
    await program.expire(order)
    again = await program.post_payment(order)
    assert (again.status_code, again.json()["error"]["code"]) == (410, "HOLD_EXPIRED")


async def test_payments_started_in_parallel_are_one_attempt(program):
    order = await program.order()
    answers = await asyncio.gather(*(program.post_payment(order) for _ in range(6)))
    accepted = [answer.json() for answer in answers if answer.status_code == 201]
    assert accepted
    assert {answer.status_code for answer in answers} <= {201, 502}  # the provider refuses a key that is in use
    assert len({payment["id"] for payment in accepted}) == 1
    assert len({payment["provider_payment_id"] for payment in accepted}) == 1
    assert len(await program.intents_of(order)) == 1


async def test_without_looking_for_an_open_attempt_the_database_refuses_the_second(program, monkeypatch):
    """The control of the test above: with the look switched off the unique index is what is left."""

    async def none(*_: object) -> list[object]:
        return []

    order = await program.order()
    await program.begin_payment(order)
    monkeypatch.setattr(repository, "payments_of_order", none)
    answer = await program.post_payment(order)
    assert answer.status_code == 500
    assert len(await program.intents_of(order)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "error_before", "times": None},
        {"action": "error_after", "kept": "error"},
        {"action": "error_after", "kept": "answer", "times": 3},
        {"action": "cut_before", "times": 2},
        {"action": "cut_after", "times": 2},
        {"action": "hang_after", "seconds": 0.2, "times": 2},
        {"action": "rate_limit", "times": 3},
    ],
    ids=lambda fault: fault["action"] + fault.get("kept", ""),
)
async def test_trouble_at_the_provider_ends_in_one_attempt_under_the_same_key(program, fault):
    order, key = await program.order(), new_key()
    program.simulator.control("POST", "/faults", {"path": "/v1/payment_intents", **fault})
    first = await program.post_payment(order, key)
    if first.status_code != 201:
        error = first.json()["error"]
        assert (first.status_code, error["code"], error["retryable"]) in [
            (502, "PROVIDER_ERROR", True),
            (504, "PROVIDER_TIMEOUT", True),
        ]
        program.simulator.control("DELETE", "/faults")
    again = await program.post_payment(order, key)
    assert again.status_code == 201, again.text
    assert [intent["id"] for intent in await program.intents_of(order)] == [again.json()["provider_payment_id"]]
    assert await program.rows("SELECT status FROM payments WHERE order_id = $1", order_id(order)) == [
        "requires_payment"
    ]
    await program.confirm(again.json())
    await program.report(again.json())
    assert (await program.read(order))["status"] == "confirmed"
