"""Every SQL statement on reference data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ais.platform.database import Connection
from ais.reference.domain import (
    AircraftType,
    Airport,
    Carrier,
    City,
    Country,
    ExchangeRate,
    ReferenceRows,
)

# table, key columns, other columns with their types in SQL. The order is that of the foreign keys.
_UPSERTS: tuple[tuple[str, dict[str, str], dict[str, str]], ...] = (
    ("countries", {"code": "text"}, {"name_en": "text", "name_ar": "text", "currency": "text"}),
    ("cities", {"code": "text"}, {"name_en": "text", "name_ar": "text", "country_code": "text"}),
    (
        "airports",
        {"iata": "text"},
        {
            "icao": "text",
            "name_en": "text",
            "name_ar": "text",
            "city_code": "text",
            "country_code": "text",
            "timezone": "text",
            "latitude": "double precision",
            "longitude": "double precision",
            "prominence": "smallint",
            "aliases": "text",
        },
    ),
    (
        "carriers",
        {"code": "text"},
        {"accounting_code": "text", "name_en": "text", "name_ar": "text", "country_code": "text"},
    ),
    ("aircraft_types", {"iata": "text"}, {"icao": "text", "name": "text", "manufacturer": "text"}),
)


def _upsert_statement(table: str, keys: dict[str, str], columns: dict[str, str]) -> str:
    """Insert what is new, change what differs, and leave alone what staff has changed (its version is above 1)."""
    names = [*keys, *columns]
    types = ", ".join(f"{name} {kind}" for name, kind in (keys | columns).items())
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns)
    present = ", ".join(f"stored.{name}" for name in columns)
    offered = ", ".join(f"excluded.{name}" for name in columns)
    return f"""
        INSERT INTO {table} AS stored ({", ".join(names)})
        SELECT {", ".join(names)} FROM jsonb_to_recordset($1) AS given ({types})
        ON CONFLICT ({", ".join(keys)}) DO UPDATE SET {changes}
        WHERE stored.version = 1 AND ({present}) IS DISTINCT FROM ({offered})
    """  # noqa: S608  # names of tables and columns are the constants above


async def upsert_rows(connection: Connection, rows: ReferenceRows) -> int:
    """Write ``rows`` and answer how many were new or differed."""
    offered: dict[str, Sequence[Any]] = msgspec.structs.asdict(rows)
    changed = 0
    for table, keys, columns in _UPSERTS:
        if offered[table]:
            changed += _count(
                await connection.execute(_upsert_statement(table, keys, columns), msgspec.to_builtins(offered[table]))
            )
    return changed + await _add_exchange_rates(connection, rows.exchange_rates)


async def _add_exchange_rates(connection: Connection, rates: Sequence[ExchangeRate]) -> int:
    """Add the rates whose pair has none on their first day; a stored rate is never replaced by a packaged one."""
    added = 0
    for rate in rates:
        added += _count(
            await connection.execute(
                """
                INSERT INTO exchange_rates (base, quote, rate, valid)
                SELECT $1, $2, $3, daterange($4, $5)
                WHERE NOT EXISTS (
                    SELECT FROM exchange_rates
                    WHERE base = $1 AND quote = $2 AND valid && daterange($4, $5)
                )
                """,
                rate.base,
                rate.quote,
                rate.rate,
                rate.valid_from,
                rate.valid_until,
            )
        )
    return added


def _count(tag: str) -> int:
    """The number of rows in a command's answer, such as ``INSERT 0 12``."""
    return int(tag.rsplit(" ", 1)[1])


async def bump_reference_version(connection: Connection) -> None:
    await connection.execute("SELECT bump_data_version('reference')")


async def reference_version(connection: Connection) -> int:
    """The version of the stored data; 0 before anything was stored."""
    version = await connection.fetchval("SELECT version FROM data_versions WHERE name = 'reference'")
    return version or 0


_AIRPORTS = """
    SELECT iata, icao, airport.name_en, airport.name_ar, city_code, city.name_en AS city_en,
           city.name_ar AS city_ar, airport.country_code, timezone, latitude, longitude, prominence, aliases
    FROM airports AS airport JOIN cities AS city ON city.code = city_code
"""


async def find_airports(connection: Connection, codes: Iterable[str]) -> dict[str, Airport]:
    """The airports of these codes that exist, for whoever needs a few and keeps no snapshot."""
    rows = await connection.fetch(f"{_AIRPORTS} WHERE iata = ANY($1)", list(codes))
    return {row["iata"]: Airport(*row) for row in rows}


async def find_carrier(connection: Connection, code: str) -> Carrier | None:
    """The carrier of this code."""
    row = await connection.fetchrow(
        "SELECT code, accounting_code, name_en, name_ar, country_code FROM carriers WHERE code = $1", code
    )
    return Carrier(*row) if row else None


async def select_rows(connection: Connection) -> ReferenceRows:
    """All reference data."""
    countries = await connection.fetch("SELECT code, name_en, name_ar, currency FROM countries ORDER BY code")
    cities = await connection.fetch("SELECT code, name_en, name_ar, country_code FROM cities ORDER BY code")
    airports = await connection.fetch(f"{_AIRPORTS} ORDER BY iata")
    carriers = await connection.fetch(
        "SELECT code, accounting_code, name_en, name_ar, country_code FROM carriers ORDER BY code"
    )
    aircraft_types = await connection.fetch("SELECT iata, icao, name, manufacturer FROM aircraft_types ORDER BY iata")
    rates = await connection.fetch(
        "SELECT base, quote, rate, lower(valid), upper(valid) FROM exchange_rates ORDER BY base, quote, valid"
    )
    return ReferenceRows(
        countries=tuple(Country(*row) for row in countries),
        cities=tuple(City(*row) for row in cities),
        airports=tuple(Airport(*row) for row in airports),
        carriers=tuple(Carrier(*row) for row in carriers),
        aircraft_types=tuple(AircraftType(*row) for row in aircraft_types),
        exchange_rates=tuple(ExchangeRate(*row) for row in rates),
    )
