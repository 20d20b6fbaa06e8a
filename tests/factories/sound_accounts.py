"""Requests about accounts and rights that the program can grant, each made of what it takes."""

from __future__ import annotations

import random
from typing import Any

import pyotp
from tests.factories.accounts import OTHER_PASSWORD, PASSWORD, new_email
from tests.factories.people_at_large import People
from tests.factories.shopper import JSON, new_key

Parts = dict[str, Any]
# Whoever calls these with success is signed out, or changed: somebody new does.
SPENDING = {"end_sessions", "log_out", "erase_me"}
ANYBODY = ("traveller", "agent", "counter", "support", "admin", "chief")


def sound_account_request(
    name: str, people: People, made: dict[str, list[JSON]], chance: random.Random
) -> Parts | None:
    """The request, or None for an operation of another kind; ``made`` are answers of earlier ones by what they are."""
    for makers in (_signing_in, _own_account, _rights, _keys_and_agencies):
        parts = makers(name, people, made, chance)
        if parts is not None:
            return parts
    return None


def _signing_in(name: str, people: People, _: Any, chance: random.Random) -> Parts | None:
    match name:
        case "register_account":
            return {"body": {"email": new_email(), "password": PASSWORD, "name": "Sara Al-Harbi"}}
        case "verify_registration":
            return {"body": {"token": people.registration(), "password": PASSWORD}}
        case "log_in":
            if chance.random() < 0.5:
                return {"body": {"email": people.new().email, "password": PASSWORD}}
            someone = people.with_second_factor(confirmed=True)
            return {
                "body": {"email": someone.email, "password": PASSWORD, "code": chance.choice(someone.recovery_codes)}
            }
        case "refresh_tokens":
            return {"body": {"refresh_token": people.new().refresh_token}}
        case "log_out":
            someone = people.new()
            if chance.random() < 0.5:
                return {"body": {"refresh_token": someone.refresh_token}}
            return {"body": {}, "headers": someone.headers}
        case "ask_for_reset":
            return {"body": {"email": new_email()}}
        case "choose_password":
            return {"body": {"token": people.reset(), "password": OTHER_PASSWORD}}
    return None


def _own_account(name: str, people: People, _: Any, chance: random.Random) -> Parts | None:
    match name:
        case "read_me" | "list_own_sessions" | "list_approvals":
            return {"headers": people.headers[chance.choice(ANYBODY)]}
        case "read_own_data":
            return {"headers": people.headers[chance.choice(("traveller", "agent"))]}
        case "export_data_of_person" | "erase_data_of_person":
            return {"body": {"email": people.new().email}, "headers": people.headers[chance.choice(("admin", "chief"))]}
        case "erase_me":
            return {"body": {}, "headers": people.new().headers}
        case "end_session":
            someone = people.new()
            return {"path_parameters": {"session_id": someone.session_id}, "headers": someone.headers}
        case "end_sessions":
            keep = chance.choice(("true", "false"))
            return {
                "query": {"keep_current": keep},
                "headers": people.new(chance.choice(("traveller", "agent"))).headers,
            }
        case "change_own_password":
            body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
            return {"body": body, "headers": people.new().headers}
        case "begin_own_second_factor":
            return {"body": {"password": PASSWORD}, "headers": people.new().headers}
        case "confirm_own_second_factor":
            someone = people.with_second_factor(confirmed=False)
            return {"body": {"code": pyotp.TOTP(someone.secret).now()}, "headers": someone.headers}
        case "remove_own_second_factor":
            someone = people.with_second_factor(confirmed=True)
            return {"body": {"password": PASSWORD, "code": someone.recovery_codes[0]}, "headers": someone.headers}
        case "prove_again":
            if chance.random() < 0.5:
                return {"body": {"password": PASSWORD}, "headers": people.new().headers}
            someone = people.with_second_factor(confirmed=True)
            return {"body": {"code": chance.choice(someone.recovery_codes)}, "headers": someone.headers}
    return None


def _rights(name: str, people: People, made: dict[str, list[JSON]], chance: random.Random) -> Parts | None:
    """Roles are asked for by the admin and signed by the chief, or withdrawn by the admin."""
    match name:
        case "list_roles":
            someone = people.with_role("ops")
            headers = people.headers[chance.choice(("admin", "chief", "operator"))]
            return {"path_parameters": {"user_id": someone.id}, "query": {"with_revoked": "true"}, "headers": headers}
        case "ask_for_role":
            limit = chance.choice(({}, {"stations": ["JED"]}, {"channels": ["web"]}))
            body = {"role": chance.choice(("ops", "finance", "support")), "reason": "joins the desk", **limit}
            return {
                "path_parameters": {"user_id": people.with_role().id},
                "body": body,
                "headers": _by(people, "admin"),
            }
        case "ask_to_revoke_role":
            someone = people.with_role("ops")
            where = {"user_id": someone.id, "grant_id": someone.grant_id}
            return {"path_parameters": where, "body": {"reason": "leaves it"}, "headers": _by(people, "admin")}
        case "approve" | "decline_approval" if made["approvals"]:
            where = {"approval_id": made["approvals"].pop()["id"]}
            by = "chief" if name == "approve" else chance.choice(("admin", "chief"))
            return {"path_parameters": where, "body": {}, "headers": _by(people, by)}
    return None


def _keys_and_agencies(name: str, people: People, made: dict[str, list[JSON]], chance: random.Random) -> Parts | None:
    match name:
        case "create_api_key":
            body = {"name": "till", "permissions": ["orders.read_any"], "expires_in_days": chance.randint(1, 366)}
            if made["agencies"] and chance.random() < 0.5:
                body |= {"permissions": ["orders.create"], "agency_id": chance.choice(made["agencies"])["id"]}
            return {"body": body, "headers": _by(people, "chief")}
        case "revoke_api_key" if made["keys"]:
            where = {"key_id": made["keys"].pop()["id"]}
            return {"path_parameters": where, "body": {}, "headers": _by(people, chance.choice(("admin", "chief")))}
        case "add_agency_user" | "list_agency_users" if made["agencies"]:
            parts: Parts = {
                "path_parameters": {"agency_id": chance.choice(made["agencies"])["id"]},
                "headers": people.headers[chance.choice(("admin", "chief", "operator"))],
            }
            return parts if name == "list_agency_users" else {**parts, "body": {"email": new_email(), "name": "Omar"}}
        case "lock_agency_user" if made["agency_users"]:
            user = chance.choice(made["agency_users"])
            where = {"agency_id": user["agency_id"], "user_id": user["id"]}
            return {"path_parameters": where, "body": {}, "headers": people.headers["admin"]}
    return None


def _by(people: People, name: str) -> dict[str, str]:
    return {**people.headers[name], "Idempotency-Key": new_key()}
