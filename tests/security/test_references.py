"""Ids of others: whoever may not see a thing cannot tell it from one that does not exist, whatever route is tried."""

from __future__ import annotations

import re

from tests.factories.described_requests import operations
from tests.factories.in_process import bearer, new_key, order_id

from ais.kit import encode_id, ids, new_uuid

# Bodies that are refused for nothing but whose order it is.
SENSIBLE = {
    "/api/v1/orders/{order_id}/payments": {"method": "card"},
    "/api/v1/orders/{order_id}/cancellation-quotes": {},
}


def told(answer):
    """An answer without what is of its own request."""
    return answer.status_code, re.sub(r'"correlation_id":"[^"]*"', "", answer.text)


async def attempt(program, operation, values, headers):
    return await program.http.request(
        operation.method,
        operation.address(**values),
        json=SENSIBLE.get(operation.path, operation.example()),
        headers={"Idempotency-Key": new_key(), **headers},
    )


async def facts(program, order):
    """Everything of an order that an attack could change."""
    return await program.rows(
        """
        SELECT orders.status, orders.version, orders.updated_at, (SELECT count(*) FROM payments WHERE order_id = $1),
            (SELECT count(*) FROM refunds JOIN payments ON payments.id = payment_id WHERE payments.order_id = $1)
        FROM orders WHERE id = $1
        """,
        order_id(order),
    )


async def test_a_guest_reaches_nothing_by_the_id_of_another_and_cannot_tell_it_from_none(program):
    mine, other = await program.order(), await program.order()
    await program.pay(other)
    quoted = await program.http.post(
        f"/api/v1/orders/{other['id']}/cancellation-quotes",
        json={},
        headers={**bearer(other), "Idempotency-Key": new_key()},
    )
    assert quoted.status_code == 201, quoted.text
    theirs = {"order_id": other["id"], "quote_id": quoted.json()["id"]}
    nobodys = {
        "order_id": encode_id(ids.ORDER, new_uuid()),
        "quote_id": re.sub(r"_.*", "", theirs["quote_id"]) + encode_id(ids.ORDER, new_uuid())[3:],
    }
    before = await facts(program, other)
    tried = set()
    for operation in operations((await program.http.get("/schema/openapi.json")).json()):
        if not operation.parameters("path") or operation.path.startswith("/api/v1/offers"):
            continue
        for headers in ({}, bearer(mine), {"Authorization": "Bearer gst_nothing"}):
            theirs_told = told(await attempt(program, operation, theirs, headers))
            assert theirs_told[0] in {401, 403, 404}, (operation.name, theirs_told)
            assert theirs_told == told(await attempt(program, operation, nobodys, headers)), operation.name
            tried.add((operation.name, theirs_told[0]))
    assert ("GET /api/v1/orders/{order_id}", 404) in tried
    assert ("POST /api/v1/orders/{order_id}/payments", 404) in tried
    assert ("POST /api/v1/cancellation-quotes/{quote_id}/confirm", 404) in tried
    assert await facts(program, other) == before
    assert other["record_locator"] not in str(tried)


async def test_ids_of_the_others_inside_a_body_reach_nothing(program):
    """A passenger or a segment of another order is not the guest's to give up."""
    mine, other = await program.order(), await program.order()
    await program.pay(mine)
    await program.pay(other)
    before = await facts(program, other)
    segments = [segment["id"] for each in other["slices"] for segment in each["segments"]]
    for body in ({"passenger_ids": [other["passengers"][0]["id"]]}, {"segment_ids": segments}):
        answer = await program.http.post(
            f"/api/v1/orders/{mine['id']}/cancellation-quotes",
            json=body,
            headers={**bearer(mine), "Idempotency-Key": new_key()},
        )
        assert answer.status_code in {404, 422}, answer.text
    assert await facts(program, other) == before
    assert (await program.read(mine))["status"] == "confirmed"
