"""What a device calls itself, in words that a person knows: "Chrome on Android" of a User-Agent. Pure.

The names are for people who look for a session that is not theirs. Nothing is decided by them: whoever sends the header
may write into it what they like.
"""

from __future__ import annotations

import re

import msgspec

# The first that is found. A browser names those it descends from too, so that the descendants stand first.
_BROWSERS = (
    (re.compile(r"\bEdg(?:e|A|iOS)?/"), "Edge"),
    (re.compile(r"\bOPR/|\bOPiOS/|\bOpera\b"), "Opera"),
    (re.compile(r"\bSamsungBrowser/"), "Samsung Internet"),
    (re.compile(r"\bHuaweiBrowser/"), "Huawei Browser"),
    (re.compile(r"\bYaBrowser/"), "Yandex Browser"),
    (re.compile(r"\bVivaldi/"), "Vivaldi"),
    (re.compile(r"\bDuckDuckGo/"), "DuckDuckGo"),
    (re.compile(r"\bFirefox/|\bFxiOS/"), "Firefox"),
    (re.compile(r"\bCriOS/|\bChrome/|\bHeadlessChrome/|\bChromium/"), "Chrome"),
    (re.compile(r"\bVersion/[\d.]+ (?:Mobile/\w+ )?Safari/"), "Safari"),
)
_SYSTEMS = (
    (re.compile(r"\biPhone\b|\biPod\b"), "iPhone"),
    (re.compile(r"\biPad\b"), "iPad"),
    (re.compile(r"\bAndroid\b"), "Android"),
    (re.compile(r"\bHarmonyOS\b|\bOpenHarmony\b"), "HarmonyOS"),
    (re.compile(r"\bWindows\b"), "Windows"),
    (re.compile(r"\bCrOS\b"), "ChromeOS"),
    (re.compile(r"\bMac OS X\b|\bMacintosh\b"), "macOS"),
    (re.compile(r"\bLinux\b|\bX11\b"), "Linux"),
)


class Device(msgspec.Struct, frozen=True):
    """The browser and the system that a device names; None for what we do not know."""

    browser: str | None
    system: str | None


def device_of(user_agent: str) -> Device:
    """The device by its own word. Programs and phones' own applications name no browser, and often no system."""
    return Device(_named(user_agent, _BROWSERS), _named(user_agent, _SYSTEMS))


def _named(text: str, known: tuple[tuple[re.Pattern[str], str], ...]) -> str | None:
    return next((name for pattern, name in known if pattern.search(text)), None)
