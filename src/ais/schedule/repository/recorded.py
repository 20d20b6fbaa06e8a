"""What recorded flights really did."""

from __future__ import annotations

from collections.abc import Sequence

from ais.platform.database import Connection
from ais.schedule.nycflights import RecordedOperation


async def save(connection: Connection, carrier: str, operations: Sequence[RecordedOperation]) -> int:
    """Keep the record of each operation with the leg of its flight date; how many legs have one now."""
    await connection.execute(
        """
        CREATE TEMPORARY TABLE recorded (
            flight_number smallint, suffix text, departure_date date, cancelled boolean,
            departure_delay_minutes smallint, arrival_delay_minutes smallint, airborne_minutes smallint,
            recorded_date date
        ) ON COMMIT DROP
        """
    )
    await connection.copy_records_to_table("recorded", records=operations, columns=list(RecordedOperation._fields))
    await connection.execute("ANALYZE recorded")
    status = await connection.execute(
        """
        INSERT INTO recorded_operations (
            leg_id, cancelled, departure_delay_minutes, arrival_delay_minutes, airborne_minutes,
            recorded_departure_date
        )
        SELECT leg.id, recorded.cancelled, recorded.departure_delay_minutes, recorded.arrival_delay_minutes,
            recorded.airborne_minutes, recorded.recorded_date
        FROM recorded
        JOIN flight_dates AS flight ON flight.carrier = $1 AND flight.flight_number = recorded.flight_number
            AND flight.suffix = recorded.suffix AND flight.departure_date = recorded.departure_date
            AND flight.source = 'nycflights'
        JOIN legs AS leg ON leg.flight_date_id = flight.id AND leg.sequence = 1 AND leg.status = 'scheduled'
        ON CONFLICT (leg_id) DO UPDATE SET cancelled = excluded.cancelled,
            departure_delay_minutes = excluded.departure_delay_minutes,
            arrival_delay_minutes = excluded.arrival_delay_minutes, airborne_minutes = excluded.airborne_minutes,
            recorded_departure_date = excluded.recorded_departure_date
        """,
        carrier,
    )
    await connection.execute("DROP TABLE recorded")
    return int(status.rsplit(" ", 1)[1])
