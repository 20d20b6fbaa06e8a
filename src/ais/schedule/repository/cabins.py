"""Cabin layouts: which seats an aircraft of a configuration has."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ais.platform.database import Connection
from ais.schedule.cabins import CabinLayout, CabinRow


async def save(connection: Connection, layouts: Sequence[CabinLayout]) -> int:
    """Add layouts or change those of the same carrier, type and configuration; how many were new or differed.

    Legs of that equipment that have no layout yet get it.
    """
    changed = 0
    for layout in layouts:
        changed += await connection.fetchval(
            """
            WITH written AS (
                INSERT INTO cabin_layouts AS present (carrier, aircraft_type, configuration, name, rows)
                VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (carrier, aircraft_type, configuration) DO UPDATE
                SET name = excluded.name, rows = excluded.rows, version = present.version + 1
                WHERE (present.name, present.rows) IS DISTINCT FROM (excluded.name, excluded.rows)
                RETURNING 1
            ) SELECT count(*) FROM written
            """,
            layout.carrier,
            layout.aircraft_type,
            layout.configuration,
            layout.name,
            msgspec.to_builtins(layout.rows),
        )
    await connection.execute(
        """
        UPDATE legs AS leg SET cabin_layout_id = layout.id
        FROM cabin_layouts AS layout, flight_dates AS flight
        WHERE leg.cabin_layout_id IS NULL AND leg.status = 'scheduled' AND flight.id = leg.flight_date_id
            AND layout.carrier = flight.carrier AND layout.aircraft_type = leg.aircraft_type
            AND layout.configuration = leg.configuration
        """
    )
    return changed


async def find(connection: Connection, layout_id: int) -> CabinLayout | None:
    """The layout of that id."""
    record = await connection.fetchrow(
        "SELECT carrier, aircraft_type, configuration, name, rows FROM cabin_layouts WHERE id = $1", layout_id
    )
    if record is None:
        return None
    return CabinLayout(
        record["carrier"],
        record["aircraft_type"],
        record["configuration"],
        record["name"],
        msgspec.convert(record["rows"], tuple[CabinRow, ...]),
    )
