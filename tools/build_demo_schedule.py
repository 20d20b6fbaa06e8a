"""Builds the schedule files of the demo airline from its rotation plan.

The plan (``src/ais/app/demo_data/rotations.csv``) says what one aircraft of each rotation flies on each day of its
cycle, in the time of the hub, whose clocks never change. An aircraft flies day 1, then day 2, and after the last day
the first again; each of the rotation's aircraft stands at another day of it, so that every line is flown every day.

    python -m tools.build_demo_schedule W26 S27 W27

writes one SSIM chapter 7 file in local time per IATA season. Where an airport's clocks change within a season the
period is split, because its local times change and the aircraft's do not.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ais.app.demo_data import CARRIER, HUB_ZONE, season_dates
from ais.kit.localtime import to_instant, to_local, utc_offset
from ais.reference import ReferenceData, packaged_reference
from ais.schedule.ssim.columns import write_date
from ais.schedule.ssim.compose import carrier_record, header_record, leg_record
from ais.schedule.ssim.records import FlightLegRecord
from ais.schedule.ssim.writer import CarrierRecords, write_file

DEMO_DATA = Path(__file__).resolve().parents[1] / "src/ais/app/demo_data"
CARRIER_NAME = "RIMAL AIR"
SEASONS = ("W26", "S27", "W27", "S28", "W28", "S29")

# Equipment of each rotation: IATA type, configuration with its version, booking classes from the highest down.
EQUIPMENT = {
    "A320": ("320", "C12Y138VV320", "JCDIYBMHQKLVT"),
    "ATR": ("AT7", "Y70VVAT7", "YBMHQKLVT"),
}
# Terminals by airport, for flights that stay in the country and for those that leave it.
TERMINALS = {
    "RUH": ("5", "3"),
    "JED": ("1", "1"),
    "DMM": ("1", "1"),
    "CAI": ("2", "2"),
    "DXB": ("1", "1"),
    "MCT": ("1", "1"),
    "KHI": ("1", "1"),
}


class PlannedLeg(NamedTuple):
    """One take-off and landing of the plan. Times are minutes after midnight at the hub, on the line's day."""

    rotation: str
    day: int
    sequence: int
    flight_number: int
    leg: int
    weekdays: frozenset[int]
    origin: str
    destination: str
    departs: int
    arrives: int


class FlownLeg(NamedTuple):
    """A planned leg on a date: ``flight_date`` is the local date at the origin of the flight's first leg."""

    plan: PlannedLeg
    flight_date: date
    departs_at: datetime
    arrives_at: datetime


class LegRecord(NamedTuple):
    """What an SSIM leg record says besides its period: minutes of local clocks, offsets from UTC, date variations."""

    plan: PlannedLeg
    departure_minutes: int
    departure_offset: int
    departure_days: int
    arrival_minutes: int
    arrival_offset: int
    arrival_days: int
    onward_flight: int | None
    onward_days: int


class Period(NamedTuple):
    """A flight number's legs as they are on these weekdays from ``first`` to ``last``."""

    first: date
    last: date
    weekdays: tuple[int, ...]
    legs: tuple[LegRecord, ...]


def read_plan(path: Path = DEMO_DATA / "rotations.csv") -> tuple[PlannedLeg, ...]:
    """The rotation plan in the order of its lines."""
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            PlannedLeg(
                row["rotation"],
                int(row["day"]),
                int(row["sequence"]),
                int(row["flight_number"]),
                int(row["leg"]),
                frozenset(int(digit) for digit in row["days"]),
                row["origin"],
                row["destination"],
                _minutes(row["departs"]),
                _minutes(row["arrives"]),
            )
            for row in csv.DictReader(file)
        )


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def fly_line(plan: Iterable[PlannedLeg], rotation: str, day: int, on: date) -> list[FlownLeg]:
    """What the aircraft that is at ``day`` of the rotation's cycle flies on the hub's date ``on``, in order."""
    midnight = to_instant(on, time(0), HUB_ZONE)
    chosen = [leg for leg in plan if leg.rotation == rotation and leg.day == day and on.isoweekday() in leg.weekdays]
    flown: list[FlownLeg] = []
    for leg in sorted(chosen, key=lambda leg: leg.sequence):
        departs_at = midnight + timedelta(minutes=leg.departs)
        first = departs_at if leg.leg == 1 else flown[-1].departs_at
        flight_date = to_local(first, _zone(leg.origin)).date() if leg.leg == 1 else flown[-1].flight_date
        flown.append(FlownLeg(leg, flight_date, departs_at, midnight + timedelta(minutes=leg.arrives)))
    return flown


