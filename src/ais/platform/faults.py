"""Named places at which tests cut the program off.

Between two steps that cannot be one transaction there is a name; a test arms it by ``AIS_FAULT_POINTS``, a comma list
of ``name:hit`` pairs, and the process ends there with SIGKILL at that hit. Outside tests the list is empty and the
call costs one look-up. The names that exist are :data:`FAULT_POINTS`; an unknown one is refused at import.
"""

from __future__ import annotations

import os
import signal

FAULT_POINTS = (
    "orders.claimed",  # seats are claimed, the order is not written
    "orders.written",  # the order is committed, the answer has not left
    "payments.begun",  # the attempt is committed, the provider was not called
    "payments.called",  # the provider has answered, nothing of it is written
    "payments.settled",  # settled and committed, nothing has been announced
    "webhooks.stored",  # the provider's event is committed, the answer has not left
    "job.started",
    "job.finished",  # the work of a job is committed, the queue does not know yet
)


def _armed(text: str) -> dict[str, int]:
    armed: dict[str, int] = {}
    for pair in filter(None, text.split(",")):
        name, _, hit = pair.partition(":")
        if name not in FAULT_POINTS:
            raise ValueError(f"AIS_FAULT_POINTS names {name!r}, which is no fault point")
        armed[name] = int(hit or 1)
    return armed


_ARMED = _armed(os.environ.get("AIS_FAULT_POINTS", ""))


def fault_point(name: str) -> None:
    """End this process here, at once, if a test armed ``name`` and this is the hit it asked for."""
    if not _ARMED:
        return
    remaining = _ARMED.get(name)
    if remaining is None:
        return
    if remaining > 1:
        _ARMED[name] = remaining - 1
        return
    os.kill(os.getpid(), signal.SIGKILL)
