"""Every route and every command that changes something leaves an entry in the audit trail.

The tables are written by hand and say what each leaves, or why it leaves nothing. A route or command that they do not
know fails here; and whatever they say leaves an entry is called, and its entry looked for.
"""

from __future__ import annotations

import asyncio
import importlib
from datetime import UTC, datetime, timedelta
from importlib import resources
from uuid import uuid4

import click
import msgspec
import pyotp
import pytest
from tests.factories.accounts import OTHER_PASSWORD, PASSWORD, bearing, make_person, new_email
from tests.factories.audit import entries
from tests.factories.callers import staff
from tests.factories.command_line import CommandLine, without_flight
from tests.factories.giving_back import bank_decides
from tests.factories.in_process import OPERATOR, bearer, departure, in_process, new_key, order_id, payment_id
from tests.factories.programs import market, simulator

from ais.accounts import UserKind
from ais.app import demo_data
from ais.app.asgi import litestar_application
from ais.app.cli import COMMANDS
from ais.kit import Money, encode_id, ids, system_actor
from ais.kit.ids import PaymentId, RefundId
from ais.payments import DisputeStatus, begin_refund
from ais.platform.jobs import JobRegistry, Retry
from ais.platform.jobs.worker import run_due_jobs
from ais.platform.settings import Settings
from ais.platform.staff_queue import ask_staff

__all__ = ["market", "simulator"]

ACTOR = system_actor("test")
FARES = resources.files("ais.app.demo_data") / "fares"

# By operation: the entry that a call of it leaves.
ROUTES = {
    "create_order_from_offer": "order.created",
    "start_payment": "payment.begun",
    "send_payment_link": "payment.begun",
    "quote_cancellation_of_order": "order.cancellation_quoted",
    "confirm_cancellation_quote": "order.given_up",
    "void_documents_of_order": "order.voided",
    "try_refund_again": "refund.retried",
    "replay_webhook_event": "webhook.replayed",
    "add_agency": "agency.created",
    "change_credit_limit": "agency.credit_limit_set",
    "top_up": "agency.topped_up",
    "pay_from_deposit": "agency.paid",
    "add_office": "cash.office_added",
    "start_shift": "cash.shift_opened",
    "pay_in_cash": "cash.taken",
    "pay_out": "cash.paid_out",
    "end_shift": "cash.shift_closed",
    "write_off": "cash.difference_written_off",
    "add_agency_user": "account.created",
    "lock_agency_user": "account.locked",
    "ask_for_role": "approval.requested",
    "ask_to_revoke_role": "approval.requested",
    "approve": "role.granted",
    "decline_approval": "approval.declined",
    "create_api_key": "api_key.created",
    "revoke_api_key": "api_key.revoked",
    "verify_registration": "account.created",
    "choose_password": "account.password_changed",
    "change_own_password": "account.password_changed",
    "log_in": "account.signed_in",
    "log_out": "account.session_ended",
    "end_session": "account.sessions_ended",
    "end_sessions": "account.sessions_ended",
    "prove_again": "account.stepped_up",
    "confirm_own_second_factor": "account.second_factor_added",
    "remove_own_second_factor": "account.second_factor_removed",
    "erase_me": "account.erased",
    "export_data_of_person": "person.exported",
    "erase_data_of_person": "account.erased",
}
ROUTES_WITHOUT = {
    "search_offers": "reads",
    "look_up_order": "reads what whoever knows locator and name may see",
    "look_up_credit": "reads what whoever knows the code may see",
    "receive_stripe_event": "kept whole in provider_events; what follows from it has entries of its job",
    "register_account": "there is no account before the link is used; verify_registration records it",
    "ask_for_reset": "nothing changes before the link is used; choose_password records it",
    "refresh_tokens": "goes on with a session whose beginning is recorded; the use of an old token is, as its end",
    "begin_own_second_factor": "counts from its confirmation on, which is recorded",
}
# Forms of the pages: each calls the use case of an operation above.
PAGES = {
    "book": "create_order_from_offer",
    "pay": "start_payment",
    "ask_what_comes_back": "quote_cancellation_of_order",
    "give_up": "confirm_cancellation_quote",
    "look_up": "look_up_order",
    "send_sign_in": "log_in",
    "send_sign_out": "log_out",
    "send_register": "register_account",
    "send_verify": "verify_registration",
    "send_forgotten": "ask_for_reset",
    "send_new_password": "choose_password",
    "send_change": "change_own_password",
    "send_second_factor": "confirm_own_second_factor",
    "send_removal": "remove_own_second_factor",
    "end_own_session": "end_session",
    "send_proof": "prove_again",
    "send_decision": "approve",
}