@cache
def _reference() -> ReferenceData:
    return packaged_reference()


def _zone(airport: str) -> str:
    return _reference().timezone(airport)


def cycle_days(plan: Iterable[PlannedLeg]) -> dict[str, int]:
    """The length of each rotation's cycle, which is the number of its aircraft."""
    days: dict[str, int] = defaultdict(int)
    for leg in plan:
        days[leg.rotation] = max(days[leg.rotation], leg.day)
    return dict(days)


def flights_of_season(
    plan: Sequence[PlannedLeg], first: date, last: date
) -> dict[int, dict[date, tuple[LegRecord, ...]]]:
    """By flight number and flight date: the legs as they are on that date."""
    flights: dict[int, dict[date, tuple[LegRecord, ...]]] = defaultdict(dict)
    for rotation, length in cycle_days(plan).items():
        for day in range(1, length + 1):
            for offset in range((last - first).days + 1):
                on = first + timedelta(days=offset)
                line = fly_line(plan, rotation, day, on)
                following = fly_line(plan, rotation, day % length + 1, on + timedelta(days=1))
                for number, legs in _by_flight(line, following):
                    flights[number][legs[0][0].flight_date] = tuple(_leg_record(*pair) for pair in legs)
    return flights


def _by_flight(
    line: list[FlownLeg], following: list[FlownLeg]
) -> Iterator[tuple[int, list[tuple[FlownLeg, FlownLeg]]]]:
    """The line's legs by flight number, each with the leg that the aircraft flies next."""
    flights: dict[int, list[tuple[FlownLeg, FlownLeg]]] = defaultdict(list)
    for leg, next_leg in zip(line, [*line[1:], following[0]], strict=True):
        flights[leg.plan.flight_number].append((leg, next_leg))
    yield from flights.items()


def _leg_record(leg: FlownLeg, following: FlownLeg) -> LegRecord:
    plan = leg.plan
    departure = to_local(leg.departs_at, _zone(plan.origin))
    arrival = to_local(leg.arrives_at, _zone(plan.destination))
    next_departure = to_local(following.departs_at, _zone(plan.destination))
    same_flight = following.plan.flight_number == plan.flight_number
    return LegRecord(
        plan=plan,
        departure_minutes=departure.hour * 60 + departure.minute,
        departure_offset=_offset_minutes(leg.departs_at, plan.origin),
        departure_days=(departure.date() - leg.flight_date).days,
        arrival_minutes=arrival.hour * 60 + arrival.minute,
        arrival_offset=_offset_minutes(leg.arrives_at, plan.destination),
        arrival_days=(arrival.date() - leg.flight_date).days,
        onward_flight=None if same_flight else following.plan.flight_number,
        onward_days=(next_departure.date() - arrival.date()).days,
    )


