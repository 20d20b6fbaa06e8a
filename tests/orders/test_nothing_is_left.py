"""Names planted through every door: at rest nowhere but on the ticket, and after an erasure opened by nobody.

The whole database is written out, every table of every schema, and searched for the planted words as they are and as
the bytes of binary columns; so are the logs of the program.
"""

from __future__ import annotations

import io
import json

from tests.factories.accounts import PASSWORD, Person, bearing
from tests.factories.callers import staff as a_caller
from tests.factories.giving_back import post_confirm, quote
from tests.factories.in_process import departure, in_process, new_key, order_id
from tests.factories.logs import all_logged
from tests.factories.mailbox import start_mailbox
from tests.factories.notices import notices_of
from tests.factories.page_reader import SITE, visitor_of
from tests.factories.vault import VAULT

from ais.accounts import UserKind
from ais.accounts.service.register import create_user
from ais.kit import system_actor
from ais.orders import history_of
from ais.orders.people import open_people
from ais.orders.privacy.service import erase_address
from ais.orders.repository import find_order
from ais.platform.vault import open_texts

ACTOR = system_actor("test")
EMAIL = "zephyrine.q77@planted.example"
GIVEN, FAMILY = "Zephyrine", "Quillfeather"
WORDS = (
    EMAIL,
    "q77@planted",
    GIVEN,
    FAMILY,
    "زفيرين",
    "قويلفذر",
    "+966551237788",
    "551237788",
    "XK9917345Z",
    "1987-11-23",
)


