"""Every field of record types 2 to 4 is examined: whatever invalid text stands in one is found and named.

The factory states per field what is invalid; seeded random texts that break the field's rule are tried beside it.
"""

import random
from zlib import crc32

import pytest
from tests.factories.ssim import REFERENCE
from tests.factories.ssim_mutations import INCONSISTENT, INVALID, RECORDS, ROWS, TEXT, mutated

from ais.schedule.ssim import (
    ScheduleFileRefused,
    read_file,
    read_schedule,
)
from ais.schedule.ssim.columns import Column


def columns():
    return [
        pytest.param(kind, column, id=f"type-{kind}-{column.name}")
        for kind, (record, _) in RECORDS.items()
        for column in record.columns
    ]


def place_of(kind: str, where: str) -> int:
    """The row, counted from 1, of a record named by its type, ``3+1`` for the next leg."""
    leg = RECORDS["3"][1] + 1
    return {"2": 6, "3": leg, "4": leg + 1, "3+1": leg + 2}[where or kind]


def refused(text: str):
    with pytest.raises(ScheduleFileRefused) as refusal:
        read_schedule(text, REFERENCE)
    return refusal.value.errors


def test_the_file_itself_has_no_error():
    header, carriers = read_schedule(TEXT, REFERENCE)
    assert len(carriers[0].itineraries) == 1
    assert header.data_set_serial == "001"


def test_every_field_has_its_invalid_texts_stated():
    for kind, (record, _) in RECORDS.items():
        assert set(INVALID[kind]) == {column.name for column in record.columns}
        assert set(INCONSISTENT[kind]) <= set(INVALID[kind])


@pytest.mark.parametrize(("kind", "column"), columns())
def test_an_invalid_text_is_found_and_named(kind: str, column: Column):
    values = list(INVALID[kind][column.name])
    values += random_invalid_texts(kind, column, 12)
    for value in values:
        errors = refused(mutated(kind, column, value))
        named = [(error.row, error.field) for error in errors]
        assert (place_of(kind, ""), column.name) in named, (value, named)
        error = next(error for error in errors if error.field == column.name and error.row == place_of(kind, ""))
        assert error.column == column.first
        assert error.expected
        assert error.record == sum(row != "0" * 200 for row in ROWS[: error.row])


def random_invalid_texts(kind: str, column: Column, count: int) -> list[str]:
    """Seeded texts of the column's width that break its rule, near ones (one character changed) and far ones."""
    draw = random.Random(crc32(f"{kind}{column.name}".encode()))
    alphabet = "".join(chr(code) for code in range(32, 127))
    original = ROWS[RECORDS[kind][1]][column.first - 1 : column.last]
    texts: list[str] = []
    for attempt in range(4000):
        if attempt % 2:
            place = draw.randrange(column.width)
            text = original[:place] + draw.choice(alphabet) + original[place + 1 :]
        else:
            text = "".join(draw.choice(alphabet) for _ in range(column.width))
        if not column.rule.accepts(text):
            texts.append(text)
        if len(texts) == count:
            return texts
    raise AssertionError(f"{column.name} refuses nothing")


@pytest.mark.parametrize(("kind", "column"), columns())
def test_a_text_that_contradicts_the_rest_is_found(kind: str, column: Column):
    for value, *elsewhere in INCONSISTENT[kind].get(column.name, ()):
        where, field = elsewhere or ("", column.name)
        named = [(error.row, error.field) for error in refused(mutated(kind, column, value))]
        assert (place_of(kind, where), field) in named, (value, named)


@pytest.mark.parametrize("kind", ["1", "2", "3", "4", "5"])
def test_a_record_type_that_is_none_is_found(kind: str):
    row = next(number for number, text in enumerate(ROWS) if text.startswith(kind))
    for code in ("6", "X", " ", "0"):
        errors = refused("\n".join([*ROWS[:row], code + ROWS[row][1:], *ROWS[row + 1 :]]))
        assert (row + 1, 1, "record_type") in [(error.row, error.column, error.field) for error in errors]


def test_missing_doubled_and_swapped_records_are_found():
    leg = RECORDS["3"][1]
    without_leg = [*ROWS[:leg], *ROWS[leg + 1 :], "0" * 200]
    assert {"record_serial", "airline"} & {error.field for error in refused("\n".join(without_leg))}
    doubled = [*ROWS[: leg + 1], ROWS[leg], *ROWS[leg + 1 :]]
    assert "record_serial" in {error.field for error in refused("\n".join(doubled))}
    swapped = [*ROWS[:leg], ROWS[leg + 1], ROWS[leg], *ROWS[leg + 2 :]]
    assert "record_serial" in {error.field for error in refused("\n".join(swapped))}
    cut_short = ROWS[: leg + 1]
    assert "record_type" in {error.field for error in refused("\n".join(cut_short))}
    short_row = [*ROWS[:leg], ROWS[leg][:-1], *ROWS[leg + 1 :]]
    first = refused("\n".join(short_row))[0]
    assert (first.row, first.column, first.field) == (leg + 1, 200, "row")


def test_the_trailer_counts():
    row = next(number for number, text in enumerate(ROWS) if text.startswith("5"))
    for value, column, field in (("000099", 188, "last_serial"), ("C", 194, "continuation"), ("YQ ", 3, "airline")):
        text = ROWS[row][: column - 1] + value + ROWS[row][column - 1 + len(value) :]
        errors = refused("\n".join([*ROWS[:row], text, *ROWS[row + 1 :]]))
        assert (row + 1, field) in [(error.row, error.field) for error in errors]


def test_an_empty_or_foreign_file_is_refused():
    for content in (b"", b"\n", b"PK\x03\x04 not a schedule", "x" * 1000):
        assert refused(content)
    assert read_file(b"")[0].header is None
