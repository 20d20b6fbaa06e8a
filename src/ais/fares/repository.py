"""Every SQL statement on fare data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ais.fares.domain.fare import Brand, DiscountVersion, FareRule, FareVersion, MarketLevel, PointOfSale, TripType
from ais.fares.domain.itinerary import PassengerType
from ais.fares.domain.tax import TaxKind, TaxPoint, TaxScope, TaxVersion
from ais.fares.domain.versioning import FiledRow, StoredVersion, VersionPlan
from ais.fares.filing.rows import FiledFare, FiledTax, VersionedRow
from ais.kit import Money, Rounding
from ais.platform.database import Connection

FARES, DISCOUNTS, TAXES = "fare_versions", "discount_versions", "tax_versions"

ENDED_SALES_KEPT = timedelta(hours=48)
"""How long after the end of its sale a version stays in fare books: longer than any offer lives."""

_COMMON_TYPES = {
    "key": "text",
    "digest": "bytea",
    "sale_starts_at": "timestamptz",
    "sale_ends_at": "timestamptz",
    "imported_by": "text",
}
_COLUMN_TYPES = {
    FARES: {
        "carrier": "text", "market_level": "text", "origin": "text", "destination": "text",
        "both_directions": "boolean", "trip_type": "text", "fare_basis": "text", "rbd": "text", "brand": "text",
        "cabin": "text", "amount_minor": "bigint", "currency": "text", "rule": "jsonb", "travel_from": "date",
        "travel_until": "date", "points_of_sale": "text[]",
    },
    DISCOUNTS: {"carrier": "text", "passenger_type": "text", "brand": "text", "basis_points": "integer"},
    TAXES: {
        "code": "text", "kind": "text", "name_en": "text", "name_ar": "text", "country": "text", "airports": "text[]",
        "carrier": "text", "point": "text", "scope": "text", "cabins": "text[]", "brands": "text[]",
        "amount_minor": "bigint", "currency": "text", "basis_points": "integer", "percent_of": "text[]",
        "rounding_unit_minor": "integer", "rounding_currency": "text", "rounding_direction": "text",
        "exempt_passengers": "text[]", "exempt_transit_hours": "smallint", "refundable": "boolean",
        "travel_from": "date", "travel_until": "date", "example": "boolean",
    },
}  # fmt: skip


async def lock_for_import(connection: Connection) -> datetime:
    """Let no other import or withdrawal run beside this one, while pricing goes on reading; answers the time then."""
    await connection.execute(
        "LOCK TABLE fare_versions, discount_versions, tax_versions, fare_brands, points_of_sale"
        " IN SHARE ROW EXCLUSIVE MODE"
    )
    now: datetime = await connection.fetchval("SELECT ais_now()")
    return now


async def select_versions_of(connection: Connection, table: str, keys: Collection[str]) -> list[StoredVersion]:
    """All versions that these keys ever had."""
    rows = await connection.fetch(
        f"""
        SELECT id, key, digest, sale_starts_at, sale_ends_at, superseded_at IS NOT NULL
        FROM {table} WHERE key = ANY($1) ORDER BY id
        """,  # noqa: S608  # the table is one of the three constants above
        list(set(keys)),
    )
    return [StoredVersion(*row) for row in rows]


async def end_versions(connection: Connection, table: str, plan: VersionPlan, now: datetime) -> None:
    """End the sale of replaced versions."""
    await connection.execute(
        f"""
        UPDATE {table} AS stored
        SET sale_ends_at = ended.sale_ends_at, superseded_at = coalesce(superseded_at, $3)
        FROM unnest($1::bigint[], $2::timestamptz[]) AS ended (id, sale_ends_at)
        WHERE stored.id = ended.id
        """,  # noqa: S608  # the table is one of the three constants above
        [version.id for version in plan.ends],
        [version.sale_ends_at for version in plan.ends],
        now,
    )


async def insert_versions(
    connection: Connection,
    table: str,
    plan: VersionPlan,
    rows: Sequence[VersionedRow],
    filed_rows: Sequence[FiledRow],
    imported_by: str,
) -> None:
    """Write the versions that begin."""
    columns = _COMMON_TYPES | _COLUMN_TYPES[table]
    names = ", ".join(columns)
    types = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    await connection.execute(
        f"INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_to_recordset($1) AS given ({types})",  # noqa: S608  # constants
        [
            _values(rows[version.row])
            | {
                "key": filed_rows[version.row].key,
                "digest": "\\x" + filed_rows[version.row].digest.hex(),
                "sale_starts_at": version.sale_starts_at.isoformat(),
                "sale_ends_at": version.sale_ends_at.isoformat() if version.sale_ends_at else None,
                "imported_by": imported_by,
            }
            for version in plan.begins
        ],
    )


def _values(row: VersionedRow) -> dict[str, Any]:
    """The row's own columns as JSON values; money becomes minor units and currency."""
    values: dict[str, Any] = msgspec.to_builtins(row)
    if isinstance(row, FiledFare):
        values |= {"amount_minor": row.amount.minor, "currency": row.amount.currency}
    elif isinstance(row, FiledTax):
        values["country"] = row.country or None
        values["carrier"] = row.carrier or None
        values["amount_minor"] = row.amount.minor if row.amount else None
        values["currency"] = row.amount.currency if row.amount else None
    return values


