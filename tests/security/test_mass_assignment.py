"""What a client may name: the fields of the document, none of which sets a sum, a state, a role or an owner."""

from __future__ import annotations

import pytest
from tests.factories.described_requests import operations
from tests.factories.in_process import FAMILY_NAME, new_key

# Fields of bodies that name a sum, a state or somebody's rights, each with the reason why a client may send it.
MAY_BE_SENT = {
    ("POST /api/v1/agencies", "credit_limit"): "finance grants credit to an agency",
    ("POST /api/v1/agencies", "amount"): "as above",
    ("POST /api/v1/agencies/{agency_id}/credit-limit", "credit_limit"): "finance grants credit to an agency",
    ("POST /api/v1/agencies/{agency_id}/credit-limit", "amount"): "as above",
    ("POST /api/v1/agencies/{agency_id}/top-ups", "amount"): "finance records what a bank statement says",
    ("POST /api/v1/api-keys", "permissions"): "staff give a machine some of what they may give, after step-up",
    ("POST /api/v1/cash/shifts", "opening_float"): "a cashier counts the drawer",
    ("POST /api/v1/cash/shifts", "amount"): "as above",
    ("POST /api/v1/cash/shifts/{shift_id}/close", "counted"): "a cashier counts the drawer",
    ("POST /api/v1/cash/shifts/{shift_id}/close", "amount"): "as above",
    ("POST /api/v1/orders/lookup", "record_locator"): "names what is looked for",
    ("POST /api/v1/users/{user_id}/roles", "role"): "staff ask for a role, and a second person signs it",
}
SUSPECT = {
    "amount", "total", "price", "paid", "refund", "refunded", "balance_due", "fee", "penalty", "value", "credit_limit",
    "opening_float", "counted", "status", "payment_status", "ticketing_status", "state", "role", "roles", "permission",
    "permissions", "is_admin", "owner", "owner_id", "owner_user_id", "user_id", "seller_id", "agent_id", "channel",
    "point_of_sale", "version", "created_at", "guest_token", "record_locator", "hold_id", "provider",
}  # fmt: skip


async def described(program):
    return operations((await program.http.get("/schema/openapi.json")).json())


async def test_no_body_takes_a_field_that_the_document_does_not_name(program):
    open_ended = [
        (operation.name, place)
        for operation in await described(program)
        for place, schema in operation.schemas()
        if schema.get("additionalProperties") is not False
    ]
    assert open_ended == []


async def test_what_names_a_sum_a_state_a_role_or_an_owner_is_known_with_its_reason(program):
    """A new field of that kind needs its row in the list above; a row whose field is gone is refused too."""
    found = {
        (operation.name, field)
        for operation in await described(program)
        for _, schema in operation.schemas()
        for field in schema["properties"]
        if field in SUSPECT
    }
    assert found == set(MAY_BE_SENT)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("total", {"amount": "1.00", "currency": "SAR"}),
        ("status", "confirmed"),
        ("payment_status", "paid"),
        ("owner_user_id", "usr_1"),
        ("seller_id", "agency"),
        ("channel", "agent"),
        ("roles", ["super_admin"]),
        ("version", 7),
        ("guest_token", "gst_mine"),
        ("__proto__", {"admin": True}),
    ],
)
async def test_what_is_sent_besides_is_refused_by_name_and_makes_nothing(program, field, value):
    offer = await program.offer()
    (before,) = await program.rows("SELECT count(*) FROM orders")
    for more in ({field: value}, {"contact": {"email": "a@example.com", field: value}}):
        answer = await program.post_order(offer, **more)
        assert answer.status_code == 422, answer.text
        assert field in answer.json()["error"]["details"]["fields"][0]["path"]
    person = {**program.people(offer)[0], field: value}
    assert (await program.post_order(offer, [person])).status_code == 422
    assert await program.rows("SELECT count(*) FROM orders") == [before]


async def test_a_payment_is_of_what_is_due_whatever_is_sent_with_it(program):
    order = await program.order()
    for more in ({"amount": {"amount": "0.01", "currency": "SAR"}}, {"status": "succeeded"}, {"currency": "JPY"}):
        answer = await program.post_payment(order, **more)
        assert answer.status_code == 422, answer.text
    payment = await program.begin_payment(order)
    assert payment["amount"] == order["total"]


async def test_a_key_twice_in_one_object_is_one_value_and_that_one_is_checked(program):
    """JSON may name a field twice; whichever counts is the one that is validated, priced and stored."""
    offer = await program.offer()
    person = program.people(offer)[0]
    text = (
        f'{{"offer_id": "{offer["id"]}", "passengers": [{{"id": "{person["id"]}", "given_name": "Sara",'
        f' "family_name": "1; DROP", "family_name": "{FAMILY_NAME}"}}], "contact": {{"email": "a@example.com"}}}}'
    )
    answer = await program.http.post(
        "/api/v1/orders", content=text, headers={"Content-Type": "application/json", "Idempotency-Key": new_key()}
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["passengers"][0]["family_name"].casefold() == FAMILY_NAME.casefold()
    assert (await program.read(answer.json()))["passengers"] == answer.json()["passengers"]
