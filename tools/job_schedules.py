"""docs/operations/jobs.md names every schedule of the program, with its time and its tries, and no other."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from ais.app.registry import build_registry
from ais.payments import Gateways
from ais.platform.jobs import JobDefinition
from ais.platform.settings import Settings

PAGE = Path("docs/operations/jobs.md")
_ROW = re.compile(r"\| `(?P<name>[a-z_.]+)` \| (?P<when>[^|]+) \| (?P<tries>\d+) \| (?P<what>[^|]+) \|")
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def when(definition: JobDefinition) -> str:
    """How the page writes the time of a schedule."""
    schedule = definition.schedule
    assert schedule is not None
    if schedule.every_seconds is None:
        return f"`{schedule.cron}`"
    for seconds, unit in _UNITS:
        count, rest = divmod(schedule.every_seconds, seconds)
        if not rest:
            return f"every {unit}" if count == 1 else f"every {count} {unit}s"
    raise AssertionError("a second divides every period")


def mistakes(page: str, definitions: Iterable[JobDefinition]) -> list[str]:
    """What is wrong, one sentence each."""
    written = {row["name"]: (row["when"].strip(), int(row["tries"])) for row in _ROW.finditer(page)}
    found = []
    for each in definitions:
        if each.schedule is None:
            continue
        right = (when(each), each.retry.attempts)
        row = f"| `{each.name}` | {right[0]} | {right[1]} | ... |"
        if each.name not in written:
            found.append(f"{PAGE} says nothing of {each.name}; its row is: {row}")
        elif written.pop(each.name) != right:
            found.append(f"{PAGE} is not up to date about {each.name}: {row}")
    return [*found, *(f"{PAGE} names {name}, which is no schedule." for name in sorted(written))]


def main() -> None:
    """Exit code 1 and one line per mistake if there are any."""
    settings = Settings(smtp_url="smtp://127.0.0.1", mail_from="nobody@example.com")
    registry = build_registry(settings, Gateways([]))
    found = mistakes(PAGE.read_text(encoding="utf-8"), registry)
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