def _offset_minutes(instant: datetime, airport: str) -> int:
    return int(utc_offset(instant, _zone(airport)).total_seconds() // 60)


def periods_of_flight(dates: dict[date, tuple[LegRecord, ...]]) -> list[Period]:
    """The dates of a flight gathered into the fewest weekly periods whose legs are equal."""
    alike: dict[tuple[LegRecord, ...], list[date]] = defaultdict(list)
    for on in sorted(dates):
        alike[dates[on]].append(on)
    periods = []
    for legs, days in alike.items():
        for chunk in _without_gaps(days):
            periods.extend(_weekly(chunk, legs))
    return sorted(periods, key=lambda period: (period.first, period.weekdays))


def _without_gaps(days: list[date]) -> Iterator[list[date]]:
    """Runs of days in which no two neighbours lie more than a week apart."""
    run = [days[0]]
    for day in days[1:]:
        if (day - run[-1]).days > 7:
            yield run
            run = []
        run.append(day)
    yield run


def _weekly(days: list[date], legs: tuple[LegRecord, ...]) -> list[Period]:
    """One period of all its weekdays if the days fill it, else one for each weekday's unbroken weeks."""
    weekdays = tuple(sorted({day.isoweekday() for day in days}))
    if _filled(days[0], days[-1], weekdays) == days:
        return [Period(days[0], days[-1], weekdays, legs)]
    periods = []
    for weekday in weekdays:
        own = [day for day in days if day.isoweekday() == weekday]
        start = own[0]
        for day, following in zip(own, [*own[1:], None], strict=True):
            if following is None or (following - day).days > 7:
                periods.append(Period(start, day, (weekday,), legs))
                start = following or day
    return periods


def _filled(first: date, last: date, weekdays: tuple[int, ...]) -> list[date]:
    span = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [day for day in span if day.isoweekday() in weekdays]


def leg_records(plan: Sequence[PlannedLeg], first: date, last: date) -> list[FlightLegRecord]:
    """Every type 3 record of a season, by flight number, variation and leg."""
    crossing = {leg.flight_number for leg in plan if not _reference().is_domestic(leg.origin, leg.destination)}
    records = []
    for number, dates in sorted(flights_of_season(plan, first, last).items()):
        for variation, period in enumerate(periods_of_flight(dates), 1):
            records += [_record(leg, period, variation, international=number in crossing) for leg in period.legs]
    return records


def _record(leg: LegRecord, period: Period, variation: int, *, international: bool) -> FlightLegRecord:
    plan = leg.plan
    aircraft_type, configuration, booking_classes = EQUIPMENT[plan.rotation]
    flies_on = leg.onward_flight is not None
    return leg_record(
        CARRIER,
        plan.flight_number,
        period=(period.first, period.last),
        weekdays=period.weekdays,
        origin=plan.origin,
        departure=leg.departure_minutes,
        departure_offset=leg.departure_offset,
        destination=plan.destination,
        arrival=leg.arrival_minutes,
        arrival_offset=leg.arrival_offset,
        aircraft_type=aircraft_type,
        configuration=configuration,
        variation=variation,
        sequence=plan.leg,
        departure_days=leg.departure_days,
        arrival_days=leg.arrival_days,
        booking_classes=booking_classes,
        departure_terminal=_terminal(plan.origin, international=international),
        arrival_terminal=_terminal(plan.destination, international=international),
        onward_airline=CARRIER if flies_on else "",
        onward_flight_number=f"{leg.onward_flight:4d}" if flies_on else "",
        rotation_layover=str(leg.onward_days) if flies_on and leg.onward_days else "",
    )


def _terminal(airport: str, *, international: bool) -> str:
    return TERMINALS.get(airport, ("", ""))[international]


def build(season: str, plan: Sequence[PlannedLeg]) -> str:
    """The schedule file of one season."""
    first, last = season_dates(season)
    created = datetime.combine(first - timedelta(days=60), time(9), UTC)
    kind = "WINTER" if season[0] == "W" else "SUMMER"
    carrier = carrier_record(
        CARRIER,
        time_mode="L",
        season=season,
        validity=(first, last),
        created_at=created,
        title=f"{CARRIER_NAME} {kind} 20{season[1:]}",
        creator_reference=f"{CARRIER} NETWORK PLANNING",
        release_date=write_date(created.date()),
        electronic_ticketing="ET",
    )
    records = CarrierRecords(carrier, leg_records(plan, first, last), carrier.release_date)
    return write_file(header_record(number_of_seasons=1), [records])


def main(seasons: Sequence[str]) -> None:
    plan = read_plan()
    folder = DEMO_DATA / "schedule"
    folder.mkdir(exist_ok=True)
    for season in seasons or SEASONS:
        text = build(season, plan)
        (folder / f"{CARRIER}_{season}.ssim").write_text(text, encoding="ascii", newline="")
        print(f"{CARRIER}_{season}.ssim: {text.count(chr(10))} rows")


if __name__ == "__main__":
    main(sys.argv[1:])
