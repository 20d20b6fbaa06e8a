"""Lines and fields of a filing: each form of a value is read in one place and says what it expected."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

import msgspec

from ais.fares.domain.conditions import BagAllowance, RuleTier
from ais.fares.domain.fare import DateRange
from ais.kit import CURRENCIES, Money

Value = TypeVar("Value")
Word = TypeVar("Word", bound=StrEnum)

_EARLIEST, _LATEST = date(2000, 1, 1), date(2199, 12, 31)


class FilingError(msgspec.Struct, frozen=True, order=True):
    """A mistake: where it stands, what stands there, and what was expected."""

    file: str
    line: int
    column: str
    value: str
    expected: str


class Line:
    """One line of a file. A field that cannot be read notes a mistake and gives a neutral value, so that the rest of
    the line is checked too; ``is_good`` says whether all was well.
    """

    def __init__(self, file: str, number: int, values: dict[str, str], errors: list[FilingError]) -> None:
        self.file = file
        self.number = number
        self.is_good = True
        self._values = values
        self._errors = errors

    def wrong(self, column: str, expected: str) -> None:
        """Note that a column does not hold what was expected."""
        self.is_good = False
        self._errors.append(FilingError(self.file, self.number, column, self._values.get(column, ""), expected))

    def text(self, column: str) -> str:
        return self._values[column].strip()

    def _read(self, column: str, neutral: Value, expected: str, read: Callable[[str], Value]) -> Value:
        """What ``read`` makes of the field; a ValueError is the mistake that ``expected`` was not there."""
        try:
            return read(self.text(column))
        except (ValueError, InvalidOperation):
            self.wrong(column, expected)
            return neutral

    def name(self, column: str) -> str:
        """Any text that is not empty, up to 100 characters."""
        text = self.text(column)
        if not 1 <= len(text) <= 100:
            self.wrong(column, "a name of 1 to 100 characters")
        return text

    def matching(self, column: str, pattern: str, expected: str) -> str:
        """A text of a form."""
        text = self.text(column)
        if not re.fullmatch(pattern, text):
            self.wrong(column, expected)
        return text

    def word(self, column: str, words: type[Word], default: Word | None = None) -> Word:
        """One of the words of an enumeration; an empty field is the default, if there is one."""
        text = self.text(column)
        if not text and default is not None:
            return default
        neutral = next(iter(words))
        return self._read(column, neutral, "one of " + ", ".join(words), words)

    def flag(self, column: str) -> bool:
        text = self.text(column)
        if text not in {"yes", "no"}:
            self.wrong(column, "yes or no")
        return text == "yes"

    def number_or_none(self, column: str, least: int, most: int) -> int | None:
        """A whole number in a range, None if the field is empty."""

        def read(text: str) -> int | None:
            if not text:
                return None
            value = int(text)
            if not least <= value <= most or not re.fullmatch(r"-?\d+", text):
                raise ValueError
            return value

        return self._read(column, None, f"a whole number from {least} to {most}, or nothing", read)

    def date_or_none(self, column: str) -> date | None:
        return self._read(
            column, None, "a date such as 2027-03-01, or nothing", lambda text: _date(text) if text else None
        )

    def period(self, first_column: str, last_column: str) -> tuple[date | None, date | None]:
        """Two dates, either open; the last may not lie before the first."""
        first, last = self.date_or_none(first_column), self.date_or_none(last_column)
        if first is not None and last is not None and last < first:
            self.wrong(last_column, f"a date not before {first_column}")
        return first, last

    def ranges(self, column: str) -> tuple[DateRange, ...]:
        expected = "periods such as 2027-01-01/2027-03-31, separated by a space, or nothing"
        return self._read(column, (), expected, lambda text: tuple(_range(part) for part in text.split()))

    def weekdays(self, column: str) -> tuple[int, ...]:
        def read(text: str) -> tuple[int, ...]:
            if not re.fullmatch(r"1?2?3?4?5?6?7?", text):
                raise ValueError
            return tuple(int(digit) for digit in text)

        return self._read(column, (), "ascending digits of days, Monday is 1, or nothing", read)

    def words(self, column: str, pattern: str, expected: str) -> tuple[str, ...]:
        """A list of words of a form, sorted, none twice."""

        def read(text: str) -> tuple[str, ...]:
            parts = text.split()
            if len(set(parts)) != len(parts) or not all(re.fullmatch(pattern, part) for part in parts):
                raise ValueError
            return tuple(sorted(parts))

        return self._read(column, (), expected, read)

    def currency(self, column: str, *, required: bool = True) -> str | None:
        text = self.text(column)
        if not text and not required:
            return None
        if text not in CURRENCIES:
            self.wrong(column, "the ISO 4217 code of a currency")
            return None
        return text

    def money(self, column: str, currency_code: str | None) -> Money | None:
        """An amount of a currency, not negative, None if the field is empty or the currency unknown."""
        if currency_code is None or not self.text(column):
            return None

        def read(text: str) -> Money | None:
            if not re.fullmatch(r"\d{1,12}(\.\d+)?", text):
                raise ValueError
            return Money.parse(text, currency_code)

        decimals = CURRENCIES[currency_code].decimals
        return self._read(column, None, f"an amount with at most {decimals} decimals", read)

    def basis_points(self, column: str, most_percent: int) -> int | None:
        """A percentage as hundredths of a per cent, None if the field is empty."""
        expected = f"a percentage from 0 to {most_percent} with at most two decimals"
        return self._read(column, None, expected, lambda text: _basis_points(text, most_percent) if text else None)

    def tiers(self, column: str, currency_code: str | None) -> tuple[RuleTier, ...]:
        """Penalties by time, as ``168:0% 72:25% 0:150.00``: hours before departure, falling."""

        def read(text: str) -> tuple[RuleTier, ...]:
            tiers = tuple(_tier(part, currency_code) for part in text.split())
            hours = [tier.until_hours_before for tier in tiers]
            if hours != sorted(set(hours), reverse=True):
                raise ValueError
            return tiers

        expected = "tiers such as 72:25% 0:150.00 with falling hours (amounts need penalty_currency), or nothing"
        return self._read(column, (), expected, read)

    def bags(self, column: str) -> tuple[BagAllowance, ...]:
        expected = "pieces and kilograms such as 2x23, separated by a space, or nothing"
        return self._read(column, (), expected, lambda text: tuple(_bag(part) for part in text.split()))


def _date(text: str) -> date:
    day = date.fromisoformat(text)
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) or not _EARLIEST <= day <= _LATEST:
        raise ValueError
    return day


def _range(text: str) -> DateRange:
    first, _, last = text.partition("/")
    period = DateRange(_date(first), _date(last))
    if period.last < period.first:
        raise ValueError
    return period


def _basis_points(text: str, most_percent: int) -> int:
    value = Decimal(text) * 100
    if not re.fullmatch(r"\d{1,4}(\.\d{1,2})?", text) or value > most_percent * 100:
        raise ValueError
    return int(value)


def _tier(text: str, currency_code: str | None) -> RuleTier:
    hours, separator, penalty = text.partition(":")
    if not separator or not re.fullmatch(r"-?\d{1,5}", hours):
        raise ValueError
    if penalty.endswith("%"):
        return RuleTier(int(hours), basis_points=_basis_points(penalty[:-1], 100))
    if currency_code is None or not re.fullmatch(r"\d{1,9}(\.\d+)?", penalty):
        raise ValueError
    return RuleTier(int(hours), amount=Money.parse(penalty, currency_code))


def _bag(text: str) -> BagAllowance:
    match = re.fullmatch(r"([1-9])x([1-9]\d?)", text)
    if match is None:
        raise ValueError
    return BagAllowance(int(match[1]), int(match[2]))


def read_lines(file: str, text: str, columns: Sequence[str], errors: list[FilingError]) -> list[Line]:
    """The lines of a file below its header. A wrong header, or a line with too few or too many fields, is a mistake;
    empty lines are passed over.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    lines: list[Line] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        for name in columns:
            if header.count(name) != 1:
                errors.append(FilingError(file, 1, name, "", "this column, once"))
        errors.extend(
            FilingError(file, 1, name, name, "one of the columns of this file")
            for name in header
            if name not in columns
        )
        if sorted(header) != sorted(columns):
            return []
        for fields in reader:
            if not fields:
                continue
            if len(fields) != len(header):
                errors.append(FilingError(file, reader.line_num, "", "", f"{len(header)} fields, not {len(fields)}"))
                continue
            lines.append(Line(file, reader.line_num, dict(zip(header, fields, strict=True)), errors))
    except csv.Error as mistake:
        errors.append(FilingError(file, reader.line_num, "", "", f"a readable line ({mistake})"))
    return lines
