"""Which face of its page an order has, in each of its states."""

from __future__ import annotations

import msgspec
import pytest

from ais.orders import OrderBody
from ais.web.shop.orders import stage_of


@pytest.mark.parametrize(
    ("status", "payment_status", "face"),
    [
        ("reserved", "unpaid", "held"),
        ("reserved", "failed", "declined"),
        ("reserved", "processing", "processing"),
        ("reserved", "paid", "processing"),
        ("confirmed", "paid", "confirmed"),
        ("confirmed", "partially_refunded", "confirmed"),
        ("completed", "paid", "confirmed"),
        ("expired", "unpaid", "expired"),
        ("expired", "refunded", "refunded"),
        ("cancelled", "unpaid", "cancelled"),
        ("cancelled", "refunded", "cancelled"),
    ],
)
async def test_the_face_follows_the_states(program, status, payment_status, face):
    order = msgspec.convert(await program.order(), OrderBody)
    changed = msgspec.to_builtins(order) | {"status": status, "payment_status": payment_status}
    assert stage_of(msgspec.convert(changed, OrderBody)) == face


async def test_an_order_that_is_late_to_be_confirmed_stops_asking_after_a_minute(visitor):
    page = await visitor.order()
    waiting = await visitor.open(f"{page.path}?payment=done&try=30")
    assert "This takes a few seconds." in waiting.text
    assert "try=31" in waiting.answer.text
    given_up = await visitor.open(f"{page.path}?payment=done&try=31")
    assert "Your seats are held" in given_up.text
    assert given_up.form("/pay")
