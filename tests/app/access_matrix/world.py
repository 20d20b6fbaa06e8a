"""The callers of the matrix and what they are asked about, made once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.factories import callers
from tests.factories.callers import Caller
from tests.factories.in_process import ADULT, OPERATOR, InProcess, bearer, departure, new_key

from ais.accounts import ApprovalKind, SessionRef, ask_approval
from ais.accounts.domain import EndReason, Grant
from ais.accounts.repository.sessions import end_sessions
from ais.accounts.rights.approvals import decline
from ais.accounts.roles import ROLES
from ais.accounts.tokens import AccountTokens
from ais.kit import Actor, ActorKind, Channel, FixedClock, encode_id, ids

JSON = dict[str, Any]
NOBODY = "00000000000000000000000000"


@dataclass
class World:
    """Who calls, by the two letters of the matrix, and the ids that a route's path takes for each thing it names."""

    program: InProcess
    headers: dict[str, dict[str, str]]
    people: dict[str, Caller]
    orders: dict[str, JSON]
    things: dict[str, dict[str, str]]


async def make_world(program: InProcess) -> World:
    """Everybody signs in, and each order is bought, paid and given up, so that nothing more can happen to it."""
    desert, oasis = await callers.agency(program, "DESERT"), await callers.agency(program, "OASIS")
    people = await _people(program, desert, oasis)
    headers = {letters: caller.headers for letters, caller in people.items()}
    headers |= {"NO": {}, "OT": OPERATOR, "EX": _expired(program, people["T2"]), "RV": await _revoked(program)}
    shift = await _shift(program)
    desert_id = encode_id(ids.AGENCY, desert)
    orders = {
        "traveller's": await _ended(program, "JED", people["TR"].headers, f"cash/shifts/{shift}/payments"),
        "guest's": await _ended(program, "JED", None, f"cash/shifts/{shift}/payments"),
        "agency's": await _ended(program, "DMM", people["AG"].headers, f"agencies/{desert_id}/payments"),
    }
    headers["GU"] = bearer(orders["guest's"])
    another_session = (await callers.signed_in(people["TR"])).session_id
    assert another_session is not None
    things: dict[str, dict[str, str]] = {
        name: {"order_id": order["id"], "quote_id": order["quote_id"], "shift_id": shift, "agency_id": desert_id}
        for name, order in orders.items()
    }
    things["traveller's"] |= {
        "user_id": people["TR"].id,
        "session_id": encode_id(ids.SESSION, another_session),
    }
    things["role"] = {"approval_id": await _declined_role(program, people)}
    things["refund"] = {"approval_id": await _declined_refund(program, people["SU"])}
    things["revenue"] = {"user_id": people["RE"].id}
    things["missing"] = {
        "order_id": f"ord_{NOBODY}",
        "quote_id": f"ccq_{NOBODY}",
        "offer_id": "nothing",
        "agency_id": f"agy_{NOBODY}",
        "user_id": f"usr_{NOBODY}",
        "grant_id": f"grt_{NOBODY}",
        "session_id": f"ses_{NOBODY}",
        "approval_id": f"apr_{NOBODY}",
        "key_id": f"key_{NOBODY}",
        "shift_id": f"shf_{NOBODY}",
        "refund_id": f"rfd_{NOBODY}",
        "event_id": "evt_none",
    }
    return World(program, headers, people, orders, things)


async def _people(program: InProcess, desert: Any, oasis: Any) -> dict[str, Caller]:
    return {
        "TR": await callers.traveller(program),
        "T2": await callers.traveller(program),
        "AG": await callers.agent(program, desert),
        "A2": await callers.agent(program, oasis),
        "MA": await callers.machine(
            program, desert, "orders.create", "orders.read_own", "orders.pay_own", "orders.cancel_own"
        ),
        "M2": await callers.machine(program, None, "orders.read_any", actor=_chief()),
        "SU": await callers.staff(program, "support"),
        "S2": await callers.staff(program, Grant("support", agencies=(oasis,))),
        "ST": await callers.staff(program, Grant("station", stations=("JED",))),
        "S3": await callers.staff(program, Grant("station", stations=("CAI",))),
        "OP": await callers.staff(program, "ops"),
        "FI": await callers.staff(program, "finance"),
        "RE": await callers.staff(program, "revenue"),
        "AA": await callers.staff(program, "airline_admin"),
        "AD": await callers.staff(program, "admin"),
        "SA": await callers.staff(program, "super_admin"),
    }


