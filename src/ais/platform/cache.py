"""Valkey (Redis protocol): counters that may be lost, never the truth."""

from __future__ import annotations

import time

import valkey.asyncio
import valkey.exceptions

from ais.kit import AppError
from ais.platform.telemetry import get_logger

log = get_logger("cache")


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


class Cache:
    """A connection to Valkey with short timeouts."""

    def __init__(self, url: str) -> None:
        self._client = valkey.asyncio.Valkey.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0)
        self._process_counts: dict[str, tuple[int, int]] = {}

    async def ping(self) -> None:
        """Raise if Valkey does not answer."""
        await self._client.ping()

    async def close(self) -> None:
        await self._client.aclose()

    async def take(self, bucket: str, *, limit: int, window_seconds: int = 60) -> tuple[int, int]:
        """Count one request into ``bucket``; answers (remaining, seconds until the window resets).

        Raises :class:`RateLimited` past ``limit``. While Valkey is away the process counts for itself, so the limit
        holds per process and nothing is left open.
        """
        now = int(time.time())
        window = now // window_seconds
        resets_in = window_seconds - now % window_seconds
        key = f"ais:rate:{bucket}:{window}"
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                pipeline.incr(key)
                pipeline.expire(key, window_seconds + 1)
                count = int((await pipeline.execute())[0])
        except (valkey.exceptions.ValkeyError, OSError) as problem:
            log.warning("rate limit falls back to this process", problem=type(problem).__name__)
            count = self._count_here(bucket, window)
        if count > limit:
            raise RateLimited(limit, resets_in)
        return limit - count, resets_in

    def _count_here(self, bucket: str, window: int) -> int:
        if len(self._process_counts) > 10_000:
            self._process_counts.clear()
        seen, count = self._process_counts.get(bucket, (window, 0))
        count = count + 1 if seen == window else 1
        self._process_counts[bucket] = (window, count)
        return count
