"""Writes records as an SSIM file: serial numbers, blocks of five rows, rows of zeros."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ais.schedule.ssim.columns import Record
from ais.schedule.ssim.reader import BLOCK_ROWS, ZEROS
from ais.schedule.ssim.records import (
    CarrierRecord,
    FlightLegRecord,
    HeaderRecord,
    SegmentDataRecord,
    TrailerRecord,
)

_LARGEST_SERIAL = 999_999


class CarrierRecords(msgspec.Struct):
    """What the writer needs of one carrier: type 2, the legs with their segment data in order, and type 5's release."""

    carrier: CarrierRecord
    records: Sequence[FlightLegRecord | SegmentDataRecord]
    release_date: str = ""


def write_file(header: HeaderRecord, carriers: Iterable[CarrierRecords]) -> str:
    """The file of these records, its rows ended by line feeds.

    Serial numbers and the check reference of type 5 are given anew; everything else stays as the records have it. A
    header or carrier record is followed by four rows of zeros; a trailer stands right after the last leg, and rows of
    zeros fill its block.
    """
    rows: list[str] = []
    serial = 0

    def put(record: Record) -> None:
        nonlocal serial
        serial = serial % _LARGEST_SERIAL + 1
        rows.append(record.with_serial(serial).text)

    put(header)
    _fill_block(rows)
    groups = list(carriers)
    for position, group in enumerate(groups, start=1):
        put(group.carrier)
        _fill_block(rows)
        for record in group.records:
            put(record)
        put(
            TrailerRecord.compose(
                airline=group.carrier.airline,
                release_date=group.release_date,
                last_serial=f"{serial:06d}",
                continuation="E" if position == len(groups) else "C",
                record_serial="000000",
            )
        )
        _fill_block(rows)
    return "\n".join(rows) + "\n"


def _fill_block(rows: list[str]) -> None:
    rows.extend([ZEROS] * (-len(rows) % BLOCK_ROWS))
