"""Fixed columns of a record, the rule each must obey, and the errors that name what broke one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any, ClassVar, Self, overload

import msgspec

RECORD_LENGTH = 200
OPEN_END = "00XXX00"
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class SsimError(msgspec.Struct, frozen=True, order=True):
    """One thing wrong in a file: where (1-based record serial, row of the file, column), and what should stand there.

    ``record`` is the serial number that the record should carry, counted without rows of zeros; ``row`` counts them.
    """

    row: int
    column: int
    record: int
    field: str
    expected: str
    found: str

    def __str__(self) -> str:
        place = f"record {self.record} (row {self.row}), column {self.column}, {self.field}"
        return f"{place}: expected {self.expected}, found {self.found!r}"


class Rule:
    """What the text of a column must look like: a pattern over its whole width, or a predicate too."""

    def __init__(self, pattern: str, expected: str, check: Callable[[str], bool] | None = None) -> None:
        compiled = re.compile(pattern)

        @lru_cache(maxsize=8192)
        def accepts(text: str) -> bool:
            return compiled.fullmatch(text) is not None and (check is None or check(text))

        self.accepts: Callable[[str], bool] = accepts
        self.expected = expected


class Column:
    """Columns ``first`` to ``last`` of a record, counted from 1. Read from a record it is the text, spaces included."""

    def __init__(self, first: int, last: int, rule: Rule) -> None:
        self.first = first
        self.last = last
        self.rule = rule
        self.name = ""

    @property
    def width(self) -> int:
        return self.last - self.first + 1

    def __set_name__(self, owner: type[Record], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, record: None, owner: type[Record]) -> Self: ...

    @overload
    def __get__(self, record: Record, owner: type[Record]) -> str: ...

    def __get__(self, record: Record | None, owner: type[Record]) -> Self | str:
        if record is None:
            return self
        return record.text[self.first - 1 : self.last]


class Record:
    """A row of 200 columns. ``serial`` and ``row`` say where it stands in its file; two records are equal by text."""

    columns: ClassVar[tuple[Column, ...]]
    type_code: ClassVar[str]

    __slots__ = ("row", "serial", "text")

    def __init__(self, text: str, serial: int = 0, row: int = 0) -> None:
        self.text = text
        self.serial = serial
        self.row = row

    def __init_subclass__(cls, type_code: str, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls.type_code = type_code
        cls.columns = tuple(sorted((c for c in vars(cls).values() if isinstance(c, Column)), key=lambda c: c.first))
        expected_first = 2
        for column in cls.columns:
            if column.first != expected_first:
                raise TypeError(f"{cls.__name__}: column {expected_first} belongs to no field")
            expected_first = column.last + 1
        if expected_first != RECORD_LENGTH + 1:
            raise TypeError(f"{cls.__name__}: its columns end at {expected_first - 1}")

    @classmethod
    def compose(cls, **fields: str) -> Self:
        """A record of these texts, each written from the left of its column; what is not named is blank.

        Raises ValueError for an unknown name, a text too long, or one that breaks its column's rule.
        """
        parts = [cls.type_code]
        for column in cls.columns:
            text = fields.pop(column.name, "").ljust(column.width)
            if len(text) > column.width or not column.rule.accepts(text):
                raise ValueError(f"{column.name}: expected {column.rule.expected}, got {text.rstrip()!r}")
            parts.append(text)
        if fields:
            raise ValueError(f"{cls.__name__} has no {', '.join(sorted(fields))}")
        return cls("".join(parts))

    def errors(self) -> list[SsimError]:
        """Every column whose text breaks its rule."""
        text = self.text
        return [
            self.error(column, column.rule.expected)
            for column in self.columns
            if not column.rule.accepts(text[column.first - 1 : column.last])
        ]

    def error(self, column: Column, expected: str) -> SsimError:
        """The error that this record's text in ``column`` is."""
        found = self.text[column.first - 1 : column.last]
        return SsimError(self.row, column.first, self.serial, column.name, expected, found)

    def with_serial(self, serial: int) -> Self:
        """The same record under another serial number in columns 195-200."""
        return type(self)(f"{self.text[:194]}{serial:06d}", serial, self.row)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"


def read_date(text: str) -> date:
    """The date of ``DDMMMYY``; years are those of this century. Raises ValueError for a day that no month has."""
    return date(2000 + int(text[5:7]), MONTHS.index(text[2:5]) + 1, int(text[:2]))


def write_date(day: date) -> str:
    """``DDMMMYY``; raises ValueError outside the years 2000-2099, which two digits cannot name."""
    if not 2000 <= day.year <= 2099:
        raise ValueError(f"{day} cannot be written with a two-digit year")
    return f"{day.day:02d}{MONTHS[day.month - 1]}{day.year % 100:02d}"


def read_minutes(text: str) -> int:
    """Minutes after midnight of ``HHMM``; 2400 is the end of the day."""
    return int(text[:2]) * 60 + int(text[2:])


def write_minutes(minutes: int) -> str:
    """``HHMM`` of minutes after midnight."""
    return f"{minutes // 60:02d}{minutes % 60:02d}"


def read_variation(text: str) -> int:
    """Minutes that local time is ahead of UTC, from ``+HHMM`` or ``-HHMM``."""
    return (-1 if text[0] == "-" else 1) * read_minutes(text[1:])


def write_variation(minutes: int) -> str:
    """``+HHMM`` or ``-HHMM``."""
    return f"{'-' if minutes < 0 else '+'}{write_minutes(abs(minutes))}"


def is_date(text: str) -> bool:
    """Whether the calendar has this ``DDMMMYY``."""
    try:
        read_date(text)
    except ValueError:
        return False
    return True