COMMAND_ENTRIES = {
    "fares import": "fares.imported",
    "fares withdraw": "fare.withdrawn",
    "fares withdraw-tax": "tax.withdrawn",
    "schedule import": "schedule.imported",
    "schedule import-nycflights": "schedule.imported",
    "schedule cancel": "flight.cancelled",
    "schedule equipment": "flight.equipment_changed",
    "flight cancel": "flight.cancelled",
    "departure close": "departure.closed",
    "inventory set-authorisation": "inventory.authorisation_set",
    "order cancel": "order.given_up",
    "order void": "order.voided",
    "order release": "order.released",
    "tickets add-range": "tickets.range_added",
    "ledger export": "ledger.exported",
    "ledger rules": "ledger.rule_set",
    "staff resolve": "staff_queue.resolved",
    "agency create": "agency.created",
    "agency top-up": "agency.topped_up",
    "agency set-limit": "agency.credit_limit_set",
    "agency statement": "agency.statement_exported",
    "agency pay": "payment.begun",
    "cash add-office": "cash.office_added",
    "cash open": "cash.shift_opened",
    "cash pay": "payment.begun",
    "cash pay-out": "cash.paid_out",
    "cash close": "cash.shift_closed",
    "cash write-off": "cash.difference_written_off",
    "accounts create": "account.created",
    "roles grant": "approval.requested",
    "roles revoke": "approval.requested",
    "accounts lock": "account.locked",
    "accounts unlock": "account.unlocked",
    "accounts reset": "account.second_factor_removed",
    "refunds retry": "refund.retried",
    "webhooks replay": "webhook.replayed",
    "reconcile": "reconciliation.run",
    "notices retry": "notice.retried",
    "jobs retry": "job.retried",
    "audit search": "audit.searched",
    "audit export": "audit.exported",
    "privacy rotate-keys": "vault.rotated",
    "privacy rotate-lookups": "vault.lookups_rotated",
    "privacy drop-lookup-key": "vault.lookup_key_dropped",
    "privacy export": "person.exported",
    "privacy erase": "person.erased",
}
READS = "reads what is no person's"
COMMANDS_WITHOUT = {
    **dict.fromkeys(
        (
            "search", "verify", "fares show", "schedule show", "schedule export", "schedule affected",
            "inventory show", "tickets ranges", "ledger balances", "ledger trial-balance", "ledger daily-sales",
            "ledger unflown", "ledger postings", "ledger verify", "staff list", "agency list", "cash shifts",
            "credit show", "refunds list", "disputes list", "webhooks list", "webhooks show", "notices list",
            "jobs list", "jobs show", "jobs schedules", "audit verify", "privacy status",
            "roles show",
        ),
        READS,
    ),
    "order show": "shows persons masked, and in full by --personal, which is recorded",
    "order list": "shows persons masked",
    "roles of": "shows who has which role to whoever may read the database",
    "roles approvals": "shows what waits to whoever may read the database",
    "accounts list": "shows who may sign in to whoever may read the database",
    "privacy seal": "seals what an earlier release wrote in the clear; nothing that is said changes",
    "ledger chain": "writes the chain itself, which is its own proof",
    "audit chain": "writes the chain itself, which is its own proof",
    "demo": "runs the program",
    "web": "runs the program",
    "worker": "runs the program",
    "migrate": "the schema's history is the migrations'",
}  # fmt: skip


def changing_routes() -> set[str]:
    """The names of all routes that take something else than GET."""
    app = litestar_application(Settings(database_url="postgresql://none", redis_url="redis://none"))
    handlers = [handler for route in app.routes for handler in getattr(route, "route_handlers", ())]
    return {
        handler.handler_name.rpartition(".")[2]
        for handler in handlers
        if set(handler.http_methods) - {"GET", "HEAD", "OPTIONS"}
    }


