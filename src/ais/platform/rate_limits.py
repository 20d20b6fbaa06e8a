"""Rate limits: how often a caller may ask, counted in Valkey for all processes together.

The rule is the generic cell rate algorithm (GCRA, ITU-T I.371): a bucket is one instant, its *theoretical arrival
time*. Each request moves it on by ``seconds / limit``; a request is refused while it lies more than ``seconds`` ahead.
So a caller that was quiet may send ``limit`` requests at once, and from then on one for each part of the window that
goes by; no window begins at which everything is allowed anew. In any ``seconds`` at most ``2 * limit - 1`` pass, and
``limit`` on average.

All buckets of a request are looked at, and taken from, in one step: either all have room or none is touched. Time is
Valkey's, the same for every process. Requests that come while a call is out go together with the next one, each for
itself, so that under load a call serves many.

While Valkey is away, classes that guard secrets (:data:`CLOSED_WITHOUT_VALKEY`) are counted by each process for
itself; the others stay open, because an airline that sells nothing is the worse failure. That this is so is logged once
when it begins and once when it ends, and :attr:`RateLimiter.standing` says it to whoever asks for the program's health.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from ais.kit import AppError
from ais.platform.cache import Cache, CacheAway, Script
from ais.platform.rates import Rate
from ais.platform.telemetry import get_logger

log = get_logger("rate_limits")

RouteClass = Literal["login", "lookup", "search", "order", "default"]
# Guessing a password or a locator must not become free by taking Valkey away.
CLOSED_WITHOUT_VALKEY: frozenset[str] = frozenset({"login", "lookup"})
# A sign-in that succeeds is no guess: it gives back what it took.
FAILURES_ONLY: frozenset[str] = frozenset({"login"})
_TRY_AGAIN_SECONDS = 1.0
_BUCKETS_KEPT = 10_000
_TOGETHER_MOST = 64


class RateLimited(AppError):
    """More requests than this caller may send in the window."""

    code = "RATE_LIMITED"
    status = 429
    retryable = True
    message = "Too many requests. Please wait {retry_after_seconds} seconds."

    def __init__(self, limit: int, retry_after_seconds: int) -> None:
        super().__init__(limit=limit, retry_after_seconds=retry_after_seconds)
        self.limit = limit
        self.retry_after_seconds = retry_after_seconds


class LimitKey(msgspec.Struct, frozen=True):
    """Who is counted: ``name`` says which kind and who. ``share`` multiplies the class's figure, for a key that many
    callers stand behind; ``rate`` takes the figure's place, for a caller with limits of its own.
    """

    name: str
    share: int = 1
    rate: Rate | None = None


class Spent(msgspec.Struct, frozen=True):
    """What is left of the fullest bucket; all of it is there again after ``resets_in_seconds``."""

    limit: int
    remaining: int
    resets_in_seconds: int


class Standing(msgspec.Struct, frozen=True):
    """Whether limits are counted for all processes together, and how often this one could not in its life."""

    shared: bool
    checks_without_valkey: int


# ARGV: of each request the number of its keys, then for each of them the microseconds a request costs and the limit.
# Answers for each request whether it passed, and of the bucket that decides: its rank, how far its instant lies ahead.
_TAKE = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answers, at, base = {}, 1, 0
while ARGV[at] do
    local count = tonumber(ARGV[at])
    local instants, tightest, least, refused, wait = {}, 1, nil, 0, 0
    for i = 1, count do
        local cost, limit = tonumber(ARGV[at + 2 * i - 1]), tonumber(ARGV[at + 2 * i])
        instants[i] = math.max(tonumber(redis.call('GET', KEYS[base + i]) or now), now) + cost
        local over = instants[i] - now - cost * limit
        if over > wait then
            refused, wait = i, over
        end
        local left = -over / cost
        if not least or left < least then
            tightest, least = i, left
        end
    end
    local ahead = refused > 0 and wait or instants[tightest] - now
    if refused == 0 then
        for i = 1, count do
            local milliseconds = math.ceil((instants[i] - now) / 1000) + 1
            redis.call('SET', KEYS[base + i], string.format('%.0f', instants[i]), 'PX', milliseconds)
        end
    end
    answers[#answers + 1] = refused == 0 and 1 or 0
    answers[#answers + 1] = refused == 0 and tightest or refused
    answers[#answers + 1] = string.format('%.0f', ahead)
    at, base = at + 1 + 2 * count, base + count
end
return answers
""")

_GIVE_BACK = Script("""
for i, key in ipairs(KEYS) do
    local instant = redis.call('GET', key)
    if instant then
        redis.call('SET', key, string.format('%.0f', instant - ARGV[i]), 'KEEPTTL')
    end
end
return 1
""")


class _Bucket(msgspec.Struct, frozen=True):
    key: str
    rate: Rate


def _bucket(route_class: str, name: str, rate: Rate) -> _Bucket:
    """The rate stands in the key: an instant means nothing under another one, as after a change of settings."""
    return _Bucket(f"ais:rate:{route_class}:{rate.limit}/{rate.seconds}:{name}", rate)


class _Waiting(NamedTuple):
    """A request that waits for the script, with its buckets."""

    buckets: list[_Bucket]
    answer: asyncio.Future[tuple[bool, int, int]]

    @property
    def arguments(self) -> list[int]:
        figures = [len(self.buckets)]
        for bucket in self.buckets:
            figures += (bucket.rate.interval_microseconds, bucket.rate.limit)
        return figures


