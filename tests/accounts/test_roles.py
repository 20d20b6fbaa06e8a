"""Roles are sets of permissions that a person can read; what they must never hold together stands here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ais
from ais.accounts import OPERATOR_PERMISSIONS, PERMISSIONS, ROLES
from ais.accounts.rights.domain import MACHINE_PERMISSIONS as KEYS_MAY  # named there, asked for elsewhere
from ais.app.asgi import litestar_application
from ais.platform.http import Access
from ais.platform.settings import Settings

STAFF = {"support", "station", "ops", "finance", "revenue", "airline_admin", "admin", "super_admin"}
ROLES_PAGE = Path(__file__).resolve().parents[2] / "docs" / "roles.md"
SIGNATURES = {"waivers.approve", "refunds.approve", "roles.approve"}


def test_the_roles_are_those_of_an_airline():
    assert set(ROLES) == {"traveller", "agent"} | STAFF


def test_every_permission_has_a_meaning_and_somebody_who_holds_it():
    assert all(PERMISSIONS.values())
    assert set().union(*ROLES.values()) == set(PERMISSIONS)


def test_what_routes_ask_for_is_a_permission():
    routes = litestar_application(Settings()).routes
    declared = [handler.opt.get("access") for route in routes for handler in getattr(route, "route_handlers", ())]
    asked = {access.permission for access in declared if isinstance(access, Access)} - {None}
    assert asked <= set(PERMISSIONS)
    assert len(asked) >= 10


def test_what_nothing_asks_for_yet_is_named_as_such():
    """A right that opens nothing misleads whoever gives it, unless the table of rights says so."""
    folder = Path(ais.__file__).parent
    sources = [path.read_text() for path in folder.rglob("*.py") if path.name != "roles.py"]
    asked = {held for held in PERMISSIONS if sum(f'"{held}"' in source for source in sources) > (held in KEYS_MAY)}
    (told,) = [part for part in ROLES_PAGE.read_text().split("\n\n") if part.startswith("Nothing over HTTP asks for")]
    assert set(re.findall(r"`([a-z_]+\.[a-z_]+)`", told)) == set(PERMISSIONS) - asked


@pytest.mark.parametrize("role", ["traveller", "agent"])
def test_customers_hold_no_right_to_what_is_anybodys(role):
    assert not {held for held in ROLES[role] if held.endswith("_any")}
    assert not ROLES[role] & {"agencies.manage", "orders.void", "ledger.read", "users.read", "roles.grant"}


def test_no_role_is_a_level_of_another():
    """Finance sees the books, operations move flights, and neither includes the other."""
    for one in STAFF - {"super_admin"}:
        below = {other for other in STAFF - {one, "super_admin", "airline_admin"} if ROLES[other] <= ROLES[one]}
        assert one == "airline_admin" or not below, one


def test_the_operators_token_signs_nothing_for_a_second_person():
    assert not OPERATOR_PERMISSIONS & SIGNATURES
    assert ROLES["super_admin"] == OPERATOR_PERMISSIONS | SIGNATURES