def commands() -> set[str]:
    """All commands, with the group's name before theirs."""
    found = set()
    for name, (module, _) in COMMANDS.items():
        command = getattr(importlib.import_module(f"ais.app.cli.{module}"), name)
        found |= {f"{name} {each}" for each in command.commands} if isinstance(command, click.Group) else {name}
    return found


def unknown(found: set[str], *tables: dict[str, str]) -> set[str]:
    """What the tables do not know, and what they know that is not there."""
    return found ^ {name for table in tables for name in table}


def test_every_route_that_changes_something_is_in_the_table_and_a_new_one_is_missed():
    assert unknown(changing_routes(), ROUTES, ROUTES_WITHOUT, PAGES) == set()
    assert unknown(changing_routes() | {"planted"}, ROUTES, ROUTES_WITHOUT, PAGES) == {"planted"}
    assert set(PAGES.values()) <= set(ROUTES) | set(ROUTES_WITHOUT)


def test_every_command_is_in_the_table_and_a_new_one_is_missed():
    assert unknown(commands(), COMMAND_ENTRIES, COMMANDS_WITHOUT) == set()
    assert unknown(commands() | {"fares plant"}, COMMAND_ENTRIES, COMMANDS_WITHOUT) == {"fares plant"}


@pytest.fixture(scope="module")
async def program(servers, market, simulator, anyio_backend):
    with servers.database(market) as url:
        async with in_process(url, servers.cache_url(), simulator) as running:
            await running.run_jobs()
            yield running


class Walk:
    """Calls operations, each under a correlation id of its own, and sees that it has left its entry."""

    def __init__(self, program) -> None:
        self.program = program
        self.called: set[str] = set()

    async def call(self, operation, path, headers=OPERATOR, *, verb="POST", **body):
        correlation = f"walk-{operation}"
        answer = await self.program.http.request(
            verb,
            f"/api/v1/{path}",
            headers={**headers, "Idempotency-Key": new_key(), "X-Correlation-ID": correlation},
            **({"json": body} if verb == "POST" else {}),
        )
        assert 200 <= answer.status_code < 300, (operation, answer.text)
        left = await entries(self.program.database, "action", "correlation_id = $1", correlation)
        assert ROUTES[operation] in left, (operation, left)
        self.called.add(operation)
        return answer.json() if answer.content else None


def sar(minor):
    return {"amount": Money(minor, "SAR").amount, "currency": "SAR"}


async def waiting_refund(program, payment, minor=900):
    """A part of a payment on its way back; its public id."""
    refund_id = RefundId(uuid4())
    async with program.database.unit_of_work(ACTOR) as uow:
        await begin_refund(uow, refund_id, PaymentId(payment_id(payment)), Money(minor, "SAR"), "test")
    await program.run_jobs()
    return encode_id(ids.REFUND, refund_id)


async def failed_refund(program):
    """A refund that the bank has sent back for good; its public id."""
    payment = await program.pay(await program.order(), "pm_card_refundFail")
    refund = await waiting_refund(program, payment)
    program.simulator.control("POST", "/transitions/run")
    await program.report(payment)
    return refund


async def walk_orders(walk):
    program = walk.program
    offer = await program.offer()
    order = await walk.call(
        "create_order_from_offer",
        "orders",
        {},
        offer_id=offer["id"],
        passengers=program.people(offer),
        contact={"email": "sara@example.com"},
    )
    await walk.call("start_payment", f"orders/{order['id']}/payments", bearer(order), method="card")
    quote = await walk.call("quote_cancellation_of_order", f"orders/{order['id']}/cancellation-quotes", bearer(order))
    await walk.call("confirm_cancellation_quote", f"cancellation-quotes/{quote['id']}/confirm", bearer(order))
    await walk.call("send_payment_link", f"orders/{(await program.order())['id']}/payment-links")
    paid = await program.order()
    await program.pay(paid)
    await walk.call("void_documents_of_order", f"orders/{paid['id']}/void", reason="wrong date")
    await walk.call("try_refund_again", f"refunds/{await failed_refund(program)}/retry")
    (event,) = await program.rows("SELECT event_id FROM provider_events LIMIT 1")
    await walk.call("replay_webhook_event", f"webhook-events/{event}/replay")


