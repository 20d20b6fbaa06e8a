"""The demo airline: Rimal Air (9Z), a fictional carrier of ten aircraft that flies the region from Riyadh and Jeddah.

Files that the demo imports as any airline would import its own: SSIM schedules by IATA season (``schedule/``), carrier,
cabin layouts, minimum connecting times, booking class ladders, overbooking, ticket numbers, fares and taxes. The
rotation plan and the fleet say which aircraft flies what. ``tools/build_demo_schedule.py`` makes the schedules from it,
``tools/build_demo_fares.py`` the fares.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from importlib import resources

import msgspec

CARRIER = "9Z"
ACCOUNTING_CODE = "991"
HUB, SECOND_BASE = "RUH", "JED"
HUB_ZONE = "Asia/Riyadh"
SALE_CURRENCY = "SAR"


class SeasonFile(msgspec.Struct, frozen=True):
    """The schedule of one IATA season, from ``first`` to ``last`` inclusive, as an SSIM chapter 7 file."""

    season: str
    first: date
    last: date
    content: str


def demo_file(name: str) -> str:
    """The text of a file of the demo airline, by its path below this package."""
    return (resources.files("ais.app.demo_data") / name).read_text(encoding="utf-8")


def demo_rows(name: str) -> list[dict[str, str]]:
    """The rows of a CSV file of the demo airline."""
    return list(csv.DictReader(io.StringIO(demo_file(name))))


def season_dates(season: str) -> tuple[date, date]:
    """First and last day of an IATA season: summer begins on the last Sunday of March, winter on that of October."""
    year = 2000 + int(season[1:])
    if season[0] == "S":
        return _last_sunday(year, 3), _last_sunday(year, 10) - timedelta(days=1)
    return _last_sunday(year, 10), _last_sunday(year + 1, 3) - timedelta(days=1)


def schedule_files(first: date, last: date) -> list[SeasonFile]:
    """The packaged seasons that have a day from ``first`` to ``last``, in their order."""
    return [each for each in _all_schedule_files() if each.first <= last and each.last >= first]


def registrations_on(on: date) -> dict[int, str]:
    """By flight number: which aircraft the plan assigns to the flights that the fleet begins on the hub's date ``on``.

    The aircraft of a rotation stand at successive days of its cycle and move on by one every day.
    """
    aircraft: dict[str, list[dict[str, str]]] = {}
    for row in demo_rows("aircraft.csv"):
        aircraft.setdefault(row["rotation"], []).append(row)
    at_day = {
        (rotation, _cycle_day(row, len(fleet), on)): row["registration"]
        for rotation, fleet in aircraft.items()
        for row in fleet
    }
    weekday = str(on.isoweekday())
    return {
        int(row["flight_number"]): at_day[row["rotation"], int(row["day"])]
        for row in demo_rows("rotations.csv")
        if weekday in row["days"]
    }


def _cycle_day(row: dict[str, str], length: int, on: date) -> int:
    passed = (on - date.fromisoformat(row["counted_from"])).days
    return (int(row["position"]) - 1 + passed) % length + 1


def _all_schedule_files() -> Iterator[SeasonFile]:
    folder = resources.files("ais.app.demo_data") / "schedule"
    names = {path.name.removesuffix(".ssim").split("_")[1]: path for path in folder.iterdir()}
    for season in sorted(names, key=season_dates):
        yield SeasonFile(season, *season_dates(season), names[season].read_text(encoding="ascii"))


def _last_sunday(year: int, month: int) -> date:
    end = date(year, month, 31)
    return end - timedelta(days=end.isoweekday() % 7)
