"""Who is counted, and what answers say of it: real requests through the guard, counted in a real Valkey."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
from litestar import Response, get, post
from tests.factories.still_time import move_to

from ais.kit import FixedClock, NotFound
from ais.platform.cache import Cache
from ais.platform.http import (
    PUBLIC,
    Authenticator,
    HTTPRequest,
    Unauthorized,
    build_application,
    caller_block,
    client_address,
    json_response,
    staff,
)
from ais.platform.http.correlation import Correlated
from ais.platform.rate_limits import RateLimiter
from ais.platform.settings import Settings
from ais.platform.tokens import TokenRing

__all__ = ["move_to"]
pytestmark = pytest.mark.usefixtures("move_to")
OPERATOR = {"Authorization": "Bearer operator-token-of-the-tests"}
LIMITS = {"limit_login": "2/1m", "limit_lookup": "3/1m", "limit_search": "4/1m", "limit_default": "5/1m"}


@get("/address", access=PUBLIC, limit=None)
async def read_address(request: HTTPRequest) -> Response[str]:
    return json_response(client_address(request, request.app.state.trusted_proxies))


@get("/open", access=PUBLIC)
async def read_open() -> Response[str]:
    return json_response("open")


@get("/missing", access=PUBLIC)
async def read_missing() -> Response[str]:
    raise NotFound


@get("/staff", access=staff("jobs.read"))
async def read_staff() -> Response[str]:
    return json_response("staff")


@get("/forbidden", access=staff("nobody.has_this"))
async def read_forbidden() -> Response[str]:
    return json_response("never")


@get("/endless", access=PUBLIC, limit=None)
async def read_endless() -> Response[str]:
    return json_response("endless")


@post("/lookup", access=PUBLIC, limit="lookup", status_code=200)
async def look_up() -> Response[str]:
    return json_response("found")


class CodeNeeded(Unauthorized):
    spends_a_try = False


@post("/login/{right:str}", access=PUBLIC, limit="login", status_code=200)
async def log_in(right: str) -> Response[str]:
    if right == "half":
        raise CodeNeeded
    if right != "true":
        raise Unauthorized
    return json_response("welcome")


ROUTES = [read_address, read_open, read_missing, read_staff, read_forbidden, read_endless, look_up, log_in]


@asynccontextmanager
async def serving(redis_url: str, client: str = "192.0.2.1", **changes: object) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(**{**LIMITS, **changes})
    cache = Cache(redis_url)
    clock = FixedClock(datetime(2027, 1, 15, 9, 0, tzinfo=UTC))
    authenticator = Authenticator(
        TokenRing("k1:" + "A" * 43), clock, "operator-token-of-the-tests", frozenset({"jobs.read"})
    )
    application = build_application(
        routes=ROUTES,
        state={
            "settings": settings,
            "trusted_proxies": settings.trusted_proxies,
            "authenticator": authenticator,
            "rate_limiter": RateLimiter(cache, settings.rates),
        },
    )
    transport = httpx.ASGITransport(Correlated(application), client=(client, 50_000))
    async with application.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://ais") as http:
        yield http
    await cache.close()


@pytest.fixture
async def http(redis_url):
    async with serving(redis_url) as client:
        yield client


async def statuses(http: httpx.AsyncClient, method: str, path: str, count: int, **more: object) -> list[int]:
    return [(await http.request(method, path, **more)).status_code for _ in range(count)]


async def test_every_answer_of_a_limited_route_says_what_is_left_and_a_refusal_when_to_come_again(http):
    told = [(await http.get("/open")).headers for _ in range(5)]
    assert [(each["ratelimit-limit"], each["ratelimit-remaining"], each["ratelimit-reset"]) for each in told] == [
        ("5", "4", "12"),
        ("5", "3", "24"),
        ("5", "2", "36"),
        ("5", "1", "48"),
        ("5", "0", "60"),
    ]
    assert not any("retry-after" in each for each in told)
    refused = await http.get("/open", headers={"Accept-Language": "ar"})
    assert refused.status_code == 429
    error = refused.json()["error"]
    assert (error["code"], error["retryable"]) == ("RATE_LIMITED", True)
    assert error["details"] == {"limit": 5, "retry_after_seconds": 12}
    assert "12" in error["message"]
    assert refused.headers["retry-after"] == "12"
    assert (refused.headers["ratelimit-limit"], refused.headers["ratelimit-remaining"]) == ("5", "0")


async def test_a_refusal_of_the_route_itself_says_it_too(http):
    answer = await http.get("/missing")
    assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (404, "4")


async def test_classes_have_figures_of_their_own_and_what_has_no_class_no_limit(http):
    assert await statuses(http, "POST", "/lookup", 4) == [200, 200, 200, 429]
    assert await statuses(http, "GET", "/endless", 12) == [200] * 12
    assert "ratelimit-limit" not in (await http.get("/endless")).headers
    assert await statuses(http, "GET", "/open", 6) == [200] * 5 + [429]


async def test_wrong_credentials_are_counted_by_address_whatever_they_are(http):
    answers = [
        (await http.get("/open", headers={"Authorization": f"Bearer guess-{number}"})).status_code
        for number in range(7)
    ]
    assert answers == [401] * 5 + [429] * 2
    assert (await http.get("/open")).status_code == 429


async def test_who_may_not_is_counted_too(http):
    assert await statuses(http, "GET", "/forbidden", 6, headers=OPERATOR) == [403] * 5 + [429]


async def test_who_signs_in_is_counted_as_such_and_an_office_behind_one_address_has_ten_times_as_much(redis_url):
    async with serving(redis_url) as http:
        assert await statuses(http, "GET", "/open", 6) == [200] * 5 + [429]
        assert await statuses(http, "GET", "/staff", 6, headers=OPERATOR) == [200] * 5 + [429]
    async with serving(redis_url, client="198.51.100.7") as http:
        # The same account from elsewhere.
        assert await statuses(http, "GET", "/staff", 1, headers=OPERATOR) == [429]


async def test_a_sign_in_that_succeeds_is_no_guess(http):
    assert await statuses(http, "POST", "/login/true", 12) == [200] * 12
    # Who has the password right and is asked for a code has not guessed either.
    assert await statuses(http, "POST", "/login/half", 12) == [401] * 12
    assert await statuses(http, "POST", "/login/false", 3) == [401, 401, 429]
    assert await statuses(http, "POST", "/login/true", 1) == [429]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, [], "192.0.2.1"),
        (0, ["203.0.113.9"], "192.0.2.1"),
        (1, ["203.0.113.9"], "203.0.113.9"),
        (1, ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        (2, ["198.51.100.1, 203.0.113.9, 10.0.0.1"], "203.0.113.9"),
        (2, ["203.0.113.9"], "192.0.2.1"),
        # A proxy may add a line of its own below the client's.
        (1, ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        (2, ["198.51.100.1, 198.51.100.2", "203.0.113.9, 10.0.0.1"], "203.0.113.9"),
        (1, ["203.0.113.9:4711"], "203.0.113.9"),
        (1, ["[2001:db8::1]:4711"], "2001:db8::1"),
        (1, ["2001:DB8:0::1"], "2001:db8::1"),
        (1, ["::ffff:203.0.113.9"], "203.0.113.9"),
        # What is no address was not written by a proxy of ours.
        (1, [" , "], "192.0.2.1"),
        (1, ["unknown"], "192.0.2.1"),
        (1, ["203.0.113.9, <script>"], "192.0.2.1"),
    ],
)
async def test_an_address_is_what_our_own_proxies_saw(redis_url, proxies, forwarded, address):
    async with serving(redis_url, trusted_proxies=proxies) as http:
        answer = await http.get("/address", headers=[("X-Forwarded-For", line) for line in forwarded])
        assert answer.json() == address


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("203.0.113.9", "203.0.113.9/32"),
        ("::ffff:203.0.113.9", "203.0.113.9/32"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_caller_block_is_one_ipv4_address_or_what_one_ipv6_subscriber_has(address, block):
    assert caller_block(address) == block


def test_the_blocks_are_settings():
    assert caller_block("203.0.113.9", 24, 56) == "203.0.113.0/24"
    assert caller_block("2001:db8:1:2ff::1", 24, 56) == "2001:db8:1:200::/56"


async def test_no_forged_header_gives_anybody_more(redis_url):
    """Without proxies nothing counts but the connection; behind one, nothing but what that one added."""
    async with serving(redis_url, trusted_proxies=0) as http:
        forged = [{"X-Forwarded-For": f"203.0.113.{number}", "X-Real-IP": f"10.0.0.{number}"} for number in range(6)]
        assert [(await http.get("/open", headers=each)).status_code for each in forged] == [200] * 5 + [429]
    async with serving(redis_url, client="10.0.0.1", trusted_proxies=1) as http:
        forged = [{"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.4"} for number in range(6)]
        assert [(await http.get("/open", headers=each)).status_code for each in forged] == [200] * 5 + [429]
        assert (await http.get("/open", headers={"X-Forwarded-For": "198.51.100.5"})).status_code == 200


async def test_all_addresses_of_one_ipv6_subscriber_are_one_caller(redis_url):
    async with serving(redis_url, client="10.0.0.1", trusted_proxies=1) as http:
        answers = [
            (await http.get("/open", headers={"X-Forwarded-For": f"2001:db8:1:2::{number}"})).status_code
            for number in range(1, 7)
        ]
        assert answers == [200] * 5 + [429]
