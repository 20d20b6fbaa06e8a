"""Keys of machines: shown once, kept as a hash, scoped, with an end and limits of their own; an agency's users."""

from __future__ import annotations

import asyncio

import pytest
from tests.factories.callers import agency, agent, error_of, machine, person, staff
from tests.factories.in_process import OPERATOR, new_key

from ais.accounts import UserKind
from ais.accounts.domain import Grant
from ais.accounts.rights.domain import hash_of_key
from ais.accounts.rights.keys import HELD_SECONDS
from ais.kit import decode_id, encode_id, ids

SELLING = ["orders.create", "orders.read_own", "orders.pay_own"]


async def create(who, **body):
    answer = await who.post("api-keys", **{"name": "till", "permissions": SELLING, "expires_in_days": 30, **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def sending(key):
    return {"Authorization": f"Bearer {key['key']}"}


async def read_orders(program, headers):
    return await program.http.get("/api/v1/orders", params={"limit": 1}, headers=headers)


async def test_a_key_is_shown_once_and_stands_nowhere(program):
    admin, own = await staff(program, "admin"), await agency(program, "KEYONCE")
    key = new_key()
    body = {"name": "till", "permissions": SELLING, "expires_in_days": 30, "agency_id": encode_id(ids.AGENCY, own)}
    first, again = [await admin.post("api-keys", key=key, **body) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 201)
    shown = first.json()["key"]
    assert shown.startswith("ais_")
    assert len(shown) == 47
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == {**first.json(), "key": None}
    listed = (await admin.get("api-keys", agency_id=body["agency_id"])).json()["items"]
    assert listed == [{**first.json(), "key": None}]
    assert await program.rows("SELECT hash FROM api_keys WHERE agency_id = $1", own) == [hash_of_key(shown)]
    assert (await read_orders(program, {"Authorization": f"Bearer {shown}"})).status_code == 200
    for wrong in (shown[:-1], shown + "A", "ais_", "ais_" + "A" * 43):
        assert error_of(await read_orders(program, {"Authorization": f"Bearer {wrong}"})) == (401, "UNAUTHORIZED")


async def test_a_key_sells_for_its_agency_alone(program):
    desert, oasis = await agency(program, "KEYDESERT"), await agency(program, "KEYOASIS")
    till, other = await machine(program, desert, *SELLING), await machine(program, oasis, *SELLING)
    human = await agent(program, desert)
    answer = await program.post_order(await program.offer(), headers=till.headers)
    assert answer.status_code == 201
    order = answer.json()
    assert await program.rows(
        "SELECT seller_id, agent_id, owner FROM orders WHERE id = $1", decode_id(ids.ORDER, order["id"])
    ) == [("KEYDESERT", till.name, f"machine:{till.name}")]
    for caller, status in ((till, 200), (human, 200), (other, 404)):
        assert (await caller.get(f"orders/{order['id']}")).status_code == status
        listed = [each["id"] for each in (await caller.get("orders", limit=200)).json()["items"]]
        assert (order["id"] in listed) == (status == 200)
    assert error_of(await till.post(f"orders/{order['id']}/cancellation-quotes")) == (403, "FORBIDDEN")
    assert error_of(await other.post(f"orders/{order['id']}/cancellation-quotes")) == (404, "NOT_FOUND")
    paid = await human.post(f"agencies/{encode_id(ids.AGENCY, desert)}/payments", order_id=order["id"])
    assert (paid.status_code, paid.json()["status"]) == (201, "succeeded")
    for elsewhere in (encode_id(ids.AGENCY, oasis), "agy_00000000000000000000000000"):
        answer = await human.post(f"agencies/{elsewhere}/payments", order_id=order["id"])
        assert error_of(answer) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"permissions": ["orders.read_any"], "agency": True}, "permissions"),
        ({"permissions": ["roles.grant"], "agency": True}, "permissions"),
        ({"permissions": ["orders.create"]}, "permissions"),
        ({"permissions": ["ledger.read"]}, "permissions"),  # an admin has it not
        ({"permissions": []}, "permissions"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": 367}, "expires_in_days"),
        ({"agency_id": "agy_00000000000000000000000000"}, "agency_id"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"secret": "ais_chosen"}, "secret"),
    ],
)
async def test_a_key_gets_nothing_that_its_holder_or_giver_may_not_have(program, body, path):
    admin = await staff(program, "admin")
    wanted = {"name": "till", "permissions": ["orders.read_own"], "expires_in_days": 30, **body}
    if wanted.pop("agency", False):
        wanted["agency_id"] = encode_id(ids.AGENCY, await agency(program, f"SCOPE{len(path)}{len(str(body))}"))
    before = await program.rows("SELECT count(*) FROM api_keys")
    answer = await admin.post("api-keys", **wanted)
    assert error_of(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"]["fields"][0]["path"] == path
    assert await program.rows("SELECT count(*) FROM api_keys") == before


async def test_a_key_that_was_revoked_or_is_over_opens_nothing(program):
    admin, own = await staff(program, "admin"), await agency(program, "KEYOVER")
    over, revoked = await machine(program, own, *SELLING), await machine(program, own, *SELLING)
    await program.rows(
        "UPDATE api_keys SET created_at = ais_now() - interval '2 days', expires_at = ais_now() - interval '1 second'"
        " WHERE id = $1 RETURNING 1",
        decode_id(ids.API_KEY, over.name),
    )
    assert error_of(await over.get("orders")) == (401, "TOKEN_EXPIRED")
    for _ in range(2):
        answer = await admin.post(f"api-keys/{revoked.name}/revoke")
        assert answer.status_code == 200
        assert answer.json()["revoked_at"] is not None
    assert error_of(await revoked.get("orders")) == (401, "UNAUTHORIZED")
    assert error_of(await admin.post("api-keys/key_00000000000000000000000000/revoke")) == (404, "NOT_FOUND")


async def test_a_key_that_is_revoked_while_it_is_used_is_refused_within_a_second(program):
    admin, own = await staff(program, "admin"), await agency(program, "KEYUSED")
    till = await machine(program, own, *SELLING)
    assert (await till.get("orders", limit=1)).status_code == 200

    using = asyncio.create_task(till.refused_at("orders"))
    assert (await admin.post(f"api-keys/{till.name}/revoke")).status_code == 200
    revoked_at = asyncio.get_running_loop().time()
    assert await using - revoked_at < 1


async def test_control_a_key_that_is_held_longer_is_used_longer(program, monkeypatch):
    """What the short hold is for: with a long one a revoked key goes on."""
    monkeypatch.setattr("ais.accounts.rights.keys.HELD_SECONDS", 60 * HELD_SECONDS)
    admin, own = await staff(program, "admin"), await agency(program, "KEYHELD")
    till = await machine(program, own, *SELLING)
    assert (await till.get("orders", limit=1)).status_code == 200
    assert (await admin.post(f"api-keys/{till.name}/revoke")).status_code == 200
    await asyncio.sleep(HELD_SECONDS)
    assert (await till.get("orders", limit=1)).status_code == 200


async def test_the_last_use_is_written_once_a_minute(program):
    own = await agency(program, "KEYNOTED")
    till = await machine(program, own, *SELLING)
    used = "SELECT last_used_at FROM api_keys WHERE id = $1"
    key_id = decode_id(ids.API_KEY, till.name)
    assert await program.rows(used, key_id) == [None]
    await till.get("orders", limit=1)
    (first,) = await program.rows(used, key_id)
    assert first is not None
    program.state.accounts._keys._held.clear()
    await till.get("orders", limit=1)
    assert await program.rows(used, key_id) == [first]
    await program.rows(
        "UPDATE api_keys SET last_used_at = last_used_at - interval '61 seconds' WHERE id = $1 RETURNING 1", key_id
    )
    program.state.accounts._keys._held.clear()
    await till.get("orders", limit=1)
    (later,) = await program.rows(used, key_id)
    assert later > first


async def test_a_key_has_a_limit_of_its_own(program):
    till = await machine(program, await agency(program, "KEYSLOW"), *SELLING, requests_per_minute=2)
    answers = [await till.get("orders", limit=1) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["RateLimit-Limit"] == "2"


async def test_a_machine_of_the_airline_may_read_and_nothing_else(program):
    chief = await staff(program, "super_admin")
    made = await create(chief, permissions=["orders.read_any", "refunds.read"])
    headers = sending(made)
    order = await program.order()
    read = await program.http.get(f"/api/v1/orders/{order['id']}", headers=headers)
    assert read.status_code == 200
    void = await program.http.post(
        f"/api/v1/orders/{order['id']}/void", json={"reason": "x"}, headers={**headers, "Idempotency-Key": new_key()}
    )
    assert error_of(void) == (403, "FORBIDDEN")
    assert error_of(await program.post_order(await program.offer(), headers=headers)) == (403, "FORBIDDEN")


async def test_an_agencys_users_are_made_by_staff_and_choose_their_own_password(program):
    own, other = await agency(program, "USERSONE"), await agency(program, "USERSTWO")
    manager = await staff(program, Grant("admin", agencies=(own,)))
    path, elsewhere = (f"agencies/{encode_id(ids.AGENCY, each)}/users" for each in (own, other))
    made = await manager.post(path, email="Noura@desert.example", name="Noura")
    assert (made.status_code, made.json()["status"]) == (201, "active")
    assert (await manager.post(path, email="noura@desert.example")).json() == made.json()
    assert (await manager.get(path)).json()["items"] == [made.json()]
    for answer in (await manager.get(elsewhere), await manager.post(elsewhere, email="x@desert.example")):
        assert error_of(answer) == (404, "NOT_FOUND")
    unlimited = await staff(program, "admin")
    taken = await unlimited.post(elsewhere, email="noura@desert.example")
    assert error_of(taken) == (409, "ACCOUNT_EXISTS")
    for name, answer in (
        ("the other agency's", await unlimited.post(f"{elsewhere}/{made.json()['id']}/lock")),
        ("nobody", await unlimited.post(f"{path}/usr_00000000000000000000000000/lock")),
    ):
        assert error_of(answer) == (404, "NOT_FOUND"), name


async def test_a_user_that_is_locked_is_out_at_once(program):
    own = await agency(program, "USERLOCK")
    worker, manager = await person(program, UserKind.AGENT, agency_id=own), await staff(program, "admin")
    assert (await worker.get("orders", limit=1)).status_code == 200
    locked = await manager.post(f"agencies/{encode_id(ids.AGENCY, own)}/users/{worker.id}/lock")
    assert (locked.status_code, locked.json()["status"]) == (200, "locked")
    assert error_of(await worker.get("orders", limit=1)) == (401, "UNAUTHORIZED")


async def test_the_operators_token_gives_keys_out_and_signs_nothing(program):
    own = await agency(program, "KEYFIRST")
    body = {"name": "till", "permissions": SELLING, "expires_in_days": 1, "agency_id": encode_id(ids.AGENCY, own)}
    headers = {**OPERATOR, "Idempotency-Key": new_key()}
    assert (await program.http.post("/api/v1/api-keys", json=body, headers=headers)).status_code == 201
    assert error_of(await program.http.get("/api/v1/approvals", headers=OPERATOR)) == (403, "FORBIDDEN")
