"""What the program leaves in the audit trail: of a sale, of what it refuses, and of whoever reads the trail."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.factories.audit import chain_all_entries, entries
from tests.factories.callers import agency, agent, error_of, staff, traveller
from tests.factories.command_line import CommandLine
from tests.factories.in_process import OPERATOR, bearer, departure, in_process, new_key, order_id
from tests.factories.programs import market, simulator

from ais.kit import Actor, ActorKind, Channel, encode_id, ids, system_actor
from ais.platform.audit import Entry
from ais.platform.http import denials as denials_module
from ais.platform.http.denials import ACTION, Denials
from ais.platform.rate_limits import RateLimiter
from ais.platform.rates import Rate

__all__ = ["market", "simulator"]

LIST = "/api/v1/audit-entries"


@pytest.fixture(scope="module")
async def program(servers, market, simulator, anyio_backend):
    with servers.database(market) as url:
        async with in_process(url, servers.cache_url(), simulator) as running:
            yield running


@pytest.fixture
def unhurried(program, monkeypatch):
    """Refusals wait until the test has them written: no second goes by between them."""
    monkeypatch.setattr(program.state, "denials", Denials(program.database))


async def denied(program, subject):
    """What was refused about a subject, by now: actor, what is told of it."""
    await program.state.denials.write(everything=True)
    return await entries(
        program.database, "actor_kind || ':' || actor_id, after", "action = $1 AND subject = $2", ACTION, subject
    )


async def listed(program, **query):
    answer = await program.http.get(LIST, params=query, headers=OPERATOR)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_life_of_an_order_stands_there_with_who_where_from_and_in_whose_request(program):
    order = await program.order(slices=[("RUH", "JED", departure(4))])
    payment = await program.pay(order)
    headers = {**bearer(order), "Idempotency-Key": new_key(), "X-Correlation-ID": "the-cancellation"}
    quote = await program.http.post(f"/api/v1/orders/{order['id']}/cancellation-quotes", json={}, headers=headers)
    confirmation = f"/api/v1/cancellation-quotes/{quote.json()['id']}/confirm"
    assert (await program.http.post(confirmation, json={}, headers=headers)).status_code == 200
    await program.run_jobs()
    found = await entries(
        program.database, "action, subject, actor_kind, channel, origin", "order_id = $1", order_id(order)
    )
    guest, job = ("guest", "api", "127.0.0.0/24"), ("system", "job", None)
    actions = [(action, tuple(by)) for action, _, *by in found]
    assert actions[:3] == [
        ("order.created", ("anonymous", "api", "127.0.0.0/24")),
        ("order.time_limit_extended", guest),
        ("payment.begun", guest),
    ]
    assert actions[3:] == [
        ("payment.succeeded", job),
        ("order.payment_paid", job),
        ("order.confirmed", job),
        ("tickets.issued", job),
        ("order.cancellation_quoted", guest),
        ("order.given_up", guest),
        ("refund.begun", guest),
        ("order.cancelled", guest),
        ("refund.succeeded", job),
        ("order.payment_partially_refunded", job),
    ]
    subjects = {action: subject for action, subject, *_ in found}
    assert (subjects["order.created"], subjects["payment.succeeded"]) == (order["id"], payment["id"])
    assert subjects["order.cancellation_quoted"] == quote.json()["id"]
    of_request = await entries(program.database, "action", "correlation_id = 'the-cancellation'")
    assert {"order.cancellation_quoted", "order.given_up", "order.cancelled", "refund.begun"} <= set(of_request)
    # What the jobs of that request did carries its id too.
    assert "refund.succeeded" in of_request
    ((before, after),) = await entries(
        program.database, "before, after", "order_id = $1 AND action = 'order.confirmed'", order_id(order)
    )
    assert before == {"status": "reserved", "ticketing_status": "issuing"}
    assert after == {"status": "confirmed", "ticketing_status": "issued"}


async def test_nothing_personal_and_no_token_stands_there(program):
    order = await program.order()
    await program.pay(order)
    await program.http.get(f"/api/v1/orders/{order['id']}", headers={"Authorization": "Bearer planted-credentials"})
    await program.state.denials.write(everything=True)
    text = "\n".join(await entries(program.database, "audit_entries::text"))
    for planted in ("sara@example.com", "+966500000000", "Al-Harbi", "AL-HARBI", order["guest_token"], "planted-cred"):
        assert planted not in text


async def test_anothers_order_is_answered_like_a_missing_one_and_recorded(program):
    mine, theirs = await program.order(), await program.order()
    missing = "ord_" + "0" * 26
    answers = [
        await program.http.get(f"/api/v1/orders/{identifier}", headers=bearer(mine))
        for identifier in (theirs["id"], missing)
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert len({answer.json()["error"]["message"] for answer in answers}) == 1
    route = "GET /api/v1/orders/{order_id}"
    assert await denied(program, theirs["id"]) == [
        (f"guest:{order_id(mine)}", {"code": "NOT_FOUND", "status": 404, "route": route, "times": 1})
    ]
    assert await denied(program, missing) == []


async def test_anothers_session_approval_and_agency_are_recorded_too(program, unhurried):
    """Whatever is answered like a missing one, is recorded under what it is."""
    one, other = await traveller(program), await traveller(program)
    support, asker, clerk = await staff(program, "support"), await staff(program, "admin"), await staff(program)
    own, theirs = await agency(program, "MINE"), encode_id(ids.AGENCY, await agency(program, "THEIRS"))
    seller = await agent(program, own)
    asked = (await asker.post(f"users/{clerk.id}/roles", role="ops", reason="joins")).json()["id"]
    session = encode_id(ids.SESSION, other.session_id)
    ended = await program.http.delete(f"/api/v1/auth/sessions/{session}", headers=one.headers)
    answers = [
        ended,
        await support.post(f"approvals/{asked}/approve"),
        await support.post(f"approvals/{asked}/decline"),
        await seller.get(f"agencies/{theirs}/statement"),
        await seller.post(f"agencies/{theirs}/payments", order_id=f"ord_{'0' * 26}"),
    ]
    assert [error_of(answer) for answer in answers] == [(404, "NOT_FOUND")] * 5
    found = [await denied(program, subject) for subject in (session, asked, theirs)]
    assert [[who for who, _ in each] for each in found] == [
        [f"traveller:{one.id}"],
        [f"staff:{support.id}"] * 2,
        [f"agent:{seller.id}"] * 2,
    ]


async def test_another_ones_quote_is_recorded_under_its_order(program):
    mine, theirs = await program.order(), await program.order()
    quote = await program.http.post(
        f"/api/v1/orders/{theirs['id']}/cancellation-quotes", json={}, headers=bearer(theirs)
    )
    confirmation = f"/api/v1/cancellation-quotes/{quote.json()['id']}/confirm"
    headers = {**bearer(mine), "Idempotency-Key": new_key()}
    assert (await program.http.post(confirmation, json={}, headers=headers)).status_code == 404
    ((who, told),) = await denied(program, theirs["id"])
    assert (who, told["status"]) == (f"guest:{order_id(mine)}", 404)


async def test_who_has_a_locator_and_guesses_at_the_name_is_recorded(program):
    order = await program.order()
    path, locator = "/api/v1/orders/lookup", order["record_locator"]
    body = {"record_locator": locator, "family_name": "Guessed"}
    assert (await program.http.post(path, json=body)).status_code == 404
    assert (await program.http.post(path, json={**body, "family_name": "Al-Harbi"})).status_code == 200
    route = "POST /api/v1/orders/lookup"
    assert await denied(program, order["id"]) == [
        ("anonymous:anonymous", {"code": "NOT_FOUND", "status": 404, "route": route, "times": 1})
    ]
    assert "Guessed" not in "".join(await entries(program.database, "audit_entries::text"))


async def test_credentials_and_rights_that_are_not_accepted_are_recorded(program):
    order = await program.order()
    path = f"/api/v1/orders/{order['id']}"
    assert (await program.http.get(path, headers={"Authorization": "Bearer forged"})).status_code == 401
    assert (await program.http.get(path)).status_code == 401
    assert (await program.http.get("/api/v1/ledger/balances", headers=bearer(order))).status_code == 403
    route = "GET /api/v1/orders/{order_id}"
    assert await denied(program, order["id"]) == [
        ("anonymous:anonymous", {"code": "UNAUTHORIZED", "status": 401, "route": route, "times": 1})
    ]
    balances = "GET /api/v1/ledger/balances"
    assert await denied(program, balances) == [
        (f"guest:{order_id(order)}", {"code": "FORBIDDEN", "status": 403, "route": balances, "times": 1})
    ]


async def test_who_hammers_at_a_door_leaves_one_entry_and_a_count(program, unhurried, monkeypatch):
    order, other = await program.order(), await program.order()
    path = f"/api/v1/orders/{order['id']}"
    for _ in range(5):
        await program.http.get(path, headers=bearer(other))
    assert await program.state.denials.write() == 1
    for _ in range(7):
        await program.http.get(path, headers=bearer(other))
    # The minute is not over: they wait, and are one entry then.
    assert await program.state.denials.write() == 0
    monkeypatch.setattr(denials_module, "EQUAL_FOR_SECONDS", -60.0)
    assert [told["times"] for _, told in await denied(program, order["id"])] == [5, 7]


async def test_who_guesses_beyond_the_limit_is_recorded_and_who_only_asks_much_is_not(program, unhurried):
    limiter, program.state.rate_limiter = (
        program.state.rate_limiter,
        RateLimiter(program.state.cache, {"lookup": Rate(1, 60), "search": Rate(1, 60), "default": None}),
    )
    try:
        for path in ("orders/lookup", "offers/search"):
            answers = [await program.http.post(f"/api/v1/{path}", json={}) for _ in range(3)]
            assert [each.status_code for each in answers] == [422, 429, 429]
    finally:
        program.state.rate_limiter = limiter
    look_up = "POST /api/v1/orders/lookup"
    assert await denied(program, look_up) == [
        ("anonymous:anonymous", {"code": "RATE_LIMITED", "status": 429, "route": look_up, "times": 2})
    ]
    assert await denied(program, "POST /api/v1/offers/search") == []


async def test_of_very_many_different_refusals_the_rest_is_counted_together(program, unhurried, monkeypatch):
    monkeypatch.setattr(denials_module, "KINDS_AT_MOST", 2)
    for number in range(6):
        identifier = f"ord_{number:026}"
        await program.http.get(f"/api/v1/orders/{identifier}", headers={"Authorization": "Bearer forged"})
    assert [told["times"] for _, told in await denied(program, "others")] == [4]


async def test_a_search_finds_by_each_word_and_goes_on_where_it_ended(program):
    order = await program.order()
    await program.pay(order)
    found = (await listed(program, order_id=order["id"], limit=200))["items"]
    created = found[-1]
    assert (created["action"], created["subject"], created["actor"]) == (
        "order.created",
        order["id"],
        "anonymous:anonymous",
    )
    assert created["id"].startswith("aud_")
    assert created["after"]["total"] == f"{order['total']['amount']} SAR"
    one = {"subject": order["id"], "action": "order.created"}
    for query in (
        one,
        {**one, "action": "order", "from": created["occurred_at"], "to": found[-2]["occurred_at"]},
        {**one, "actor": "anonymous:anonymous"},
        {**one, "actor": "anonymous"},
        {**one, "correlation_id": created["correlation_id"]},
    ):
        assert [each["id"] for each in (await listed(program, **query))["items"]] == [created["id"]], query
    for query in (
        {**one, "actor": "staff:anonymous"},
        {**one, "to": created["occurred_at"]},
        {**one, "action": "orde"},
    ):
        assert (await listed(program, **query))["items"] == [], query
    collected, cursor = [], None
    while True:
        page = await listed(program, order_id=order["id"], limit=2, **({"cursor": cursor} if cursor else {}))
        assert len(page["items"]) <= 2
        collected += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert collected == [each["id"] for each in found]


async def test_a_search_is_an_entry_itself_and_for_those_alone_who_may(program):
    headers = {**OPERATOR, "X-Correlation-ID": "who-searches"}
    answer = await program.http.get(LIST, params={"subject": "ord_x", "action": "order"}, headers=headers)
    assert answer.json()["items"] == []
    assert await entries(program.database, "action, actor_id, after", "correlation_id = 'who-searches'") == [
        ("audit.searched", "operator", {"action": "order", "subject": "ord_x"})
    ]
    order = await program.order()
    assert (await program.http.get(LIST, headers=bearer(order))).status_code == 403
    assert (await program.http.get(LIST)).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        {"subject": "sara@example.com"},
        {"actor": "Sara Al-Harbi"},
        {"action": "order cancelled"},
        {"order_id": "ord_1"},
        {"from": "yesterday"},
        {"from": "0001-01-01T00:00:00+14:00"},
        {"cursor": "x"},
        {"limit": 0},
    ],
)
async def test_what_is_no_search_or_names_a_person_is_refused_and_leaves_nothing(program, query):
    # Entries of searches alone: a denial of the test before is written behind its answer, maybe only now.
    searched = "SELECT count(*) FROM audit_entries WHERE action = 'audit.searched'"
    before = await program.rows(searched)
    assert (await program.http.get(LIST, params=query, headers=OPERATOR)).status_code == 422
    assert await program.rows(searched) == before


async def test_exports_are_recorded(program):
    async def exported():
        return await entries(program.database, "subject, actor_id, after", "action = 'ledger.exported'")

    before = await exported()
    await program.http.get("/api/v1/ledger/trial-balance?first_day=2026-01-01&last_day=2026-02-01", headers=OPERATOR)
    assert await exported() == before
    path = "/api/v1/ledger/trial-balance?first_day=2026-01-01&last_day=2026-02-01&format=csv"
    assert (await program.http.get(path, headers=OPERATOR)).status_code == 200
    assert (await program.http.get("/api/v1/ledger/postings", headers={**OPERATOR, "Accept": "text/csv"})).text
    assert (await exported())[len(before) :] == [
        ("ledger:trial-balance-2026-01-01-2026-02-01", "operator", {"format": "csv"}),
        ("ledger:postings", "operator", {"format": "csv"}),
    ]


async def test_roles_and_session_of_whoever_acts_stand_there(program):
    actor = Actor(ActorKind.STAFF, "usr_9", Channel.API, session_id="ses_9", roles=frozenset({"support", "finance"}))
    await program.database.audit(actor, Entry(action="lamp.lit", subject="lmp_9"))
    (found,) = (await listed(program, subject="lmp_9"))["items"]
    assert (found["actor"], found["roles"], found["session_id"]) == ("staff:usr_9", ["finance", "support"], "ses_9")


async def test_the_command_line_searches_chains_verifies_and_exports(program, tmp_path):
    order = await program.order()
    await chain_all_entries(program.database, system_actor("test"))
    command = CommandLine(program.settings.database_url, tmp_path)

    async def ais(*arguments, code=0):
        return await asyncio.to_thread(command, "audit", *arguments, code=code)

    shown = json.loads((await ais("search", "--order", order["id"], "--json")).stdout)["entries"]
    assert [each["action"] for each in shown] == ["order.created"]
    assert "order.created" in (await ais("search", "--action", "order", "--from", "2026-01-01")).stdout
    assert (await ais("search", "--subject", "nothing")).stdout == "There are no such entries.\n"
    await ais("search", "--order", "ord_1", code=2)
    await ais("search", "--from", "yesterday", code=2)
    ((who, origin),) = await entries(
        program.database, "actor_id, origin", "action = 'audit.searched' AND after ->> 'subject' = 'nothing'"
    )
    assert who == "cli-audit-search"
    assert origin.startswith("uid ")
    status = json.loads((await ais("chain", "--extend", "--sign", "--json")).stdout)
    assert status["signed_position"] == status["length"] > 0
    assert status["heads_dir"].endswith("/audit")
    verified = json.loads((await ais("verify", "--anchors", status["heads_dir"], "--json")).stdout)
    assert (verified["holds"], verified["anchors"]) == (True, 1)
    file = tmp_path / "audit.jsonl"
    assert "entries are in" in (await ais("export", file)).stdout
    assert len(file.read_text(encoding="utf-8").splitlines()) >= status["length"]
    await ais("export", tmp_path / "audit", code=2)
