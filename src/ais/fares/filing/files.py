"""A filing: the files that were given, read together, because their rows name each other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import TypeVar

import msgspec

from ais.fares.domain.fare import Brand, FareRule, PointOfSale
from ais.fares.filing.reader import FilingError, Line, read_lines
from ais.fares.filing.rows import (
    BRAND_COLUMNS,
    DISCOUNT_COLUMNS,
    FARE_COLUMNS,
    PLACE_COLUMNS,
    RULE_COLUMNS,
    TAX_COLUMNS,
    FiledDiscount,
    FiledFare,
    FiledTax,
    KnownCodes,
    VersionedRow,
    read_brand,
    read_discount,
    read_fare,
    read_place,
    read_rule,
    read_tax,
)

BRANDS, RULES, FARES = "brands.csv", "fare_rules.csv", "fares.csv"
DISCOUNTS, TAXES, PLACES = "discounts.csv", "taxes.csv", "points_of_sale.csv"
FILE_NAMES = (BRANDS, RULES, FARES, DISCOUNTS, TAXES, PLACES)

Row = TypeVar("Row")
Versioned = TypeVar("Versioned", bound=VersionedRow)


class Filing(msgspec.Struct, frozen=True):
    """The rows of all files that were given, in their order, with the line of each versioned row."""

    brands: tuple[Brand, ...]
    fares: tuple[FiledFare, ...]
    discounts: tuple[FiledDiscount, ...]
    taxes: tuple[FiledTax, ...]
    points_of_sale: tuple[PointOfSale, ...]
    tax_lines: tuple[int, ...]


class _Reader:
    """Reads file by file and gathers every mistake of all of them."""

    def __init__(self, files: Mapping[str, str], known: KnownCodes) -> None:
        self.errors: list[FilingError] = []
        self._files = files
        self._known = known

    def rows(
        self, file: str, columns: Sequence[str], read: Callable[[Line], Row], key: Callable[[Row], str] | None
    ) -> list[tuple[Line, Row]]:
        """The good rows of a file, none if it was not given; with a ``key`` no two may share it."""
        if file not in self._files:
            return []
        good: list[tuple[Line, Row]] = []
        first_line: dict[str, int] = {}
        for line in read_lines(file, self._files[file], columns, self.errors):
            row = read(line)
            if line.is_good and key is not None:
                earlier = first_line.setdefault(key(row), line.number)
                if earlier != line.number:
                    line.wrong(columns[0], f"a row of its own: the same key stands on line {earlier}")
            if line.is_good:
                good.append((line, row))
        return good

    def versioned(self, rows: Iterable[tuple[Line, Versioned]]) -> None:
        """Rows of one key may not be on sale at the same time."""
        by_key: dict[str, list[tuple[date, date, Line]]] = {}
        for line, row in rows:
            period = (row.sale_from or date.min, row.sale_until or date.max)
            for first, last, earlier in by_key.setdefault(row.key, []):
                if period[0] <= last and first <= period[1]:
                    line.wrong(
                        "sale_from", f"a sale period apart from that of line {earlier.number}, which has the same key"
                    )
            by_key[row.key].append((*period, line))


def read_filing(
    files: Mapping[str, str],
    known: KnownCodes,
    stored_brands: Collection[tuple[str, str]],
    stored_codes: Collection[str],
) -> tuple[Filing, list[FilingError]]:
    """The rows of ``files`` (by name, such as "fares.csv", their texts) and every mistake in them, sorted.

    ``stored_brands`` (carrier, brand) and ``stored_codes`` of taxes are known without being filed.
    """
    reader = _Reader(files, known)
    for name in sorted(set(files) - set(FILE_NAMES)):
        reader.errors.append(FilingError(name, 0, "", name, "one of " + ", ".join(FILE_NAMES)))
    if not set(files) & set(FILE_NAMES):
        reader.errors.append(FilingError("", 0, "", "", "at least one of " + ", ".join(FILE_NAMES)))
    if (FARES in files) != (RULES in files):
        given, missing = (FARES, RULES) if FARES in files else (RULES, FARES)
        reader.errors.append(FilingError(missing, 0, "", "", f"this file beside {given}"))
    brands = reader.rows(
        BRANDS, BRAND_COLUMNS, lambda line: read_brand(line, known), lambda row: f"{row.carrier}|{row.code}"
    )
    sold_brands = {*stored_brands, *((row.carrier, row.code) for _, row in brands)}
    rules: dict[str, FareRule] = {
        row.name: row for _, row in reader.rows(RULES, RULE_COLUMNS, read_rule, lambda row: row.name)
    }
    fares = reader.rows(FARES, FARE_COLUMNS, lambda line: read_fare(line, known, rules, sold_brands), None)
    discounts = reader.rows(DISCOUNTS, DISCOUNT_COLUMNS, lambda line: read_discount(line, known, sold_brands), None)
    taxes = reader.rows(TAXES, TAX_COLUMNS, lambda line: read_tax(line, known), None)
    places = reader.rows(PLACES, PLACE_COLUMNS, read_place, lambda row: row.code)
    reader.versioned(fares)
    reader.versioned(discounts)
    reader.versioned(taxes)
    brand_codes = {code for _, code in sold_brands}
    for line, row in taxes:
        if not set(row.brands) <= brand_codes:
            line.wrong("brands", "brands of brands.csv, or nothing")
    codes = {*stored_codes, *(row.code for _, row in taxes), "FARE", "CHARGES"}
    for line, row in taxes:
        if not set(row.percent_of) <= codes:
            line.wrong("percent_of", "FARE, CHARGES, or codes of taxes on file")
    filing = Filing(
        brands=tuple(row for _, row in brands),
        fares=tuple(row for _, row in fares),
        discounts=tuple(row for _, row in discounts),
        taxes=tuple(row for _, row in taxes),
        points_of_sale=tuple(row for _, row in places),
        tax_lines=tuple(line.number for line, _ in taxes),
    )
    return filing, sorted(reader.errors)
