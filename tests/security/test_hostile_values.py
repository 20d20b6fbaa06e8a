"""Whatever stands in whatever field, path or query: the program answers as its document says, and is unharmed."""

from __future__ import annotations

import json
import time
from urllib.parse import quote_from_bytes

import pytest
from tests.factories.callers import page_cookie, staff
from tests.factories.described_requests import operations, text_places, with_value
from tests.factories.in_process import OPERATOR, departure, new_key
from tests.factories.page_reader import SITE

SECONDS_MAX = 10.0  # a statement that was made to sleep would take twenty
PAYLOADS = {
    "quote": "' OR '1'='1' --",
    "statement": "'; DROP TABLE orders; SELECT pg_sleep(20); --",
    "dollars": "$$; SELECT pg_sleep(20); $$ $1 %s :x",
    "backslash": "\\'; SELECT pg_sleep(20) --\\",
    "wildcards": "%_%%_",
    "nul": "a\x00b",
    "lines": 'a\r\nSet-Cookie: owned=1\r\n\r\n{"level": "error"}',
    "template": "{{7*7}}${7*7}<%=7*7%>{0.__class__}",
    "markup": "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>",
    "path": "../../../../etc/passwd",
    "turned": "\u202egnp.exe\u200b\ufeff",
    "digits": "٠١٢٣٤٥",
    "surrogate": "\ud800",
    "long": "a" * 1_000_000,
}
IN_ADDRESSES = ("statement", "nul", "lines", "path", "digits", "surrogate", "long")
UNHARMED = "SELECT count(*) FROM orders"


def encoded(body):
    """JSON with lone surrogates as escapes, as a hostile client writes them."""
    return json.dumps(body).encode("ascii")


async def answer_to(program, operation, *, address=None, body=None, query=None, headers=None):
    sent = {"Idempotency-Key": new_key(), **OPERATOR, **(headers or {})}
    if operation.body_schema is not None:
        sent.setdefault("Content-Type", "application/json")
    content = encoded(operation.example() if body is None else body) if operation.body_schema is not None else None
    began = time.monotonic()
    answer = await program.http.request(
        operation.method, address or operation.address(), content=content, params=query, headers=sent
    )
    return answer, time.monotonic() - began


async def described(program):
    return operations((await program.http.get("/schema/openapi.json")).json())


def check(operation, where, name, answer, seconds):
    told = f"{operation.name} {where} {name}: {answer.status_code} {answer.text[:300]}"
    assert answer.status_code in operation.statuses | {405}, told
    assert answer.status_code < 500 or operation.path.startswith("/health"), told
    assert seconds < SECONDS_MAX, told
    assert "owned" not in answer.headers.get("set-cookie", ""), told
    if answer.status_code >= 400:
        assert set(answer.json()) == {"error"}, told
        for inside in ("syntax error", "asyncpg", "Traceback", "psycopg", "pg_", "SELECT"):
            assert inside not in answer.json()["error"]["message"], told


@pytest.fixture
async def chief(program):
    """Somebody who holds every right and has signed in: no request ends at the door."""
    return await staff(program, "super_admin")


@pytest.mark.parametrize("name", PAYLOADS)
async def test_in_every_field_of_every_body(program, chief, name):
    before = (await program.rows(UNHARMED))[0]
    made = 0
    for operation in await described(program):
        if operation.body_schema is None:
            continue
        example = operation.example()
        for place in text_places(example):
            body = with_value(example, place, PAYLOADS[name])
            answer, seconds = await answer_to(program, operation, body=body, headers=chief.headers)
            check(operation, place, name, answer, seconds)
            made += 1
    assert made > 40
    assert (await program.rows(UNHARMED))[0] == before


async def test_in_every_path_and_query(program):
    for operation in await described(program):
        if operation.path.startswith(("/health", "/webhooks")):
            continue
        for name in IN_ADDRESSES:
            text = PAYLOADS[name][:3000].encode("utf-8", "surrogatepass")
            quoted = "".join(f"%{byte:02X}" for byte in text)
            for each in operation.parameters("path"):
                address = operation.address(**{each["name"]: quoted})
                answer, seconds = await answer_to(program, operation, address=address)
                if name != "path":
                    check(operation, each["name"], name, answer, seconds)
            for each in operation.parameters("query"):
                answer, seconds = await answer_to(
                    program, operation, address=f"{operation.address()}?{each['name']}={quoted}"
                )
                check(operation, each["name"], name, answer, seconds)


UNSEEN = {"nul", "lines", "line", "turned"}
NOTHING = {"amount": "0.00", "currency": "SAR"}
STORED = {name: text for name, text in PAYLOADS.items() if name not in {"surrogate", "long"}} | {"line": "a\nb"}


