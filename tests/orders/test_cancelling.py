"""Giving an order up: a quote says what comes back, and its confirmation moves coupons, seats and money once."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import pytest
from tests.factories.audit import audited
from tests.factories.giving_back import (
    books,
    cancel,
    confirm,
    coupons,
    minor,
    post_confirm,
    post_quote,
    quote,
    refunds,
    require_exact,
    states,
)
from tests.factories.in_process import ADULT, CHILD, INFANT, OPERATOR, bearer, departure, in_process, new_key, order_id

from ais.kit import Actor, ActorKind, Channel, Forbidden, decode_id, ids, system_actor
from ais.kit.ids import CancellationQuoteId, RefundId
from ais.orders import Wish
from ais.orders import repository as orders
from ais.orders.cancellation import repository as quotes
from ais.orders.cancellation.domain import QuoteStatus
from ais.orders.cancellation.service import confirm as confirming
from ais.orders.cancellation.service.quote import make_quote


async def test_a_whole_order_long_before_departure_comes_back_whole(program):
    order = await program.order([ADULT, CHILD, INFANT], slices=[("RUH", "JED", departure(20))])
    payment = await program.pay(order)
    before = await program.taken(order)
    quoted = await quote(program, order)
    assert set(quoted) == {
        "id", "order_id", "penalty", "non_refundable", "fee", "refund", "lines", "expires_at", "waived",
    }  # fmt: skip
    assert set(quoted["lines"][0]) == {
        "passenger_id", "segment_id", "kind", "code", "paid", "kept", "refunded", "rule",
    }  # fmt: skip
    assert quoted["id"].startswith("ccq_")
    assert (quoted["penalty"]["amount"], quoted["refund"]) == ("0.00", order["total"])
    require_exact(quoted)
    assert await program.taken(order) == before
    confirmed = await confirm(program, order, quoted)
    assert states(confirmed) == ("cancelled", "paid", "issued")
    assert set(coupons(confirmed)) == {"refunded"}
    assert [segment["status_code"] for each in confirmed["slices"] for segment in each["segments"]] == ["XX"]
    assert [(held, sold - 2) for held, sold in before] == await program.taken(order)
    await program.run_jobs()
    seen = await program.read(order)
    assert states(seen) == ("cancelled", "refunded", "issued")
    assert (seen["refunded"], seen["balance_due"]["amount"]) == (order["total"], "0.00")
    assert (seen["display_status"], seen["available_actions"]) == ("refunded", [])
    assert [passenger["ticket_number"] for passenger in seen["passengers"]] == [None, None, None]
    assert [refund["amount"] for refund in await program.refunds_of(payment)] == [minor(order["total"])]


async def test_an_unpaid_order_ends_at_once_and_nobody_can_pay_it_any_more(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    assert (await program.read(order))["available_actions"] == ["pay", "cancel"]
    quoted = await quote(program, order)
    assert (quoted["fee"]["amount"], quoted["refund"]["amount"], quoted["lines"]) == ("0.00", "0.00", [])
    seen = await confirm(program, order, quoted)
    assert states(seen) == ("cancelled", "unpaid", "none")
    assert await program.hold_of(order) == "released"
    assert (await program.intent(payment))["status"] == "canceled"
    again = await program.post_payment(order)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "INVALID_STATE_TRANSITION")


async def test_money_that_came_before_an_unpaid_order_was_given_up_confirms_it_instead(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    quoted = await quote(program, order)
    await program.confirm(payment)
    answer = await post_confirm(program, order, quoted)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ORDER_CONFLICT")
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")


async def test_a_quote_is_confirmed_once_whatever_the_key(program):
    order = await program.order()
    await program.pay(order)
    quoted = await quote(program, order)
    key = new_key()
    first = await post_confirm(program, order, quoted, key=key)
    second = await post_confirm(program, order, quoted, key=key)
    third = await post_confirm(program, order, quoted)
    assert [answer.status_code for answer in (first, second, third)] == [200, 200, 200]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert third.json()["status"] == "cancelled"
    await program.run_jobs()
    assert await refunds(program, order) == [(minor(quoted["refund"]), "succeeded")]


async def test_a_newer_quote_takes_the_place_of_an_older_one(program):
    order = await program.order()
    await program.pay(order)
    older, newer = await quote(program, order), await quote(program, order)
    answer = await post_confirm(program, order, older)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ORDER_CONFLICT")
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")
    assert (await confirm(program, order, newer))["status"] == "cancelled"


async def test_a_quote_holds_for_its_time_only(own_program):
    order = await own_program.order()
    await own_program.pay(order)
    quoted = await quote(own_program, order)
    async with own_program.database.connection() as connection:
        await connection.execute(
            "UPDATE cancellation_quotes SET expires_at = ais_now() WHERE order_id = $1", order_id(order)
        )
    for _ in range(2):
        answer = await post_confirm(own_program, order, quoted)
        assert (answer.status_code, answer.json()["error"]["code"]) == (410, "QUOTE_EXPIRED")
        async with own_program.later(minutes=2) as late:
            await late.run_jobs()
    assert await own_program.rows("SELECT status FROM cancellation_quotes") == ["expired"]
    assert states(await own_program.read(order)) == ("confirmed", "paid", "issued")


async def test_a_quote_is_its_orders_alone(program):
    order, other = await program.order(), await program.order()
    await program.pay(order)
    quoted = await quote(program, order)
    for answer in (
        await post_quote(program, order, headers=bearer(other)),
        await post_confirm(program, order, quoted, headers=bearer(other)),
        await post_confirm(program, order, {"id": "ccq_00000000000000000000000000"}),
        await post_confirm(program, order, {"id": "nonsense"}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert (await post_quote(program, order, headers=OPERATOR)).status_code == 201


async def test_staff_who_may_see_an_order_may_not_therefore_give_it_up(program):
    order = await program.order()
    await program.pay(order)
    clerk = Actor(ActorKind.STAFF, "clerk", Channel.API, frozenset({"orders.read_any"}))
    async with program.database.unit_of_work(clerk) as uow:
        with pytest.raises(Forbidden):
            await make_quote(uow, order_id(order), Wish(), timedelta(minutes=1))


async def test_the_rule_of_each_line_is_said_in_the_language_of_the_request(program):
    order = await program.order()
    await program.pay(order)
    spoken = {}
    for language in ("en", "ar"):
        answer = await post_quote(program, order, headers={**bearer(order), "Accept-Language": language})
        assert answer.headers["Content-Language"] == language
        spoken[language] = [line["rule"] for line in answer.json()["lines"] if line["kind"] == "fare"]
    assert spoken["en"] in (
        ["Cancelled at least 168 hours before departure: nothing of the fare is kept."],
        ["Cancelled at least 72 hours before departure: 25 % of the fare is kept."],
    )
    assert "قبل المغادرة" in spoken["ar"][0]


@pytest.mark.parametrize(("days", "percent"), [(8, 0), (5, 25), (2, 50)], ids=["168 hours", "72 hours", "24 hours"])
async def test_the_penalty_follows_the_time_before_departure(program, days, percent):
    order = await program.order([ADULT, CHILD], slices=[("RUH", "JED", departure(days))])
    await program.pay(order)
    quoted = await quote(program, order)
    require_exact(quoted)
    for line in quoted["lines"]:
        if line["kind"] == "fare":
            assert minor(line["kept"]) == (minor(line["paid"]) * percent + 50) // 100
        else:
            assert minor(line["kept"]) == 0
    tiers = order["slices"][0]["conditions"]["refund"]["tiers"]
    promised = next(
        tier["penalty"] for tier in tiers if tier["until_hours_before"] <= {0: 168, 25: 72, 50: 24}[percent]
    )
    adult = order["passengers"][0]["id"]
    assert sum(minor(line["kept"]) for line in quoted["lines"] if line["passenger_id"] == adult) == minor(promised)
    seen = await cancel(program, order)
    assert states(seen) == ("cancelled", "partially_refunded" if percent else "refunded", "issued")
    assert minor(seen["refunded"]) == minor(quoted["refund"])


async def test_the_passengers_that_are_given_up_leave_the_others_their_seats(program):
    order = await program.order([ADULT, ADULT, INFANT], slices=[("DMM", "CAI", departure(21))])
    await program.pay(order)
    before = await program.taken(order)
    first, second, infant = [passenger["id"] for passenger in order["passengers"]]
    quoted = await quote(program, order, passenger_ids=[first])
    require_exact(quoted)
    assert {line["passenger_id"] for line in quoted["lines"]} == {first, infant}
    assert all(
        line["rule"].endswith("An infant on a lap goes with its adult.")
        for line in quoted["lines"]
        if line["passenger_id"] == infant
    )
    await confirm(program, order, quoted)
    await program.run_jobs()
    seen = await program.read(order)
    assert states(seen) == ("confirmed", "partially_refunded", "issued")
    assert [(held, sold - 1) for held, sold in before] == await program.taken(order)
    live = {document["passenger_id"]: {c["status"] for c in document["coupons"]} for document in seen["documents"]}
    assert live == {first: {"refunded"}, infant: {"refunded"}, second: {"open"}}
    rest = await quote(program, order)
    assert minor(rest["refund"]) + minor(quoted["refund"]) + minor(rest["fee"]) + minor(quoted["fee"]) == minor(
        order["total"]
    )
    seen = await cancel(program, order)
    assert (seen["status"], seen["refunded"]) == ("cancelled", order["total"])


async def test_an_infant_alone_gives_its_place_on_a_lap_back_and_no_seat(program):
    order = await program.order([ADULT, INFANT], slices=[("RUH", "JED", departure(22))])
    await program.pay(order)
    before = await program.taken(order)
    laps = "SELECT sum(infants) FROM hold_items JOIN orders USING (hold_id) WHERE orders.id = $1 AND state = 'sold'"
    assert await program.rows(laps, order_id(order)) == [1]
    await cancel(program, order, passenger_ids=[order["passengers"][1]["id"]])
    assert (await program.taken(order), await program.rows(laps, order_id(order))) == (before, [0])


async def test_the_flights_of_one_slice_go_together_and_the_other_slice_stays(program):
    order = await program.order(slices=[("DMM", "CAI", departure(20)), ("CAI", "DMM", departure(27))])
    await program.pay(order)
    out, back = [[segment["id"] for segment in each["segments"]] for each in order["slices"]]
    quoted = await quote(program, order, segment_ids=[back[0]])
    require_exact(quoted)
    assert {line["segment_id"] for line in quoted["lines"]} == set(back)
    assert any("Flights of one direction go together." in line["rule"] for line in quoted["lines"])
    await confirm(program, order, quoted)
    seen = await program.read(order)
    assert seen["status"] == "confirmed"
    codes = {segment["id"]: segment["status_code"] for each in seen["slices"] for segment in each["segments"]}
    assert codes == {**dict.fromkeys(out, "HK"), **dict.fromkeys(back, "XX")}
    again = await post_quote(program, order, segment_ids=back)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "ORDER_CONFLICT")


@pytest.mark.parametrize(
    "body",
    [
        {"passenger_ids": ["pas_00000000000000000000000000"]},
        {"passenger_ids": ["nonsense"]},
        {"segment_ids": ["seg_00000000000000000000000000"]},
        {"passenger_ids": []},
        {"refund_to": "my_own_account"},
    ],
)
async def test_what_is_not_of_the_order_is_refused(program, body):
    order = await program.order()
    answer = await post_quote(program, order, **body)
    if order["status"] == "reserved":
        await program.pay(order)
        answer = await post_quote(program, order, **body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert await program.rows(
        "SELECT count(*) FROM cancellation_quotes WHERE order_id = $1 AND kind <> 'unticketed'", order_id(order)
    ) == [0]


async def test_no_child_stays_behind_without_an_adult(program):
    order = await program.order([ADULT, CHILD])
    await program.pay(order)
    answer = await post_quote(program, order, passenger_ids=[order["passengers"][0]["id"]])
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")
    quoted = await quote(program, order, passenger_ids=[order["passengers"][1]["id"]])
    assert (await confirm(program, order, quoted))["status"] == "confirmed"


async def test_a_disputed_order_gives_nothing_back(program):
    order = await program.order()
    await program.pay(order)
    quoted = await quote(program, order)
    moved = "UPDATE orders SET payment_status = $2 WHERE id = $1"
    noted = """INSERT INTO order_history (order_id, axis, from_state, to_state, reason, actor, channel, correlation_id)
               VALUES ($1, 'order.payment_status', $3, $2, 'test', 'test', 'job', 'test')"""
    async with program.database.connection() as connection:
        await connection.execute(moved, order_id(order), "disputed")
        await connection.execute(noted, order_id(order), "disputed", "paid")
    await audited(program, order)
    for answer in (await post_confirm(program, order, quoted), await post_quote(program, order)):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "INVALID_STATE_TRANSITION")
    assert "cancel" not in (await program.read(order))["available_actions"]
    assert await refunds(program, order) == []
    async with program.database.connection() as connection:
        await connection.execute(moved, order_id(order), "paid")
        await connection.execute(noted, order_id(order), "paid", "disputed")


async def test_the_books_keep_the_penalty_and_owe_nothing_once_the_money_is_back(program):
    order = await program.order([ADULT, CHILD], slices=[("DMM", "CAI", departure(2))])
    await program.pay(order)
    quoted = await quote(program, order)
    await confirm(program, order, quoted)
    kept, back = minor(quoted["penalty"]), minor(quoted["refund"])
    assert await books(program, order) == {
        "provider_clearing": kept + back,
        "penalty_revenue": -kept,
        "refunds_payable": -back,
    }
    await program.run_jobs()
    assert await books(program, order) == {"provider_clearing": kept, "penalty_revenue": -kept}


async def test_a_part_given_up_leaves_the_rest_unflown(program):
    order = await program.order([ADULT, ADULT], slices=[("RUH", "JED", departure(20))])
    await program.pay(order)
    whole = await books(program, order)
    await cancel(program, order, passenger_ids=[order["passengers"][0]["id"]])
    half = await books(program, order)
    assert {account: 2 * balance for account, balance in half.items()} == whole
    await cancel(program, order)
    assert await books(program, order) == {}


async def test_the_money_can_be_kept_as_travel_credit(program):
    order = await program.order()
    payment = await program.pay(order)
    quoted = await quote(program, order, refund_to="travel_credit")
    seen = await cancel(program, order, refund_to="travel_credit")
    assert (seen["status"], seen["refunded"]) == ("cancelled", quoted["refund"])
    assert await program.refunds_of(payment) == []
    issued = "SELECT issued_minor FROM travel_credits WHERE order_id = $1"
    assert await program.rows(issued, order_id(order)) == [minor(quoted["refund"])]
    held = await books(program, order)
    assert (held["travel_credit"], held.get("refunds_payable")) == (-minor(quoted["refund"]), None)


async def test_an_order_that_has_ended_has_nothing_to_give_up(program):
    order = await program.order()
    await program.pay(order)
    await cancel(program, order)
    answer = await post_quote(program, order)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "INVALID_STATE_TRANSITION")


async def confirm_together(program, order, quoted, times: int = 20) -> Sequence[int]:
    answers = await asyncio.gather(*(post_confirm(program, order, quoted, key=f"{uuid4()}") for _ in range(times)))
    return [answer.status_code for answer in answers]


async def test_twenty_confirmations_of_one_quote_at_once_are_one_refund(program):
    order = await program.order([ADULT, ADULT], slices=[("RUH", "JED", departure(2))])
    await program.pay(order)
    before = await program.taken(order)
    quoted = await quote(program, order)
    assert await confirm_together(program, order, quoted) == [200] * 20
    await program.run_jobs()
    assert await refunds(program, order) == [(minor(quoted["refund"]), "succeeded")]
    assert [(held, sold - 2) for held, sold in before] == await program.taken(order)


async def test_without_the_orders_lock_the_same_confirmations_give_more_than_one_refund(
    servers, market, simulator, monkeypatch
):
    """The control: without the lock, and with ids that do not follow from the quote, the money goes back twice."""
    gathered = asyncio.Barrier(2)

    async def unlocked(uow, wanted):
        found = await orders.find_order(uow.connection, wanted)
        await gathered.wait()
        return found

    async def unresolved(_uow, _quote_id, _status):
        pass

    async def carried_out_without_guards(uow, change, quoted, _coupons, reason):
        """Neither the coupons' table nor the books, which also refuse a second time."""
        await confirming.send_money_back(uow, change.order, quoted, reason)

    with servers.database(market) as url:
        async with in_process(url, servers.cache_url(), simulator) as program:
            order = await program.order([ADULT, ADULT], slices=[("RUH", "JED", departure(2))])
            await program.pay(order)
            quoted = await quote(program, order, passenger_ids=[order["passengers"][0]["id"]])
            with monkeypatch.context() as guard_off:
                guard_off.setattr(confirming.orders, "lock_order", unlocked)
                guard_off.setattr(confirming.repository, "resolve_quote", unresolved)
                guard_off.setattr(confirming, "carry_out", carried_out_without_guards)
                guard_off.setattr(confirming, "refund_id_of", lambda _quote, _payment: RefundId(uuid4()))
                await confirm_together(program, order, quoted, times=2)
            assert len(await refunds(program, order)) == 2