class RateLimiter:
    """Counts requests by route class and caller. A class without a rate is not limited."""

    def __init__(self, cache: Cache, rates: Mapping[str, Rate | None]) -> None:
        self._cache = cache
        self._rates = dict(rates)
        self._here: dict[str, int] = {}
        self._waiting: list[_Waiting] = []
        self._calls: asyncio.Task[None] | None = None
        self._away_until = 0.0
        self._shared = True
        self._unshared_checks = 0

    @property
    def standing(self) -> Standing:
        """How it counts at present."""
        return Standing(self._shared, self._unshared_checks)

    def limits(self, route_class: str) -> bool:
        """Whether requests of that class are counted at all."""
        return self._rates[route_class] is not None

    async def check(self, route_class: str, keys: Sequence[LimitKey]) -> Spent | None:
        """Count one request of that class by all these callers; None if nothing limits it.

        Raises :class:`RateLimited`, and then nothing was counted, if one of them has no room.
        """
        buckets = self._buckets(route_class, keys)
        if not buckets:
            return None
        if time.monotonic() >= self._away_until:
            try:
                passed, rank, ahead = await self._take_together(buckets)
            except CacheAway as problem:
                self._note_away(str(problem))
            else:
                self._note_back()
                return _outcome(buckets[rank - 1].rate, passed, ahead)
        self._unshared_checks += 1
        return self._take_here(buckets) if route_class in CLOSED_WITHOUT_VALKEY else None

    async def give_back(self, route_class: str, keys: Sequence[LimitKey]) -> None:
        """Undo one :meth:`check` that passed, for a request that need not count."""
        buckets = self._buckets(route_class, keys)
        for bucket in buckets:
            if bucket.key in self._here:
                self._here[bucket.key] -= bucket.rate.interval_microseconds
        if buckets and time.monotonic() >= self._away_until:
            costs = [bucket.rate.interval_microseconds for bucket in buckets]
            try:
                await self._cache.run(_GIVE_BACK, [bucket.key for bucket in buckets], costs)
            except CacheAway as problem:
                self._note_away(str(problem))

    def _buckets(self, route_class: str, keys: Sequence[LimitKey]) -> list[_Bucket]:
        rate = self._rates[route_class]
        if rate is None:
            return []
        return [_bucket(route_class, key.name, key.rate or Rate(rate.limit * key.share, rate.seconds)) for key in keys]

    async def _take_together(self, buckets: list[_Bucket]) -> tuple[bool, int, int]:
        """What the script answers for these buckets; requests that wait while it runs go with its next call."""
        waiting = _Waiting(buckets, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._calls is None or self._calls.done():
            self._calls = asyncio.create_task(self._call_until_nobody_waits())
        return await waiting.answer

    async def _call_until_nobody_waits(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_TOGETHER_MOST], self._waiting[_TOGETHER_MOST:]
            keys = [bucket.key for each in batch for bucket in each.buckets]
            try:
                answers = await self._cache.run(_TAKE, keys, [figure for each in batch for figure in each.arguments])
            except CacheAway as problem:
                for each in batch:
                    if not each.answer.done():
                        each.answer.set_exception(problem)
                continue
            for each, passed, rank, ahead in zip(batch, answers[::3], answers[1::3], answers[2::3], strict=True):
                # Who was cancelled meanwhile is counted and told nothing.
                if not each.answer.done():
                    each.answer.set_result((bool(passed), rank, int(ahead)))

    def _take_here(self, buckets: Sequence[_Bucket]) -> Spent:
        """The rule of the script, on this process's own counts."""
        now = time.monotonic_ns() // 1000
        if len(self._here) > _BUCKETS_KEPT:
            self._here = {key: instant for key, instant in self._here.items() if instant > now}
        outcomes = []
        for bucket in buckets:
            cost = bucket.rate.interval_microseconds
            ahead = max(self._here.get(bucket.key, now), now) + cost - now
            over = ahead - cost * bucket.rate.limit
            outcomes.append((over, ahead, bucket))
        over, ahead, bucket = max(outcomes, key=lambda outcome: outcome[0] / outcome[2].rate.interval_microseconds)
        if over > 0:
            return _outcome(bucket.rate, passed=False, ahead=over)
        for _, instant, each in outcomes:
            self._here[each.key] = now + instant
        return _outcome(bucket.rate, passed=True, ahead=ahead)

    def _note_away(self, problem: str) -> None:
        self._away_until = time.monotonic() + _TRY_AGAIN_SECONDS
        if self._shared:
            self._shared = False
            log.error(
                "rate limits are not shared: Valkey is away",
                problem=problem,
                counted_here=sorted(CLOSED_WITHOUT_VALKEY),
            )

    def _note_back(self) -> None:
        if not self._shared:
            self._shared = True
            self._here.clear()
            log.warning("rate limits are shared again", checks_without_valkey=self._unshared_checks)


def _outcome(rate: Rate, passed: bool, ahead: int) -> Spent:
    """``ahead``: of a request that passed how far the bucket's instant lies ahead, of a refused one how far too far."""
    if not passed:
        raise RateLimited(rate.limit, max(1, math.ceil(ahead / 1_000_000)))
    cost = rate.interval_microseconds
    return Spent(rate.limit, (cost * rate.limit - ahead) // cost, math.ceil(ahead / 1_000_000))