async def walk_counters(walk):
    program = walk.program
    agency = await walk.call("add_agency", "agencies", code="WLK", name="Desert Travel", credit_limit=sar(0))
    await walk.call("top_up", f"agencies/{agency['id']}/top-ups", amount=sar(9_000_000), reference="FT1")
    await walk.call("change_credit_limit", f"agencies/{agency['id']}/credit-limit", credit_limit=sar(5))
    await walk.call("pay_from_deposit", f"agencies/{agency['id']}/payments", order_id=(await program.order())["id"])
    await walk.call("add_office", "cash/offices", code="WLK01", name="Olaya", currency="SAR")
    shift = await walk.call("start_shift", "cash/shifts", office="WLK01", clerk="c1", opening_float=sar(0))
    paid = await walk.call("pay_in_cash", f"cash/shifts/{shift['id']}/payments", order_id=(await program.order())["id"])
    refund = await waiting_refund(program, paid)
    await walk.call("pay_out", f"cash/shifts/{shift['id']}/pay-outs", refund_id=refund)
    await walk.call("end_shift", f"cash/shifts/{shift['id']}/close", counted=sar(0))
    await walk.call("write_off", f"cash/shifts/{shift['id']}/write-off", reason="not in the drawer")
    manager = await staff(program, "finance", "admin", "airline_admin")
    users = f"agencies/{agency['id']}/users"
    added = await walk.call("add_agency_user", users, manager.headers, email=new_email())
    await walk.call("lock_agency_user", f"{users}/{added['id']}/lock", manager.headers)


async def walk_rights(walk):
    program = walk.program
    asker, signer, clerk = [await staff(program, *roles) for roles in (("admin", "support"), ("admin",), ())]
    roles = f"users/{clerk.id}/roles"
    asked = await walk.call("ask_for_role", roles, asker.headers, role="finance", reason="joins the desk")
    await walk.call("approve", f"approvals/{asked['id']}/approve", signer.headers)
    (held,) = (await asker.get(roles)).json()["items"]
    back = await walk.call("ask_to_revoke_role", f"{roles}/{held['id']}/revocation", asker.headers, reason="leaves it")
    await walk.call("decline_approval", f"approvals/{back['id']}/decline", signer.headers)
    key = await walk.call(
        "create_api_key",
        "api-keys",
        asker.headers,
        name="till",
        permissions=["orders.read_any"],
        expires_in_days=30,
    )
    await walk.call("revoke_api_key", f"api-keys/{key['id']}/revoke", asker.headers)


async def link_of(program, purpose):
    (link_id,) = await program.rows(
        "SELECT id FROM one_time_links WHERE purpose = $1 ORDER BY expires_at DESC LIMIT 1", purpose
    )
    return program.state.account_services.tokens.link(purpose, link_id)


async def walk_accounts(walk):
    program, email = walk.program, new_email()
    asked = await program.http.post("/api/v1/auth/register", json={"email": email, "password": PASSWORD})
    assert asked.status_code < 300, asked.text
    await walk.call("verify_registration", "auth/verify", {}, token=await link_of(program, "verify"), password=PASSWORD)
    await program.http.post("/api/v1/auth/password-resets", json={"email": email})
    await walk.call(
        "choose_password", "auth/password", {}, token=await link_of(program, "reset"), password=OTHER_PASSWORD
    )
    person = await make_person(program)
    tokens, other = await person.log_in(), await person.log_in()
    await walk.call("log_in", "auth/login", {}, email=person.email, password=PASSWORD)
    listed = (await person.get("auth/sessions", tokens)).json()
    another = next(each["id"] for each in listed["items"] if not each.get("current"))
    await walk.call("end_session", f"auth/sessions/{another}", bearing(tokens), verb="DELETE")
    await walk.call("prove_again", "auth/step-up", bearing(tokens), password=PASSWORD)
    await walk.call(
        "change_own_password", "me/password", bearing(tokens), current_password=PASSWORD, new_password=OTHER_PASSWORD
    )
    begun = (await person.post("me/second-factor", tokens, password=OTHER_PASSWORD)).json()
    code = pyotp.TOTP(begun["secret"]).now()
    codes = await walk.call("confirm_own_second_factor", "me/second-factor/confirm", bearing(tokens), code=code)
    recovery = codes["recovery_codes"][0]
    await walk.call(
        "remove_own_second_factor",
        "me/second-factor/remove",
        bearing(tokens),
        password=OTHER_PASSWORD,
        code=recovery,
    )
    person.password = OTHER_PASSWORD
    other = await person.log_in()
    await walk.call("log_out", "auth/logout", bearing(other), refresh_token=other["refresh_token"])
    await person.log_in()
    await walk.call("end_sessions", "auth/sessions", bearing(await person.log_in()), verb="DELETE")
    await walk.call("erase_me", "me/erasure", bearing(await person.log_in()))
    person, desk = await make_person(program), await staff(program, "admin")
    await walk.call("export_data_of_person", "privacy/exports", desk.headers, email=person.email)
    await walk.call("erase_data_of_person", "privacy/erasures", desk.headers, email=person.email)


