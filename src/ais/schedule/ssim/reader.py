"""Reads the rows of an SSIM file into records, and says everything that is wrong with rows, order and columns."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ais.schedule.ssim.columns import RECORD_LENGTH, Record, SsimError
from ais.schedule.ssim.records import (
    RECORD_TYPES,
    CarrierRecord,
    FlightLegRecord,
    HeaderRecord,
    SegmentDataRecord,
    TrailerRecord,
)

BLOCK_ROWS = 5
ZEROS = "0" * RECORD_LENGTH
_FOLLOWS = {"": "1", "1": "2", "2": "35", "3": "345", "4": "345", "5": "2"}


class LegGroup(msgspec.Struct):
    """A leg record and the segment data that follow it."""

    leg: FlightLegRecord
    segment_data: list[SegmentDataRecord]


class CarrierSchedule(msgspec.Struct):
    """What a file says of one carrier: types 2 to 5."""

    carrier: CarrierRecord
    legs: list[LegGroup]
    trailer: TrailerRecord | None = None


class ScheduleFile(msgspec.Struct):
    """The records of a file in order. ``broken`` holds the serials of those with a column that breaks its rule."""

    header: HeaderRecord | None
    carriers: list[CarrierSchedule]
    broken: set[int]


def read_file(content: bytes | str) -> tuple[ScheduleFile, list[SsimError]]:
    """The records of ``content`` and every error of form; records stay readable where others are broken.

    Rows are 200 bytes of ASCII, each ended by a line feed (with or without a carriage return) or by nothing at all.
    """
    reader = _Reader()
    rows = _rows(content)
    for row, text in enumerate(rows, start=1):
        reader.take(row, text)
    reader.finish(len(rows))
    return reader.file, reader.errors


def _rows(content: bytes | str) -> Sequence[str]:
    text = content.decode("latin-1") if isinstance(content, bytes) else content
    if "\n" not in text:
        return [text[start : start + RECORD_LENGTH] for start in range(0, len(text), RECORD_LENGTH)]
    rows = text.split("\n")
    if rows[-1] == "":
        rows.pop()
    return [row.removesuffix("\r") for row in rows]


class _Reader:
    def __init__(self) -> None:
        self.file = ScheduleFile(None, [], set())
        self.errors: list[SsimError] = []
        self.serial = 0
        self.last_type = ""
        self.last_serial = 0
        self.serial_before = 0
        self.after_zeros = False
        self.closed = False

    def take(self, row: int, text: str) -> None:
        if text == ZEROS:
            self.after_zeros = True
            return
        self.serial += 1
        if len(text) != RECORD_LENGTH:
            self._refuse(row, min(len(text), RECORD_LENGTH) + 1, "row", "200 columns", f"{len(text)} columns")
            self._count(text)
            return
        kind = RECORD_TYPES.get(text[0])
        if kind is None:
            self._refuse(row, 1, "record_type", "a record type from 1 to 5, or a row of zeros", text[0])
            self._count(text)
            return
        record = kind(text, self.serial, row)
        found = record.errors()
        if found:
            self.errors += found
            self.file.broken.add(self.serial)
        self._check_order(record)
        self._check_serial(record)
        self._place(record)
        self.last_type = record.type_code
        self.after_zeros = False

    def finish(self, rows: int) -> None:
        if self.last_type != "5":
            self.serial += 1
            self._refuse(rows + 1, 1, "record_type", "a record of type 5 at the end", "the end of the file")
        if rows % BLOCK_ROWS:
            self._refuse(rows, 1, "block", "blocks of five rows, the last filled with rows of zeros", f"{rows} rows")

    def _refuse(self, row: int, column: int, field: str, expected: str, found: str) -> None:
        self.errors.append(SsimError(row, column, self.serial, field, expected, found))

    def _count(self, text: str) -> None:
        """A row that is no record still has a serial number, which the next one follows."""
        self.last_serial = int(text[194:]) if text[194:].isdecimal() else self.serial
        self.after_zeros = False

    def _check_order(self, record: Record) -> None:
        code = record.type_code
        if code not in _FOLLOWS[self.last_type] or self.closed:
            allowed = (
                "only rows of zeros" if self.closed else f"a record of type {' or '.join(_FOLLOWS[self.last_type])}"
            )
            after = f" after type {self.last_type}" if self.last_type else " first"
            self._refuse(record.row, 1, "record_type", allowed + after, code)
        elif code in "12" and record.row % BLOCK_ROWS != 1:
            self._refuse(record.row, 1, "block", "the first row of a block of five", f"row {record.row}")
        elif self.after_zeros and self.last_type in "34" and code in "34":
            self._refuse(record.row, 1, "record_type", "no legs after rows of zeros", code)

    def _check_serial(self, record: Record) -> None:
        self.serial_before = self.last_serial
        written = record.text[194:]
        expected = self.last_serial % 999_999 + 1
        if written.isdecimal():
            if int(written) != expected:
                self._refuse(record.row, 195, "record_serial", f"{expected:06d}, one after the record before", written)
            self.last_serial = int(written)
        else:
            self.last_serial = expected

    def _place(self, record: Record) -> None:
        carriers = self.file.carriers
        if isinstance(record, HeaderRecord):
            self.file.header = self.file.header or record
        elif isinstance(record, CarrierRecord):
            carriers.append(CarrierSchedule(record, []))
        elif not carriers:
            # The order of records has been refused already; there is no carrier to file this under.
            return
        elif isinstance(record, FlightLegRecord):
            carriers[-1].legs.append(LegGroup(record, []))
        elif isinstance(record, SegmentDataRecord):
            if carriers[-1].legs:
                carriers[-1].legs[-1].segment_data.append(record)
        elif isinstance(record, TrailerRecord):
            self._close(carriers[-1], record)

    def _close(self, schedule: CarrierSchedule, trailer: TrailerRecord) -> None:
        schedule.trailer = trailer
        before = f"{self.serial_before:06d}"
        if trailer.last_serial.isdecimal() and trailer.last_serial != before:
            expected = f"{before}, the serial number of the record before"
            self.errors.append(trailer.error(TrailerRecord.last_serial, expected))
        self.closed = trailer.continuation == "E"
