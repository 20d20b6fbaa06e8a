"""Every statement and lock on agencies. An agency is locked after payments and refunds."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from ais.kit import Money
from ais.kit.ids import AgencyId
from ais.payments.domain import Agency, AgencyMovement
from ais.platform.database import Connection, UnitOfWork


def _agency(row: asyncpg.Record) -> Agency:
    return Agency(
        id=AgencyId(row["id"]),
        code=row["code"],
        name=row["name"],
        balance=Money(row["balance_minor"], row["currency"]),
        credit_limit=Money(row["credit_limit_minor"], row["currency"]),
        created_at=row["created_at"],
    )


def _movement(row: asyncpg.Record) -> AgencyMovement:
    return AgencyMovement(
        id=row["id"],
        kind=row["kind"],
        amount=Money(row["amount_minor"], row["currency"]),
        balance=Money(row["balance_minor"], row["currency"]),
        reference=row["reference"],
        cause_id=row["cause_id"],
        actor=row["actor"],
        recorded_at=row["recorded_at"],
    )


async def insert_agency(
    uow: UnitOfWork, agency_id: AgencyId, code: str, name: str, credit_limit: Money
) -> Agency | None:
    """A new agency without a deposit, in the currency of its limit; None if another has the code."""
    row = await uow.connection.fetchrow(
        """
        INSERT INTO agencies (id, code, name, currency, credit_limit_minor) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (code) DO NOTHING RETURNING *
        """,
        agency_id,
        code,
        name,
        credit_limit.currency,
        credit_limit.minor,
    )
    return _agency(row) if row else None


async def lock_agency(uow: UnitOfWork, agency_id: AgencyId) -> Agency | None:
    """The agency, locked until the unit of work ends."""
    row = await uow.connection.fetchrow("SELECT * FROM agencies WHERE id = $1 FOR UPDATE", agency_id)
    return _agency(row) if row else None


async def find_agency(connection: Connection, *, agency_id: AgencyId | None = None, code: str = "") -> Agency | None:
    """The agency of this id, or of this code."""
    row = await connection.fetchrow("SELECT * FROM agencies WHERE id = $1 OR code = $2", agency_id, code)
    return _agency(row) if row else None


async def list_agencies(
    connection: Connection,
    *,
    only: frozenset[str] | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> list[Agency]:
    """Agencies by code, ``only`` those of these codes; ``after`` goes on after the last code of an earlier list."""
    rows = await connection.fetch(
        """
        SELECT * FROM agencies WHERE ($1::text[] IS NULL OR code = ANY ($1)) AND ($2::text IS NULL OR code > $2)
        ORDER BY code LIMIT $3
        """,
        None if only is None else list(only),
        after,
        limit,
    )
    return [_agency(row) for row in rows]


async def move_agency(
    uow: UnitOfWork, agency_id: AgencyId, kind: str, amount: Money, cause_id: UUID, reference: str | None = None
) -> AgencyMovement:
    """Add ``amount`` (negative to take) to the locked agency's balance and write the line of its statement. The
    database refuses a balance beyond the credit limit, and a second movement of the kind for the same cause.
    """
    row = await uow.connection.fetchrow(
        """
        WITH moved AS (
            UPDATE agencies SET balance_minor = balance_minor + $2 WHERE id = $1 RETURNING *
        )
        INSERT INTO agency_movements (agency_id, kind, amount_minor, balance_minor, currency, cause_id, reference,
                                      actor, channel)
        SELECT id, $3, $2, balance_minor, currency, $4, $5, $6, $7 FROM moved RETURNING *
        """,
        agency_id,
        amount.minor,
        kind,
        cause_id,
        reference,
        uow.actor.name,
        uow.actor.channel,
    )
    return _movement(row)


async def find_agency_movement(connection: Connection, kind: str, cause_id: UUID) -> AgencyMovement | None:
    """The movement that this cause made."""
    row = await connection.fetchrow("SELECT * FROM agency_movements WHERE kind = $1 AND cause_id = $2", kind, cause_id)
    return _movement(row) if row else None


async def find_top_up(connection: Connection, agency_id: AgencyId, reference: str) -> AgencyMovement | None:
    """The first money of the agency that was noted under the bank's reference."""
    row = await connection.fetchrow(
        "SELECT * FROM agency_movements WHERE agency_id = $1 AND kind = 'topped_up' AND reference = $2"
        " ORDER BY id LIMIT 1",
        agency_id,
        reference,
    )
    return _movement(row) if row else None


async def write_credit_limit(uow: UnitOfWork, agency: Agency, credit_limit: Money) -> None:
    """The locked agency's new limit, with a line of its history."""
    await uow.connection.execute(
        """
        WITH changed AS (UPDATE agencies SET credit_limit_minor = $2 WHERE id = $1)
        INSERT INTO agency_limit_changes (agency_id, from_minor, to_minor, actor) VALUES ($1, $3, $2, $4)
        """,
        agency.id,
        credit_limit.minor,
        agency.credit_limit.minor,
        uow.actor.name,
    )


async def agency_statement(
    connection: Connection, agency_id: AgencyId, since: datetime | None = None, until: datetime | None = None
) -> list[AgencyMovement]:
    """The movements from ``since`` and before ``until``, oldest first; None asks nothing."""
    rows = await connection.fetch(
        """
        SELECT * FROM agency_movements
        WHERE agency_id = $1 AND ($2::timestamptz IS NULL OR recorded_at >= $2)
          AND ($3::timestamptz IS NULL OR recorded_at < $3)
        ORDER BY id
        """,
        agency_id,
        since,
        until,
    )
    return [_movement(row) for row in rows]
