"""Local dates and times at an airport, and the instants they mean.

A flight date is a local date at the origin; an instant is UTC. A local time that a change of clocks skips is moved
forward by the length of the gap, one that happens twice means its first occurrence: both can be asked for.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=512)
def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name."""
    return ZoneInfo(name)


def is_gap(day: date, at: time, zone_name: str) -> bool:
    """Whether this local time does not exist because the clocks jump over it."""
    local = datetime.combine(day, at, zone(zone_name))
    return local.astimezone(UTC).astimezone(zone(zone_name)).replace(tzinfo=None) != local.replace(tzinfo=None)


def is_ambiguous(day: date, at: time, zone_name: str) -> bool:
    """Whether this local time happens twice because the clocks go back."""
    local = datetime.combine(day, at, zone(zone_name))
    return not is_gap(day, at, zone_name) and local.utcoffset() != local.replace(fold=1).utcoffset()


def to_instant(day: date, at: time, zone_name: str) -> datetime:
    """The UTC instant of a local time. A skipped time moves forward by the gap; a repeated one is its first."""
    return datetime.combine(day, at, zone(zone_name)).astimezone(UTC)


def to_local(instant: datetime, zone_name: str) -> datetime:
    """The instant in the airport's own time, offset included."""
    return instant.astimezone(zone(zone_name))


@lru_cache(maxsize=1024)
def local_date(instant: datetime, zone_name: str) -> date:
    """The date that people at the airport write at that instant."""
    return instant.astimezone(zone(zone_name)).date()


def utc_offset(instant: datetime, zone_name: str) -> timedelta:
    """How far the airport's clocks are ahead of UTC at that instant."""
    offset = instant.astimezone(zone(zone_name)).utcoffset()
    if offset is None:
        raise ValueError(f"{zone_name} has no offset")
    return offset
