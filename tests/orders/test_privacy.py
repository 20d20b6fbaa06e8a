"""Persons of orders: sealed at rest, masked for staff, exported, erased for good, and old rows sealed while we sell."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from tests.factories.accounts import bearing, make_person
from tests.factories.callers import staff as an_account
from tests.factories.giving_back import post_confirm, quote
from tests.factories.in_process import OPERATOR, new_key, order_id
from tests.factories.vault import VAULT
from tests.factories.vault import new_key as new_vault_key

from ais.accounts import UserKind
from ais.kit import Actor, ActorKind, Channel, decode_id, ids, system_actor
from ais.orders import read_own_order, show_order
from ais.orders.people import open_people
from ais.orders.privacy.repository import count_in_the_clear, orders_past_use
from ais.orders.privacy.service import (
    ErasureRefused,
    erase_account,
    erase_address,
    erase_orders,
    seal_next,
)
from ais.orders.repository import find_order
from ais.orders.service.settle import apply_settlement
from ais.payments import PaymentStatus, ProviderPayment, payments_of_order
from ais.platform.database import Database
from ais.platform.jobs import JobContext
from ais.platform.settings import DEMO_LOOKUP_KEY, DEMO_VAULT_KEY
from ais.platform.vault import Vault, mask_email, mask_tail, open_texts, rewrap_persons

ACTOR = system_actor("test")
EMAIL, PHONE = "sara@example.com", "+966500000000"


async def people_of(program, order, vault=VAULT):
    async with program.database.connection() as connection:
        return open_people(vault, await find_order(connection, order_id(order)))


async def erase(program, *orders):
    async with program.database.unit_of_work(ACTOR) as uow:
        return await erase_orders(uow, [order_id(each) for each in orders], "asked for")


async def give_up(program, order):
    """End an unpaid order."""
    answer = await post_confirm(program, order, await quote(program, order))
    assert answer.json()["status"] == "cancelled"


async def ended(program):
    order = await program.order()
    await give_up(program, order)
    return order


async def test_what_is_personal_rests_sealed_and_opens_for_its_order(program):
    offer = await program.offer()
    document = {"type": "passport", "number": "A1234567", "issuing_country": "SA", "expires_on": "2035-01-01"}
    person = {
        **program.people(offer)[0],
        "born_on": "1990-05-17",
        "nationality": "SA",
        "documents": [document],
        "name_local": {"given": "سارة", "family": "الحربي"},
    }
    order = (await program.post_order(offer, [person])).json()
    assert (order["contact"]["email"], order["passengers"][0]["born_on"]) == (EMAIL, "1990-05-17")
    assert await program.read(order) == {**order, "guest_token": None}
    (row,) = await program.rows(
        "SELECT num_nonnulls(given_name, family_name, search_name, name_local, born_on, nationality), documents::text,"
        " contact::text FROM order_passengers JOIN orders ON orders.id = order_id WHERE order_id = $1",
        order_id(order),
    )
    assert row == (0, "[]", None)
    people = await people_of(program, order)
    (details,) = people.details.values()
    assert (details.documents[0].number, details.nationality, details.name_local.family) == ("A1234567", "SA", "الحربي")


async def test_the_buyer_and_each_passenger_have_a_key_of_their_own(program):
    order = await program.order([{"type": "adult"}] * 2)
    keys = await program.rows(
        "SELECT contact_person_id FROM orders WHERE id = $1"
        " UNION SELECT person_id FROM order_passengers WHERE order_id = $1",
        order_id(order),
    )
    assert len(keys) == 3


@pytest.mark.parametrize("email", ["s\u0430ra@example.com", "\u0430\u0441\u0435@example.com"])
async def test_an_address_that_passes_for_another_is_refused_and_takes_no_seats(program, email):
    before = await program.rows("SELECT count(*) FROM holds")
    answer = await program.post_order(await program.offer(), contact={"email": email})
    error = answer.json()["error"]
    assert (answer.status_code, error["details"]["fields"][0]["path"]) == (422, "contact.email")
    assert await program.rows("SELECT count(*) FROM holds") == before


def staff(*permissions):
    return Actor(ActorKind.STAFF, "usr_test", Channel.API, frozenset(permissions))


async def test_staff_see_persons_masked_and_in_full_with_the_right_which_is_audited(program):
    offer = await program.offer(({"type": "adult"}, {"type": "child", "age": 7}))
    order = (await program.post_order(offer)).json()

    async def shown_to(actor):
        found = await read_own_order(program.database, actor, order["id"])
        return await show_order(program.database, found, "en", actor)

    async def audited():
        return await program.rows(
            "SELECT actor_id FROM audit_entries WHERE order_id = $1 AND action = 'passengers.personal_read'",
            order_id(order),
        )

    masked = await shown_to(staff("orders.read_any"))
    assert (masked.contact.email, masked.contact.phone) == ("s•••@example.com", "••••0000")
    assert [each.born_on for each in masked.passengers] == [None, None]
    assert masked.passengers[0].family_name == "Al-Harbi"
    listed = await program.http.get(
        "/api/v1/orders", params={"record_locator": order["record_locator"]}, headers=OPERATOR
    )
    assert listed.json()["items"][0]["contact"]["email"] == "s•••@example.com"
    assert await audited() == []
    full = await shown_to(staff("orders.read_any", "passengers.read_personal"))
    assert full.contact.email == EMAIL
    assert full.passengers[1].born_on.isoformat() == order["passengers"][1]["born_on"]
    assert await audited() == ["usr_test"]
    assert (await program.read(order))["contact"]["email"] == EMAIL
    assert await audited() == ["usr_test"]


async def test_erased_persons_are_gone_and_the_order_stays(program):
    key = new_key()
    offer = await program.offer()
    order = (await program.post_order(offer, key=key)).json()
    await give_up(program, order)
    done = await erase(program, order)
    assert (done.orders, done.persons) == (1, 2)
    shown = await program.read(order)
    assert (shown["contact"], shown["passengers"][0]["family_name"], shown["status"]) == (None, None, "cancelled")
    assert shown["total"] == order["total"]
    people = await people_of(program, order)
    assert (people.contact, dict(people.details)) == (None, {})
    (sealed,) = await program.rows("SELECT contact_sealed FROM orders WHERE id = $1", order_id(order))
    assert sealed is not None
    assert await program.rows("SELECT contact_lookup FROM orders WHERE id = $1", order_id(order)) == [None]
    body = {"record_locator": order["record_locator"], "family_name": "Al-Harbi"}
    assert (await program.http.post("/api/v1/orders/lookup", json=body)).status_code == 404
    again = await program.post_order(offer, key=key)
    assert (again.status_code, again.json()["error"]["code"]) == (410, "ANSWER_ERASED")
    assert (await erase(program, order)).orders == 0
    assert [move[1:] for move in await program.history(order, "personal_data")] == [("erased", "asked for")]


async def test_money_that_comes_for_an_erased_order_goes_back(own_program):
    program = own_program
    order = await program.order()
    payment = await program.begin_payment(order)
    async with program.later(minutes=20) as late:
        await late.expire(order)
    await erase(program, order)
    async with program.database.unit_of_work(ACTOR) as uow:
        # As if the bank had taken its time and the provider could not cancel.
        await uow.connection.execute("ALTER TABLE payments DISABLE TRIGGER USER")
        await uow.connection.execute("UPDATE payments SET status = 'processing' WHERE order_id = $1", order_id(order))
        await uow.connection.execute("ALTER TABLE payments ENABLE TRIGGER USER")
        (attempt,) = await payments_of_order(uow.connection, order_id(order))
        due = attempt.amount
        found = ProviderPayment(
            id=payment["provider_payment_id"], status=PaymentStatus.SUCCEEDED, amount=due, received=due,
            client_secret=None, reference=payment["id"], failure_code=None, capture_id=payment["provider_payment_id"],
        )  # fmt: skip
        await apply_settlement(uow, order_id(order), attempt.id, found)
    (reason,) = await program.rows("SELECT reason FROM refunds WHERE order_id = $1", order_id(order))
    assert reason == "travellers erased"
    assert (await program.read(order))["documents"] == []
    # The provider has no such money: what would go back there is not this test's matter.
    await program.rows("DELETE FROM jobs WHERE entrypoint = 'payments.refund'")


@pytest.mark.parametrize("why", ["to_be_paid", "journey_to_come", "refund_pending"])
async def test_what_is_still_needed_is_not_erased_and_said_why(program, why):
    order = await program.order()
    if why != "to_be_paid":
        await program.pay(order)
    if why == "refund_pending":
        quoted = await quote(program, order, refund_to="original_payment")
        assert (await post_confirm(program, order, quoted)).status_code == 200
        pending = await program.rows(
            "SELECT count(*)::int FROM refunds WHERE order_id = $1 AND status = 'pending'", order_id(order)
        )
        if pending == [0]:
            pytest.skip("the fare gives nothing back")
    other = await ended(program)
    with pytest.raises(ErasureRefused) as refused:
        await erase(program, order, other)
    (needed,) = refused.value.details["open"]
    assert (needed["record_locator"], needed["why"]) == (order["record_locator"], why)
    assert (await program.read(order))["contact"]["email"] == EMAIL
    assert (await program.read(other))["contact"]["email"] == EMAIL
    await program.run_jobs()


async def test_all_orders_of_an_address_are_found_by_its_hash_however_it_is_written(program):
    contact = {"email": "Layla.Q@Example.COM"}
    orders = []
    for _ in range(2):
        order = (await program.post_order(await program.offer(), contact=contact)).json()
        await give_up(program, order)
        orders.append(order)
    async with program.database.unit_of_work(ACTOR) as uow:
        assert (await erase_address(uow, "layla.q@example.com", "asked for")).orders == 2
    for order in orders:
        assert (await program.read(order))["contact"] is None


async def own_order(program, person, tokens):
    offer = await program.offer()
    body = {"offer_id": offer["id"], "passengers": program.people(offer), "contact": {"email": person.email}}
    return await program.http.post(
        "/api/v1/orders", json=body, headers={**bearing(tokens), "Idempotency-Key": new_key()}
    )


async def test_a_traveller_reads_all_their_data_and_is_erased_with_account_and_orders(program):
    person = await make_person(program)
    tokens = await person.log_in()
    order = (await own_order(program, person, tokens)).json()
    data = (await person.get("me/data", tokens)).json()
    assert (data["account"]["email"], data["account"]["name"]) == (person.email, "Sara Al-Harbi")
    assert [each["order"]["contact"]["email"] for each in data["orders"]] == [person.email]
    assert len(data["account"]["sessions"]) == 1
    refused = await person.post("me/erasure", tokens)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (409, "ERASURE_REFUSED")
    assert [each["why"] for each in error["details"]["open"]] == ["to_be_paid"]
    assert (await person.get("me", tokens)).status_code == 200

    await give_up(program, order)
    done = await person.post("me/erasure", tokens)
    assert (done.status_code, done.json()["orders"], done.json()["persons"]) == (200, 1, 3)
    assert "documents" in done.json()["remains"]
    assert (await person.get("me", tokens)).status_code == 401
    assert (await person.try_to_log_in()).status_code == 401
    (left,) = await program.rows(
        "SELECT num_nonnulls(email_lookup, email_sealed, name_sealed, password_hash) FROM users WHERE id = $1",
        person.user.id,
    )
    assert left == 0
    again = await make_person(program)
    assert (await again.get("me/data", await again.log_in())).json()["orders"] == []


FAMILY = ({"type": "adult"}, {"type": "adult"}, {"type": "child", "age": 7})


async def family_order(program, key=None):
    """Three of one order that has ended, each with a name of their own."""
    offer = await program.offer(FAMILY)
    people = [
        {**each, "given_name": name} for each, name in zip(program.people(offer), ("Sara", "Omar", "Lina"), strict=True)
    ]
    order = (await program.post_order(offer, passengers=people, key=key)).json()
    await give_up(program, order)
    return offer, people, order


async def privacy_desk(program):
    return await an_account(program, "admin")


async def test_one_passenger_of_an_order_is_erased_and_the_others_stay(program):
    key = new_key()
    offer, people, order = await family_order(program, key)
    desk = await privacy_desk(program)
    ledger = await program.rows("SELECT count(*) FROM ledger_postings")
    omar = order["passengers"][1]["id"]
    asked = {"order_id": order["id"], "passenger_ids": [omar]}
    done = await desk.post("privacy/erasures", **asked)
    assert (done.status_code, done.json()["orders"], done.json()["persons"]) == (200, 1, 1)
    assert "documents" in done.json()["remains"]
    shown = await program.read(order)
    assert [each["given_name"] for each in shown["passengers"]] == ["Sara", None, "Lina"]
    assert (shown["contact"]["email"], shown["total"]) == (EMAIL, order["total"])
    assert await program.rows("SELECT count(*) FROM ledger_postings") == ledger
    assert await program.rows(
        "SELECT id FROM order_passengers WHERE order_id = $1 AND name_lookup IS NULL", order_id(order)
    ) == [decode_id(ids.PASSENGER, omar)]
    assert [move[1:] for move in await program.history(order, "personal_data")] == [
        ("partly_erased", "asked for by the person")
    ]
    # An answer that was kept for a repeat named all three.
    again = await program.post_order(offer, passengers=people, key=key)
    assert (again.status_code, again.json()["error"]["code"]) == (410, "ANSWER_ERASED")
    assert (await desk.post("privacy/erasures", **asked)).json()["persons"] == 0
    (after,) = await program.rows(
        "SELECT after FROM audit_entries WHERE action = 'person.erased' AND order_id = $1", order_id(order)
    )
    assert after["passengers"] == [omar]
    # The rest of the order can go later.
    assert (await desk.post("privacy/erasures", order_id=order["id"])).json()["persons"] == 3
    assert (await program.read(order))["contact"] is None


async def contact_of(program, order):
    (lookup,) = await program.rows("SELECT contact_lookup IS NOT NULL FROM orders WHERE id = $1", order_id(order))
    return (await program.read(order))["contact"], lookup


async def test_the_buyer_who_is_erased_as_a_passenger_takes_the_contact_along(program):
    _, _, order = await family_order(program)
    desk = await privacy_desk(program)
    sara, omar, lina = (each["id"] for each in order["passengers"])
    refused = await desk.post("privacy/erasures", order_id=order["id"], with_contact=True)
    assert (refused.status_code, refused.json()["error"]["details"]["fields"][0]["path"]) == (422, "with_contact")
    asked = {"order_id": order["id"], "passenger_ids": [sara], "with_contact": True}
    assert (await desk.post("privacy/erasures", **asked)).json()["persons"] == 2
    assert await contact_of(program, order) == (None, False)
    assert [each["given_name"] for each in (await program.read(order))["passengers"]] == [None, "Omar", "Lina"]
    (after,) = await program.rows(
        "SELECT after FROM audit_entries WHERE action = 'person.erased' AND order_id = $1", order_id(order)
    )
    assert (after["persons"], after["passengers"], after["buyer"]) == (2, [sara], True)
    assert (await desk.post("privacy/erasures", **asked)).json()["persons"] == 0
    # Whoever is left is found by the clock, though there is no contact any more.
    async with program.database.connection() as connection:
        due = await orders_past_use(
            connection, unpaid=timedelta(seconds=-1), travelled=timedelta(days=700), after=None, limit=500
        )
    assert order_id(order) in due
    done = await desk.post("privacy/erasures", order_id=order["id"], passenger_ids=[omar, lina])
    assert done.json()["persons"] == 2


async def test_what_staff_wrote_about_an_order_goes_with_any_of_its_persons(program):
    offer = await program.offer(FAMILY)
    email = "family.of.lina@example.com"
    order = (await program.post_order(offer, contact={"email": email})).json()
    await program.pay(order)
    desk, finance = await privacy_desk(program), await an_account(program, "finance")
    voided = await finance.post(f"orders/{order['id']}/void", reason="Lina is ill")
    assert voided.status_code == 200, voided.text
    await program.run_jobs()
    await program.rows("UPDATE refunds SET status = 'succeeded' WHERE order_id = $1", order_id(order))

    async def written():
        async with program.database.connection() as connection:
            moves = await connection.fetch(
                "SELECT DISTINCT reason FROM coupon_moves JOIN documents ON documents.id = document_id"
                " WHERE order_id = $1 AND to_status = 'void'",
                order_id(order),
            )
            return [each.text for each in await open_texts(connection, VAULT, [each["reason"] for each in moves])]

    async def exported():
        (own,) = (await desk.post("privacy/exports", email=email)).json()["orders"]
        return own["written"]

    assert (await written(), await exported()) == (["Lina is ill"], ["Lina is ill"])
    named = [order["passengers"][1]["id"]]
    done = await desk.post("privacy/erasures", order_id=order["id"], passenger_ids=named)
    assert (done.status_code, done.json()["persons"]) == (200, 1)
    assert (await written(), await exported()) == ([None], [])
    assert (await contact_of(program, order))[1] is True


async def test_the_contact_goes_with_the_last_passenger(program):
    _, _, order = await family_order(program)
    desk = await privacy_desk(program)
    for number, persons in enumerate((1, 1, 2)):
        assert await contact_of(program, order) == (order["contact"], True)
        named = [order["passengers"][number]["id"]]
        done = await desk.post("privacy/erasures", order_id=order["id"], passenger_ids=named)
        assert done.json()["persons"] == persons
    assert await contact_of(program, order) == (None, False)


async def test_a_passenger_who_is_to_fly_or_of_another_order_is_not_erased(program):
    offer = await program.offer(FAMILY)
    order = (await program.post_order(offer)).json()
    _, _, other = await family_order(program)
    desk = await privacy_desk(program)
    passengers = [order["passengers"][1]["id"]]
    refused = await desk.post("privacy/erasures", order_id=order["id"], passenger_ids=passengers)
    error = refused.json()["error"]
    assert (refused.status_code, [each["why"] for each in error["details"]["open"]]) == (409, ["to_be_paid"])
    for wrong in (passengers, ["pas_nobody"]):
        missing = await desk.post("privacy/erasures", order_id=other["id"], passenger_ids=wrong)
        assert missing.status_code == 404
    for unsound in ({}, {"email": EMAIL, "order_id": order["id"]}, {"email": EMAIL, "passenger_ids": passengers}):
        assert (await desk.post("privacy/erasures", **unsound)).status_code == 422
    for each in (order, other):
        assert all(passenger["given_name"] for passenger in (await program.read(each))["passengers"])


async def test_staff_export_and_erase_who_asked_them_and_it_is_audited(program):
    person = await make_person(program)
    tokens = await person.log_in()
    own = (await own_order(program, person, tokens)).json()
    bought = (await program.post_order(await program.offer(), contact={"email": person.email.upper()})).json()
    desk = await privacy_desk(program)
    data = (await desk.post("privacy/exports", email=person.email)).json()
    assert data["account"]["email"] == person.email
    assert {each["order"]["id"] for each in data["orders"]} == {own["id"], bought["id"]}
    assert (await desk.post("privacy/erasures", email=person.email)).json()["error"]["code"] == "ERASURE_REFUSED"
    assert (await person.get("me", tokens)).status_code == 200
    for order in (own, bought):
        await give_up(program, order)
    done = await desk.post("privacy/erasures", email=person.email)
    assert (done.status_code, done.json()["orders"], done.json()["persons"]) == (200, 2, 5)
    assert (await person.get("me", tokens)).status_code == 401
    for path in ("privacy/exports", "privacy/erasures"):
        assert (await desk.post(path, email=person.email)).status_code == 404
    assert await program.rows(
        "SELECT DISTINCT action FROM audit_entries WHERE actor_id = $1 AND action <> 'access.denied' ORDER BY 1",
        desk.id,
    ) == ["account.erased", "person.erased", "person.exported"]


async def test_who_has_proved_nothing_of_late_and_who_may_not_are_refused_and_staff_are_not_erased(program):
    desk, clerk, colleague = (
        await privacy_desk(program),
        await an_account(program, "support"),
        await make_person(program, UserKind.STAFF, "ops"),
    )
    assert (await desk.post("privacy/erasures", email=colleague.email)).status_code == 403
    assert (await colleague.try_to_log_in()).status_code == 200
    for path in ("privacy/exports", "privacy/erasures"):
        assert (await clerk.post(path, email=EMAIL)).status_code == 403
    (version,) = await program.rows(
        "UPDATE users SET access_version = access_version + 1 WHERE id = $1 RETURNING access_version", desk.user_id
    )
    await program.rows(
        "UPDATE sessions SET second_factor_at = second_factor_at - interval '1 hour' WHERE id = $1", desk.session_id
    )
    await program.state.account_services.checks.announce(desk.user_id, version)
    for path in ("privacy/exports", "privacy/erasures"):
        answer = await desk.post(path, email=EMAIL)
        assert answer.json()["error"]["code"] == "STEP_UP_REQUIRED"


async def test_staff_do_not_erase_themselves(program):
    person = await make_person(program, UserKind.STAFF, "finance")
    assert (await person.post("me/erasure", await person.log_in())).status_code == 403


async def race_of_erasure_and_sale(program):
    """A sale in the name of an account whose erasure has looked for its orders and is about to commit."""
    person = await make_person(program)
    tokens = await person.log_in()
    async with program.database.unit_of_work(ACTOR) as uow:
        await erase_account(uow, person.user.id, "asked for")
        sale = asyncio.create_task(own_order(program, person, tokens))
        await program.done_or_waiting(sale)
    answer = await sale
    kept = await program.rows("SELECT id FROM orders WHERE owner_user_id = $1", person.user.id)
    return answer.status_code, len(kept)


async def test_an_erasure_leaves_no_order_of_a_sale_beside_it(program):
    holds = await program.rows("SELECT count(*) FROM holds WHERE status = 'active'")
    assert await race_of_erasure_and_sale(program) == (403, 0)
    assert await program.rows("SELECT count(*) FROM holds WHERE status = 'active'") == holds


async def test_control_without_the_owner_s_guard_an_order_is_left(own_program):
    await own_program.rows("ALTER TABLE orders DISABLE TRIGGER orders_owner_lives")
    assert await race_of_erasure_and_sale(own_program) == (201, 1)


async def test_a_sale_that_commits_first_is_seen_by_the_erasure(program):
    person = await make_person(program)
    order = (await own_order(program, person, await person.log_in())).json()
    with pytest.raises(ErasureRefused):
        async with program.database.unit_of_work(ACTOR) as uow:
            await erase_account(uow, person.user.id, "asked for")
    assert (await program.rows("SELECT owner_user_id FROM orders WHERE id = $1", order_id(order))) == [person.user.id]


async def to_the_clear(program, order, people):
    """Put an order back to how an earlier release wrote it."""
    async with program.database.unit_of_work(ACTOR) as uow:
        await uow.connection.execute(
            "UPDATE orders SET contact = $2, language = NULL, contact_person_id = NULL, contact_sealed = NULL,"
            " contact_lookup = NULL, created_at = created_at - interval '1 hour' WHERE id = $1",
            order_id(order),
            {"email": people.contact.email, "phone": people.contact.phone, "language": "ar"},
        )
        for passenger, details in people.details.items():
            await uow.connection.execute(
                "UPDATE order_passengers SET person_id = NULL, personal_sealed = NULL, name_lookup = NULL,"
                " given_name = $2, family_name = $3, search_name = 'harbi', born_on = $4 WHERE id = $1",
                passenger,
                details.given_name,
                details.family_name,
                details.born_on,
            )


async def test_orders_of_an_earlier_release_are_read_as_they_are_and_sealed_beside_the_sale(own_program):
    program = own_program
    orders = [await program.order(({"type": "adult"}, {"type": "child", "age": 7})) for _ in range(3)]
    shown = [await program.read(order) for order in orders]
    for order in orders:
        await to_the_clear(program, order, await people_of(program, order))

    def but_for_language(body):
        return {
            **body,
            "contact": {**body["contact"], "language": None},
            "version": None,
            "updated_at": None,
            "created_at": None,
        }

    for order, before in zip(orders, shown, strict=True):
        assert but_for_language(await program.read(order)) == but_for_language(before)
    body = {"record_locator": orders[0]["record_locator"], "family_name": "harbi"}
    assert (await program.http.post("/api/v1/orders/lookup", json=body)).status_code == 200
    await program.pay(orders[0])

    async def step():
        async with program.database.unit_of_work(ACTOR) as uow:
            return await seal_next(uow, limit=2)

    first, second, sale = await asyncio.gather(step(), step(), program.order())
    assert sorted([first, second]) == [(1, 1), (2, 2)]
    assert await step() == (0, 0)
    async with program.database.connection() as connection:
        assert await count_in_the_clear(connection) == 0
    for order in [*orders, sale]:
        read = await program.read(order)
        assert read["contact"]["email"] == EMAIL
        assert len([each for each in read["passengers"] if each["family_name"] == "Al-Harbi"]) == len(
            order["passengers"]
        )
    assert (await program.read(orders[1]))["contact"]["language"] == "ar"
    assert (await program.http.post("/api/v1/orders/lookup", json=body)).status_code == 200
    with pytest.raises(asyncpg.CheckViolationError):
        await program.rows("UPDATE order_passengers SET family_name = 'X' WHERE personal_sealed IS NOT NULL")


async def test_rotation_beside_reading_and_selling_opens_everything(own_program):
    program = own_program
    order = await program.order()
    rotated = Vault(f"{new_vault_key('next')},{DEMO_VAULT_KEY}", DEMO_LOOKUP_KEY)
    database = Database(program.database.pool, program.database.clock, rotated)

    async def rotate():
        after = None
        while True:
            async with database.unit_of_work(ACTOR) as uow:
                after = await rewrap_persons(uow, rotated, after=after, limit=1)
            if after is None:
                return

    # A process that knows only the old key goes on while the other one has both: its own new orders are under the old.
    _, sold = await asyncio.gather(rotate(), program.order())
    await rotate()
    for each in (order, sold):
        assert (await people_of(program, each, rotated)).contact.email == EMAIL
    assert await program.rows("SELECT DISTINCT kek_id FROM person_keys") == ["next"]
    await program.rows("DELETE FROM notices")


async def test_persons_are_kept_as_long_as_the_settings_say(own_program):
    program = own_program
    unpaid, flown, fresh = await ended(program), await program.order(), await program.order()
    await program.pay(flown)
    async with program.later(days=31) as late:
        await _erase_past_use(late)
    assert (await program.read(unpaid))["contact"] is None
    assert (await program.read(flown))["contact"]["email"] == EMAIL
    assert (await program.read(fresh))["contact"]["email"] == EMAIL
    async with program.later(days=800) as late:
        await _erase_past_use(late)
    assert (await program.http.get(f"/api/v1/orders/{flown['id']}", headers=OPERATOR)).json()["contact"] is None
    (name,) = await program.rows("SELECT passenger_name FROM documents WHERE order_id = $1", order_id(flown))
    assert name == "AL HARBI/SARA"


async def _erase_past_use(late):
    definition = late.registry.definitions["orders.erase_past_use"]
    await definition.function(JobContext(late.database, definition.name, "test", 0, 1), {})


def test_a_mask_leaves_what_tells_apart_and_no_more():
    assert (mask_email("sara@example.com"), mask_email("s@x.example")) == ("s•••@example.com", "s•••@x.example")
    assert (mask_tail("A1231234"), mask_tail("+966500001234"), mask_tail("1234567")) == ("••••1234", "••••1234", "••••")
