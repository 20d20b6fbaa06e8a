"""Every statement and lock on attempts to pay. Lock order: a payment before its refunds."""

from __future__ import annotations

import asyncpg

from ais.kit import Money
from ais.kit.ids import OrderId, PaymentId
from ais.payments.domain import NewPayment, Payment, PaymentMethod, PaymentStatus, ProviderPayment
from ais.platform.database import Connection, UnitOfWork

_PAYMENT = """
    id, order_id, method, provider, provider_payment_id, status, amount_minor, currency, received_minor,
    refunded_minor, failure_code, channel, seller_id, created_at, expires_at, provider_capture_id, return_url,
    cancel_url, description, funding_id, received_currency
"""


def _payment(row: asyncpg.Record) -> Payment:
    brought = row["received_currency"] or row["currency"]
    return Payment(
        id=PaymentId(row["id"]),
        order_id=OrderId(row["order_id"]),
        method=PaymentMethod(row["method"]),
        provider=row["provider"],
        provider_payment_id=row["provider_payment_id"],
        status=PaymentStatus(row["status"]),
        amount=Money(row["amount_minor"], row["currency"]),
        received=Money(row["received_minor"], brought),
        refunded=Money(row["refunded_minor"], brought),
        failure_code=row["failure_code"],
        channel=row["channel"],
        seller_id=row["seller_id"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        capture_id=row["provider_capture_id"],
        return_url=row["return_url"],
        cancel_url=row["cancel_url"],
        description=row["description"],
        funding_id=row["funding_id"],
    )


async def insert_payment(uow: UnitOfWork, wanted: NewPayment) -> Payment:
    """A new attempt, which no provider knows yet; that it was begun is its history's first line."""
    row = await uow.fetchrow_auditing(
        f"""
        WITH begun AS (
            INSERT INTO payments (id, order_id, method, provider, amount_minor, currency, channel, seller_id, agent_id,
                                  point_of_sale, expires_at, return_url, cancel_url, description, funding_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING {_PAYMENT}
        ), recorded AS (
            INSERT INTO payment_events (payment_id, kind, from_status, to_status, detail, actor)
            VALUES ($1, 'begun', NULL, $16, '{{}}', $17)
        )
        SELECT * FROM begun
        """,  # noqa: S608  # the column list is a constant
        wanted.id,
        wanted.order_id,
        wanted.method,
        wanted.provider,
        wanted.amount.minor,
        wanted.amount.currency,
        uow.actor.channel,
        uow.actor.seller_id,
        uow.actor.agent_id,
        wanted.point_of_sale,
        wanted.expires_at,
        wanted.return_url,
        wanted.cancel_url,
        wanted.description,
        wanted.funding_id,
        PaymentStatus.REQUIRES_PAYMENT,
        uow.actor.name,
    )
    return _payment(row)


async def lock_payment(uow: UnitOfWork, payment_id: PaymentId) -> Payment | None:
    """The attempt, locked until the unit of work ends."""
    row = await uow.connection.fetchrow(f"SELECT {_PAYMENT} FROM payments WHERE id = $1 FOR UPDATE", payment_id)  # noqa: S608  # a constant
    return _payment(row) if row else None


async def find_payment(connection: Connection, payment_id: PaymentId) -> Payment | None:
    """The attempt, not locked."""
    row = await connection.fetchrow(f"SELECT {_PAYMENT} FROM payments WHERE id = $1", payment_id)  # noqa: S608  # a constant
    return _payment(row) if row else None


async def find_payment_at_provider(connection: Connection, provider: str, provider_payment_id: str) -> Payment | None:
    """The attempt that the provider knows under this id, the attempt's own or that of its money."""
    row = await connection.fetchrow(
        f"""
        SELECT {_PAYMENT} FROM payments
        WHERE provider = $1 AND (provider_payment_id = $2 OR provider_capture_id = $2)
        """,  # noqa: S608  # the column list is a constant
        provider,
        provider_payment_id,
    )
    return _payment(row) if row else None


async def payments_of_order(connection: Connection, order_id: OrderId) -> list[Payment]:
    """All attempts to pay the order, oldest first."""
    rows = await connection.fetch(
        f"SELECT {_PAYMENT} FROM payments WHERE order_id = $1 ORDER BY created_at, id",  # noqa: S608  # a constant
        order_id,
    )
    return [_payment(row) for row in rows]


async def unfinished_payments(connection: Connection, *, older_than_seconds: float, limit: int) -> list[Payment]:
    """Open attempts that nothing has touched for a while: begun and never called, or called and never settled."""
    rows = await connection.fetch(
        f"""
        SELECT {_PAYMENT} FROM payments
        WHERE status IN ('requires_payment', 'requires_action', 'processing', 'failed')
          AND updated_at < ais_now() - make_interval(secs => $1)
        ORDER BY updated_at LIMIT $2
        """,  # noqa: S608  # the column list is a constant
        older_than_seconds,
        limit,
    )
    return [_payment(row) for row in rows]


async def write_provider_state(
    uow: UnitOfWork,
    payment: Payment,
    *,
    found: ProviderPayment,
    status: PaymentStatus,
    received: Money,
    failure_code: str | None,
) -> Payment:
    """The attempt as the provider holds it; its move and reason become history, by the same statement.

    The currency of what came is kept where it is another than was asked for.
    """
    row = await uow.connection.fetchrow(
        f"""
        WITH changed AS (
            UPDATE payments SET provider_payment_id = $2, status = $3, received_minor = $4, failure_code = $5,
                                received_currency = nullif($11::text, currency),
                                provider_capture_id = coalesce($6, provider_capture_id),
                                updated_at = ais_now(), version = version + 1
            WHERE id = $1 RETURNING {_PAYMENT}
        ), recorded AS (
            INSERT INTO payment_events (payment_id, kind, from_status, to_status, detail, actor)
            SELECT $1, 'reported', $7, $3, $8, $9 WHERE $10
        )
        SELECT * FROM changed
        """,  # noqa: S608  # the column list is a constant
        payment.id,
        found.id,
        status,
        received.minor,
        failure_code,
        found.capture_id,
        payment.status,
        {"failure_code": failure_code} if failure_code else {},
        uow.actor.name,
        status != payment.status or found.id != payment.provider_payment_id,
        received.currency,
    )
    return _payment(row)


async def close_payment(uow: UnitOfWork, payment: Payment, reason: str) -> None:
    """An attempt that the provider does not know ends without it."""
    await uow.execute_auditing(
        """
        WITH closed AS (
            UPDATE payments SET status = $3, updated_at = ais_now(), version = version + 1 WHERE id = $1
        )
        INSERT INTO payment_events (payment_id, kind, from_status, to_status, detail, actor)
        VALUES ($1, 'closed', $2, $3, $4, $5)
        """,
        payment.id,
        payment.status,
        PaymentStatus.CANCELLED,
        {"reason": reason},
        uow.actor.name,
    )


async def touch_payment(uow: UnitOfWork, payment_id: PaymentId) -> None:
    """Note that the attempt was looked at, so that it waits its turn again."""
    await uow.connection.execute("UPDATE payments SET updated_at = ais_now() WHERE id = $1", payment_id)
