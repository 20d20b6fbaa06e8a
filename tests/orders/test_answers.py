"""Stored answers: a request that is repeated has one effect and one answer."""

import asyncio
from datetime import timedelta

import pytest
from msgspec import structs
from tests.factories.in_process import ADULT, departure, new_key, order_id

from ais.orders.service import create
from ais.platform.idempotency import IdempotencyInProgress


def without_token(order):
    return {name: value for name, value in order.items() if name != "guest_token"}


async def orders_and_seats(program):
    (counts,) = await program.rows(
        "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM holds), (SELECT sum(held + sold) FROM leg_cabins)"
    )
    return counts


async def test_a_replay_gives_the_stored_answer_and_a_fresh_token(program):
    offer, key = await program.offer([ADULT, ADULT]), new_key()
    first = await program.post_order(offer, key=key)
    order = first.json()
    await program.pay(order)
    before = await orders_and_seats(program)
    again = await program.post_order(offer, key=key)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert without_token(again.json()) == without_token(order)
    assert (await program.read(again.json()))["status"] == "confirmed"
    assert await orders_and_seats(program) == before


async def test_tokens_are_not_stored_and_answers_that_name_persons_are_sealed(program):
    order = await program.order()
    await program.begin_payment(order)
    stored = await program.rows("SELECT answer, person_id FROM idempotency_records WHERE answer IS NOT NULL")
    assert {person is None for _, person in stored} == {True, False}
    for answer, _ in stored:
        assert not [word for word in (b"gst_", b"_secret_", b"sara@example.com", b"Al-Harbi") if word in answer]
    assert order["guest_token"].startswith("gst_")


async def test_members_in_another_order_are_the_same_body(program):
    offer, key = await program.offer(), new_key()
    people = program.people(offer)
    first = await program.post_order(offer, people, key=key)
    turned = [dict(reversed(person.items())) for person in people]
    again = await program.post_order(offer, turned, key=key)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]


async def test_another_body_under_the_key_is_refused_and_takes_no_seats(program):
    offer, key = await program.offer(), new_key()
    order = (await program.post_order(offer, key=key)).json()
    before = await orders_and_seats(program)
    other = await program.post_order(offer, [{**program.people(offer)[0], "given_name": "Mona"}], key=key)
    error = other.json()["error"]
    assert (other.status_code, error["code"], error["retryable"]) == (409, "IDEMPOTENCY_CONFLICT", False)
    assert await orders_and_seats(program) == before
    assert (await program.read(order))["status"] == "reserved"


async def test_a_refusal_is_not_stored_so_the_key_may_be_tried_again(program):
    offer, key = await program.offer(), new_key()
    person = program.people(offer)[0]
    refused = await program.post_order(offer, [{**person, "family_name": "4"}], key=key)
    assert refused.status_code == 422
    accepted = await program.post_order(offer, [person], key=key)
    assert (accepted.status_code, "idempotency-replayed" in accepted.headers) == (201, False)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "IDEMPOTENCY_KEY_REQUIRED"),
        ("short", "MALFORMED_REQUEST"),  # callers without credentials share a scope
        ("x" * 31, "MALFORMED_REQUEST"),
        ("x" * 256, "MALFORMED_REQUEST"),
        ("with space" + "x" * 32, "MALFORMED_REQUEST"),
    ],
)
async def test_a_key_is_needed_and_is_visible_ascii(program, key, code):
    offer = await program.offer()
    before = await orders_and_seats(program)
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"offer_id": offer["id"], "passengers": program.people(offer), "contact": {"email": "a@b.co"}}
    answer = await program.http.post("/api/v1/orders", json=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert await orders_and_seats(program) == before


async def test_the_same_key_twenty_times_in_parallel_is_one_order(program):
    offer, key = await program.offer(slices=[("JED", "RUH", departure(27))]), new_key()
    answers = await asyncio.gather(*(program.post_order(offer, key=key) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert await program.rows("SELECT held FROM leg_cabins JOIN hold_items USING (leg_id, cabin) JOIN orders"
                              " USING (hold_id) WHERE orders.id = $1", order_id(answers[0].json())) == [1]  # fmt: skip


async def test_without_the_stored_answer_the_same_is_many_orders(program, monkeypatch):
    """The control of the test above: the record is neither looked for nor written, and holds are named at random."""

    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(create, "find_answer", nothing)
    monkeypatch.setattr(create, "store_answer", nothing)
    monkeypatch.setattr(create.RequestKey, "derived_id", lambda *_: create.new_uuid())
    offer, key = await program.offer(slices=[("JED", "RUH", departure(28))]), new_key()
    answers = await asyncio.gather(*(program.post_order(offer, key=key) for _ in range(5)))
    assert len({answer.json()["id"] for answer in answers}) == 5


async def test_a_repeat_after_a_crash_finds_its_own_seats(program, monkeypatch):
    offer, key = await program.offer(slices=[("JED", "RUH", departure(29))]), new_key()

    def crash(_name: str) -> None:
        raise ConnectionError("the process ended between claim and order")

    with monkeypatch.context() as broken:
        broken.setattr(create, "fault_point", crash)
        assert (await program.post_order(offer, key=key)).status_code == 503
    (held,) = await program.rows(
        "SELECT count(*) FROM holds WHERE status = 'active' AND id NOT IN (SELECT hold_id FROM orders)"
    )
    assert held == 1
    before = await orders_and_seats(program)
    order = (await program.post_order(offer, key=key)).json()
    after = await orders_and_seats(program)
    assert (after[0], after[1:]) == (before[0] + 1, before[1:])
    assert await program.hold_of(order) == "active"


async def test_a_repeat_after_its_hold_has_ended_claims_anew(program, monkeypatch):
    offer, key = await program.offer(slices=[("JED", "RUH", departure(29))]), new_key()

    def crash(_name: str) -> None:
        raise ConnectionError("the process ended between claim and order")

    with monkeypatch.context() as broken:
        broken.setattr(create, "fault_point", crash)
        brief = structs.replace(program.state.create_order, hold_window=timedelta(milliseconds=1))
        broken.setattr(program.state, "create_order", brief)
        assert (await program.post_order(offer, key=key)).status_code == 503
    order = (await program.post_order(offer, key=key)).json()
    assert await program.hold_of(order) == "active"


async def test_a_key_whose_answer_is_forgotten_is_a_new_request(program):
    offer, key = await program.offer(), new_key()
    first = (await program.post_order(offer, key=key)).json()
    await program.rows("UPDATE idempotency_records SET expires_at = ais_now() WHERE key = $1 RETURNING key", key)
    second = await program.post_order(offer, key=key)
    assert second.status_code == 201
    assert second.json()["id"] != first["id"]
    assert await program.hold_of(second.json()) == "active"


async def test_a_twin_that_gives_up_waiting_leaves_the_seats_to_the_first(program, monkeypatch):
    offer, key = await program.offer(), new_key()
    real = create.store_answer
    writing = asyncio.Event()

    async def slow(uow, request, answer):
        if writing.is_set():
            raise IdempotencyInProgress
        found = await real(uow, request, answer)
        writing.set()
        await asyncio.sleep(0.3)
        return found

    monkeypatch.setattr(create, "store_answer", slow)
    first = asyncio.create_task(program.post_order(offer, key=key))
    await writing.wait()
    second = await program.post_order(offer, key=key)
    error = second.json()["error"]
    assert (second.status_code, error["code"], error["retryable"]) == (409, "IDEMPOTENCY_IN_PROGRESS", True)
    assert second.headers["retry-after"] == "1"
    order = (await first).json()
    assert await program.hold_of(order) == "active"