async def upsert_brands(connection: Connection, brands: Iterable[Brand]) -> int:
    """Write brands and answer how many were new or differed."""
    tag = await connection.execute(
        """
        INSERT INTO fare_brands AS stored (carrier, code, rank, name_en, name_ar)
        SELECT carrier, code, rank, name_en, name_ar
        FROM jsonb_to_recordset($1) AS given (carrier text, code text, rank smallint, name_en text, name_ar text)
        ON CONFLICT (carrier, code) DO UPDATE
        SET rank = excluded.rank, name_en = excluded.name_en, name_ar = excluded.name_ar, version = stored.version + 1
        WHERE (stored.rank, stored.name_en, stored.name_ar)
            IS DISTINCT FROM (excluded.rank, excluded.name_en, excluded.name_ar)
        """,
        msgspec.to_builtins(list(brands)),
    )
    return int(tag.rsplit(" ", 1)[1])


async def upsert_points_of_sale(connection: Connection, places: Iterable[PointOfSale]) -> int:
    """Write points of sale and answer how many were new or differed."""
    tag = await connection.execute(
        """
        INSERT INTO points_of_sale AS stored
            (code, currency, fare_unit_minor, fare_rounding, tax_unit_minor, tax_rounding)
        SELECT code, currency, fare_unit_minor, fare_rounding, tax_unit_minor, tax_rounding
        FROM jsonb_to_recordset($1) AS given (
            code text, currency text, fare_unit_minor integer, fare_rounding text, tax_unit_minor integer,
            tax_rounding text
        )
        ON CONFLICT (code) DO UPDATE
        SET currency = excluded.currency, fare_unit_minor = excluded.fare_unit_minor,
            fare_rounding = excluded.fare_rounding, tax_unit_minor = excluded.tax_unit_minor,
            tax_rounding = excluded.tax_rounding, version = stored.version + 1
        WHERE (stored.currency, stored.fare_unit_minor, stored.fare_rounding, stored.tax_unit_minor,
               stored.tax_rounding)
            IS DISTINCT FROM (excluded.currency, excluded.fare_unit_minor, excluded.fare_rounding,
                              excluded.tax_unit_minor, excluded.tax_rounding)
        """,
        msgspec.to_builtins(list(places)),
    )
    return int(tag.rsplit(" ", 1)[1])


async def select_brands(connection: Connection) -> list[Brand]:
    rows = await connection.fetch(
        "SELECT carrier, code, rank, name_en, name_ar FROM fare_brands ORDER BY carrier, rank, code"
    )
    return [Brand(*row) for row in rows]


async def select_points_of_sale(connection: Connection) -> list[PointOfSale]:
    rows = await connection.fetch(
        """
        SELECT code, currency, fare_unit_minor, fare_rounding, tax_unit_minor, tax_rounding
        FROM points_of_sale ORDER BY code
        """
    )
    return [
        PointOfSale(code, currency, fare_unit, Rounding(fare_rounding), tax_unit, Rounding(tax_rounding))
        for code, currency, fare_unit, fare_rounding, tax_unit, tax_rounding in rows
    ]


_FARE_COLUMNS = """
    id, carrier, market_level, origin, destination, both_directions, trip_type, fare_basis, rbd, brand, cabin,
    amount_minor, currency, rule::text AS rule, sale_starts_at, sale_ends_at, travel_from, travel_until, points_of_sale,
    withdrawn_at
"""
_TAX_COLUMNS = """
    id, code, kind, name_en, name_ar, country, airports, carrier, point, scope, cabins, brands, amount_minor, currency,
    basis_points, percent_of, rounding_unit_minor, rounding_currency, rounding_direction, exempt_passengers,
    exempt_transit_hours, refundable, sale_starts_at, sale_ends_at, travel_from, travel_until, withdrawn_at, example
"""


