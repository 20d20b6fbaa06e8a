"""The simulated account's clock."""

import time


def now_seconds() -> int:
    """The present as Stripe writes it: whole seconds since 1970, UTC."""
    return int(time.time())


def now_exact() -> float:
    """The present with fractions, for what is due within less than a second."""
    return time.time()