async def test_three_decimals_go_back_to_the_card_in_steps_of_ten_and_sum_to_the_last_of_them(
    servers, market, simulator
):
    with servers.database(market) as url:
        async with in_process(url, servers.cache_url(), simulator, point_of_sale="KW") as program:
            back = ("CAI", "DMM", departure(6))
            order = await program.order([ADULT, ADULT, CHILD], slices=[("DMM", "CAI", departure(2)), back])
            assert order["total"]["currency"] == "KWD"
            payment = await program.pay(order)
            whole = sums = 0
            for part in (
                {"passenger_ids": [order["passengers"][0]["id"]]},
                {"segment_ids": [order["slices"][1]["segments"][0]["id"]]},
                {},
            ):
                quoted = await quote(program, order, **part)
                assert minor(quoted["refund"]) % 10 == 0
                whole += minor(quoted["refund"])
                sums += minor(quoted["refund"]) + minor(quoted["fee"])
                await confirm(program, order, quoted)
                await program.run_jobs()
            assert sums == minor(order["total"])
            seen = await program.read(order)
            assert (seen["status"], minor(seen["refunded"])) == ("cancelled", whole)
            assert sum(refund["amount"] for refund in await program.refunds_of(payment)) == whole
            assert await books(program, order) == {
                "provider_clearing": sums - whole,
                "penalty_revenue": whole - sums,
            }
            await program.require_invariants()


