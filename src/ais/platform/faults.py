"""Named places at which tests cut the program off.

Between two steps that cannot be one transaction there is a name; a test arms it by ``AIS_FAULT_POINTS``, a comma list
of ``name:hit`` pairs, and the process ends there with SIGKILL at that hit; with ``name:hit:process`` that process ends
instead, which lets a test cut off the database at this very place. Outside tests the list is empty and the call costs
one look-up. The names that exist are :data:`FAULT_POINTS`; an unknown one is refused at import.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import NamedTuple

FAULT_POINTS = (
    "orders.claimed",  # seats are claimed, the order is not written
    "orders.written",  # the order is committed, the answer has not left
    "payments.begun",  # the attempt is committed, the provider was not called
    "payments.called",  # the provider has answered, nothing of it is written
    "payments.settled",  # settled and committed, nothing has been announced
    "refunds.called",  # the provider has answered about a refund, nothing of it is written
    "orders.closed",  # what was open of an order that is to end is closed at the provider, the order has not ended
    "cancellations.confirmed",  # what was given up is committed, the answer has not left
    "webhooks.stored",  # the provider's event is committed, the answer has not left
    "notices.sent",  # the mail server has the mail, its notice waits still
    "job.started",
    "job.finished",  # the work of a job is committed, the queue does not know yet
)


class _Fault(NamedTuple):
    hits_left: int
    process: int


def _armed(text: str) -> dict[str, _Fault]:
    armed: dict[str, _Fault] = {}
    for entry in filter(None, text.split(",")):
        name, _, rest = entry.partition(":")
        if name not in FAULT_POINTS:
            raise ValueError(f"AIS_FAULT_POINTS names {name!r}, which is no fault point")
        hit, _, process = rest.partition(":")
        armed[name] = _Fault(int(hit or 1), int(process or 0))
    return armed


_ARMED = _armed(os.environ.get("AIS_FAULT_POINTS", ""))


def arm(text: str) -> None:
    """Arm these places and no others, for a process that was forked after this module was imported."""
    _ARMED.clear()
    _ARMED.update(_armed(text))


_watchers: list[Callable[[str], None]] = []


def watch(watcher: Callable[[str], None]) -> Callable[[], None]:
    """Call ``watcher`` with the name of each place that is passed, until the function that is answered is called.

    For tests that run the program in their own process: what ``watcher`` raises ends the work that passed there.
    """
    _watchers.append(watcher)
    return lambda: _watchers.remove(watcher)


def fault_point(name: str) -> None:
    """End this process, or the one that was named, here and at once, if a test armed ``name`` for this hit."""
    for watcher in _watchers:
        watcher(name)
    if not _ARMED:
        return
    fault = _ARMED.get(name)
    if fault is None:
        return
    if fault.hits_left > 1:
        _ARMED[name] = fault._replace(hits_left=fault.hits_left - 1)
        return
    del _ARMED[name]
    os.kill(fault.process or os.getpid(), signal.SIGKILL)
