"""Flight dates with counted legs, made without a schedule file: what tests of seats begin with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID, uuid4

import msgspec

from ais.inventory import INVARIANTS, Claim, ClaimItem, open_inventory
from ais.kit import system_actor
from ais.platform.database import Connection, Database
from ais.platform.invariants import find_violations

CARRIER = "QZ"
_REFERENCE = """
INSERT INTO countries (code, name_en, currency) VALUES ('SA', 'Saudi Arabia', 'SAR') ON CONFLICT DO NOTHING;
INSERT INTO cities (code, name_en, country_code) VALUES ('RUH', 'Riyadh', 'SA') ON CONFLICT DO NOTHING;
INSERT INTO carriers (code, name_en, country_code) VALUES ('QZ', 'Test Airline', 'SA') ON CONFLICT DO NOTHING;
INSERT INTO aircraft_types (iata, name, manufacturer) VALUES
    ('320', 'A320', 'Airbus'), ('AT7', 'ATR 72', 'ATR') ON CONFLICT DO NOTHING;
INSERT INTO airports (iata, name_en, city_code, country_code, timezone, latitude, longitude)
SELECT code, code, 'RUH', 'SA', 'Asia/Riyadh', 0, 0 FROM unnest($airports$%s$airports$::text[]) AS code
ON CONFLICT DO NOTHING;
"""


class CountedFlight(msgspec.Struct, frozen=True):
    """A flight date and its legs in the order flown."""

    flight_date_id: UUID
    leg_ids: tuple[int, ...]


async def add_flights(
    connection: Connection,
    count: int,
    *,
    route: Sequence[str] = ("RUH", "JED"),
    configuration: str = "Y138",
    aircraft_type: str = "320",
    departure_date: date = date(2030, 3, 1),
) -> list[CountedFlight]:
    """``count`` flight dates over ``route`` on consecutive days, one leg per pair of neighbours, without counters."""
    await connection.execute(_REFERENCE % ("{" + ",".join(route) + "}"))
    number = await connection.fetchval("SELECT coalesce(max(flight_number), 0) + 1 FROM flight_dates")
    ids = [uuid4() for _ in range(count)]
    days = [departure_date + timedelta(days=day) for day in range(count)]
    await connection.execute(
        """
        INSERT INTO flight_dates (
            id, carrier, flight_number, departure_date, schedule_date, source, service_type, on_sale, first_departure_at
        )
        SELECT flight.id, $3, $4, flight.day, flight.day, 'ssim', 'J', true,
            (flight.day + time '06:00') AT TIME ZONE 'UTC'
        FROM unnest($1::uuid[], $2::date[]) AS flight (id, day)
        """,
        ids,
        days,
        CARRIER,
        number,
    )
    legs = await connection.fetch(
        """
        WITH flown AS (
            SELECT flight.id, flight.place, leg.sequence, ($2::text[])[leg.sequence] AS origin,
                ($2::text[])[leg.sequence + 1] AS destination,
                known.first_departure_at + (leg.sequence - 1) * interval '3 hours' AS departs_at
            FROM unnest($1::uuid[]) WITH ORDINALITY AS flight (id, place)
            JOIN flight_dates AS known ON known.id = flight.id
            CROSS JOIN generate_series(1, cardinality($2::text[]) - 1) AS leg (sequence)
        )
        INSERT INTO legs (
            flight_date_id, sequence, origin, destination, scheduled_departure_at, scheduled_arrival_at,
            passenger_departure_at, passenger_arrival_at, aircraft_type, configuration
        )
        SELECT id, sequence, origin, destination, departs_at, departs_at + interval '2 hours', departs_at,
            departs_at + interval '2 hours', $3, $4
        FROM flown ORDER BY place, sequence
        RETURNING flight_date_id, id
        """,
        ids,
        list(route),
        aircraft_type,
        configuration,
    )
    by_flight: dict[UUID, list[int]] = {}
    for flight_date_id, leg_id in legs:
        by_flight.setdefault(flight_date_id, []).append(leg_id)
    return [CountedFlight(flight_date_id, tuple(sorted(by_flight[flight_date_id]))) for flight_date_id in ids]


async def add_ladder(connection: Connection, cabin: str, rungs: Sequence[tuple[str, int]]) -> None:
    """The test airline's own booking classes of a cabin: letter and per cent of the authorisation, highest first."""
    await connection.executemany(
        "INSERT INTO booking_class_ladders (carrier, cabin, rbd, rank, limit_percent) VALUES ($1, $2, $3, $4, $5)",
        [(CARRIER, cabin, rbd, rank, percent) for rank, (rbd, percent) in enumerate(rungs, start=1)],
    )


async def open_flights(
    database: Database,
    count: int = 1,
    *,
    route: Sequence[str] = ("RUH", "JED"),
    configuration: str = "Y138",
    departure_date: date = date(2030, 3, 1),
) -> list[CountedFlight]:
    """Flight dates as :func:`add_flights` makes them, open for sale."""
    async with database.unit_of_work(system_actor("test")) as uow:
        flights = await add_flights(
            uow.connection, count, route=route, configuration=configuration, departure_date=departure_date
        )
        await open_inventory(uow, [leg_id for flight in flights for leg_id in flight.leg_ids])
    return flights


def claim_of(*items: ClaimItem, hold_id: UUID | None = None, hold_seconds: float = 900.0, owner: str = "test") -> Claim:
    """A claim of ``items`` under a new hold id, unless one is given."""
    return Claim(
        hold_id=hold_id or uuid4(),
        owner=owner,
        items=items,
        hold_seconds=hold_seconds,
        channel="api",
        point_of_sale="SA",
        journey={"test": True},
    )


async def broken_promises(database: Database) -> list[str]:
    """Names of the inventory invariants that do not hold."""
    return [violation.invariant.name for violation in await find_violations(database, INVARIANTS)]