@pytest.mark.parametrize("point", ["orders.closed", "cancellations.confirmed"])
async def test_a_repeat_after_a_crash_ends_where_the_first_would_have(program, monkeypatch, point):
    order = await program.order()
    await program.pay(order)
    quoted, key = await quote(program, order), new_key()

    def crash(name: str) -> None:
        if name == point:
            raise ConnectionError("the process ended here")

    with monkeypatch.context() as broken:
        broken.setattr(confirming, "fault_point", crash)
        assert (await post_confirm(program, order, quoted, key=key)).status_code == 503
    answer = await post_confirm(program, order, quoted, key=key)
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    await program.run_jobs()
    assert len(await refunds(program, order)) == 1


async def test_a_quote_that_is_ended_by_time_while_it_is_confirmed_is_refused(program):
    """The job that ends quotes holds the quote alone; whoever confirms waits for it and sees what it has done."""
    order = await program.order()
    await program.pay(order)
    quoted = await quote(program, order)
    quote_id = CancellationQuoteId(decode_id(ids.CANCELLATION_QUOTE, quoted["id"]))
    async with program.database.unit_of_work(system_actor("test")) as uow:
        await quotes.resolve_quote(uow, quote_id, QuoteStatus.EXPIRED)
        clicked = asyncio.create_task(post_confirm(program, order, quoted))
        for _ in range(1000):
            if clicked.done() or await waiting_for_locks(program):
                break
            await asyncio.sleep(0.01)
    answer = await clicked
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "QUOTE_EXPIRED")
    assert states(await program.read(order)) == ("confirmed", "paid", "issued")
    assert await refunds(program, order) == []


async def waiting_for_locks(program):
    """How many of this database wait for somebody's lock."""
    (count,) = await program.rows(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return count