def _chief() -> Actor:
    return Actor(ActorKind.STAFF, f"usr_{NOBODY}", Channel.API, ROLES["super_admin"])


def _expired(program: InProcess, somebody: Caller) -> dict[str, str]:
    """What somebody sends whose token was good until a moment ago."""
    assert somebody.user_id is not None
    assert somebody.session_id is not None
    then = FixedClock(program.database.clock.now() - timedelta(minutes=16))
    tokens = AccountTokens(program.state.tokens, then)
    return {"Authorization": f"Bearer {tokens.access(SessionRef(somebody.session_id, somebody.user_id))}"}


async def _revoked(program: InProcess) -> dict[str, str]:
    """What somebody with every role sends whose session was ended."""
    somebody = await callers.staff(program, "super_admin")
    assert somebody.user_id is not None
    async with program.database.unit_of_work(callers.ACTOR) as uow:
        await end_sessions(uow, somebody.user_id, EndReason.REVOKED)
    return somebody.headers


async def _shift(program: InProcess) -> str:
    """An open drawer at a counter."""
    office = {"code": "MATRIX", "name": "Counter", "currency": "SAR"}
    assert (await program.staff_post("cash/offices", **office)).status_code == 201
    opening = {"amount": "0.00", "currency": "SAR"}
    opened = await program.staff_post("cash/shifts", office="MATRIX", clerk="reem", opening_float=opening)
    assert opened.status_code == 201, opened.text
    return str(opened.json()["id"])


async def _ended(program: InProcess, to: str, headers: dict[str, str] | None, payments: str) -> JSON:
    """An order of this caller (None: of a guest) that was paid at that counter and given up."""
    offer = await program.offer([ADULT], slices=[("RUH", to, departure(30))])
    made = await program.post_order(offer, headers=headers or {})
    assert made.status_code == 201, made.text
    order: JSON = made.json()
    paid = await program.staff_post(payments, order_id=order["id"])
    assert paid.status_code == 201, paid.text
    quoted = await program.http.post(
        f"/api/v1/orders/{order['id']}/cancellation-quotes", json={}, headers=headers or bearer(order)
    )
    assert quoted.status_code == 201, quoted.text
    order["quote_id"] = quoted.json()["id"]
    confirmed = await program.http.post(
        f"/api/v1/cancellation-quotes/{order['quote_id']}/confirm",
        json={},
        headers={**(headers or bearer(order)), "Idempotency-Key": new_key()},
    )
    assert confirmed.status_code == 200, confirmed.text
    assert confirmed.json()["status"] == "cancelled"
    return order


async def _declined_role(program: InProcess, people: dict[str, Caller]) -> str:
    """A role that the admin asked for and somebody else declined."""
    asked = await people["AD"].post(f"users/{people['RE'].id}/roles", role="ops", reason="helps out")
    assert asked.status_code == 202, asked.text
    other = await callers.staff(program, "super_admin")
    assert (await other.post(f"approvals/{asked.json()['id']}/decline")).status_code == 200
    return str(asked.json()["id"])


async def _declined_refund(program: InProcess, support: Caller) -> str:
    """A refund that support asked for and somebody else declined."""
    asker = Actor(ActorKind.STAFF, support.id, Channel.API)
    until = program.database.clock.now() + timedelta(hours=1)
    async with program.database.unit_of_work(asker) as uow:
        asked = await ask_approval(uow, ApprovalKind.REFUND, f"ccq_{NOBODY}", {"refund": "SAR 9000.00"}, "large", until)
    async with program.database.unit_of_work(_chief()) as uow:
        await decline(uow, asked.id)
    return encode_id(ids.APPROVAL, asked.id)
