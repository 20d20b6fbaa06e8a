"""The matrix: every route, asked by every kind of caller, answers what a person has written down."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from tests.app.access_matrix.comparing import MATRIX, differences, operations, read_matrix, strangers
from tests.app.access_matrix.world import World, make_world
from tests.factories.in_process import in_process
from tests.factories.stripe_simulator import StripeSimulator

from ais.kit import encode_id, ids
from ais.platform.embedded import SharedServers

LINES = read_matrix(MATRIX.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
async def world(servers: SharedServers, market: str, simulator: StripeSimulator, anyio_backend: object) -> Any:
    with servers.database(market) as url:
        async with in_process(url, servers.cache_url(), simulator) as program:
            yield await make_world(program)
            await program.require_invariants()


@pytest.fixture(scope="module")
def document(world: World) -> dict[str, Any]:
    found: dict[str, Any] = application(world).openapi_schema.to_schema()
    return found


def application(world: World) -> Any:
    """The framework's application inside of what the tests call."""
    app = world.program.http._transport.app
    while not hasattr(app, "openapi_schema"):
        app = getattr(app, "app", None) or app._app
    return app


def test_the_matrix_knows_every_route_and_no_other(document):
    assert strangers(document, LINES) == []


async def test_every_answer_is_the_matrixs(world):
    found = await differences(world, LINES)
    assert found == [], "\n" + "\n".join(found)


# Who sees which orders in the list, and whose agencies; what is not named must not be there.
LISTED = {
    "orders": {
        "GU": {"guest's"},
        "TR": {"traveller's"},
        "T2": set(),
        "AG": {"agency's"},
        "A2": set(),
        "MA": {"agency's"},
        "M2": {"traveller's", "guest's", "agency's"},
        "SU": {"traveller's", "guest's", "agency's"},
        "S2": set(),
        "ST": {"traveller's", "guest's"},
        "S3": set(),
        "OP": {"traveller's", "guest's", "agency's"},
        "FI": {"traveller's", "guest's", "agency's"},
        "RE": set(),
        "AA": {"traveller's", "guest's", "agency's"},
        "AD": set(),
        "SA": {"traveller's", "guest's", "agency's"},
        "OT": {"traveller's", "guest's", "agency's"},
    },
    "agencies": {
        "AG": {"DESERT"},
        "A2": {"OASIS"},
        "FI": {"DESERT", "OASIS"},
        "AD": {"DESERT", "OASIS"},
        "SA": {"DESERT", "OASIS"},
    },
    "approvals": {
        "TR": set(),
        "AG": set(),
        "SU": {"refund"},
        "FI": {"refund"},
        "AA": set(),
        "AD": {"role"},
        "SA": {"role", "refund"},
    },
}


