"""What a device calls itself becomes words that a person knows; what we do not know stays unknown."""

from __future__ import annotations

import pytest

from ais.accounts import Device, device_of

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
KNOWN = {
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/149.0.0.0 Mobile Safari/537.36": ("Chrome", "Android"),
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/149.0 Safari/537.36 Edg/149.0": ("Edge", "Windows"),
    f"Mozilla/5.0 (Linux; Android 14; SM-S918B) {WEBKIT} SamsungBrowser/29.0 Chrome/136.0 Mobile Safari/537.36": (
        "Samsung Internet",
        "Android",
    ),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
    " Mobile/15E148 Safari/604.1": ("Safari", "iPhone"),
    "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 CriOS/149.0 Mobile/15E148 Safari/604.1": (
        "Chrome",
        "iPad",
    ),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4"
    " Safari/605.1.15": ("Safari", "macOS"),
    "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0": ("Firefox", "Linux"),
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/149.0 Safari/537.36": ("Chrome", "ChromeOS"),
    f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/147.0 Safari/537.36 OPR/131.0": ("Opera", "Windows"),
    "RimalApp/3.2 (Android 15)": (None, "Android"),
    "python-httpx/0.28": (None, None),
    "Chromefoo Windowsill": (None, None),
    "": (None, None),
}


@pytest.mark.parametrize("user_agent", KNOWN)
def test_a_device_has_a_name_that_a_person_knows(user_agent):
    assert device_of(user_agent) == Device(*KNOWN[user_agent])


def test_a_long_text_that_says_nothing_is_read_at_once():
    assert device_of("Version/" * 100_000) == Device(None, None)
