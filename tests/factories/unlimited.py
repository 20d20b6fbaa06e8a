"""Settings under which no test meets a rate limit that it does not ask for; requests are counted all the same."""

from __future__ import annotations

from ais.platform.setting_sources import environment_name
from ais.platform.settings import LIMITS

UNLIMITED = dict.fromkeys(LIMITS, "1000000/1s")
UNLIMITED_ENVIRONMENT = {environment_name(name): rate for name, rate in UNLIMITED.items()}
# For measuring a route itself: nothing is counted. What counting costs is measured by a part of its own.
NOTHING_COUNTED = {environment_name(name): "off" for name in LIMITS}
