"""Health tells the truth: with both servers there, with each of them away, and when they are back."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from ais.app.health import PATIENCE_SECONDS, read_liveness, read_readiness
from ais.kit import SystemClock
from ais.platform.cache import Cache
from ais.platform.database import Database
from ais.platform.embedded import EmbeddedValkey
from ais.platform.http import Authenticator, build_application
from ais.platform.rate_limits import RateLimiter
from ais.platform.tokens import TokenRing


@pytest.fixture
def postgres(servers):
    with servers.private_postgres() as server:
        yield server


@pytest.fixture
def valkey(tmp_path):
    with EmbeddedValkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
async def health(postgres, valkey):
    database = await Database.connect(postgres.url(), maximum=3)
    cache = Cache(valkey.url())
    state = {
        "authenticator": Authenticator(TokenRing("k1:" + "A" * 43), SystemClock(), None),
        "database": database,
        "cache": cache,
        "rate_limiter": RateLimiter(cache, {}),
    }
    application = build_application(routes=[read_liveness, read_readiness], state=state)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://ais") as client:
        yield client
    await cache.close()
    await database.close()


async def ready(client: httpx.AsyncClient) -> tuple[int, dict]:
    answer = await client.get("/health/ready")
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, answer.json()


async def ready_again(client: httpx.AsyncClient) -> tuple[int, dict]:
    """The answer once all is well, or the last one after ten seconds."""
    until = time.monotonic() + 10
    while True:
        answer = await ready(client)
        if answer[0] == 200 or time.monotonic() > until:
            return answer
        await asyncio.sleep(0.1)


SHARED = {"rate_limits": {"shared": True, "checks_without_valkey": 0}}
GOOD = (200, {"status": "ok", "parts": {"postgresql": "ok", "valkey": "ok"}, **SHARED})


async def test_ready_names_the_part_that_is_away_and_recovers_while_live_answers_always(health, postgres, valkey):
    assert await ready(health) == GOOD

    await asyncio.to_thread(valkey.stop)
    assert await ready(health) == (
        503,
        {"status": "unavailable", "parts": {"postgresql": "ok", "valkey": "down"}, **SHARED},
    )
    await asyncio.to_thread(valkey.start)
    assert await ready_again(health) == GOOD

    await asyncio.to_thread(postgres.stop)
    began = time.monotonic()
    assert await ready(health) == (
        503,
        {"status": "unavailable", "parts": {"postgresql": "down", "valkey": "ok"}, **SHARED},
    )
    assert time.monotonic() - began < PATIENCE_SECONDS + 5
    answer = await health.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    await asyncio.to_thread(postgres.start)
    assert await ready_again(health) == GOOD

    await asyncio.gather(asyncio.to_thread(valkey.stop), asyncio.to_thread(postgres.stop))
    assert await ready(health) == (
        503,
        {"status": "unavailable", "parts": {"postgresql": "down", "valkey": "down"}, **SHARED},
    )
    assert (await health.get("/health/live")).status_code == 200


async def test_a_database_that_takes_too_long_counts_as_down(health, postgres):
    """Every connection of the pool is taken: no request could be served either."""
    database: Database = health._transport.app.state.database
    held = [await database.pool.acquire() for _ in range(3)]
    try:
        began = time.monotonic()
        status, body = await ready(health)
        assert (status, body["parts"]) == (503, {"postgresql": "down", "valkey": "ok"})
        assert PATIENCE_SECONDS - 0.1 <= time.monotonic() - began < PATIENCE_SECONDS + 5
    finally:
        for connection in held:
            await database.pool.release(connection)
    assert await ready(health) == GOOD


async def test_health_needs_no_login(health):
    assert (await health.get("/health/live")).status_code == 200
    assert (await health.get("/health/ready", headers={"Accept-Language": "ar"})).status_code == 200