class _Rules:
    """Reads rules from the text of their JSON; equal ones, of which there are many, are read once and one object."""

    def __init__(self) -> None:
        self._known: dict[str, FareRule] = {}

    def read(self, text: str) -> FareRule:
        rule = self._known.get(text)
        if rule is None:
            rule = self._known[text] = msgspec.json.decode(text, type=FareRule)
        return rule


def _fare(row: Any, rules: _Rules) -> FareVersion:
    return FareVersion(
        id=row["id"],
        carrier=row["carrier"],
        market_level=MarketLevel(row["market_level"]),
        origin=row["origin"],
        destination=row["destination"],
        both_directions=row["both_directions"],
        trip_type=TripType(row["trip_type"]),
        fare_basis=row["fare_basis"],
        rbd=row["rbd"],
        brand=row["brand"],
        cabin=row["cabin"],
        amount=Money(row["amount_minor"], row["currency"]),
        rule=rules.read(row["rule"]),
        sale_starts_at=row["sale_starts_at"],
        sale_ends_at=row["sale_ends_at"],
        travel_from=row["travel_from"],
        travel_until=row["travel_until"],
        points_of_sale=tuple(row["points_of_sale"]),
        withdrawn_at=row["withdrawn_at"],
    )


def _tax(row: Any) -> TaxVersion:
    return TaxVersion(
        id=row["id"],
        code=row["code"],
        kind=TaxKind(row["kind"]),
        name_en=row["name_en"],
        name_ar=row["name_ar"],
        country=row["country"] or "",
        airports=tuple(row["airports"]),
        carrier=row["carrier"] or "",
        point=TaxPoint(row["point"]),
        scope=TaxScope(row["scope"]),
        cabins=tuple(row["cabins"]),
        brands=tuple(row["brands"]),
        amount=None if row["amount_minor"] is None else Money(row["amount_minor"], row["currency"]),
        basis_points=row["basis_points"],
        percent_of=tuple(row["percent_of"]),
        rounding_unit_minor=row["rounding_unit_minor"],
        rounding_currency=row["rounding_currency"],
        rounding_direction=Rounding(row["rounding_direction"]),
        exempt_passengers=tuple(PassengerType(each) for each in row["exempt_passengers"]),
        exempt_transit_hours=row["exempt_transit_hours"],
        refundable=row["refundable"],
        sale_starts_at=row["sale_starts_at"],
        sale_ends_at=row["sale_ends_at"],
        travel_from=row["travel_from"],
        travel_until=row["travel_until"],
        withdrawn_at=row["withdrawn_at"],
        example=row["example"],
    )


async def select_fares(
    connection: Connection, at: datetime, places: Collection[str] | None = None
) -> list[FareVersion]:
    """Every fare whose sale has not ended, or has ended lately; with ``places`` only those between two of them."""
    rows = await connection.fetch(
        f"""
        SELECT {_FARE_COLUMNS} FROM fare_versions
        WHERE (sale_ends_at IS NULL OR sale_ends_at > $1 OR withdrawn_at > $1)
          AND ($2::text[] IS NULL OR (origin = ANY($2) AND destination = ANY($2))) ORDER BY id
        """,  # noqa: S608  # a constant
        at - ENDED_SALES_KEPT,
        None if places is None else sorted(set(places)),
    )
    rules = _Rules()
    return [_fare(row, rules) for row in rows]


async def select_fares_by_id(connection: Connection, version_ids: Collection[int]) -> list[FareVersion]:
    """These fare versions, however long ago they were sold."""
    rows = await connection.fetch(
        f"SELECT {_FARE_COLUMNS} FROM fare_versions WHERE id = ANY($1) ORDER BY id",  # noqa: S608  # a constant
        sorted(set(version_ids)),
    )
    rules = _Rules()
    return [_fare(row, rules) for row in rows]


async def select_taxes(connection: Connection, at: datetime) -> list[TaxVersion]:
    """Every tax that is still collected, or was lately."""
    rows = await connection.fetch(
        f"""
        SELECT {_TAX_COLUMNS} FROM tax_versions
        WHERE sale_ends_at IS NULL OR sale_ends_at > $1 OR withdrawn_at > $1 ORDER BY code, id
        """,  # noqa: S608  # a constant
        at - ENDED_SALES_KEPT,
    )
    return [_tax(row) for row in rows]


