"""Rate limits: counted in Valkey by all processes together, and what happens while Valkey is away."""

from __future__ import annotations

import asyncio
import time

import pytest
from structlog.testing import capture_logs
from tests.factories.still_time import move_to
from valkey.exceptions import ValkeyError

from ais.platform import rate_limits as rate_limits_module
from ais.platform.cache import Cache
from ais.platform.embedded import EmbeddedValkey
from ais.platform.rate_limits import LimitKey, RateLimited, RateLimiter, Spent, Standing
from ais.platform.rates import Rate, read_rate

__all__ = ["move_to"]
ANNA, BASIM, OFFICE = LimitKey("account:anna"), LimitKey("account:basim"), LimitKey("address:192.0.2.1")
RATES = {"lookup": Rate(3, 60), "login": Rate(5, 900), "search": Rate(25, 3600), "free": None}


@pytest.fixture
async def cache(redis_url):
    cache = Cache(redis_url)
    yield cache
    await cache.close()


@pytest.fixture
def limiter(cache, move_to):
    return RateLimiter(cache, RATES)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("5/15m", Rate(5, 900)), ("120/1m", Rate(120, 60)), ("7/1s", Rate(7, 1)), ("9/2h", Rate(9, 7200)), ("off", None)],
)
def test_a_rate_is_written_as_requests_in_a_time(text, rate):
    assert read_rate(text) == rate


@pytest.mark.parametrize("text", ["", "5", "5/m", "0/1m", "5/0s", "5/1d", "-5/1m", "5/15m ", "5 / 1m", "٥/1m", "OFF"])
def test_another_text_is_no_rate(text):
    with pytest.raises(ValueError, match="a rate is written"):
        read_rate(text)


async def test_what_is_left_goes_down_to_nothing_and_the_next_is_refused(limiter):
    assert [await limiter.check("lookup", [ANNA]) for _ in range(3)] == [
        Spent(3, 2, 20),
        Spent(3, 1, 40),
        Spent(3, 0, 60),
    ]
    with pytest.raises(RateLimited) as refused:
        await limiter.check("lookup", [ANNA])
    assert (refused.value.code, refused.value.status, refused.value.retryable) == ("RATE_LIMITED", 429, True)
    # A third of the minute after the first there is room for one more.
    assert refused.value.details == {"limit": 3, "retry_after_seconds": 20}
    assert refused.value.retry_after_seconds == 20


async def test_callers_and_classes_are_counted_apart(limiter):
    for _ in range(3):
        await limiter.check("lookup", [ANNA])
    assert await limiter.check("lookup", [BASIM]) == Spent(3, 2, 20)
    assert await limiter.check("login", [ANNA]) == Spent(5, 4, 180)


async def test_room_comes_back_bit_by_bit_and_never_more_than_the_limit(limiter, move_to):
    for _ in range(3):
        await limiter.check("lookup", [ANNA])
    move_to(19.9)
    with pytest.raises(RateLimited) as refused:
        await limiter.check("lookup", [ANNA])
    assert refused.value.retry_after_seconds == 1
    move_to(20)
    assert await limiter.check("lookup", [ANNA]) == Spent(3, 0, 60)
    with pytest.raises(RateLimited):
        await limiter.check("lookup", [ANNA])
    move_to(3600)
    assert await limiter.check("lookup", [ANNA]) == Spent(3, 2, 20)


async def test_a_refusal_by_one_key_takes_nothing_from_the_others(limiter):
    for _ in range(3):
        await limiter.check("lookup", [ANNA])
    for _ in range(4):
        with pytest.raises(RateLimited):
            await limiter.check("lookup", [OFFICE, ANNA])
        with pytest.raises(RateLimited):
            await limiter.check("lookup", [ANNA, OFFICE])
    assert await limiter.check("lookup", [OFFICE]) == Spent(3, 2, 20)


async def test_the_fullest_bucket_is_told(limiter):
    shared = LimitKey("signed:192.0.2.0", share=10)
    assert await limiter.check("lookup", [ANNA, shared]) == Spent(3, 2, 20)
    for each in range(9):
        await limiter.check("lookup", [LimitKey(f"account:{each}"), shared])
    for each in range(9, 29):
        await limiter.check("lookup", [LimitKey(f"account:{each}"), shared])
    with pytest.raises(RateLimited) as refused:
        await limiter.check("lookup", [LimitKey("account:29"), shared])
    assert refused.value.limit == 30


