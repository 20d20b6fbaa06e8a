"""Cabin layouts, and the CSV files by which layouts and connecting times come in. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable

import msgspec

from ais.schedule.connecting import ConnectingTimeRule
from ais.schedule.errors import BadScheduleData
from ais.schedule.ssim.rules import cabins_of

_LAYOUT_COLUMNS = ["carrier", "aircraft_type", "configuration", "name", "row", "cabin", "seats", "exit"]
_TIME_COLUMNS = [
    "airport", "kind", "arrival_terminal", "departure_terminal", "arrival_carrier", "departure_carrier", "minutes",
]  # fmt: skip
_KINDS = {"", "DD", "DI", "ID", "II"}


class CabinRow(msgspec.Struct, frozen=True):
    """A row of seats: letters from left to right, ``-`` for an aisle: ``ABC-DEF``, or ``-DF`` beside a door."""

    row: int
    cabin: str
    seats: str
    is_exit: bool = False

    @property
    def seat_numbers(self) -> tuple[str, ...]:
        return tuple(f"{self.row}{letter}" for letter in self.seats if letter != "-")


class CabinLayout(msgspec.Struct, frozen=True):
    """The seats of a carrier's aircraft of one type and configuration, rows from nose to tail."""

    carrier: str
    aircraft_type: str
    configuration: str
    name: str
    rows: tuple[CabinRow, ...]

    @property
    def seats_by_cabin(self) -> dict[str, int]:
        counted: Counter[str] = Counter()
        for row in self.rows:
            counted[row.cabin] += len(row.seat_numbers)
        return dict(counted)


def read_cabin_layouts(text: str) -> list[CabinLayout]:
    """The layouts of a CSV file with one line per row of seats; raises :class:`BadScheduleData` with every bad line.

    A layout must have exactly the seats that its configuration names.
    """
    reader = csv.DictReader(io.StringIO(text))
    _require_columns(reader.fieldnames, _LAYOUT_COLUMNS)
    problems: list[str] = []
    rows: dict[tuple[str, str, str, str], list[CabinRow]] = {}
    for line, record in enumerate(reader, start=2):
        found = list(_row_problems(record))
        problems += [f"line {line}, {problem}" for problem in found]
        if not found:
            key = (record["carrier"], record["aircraft_type"], record["configuration"], record["name"])
            row = CabinRow(int(record["row"]), record["cabin"], record["seats"], record["exit"] == "yes")
            rows.setdefault(key, []).append(row)
    layouts = [CabinLayout(*key, tuple(sorted(of, key=lambda row: row.row))) for key, of in rows.items()]
    if not problems:
        for layout in layouts:
            problems += _layout_problems(layout)
    if problems:
        raise BadScheduleData(problems)
    return layouts


def read_connecting_times(text: str) -> list[ConnectingTimeRule]:
    """The rules of a CSV file; raises :class:`BadScheduleData` with every bad line. An empty cell is any value."""
    reader = csv.DictReader(io.StringIO(text))
    _require_columns(reader.fieldnames, _TIME_COLUMNS)
    problems: list[str] = []
    rules: dict[tuple[str, ...], ConnectingTimeRule] = {}
    for line, record in enumerate(reader, start=2):
        if record["kind"] not in _KINDS:
            problems.append(f"line {line}, kind: DD, DI, ID, II or nothing, not {record['kind']!r}")
        if not re.fullmatch(r"\d{1,4}", record["minutes"] or "") or int(record["minutes"]) > 1440:
            problems.append(f"line {line}, minutes: a number from 0 to 1440, not {record['minutes']!r}")
            continue
        named = {name: record[name] or None for name in _TIME_COLUMNS[:-1]}
        key = tuple(record[name] for name in _TIME_COLUMNS[:-1])
        if key in rules:
            problems.append(f"line {line}: the same connection as an earlier line")
        rules[key] = ConnectingTimeRule(minutes=int(record["minutes"]), **named)
    if problems:
        raise BadScheduleData(problems)
    return list(rules.values())


def _require_columns(found: Iterable[str] | None, wanted: list[str]) -> None:
    if list(found or ()) != wanted:
        raise BadScheduleData([f"line 1: the columns must be {','.join(wanted)}"])


def _row_problems(record: dict[str, str]) -> Iterable[str]:
    if not re.fullmatch(r"[1-9]\d{0,2}", record["row"] or ""):
        yield f"row: a number from 1 to 999, not {record['row']!r}"
    if not re.fullmatch(r"[A-Z]", record["cabin"] or ""):
        yield f"cabin: one letter, not {record['cabin']!r}"
    seats = record["seats"] or ""
    letters = seats.replace("-", "")
    if not re.fullmatch(r"-?[A-Z]+(?:-[A-Z]+)*-?", seats) or len(set(letters)) != len(letters):
        yield f"seats: letters with - for an aisle, each once, not {seats!r}"
    if record["exit"] not in {"yes", "no"}:
        yield f"exit: yes or no, not {record['exit']!r}"
    try:
        cabins_of(record["configuration"] or "")
    except ValueError:
        yield f"configuration: cabins and seats such as C12Y138, not {record['configuration']!r}"


def _layout_problems(layout: CabinLayout) -> list[str]:
    problems = []
    if layout.seats_by_cabin != dict(cabins_of(layout.configuration)):
        drawn = "".join(f"{cabin}{seats}" for cabin, seats in layout.seats_by_cabin.items())
        problems.append(f"{layout.carrier} {layout.aircraft_type} {layout.configuration}: the rows have {drawn}")
    if len({row.row for row in layout.rows}) != len(layout.rows):
        problems.append(f"{layout.carrier} {layout.aircraft_type} {layout.configuration}: a row appears twice")
    return problems
