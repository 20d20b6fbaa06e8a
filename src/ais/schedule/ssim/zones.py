"""Offsets of airport clocks from UTC, fast enough to ask for every leg of every date.

Times here are whole minutes: local ones count from midnight of 1970-01-01 on the airport's calendar, UTC ones from the
Unix epoch. Where the clocks do not change, one addition answers; only the days of a change ask the zone database.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ais.kit.localtime import zone

MINUTES_PER_DAY = 1440
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # a point on an airport's own calendar
_MINUTE = timedelta(minutes=1)

ZoneOf = Callable[[str], str | None]


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - EPOCH_ORDINAL


def date_of_day(number: int) -> date:
    return date.fromordinal(number + EPOCH_ORDINAL)


class ZoneClock:
    """The clock of one zone."""

    def __init__(self, name: str) -> None:
        self._zone: ZoneInfo = zone(name)
        self._local_days: dict[int, int | None] = {}
        self._utc_days: dict[int, int | None] = {}

    def to_utc(self, local: int) -> int:
        """The instant of a local minute. A skipped minute moves forward by the gap; a repeated one is its first."""
        day = local // MINUTES_PER_DAY
        offset = self._local_days.get(day, -1)
        if offset == -1:
            start = self._local_offset(day * MINUTES_PER_DAY)
            steady = start == self._local_offset((day + 1) * MINUTES_PER_DAY)
            offset = self._local_days[day] = start if steady else None
        return local - (self._local_offset(local) if offset is None else offset)

    def offset_at(self, instant: int) -> int:
        """Minutes that the clock is ahead of UTC at that instant."""
        day = instant // MINUTES_PER_DAY
        offset = self._utc_days.get(day, -1)
        if offset == -1:
            start = self._utc_offset(day * MINUTES_PER_DAY)
            steady = start == self._utc_offset((day + 1) * MINUTES_PER_DAY)
            offset = self._utc_days[day] = start if steady else None
        return self._utc_offset(instant) if offset is None else offset

    def to_local(self, instant: int) -> int:
        return instant + self.offset_at(instant)

    def is_skipped(self, local: int) -> bool:
        """Whether the clocks jump over this local minute."""
        return self.to_local(self.to_utc(local)) != local

    def _local_offset(self, local: int) -> int:
        at = (_LOCAL_EPOCH + local * _MINUTE).replace(tzinfo=self._zone)
        return (at.utcoffset() or timedelta()) // _MINUTE

    def _utc_offset(self, instant: int) -> int:
        at = (_EPOCH + instant * _MINUTE).astimezone(self._zone)
        return (at.utcoffset() or timedelta()) // _MINUTE


class ZoneClocks:
    """The clocks of airports, by airport code; those that ``zone_of`` does not know are None."""

    def __init__(self, zone_of: ZoneOf) -> None:
        self._zone_of = zone_of
        self._by_zone: dict[str, ZoneClock] = {}
        self._by_airport: dict[str, ZoneClock | None] = {}

    def find(self, airport: str) -> ZoneClock | None:
        if airport not in self._by_airport:
            name = self._zone_of(airport)
            if name is not None and name not in self._by_zone:
                self._by_zone[name] = ZoneClock(name)
            self._by_airport[airport] = None if name is None else self._by_zone[name]
        return self._by_airport[airport]

    def at(self, airport: str) -> ZoneClock:
        """The clock of an airport that is known; raises KeyError for another."""
        clock = self.find(airport)
        if clock is None:
            raise KeyError(airport)
        return clock
