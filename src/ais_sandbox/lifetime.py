"""Starting, stopping, and not outliving a parent."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel end this process when its parent ends, even if that was killed. Linux only, else ignored.

    For the kernel the parent is the thread that started this process: a thread that ends takes it along.
    `parent_pid` is the parent as it was when the program began: if it has already gone, the process ends here.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        raise SystemExit(0)


def run_until_signal(serve: Callable[[asyncio.Event], Awaitable[int]]) -> int:
    """Run `serve` with an event that SIGINT or SIGTERM sets, and return its exit code.

    A second signal ends the process at once.
    """

    async def supervised() -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def requested(number: signal.Signals) -> None:
            if stop.is_set():
                os._exit(128 + number)
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, requested, number)
        return await serve(stop)

    return asyncio.run(supervised())