async def select_current_taxes(connection: Connection, except_keys: Collection[str]) -> list[TaxVersion]:
    """The taxes that no newer version has replaced, of all keys but these."""
    rows = await connection.fetch(
        f"""
        SELECT {_TAX_COLUMNS} FROM tax_versions
        WHERE superseded_at IS NULL AND withdrawn_at IS NULL AND NOT key = ANY($1) ORDER BY id
        """,  # noqa: S608  # a constant
        list(except_keys),
    )
    return [_tax(row) for row in rows]


async def select_discounts(connection: Connection, at: datetime) -> list[DiscountVersion]:
    rows = await connection.fetch(
        """
        SELECT id, carrier, passenger_type, brand, basis_points, sale_starts_at, sale_ends_at FROM discount_versions
        WHERE sale_ends_at IS NULL OR sale_ends_at > $1 ORDER BY id
        """,
        at - ENDED_SALES_KEPT,
    )
    return [
        DiscountVersion(
            id=row["id"],
            carrier=row["carrier"],
            passenger_type=PassengerType(row["passenger_type"]),
            brand=row["brand"],
            basis_points=row["basis_points"],
            sale_starts_at=row["sale_starts_at"],
            sale_ends_at=row["sale_ends_at"],
        )
        for row in rows
    ]


async def search_fares(
    connection: Connection,
    *,
    carrier: str | None,
    between: tuple[str, ...],
    brand: str | None,
    at: datetime | None,
    limit: int,
) -> list[FareVersion]:
    """Fares by carrier, places (each of them an end of the market) and brand; with ``at`` only those on sale then."""
    rows = await connection.fetch(
        f"""
        SELECT {_FARE_COLUMNS} FROM fare_versions
        WHERE ($1::text IS NULL OR carrier = $1) AND $2::text[] <@ ARRAY[origin, destination]
            AND ($3::text IS NULL OR brand = $3)
            AND ($4::timestamptz IS NULL
                 OR (sale_starts_at <= $4 AND (sale_ends_at IS NULL OR sale_ends_at > $4)))
        ORDER BY carrier, origin, destination, brand, trip_type, amount_minor, id LIMIT $5
        """,  # noqa: S608  # a constant
        carrier,
        list(between),
        brand,
        at,
        limit,
    )
    rules = _Rules()
    return [_fare(row, rules) for row in rows]


async def search_taxes(
    connection: Connection, *, country: str | None, code: str | None, at: datetime | None, limit: int
) -> list[TaxVersion]:
    """Taxes by country and code; with ``at`` only those collected then."""
    rows = await connection.fetch(
        f"""
        SELECT {_TAX_COLUMNS} FROM tax_versions
        WHERE ($1::text IS NULL OR country = $1) AND ($2::text IS NULL OR code = $2)
            AND ($3::timestamptz IS NULL
                 OR (sale_starts_at <= $3 AND (sale_ends_at IS NULL OR sale_ends_at > $3)))
        ORDER BY country NULLS FIRST, code, id LIMIT $4
        """,  # noqa: S608  # a constant
        country,
        code,
        at,
        limit,
    )
    return [_tax(row) for row in rows]


async def withdraw(connection: Connection, table: str, version_id: int, by: str, reason: str) -> bool:
    """End the sale of a version now and for good; False if it was not there or was withdrawn before."""
    tag = await connection.execute(
        f"""
        UPDATE {table}
        SET withdrawn_at = now.instant, withdrawn_by = $2, withdrawal_reason = $3,
            sale_ends_at = least(coalesce(sale_ends_at, 'infinity'), greatest(sale_starts_at, now.instant))
        FROM (SELECT ais_now() AS instant) AS now
        WHERE id = $1 AND withdrawn_at IS NULL
        """,  # noqa: S608  # the table is one of the constants above
        version_id,
        by,
        reason,
    )
    return bool(tag == "UPDATE 1")


async def withdrawn_at(connection: Connection, table: str, version_id: int) -> datetime | None:
    """When a version was withdrawn; None if there is no such version or it was not."""
    at: datetime | None = await connection.fetchval(
        f"SELECT withdrawn_at FROM {table} WHERE id = $1",  # noqa: S608  # one of the constants above
        version_id,
    )
    return at


async def bump_fares_version(connection: Connection) -> None:
    await connection.execute("SELECT bump_data_version('fares')")


async def fares_version(connection: Connection) -> int:
    """The version of the stored data; 0 before anything was stored."""
    version = await connection.fetchval("SELECT version FROM data_versions WHERE name = 'fares'")
    return version or 0


async def selling_carrier(connection: Connection) -> str | None:
    """Whose shop it is: the carrier whose brands are on sale; of several the first by code."""
    carrier: str | None = await connection.fetchval("SELECT min(carrier) FROM fare_brands")
    return carrier
