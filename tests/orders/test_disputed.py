"""Who takes the money back at the bank does not fly meanwhile and does not get it twice: coupons, seats, books."""

from __future__ import annotations

import pytest
from tests.factories.giving_back import (
    books,
    cancel,
    confirm,
    coupons,
    flight_dates,
    minor,
    quote,
    refunds,
    states,
)
from tests.factories.in_process import ADULT, departure, order_id
from tests.orders.test_closing_departures import close, tickets
from tests.payments.test_disputes import decide, dispute, queue_of, tell

from ais.kit import InvalidStateTransition, system_actor
from ais.orders import DepartureListRefused, release_order
from ais.orders.service.disputed import apply_dispute
from ais.payments import RefundsFrozen

ACTOR = system_actor("test")
DAY = 20


async def disputed(program, verdict=None, passengers=(ADULT,), days=DAY, **given):
    """A ticketed order whose payer went to the bank, which decides so."""
    order = await program.order(list(passengers), slices=[("RUH", "JED", departure(days))])
    held = await dispute(program, await program.pay(order), **given)
    await tell(program, held)
    if verdict is not None:
        decide(program, held, verdict)
        await tell(program, held)
    return order, held


async def seats_sold(program, order):
    (found,) = await program.rows(
        """
        SELECT coalesce(sum(item.seats), 0)::bigint FROM orders
        LEFT JOIN hold_items AS item ON item.hold_id = orders.hold_id AND item.state = 'sold' WHERE orders.id = $1
        """,
        order_id(order),
    )
    return found


async def release(program, order):
    async with program.database.unit_of_work(ACTOR) as uow:
        return await release_order(uow, order_id(order), "paid at the counter")


async def test_nobody_flies_while_the_bank_decides_and_everybody_when_it_is_won(program):
    order, held = await disputed(program)
    seen = await program.read(order)
    assert (states(seen), coupons(seen)) == (("confirmed", "disputed", "issued"), ["suspended"])
    assert seen["available_actions"] == []
    with pytest.raises(RefundsFrozen):
        await release(program, order)
    assert coupons(await program.read(order)) == ["suspended"]
    decide(program, held, "win")
    await tell(program, held)
    seen = await program.read(order)
    assert (states(seen), coupons(seen)) == (("confirmed", "paid", "issued"), ["open"])
    assert await seats_sold(program, order) == 1
    moves = await program.rows(
        "SELECT to_status FROM coupon_moves JOIN documents ON documents.id = document_id WHERE order_id = $1"
        " ORDER BY coupon_moves.id",
        order_id(order),
    )
    assert moves == ["open", "suspended", "open"]


async def test_lost_the_order_is_given_up_and_the_chargeback_is_smaller_by_what_would_have_come_back(program):
    order, _ = await disputed(program, "lose")
    assert coupons(await program.read(order)) == ["suspended"]
    twin = await program.order(slices=[("RUH", "JED", departure(DAY))])
    await program.pay(twin)
    undisputed = await quote(program, twin)
    quoted = await quote(program, order)
    paid = minor(order["total"])
    assert (minor(quoted["refund"]), minor(quoted["fee"])) == (0, paid)
    assert quoted["penalty"] == undisputed["penalty"]
    taken = [line for line in quoted["lines"] if "The bank has taken it back" in line["rule"]]
    assert sum(minor(line["paid"]) for line in taken) == minor(undisputed["refund"]) > 0
    assert await queue_of(program, order) == ["dispute_lost"]
    done = await confirm(program, order, quoted)
    await program.run_jobs()
    assert (states(done), coupons(done)) == (("cancelled", "refunded", "issued"), ["refunded"])
    assert await seats_sold(program, order) == 0
    assert await refunds(program, order) == []
    assert await queue_of(program, order) == []
    left = await books(program, order)
    assert left.get("chargebacks", 0) == paid - minor(undisputed["refund"])
    assert {account for account in left if account.startswith(("unflown", "customer", "refunds"))} == set()


async def test_nobody_flies_on_money_that_was_lost_before_we_heard_of_it_though_the_order_stands_as_before(program):
    order = await program.order([ADULT, ADULT], slices=[("RUH", "JED", departure(DAY))])
    payment = await program.pay(order)
    await cancel(program, order, passenger_ids=[order["passengers"][0]["id"]], refund_to="travel_credit")
    seen = await program.read(order)
    assert (states(seen), coupons(seen)) == (("confirmed", "partially_refunded", "issued"), ["refunded", "open"])
    held = await dispute(program, payment, amount=1000)
    decide(program, held, "lose")
    await tell(program, held)
    seen = await program.read(order)
    assert (states(seen), coupons(seen)) == (("confirmed", "partially_refunded", "issued"), ["refunded", "suspended"])
    assert await release(program, order) == 1
    await tell(program, held)
    assert coupons(await program.read(order)) == ["refunded", "open"]


async def test_lost_in_part_the_rest_comes_back_and_nothing_twice(program):
    order, _ = await disputed(program, "lose", [ADULT, ADULT], amount=1000)
    whole = await program.order([ADULT, ADULT], slices=[("RUH", "JED", departure(DAY))])
    await program.pay(whole)
    each = minor((await quote(program, whole, passenger_ids=[whole["passengers"][0]["id"]]))["refund"])
    first, second = (passenger["id"] for passenger in order["passengers"])
    # A provider refunds no charge that was disputed, so the rest is given as credit.
    await cancel(program, order, passenger_ids=[first], refund_to="travel_credit")
    assert await refunds(program, order) == [(each - 1000, "succeeded")]
    seen = await program.read(order)
    assert (seen["status"], coupons(seen)) == ("confirmed", ["refunded", "suspended"])
    assert await queue_of(program, order) == ["dispute_lost"]
    await cancel(program, order, passenger_ids=[second], refund_to="travel_credit")
    assert await refunds(program, order) == [(each - 1000, "succeeded"), (each, "succeeded")]
    left = await books(program, order)
    assert left.get("chargebacks", 0) == 0
    assert (left["provider_clearing"], left["travel_credit"]) == (minor(order["total"]) - 1000, 1000 - 2 * each)
    assert await queue_of(program, order) == []


async def test_staff_let_the_passengers_of_a_lost_dispute_fly_and_news_of_it_changes_nothing(program):
    order, held = await disputed(program, "lose")
    assert await release(program, order) == 1
    seen = await program.read(order)
    assert (states(seen), coupons(seen)) == (("confirmed", "refunded", "issued"), ["open"])
    await tell(program, held)
    async with program.database.unit_of_work(ACTOR) as uow:
        await apply_dispute(uow, order_id(order))
    assert coupons(await program.read(order)) == ["open"]
    with pytest.raises(InvalidStateTransition):
        await release(program, order)


async def test_a_departure_closes_without_the_suspended_who_cannot_have_boarded(program):
    order, held = await disputed(program, days=17)
    (flight,) = await flight_dates(program, order)
    (ticket,) = tickets(await program.read(order))
    with pytest.raises(DepartureListRefused) as refused:
        await close(program, flight, f"{ticket},1,,,boarded\n")
    assert refused.value.details["errors"][0]["expected"] == "a coupon that is not suspended"
    for lines in (f"{ticket},1,,,no_show\n", ""):
        done = await close(program, flight, lines)
        # Another test may have sold a seat on that flight, whose coupon is closed beside.
        assert (done.flown, done.unchanged >= 1) == (0, True)
        assert coupons(await program.read(order)) == ["suspended"]
    decide(program, held, "win")
    await tell(program, held)
    assert (await close(program, flight, "")).no_show == 1
    assert states(await program.read(order)) == ("completed", "paid", "issued")
