"""What holds for every answer and every request, whatever route it is for and whether there is one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
from litestar import Response, get, post

from ais.kit import FixedClock, NotFound
from ais.platform.http import PUBLIC, Authenticator, HTTPRequest, build_application, json_response
from ais.platform.http.correlation import Correlated
from ais.platform.http.shield import HSTS, Shield
from ais.platform.settings import Settings
from ais.platform.tokens import TokenRing

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
ORIGIN = "https://partner.example"


@get("/api/v1/open", access=PUBLIC)
async def read_open() -> Response[str]:
    return json_response("open")


@get("/own", access=PUBLIC)
async def read_own_rules() -> Response[str]:
    return Response("page", headers={"Content-Security-Policy": "default-src 'self'", "Cache-Control": "private"})


@get("/fail", access=PUBLIC)
async def fail() -> Response[str]:
    raise RuntimeError("row of huda@example.com in table orders")


@get("/refuse", access=PUBLIC)
async def refuse() -> Response[str]:
    raise NotFound


@get("/slow", access=PUBLIC)
async def read_slow() -> Response[str]:
    await asyncio.sleep(30)
    return json_response("late")


@post("/echo", access=PUBLIC, status_code=200)
async def echo(request: HTTPRequest) -> Response[str]:
    return json_response(str(len(await request.body())))


@post("/small", access=PUBLIC, status_code=200, request_max_body_size=100)
async def take_little(request: HTTPRequest) -> Response[str]:
    return json_response(str(len(await request.body())))


@asynccontextmanager
async def serving(**changes):
    settings = Settings(**changes)
    authenticator = Authenticator(TokenRing("k1:" + "A" * 43), FixedClock(datetime(2027, 1, 15, 9, tzinfo=UTC)), None)
    application = build_application(
        routes=[read_open, read_own_rules, fail, refuse, read_slow, echo, take_little],
        state={"authenticator": authenticator, "settings": settings, "trusted_proxies": 0},
        cors_origins=settings.origins,
    )
    transport = httpx.ASGITransport(Correlated(Shield(application, settings)), raise_app_exceptions=False)
    async with application.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://ais.test") as http:
        yield http


@pytest.fixture(scope="module")
async def http():
    async with serving() as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/open", 200),
        ("GET", "/nowhere", 404),
        ("POST", "/api/v1/open", 405),
        ("GET", "/refuse", 404),
        ("GET", "/fail", 500),
        ("OPTIONS", "/api/v1/open", 204),
    ],
)
async def test_every_answer_forbids_what_no_answer_needs(http, method, path, status):
    answer = await http.request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert "camera=()" in answer.headers["permissions-policy"]
    assert "strict-transport-security" not in answer.headers
    assert all(len(answer.headers.get_list(name)) == 1 for name in ALWAYS)


async def test_a_page_says_its_own_and_has_the_rest(http):
    answer = await http.get("/own")
    assert answer.headers["content-security-policy"] == "default-src 'self'"
    assert answer.headers["cache-control"] == "private"
    assert answer.headers["x-frame-options"] == "DENY"


async def test_an_accident_tells_nothing_of_the_inside(http):
    answer = await http.get("/fail", headers={"Accept": "text/html"})
    assert answer.json()["error"]["code"] == "INTERNAL_ERROR"
    assert not any(word in answer.text for word in ("huda", "Traceback", "RuntimeError", ".py"))


async def test_the_page_of_the_document_runs_files_alone(http):
    for path in ("/schema", "/schema/swagger"):
        page = await http.get(path)
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "<script>" not in page.text
        assert "style=" not in page.text
    assert (await http.get("/schema/openapi.json")).headers["cache-control"] == "no-cache"


async def test_https_is_told_to_last_where_people_come_by_it():
    async with serving(public_url="https://book.rimal.example") as http:
        for path in ("/api/v1/open", "/nowhere"):
            answer = await http.get(path, headers={"Host": "book.rimal.example"})
            assert answer.headers["strict-transport-security"] == HSTS
    assert HSTS == "max-age=31536000; includeSubDomains"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("book.rimal.example", 200),
        ("BOOK.rimal.example.:8443", 200),
        ("10.0.0.7:8000", 200),
        ("evil.example", 421),
        ("book.rimal.example.evil.example", 421),
        ("evil.example:book.rimal.example", 421),
        ("book.rimal.example@evil.example", 421),
        ("", 421),
    ],
)
async def test_a_request_for_another_host_is_not_answered(host, status):
    async with serving(public_url="https://book.rimal.example", allowed_hosts="10.0.0.7") as http:
        answer = await http.get("/api/v1/open", headers={"Host": host, "Accept-Language": "ar"})
        assert answer.status_code == status
        if status == 421:
            error = answer.json()["error"]
            assert (error["code"], error["retryable"]) == ("MISDIRECTED_REQUEST", False)
            assert error["message"] == "هذا المضيف لا يُخدَم هنا."
            assert answer.headers["x-correlation-id"] == error["correlation_id"]
            assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
            assert evil_free(answer)


def evil_free(answer):
    return "evil" not in answer.text and not any("evil" in value for value in answer.headers.values())


async def test_two_hosts_are_one_too_many_and_health_is_asked_by_address():
    async with serving(public_url="https://book.rimal.example") as http:
        answer = await http.get("/api/v1/open", headers=[("Host", "book.rimal.example"), ("Host", "evil.example")])
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "MALFORMED_REQUEST")
        assert (await http.get("/health/none", headers={"Host": "10.1.2.3"})).status_code == 404


async def test_a_request_that_takes_too_long_is_ended_and_may_be_tried_again():
    async with serving(request_timeout_seconds=0.05) as http:
        answer = await http.get("/slow")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["retryable"]) == (503, "SERVICE_UNAVAILABLE", True)
        assert answer.headers["retry-after"] == "1"
        assert (await http.get("/api/v1/open")).status_code == 200


async def test_a_body_that_comes_too_slowly_is_ended_too():
    told = []

    async def drop_by_drop():
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message):
        told.append(message)

    async with serving(request_timeout_seconds=0.1) as http:
        await http._transport.app(
            {
                "type": "http",
                "method": "POST",
                "path": "/echo",
                "query_string": b"",
                "headers": [(b"host", b"ais.test")],
                "client": ("192.0.2.1", 1),
                "server": ("ais.test", 80),
                "scheme": "http",
            },
            drop_by_drop,
            send,
        )
    assert [each["type"] for each in told] == ["http.response.start", "http.response.body"]
    assert told[0]["status"] == 503


@pytest.mark.parametrize(("path", "most"), [("/echo", 64 * 1024), ("/small", 100)])
async def test_a_body_is_as_long_as_its_route_takes(http, path, most):
    assert (await http.post(path, content=b"x" * most)).json() == str(most)
    too_long = await http.post(path, content=b"x" * (most + 1))
    assert (too_long.status_code, too_long.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")

    async def chunks():
        for _ in range(most // 50 + 2):
            yield b"x" * 50

    unsaid = await http.post(path, content=chunks())
    assert unsaid.status_code == 413


async def test_scripts_of_pages_on_the_list_may_call_the_api_with_a_token_and_never_with_a_cookie():
    async with serving(cors_origins=f"{ORIGIN}, https://other.example") as http:
        asked = {
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        preflight = await http.options("/api/v1/open", headers=asked)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in preflight.headers
        answer = await http.get("/api/v1/open", headers={"Origin": ORIGIN})
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "ratelimit-remaining" in answer.headers["access-control-expose-headers"].lower()
        for foreign in ("https://evil.example", "null", f"{ORIGIN}.evil.example", "http://partner.example"):
            refused = await http.get("/api/v1/open", headers={"Origin": foreign})
            assert "access-control-allow-origin" not in refused.headers
            preflight = await http.options("/api/v1/open", headers={**asked, "Origin": foreign})
            assert "access-control-allow-origin" not in preflight.headers


async def test_without_a_list_nobody_s_scripts_may(http):
    answer = await http.get("/api/v1/open", headers={"Origin": ORIGIN})
    assert not any(name.startswith("access-control-") for name in answer.headers)
