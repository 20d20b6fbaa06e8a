"""Valkey (Redis protocol): what may be lost, never the truth."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import valkey.asyncio
import valkey.exceptions


class CacheAway(Exception):
    """Valkey does not answer, or answers that it cannot."""


class Script:
    """A program in Lua that runs in Valkey as one step."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Cache:
    """A connection to Valkey with short timeouts."""

    def __init__(self, url: str) -> None:
        self._client = valkey.asyncio.Valkey.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0)

    async def ping(self) -> None:
        """Raise if Valkey does not answer."""
        await self._client.ping()

    async def close(self) -> None:
        await self._client.aclose()

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """What the script answers, in one round trip once Valkey knows it. Raises :class:`CacheAway`."""
        try:
            try:
                return await self._client.evalsha(script.digest, len(keys), *keys, *arguments)
            except valkey.exceptions.NoScriptError:
                return await self._client.eval(script.text, len(keys), *keys, *arguments)
        except (valkey.exceptions.ValkeyError, OSError) as problem:
            raise CacheAway(type(problem).__name__) from problem
