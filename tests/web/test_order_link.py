"""A mail's link opens its order in a browser that never was here, and the token leaves the address."""

from __future__ import annotations

import pytest
from tests.factories.in_process import order_id
from tests.factories.page_reader import visitor_of

from ais.app.notices import open_letters
from ais.orders import find_order
from ais.platform.settings import Settings


async def link_of(program, order, language):
    """The path of the link that a mail about this order carries."""
    letters = open_letters(
        Settings(secret_keys=program.settings.secret_keys, mail_from="b@r.example"), program.gateways
    )
    async with program.database.connection() as connection:
        found = await find_order(connection, order_id(order))
    return letters.order_link(found, language).partition(":8000")[2]


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_the_link_opens_the_order_and_the_token_is_gone(program, visitor, language):
    order = await program.order()
    link = await link_of(program, order, language)
    first = await visitor.open(link)
    assert first.status == 200
    assert first.path == f"/{language}/orders/{order['id']}"
    assert "token" not in str(first.answer.url)
    assert order["record_locator"] in first.text
    (redirect,) = first.answer.history
    assert (redirect.status_code, redirect.headers["referrer-policy"]) == (303, "no-referrer")
    assert redirect.headers["cache-control"] == "no-store"
    # The browser keeps it: the bare address opens from now on.
    assert (await visitor.open(first.path)).status == 200


async def test_a_token_of_another_order_or_a_made_up_one_opens_nothing(program, visitor):
    order, other = await program.order(), await program.order()
    token = (await link_of(program, other, "en")).partition("?token=")[2]
    for wrong in (token, token[:-2] + "xx", "gst_" + "A" * 40, "<script>", program.settings.operator_token):
        page = await visitor.open(f"/en/orders/{order['id']}?token={wrong}")
        assert page.status == 404, wrong
        assert order["record_locator"] not in page.text
    async with visitor_of(program) as somebody:
        assert (await somebody.open(f"/en/orders/{order['id']}")).status == 404
