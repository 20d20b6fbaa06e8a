"""Reading the matrix, calling the routes, and what differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.app.access_matrix.world import World
from tests.factories.in_process import new_key

JSON = dict[str, Any]
MATRIX = Path(__file__).parent / "matrix.txt"
CALLERS = tuple(
    "NO EX RV GU TR T2 AG A2 MA M2 SU S2 ST S3 OP FI RE AA AD SA OT".split()  # noqa: SIM905  # as the matrix has them
)
REFUSALS = {
    "-": (401, "UNAUTHORIZED"),
    "x": (401, "TOKEN_EXPIRED"),
    "f": (403, "FORBIDDEN"),
    "n": (404, "NOT_FOUND"),
    "s": (403, "SECOND_PERSON_NEEDED"),
}
METHODS = {"get", "post", "put", "patch", "delete"}
UNSOUND: JSON = {"no_such_field": True}
OTHER_CURRENCY: JSON = {"amount": "1.00", "currency": "USD"}

# What is sent, by route; where nothing stands, a body that no route takes.
SENT: dict[str, JSON] = {
    "POST /api/v1/orders/{order_id}/payments": {"method": "card"},
    "POST /api/v1/orders/{order_id}/cancellation-quotes": {},
    "POST /api/v1/cancellation-quotes/{quote_id}/confirm": {},
    "POST /api/v1/orders/{order_id}/void": {"reason": "double sale"},
    "POST /api/v1/orders/{order_id}/payment-links": {},
    "POST /api/v1/orders": {
        "offer_id": "no-offer",
        "passengers": [{"id": "1", "given_name": "Sara", "family_name": "Al-Harbi"}],
        "contact": {"email": "sara@example.com"},
    },
    "POST /api/v1/agencies/{agency_id}/credit-limit": {"credit_limit": OTHER_CURRENCY},
    "POST /api/v1/agencies/{agency_id}/top-ups": {"amount": OTHER_CURRENCY, "reference": "FT1"},
    "POST /api/v1/agencies/{agency_id}/payments": {"order_id": "…"},
    "POST /api/v1/agencies/{agency_id}/users/{user_id}/lock": {},
    "POST /api/v1/cash/shifts/{shift_id}/close": {"counted": {"amount": "0.00", "currency": "SAR"}},
    "POST /api/v1/cash/shifts/{shift_id}/pay-outs": {"refund_id": "rfd_00000000000000000000000000"},
    "POST /api/v1/cash/shifts/{shift_id}/payments": {"order_id": "…"},
    "POST /api/v1/cash/shifts/{shift_id}/write-off": {"reason": "lost"},
    "POST /api/v1/refunds/{refund_id}/retry": {"to": "travel_credit"},
    "POST /api/v1/webhook-events/{event_id}/replay": {},
    "POST /api/v1/users/{user_id}/roles": {"role": "ops", "reason": "helps out"},
    "POST /api/v1/users/{user_id}/roles/{grant_id}/revocation": {"reason": "leaves"},
    "POST /api/v1/approvals/{approval_id}/approve": {},
    "POST /api/v1/approvals/{approval_id}/decline": {},
    "POST /api/v1/api-keys/{key_id}/revoke": {},
}
ASKED: dict[str, JSON] = {
    "GET /api/v1/airports": {"q": "ria"},
    "GET /api/v1/ledger/trial-balance": {"first_day": "2026-01-01"},
}
# Where an order or an account is missing, and what else the path names is there: that, and whose it is.
_THERE = {
    "POST /api/v1/agencies/{agency_id}/users/{user_id}/lock": ("agency_id", "agency's"),
    "POST /api/v1/cash/shifts/{shift_id}/payments": ("shift_id", "agency's"),
    "POST /api/v1/agencies/{agency_id}/payments": ("agency_id", "agency's"),
    "POST /api/v1/users/{user_id}/roles/{grant_id}/revocation": ("user_id", "revenue"),
}


@dataclass(frozen=True)
class Line:
    """A line of the matrix: what who may is answered, and the letter of each caller."""

    route: str
    about: str
    passes: tuple[int, str | None]
    cells: dict[str, str]


def read_matrix(text: str) -> list[Line]:
    """The lines of the matrix; ValueError for one that has not an answer for each caller."""
    lines = []
    for number, written in enumerate(text.splitlines(), start=1):
        words = written.split()
        if not words or words[0].startswith("#"):
            continue
        head, cells = words[: -len(CALLERS)], words[-len(CALLERS) :]
        if len(head) not in {4, 5} or any(len(cell) != 1 for cell in cells):
            raise ValueError(f"line {number} has not an answer for each of {len(CALLERS)} callers: {written}")
        passes = (int(head[3]), head[4] if len(head) == 5 else None)
        lines.append(Line(f"{head[0]} {head[1]}", head[2], passes, dict(zip(CALLERS, cells, strict=True))))
    return lines


def operations(document: JSON) -> set[str]:
    """Every route of an OpenAPI document."""
    return {
        f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item if method in METHODS
    }


def strangers(document: JSON, lines: Iterable[Line]) -> list[str]:
    """Routes that the matrix does not know, and lines about routes that are not there."""
    known, served = {line.route for line in lines}, operations(document)
    return [f"no line: {route}" for route in sorted(served - known)] + [
        f"no such route: {route}" for route in sorted(known - served)
    ]


async def differences(world: World, lines: Sequence[Line], only: Sequence[str] = CALLERS) -> list[str]:
    """Each answer that is not what the matrix says, one sentence each."""
    return [
        f"{caller} {line.route} ({line.about}): {found}, not {wanted}"
        for line in lines
        for caller, wanted in _wanted(line, only)
        if (found := await _call(world, line, caller)) != wanted
    ]


def _wanted(line: Line, only: Sequence[str]) -> Iterator[tuple[str, tuple[int, str | None]]]:
    for caller in only:
        cell = line.cells[caller]
        if cell != ".":
            yield caller, line.passes if cell == "y" else REFUSALS[cell]


async def _call(world: World, line: Line, caller: str) -> tuple[int, str | None]:
    """Status and code of the answer to this caller."""
    answer = await ask(world, line, caller)
    is_refusal = answer.status_code >= 400 and answer.headers.get("content-type", "").startswith("application/json")
    return answer.status_code, answer.json()["error"]["code"] if is_refusal else None


async def ask(world: World, line: Line, caller: str) -> httpx.Response:
    """What the program answers this caller to the request of this line."""
    method, path = line.route.split()
    things = dict(world.things.get(line.about, {}))
    if line.route in _THERE:
        named, whose = _THERE[line.route]
        things[named] = world.things[whose][named]
    body = SENT.get(line.route, UNSOUND) if method == "POST" else None
    if body is not None and "order_id" in body:
        body = {"order_id": world.things[line.about]["order_id"]}
    headers = {**world.headers[caller], "Idempotency-Key": new_key()}
    return await world.program.http.request(
        method, path.format_map(things), json=body, params=ASKED.get(line.route), headers=headers
    )
