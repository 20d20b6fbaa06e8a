"""Whatever stands in whatever field, path or query: the program answers as its document says, and is unharmed."""

from __future__ import annotations

import json
import time

import pytest
from tests.factories.described_requests import operations, text_places, with_value
from tests.factories.in_process import OPERATOR, new_key

SECONDS_MAX = 4.0  # a statement that was made to sleep would take five
PAYLOADS = {
    "quote": "' OR '1'='1' --",
    "statement": "'; DROP TABLE orders; SELECT pg_sleep(5); --",
    "dollars": "$$; SELECT pg_sleep(5); $$ $1 %s :x",
    "backslash": "\\'; SELECT pg_sleep(5) --\\",
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


@pytest.mark.parametrize("name", PAYLOADS)
async def test_in_every_field_of_every_body(program, name):
    before = (await program.rows(UNHARMED))[0]
    made = 0
    for operation in await described(program):
        if operation.body_schema is None:
            continue
        example = operation.example()
        for place in text_places(example):
            answer, seconds = await answer_to(program, operation, body=with_value(example, place, PAYLOADS[name]))
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
