"""A departure is closed from a list: coupons are flown or nobody came, the books and the orders follow, once."""

import pytest
from tests.factories.giving_back import books, coupons, flight_dates, minor, post_quote, quote, states
from tests.factories.in_process import ADULT, CHILD, INFANT, departure, order_id

from ais.kit import system_actor
from ais.orders import DepartureListRefused, DepartureTooEarly, close_departure, read_list

HEADING = "ticket,coupon,locator,name,status\n"
ACTOR = system_actor("test")


async def close(program, flight, lines, **more):
    async with program.database.unit_of_work(ACTOR) as uow:
        return await close_departure(uow, flight, read_list(HEADING + lines), **{"early": True, **more})


def tickets(order):
    return [document["number"] for document in order["documents"]]


async def paid(program, passengers=(ADULT,), **search):
    order = await program.order(list(passengers), **search)
    await program.pay(order)
    return await program.read(order) | {"guest_token": order["guest_token"]}


async def test_who_boarded_has_flown_and_nobody_else_came(module_program):
    order = await paid(module_program, [ADULT, CHILD, INFANT], slices=[("RUH", "JED", departure(22))])
    (flight,) = await flight_dates(module_program, order)
    flown = tickets(order)[0]
    done = await close(module_program, flight, f"{flown},1,,,boarded\n{tickets(order)[2]},,,,boarded\n")
    assert (done.flown, done.no_show, done.unchanged, done.orders, done.completed) == (2, 1, 0, 1, 1)
    seen = await module_program.read(order)
    assert (states(seen), coupons(seen)) == (("completed", "paid", "issued"), ["flown", "no_show", "flown"])
    assert seen["display_status"] == "completed"
    moves = await module_program.rows(
        "SELECT to_status FROM coupon_moves JOIN documents ON documents.id = document_id WHERE number = $1"
        " ORDER BY coupon_moves.id",
        flown,
    )
    assert moves == ["open", "checked_in", "lifted", "flown"]
    held = await books(module_program, order)
    assert set(held) == {"provider_clearing", "flown_revenue", "breakage", "tax_payable"}
    again = await close(module_program, flight, f"{flown},1,,,boarded\n{tickets(order)[2]},,,,boarded\n")
    assert (again.flown, again.no_show, again.unchanged) == (0, 0, 3)
    assert await books(module_program, order) == held


async def test_an_order_is_completed_when_its_last_flight_is_closed(module_program):
    order = await paid(module_program, slices=[("RUH", "JED", departure(20)), ("JED", "RUH", departure(21))])
    out, back = await flight_dates(module_program, order)
    name = "AL HARBI/SARA"
    line = f",,{order['record_locator']},{name},boarded\n"
    assert (await close(module_program, out, line)).completed == 0
    assert (await module_program.read(order))["status"] == "confirmed"
    assert (await close(module_program, back, line)).completed == 1
    assert (await module_program.read(order))["status"] == "completed"


async def test_a_list_is_refused_as_a_whole_with_every_wrong_line_named(module_program):
    order = await paid(module_program, [ADULT, ADULT], slices=[("RUH", "JED", departure(23))])
    other = await paid(module_program, slices=[("RUH", "JED", departure(24))])
    (flight,) = await flight_dates(module_program, order)
    first = tickets(order)[0]
    lines = f"{first},1,,,boarded\n{first},1,,,no_show\n{tickets(other)[0]},1,,,boarded\n"
    lines += f",,{order['record_locator']},NOBODY,boarded\n"
    with pytest.raises(DepartureListRefused) as refused:
        await close(module_program, flight, lines)
    assert [(error["line"], error["column"]) for error in refused.value.details["errors"]] == [
        (3, "ticket"),
        (4, "ticket"),
        (5, "name"),
    ]
    assert coupons(await module_program.read(order)) == ["open", "open"]


def test_lines_that_are_none_are_all_named():
    with pytest.raises(DepartureListRefused) as refused:
        read_list(HEADING + "123,1,,,boarded\n,,ABCDEF,X/Y,late\n9992400000001,7,,,boarded\n,,,,boarded\na,b\n")
    errors = [(error["line"], error["column"]) for error in refused.value.details["errors"]]
    assert errors == [(2, "ticket"), (3, "status"), (4, "coupon"), (5, "ticket"), (6, "line")]
    with pytest.raises(DepartureListRefused):
        read_list("who,what\n")


async def test_what_was_closed_is_not_closed_otherwise(module_program):
    order = await paid(module_program, slices=[("RUH", "JED", departure(25))])
    (flight,) = await flight_dates(module_program, order)
    (ticket,) = tickets(order)
    await close(module_program, flight, "")
    assert coupons(await module_program.read(order)) == ["no_show"]
    assert (await module_program.read(order))["display_status"] == "no_show"
    with pytest.raises(DepartureListRefused) as refused:
        await close(module_program, flight, f"{ticket},1,,,boarded\n")
    assert refused.value.details["errors"][0]["column"] == "status"


async def test_a_flight_that_does_not_leave_for_days_is_not_closed(module_program):
    order = await paid(module_program, slices=[("RUH", "JED", departure(30))])
    (flight,) = await flight_dates(module_program, order)
    with pytest.raises(DepartureTooEarly):
        await close(module_program, flight, "", early=False)
    assert coupons(await module_program.read(order)) == ["open"]


async def test_who_did_not_come_gets_the_taxes_back_and_of_a_flexible_fare_three_quarters(module_program):
    search = {"slices": [("RUH", "JED", departure(26))]}
    offers = await module_program.search(**search)
    flexible = next(offer for offer in offers if offer["fare_brand"] == "FLEX")
    answer = await module_program.post_order(flexible)
    order = answer.json()
    await module_program.pay(order)
    (flight,) = await flight_dates(module_program, order)
    await close(module_program, flight, "")
    assert (await books(module_program, order)).get("breakage", 0) < 0
    assert (await module_program.read(order))["status"] == "completed"
    async with module_program.database.connection() as connection:
        await connection.execute(
            "UPDATE order_segments SET departs_at = departs_at - interval '40 days', arrives_at = arrives_at -"
            " interval '40 days' WHERE order_id = $1",
            order_id(order),
        )
    quoted = await quote(module_program, order)
    fare = next(line for line in quoted["lines"] if line["kind"] == "fare")
    assert minor(fare["kept"]) == (minor(fare["paid"]) + 2) // 4
    assert "after departure" in fare["rule"]
    kept = minor(quoted["fee"])
    confirmed = await module_program.http.post(
        f"/api/v1/cancellation-quotes/{quoted['id']}/confirm",
        json={},
        headers={"Authorization": f"Bearer {order['guest_token']}", "Idempotency-Key": "x" * 32},
    )
    assert confirmed.json()["status"] == "completed"
    await module_program.run_jobs()
    assert await books(module_program, order) == {"provider_clearing": kept, "penalty_revenue": -kept}


async def test_flown_coupons_are_never_given_up(module_program):
    order = await paid(module_program, slices=[("RUH", "JED", departure(27))])
    (flight,) = await flight_dates(module_program, order)
    await close(module_program, flight, f"{tickets(order)[0]},1,,,boarded\n")
    answer = await post_quote(module_program, order)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ORDER_CONFLICT")
