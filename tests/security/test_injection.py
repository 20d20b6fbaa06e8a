"""What is sent gets into no header, no line of a log and no other person's page as anything but text."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.factories.in_process import FAMILY_NAME, new_key

BREAK = "x\r\nSet-Cookie: owned=1\r\n\r\n<script>"
LOOK_ALIKES = {
    "cyrillic": "Al-Hаrbi",  # the third letter is Cyrillic
    "greek": "Αl-Harbi",
    "full width": "Ａｌ-Harbi",
    "turned": "\u202eibraH-lA",
    "invisible": "Al\u200b-Harbi",
    "joined": "Al\u2060-Harbi",
    "a combining mark alone": "\u0301Harbi",
    "mathematical": "𝐇arbi",
    "digits": "Harb1",
    "an e-mail": "a@b.example",
    "a tab": "Al\tHarbi",
    "a line": "Al\nHarbi",
}


async def raw(program, path, headers, method="GET"):
    """A request with headers that no careful client would send; the status and headers of the answer."""
    told = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        told.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"ais.test"), *headers], "client": ("192.0.2.9", 1), "server": ("ais.test", 80),
    }  # fmt: skip
    await program.http._transport.app(scope, receive, send)
    return told[0]["status"], told[0]["headers"]


@pytest.mark.parametrize(
    "name",
    [b"x-correlation-id", b"accept-language", b"origin", b"referer", b"x-forwarded-for", b"authorization", b"cookie"],
)
@pytest.mark.parametrize("path", ["/api/v1/orders", "/en/booking", "/orders/x", "/nowhere"])
async def test_no_header_of_an_answer_has_what_a_header_of_the_request_had(program, name, path):
    status, headers = await raw(program, path, [(name, BREAK.encode())])
    assert status < 500
    for header, value in headers:
        assert b"\r" not in value, header
        assert b"\n" not in value, header
        assert b"owned" not in value, header


async def test_a_path_with_line_breaks_gets_into_no_header(program):
    for path in (f"/orders/{BREAK}", f"/en/orders/{BREAK}", f"/ar/{BREAK}", f"/api/v1/orders/{BREAK}"):
        status, headers = await raw(program, path, [])
        assert status < 500
        assert not any(b"\n" in value or b"\r" in value for _, value in headers), path


def test_a_line_of_a_log_stays_one_line_whatever_is_logged():
    program = (
        "from ais.platform.telemetry import *\nconfigure_logging('info')\nimport logging\n"
        f"text = {BREAK!r} + '\\x1b[31m' + '\\u2028' + '\\x00'\n"
        "get_logger('a').info(text, field=text)\nlogging.getLogger('b').warning('%s', text)\n"
        "try:\n    raise ValueError(text)\nexcept ValueError:\n    get_logger('c').exception('failed')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    lines = done.stderr.split("\n")
    assert lines.pop() == ""
    assert len(lines) == 3
    for line in lines:
        assert set(json.loads(line)) >= {"event", "level", "timestamp"}
        assert not any(character < " " for character in line)


@pytest.mark.parametrize("kind", LOOK_ALIKES)
async def test_a_name_that_only_looks_like_latin_letters_is_refused(program, kind):
    offer = await program.offer()
    for field in ("family_name", "given_name"):
        person = {**program.people(offer)[0], field: LOOK_ALIKES[kind]}
        answer = await program.post_order(offer, [person])
        assert answer.status_code == 422, (field, answer.text)
    assert FAMILY_NAME not in answer.text


async def test_the_name_of_an_account_holds_nothing_unseen(program):
    body = {"email": "somebody@example.com", "password": "Palms-over-44-dunes"}
    for name in ("a\r\nBcc: all@example.com", "\u202emoc.elpmaxe", "\u200b", "  "):
        answer = await program.http.post("/api/v1/auth/register", json={**body, "name": name})
        assert answer.status_code == 422, answer.text
    assert (await program.http.post("/api/v1/auth/register", json={**body, "name": "ليلى"})).status_code == 202


@pytest.mark.parametrize(
    "email",
    [
        "sаra@example.com",  # Cyrillic а
        "sara@exаmple.com",
        "sara@example.com\r\nBcc: all@example.com",
        "sara@example.com, other@example.com",
        "sara@example.com\u200b",
        "\u202esara@example.com",
        "sara@@example.com",
        "sara@example.com>",
        '"sara@evil.example"@example.com, x',
    ],
)
async def test_an_address_that_looks_like_another_or_like_several_is_refused(program, email):
    password = "Palms-over-44-dunes"
    answer = await program.http.post("/api/v1/auth/register", json={"email": email, "password": password})
    assert answer.status_code == 422, answer.text
    offer = await program.offer()
    ordered = await program.http.post(
        "/api/v1/orders",
        json={"offer_id": offer["id"], "passengers": program.people(offer), "contact": {"email": email}},
        headers={"Idempotency-Key": new_key()},
    )
    assert ordered.status_code == 422, ordered.text
