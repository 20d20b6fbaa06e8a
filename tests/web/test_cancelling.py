"""Giving up on the pages: first what comes back, then the confirmation, once."""

from __future__ import annotations

import asyncio
import re

import pytest
from tests.factories.in_process import departure, order_id


async def paid_order(program, visitor, **asked):
    """The page of an order that is paid and ticketed."""
    page = await visitor.order(**asked)
    await visitor.send(f"{page.path}/pay", page.form("/pay"), follow=False)
    order = visitor.order_json(page)
    (intent,) = await program.rows("SELECT provider_payment_id FROM payments WHERE order_id = $1", order_id(order))
    program.complete({"provider_payment_id": intent})
    await program.report({"provider_payment_id": intent})
    return await visitor.open(page.path), order


async def refunds_of(program, order):
    return await program.rows("SELECT amount_minor, status FROM refunds WHERE order_id = $1", order_id(order))


@pytest.mark.parametrize(
    ("language", "quoted", "cancelled"),
    [("en", "This is what comes back", "This booking is cancelled"), ("ar", "هذا ما يعود إليك", "هذا الحجز ملغى")],
)
async def test_a_paid_booking_is_quoted_then_given_up_and_the_money_goes_back(
    program, visitor, language, quoted, cancelled
):
    page, order = await paid_order(program, visitor, language=language, depart=departure(25).isoformat())
    choice = await visitor.open(page.links("/cancel$")[0])
    quote = await visitor.send(choice.path, choice.form("/cancel"))
    assert quoted in quote.text
    assert re.search(r"/cancel\?quote=[\w-]{24}$", quote.path)
    assert await refunds_of(program, order) == []
    assert (await visitor.open(quote.path)).form("/confirm") == quote.form("/confirm")

    confirm = quote.path.split("?")[0] + "/confirm"
    ends = await asyncio.gather(*(visitor.send(confirm, quote.form("/confirm")) for _ in range(3)))
    assert {(each.path, cancelled in each.text) for each in ends} == {(page.path, True)}
    total = int((await program.read(order))["total"]["amount"].replace(".", ""))
    ((amount, _),) = await refunds_of(program, order)
    assert amount == total
    assert (await visitor.open(choice.path)).path == page.path


async def test_a_quote_that_no_longer_holds_gives_nothing_up(program, visitor):
    page, order = await paid_order(program, visitor)
    choice = await visitor.open(f"{page.path}/cancel")
    old = await visitor.send(choice.path, choice.form("/cancel"))
    await visitor.send(choice.path, choice.form("/cancel"))
    refused = await visitor.send(f"{page.path}/cancel/confirm", old.form("/confirm"))
    assert (refused.status, "This cancellation quote no longer holds." in refused.text) == (409, True)
    assert (await program.read(order))["status"] == "confirmed"
    assert await refunds_of(program, order) == []


async def test_one_of_two_travellers_is_given_up(program, visitor):
    form = await visitor.travellers(adults="2", depart=departure(26).isoformat())
    page = await visitor.send(
        "/en/travellers", visitor.filled_in(form, **{"p1-given": "Omar", "p1-family": "Al-Harbi"})
    )
    order = visitor.order_json(page)
    await visitor.send(f"{page.path}/pay", page.form("/pay"), follow=False)
    (intent,) = await program.rows("SELECT provider_payment_id FROM payments WHERE order_id = $1", order_id(order))
    program.complete({"provider_payment_id": intent})
    await program.report({"provider_payment_id": intent})
    omar = (await program.read(order))["passengers"][1]["id"]
    choice = await visitor.open(f"{page.path}/cancel")
    quote = await visitor.send(choice.path, {**choice.form("/cancel"), "passenger": omar})
    await visitor.send(f"{page.path}/cancel/confirm", quote.form("/confirm"))
    seen = await program.read(order)
    assert (seen["status"], [each["ticket_number"] is None for each in seen["passengers"]]) == (
        "confirmed",
        [False, True],
    )


async def test_an_unpaid_booking_is_given_up_without_a_charge(program, visitor):
    page = await visitor.order()
    order = visitor.order_json(page)
    choice = await visitor.open(f"{page.path}/cancel")
    quote = await visitor.send(choice.path, choice.form("/cancel"))
    assert "Nothing has been paid for this booking" in quote.text
    done = await visitor.send(f"{page.path}/cancel/confirm", quote.form("/confirm"))
    assert "The seats are given back and nothing was charged." in done.text
    assert await program.hold_of(order) == "released"


async def test_nobody_else_quotes_or_gives_up(program, visitor):
    page, order = await paid_order(program, visitor)
    choice = await visitor.open(f"{page.path}/cancel")
    quote = await visitor.send(choice.path, choice.form("/cancel"))
    visitor.http.cookies.clear()
    stranger = (await visitor.open("/en/booking")).form("/booking")
    for path, fields in (("/cancel", {}), ("/cancel/confirm", quote.form("/confirm"))):
        refused = await visitor.send(page.path + path, {**fields, "form_token": stranger["form_token"]})
        assert refused.status == 404
    assert (await visitor.open(quote.path)).status == 404
    assert (await program.read(order))["status"] == "confirmed"
