"""Brings flight dates, legs and segments to what a schedule asks for, by sets.

What is asked for is copied into temporary tables, compared with what exists into tables of differences, and written
in a handful of statements. Rows that do not differ are not touched, so their ids and versions stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from ais.platform.database import Connection
from ais.schedule.domain import (
    AddedFlight,
    ChangeKind,
    FlightDateChange,
    FlightKey,
    LegChange,
    LegState,
)
from ais.schedule.materialise import FlightRow, LegRow, Progress, SegmentRow, Wanted, Window

_SCHEDULE_LOCK = 4_151_902_003
_PATIENCE = "15min"
# So many new legs at once leave the planner's statistics behind.
_ANALYZE_FROM = 2000

_LEG_COLUMNS = (
    "scheduled_departure_at, scheduled_arrival_at, passenger_departure_at, passenger_arrival_at, departure_terminal, "
    "arrival_terminal, aircraft_type, configuration, booking_classes, aircraft_registration"
)
_SEGMENT_COLUMNS = (
    "departs_at, arrives_at, departure_date, marketing_carrier, marketing_flight_number, operating_carrier, "
    "operating_flight_number, codeshares, traffic_restriction, on_sale"
)

_TEMPORARY_TABLES = """
CREATE TEMPORARY TABLE wanted_flights (
    number integer, carrier text, flight_number smallint, suffix text, departure_date date, schedule_date date,
    service_type text, on_sale boolean, first_departure_at timestamptz,
    flight_date_id uuid, existing_status text, kept text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE wanted_legs (
    number integer, sequence smallint, origin text, destination text,
    scheduled_departure_at timestamptz, scheduled_arrival_at timestamptz,
    passenger_departure_at timestamptz, passenger_arrival_at timestamptz,
    departure_terminal text, arrival_terminal text, aircraft_type text, configuration text, booking_classes text,
    aircraft_registration text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE wanted_segments (
    number integer, board_sequence smallint, off_sequence smallint, origin text, destination text,
    departs_at timestamptz, arrives_at timestamptz, departure_date date,
    marketing_carrier text, marketing_flight_number text, operating_carrier text, operating_flight_number text,
    codeshares text, traffic_restriction text, on_sale boolean
) ON COMMIT DROP;
CREATE TEMPORARY TABLE wanted_windows (carrier text, first_date date, last_date date) ON COMMIT DROP;
"""

# Two data sets that count their dates differently (local and UTC) may both have a flight date at their border: the
# one that was added last, of the younger data set, is meant.
_DROP_DOUBLES = """
DELETE FROM wanted_flights AS wanted USING wanted_flights AS later
WHERE later.carrier = wanted.carrier AND later.flight_number = wanted.flight_number AND later.suffix = wanted.suffix
    AND later.departure_date = wanted.departure_date AND later.number > wanted.number
"""
# Which wanted flights exist, and which of those are left alone: departed ones, and those that operations cancelled.
_MATCH = """
UPDATE wanted_flights AS wanted
SET flight_date_id = flight.id,
    existing_status = flight.status,
    kept = CASE
        WHEN flight.status = 'departed' OR flight.first_departure_at <= ais_now() THEN 'departed'
        WHEN flight.cancelled_by = 'operations' THEN 'cancelled_by_operations'
    END
FROM flight_dates AS flight
WHERE flight.carrier = wanted.carrier AND flight.flight_number = wanted.flight_number
    AND flight.suffix = wanted.suffix AND flight.departure_date = wanted.departure_date
"""
_MATCH_PAST = """
UPDATE wanted_flights SET kept = 'departed'
WHERE flight_date_id IS NULL AND first_departure_at <= ais_now()
"""
_COUNT_KEPT = "SELECT kept, count(*) AS flights FROM wanted_flights WHERE kept IS NOT NULL GROUP BY kept"
_NEW_IDS = """
UPDATE wanted_flights SET flight_date_id = uuidv7(), existing_status = 'new'
WHERE flight_date_id IS NULL AND kept IS NULL
"""

# Existing flights of the windows that are not asked for any more.
_FIND_CANCELLED = """
CREATE TEMPORARY TABLE gone_flights ON COMMIT DROP AS
SELECT DISTINCT flight.id AS flight_date_id
FROM flight_dates AS flight
JOIN wanted_windows AS period ON period.carrier = flight.carrier
    AND flight.schedule_date BETWEEN period.first_date AND period.last_date
WHERE flight.status = 'scheduled' AND flight.first_departure_at > ais_now()
    AND NOT EXISTS (SELECT FROM wanted_flights AS wanted WHERE wanted.flight_date_id = flight.id)
"""

# Legs of existing flights that differ. A leg is the same leg while its place in the flight and its airports stay; an
# aircraft that operations set stays too.
_FIND_LEG_CHANGES = """
CREATE TEMPORARY TABLE leg_changes ON COMMIT DROP AS
WITH wanted AS (
    SELECT flight.flight_date_id, leg.*
    FROM wanted_flights AS flight JOIN wanted_legs AS leg USING (number)
    WHERE flight.existing_status IN ('scheduled', 'cancelled') AND flight.kept IS NULL
), existing AS (
    SELECT leg.* FROM legs AS leg
    WHERE leg.flight_date_id IN (
        SELECT flight_date_id FROM wanted_flights
        WHERE existing_status IN ('scheduled', 'cancelled') AND kept IS NULL
    )
), compared AS (
    SELECT coalesce(wanted.flight_date_id, existing.flight_date_id) AS flight_date_id,
        existing.id AS leg_id,
        coalesce(wanted.sequence, existing.sequence) AS sequence,
        coalesce(wanted.origin, existing.origin) AS origin,
        coalesce(wanted.destination, existing.destination) AS destination,
        existing.status AS old_status,
        existing.scheduled_departure_at AS old_departure_at, existing.scheduled_arrival_at AS old_arrival_at,
        existing.passenger_departure_at AS old_passenger_departure_at,
        existing.passenger_arrival_at AS old_passenger_arrival_at,
        existing.departure_terminal AS old_departure_terminal, existing.arrival_terminal AS old_arrival_terminal,
        existing.aircraft_type AS old_aircraft_type, existing.configuration AS old_configuration,
        existing.booking_classes AS old_booking_classes, existing.aircraft_registration AS old_aircraft_registration,
        wanted.number IS NOT NULL AS is_wanted,
        wanted.scheduled_departure_at, wanted.scheduled_arrival_at,
        wanted.passenger_departure_at, wanted.passenger_arrival_at,
        wanted.departure_terminal, wanted.arrival_terminal,
        CASE WHEN existing.equipment_set_by = 'operations' THEN existing.aircraft_type
            ELSE wanted.aircraft_type END AS aircraft_type,
        CASE WHEN existing.equipment_set_by = 'operations' THEN existing.configuration
            ELSE wanted.configuration END AS configuration,
        wanted.booking_classes,
        coalesce(wanted.aircraft_registration, existing.aircraft_registration) AS aircraft_registration,
        existing.equipment_set_by = 'operations' AND wanted.number IS NOT NULL AND (
            wanted.aircraft_type <> existing.aircraft_type OR wanted.configuration <> existing.configuration
        ) AS equipment_kept
    FROM wanted FULL JOIN existing
        ON existing.flight_date_id = wanted.flight_date_id AND existing.sequence = wanted.sequence
        AND existing.origin = wanted.origin AND existing.destination = wanted.destination
)
SELECT *,
    CASE WHEN NOT is_wanted THEN 'cancel' WHEN leg_id IS NULL THEN 'insert'
        WHEN old_status = 'cancelled' THEN 'return' ELSE 'update' END AS action,
    is_wanted AND leg_id IS NOT NULL AND (
        (old_departure_at, old_arrival_at, old_passenger_departure_at, old_passenger_arrival_at)
        IS DISTINCT FROM
        (scheduled_departure_at, scheduled_arrival_at, passenger_departure_at, passenger_arrival_at)
    ) AS is_retimed,
    is_wanted AND leg_id IS NOT NULL AND (old_aircraft_type, old_configuration)
        IS DISTINCT FROM (aircraft_type, configuration) AS has_other_equipment,
    is_wanted AND leg_id IS NOT NULL AND (
        (old_departure_terminal, old_arrival_terminal, old_booking_classes, old_aircraft_registration)
        IS DISTINCT FROM (departure_terminal, arrival_terminal, booking_classes, aircraft_registration)
    ) AS has_other_details
FROM compared
WHERE is_wanted OR old_status = 'scheduled'
"""
_DROP_EQUAL_LEGS = """
DELETE FROM leg_changes
WHERE action = 'update' AND NOT is_retimed AND NOT has_other_equipment AND NOT has_other_details
"""
_FIND_SEGMENT_CHANGES = f"""
CREATE TEMPORARY TABLE segment_changes ON COMMIT DROP AS
WITH wanted AS (
    SELECT flight.flight_date_id, segment.*
    FROM wanted_flights AS flight JOIN wanted_segments AS segment USING (number)
    WHERE flight.existing_status IN ('scheduled', 'cancelled') AND flight.kept IS NULL
), existing AS (
    SELECT segment.* FROM segments AS segment
    WHERE segment.flight_date_id IN (
        SELECT flight_date_id FROM wanted_flights
        WHERE existing_status IN ('scheduled', 'cancelled') AND kept IS NULL
    )
)
SELECT coalesce(wanted.flight_date_id, existing.flight_date_id) AS flight_date_id, existing.id AS segment_id,
    coalesce(wanted.board_sequence, existing.board_sequence) AS board_sequence,
    coalesce(wanted.off_sequence, existing.off_sequence) AS off_sequence,
    coalesce(wanted.origin, existing.origin) AS origin,
    coalesce(wanted.destination, existing.destination) AS destination,
    {", ".join(f"wanted.{column.strip()}" for column in _SEGMENT_COLUMNS.split(","))},
    CASE WHEN wanted.number IS NULL THEN 'cancel' WHEN existing.id IS NULL THEN 'insert' ELSE 'update' END AS action
FROM wanted FULL JOIN existing
    ON existing.flight_date_id = wanted.flight_date_id AND existing.board_sequence = wanted.board_sequence
    AND existing.off_sequence = wanted.off_sequence AND existing.origin = wanted.origin
    AND existing.destination = wanted.destination
WHERE (wanted.number IS NULL AND existing.status = 'scheduled')
    OR (wanted.number IS NOT NULL AND (
        existing.id IS NULL OR existing.status = 'cancelled'
        OR ({", ".join(f"wanted.{column.strip()}" for column in _SEGMENT_COLUMNS.split(","))})
            IS DISTINCT FROM ({", ".join(f"existing.{column.strip()}" for column in _SEGMENT_COLUMNS.split(","))})
    ))
"""  # noqa: S608  # the columns are constants above
# Existing flights to write: those with a changed leg or segment, those that return, those of another service or sale.
_FIND_FLIGHT_CHANGES = """
CREATE TEMPORARY TABLE flight_changes ON COMMIT DROP AS
SELECT wanted.flight_date_id, wanted.schedule_date, wanted.service_type, wanted.on_sale, wanted.first_departure_at,
    flight.status = 'cancelled' AS is_reinstated,
    (flight.service_type, flight.on_sale) IS DISTINCT FROM (wanted.service_type, wanted.on_sale) AS has_other_service
FROM wanted_flights AS wanted JOIN flight_dates AS flight ON flight.id = wanted.flight_date_id
WHERE wanted.existing_status IN ('scheduled', 'cancelled') AND wanted.kept IS NULL AND (
    flight.status = 'cancelled'
    OR (flight.service_type, flight.on_sale, flight.first_departure_at, flight.schedule_date)
        IS DISTINCT FROM (wanted.service_type, wanted.on_sale, wanted.first_departure_at, wanted.schedule_date)
    OR wanted.flight_date_id IN (SELECT flight_date_id FROM leg_changes)
    OR wanted.flight_date_id IN (SELECT flight_date_id FROM segment_changes)
)
"""

_INSERT_FLIGHTS = """
INSERT INTO flight_dates (
    id, carrier, flight_number, suffix, departure_date, schedule_date, source, service_type, on_sale, first_departure_at
)
SELECT flight_date_id, carrier, flight_number, suffix, departure_date, schedule_date, $1, service_type, on_sale,
    first_departure_at
FROM wanted_flights WHERE existing_status = 'new'
"""
_INSERT_NEW_LEGS = f"""
INSERT INTO legs (flight_date_id, sequence, origin, destination, {_LEG_COLUMNS}, cabin_layout_id)
SELECT flight.flight_date_id, leg.sequence, leg.origin, leg.destination,
    {", ".join(f"leg.{column.strip()}" for column in _LEG_COLUMNS.split(","))}, layout.id
FROM wanted_flights AS flight JOIN wanted_legs AS leg USING (number)
LEFT JOIN cabin_layouts AS layout ON layout.carrier = flight.carrier AND layout.aircraft_type = leg.aircraft_type
    AND layout.configuration = leg.configuration
WHERE flight.existing_status = 'new'
ORDER BY leg.number, leg.sequence
RETURNING id
"""  # noqa: S608  # the columns are constants above
_INSERT_NEW_SEGMENTS = f"""
INSERT INTO segments (flight_date_id, board_sequence, off_sequence, origin, destination, {_SEGMENT_COLUMNS})
SELECT flight.flight_date_id, segment.board_sequence, segment.off_sequence, segment.origin, segment.destination,
    {", ".join(f"segment.{column.strip()}" for column in _SEGMENT_COLUMNS.split(","))}
FROM wanted_flights AS flight JOIN wanted_segments AS segment USING (number)
WHERE flight.existing_status = 'new'
ORDER BY segment.number, segment.board_sequence, segment.off_sequence
"""  # noqa: S608  # the columns are constants above

_WRITE_CHANGES = (
    """
    UPDATE flight_dates AS flight
    SET status = 'cancelled', cancelled_by = 'schedule', version = version + 1, changed_at = ais_now()
    FROM gone_flights AS gone WHERE flight.id = gone.flight_date_id
    """,
    """
    UPDATE legs AS leg SET status = 'cancelled'
    FROM gone_flights AS gone WHERE leg.flight_date_id = gone.flight_date_id AND leg.status = 'scheduled'
    """,
    """
    UPDATE segments AS segment SET status = 'cancelled'
    FROM gone_flights AS gone WHERE segment.flight_date_id = gone.flight_date_id AND segment.status = 'scheduled'
    """,
    """
    UPDATE flight_dates AS flight
    SET status = 'scheduled', cancelled_by = NULL, service_type = change.service_type, on_sale = change.on_sale,
        schedule_date = change.schedule_date, first_departure_at = change.first_departure_at,
        version = version + 1, changed_at = ais_now()
    FROM flight_changes AS change WHERE flight.id = change.flight_date_id
    """,
    """
    UPDATE legs AS leg SET status = 'cancelled'
    FROM leg_changes AS change WHERE leg.id = change.leg_id AND change.action = 'cancel'
    """,
    """
    UPDATE segments AS segment SET status = 'cancelled'
    FROM segment_changes AS change WHERE segment.id = change.segment_id AND change.action = 'cancel'
    """,
    """
    UPDATE legs AS leg
    SET scheduled_departure_at = change.scheduled_departure_at, scheduled_arrival_at = change.scheduled_arrival_at,
        passenger_departure_at = change.passenger_departure_at, passenger_arrival_at = change.passenger_arrival_at,
        departure_terminal = change.departure_terminal, arrival_terminal = change.arrival_terminal,
        aircraft_type = change.aircraft_type, configuration = change.configuration,
        booking_classes = change.booking_classes, aircraft_registration = change.aircraft_registration,
        status = 'scheduled',
        cabin_layout_id = (
            SELECT layout.id FROM cabin_layouts AS layout JOIN flight_dates AS flight ON flight.carrier = layout.carrier
            WHERE flight.id = leg.flight_date_id AND layout.aircraft_type = change.aircraft_type
                AND layout.configuration = change.configuration
        )
    FROM leg_changes AS change WHERE leg.id = change.leg_id AND change.action IN ('update', 'return')
    """,
    """
    UPDATE segments AS segment
    SET departs_at = change.departs_at, arrives_at = change.arrives_at, departure_date = change.departure_date,
        marketing_carrier = change.marketing_carrier, marketing_flight_number = change.marketing_flight_number,
        operating_carrier = change.operating_carrier, operating_flight_number = change.operating_flight_number,
        codeshares = change.codeshares, traffic_restriction = change.traffic_restriction, on_sale = change.on_sale,
        status = 'scheduled'
    FROM segment_changes AS change WHERE segment.id = change.segment_id AND change.action = 'update'
    """,
    f"""
    INSERT INTO segments (flight_date_id, board_sequence, off_sequence, origin, destination, {_SEGMENT_COLUMNS})
    SELECT flight_date_id, board_sequence, off_sequence, origin, destination, {_SEGMENT_COLUMNS}
    FROM segment_changes WHERE action = 'insert'
    """,  # noqa: S608  # the columns are constants above
)
_INSERT_CHANGED_LEGS = f"""
INSERT INTO legs (flight_date_id, sequence, origin, destination, {_LEG_COLUMNS}, cabin_layout_id)
SELECT change.flight_date_id, change.sequence, change.origin, change.destination,
    {", ".join(f"change.{column.strip()}" for column in _LEG_COLUMNS.split(","))}, layout.id
FROM leg_changes AS change JOIN flight_dates AS flight ON flight.id = change.flight_date_id
LEFT JOIN cabin_layouts AS layout ON layout.carrier = flight.carrier
    AND layout.aircraft_type = change.aircraft_type AND layout.configuration = change.configuration
WHERE change.action = 'insert'
RETURNING id, flight_date_id, sequence
"""  # noqa: S608  # the columns are constants above

_READ_LEG_CHANGES = """
SELECT change.*, flight.carrier, flight.flight_number, flight.suffix, flight.departure_date
FROM (
    SELECT * FROM leg_changes
    UNION ALL
    SELECT leg.flight_date_id, leg.id, leg.sequence, leg.origin, leg.destination, leg.status,
        leg.scheduled_departure_at, leg.scheduled_arrival_at, leg.passenger_departure_at, leg.passenger_arrival_at,
        leg.departure_terminal, leg.arrival_terminal, leg.aircraft_type, leg.configuration, leg.booking_classes,
        leg.aircraft_registration, false,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, 'cancel', false, false, false
    FROM legs AS leg JOIN gone_flights USING (flight_date_id) WHERE leg.status = 'scheduled'
) AS change JOIN flight_dates AS flight ON flight.id = change.flight_date_id
ORDER BY flight.carrier, flight.flight_number, flight.suffix, flight.departure_date, change.sequence
"""
_READ_CHANGED_FLIGHTS = """
SELECT flight.id, flight.carrier, flight.flight_number, flight.suffix, flight.departure_date,
    gone.flight_date_id IS NOT NULL AS is_cancelled,
    coalesce(change.is_reinstated, false) AS is_reinstated,
    coalesce(change.has_other_service, false) AS has_other_service,
    EXISTS (SELECT FROM segment_changes AS segment WHERE segment.flight_date_id = flight.id) AS has_segment_changes
FROM flight_dates AS flight
LEFT JOIN gone_flights AS gone ON gone.flight_date_id = flight.id
LEFT JOIN flight_changes AS change ON change.flight_date_id = flight.id
WHERE gone.flight_date_id IS NOT NULL OR change.flight_date_id IS NOT NULL
ORDER BY flight.carrier, flight.flight_number, flight.suffix, flight.departure_date
"""
_READ_ADDED = """
SELECT carrier, flight_number, suffix, count(*) AS dates, min(departure_date) AS first_date,
    max(departure_date) AS last_date
FROM wanted_flights WHERE existing_status = 'new'
GROUP BY carrier, flight_number, suffix ORDER BY carrier, flight_number, suffix
"""


class Differences(msgspec.Struct):
    """What the comparison found, before anything was written."""

    added: tuple[AddedFlight, ...]
    changes: list[FlightDateChange]
    unchanged: int
    kept: dict[str, int]
    equipment_kept: int


class Written(msgspec.Struct):
    """The ids that writing gave or closed: new legs, new legs of changed flights by (flight, sequence), segments."""

    new_leg_ids: list[int]
    inserted_leg_ids: dict[tuple[UUID, int], int]
    cancelled_segment_ids: dict[UUID, list[int]]


async def lock_schedule(connection: Connection) -> None:
    """Let one transaction at a time change the schedule; a large import may make the next one wait for minutes."""
    limits = await connection.fetchrow(
        "SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement"
    )
    await _set_limits(connection, _PATIENCE, _PATIENCE)
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _SCHEDULE_LOCK)
    await _set_limits(connection, limits["lock"], limits["statement"])


async def _set_limits(connection: Connection, lock_timeout: str, statement_timeout: str) -> None:
    await connection.execute(
        "SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true)",
        lock_timeout,
        statement_timeout,
    )


async def compare(
    connection: Connection, wanted: Wanted, windows: Sequence[Window], progress: Progress | None = None
) -> Differences:
    """Lay what is wanted beside what exists. Leaves temporary tables that :func:`write` works from."""
    await _load(connection, wanted, windows, progress)
    for statement in (_DROP_DOUBLES, _MATCH, _MATCH_PAST):
        await connection.execute(statement)
    kept = {record["kept"]: record["flights"] for record in await connection.fetch(_COUNT_KEPT)}
    await connection.execute(_NEW_IDS)
    await connection.execute("ANALYZE wanted_flights")
    await connection.execute(_FIND_CANCELLED)
    await connection.execute(_FIND_LEG_CHANGES)
    equipment_kept = await connection.fetchval("SELECT count(*) FROM leg_changes WHERE equipment_kept")
    for statement in (_DROP_EQUAL_LEGS, _FIND_SEGMENT_CHANGES, _FIND_FLIGHT_CHANGES):
        await connection.execute(statement)
    changes = await _read_changes(connection)
    added = tuple(AddedFlight(**record) for record in await connection.fetch(_READ_ADDED))
    matched = await connection.fetchval(
        "SELECT count(*) FROM wanted_flights WHERE existing_status IN ('scheduled', 'cancelled') AND kept IS NULL"
    )
    changed = await connection.fetchval("SELECT count(*) FROM flight_changes")
    return Differences(
        added,
        changes,
        matched - changed,
        kept,
        equipment_kept,
    )


async def write(connection: Connection, source: str, progress: Progress | None = None) -> Written:
    """Write the differences that :func:`compare` left, and drop its tables."""
    tell = progress or _tell_nobody
    steps = len(_WRITE_CHANGES) + 4
    await connection.execute(_INSERT_FLIGHTS, source)
    tell(1, steps)
    new_legs = await connection.fetch(_INSERT_NEW_LEGS)
    tell(2, steps)
    await connection.execute(_INSERT_NEW_SEGMENTS)
    tell(3, steps)
    cancelled_segments: dict[UUID, list[int]] = {}
    for record in await connection.fetch(
        "SELECT flight_date_id, segment_id FROM segment_changes WHERE action = 'cancel' ORDER BY segment_id"
    ):
        cancelled_segments.setdefault(record["flight_date_id"], []).append(record["segment_id"])
    for step, statement in enumerate(_WRITE_CHANGES, start=4):
        await connection.execute(statement)
        tell(step, steps)
    inserted = await connection.fetch(_INSERT_CHANGED_LEGS)
    if len(new_legs) > _ANALYZE_FROM:
        await connection.execute("ANALYZE flight_dates; ANALYZE legs; ANALYZE segments")
    await forget(connection)
    tell(steps, steps)
    return Written(
        [record["id"] for record in new_legs],
        {(record["flight_date_id"], record["sequence"]): record["id"] for record in inserted},
        cancelled_segments,
    )


async def forget(connection: Connection) -> None:
    """Drop the temporary tables, so that the transaction may compare once more."""
    await connection.execute(
        "DROP TABLE wanted_flights, wanted_legs, wanted_segments, wanted_windows, gone_flights, leg_changes, "
        "segment_changes, flight_changes"
    )


def _tell_nobody(_done: int, _total: int) -> None:
    """The progress of a caller that does not ask for it."""


async def _load(connection: Connection, wanted: Wanted, windows: Sequence[Window], progress: Progress | None) -> None:
    tell = progress or _tell_nobody
    await connection.execute(_TEMPORARY_TABLES)
    tables: tuple[tuple[str, Sequence[str], Sequence[tuple[Any, ...]]], ...] = (
        ("wanted_windows", Window._fields, windows),
        ("wanted_flights", FlightRow._fields, wanted.flights),
        ("wanted_legs", LegRow._fields, wanted.legs),
        ("wanted_segments", SegmentRow._fields, wanted.segments),
    )
    for step, (table, columns, rows) in enumerate(tables, start=1):
        await _copy(connection, table, columns, rows)
        tell(step, len(tables))
    await connection.execute("ANALYZE wanted_flights; ANALYZE wanted_legs; ANALYZE wanted_segments")


async def _copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    await connection.copy_records_to_table(table, columns=list(columns), records=rows)


async def _read_changes(connection: Connection) -> list[FlightDateChange]:
    legs: dict[UUID, list[Any]] = {}
    for record in await connection.fetch(_READ_LEG_CHANGES):
        legs.setdefault(record["flight_date_id"], []).append(record)
    changes = []
    for record in await connection.fetch(_READ_CHANGED_FLIGHTS):
        of_flight = legs.get(record["id"], [])
        kinds = tuple(_kinds(record, of_flight))
        if not kinds:
            continue
        changes.append(
            FlightDateChange(
                flight_date_id=record["id"],
                flight=FlightKey(
                    record["carrier"], record["flight_number"], record["suffix"], record["departure_date"]
                ),
                kinds=kinds,
                legs=tuple(_leg_change(leg) for leg in of_flight),
            )
        )
    return changes


def _kinds(flight: Any, legs: Sequence[Any]) -> Iterable[ChangeKind]:
    if flight["is_cancelled"]:
        yield ChangeKind.CANCELLED
        return
    if flight["is_reinstated"]:
        yield ChangeKind.REINSTATED
    elif any(leg["action"] != "update" for leg in legs):
        yield ChangeKind.REROUTED
    if any(leg["is_retimed"] for leg in legs):
        yield ChangeKind.RETIMED
    if any(leg["has_other_equipment"] for leg in legs):
        yield ChangeKind.EQUIPMENT
    details = flight["has_other_service"] or any(leg["has_other_details"] for leg in legs)
    if details or (flight["has_segment_changes"] and not legs):
        yield ChangeKind.DETAILS


def _leg_change(leg: Any) -> LegChange:
    before = after = None
    if leg["leg_id"] is not None:
        before = LegState(
            leg["old_departure_at"],
            leg["old_arrival_at"],
            leg["old_passenger_departure_at"],
            leg["old_passenger_arrival_at"],
            leg["old_aircraft_type"],
            leg["old_configuration"],
        )
    if leg["is_wanted"]:
        after = LegState(
            leg["scheduled_departure_at"],
            leg["scheduled_arrival_at"],
            leg["passenger_departure_at"],
            leg["passenger_arrival_at"],
            leg["aircraft_type"],
            leg["configuration"],
        )
    return LegChange(leg["leg_id"] or 0, leg["sequence"], leg["origin"], leg["destination"], before, after)
