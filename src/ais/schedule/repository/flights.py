"""Questions about flight dates, and changes of single ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from ais.platform.database import Connection
from ais.schedule.domain import FlightKey, LegState


class ShownLeg(msgspec.Struct, frozen=True):
    """A leg as people look at it; times in UTC."""

    id: int
    sequence: int
    origin: str
    destination: str
    scheduled_departure_at: datetime
    scheduled_arrival_at: datetime
    passenger_departure_at: datetime
    passenger_arrival_at: datetime
    departure_terminal: str
    arrival_terminal: str
    aircraft_type: str
    configuration: str
    aircraft_registration: str | None
    equipment_set_by: str
    status: str

    @property
    def state(self) -> LegState:
        return LegState(
            self.scheduled_departure_at,
            self.scheduled_arrival_at,
            self.passenger_departure_at,
            self.passenger_arrival_at,
            self.aircraft_type,
            self.configuration,
        )


class ShownSegment(msgspec.Struct, frozen=True):
    """A segment as people look at it; passenger times in UTC."""

    id: int
    board_sequence: int
    off_sequence: int
    origin: str
    destination: str
    departs_at: datetime
    arrives_at: datetime
    departure_date: date
    operating_carrier: str
    operating_flight_number: str
    codeshares: str
    on_sale: bool
    status: str


class ShownFlightDate(msgspec.Struct, frozen=True):
    """A flight date with its legs and segments, cancelled ones included."""

    id: UUID
    flight: FlightKey
    service_type: str
    on_sale: bool
    status: str
    cancelled_by: str | None
    first_departure_at: datetime
    version: int
    legs: tuple[ShownLeg, ...]
    segments: tuple[ShownSegment, ...]


class RecordedChange(msgspec.Struct, frozen=True):
    """A line of the history of a flight date."""

    flight_date_id: UUID
    flight: FlightKey
    status: str
    kinds: tuple[str, ...]
    legs: list[dict[str, Any]]
    seats_sold: int
    passengers: int
    changed_by: str
    reason: str
    changed_at: datetime
    import_id: UUID | None


_FLIGHT_COLUMNS = (
    "id, carrier, flight_number, suffix, departure_date, service_type, on_sale, status, cancelled_by, "
    "first_departure_at, version"
)
_LEG_COLUMNS = ", ".join(ShownLeg.__struct_fields__)
_SEGMENT_COLUMNS = ", ".join(ShownSegment.__struct_fields__)


async def flight_dates(
    connection: Connection,
    *,
    carrier: str | None = None,
    flight_number: int | None = None,
    suffix: str | None = None,
    origin: str | None = None,
    destination: str | None = None,
    first_date: date | None = None,
    last_date: date | None = None,
    ids: Sequence[UUID] | None = None,
    limit: int = 500,
) -> list[ShownFlightDate]:
    """Flight dates that agree with every condition given, by date, carrier and number.

    ``origin`` and ``destination`` are those of any of their segments; an empty ``suffix`` is the number without one.
    """
    records = await connection.fetch(
        f"""
        SELECT {_FLIGHT_COLUMNS} FROM flight_dates AS flight
        WHERE ($1::text IS NULL OR carrier = $1) AND ($2::smallint IS NULL OR flight_number = $2)
            AND ($3::date IS NULL OR departure_date >= $3) AND ($4::date IS NULL OR departure_date <= $4)
            AND ($5::uuid[] IS NULL OR id = ANY ($5)) AND ($9::text IS NULL OR suffix = $9)
            AND (($6::text IS NULL AND $7::text IS NULL) OR EXISTS (
                SELECT FROM segments AS segment WHERE segment.flight_date_id = flight.id
                    AND ($6::text IS NULL OR segment.origin = $6) AND ($7::text IS NULL OR segment.destination = $7)
            ))
        ORDER BY departure_date, carrier, flight_number, suffix LIMIT $8
        """,  # noqa: S608  # the columns are constants above
        carrier,
        flight_number,
        first_date,
        last_date,
        None if ids is None else list(ids),
        origin,
        destination,
        limit,
        suffix,
    )
    found = [record["id"] for record in records]
    legs = await _by_flight_date(
        connection,
        f"SELECT flight_date_id, {_LEG_COLUMNS} FROM legs WHERE flight_date_id = ANY ($1) ORDER BY sequence, id",  # noqa: S608  # as above
        found,
    )
    segments = await _by_flight_date(
        connection,
        f"SELECT flight_date_id, {_SEGMENT_COLUMNS} FROM segments WHERE flight_date_id = ANY ($1) "  # noqa: S608  # as above
        "ORDER BY board_sequence, off_sequence, id",
        found,
    )
    return [
        ShownFlightDate(
            id=record["id"],
            flight=_key(record),
            service_type=record["service_type"],
            on_sale=record["on_sale"],
            status=record["status"],
            cancelled_by=record["cancelled_by"],
            first_departure_at=record["first_departure_at"],
            version=record["version"],
            legs=tuple(ShownLeg(**leg) for leg in legs.get(record["id"], ())),
            segments=tuple(ShownSegment(**segment) for segment in segments.get(record["id"], ())),
        )
        for record in records
    ]


async def lock_flight_date(connection: Connection, flight_date_id: UUID) -> ShownFlightDate | None:
    """The flight date, its row locked until the transaction ends."""
    await connection.execute("SELECT FROM flight_dates WHERE id = $1 FOR UPDATE", flight_date_id)
    found = await flight_dates(connection, ids=[flight_date_id])
    return found[0] if found else None


async def has_departed(connection: Connection, flight_date_id: UUID) -> bool:
    """Whether the flight date has left, by its state or by the clock."""
    departed: bool = await connection.fetchval(
        "SELECT status = 'departed' OR first_departure_at <= ais_now() FROM flight_dates WHERE id = $1", flight_date_id
    )
    return departed


async def cancel(connection: Connection, flight_date_id: UUID) -> None:
    """Cancel a flight date, its legs and segments, as operations."""
    await connection.execute(
        """
        UPDATE flight_dates
        SET status = 'cancelled', cancelled_by = 'operations', version = version + 1, changed_at = ais_now()
        WHERE id = $1
        """,
        flight_date_id,
    )
    for table in ("legs", "segments"):
        await connection.execute(
            f"UPDATE {table} SET status = 'cancelled' WHERE flight_date_id = $1 AND status = 'scheduled'",  # noqa: S608  # two constants
            flight_date_id,
        )


async def set_equipment(
    connection: Connection, leg_id: int, aircraft_type: str, configuration: str, registration: str | None
) -> None:
    """Give a leg another aircraft, as operations: later schedules leave it alone."""
    await connection.execute(
        """
        UPDATE legs AS leg
        SET aircraft_type = $2, configuration = $3, aircraft_registration = $4, equipment_set_by = 'operations',
            cabin_layout_id = (
                SELECT layout.id FROM cabin_layouts AS layout
                JOIN flight_dates AS flight ON flight.carrier = layout.carrier
                WHERE flight.id = leg.flight_date_id AND layout.aircraft_type = $2 AND layout.configuration = $3
            )
        WHERE leg.id = $1
        """,
        leg_id,
        aircraft_type,
        configuration,
        registration,
    )
    await connection.execute(
        """
        UPDATE flight_dates SET version = version + 1, changed_at = ais_now()
        WHERE id = (SELECT flight_date_id FROM legs WHERE id = $1)
        """,
        leg_id,
    )


async def recorded_changes(
    connection: Connection,
    *,
    import_id: UUID | None = None,
    flight_date_ids: Sequence[UUID] | None = None,
    since: datetime | None = None,
    sold_only: bool = False,
    limit: int = 1000,
) -> list[RecordedChange]:
    """What has changed on existing flight dates, youngest first."""
    records = await connection.fetch(
        """
        SELECT change.flight_date_id, flight.carrier, flight.flight_number, flight.suffix, flight.departure_date,
            flight.status, change.kinds, change.legs, change.seats_sold, change.passengers, change.changed_by,
            change.reason, change.changed_at, change.import_id
        FROM flight_date_changes AS change JOIN flight_dates AS flight ON flight.id = change.flight_date_id
        WHERE ($1::uuid IS NULL OR change.import_id = $1)
            AND ($2::uuid[] IS NULL OR change.flight_date_id = ANY ($2))
            AND ($3::timestamptz IS NULL OR change.changed_at >= $3)
            AND (NOT $4 OR change.seats_sold > 0 OR change.passengers > 0)
        ORDER BY change.id DESC LIMIT $5
        """,
        import_id,
        None if flight_date_ids is None else list(flight_date_ids),
        since,
        sold_only,
        limit,
    )
    return [
        RecordedChange(
            flight_date_id=record["flight_date_id"],
            flight=_key(record),
            status=record["status"],
            kinds=tuple(record["kinds"]),
            legs=record["legs"],
            seats_sold=record["seats_sold"],
            passengers=record["passengers"],
            changed_by=record["changed_by"],
            reason=record["reason"],
            changed_at=record["changed_at"],
            import_id=record["import_id"],
        )
        for record in records
    ]


async def _by_flight_date(
    connection: Connection, statement: str, ids: Sequence[UUID]
) -> dict[UUID, list[dict[str, Any]]]:
    grouped: dict[UUID, list[dict[str, Any]]] = {}
    for record in await connection.fetch(statement, list(ids)):
        values = dict(record)
        grouped.setdefault(values.pop("flight_date_id"), []).append(values)
    return grouped


def _key(record: Any) -> FlightKey:
    return FlightKey(record["carrier"], record["flight_number"], record["suffix"], record["departure_date"])