async def test_a_caller_may_have_a_rate_of_its_own(limiter):
    partner = LimitKey("machine:partner", rate=Rate(1000, 60))
    assert await limiter.check("search", [partner]) == Spent(1000, 999, 1)


async def test_what_is_given_back_was_not_counted(limiter):
    for _ in range(20):
        assert await limiter.check("login", [ANNA]) == Spent(5, 4, 180)
        await limiter.give_back("login", [ANNA])
    for _ in range(5):
        await limiter.check("login", [ANNA])
    with pytest.raises(RateLimited):
        await limiter.check("login", [ANNA])


async def test_a_class_without_a_rate_is_not_limited_and_asks_nothing(limiter, cache):
    assert await limiter.check("free", [ANNA]) is None
    await limiter.give_back("free", [ANNA])
    assert await cache._client.keys("*") == []


async def test_processes_share_one_count_however_many_ask_at_once(redis_url):
    caches = [Cache(redis_url) for _ in range(4)]
    limiters = [RateLimiter(cache, RATES) for cache in caches]
    answers = await asyncio.gather(
        *(limiters[number % 4].check("search", [OFFICE]) for number in range(40)), return_exceptions=True
    )
    assert sum(isinstance(answer, RateLimited) for answer in answers) == 15
    assert sorted(answer.remaining for answer in answers if isinstance(answer, Spent)) == list(range(25))
    for each in caches:
        await each.close()


async def test_what_is_counted_leaves_valkey_when_it_no_longer_matters(limiter, cache):
    await limiter.check("lookup", [ANNA])
    (key,) = await cache._client.keys("ais:rate:*")
    assert key == b"ais:rate:lookup:3/60:account:anna"
    assert 10_000 < await cache._client.pttl(key) <= 20_001
    await limiter.give_back("lookup", [ANNA])
    assert 0 < await cache._client.pttl(key) <= 20_001


async def test_without_valkey_guessing_is_counted_here_the_rest_is_open_and_an_alarm_is_given(tmp_path, monkeypatch):
    monkeypatch.setattr(rate_limits_module, "_TRY_AGAIN_SECONDS", 0.2)
    server = EmbeddedValkey(tmp_path / "valkey")
    await asyncio.to_thread(server.start)
    cache = Cache(server.url())
    limiter = RateLimiter(cache, RATES)
    try:
        assert await limiter.check("lookup", [ANNA]) == Spent(3, 2, 20)
        assert limiter.standing == Standing(shared=True, checks_without_valkey=0)
        await asyncio.to_thread(server.stop)
        with pytest.raises((ValkeyError, OSError)):
            await cache.ping()
        with capture_logs() as said:
            for _ in range(30):
                assert await limiter.check("search", [ANNA]) is None
            assert [(await limiter.check("lookup", [ANNA])).remaining for _ in range(3)] == [2, 1, 0]
            for _ in range(3):
                with pytest.raises(RateLimited) as refused:
                    await limiter.check("lookup", [ANNA])
            assert 10 <= refused.value.retry_after_seconds <= 20
            with pytest.raises(RateLimited):
                await limiter.check("lookup", [BASIM, ANNA])
            assert await limiter.check("lookup", [BASIM]) == Spent(3, 2, 20)
            assert await limiter.check("login", [ANNA]) == Spent(5, 4, 180)
            await limiter.give_back("login", [ANNA])
            assert await limiter.check("login", [ANNA]) == Spent(5, 4, 180)
        assert [(each["log_level"], each["event"]) for each in said] == [
            ("error", "rate limits are not shared: Valkey is away")
        ]
        assert limiter.standing == Standing(shared=False, checks_without_valkey=40)
        await asyncio.to_thread(server.start)
        until = time.monotonic() + 10
        while not limiter.standing.shared and time.monotonic() < until:
            await asyncio.sleep(0.05)
            await limiter.check("search", [BASIM])
        assert limiter.standing.shared
    finally:
        await cache.close()
        await asyncio.to_thread(server.stop)


async def test_who_leaves_while_a_call_is_out_harms_nobody_who_goes_with_it(limiter):
    waiting = [asyncio.create_task(limiter.check("search", [LimitKey(f"account:{each}")])) for each in range(6)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[3].cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in answers] == [True, False, False, True, False, False]
    assert {each for each in answers if isinstance(each, Spent)} == {Spent(25, 24, 144)}
    assert await limiter.check("search", [ANNA]) == Spent(25, 24, 144)
