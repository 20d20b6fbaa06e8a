"""A place where tasks of a race wait for each other, so that a race is one on a slow and busy machine too."""

from __future__ import annotations

import asyncio
from typing import Any

PATIENCE_SECONDS = 30


class Meeting:
    """The first ``parties`` tasks go on together; who comes later, or again, passes.

    A control that takes a guard away and only sleeps where the guard stood is at the mercy of the machine: one task may
    have done everything before the next has begun, and nothing clashes.
    """

    def __init__(self, parties: int = 2) -> None:
        self._parties = parties
        self._arrived: set[asyncio.Task[Any] | None] = set()
        self._complete = asyncio.Event()

    async def wait(self) -> None:
        """Raises TimeoutError if the others do not come: then the guard that was taken away was not the only one."""
        self._arrived.add(asyncio.current_task())
        if len(self._arrived) >= self._parties:
            self._complete.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._complete.wait()
