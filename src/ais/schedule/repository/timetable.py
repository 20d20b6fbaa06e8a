"""Reads the timetable and the minimum connecting times into memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ais.platform.database import Connection
from ais.schedule.connecting import ConnectingTimeRule, ConnectingTimes
from ais.schedule.ssim.rules import cabins_of
from ais.schedule.timetable import SegmentKind, Timetable, TimetableBuilder

_ROWS_AT_A_TIME = 5000

# One row per segment on sale that has not left, with the legs it runs over. Most flights have one leg.
_SEGMENTS = """
SELECT segment.id, segment.flight_date_id, segment.departure_date,
    extract(epoch FROM segment.departs_at)::bigint / 60 AS departs,
    extract(epoch FROM segment.arrives_at)::bigint / 60 AS arrives,
    segment.marketing_carrier, segment.marketing_flight_number, segment.operating_carrier,
    segment.operating_flight_number, segment.origin, segment.destination,
    first_leg.id AS first_leg_id, first_leg.departure_terminal, first_leg.arrival_terminal,
    first_leg.aircraft_type, first_leg.configuration,
    CASE WHEN segment.off_sequence > segment.board_sequence THEN (
        SELECT array_agg(leg.id ORDER BY leg.sequence) FROM legs AS leg
        WHERE leg.flight_date_id = segment.flight_date_id AND leg.status = 'scheduled'
            AND leg.sequence BETWEEN segment.board_sequence AND segment.off_sequence
    ) END AS leg_ids,
    CASE WHEN segment.off_sequence > segment.board_sequence THEN (
        SELECT array_agg(leg.configuration ORDER BY leg.sequence) FROM legs AS leg
        WHERE leg.flight_date_id = segment.flight_date_id AND leg.status = 'scheduled'
            AND leg.sequence BETWEEN segment.board_sequence AND segment.off_sequence
    ) END AS configurations,
    CASE WHEN segment.off_sequence > segment.board_sequence THEN (
        SELECT leg.arrival_terminal FROM legs AS leg
        WHERE leg.flight_date_id = segment.flight_date_id AND leg.status = 'scheduled'
            AND leg.sequence = segment.off_sequence
    ) END AS last_arrival_terminal
FROM segments AS segment
JOIN legs AS first_leg ON first_leg.flight_date_id = segment.flight_date_id
    AND first_leg.sequence = segment.board_sequence AND first_leg.status = 'scheduled'
WHERE segment.on_sale AND segment.status = 'scheduled' AND segment.departs_at > $1
ORDER BY segment.origin, segment.departs_at, segment.id
"""


async def bump_version(connection: Connection) -> None:
    """Tell every process that its timetable is old, when this transaction commits."""
    await connection.execute("SELECT bump_data_version('timetable')")


async def timetable_version(connection: Connection) -> int:
    """The version that a timetable loaded now would have."""
    version: int | None = await connection.fetchval("SELECT version FROM data_versions WHERE name = 'timetable'")
    return version or 0


async def connecting_times(connection: Connection) -> ConnectingTimes:
    """Every minimum connecting time."""
    records = await connection.fetch(
        """
        SELECT minutes, airport, kind, arrival_terminal, departure_terminal, arrival_carrier, departure_carrier
        FROM minimum_connecting_times
        """
    )
    return ConnectingTimes(ConnectingTimeRule(**record) for record in records)


async def read_timetable(connection: Connection) -> Timetable:
    """Every segment on sale that has not left, as of one moment.

    The version is read first: what changes meanwhile makes the timetable old, never silently incomplete.
    """
    builder = TimetableBuilder()
    kinds: dict[tuple[str, ...], int] = {}
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        version = await timetable_version(connection)
        rules = await connecting_times(connection)
        countries = await connection.fetch(
            """
            SELECT iata, country_code FROM airports
            WHERE iata IN (SELECT origin FROM legs UNION SELECT destination FROM legs)
            """
        )
        now = await connection.fetchval("SELECT ais_now()")
        # All rows are wanted, so the plan must not favour the first ones, as plans of cursors do.
        await connection.execute("SET LOCAL work_mem = '64MB'; SET LOCAL cursor_tuple_fraction = 1")
        async for record in connection.cursor(_SEGMENTS, now, prefetch=_ROWS_AT_A_TIME):
            _add(builder, record, kinds)
    return builder.build(
        version=version,
        connecting_times=rules,
        country_of={country["iata"]: country["country_code"] for country in countries},
    )


def _add(builder: TimetableBuilder, record: Any, kinds: dict[tuple[str, ...], int]) -> None:
    configurations = record["configurations"] or (record["configuration"],)
    arrival_terminal = record["last_arrival_terminal"]
    shared = (
        record["marketing_carrier"],
        record["marketing_flight_number"],
        record["operating_carrier"],
        record["operating_flight_number"],
        record["origin"],
        record["destination"],
        record["departure_terminal"],
        record["arrival_terminal"] if arrival_terminal is None else arrival_terminal,
        record["aircraft_type"],
        *configurations,
    )
    kind = kinds.get(shared)
    if kind is None:
        cabins = [frozenset(letter for letter, _ in cabins_of(configuration)) for configuration in configurations]
        kind = kinds[shared] = builder.kind_number(
            SegmentKind(
                marketing_carrier=shared[0],
                flight_number=shared[1],
                operating_carrier=shared[2],
                operating_flight_number=shared[3],
                origin=shared[4],
                destination=shared[5],
                departure_terminal=shared[6],
                arrival_terminal=shared[7],
                aircraft=shared[8],
                cabins=frozenset.intersection(*cabins),
            )
        )
    builder.append(
        kind,
        record["id"],
        record["flight_date_id"],
        record["departs"],
        record["arrives"],
        record["departure_date"].toordinal(),
        record["leg_ids"] or (record["first_leg_id"],),
    )


async def save_connecting_times(connection: Connection, rules: Sequence[ConnectingTimeRule]) -> int:
    """Add the rules, or change the minutes of those that name the same columns; how many were new or differed."""
    changed: int = await connection.fetchval(
        """
        WITH written AS (
            INSERT INTO minimum_connecting_times AS present (
                airport, kind, arrival_terminal, departure_terminal, arrival_carrier, departure_carrier, minutes
            )
            SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[])
            ON CONFLICT (airport, kind, arrival_terminal, departure_terminal, arrival_carrier, departure_carrier)
            DO UPDATE SET minutes = excluded.minutes, version = present.version + 1
            WHERE present.minutes <> excluded.minutes
            RETURNING 1
        ) SELECT count(*) FROM written
        """,
        [rule.airport for rule in rules],
        [rule.kind for rule in rules],
        [rule.arrival_terminal for rule in rules],
        [rule.departure_terminal for rule in rules],
        [rule.arrival_carrier for rule in rules],
        [rule.departure_carrier for rule in rules],
        [rule.minutes for rule in rules],
    )
    return changed
