"""Figures of rate limits, as settings write them."""

from __future__ import annotations

import re

import msgspec


class Rate(msgspec.Struct, frozen=True):
    """So many requests in so many seconds."""

    limit: int
    seconds: int

    @property
    def interval_microseconds(self) -> int:
        """The part of the window that one request costs."""
        return max(1, self.seconds * 1_000_000 // self.limit)


_UNITS = {"s": 1, "m": 60, "h": 3600}
_WRITTEN = re.compile(r"([1-9]\d{0,7})/([1-9]\d{0,3})([smh])")


def read_rate(text: str) -> Rate | None:
    """``5/15m`` as five in fifteen minutes, ``off`` as no limit; raises ValueError for anything else."""
    if text == "off":
        return None
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise ValueError("a rate is written requests/time such as 5/15m, 120/1m or 10/1s, or off")
    return Rate(int(match[1]), int(match[2]) * _UNITS[match[3]])