async def dump(database):
    """Every row of every table of every schema, as text, by table."""
    async with database.connection() as connection:
        tables = await connection.fetch(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
            " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
        written = {}
        for schema, table in tables:
            rows = io.BytesIO()
            await connection.copy_from_table(table, schema_name=schema, output=rows)
            written[f"{schema}.{table}"] = rows.getvalue().decode().lower()
    return written


def found_in(written):
    """The tables that hold a planted word, as text or as the bytes of a binary column, with the words."""
    return {
        table: sorted(words)
        for table, text in written.items()
        if (
            words := {
                word
                for word in WORDS
                for spelling in {word, word.lower()}
                if spelling.lower() in text or spelling.encode().hex() in text
            }
        )
    }


def passenger(offer):
    return {
        "id": offer["passengers"][0]["id"],
        "given_name": GIVEN,
        "family_name": FAMILY,
        "name_local": {"given": "زفيرين", "family": "قويلفذر"},
        "born_on": "1987-11-23",
        "nationality": "SA",
        "documents": [
            {"type": "passport", "number": "XK9917345Z", "issuing_country": "SA", "expires_on": "2035-01-01"}
        ],
    }


async def order_by_api(program, headers=None, days=None):
    offer = await program.offer(slices=None if days is None else [("RUH", "JED", departure(days))])
    answer = await program.post_order(
        offer, [passenger(offer)], contact={"email": EMAIL, "phone": "+966551237788"}, headers=headers or {}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def pay_with_a_talkative_provider(program, order):
    """The provider's messages say who paid, and its refusals what was written wrong."""
    payment = await program.begin_payment(order)
    await program.confirm(payment)
    for event in await program.events_of(payment):
        held = event["data"]["object"]
        held["receipt_email"] = EMAIL
        held["billing_details"] = {"name": f"{GIVEN} {FAMILY}", "email": EMAIL, "phone": "+966551237788"}
        held["charges"] = {"data": [{"billing_details": {"name": f"{GIVEN} {FAMILY}"}}]}
        held["description"] = f"For {GIVEN} {FAMILY}"
        assert (await program.deliver(event)).status_code == 200
    customer = {"id": "cus_1", "object": "customer", "email": EMAIL, "metadata": {"name": FAMILY, "order_id": EMAIL}}
    await program.deliver({"id": "evt_unknown", "type": "customer.created", "data": {"object": customer}})
    await program.deliver({"id": "evt_strange", "type": "charge.refunded", "data": {"object": {"name": FAMILY}}})
    await program.run_jobs()


async def order_by_page(program):
    async with visitor_of(program) as visitor:
        form = await visitor.travellers("en")
        filled = visitor.filled_in(form)
        for name in filled:
            if name.endswith("given"):
                filled[name] = GIVEN if "local" not in name else "زفيرين"
            elif name.endswith("family"):
                filled[name] = FAMILY if "local" not in name else "قويلفذر"
        page = await visitor.send("/en/travellers", {**filled, "email": EMAIL, "phone": "+966551237788"})
        assert page.status == 200, page.text
        wrong = await visitor.send("/en/travellers", {**filled, "email": f"{GIVEN} {FAMILY}"})
        assert wrong.status in {200, 409, 422}
        return visitor.order_json(page)


async def fail_in_every_way(program, order):
    """Requests that are refused, with planted words where they do not belong."""
    offer = await program.offer()
    good = {"offer_id": offer["id"], "passengers": [passenger(offer)], "contact": {"email": EMAIL}}
    key = new_key()
    for body in (
        {**good, GIVEN: FAMILY},
        {**good, "offer_id": FAMILY},
        {**good, "passengers": [{**good["passengers"][0], "born_on": EMAIL}]},
        {**good, "passengers": [{**good["passengers"][0], "family_name": f"{FAMILY}\u0000"}]},
        {**good, "contact": {"email": f"{GIVEN} {FAMILY}"}},
    ):
        answer = await program.http.post("/api/v1/orders", json=body, headers={"Idempotency-Key": key})
        assert 400 <= answer.status_code < 500, answer.text
    for path in (f"orders/{FAMILY}", f"orders?status={FAMILY}", f"orders?cursor={EMAIL}", f"airports?q={FAMILY}"):
        await program.http.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {FAMILY}"})
    wrong = {"record_locator": order["record_locator"], "family_name": f"{FAMILY}x"}
    assert (await program.http.post("/api/v1/orders/lookup", json=wrong)).status_code == 404
    await program.http.post("/api/v1/auth/login", json={"email": EMAIL, "password": f"{GIVEN}-{FAMILY}"})
    await program.http.post("/api/v1/auth/register", json={"email": EMAIL, "password": "Palms-over-44", "name": GIVEN})


async def written_by_staff(program, waived, undone):
    """What people write about orders by hand names them: a void, and a waiver that a second person is to sign."""
    desk, other = await a_caller(program, "finance"), await a_caller(program, "support")
    voided = await desk.post(f"orders/{undone['id']}/void", reason=f"{GIVEN} {FAMILY} called, {EMAIL}")
    assert (voided.status_code, voided.json()["status"]) == (200, "cancelled"), voided.text
    quoted = await other.post(f"orders/{waived['id']}/cancellation-quotes", waiver_reason=f"{FAMILY}'s mother died")
    asked = await other.post(f"cancellation-quotes/{quoted.json()['id']}/confirm")
    assert (asked.status_code, asked.json()["reason"]) == (202, f"{FAMILY}'s mother died")
    assert (await desk.get("approvals")).status_code == 200
    return asked.json()["id"]


async def history(program, order):
    async with program.database.connection() as connection:
        return await history_of(connection, order_id(order))


async def opened_texts(program, texts):
    async with program.database.connection() as connection:
        return await open_texts(connection, VAULT, texts)


async def test_planted_names_rest_on_the_ticket_alone_and_are_gone_when_erased(servers, market, simulator, tmp_path):
    mailbox = start_mailbox(tmp_path)
    try:
        settings = {
            "smtp_url": f"{mailbox.smtp_url}?security=none",
            "mail_from": "booking@rimal.example",
            "public_url": SITE,
            "log_level": "debug",
        }
        with servers.database(market) as url:
            with all_logged() as logged:
                async with in_process(url, servers.cache_url(), simulator, **settings) as program:
                    await _plant_erase_and_search(program)
            assert '"component": "access"' in logged.getvalue()
            assert [line for line in logged.getvalue().splitlines() if found_in({"": line.lower()})] == []
    finally:
        mailbox.stop()


async def _plant_erase_and_search(program):
    services = program.state.account_services
    user = await create_user(
        services, kind=UserKind.TRAVELLER, email=EMAIL, password=PASSWORD, name=f"{GIVEN} {FAMILY}", language="en",
        actor=ACTOR,
    )  # fmt: skip
    person = Person(program, user, EMAIL)
    tokens = await person.log_in()
    own = await order_by_api(program, bearing(tokens))
    guest = await order_by_api(program)
    shop = await order_by_page(program)
    await pay_with_a_talkative_provider(program, guest)
    await fail_in_every_way(program, guest)
    # A few days before departure something is kept, which can be waived.
    undone, waived = await order_by_api(program), await order_by_api(program, days=5)
    for order in (undone, waived):
        await program.pay(order)
    approval = await written_by_staff(program, waived, undone)
    assert (await program.read(guest))["status"] == "confirmed"
    assert (await person.get("me/data", tokens)).status_code == 200
    for order in (own, guest, shop, waived):
        quoted = await quote(program, order)
        assert (await post_confirm(program, order, quoted)).status_code == 200
    await program.run_jobs()
    async with program.later(minutes=2) as late:
        await late.try_jobs()
    assert {notice[0] for notice in await notices_of(program, guest)} >= {"order_confirmed"}
    await program.rows("UPDATE refunds SET status = 'succeeded' WHERE status = 'pending'")

    # Even before anybody is erased: nowhere in the clear but on the ticket.
    on_the_ticket = {"public.documents": sorted([GIVEN, FAMILY])}
    assert found_in(await dump(program.database)) == on_the_ticket

    erased = await person.post("me/erasure", tokens)
    assert erased.status_code == 200, erased.text
    async with program.database.unit_of_work(ACTOR) as uow:
        assert (await erase_address(uow, EMAIL, "asked for")).orders == 4
    await program.run_jobs()
    assert found_in(await dump(program.database)) == on_the_ticket
    hashed = VAULT.lookup_hash("email", EMAIL).hex()
    assert [table for table, text in (await dump(program.database)).items() if hashed in text] == []
    desk = await a_caller(program, "airline_admin")
    shown = {each["id"]: each["reason"] for each in (await desk.get("approvals")).json()["items"]}
    assert shown[approval] is None
    reasons = [move["reason"] for move in await history(program, undone)]
    opened = [each.text for each in await opened_texts(program, reasons)]
    # The tickets and the order are void for the same reason; all others are words of the program's.
    assert (opened.count(None), opened[-1]) == (2, "asked for")
    async with program.database.connection() as connection:
        for order in (own, guest, shop):
            people = open_people(VAULT, await find_order(connection, order_id(order)))
            assert (people.contact, dict(people.details)) == (None, {})
        living = (
            "SELECT id FROM person_keys WHERE destroyed_at IS NULL"
            " EXCEPT SELECT person_id FROM users WHERE kind = 'staff'"
        )
        assert await connection.fetch(living) == []

    # The control: a word in a text and one in a binary column are found.
    await program.rows("INSERT INTO staff_queue (kind, subject, details) VALUES ('x', 'y', $1)", {"who": FAMILY})
    await program.rows(
        "INSERT INTO jobs (entrypoint, payload, execute_after, headers) VALUES ('x', $1, ais_now(), '{}')",
        json.dumps({"who": GIVEN}).encode(),
    )
    assert found_in(await dump(program.database)) == {
        **on_the_ticket,
        "public.staff_queue": [FAMILY],
        "public.jobs": [GIVEN],
    }
    await program.rows("DELETE FROM jobs WHERE entrypoint = 'x'")
