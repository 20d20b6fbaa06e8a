"""The simulated account's clock: the machine's, and however far a test has moved it."""

import time


class _Clock:
    """The one clock of the process; `shift_seconds` is added to the machine's time."""

    shift_seconds = 0.0


_clock = _Clock()


def now_seconds() -> int:
    """The present as Stripe writes it: whole seconds since 1970, UTC."""
    return int(now_exact())


def now_exact() -> float:
    """The present with fractions, for what is due within less than a second."""
    return time.time() + _clock.shift_seconds


def shift_seconds() -> float:
    """How far the clock is ahead of the machine's."""
    return _clock.shift_seconds


def set_shift(seconds: float) -> None:
    """Have the clock be `seconds` ahead of the machine's, or behind it when negative."""
    _clock.shift_seconds = seconds