@pytest.mark.parametrize(
    ("path", "caller", "seen"),
    [(path, caller, seen) for path, callers in LISTED.items() for caller, seen in callers.items()],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_no_list_has_a_foreign_row(world, path, caller, seen):
    answer = await world.program.http.get(f"/api/v1/{path}?limit=200", headers=world.headers[caller])
    assert answer.status_code == 200
    names = {order["id"]: name for name, order in world.orders.items()}
    names |= {world.things[name]["approval_id"]: name for name in ("role", "refund")}
    found = {row["code"] if path == "agencies" else names[row["id"]] for row in answer.json()["items"]}
    assert found == seen
    for name, order in world.orders.items():
        if path == "orders":
            by_locator = await world.program.http.get(
                "/api/v1/orders", params={"record_locator": order["record_locator"]}, headers=world.headers[caller]
            )
            assert bool(by_locator.json()["items"]) == (name in seen), name


# How an order's contact is shown: in full to whose own it is, and to staff who read it alone with the right to; masked
# to everybody else who may see the order, and to all staff in lists.
FULL, MASKED = ("sara@example.com", "+966500000000"), ("s•••@example.com", "••••0000")
SHOWN = {
    "traveller's": {
        "TR": (FULL, FULL),
        "M2": (MASKED, MASKED),
        "SU": (FULL, MASKED),
        "ST": (FULL, MASKED),
        "OP": (MASKED, MASKED),
        "FI": (MASKED, MASKED),
        "AA": (FULL, MASKED),
        "SA": (FULL, MASKED),
        "OT": (FULL, MASKED),
    },
    "agency's": {"AG": (FULL, FULL), "MA": (FULL, FULL), "SU": (FULL, MASKED), "FI": (MASKED, MASKED)},
    "guest's": {"GU": (FULL, FULL), "OP": (MASKED, MASKED)},
}


@pytest.mark.parametrize(
    ("about", "caller", "shown"),
    [(about, caller, shown) for about, callers in SHOWN.items() for caller, shown in callers.items()],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_personal_fields_are_masked_for_who_need_not_know(world, about, caller, shown):
    headers, order = world.headers[caller], world.orders[about]
    alone = (await world.program.http.get(f"/api/v1/orders/{order['id']}", headers=headers)).json()
    listed = await world.program.http.get(
        "/api/v1/orders", params={"record_locator": order["record_locator"]}, headers=headers
    )
    (row,) = listed.json()["items"]
    assert [(each["contact"]["email"], each["contact"]["phone"]) for each in (alone, row)] == list(shown)


async def test_the_answer_to_a_change_shows_no_more_than_the_order_does(world):
    """Finance may not read contacts, and does not by undoing documents."""
    order = await world.program.order()
    await world.program.pay(order)
    for _ in range(2):  # the second is the stored answer
        answer = await world.people["FI"].post(f"orders/{order['id']}/void", key="undone", reason="double sale")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
        assert answer.json()["contact"]["email"] == MASKED[0]


async def test_each_sees_the_sessions_of_their_own_account_alone(world):
    for caller in ("TR", "T2", "AG", "FI", "SA"):
        listed = await world.people[caller].get("auth/sessions")
        own = await world.program.rows(
            "SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL", world.people[caller].user_id
        )
        assert {row["id"] for row in listed.json()["items"]} == {encode_id(ids.SESSION, each) for each in own}


async def test_anothers_object_answers_to_the_letter_like_a_missing_one(world):
    """Nothing in the body tells the two apart."""
    about = {"orders/{}": "order_id", "orders/{}/cancellation-quotes": "order_id"}
    for path, thing in about.items():
        bodies = []
        for name in ("traveller's", "agency's", "missing"):
            method = "GET" if path == "orders/{}" else "POST"
            address = f"/api/v1/{path.format(world.things[name][thing])}"
            answer = await world.program.http.request(
                method, address, json={} if method == "POST" else None, headers=world.headers["T2"]
            )
            assert answer.status_code == 404
            error = answer.json()["error"]
            bodies.append(json.dumps({**error, "correlation_id": ""}, sort_keys=True))
        assert len(set(bodies)) == 1


# The matrix's own tests: what it is there for turns it red.


@contextmanager
def without_permission(world: World, route: str) -> Iterator[None]:
    """The program with one route that asks for no permission any more, only for somebody who is known."""
    method, path = route.split()
    (handler,) = {
        found
        for each in application(world).routes
        if each.path_format == path
        for found in each.route_handlers
        if method in found.http_methods
    }
    before = handler.opt["access"]
    handler.opt["access"] = msgspec.structs.replace(before, kind="order", permission=None, step_up=False)
    try:
        yield
    finally:
        handler.opt["access"] = before


GUARDED = sorted({line.route for line in LINES if line.cells["T2"] == "f"})


async def test_it_is_red_when_one_permission_is_removed_from_one_endpoint(world):
    """From each endpoint that asks for one, one after the other."""
    assert len(GUARDED) >= 35
    for route in GUARDED:
        lines = [line for line in LINES if line.route == route][:1]
        assert await differences(world, lines, ["T2"]) == []
        with without_permission(world, route):
            assert await differences(world, lines, ["T2"]) != [], route
        assert await differences(world, lines, ["T2"]) == []


async def test_it_is_red_when_an_order_is_shown_to_whoever_asks(world, monkeypatch):
    """The check that stands in the use case and not at the route."""
    monkeypatch.setattr("ais.orders.service.reading.require_order_access", lambda _actor, _order: None)
    lines = [line for line in LINES if line.route == "GET /api/v1/orders/{order_id}"]
    found = await differences(world, lines, ["T2", "A2", "S3"])
    assert len(found) == 9


def test_it_is_red_when_a_route_is_added_without_a_line(document):
    added = copy.deepcopy(document)
    added["paths"]["/api/v1/secrets"] = {"get": {"operationId": "read_secrets"}}
    assert strangers(added, LINES) == ["no line: GET /api/v1/secrets"]
    del added["paths"]["/api/v1/secrets"], added["paths"]["/api/v1/refunds"]
    assert strangers(added, LINES) == ["no such route: GET /api/v1/refunds"]
    assert len(operations(document)) >= 70


def test_a_line_that_forgets_a_caller_is_refused():
    with pytest.raises(ValueError, match="line 1 has not an answer for each"):
        read_matrix("GET /api/v1/orders any 200 - x - y")
