"""Rate limits: counted in Valkey by all processes, by each process alone while Valkey is away."""

from __future__ import annotations

import asyncio

import pytest
from valkey.exceptions import ValkeyError

from ais.platform import cache as cache_module
from ais.platform.cache import Cache, RateLimited
from ais.platform.embedded import EmbeddedValkey

NOON = 1_800_000_000  # a whole number of minutes, so that a window begins here


@pytest.fixture
def second(monkeypatch):
    """Sets the second that rate limits count by."""

    def set_second(value: float) -> None:
        monkeypatch.setattr(cache_module.time, "time", lambda: value)

    set_second(NOON)
    return set_second


@pytest.fixture
async def cache(redis_url):
    cache = Cache(redis_url)
    yield cache
    await cache.close()


async def test_the_limit_is_taken_down_to_nothing_and_then_refused_until_the_window_ends(cache, second):
    second(NOON + 12)
    assert [await cache.take("lookup:a", limit=3) for _ in range(3)] == [(2, 48), (1, 48), (0, 48)]
    with pytest.raises(RateLimited) as refused:
        await cache.take("lookup:a", limit=3)
    assert refused.value.retry_after_seconds == 48
    assert (refused.value.code, refused.value.status, refused.value.retryable) == ("RATE_LIMITED", 429, True)
    assert refused.value.details == {"limit": 3, "retry_after_seconds": 48}
    assert await cache.take("lookup:b", limit=3) == (2, 48)
    second(NOON + 60)
    assert await cache.take("lookup:a", limit=3) == (2, 60)


async def test_processes_share_one_count_however_many_ask_at_once(redis_url, second):
    caches = [Cache(redis_url) for _ in range(4)]
    answers = await asyncio.gather(
        *(caches[number % 4].take("shared", limit=25) for number in range(40)), return_exceptions=True
    )
    assert sum(isinstance(answer, RateLimited) for answer in answers) == 15
    assert sorted(answer[0] for answer in answers if isinstance(answer, tuple)) == list(range(25))
    for each in caches:
        await each.close()


async def test_what_is_counted_ends_with_its_window_in_valkey_too(cache, second):
    await cache.take("lookup:a", limit=3, window_seconds=60)
    (key,) = await cache._client.keys("ais:rate:*")
    assert key == f"ais:rate:lookup:a:{NOON // 60}".encode()
    assert 0 < await cache._client.ttl(key) <= 61


async def test_while_valkey_is_away_the_process_counts_for_itself_and_nothing_is_left_open(tmp_path, second):
    valkey = EmbeddedValkey(tmp_path / "valkey")
    await asyncio.to_thread(valkey.start)
    cache = Cache(valkey.url())
    try:
        assert await cache.take("lookup:a", limit=2) == (1, 60)
        await cache.ping()
        await asyncio.to_thread(valkey.stop)
        with pytest.raises((ValkeyError, OSError)):
            await cache.ping()
        assert await cache.take("lookup:a", limit=2) == (1, 60)
        assert await cache.take("lookup:a", limit=2) == (0, 60)
        with pytest.raises(RateLimited):
            await cache.take("lookup:a", limit=2)
        assert await cache.take("lookup:b", limit=2) == (1, 60)
        second(NOON + 60)
        assert await cache.take("lookup:a", limit=2) == (1, 60)
    finally:
        await cache.close()
        await asyncio.to_thread(valkey.stop)
