"""An account with a verified address takes over the orders that were made with it, and no others."""

from __future__ import annotations

from tests.factories.accounts import make_person
from tests.factories.in_process import CONTACT, OPERATOR, order_id

from ais.accounts import AddressVerified
from ais.kit import encode_id, ids, system_actor


async def order_with(program, email, **more):
    answer = await program.post_order(await program.offer(), contact={**CONTACT, "email": email}, **more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def show_address(program, person):
    async with program.database.unit_of_work(system_actor("test")) as uow:
        uow.publish(AddressVerified(str(person.user.id)))
    await program.run_jobs()


async def listed(person, tokens):
    return {each["id"] for each in (await person.get("orders", tokens)).json()["items"]}


async def test_orders_of_the_address_become_the_accounts_own(program):
    person, other = await make_person(program), await make_person(program)
    first, second = await order_with(program, person.email), await order_with(program, person.email.upper())
    foreign = await order_with(program, other.email)
    tokens = await person.log_in()
    assert await listed(person, tokens) == set()
    assert (await person.get(f"orders/{first['id']}", tokens)).status_code == 404
    await show_address(program, person)
    assert await listed(person, tokens) == {first["id"], second["id"]}
    assert (await person.get(f"orders/{first['id']}", tokens)).status_code == 200
    assert (await person.get(f"orders/{foreign['id']}", tokens)).status_code == 404
    # Whoever has the link of the mail still comes in.
    assert (await program.read(first))["id"] == first["id"]
    (after,) = await program.rows(
        "SELECT after FROM audit_entries WHERE order_id = $1 AND action = 'order.taken_over'", order_id(first)
    )
    assert after == {"owner": encode_id(ids.USER, person.user.id)}


async def test_what_has_an_owner_is_not_taken(program):
    owner, person = await make_person(program), await make_person(program)
    tokens = await owner.log_in()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    order = await order_with(program, person.email, headers=headers)
    await show_address(program, person)
    assert await listed(owner, tokens) == {order["id"]}
    assert await listed(person, await person.log_in()) == set()
    assert (await program.http.get(f"/api/v1/orders/{order['id']}", headers=OPERATOR)).status_code == 200