async def test_what_is_taken_is_stored_as_it_was_sent(program, chief):
    """Past all checks, into the database and out again: text is text there, or it was refused."""
    clerk, order = await staff(program), await program.order(slices=[("RUH", "JED", departure(5))])
    await program.pay(order)
    offer = await program.offer()
    (person,) = program.people(offer)
    taken = dict.fromkeys(("role", "waiver", "agency", "key", "name"), 0)
    for number, (name, text) in enumerate(STORED.items()):
        asked = await chief.post(f"users/{clerk.id}/roles", role="ops", reason=text)
        quoted = await chief.post(f"orders/{order['id']}/cancellation-quotes", waiver_reason=text)
        agency = await chief.post("agencies", code=f"HX{number}", name=text, credit_limit=NOTHING)
        made = await chief.post("api-keys", name=text, permissions=["ledger.read"], expires_in_days=1)
        local = {"given": text, "family": "الحربي"}
        ordered = await program.post_order(offer, [{**person, "name_local": local}])
        outcomes = {"role": asked, "waiver": quoted, "agency": agency, "key": made, "name": ordered}
        for what, answer in outcomes.items():
            assert answer.status_code in {201, 202, 422}, (what, name, answer.text)
            taken[what] += answer.is_success
        if asked.is_success:
            assert asked.json()["reason"] == text
            assert (await chief.post(f"approvals/{asked.json()['id']}/decline")).json()["reason"] == text
        if quoted.is_success:
            waits = await chief.post(f"cancellation-quotes/{quoted.json()['id']}/confirm")
            assert (waits.status_code, waits.json()["reason"]) == (202, text)
            assert (await chief.post(f"approvals/{waits.json()['id']}/decline")).status_code == 200
        for answer in (agency, made):
            assert not answer.is_success or answer.json()["name"] == text
        if ordered.is_success:
            assert (await program.read(ordered.json()))["passengers"][0]["name_local"] == local
        if name in UNSEEN:
            assert not any(answer.is_success for answer in outcomes.values())
    assert set(taken.values()) == {len(STORED) - len(UNSEEN)}, taken
    assert (await program.read(order))["status"] == "confirmed"


PAGES = (
    "/en/",
    "/en/booking",
    "/en/account",
    "/en/account/sign-in",
    "/en/account/register",
    "/en/account/forgotten",
    "/en/account/verify?token=x",
    "/en/account/new-password?token=x",
    "/en/account/password",
    "/en/account/proof",
    "/en/account/approvals",
)
IN_FORMS = ("statement", "nul", "markup", "surrogate")


def form_encoded(fields):
    return "&".join(
        f"{name}={quote_from_bytes(text.encode('utf-8', 'surrogatepass'))}" for name, text in fields.items()
    )


async def forms_of(program, visitor, chief):
    """Every form of the pages for customers and for staff, with its fields as they are filled in."""
    assert (await chief.post(f"users/{(await staff(program)).id}/roles", role="ops", reason="x")).status_code == 202
    await visitor.order()
    order = await visitor.order()
    cancel = await visitor.open(f"{order.path}/cancel")
    pages = [await visitor.travellers(), order, cancel, await visitor.send(cancel.path, cancel.form("/cancel"))]
    pages += [await visitor.open(path) for path in PAGES]
    visitor.http.cookies.set(*await page_cookie(await staff(program, "super_admin")))
    pages += [await visitor.open(path) for path in PAGES]
    found = {}
    for page in pages:
        for form in page.forms():
            address = (form["action"] or page.path).split("?")[0]
            found[(form["method"].upper(), address, tuple(form["fields"]))] = form["fields"]
    return found


async def test_in_every_field_of_every_form(program, visitor, chief):
    forms = await forms_of(program, visitor, chief)
    addresses = {address.rpartition("/")[2] for _, address, _ in forms}
    assert addresses >= {
        "travellers",
        "pay",
        "cancel",
        "confirm",
        "booking",
        "sign-in",
        "register",
        "approvals",
        "proof",
    }
    before = (await program.rows(UNHARMED))[0]
    for (method, address, _), fields in forms.items():
        for number, field in enumerate(fields):
            for name in (*IN_FORMS, "long") if number == 0 else IN_FORMS:
                sent = form_encoded({**fields, field: PAYLOADS[name]})
                began = time.monotonic()
                if method == "GET":
                    answer = await visitor.http.get(f"{address}?{sent[:8000]}")
                else:
                    headers = {"Origin": SITE, "Content-Type": "application/x-www-form-urlencoded"}
                    answer = await visitor.http.post(address, content=sent, headers=headers)
                told = f"{method} {address} {field} {name}: {answer.status_code} {answer.text[:300]}"
                assert answer.status_code < 500, told
                assert time.monotonic() - began < SECONDS_MAX, told
                assert "<script>alert" not in answer.text, told
                assert "owned" not in answer.headers.get("set-cookie", ""), told
    assert (await program.rows(UNHARMED))[0] == before
