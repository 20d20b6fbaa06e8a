"""Every statement and lock on travel credits. A credit is locked after payments and refunds."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from ais.kit import Money
from ais.kit.ids import OrderId, RefundId, TravelCreditId
from ais.payments.domain import CreditMovement, TravelCredit
from ais.platform.database import Connection, UnitOfWork


def _credit(row: asyncpg.Record) -> TravelCredit:
    return TravelCredit(
        id=TravelCreditId(row["id"]),
        code=row["code"],
        order_id=OrderId(row["order_id"]),
        issued=Money(row["issued_minor"], row["currency"]),
        balance=Money(row["balance_minor"], row["currency"]),
        expires_at=row["expires_at"],
        created_at=row["created_at"],
    )


async def insert_credit(
    uow: UnitOfWork,
    credit_id: TravelCreditId,
    code: str,
    order_id: OrderId,
    refund_id: RefundId,
    amount: Money,
    expires_at: datetime,
) -> TravelCredit:
    """A new credit with its first movement."""
    row = await uow.connection.fetchrow(
        """
        INSERT INTO travel_credits (id, code, order_id, refund_id, currency, issued_minor, balance_minor, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, 0, $7) RETURNING *
        """,
        credit_id,
        code,
        order_id,
        refund_id,
        amount.currency,
        amount.minor,
        expires_at,
    )
    return await move_credit(uow, _credit(row), CreditMovement.ISSUED, amount, refund_id)


async def move_credit(
    uow: UnitOfWork, credit: TravelCredit, kind: CreditMovement, amount: Money, cause_id: UUID
) -> TravelCredit:
    """Add ``amount`` (negative to take) to the locked credit's balance and write the movement; the database refuses a
    balance below zero and a second movement of the kind for the same cause.
    """
    row = await uow.connection.fetchrow(
        """
        WITH moved AS (
            UPDATE travel_credits SET balance_minor = balance_minor + $2 WHERE id = $1 RETURNING *
        ), written AS (
            INSERT INTO travel_credit_movements (credit_id, kind, amount_minor, balance_minor, cause_id, actor, channel)
            SELECT id, $3, $2, balance_minor, $4, $5, $6 FROM moved
        )
        SELECT * FROM moved
        """,
        credit.id,
        amount.minor,
        kind,
        cause_id,
        uow.actor.name,
        uow.actor.channel,
    )
    return _credit(row)


async def lock_credit(uow: UnitOfWork, credit_id: TravelCreditId) -> TravelCredit | None:
    """The credit, locked until the unit of work ends."""
    row = await uow.connection.fetchrow("SELECT * FROM travel_credits WHERE id = $1 FOR UPDATE", credit_id)
    return _credit(row) if row else None


async def find_credit_of_refund(connection: Connection, refund_id: RefundId) -> TravelCredit | None:
    """The credit that a refund issued."""
    row = await connection.fetchrow("SELECT * FROM travel_credits WHERE refund_id = $1", refund_id)
    return _credit(row) if row else None


async def find_credit_by_code(connection: Connection, code: str) -> TravelCredit | None:
    """The credit that this code opens, however it is typed."""
    plain = "".join(code.split()).replace("-", "").upper()
    row = await connection.fetchrow("SELECT * FROM travel_credits WHERE code = $1", plain)
    return _credit(row) if row else None


async def credit_movements(connection: Connection, credit_id: TravelCreditId) -> list[dict[str, Any]]:
    """What moved the credit's balance, oldest first."""
    rows = await connection.fetch(
        "SELECT kind, amount_minor, balance_minor, cause_id, actor, channel, recorded_at FROM travel_credit_movements"
        " WHERE credit_id = $1 ORDER BY id",
        credit_id,
    )
    return [dict(row) for row in rows]


async def credits_to_expire(connection: Connection, limit: int) -> list[TravelCreditId]:
    """Credits whose time is over and that hold something."""
    rows = await connection.fetch(
        "SELECT id FROM travel_credits WHERE balance_minor > 0 AND expires_at <= (SELECT ais_now())"
        " ORDER BY expires_at LIMIT $1",
        limit,
    )
    return [TravelCreditId(row["id"]) for row in rows]


async def find_credit_movement(connection: Connection, kind: CreditMovement, cause_id: UUID) -> Money | None:
    """By how much this cause has moved a credit."""
    row = await connection.fetchrow(
        """
        SELECT amount_minor, currency FROM travel_credit_movements AS movement
        JOIN travel_credits AS credit ON credit.id = movement.credit_id WHERE kind = $1 AND cause_id = $2
        """,
        kind,
        cause_id,
    )
    return Money(row["amount_minor"], row["currency"]) if row else None


async def lengthen_credit(uow: UnitOfWork, credit_id: TravelCreditId, until: datetime) -> None:
    """The locked credit is good until then at least."""
    await uow.connection.execute(
        "UPDATE travel_credits SET expires_at = greatest(expires_at, $2) WHERE id = $1", credit_id, until
    )
