"""Rate limits whose time stands still until a test moves it, so that figures are exact on however slow a machine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ais.platform import rate_limits
from ais.platform.cache import Script

NOON = 1_800_000_000
_CLOCK = "redis.call('TIME')"


@pytest.fixture
def move_to(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets by how many seconds it is past noon for the script that counts in Valkey."""
    text = rate_limits._TAKE.text
    assert _CLOCK in text

    def set_seconds(seconds: float) -> None:
        moment = f"{{{NOON + int(seconds)}, {round(seconds % 1 * 1_000_000)}}}"
        monkeypatch.setattr(rate_limits, "_TAKE", Script(text.replace(_CLOCK, moment)))

    set_seconds(0)
    return set_seconds
