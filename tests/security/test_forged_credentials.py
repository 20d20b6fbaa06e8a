"""Credentials that were not given out: of other keys, other purposes, other schemes, and messages of no provider."""

from __future__ import annotations

import base64
import json

from tests.factories.accounts import OTHER_PASSWORD, make_person
from tests.factories.in_process import WEBHOOK_SECRET, order_id, signature

from ais.platform.tokens import TokenRing, sign_guest_token

FAR = 4_000_000_000


def jwt(header: dict, payload: dict) -> str:
    """A token whose signature is empty, as libraries that believe ``alg`` accept it."""
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in (header, payload)]
    return f"{parts[0]}.{parts[1]}."


async def reads(program, order, credentials):
    answer = await program.http.get(f"/api/v1/orders/{order['id']}", headers={"Authorization": credentials})
    return answer.status_code, answer.json().get("error", {}).get("code")


async def test_a_guest_token_is_good_from_our_own_key_for_its_own_purpose_and_unchanged(program):
    order = await program.order()
    identifier = order_id(order)
    own = TokenRing(program.settings.secret_keys)
    payload = identifier.bytes + FAR.to_bytes(5, "big")
    forged = {
        "another key": sign_guest_token(TokenRing("demo-0:" + "B" * 43), identifier, FAR),
        "another key's name": sign_guest_token(TokenRing("other:" + "B" * 43), identifier, FAR),
        "an offer's purpose": "gst_" + own.sign("offer", payload),
        "a form's purpose": "gst_" + own.sign("form", payload),
        "longer": "gst_" + own.sign("guest", payload + b"\0"),
        "shorter": "gst_" + own.sign("guest", payload[:-1]),
        "no signature": "gst_" + base64.urlsafe_b64encode(payload).rstrip(b"=").decode(),
        "alg none": jwt({"alg": "none"}, {"sub": order["id"]}),
        "alg HS256 by the public id": jwt({"alg": "HS256", "kid": "../../dev/null"}, {"sub": order["id"], "exp": FAR}),
        "an offer id": order["id"],
        "nothing": "gst_",
        "another alphabet": order["guest_token"].replace("gst_", "GST_"),
        "padding": order["guest_token"] + "=",
        "spaces": order["guest_token"] + " x",
    }
    for what, token in forged.items():
        assert await reads(program, order, f"Bearer {token}") == (401, "UNAUTHORIZED"), what
    for scheme in ("Basic", "Token", "Bearer:", ""):
        assert (await reads(program, order, f"{scheme} {order['guest_token']}"))[0] == 401, scheme
    expired = sign_guest_token(own, identifier, 1)
    assert await reads(program, order, f"Bearer {expired}") == (401, "TOKEN_EXPIRED")
    assert (await reads(program, order, f"Bearer {order['guest_token']}"))[0] == 200


async def test_each_changed_character_of_a_token_ends_it(program):
    order = await program.order()
    token = order["guest_token"].removeprefix("gst_")
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert (await reads(program, order, f"Bearer gst_{changed}"))[0] == 401, place


async def test_credentials_twice_or_elsewhere_are_none(program):
    order, other = await program.order(), await program.order()
    path = f"/api/v1/orders/{order['id']}"
    token = order["guest_token"]
    for query in (f"?token={token}", f"?access_token={token}", f"?authorization=Bearer%20{token}"):
        assert (await program.http.get(path + query)).status_code == 401
    for headers in ({"X-Authorization": f"Bearer {token}"}, {"Cookie": f"ais_shop={'a' * 32}.{token}"}):
        assert (await program.http.get(path, headers=headers)).status_code == 401
    twice = [("Authorization", f"Bearer {other['guest_token']}"), ("Authorization", f"Bearer {token}")]
    assert (await program.http.get(path, headers=twice)).status_code in {401, 404}


async def test_an_access_token_is_good_from_our_own_key_for_its_own_purpose_and_in_time(program):
    person = await make_person(program)
    token = (await person.log_in())["access_token"]
    own, other = TokenRing(program.settings.secret_keys), TokenRing("demo-0:" + "B" * 43)
    content = own.verify("access", token.removeprefix("act_"))
    ended = content[:-5] + (1).to_bytes(5, "big")
    forged = {
        "another key": "act_" + other.sign("access", content),
        "a guest's purpose": "act_" + own.sign("guest", content),
        "a page's purpose": "act_" + own.sign("page", content[:32]),
        "a link's purpose": "act_" + own.sign("link verify", content),
        "as a guest": "gst_" + token.removeprefix("act_"),
        "another session": "act_" + own.sign("access", bytes(16) + content[16:]),
        "another user": "act_" + own.sign("access", content[:16] + bytes(16) + content[32:]),
        "alg none": jwt({"alg": "none", "typ": "JWT"}, {"sub": person.user.id.hex, "exp": FAR}),
    }
    for what, each in forged.items():
        answer = await program.http.get("/api/v1/me", headers={"Authorization": f"Bearer {each}"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED"), what
    late = await program.http.get("/api/v1/me", headers={"Authorization": f"Bearer act_{own.sign('access', ended)}"})
    assert (late.status_code, late.json()["error"]["code"]) == (401, "TOKEN_EXPIRED")
    assert (await program.http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code == 200


async def test_no_header_gives_more_tries_at_a_password(program):
    person = await make_person(program)
    statuses = []
    for number in range(7):
        address = f"203.0.{number}.1"
        answer = await program.http.post(
            "/api/v1/auth/login",
            json={"email": person.email, "password": OTHER_PASSWORD},
            headers={
                "X-Forwarded-For": address,
                "X-Real-IP": address,
                "Forwarded": f"for={address}",
                "X-Client-IP": address,
                "User-Agent": f"client {number}",
            },
        )
        statuses.append(answer.status_code)
    assert statuses == [401] * 5 + [429] * 2
    assert 1700 < int(answer.headers["retry-after"]) <= 1800


FORGED = [
    lambda body: {},
    lambda body: {"Stripe-Signature": ""},
    lambda body: {"Stripe-Signature": "t=,v1="},
    lambda body: {"Stripe-Signature": signature(body, secret="whsec_guess")},
    lambda body: {"Stripe-Signature": signature(body, secret="")},
    lambda body: {"Stripe-Signature": signature(body + b" ")},
    lambda body: {"Stripe-Signature": signature(body, at=1)},
    lambda body: {"Stripe-Signature": signature(body).replace("v1=", "v0=")},
    lambda body: {"Stripe-Signature": signature(body).replace("v1=", "V1=")},
    lambda body: {"Stripe-Signature": signature(body).split(",")[1]},
    lambda body: {"Stripe-Signature": signature(body)[:-1]},
    lambda body: {"Stripe-Signature": "t=9999999999," + signature(body, at=9_999_999_998).split(",")[1]},
    lambda body: {"X-Stripe-Signature": signature(body)},
    lambda body: {"Authorization": f"Bearer {WEBHOOK_SECRET}"},
]


async def test_a_message_that_the_provider_did_not_sign_is_not_even_stored(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    event = {
        "id": f"evt_forged_{payment['id']}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "data": {"object": {"id": payment["provider_payment_id"], "object": "payment_intent", "status": "succeeded"}},
    }
    body = json.dumps(event).encode()
    (before,) = await program.rows("SELECT count(*) FROM provider_events")
    for number, signed in enumerate(FORGED):
        answer = await program.http.post("/webhooks/stripe", content=body, headers=signed(body))
        assert answer.status_code == 400, number
    assert await program.rows("SELECT count(*) FROM provider_events") == [before]
    assert (await program.read(order))["payment_status"] == "unpaid"
