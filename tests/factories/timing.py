"""Whether one kind of request takes longer than another by more than a margin: a sign test on pairs.

The two kinds take turns, in random order, so that whatever else the machine does befalls both alike. Of each pair it is
asked whether one took longer than the other by more than the margin. If the true medians differ by no more than the
margin, that is a coin's toss at most, and the chance that ``SHARE`` of ``PAIRS`` tosses fall to one side is below
1 in 300,000, however noisy the machine. If they differ by twice the margin or more, nearly every pair says so.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable

PAIRS = 60
SHARE = 0.8
Attempt = Callable[[], Awaitable[object]]


async def shares_longer(
    first: Attempt, second: Attempt, margin_seconds: float, *, cpu: bool = False
) -> tuple[float, float]:
    """The share of pairs in which the first took longer by more than the margin, and that in which the second did.

    By the clock, or with ``cpu`` by the processor time of this process, which other programs do not disturb.
    """
    clock = time.process_time if cpu else time.perf_counter
    chance = random.Random(7)
    longer = [0, 0]
    for attempt in (first, second):
        await attempt()
    for _ in range(PAIRS):
        took = [0.0, 0.0]
        for which in chance.sample((0, 1), 2):
            began = clock()
            await (first, second)[which]()
            took[which] = clock() - began
        longer[0] += took[0] - took[1] > margin_seconds
        longer[1] += took[1] - took[0] > margin_seconds
    return longer[0] / PAIRS, longer[1] / PAIRS
