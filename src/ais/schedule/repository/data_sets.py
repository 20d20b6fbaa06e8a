"""SSIM data sets as imported: their records, which of them is in force when, and the record of imports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Range

from ais.platform.database import Connection
from ais.schedule.domain import FlightDateChange
from ais.schedule.ssim.checks import CheckedCarrier
from ais.schedule.ssim.records import (
    CarrierRecord,
    FlightLegRecord,
    HeaderRecord,
    SegmentDataRecord,
    TrailerRecord,
)
from ais.schedule.ssim.rules import cabins_of


class DataSet(msgspec.Struct, frozen=True):
    """A data set without its legs. ``last_date`` is None for a validity without end."""

    id: int
    carrier: str
    season: str
    time_mode: str
    first_date: date
    last_date: date | None
    digest: bytes
    materialised_until: date
    header: HeaderRecord
    carrier_record: CarrierRecord
    trailer: TrailerRecord


async def data_sets(connection: Connection, carrier: str | None = None) -> list[DataSet]:
    """All data sets, or those of a carrier, oldest first."""
    records = await connection.fetch(
        """
        SELECT id, carrier, season, time_mode, lower(validity) AS first_date, upper(validity) - 1 AS last_date, digest,
            materialised_until, header_record, carrier_record, trailer_record
        FROM schedule_data_sets WHERE $1::text IS NULL OR carrier = $1 ORDER BY id
        """,
        carrier,
    )
    return [
        DataSet(
            id=record["id"],
            carrier=record["carrier"],
            season=record["season"],
            time_mode=record["time_mode"],
            first_date=record["first_date"],
            last_date=record["last_date"],
            digest=record["digest"],
            materialised_until=record["materialised_until"],
            header=HeaderRecord(record["header_record"]),
            carrier_record=CarrierRecord(record["carrier_record"]),
            trailer=TrailerRecord(record["trailer_record"]),
        )
        for record in records
    ]


async def records_of(connection: Connection, data_set_id: int) -> list[FlightLegRecord | SegmentDataRecord]:
    """The leg and segment data records of a data set, in the order in which they came."""
    rows = await connection.fetch(
        """
        SELECT position, record FROM schedule_periods WHERE data_set_id = $1
        UNION ALL
        SELECT position, record FROM schedule_segment_data WHERE data_set_id = $1
        ORDER BY position
        """,
        data_set_id,
    )
    return [
        FlightLegRecord(row["record"]) if row["record"][0] == "3" else SegmentDataRecord(row["record"]) for row in rows
    ]


async def insert_data_set(
    connection: Connection,
    *,
    import_id: UUID,
    header: HeaderRecord,
    checked: CheckedCarrier,
    digest: bytes,
    materialised_until: date,
) -> int:
    """Keep a carrier's group of a file; answers its id. The import's own row may follow later in the transaction."""
    carrier, trailer = checked.schedule.carrier, checked.schedule.trailer
    assert trailer is not None, "a file without a trailer was refused"
    data_set_id: int = await connection.fetchval(
        """
        INSERT INTO schedule_data_sets (
            import_id, carrier, season, time_mode, validity, digest, header_record, carrier_record, trailer_record,
            materialised_until
        ) VALUES ($1, $2, $3, $4, daterange($5, $6, '[]'), $7, $8, $9, $10, $11) RETURNING id
        """,
        import_id,
        carrier.carrier,
        carrier.season.strip(),
        carrier.time_mode,
        carrier.first_date,
        carrier.last_date,
        digest,
        header.text,
        carrier.text,
        trailer.text,
        materialised_until,
    )
    periods: list[tuple[Any, ...]] = []
    segment_data: list[tuple[Any, ...]] = []
    position = 0
    for group in checked.schedule.legs:
        position += 1
        leg_position = position
        periods.append(_period_row(data_set_id, position, group.leg))
        for data in group.segment_data:
            position += 1
            segment_data.append(
                (
                    data_set_id,
                    position,
                    leg_position,
                    data.data_element,
                    data.board_point,
                    data.off_point,
                    data.data.rstrip(),
                    data.text,
                )
            )
    await connection.copy_records_to_table("schedule_periods", records=periods)
    await connection.copy_records_to_table("schedule_segment_data", records=segment_data)
    return data_set_id


def _period_row(data_set_id: int, position: int, leg: FlightLegRecord) -> tuple[Any, ...]:
    number, suffix = leg.flight
    return (
        data_set_id,
        position,
        number,
        suffix,
        leg.variation,
        leg.sequence,
        leg.service_type,
        Range(leg.first_date, None if leg.last_date is None else leg.last_date + timedelta(days=1)),
        leg.days_of_operation.replace(" ", ""),
        leg.every_weeks,
        leg.departure_station,
        leg.arrival_station,
        leg.aircraft_type,
        "".join(f"{letter}{seats}" for letter, seats in cabins_of(leg.configuration)),
        leg.text,
    )


async def mark_materialised(connection: Connection, until: date) -> None:
    """Note that every data set has its flight dates up to ``until``."""
    await connection.execute(
        "UPDATE schedule_data_sets SET materialised_until = $1 WHERE materialised_until < $1", until
    )


async def insert_import(
    connection: Connection, import_id: UUID, source: str, carriers: Sequence[str], imported_by: str, report: Any
) -> None:
    """Record an import that changed something."""
    await connection.execute(
        "INSERT INTO schedule_imports (id, source, carriers, imported_by, report) VALUES ($1, $2, $3, $4, $5)",
        import_id,
        source,
        list(carriers),
        imported_by,
        report,
    )


async def insert_changes(
    connection: Connection,
    changes: Sequence[FlightDateChange],
    *,
    import_id: UUID | None,
    changed_by: str,
    reason: str,
) -> None:
    """Append what changed on existing flight dates to their history."""
    await connection.execute(
        """
        INSERT INTO flight_date_changes (
            flight_date_id, import_id, kinds, legs, seats_sold, passengers, changed_by, reason
        )
        SELECT flight_date_id, $6, string_to_array(kinds, ' '), legs::jsonb, seats_sold, passengers, $7, $8
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::integer[])
            AS change (flight_date_id, kinds, legs, seats_sold, passengers)
        """,
        [change.flight_date_id for change in changes],
        [" ".join(change.kinds) for change in changes],
        [msgspec.json.encode(change.legs).decode() for change in changes],
        [change.seats_sold for change in changes],
        [change.passengers for change in changes],
        import_id,
        changed_by,
        reason,
    )


def windows_in_force(sets: Sequence[DataSet]) -> dict[int, list[tuple[date, date | None]]]:
    """Per data set the spans of its validity that no younger one of the same carrier covers; None is without end."""
    windows: dict[int, list[tuple[date, date | None]]] = {}
    for position, data_set in enumerate(sets):
        spans: list[tuple[date, date | None]] = [(data_set.first_date, data_set.last_date)]
        for younger in sets[position + 1 :]:
            if younger.carrier == data_set.carrier:
                spans = [part for span in spans for part in _without(span, younger)]
        windows[data_set.id] = spans
    return windows


def _without(span: tuple[date, date | None], younger: DataSet) -> list[tuple[date, date | None]]:
    first, last = span
    if (younger.last_date is not None and younger.last_date < first) or (
        last is not None and younger.first_date > last
    ):
        return [span]
    parts: list[tuple[date, date | None]] = []
    if younger.first_date > first:
        parts.append((first, younger.first_date - timedelta(days=1)))
    if younger.last_date is not None and (last is None or younger.last_date < last):
        parts.append((younger.last_date + timedelta(days=1), last))
    return parts