async def test_every_route_of_the_table_leaves_its_entry(program):
    walk = Walk(program)
    await walk_orders(walk)
    await walk_counters(walk)
    await walk_accounts(walk)
    await walk_rights(walk)
    assert walk.called == set(ROUTES)


class Commands:
    """Calls commands, in a thread of their own, and sees that each has left its entry."""

    def __init__(self, program, folder) -> None:
        self.program = program
        self.line = CommandLine(program.settings.database_url, folder)
        self.called: set[str] = set()

    async def call(self, name, *arguments, code=0, **more):
        result = await asyncio.to_thread(self.line, *name.split(), *arguments, "--json", code=code, **more)
        actor = f"cli-{name.replace(' ', '-')}"
        # Money that the airline keeps itself is moved by its gateway, in the request of the command.
        left = await entries(
            self.program.database,
            "action",
            "correlation_id IN (SELECT correlation_id FROM audit_entries WHERE actor_id = $1)",
            actor,
        )
        assert COMMAND_ENTRIES[name] in left, (name, left)
        self.called.add(name)
        return msgspec.json.decode(result.stdout) if result.stdout.startswith("{") else None


async def command_sales(run, folder):
    program = run.program
    given_up, voided = await program.order(), await program.order()
    for order in (given_up, voided):
        await program.pay(order)
    await run.call("order cancel", given_up["id"], "--yes")
    await run.call("order void", voided["id"], "--reason", "wrong date")
    lost = await program.order()
    await bank_decides(program, await program.pay(lost), DisputeStatus.LOST)
    await run.call("order release", lost["id"], "--reason", "paid at the counter")
    unpaid = await program.order()
    await asyncio.to_thread(run.line, "order", "cancel", unpaid["id"], "--yes")
    await run.call("privacy export", "--email", "sara@example.com")
    await run.call("privacy erase", "--order", unpaid["id"], "--yes")
    await run.call("privacy rotate-keys")
    await run.call("privacy rotate-lookups")
    await program.rows("INSERT INTO lookup_keys (id, proof) VALUES ('spare', sha256(''))")
    await run.call("privacy drop-lookup-key", "spare")
    await run.call("refunds retry", await failed_refund(program))
    (event,) = await program.rows("SELECT event_id FROM provider_events LIMIT 1")
    await run.call("webhooks replay", event)
    provider = {"STRIPE_API_BASE": program.simulator.url, "AIS_STRIPE_SECRET_KEY": program.simulator.api_key}
    await run.call("reconcile", "--dry-run", "--from", "2026-01-01", "--to", "2026-01-02", **provider)
    await run.call("ledger export", folder / "ledger.csv")
    await run.call("ledger rules", "penalty", "departure", "--from", datetime.now(UTC).date() + timedelta(days=2))


async def command_counters(run):
    program = run.program
    await run.call("agency create", "CLI", "Desert Travel", "--credit-limit", "0.00 SAR")
    await run.call("agency top-up", "CLI", "90000.00 SAR", "--reference", "FT1")
    await run.call("agency set-limit", "CLI", "50.00 SAR")
    await run.call("agency statement", "CLI", "--csv")
    await run.call("agency pay", "CLI", (await program.order())["id"])
    await run.call("cash add-office", "CLI01", "Olaya", "--currency", "SAR")
    shift = (await run.call("cash open", "CLI01", "c1", "0.00 SAR"))["shifts"][0]["id"]
    order = await program.order()
    await run.call("cash pay", shift, order["id"])
    (identifier,) = await program.rows("SELECT id FROM payments WHERE order_id = $1", order_id(order))
    refund = await waiting_refund(program, {"id": encode_id(ids.PAYMENT, identifier)})
    await run.call("cash pay-out", shift, refund)
    await run.call("cash close", shift, "0.00 SAR", code=1)
    await run.call("cash write-off", shift, "--reason", "not in the drawer")


async def command_work(run, folder):
    program = run.program
    async with program.database.unit_of_work(ACTOR) as uow:
        await ask_staff(uow, "walk", "w-1")
        uow.enqueue("tests.fails", {})
        await uow.connection.execute(
            """
            INSERT INTO notices (kind, order_id, cause, language, status, next_try_at, give_up_at, ended_at)
            SELECT 'order_confirmed', id, 'walk', 'en', 'failed', ais_now(), ais_now(), ais_now() FROM orders LIMIT 1
            """
        )

    async def fail(_context, _payload):
        raise ValueError("the printer is on fire")

    registry = JobRegistry()
    registry.job("tests.fails", fail, retry=Retry(attempts=1))
    await run_due_jobs(program.database, registry)
    await run.call("jobs retry", "--all")
    await run.call("notices retry", "--all")
    await run.call("staff resolve", "walk", "w-1")
    await run.call("audit search", "--action", "job")
    await run.call("audit export", folder / "audit.jsonl")


async def command_flights(run, folder):
    program, day = run.program, departure(20)
    order = await program.order(slices=[("RUH", "JED", departure(22))])
    await program.pay(order)
    (sold,) = (await program.read(order))["slices"][0]["segments"]
    number = f"{sold['marketing_carrier']}{sold['flight_number']}"
    boarded = folder / "boarded.csv"
    boarded.write_text("ticket,coupon,locator,name,status\n", encoding="utf-8")
    await run.call("departure close", number, departure(22), "--list", boarded, "--early")
    await run.call("inventory set-authorisation", "9Z101", day, "Y", "--blocked", 1, "--reason", "weight")
    await run.call("schedule equipment", "9Z101", day, "AT7", "Y70", "--reason", "repair")
    await run.call("schedule cancel", "9Z101", day, "--reason", "no aircraft")
    await run.call("flight cancel", "9Z101", departure(21), "--reason", "no aircraft", "--refunds", "automatic")
    await run.call("tickets add-range", "9Z", "991", 5, 14)
    await run.call("schedule import-nycflights", "--carrier", "OO", "--first-date", departure(1))
    season = next(each for each in demo_data.schedule_files(day, day) if each.first <= day <= each.last)
    content = without_flight(season.content, 102)
    await run.call("schedule import", "-", "--until", departure(38), stdin=content)


async def command_fares(run, folder):
    program = run.program
    await program.order(slices=[("RUH", "JED", departure(25))])
    for kind, command in (("fare", "fares withdraw"), ("tax", "fares withdraw-tax")):
        (version, *_) = await program.rows("SELECT version_id FROM price_lines WHERE kind = $1", kind)
        await run.call(command, version, "--reason", "filed in error")
    for name in ("brands.csv", "discounts.csv", "fare_rules.csv", "points_of_sale.csv", "taxes.csv", "fares.csv"):
        text = (FARES / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace(",119.00,", ",118.00,", 1), encoding="utf-8")
    await run.call("fares import", folder)


async def command_accounts(run, folder):
    email, password = new_email(), folder / "password"
    password.write_text(PASSWORD, encoding="utf-8")
    await run.call("accounts create", email, "--password-file", password)
    for role in ("admin", "admin", "revenue"):  # two who could sign, and somebody who has a role
        clerk = await make_person(run.program, UserKind.STAFF, role)
    await run.call("roles grant", clerk.email, "ops", "--reason", "helps out")
    await run.call("roles revoke", clerk.email, "revenue", "--reason", "helps no more")
    await run.call("accounts lock", email)
    await run.call("accounts unlock", email)
    await run.call("accounts reset", email)


async def test_every_command_of_the_table_leaves_its_entry(program, tmp_path):
    run = Commands(program, tmp_path / "data")
    for name, walk in (("sales", command_sales), ("work", command_work), ("flights", command_flights),
                       ("fares", command_fares), ("accounts", command_accounts)):  # fmt: skip
        folder = tmp_path / name
        folder.mkdir()
        await walk(run, folder)
    await command_counters(run)
    assert run.called == set(COMMAND_ENTRIES)
