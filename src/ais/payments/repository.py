"""Every statement and lock on payments, refunds and provider events. Lock order: a payment before its refunds."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from ais.kit import Money
from ais.kit.ids import OrderId, PaymentId, RefundId
from ais.payments.domain import (
    Payment,
    PaymentMethod,
    PaymentStatus,
    ProviderEvent,
    Refund,
    RefundStatus,
)
from ais.platform.database import Connection, UnitOfWork

_PAYMENT = """
    id, order_id, method, provider, provider_payment_id, status, amount_minor, currency, received_minor,
    refunded_minor, failure_code, created_at, expires_at
"""


def _payment(row: asyncpg.Record) -> Payment:
    return Payment(
        id=PaymentId(row["id"]),
        order_id=OrderId(row["order_id"]),
        method=PaymentMethod(row["method"]),
        provider=row["provider"],
        provider_payment_id=row["provider_payment_id"],
        status=PaymentStatus(row["status"]),
        amount=Money(row["amount_minor"], row["currency"]),
        received=Money(row["received_minor"], row["currency"]),
        refunded=Money(row["refunded_minor"], row["currency"]),
        failure_code=row["failure_code"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


async def insert_payment(
    uow: UnitOfWork,
    payment_id: PaymentId,
    order_id: OrderId,
    method: PaymentMethod,
    provider: str,
    amount: Money,
    expires_at: datetime,
    point_of_sale: str | None,
) -> Payment:
    """A new attempt, which no provider knows yet."""
    row = await uow.connection.fetchrow(
        f"""
        INSERT INTO payments (id, order_id, method, provider, amount_minor, currency, channel, seller_id, agent_id,
                              point_of_sale, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING {_PAYMENT}
        """,  # noqa: S608  # the column list is a constant
        payment_id,
        order_id,
        method,
        provider,
        amount.minor,
        amount.currency,
        uow.actor.channel,
        uow.actor.seller_id,
        uow.actor.agent_id,
        point_of_sale,
        expires_at,
    )
    await _record(uow, payment_id, "begun", None, PaymentStatus.REQUIRES_PAYMENT, {})
    return _payment(row)


async def _record(
    uow: UnitOfWork, payment_id: UUID, kind: str, before: str | None, after: str, detail: dict[str, Any]
) -> None:
    await uow.connection.execute(
        "INSERT INTO payment_events (payment_id, kind, from_status, to_status, detail, actor)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        payment_id,
        kind,
        before,
        after,
        detail,
        uow.actor.name,
    )


async def lock_payment(uow: UnitOfWork, payment_id: PaymentId) -> Payment | None:
    """The attempt, locked until the unit of work ends."""
    row = await uow.connection.fetchrow(f"SELECT {_PAYMENT} FROM payments WHERE id = $1 FOR UPDATE", payment_id)  # noqa: S608  # a constant
    return _payment(row) if row else None


async def find_payment(connection: Connection, payment_id: PaymentId) -> Payment | None:
    """The attempt, not locked."""
    row = await connection.fetchrow(f"SELECT {_PAYMENT} FROM payments WHERE id = $1", payment_id)  # noqa: S608  # a constant
    return _payment(row) if row else None


async def find_payment_at_provider(connection: Connection, provider: str, provider_payment_id: str) -> Payment | None:
    """The attempt that the provider knows under this id."""
    row = await connection.fetchrow(
        f"SELECT {_PAYMENT} FROM payments WHERE provider = $1 AND provider_payment_id = $2",  # noqa: S608  # a constant
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
    provider_payment_id: str,
    status: PaymentStatus,
    received: Money,
    failure_code: str | None,
) -> Payment:
    """The attempt as the provider holds it; its move and reason become history."""
    row = await uow.connection.fetchrow(
        f"""
        UPDATE payments SET provider_payment_id = $2, status = $3, received_minor = $4, failure_code = $5,
                            updated_at = ais_now(), version = version + 1
        WHERE id = $1 RETURNING {_PAYMENT}
        """,  # noqa: S608  # the column list is a constant
        payment.id,
        provider_payment_id,
        status,
        received.minor,
        failure_code,
    )
    if status != payment.status or provider_payment_id != payment.provider_payment_id:
        detail = {"failure_code": failure_code} if failure_code else {}
        await _record(uow, payment.id, "reported", payment.status, status, detail)
    return _payment(row)


async def close_payment(uow: UnitOfWork, payment: Payment, reason: str) -> None:
    """An attempt that the provider does not know ends without it."""
    await uow.connection.execute(
        "UPDATE payments SET status = 'cancelled', updated_at = ais_now(), version = version + 1 WHERE id = $1",
        payment.id,
    )
    await _record(uow, payment.id, "closed", payment.status, PaymentStatus.CANCELLED, {"reason": reason})


async def touch_payment(uow: UnitOfWork, payment_id: PaymentId) -> None:
    """Note that the attempt was looked at, so that it waits its turn again."""
    await uow.connection.execute("UPDATE payments SET updated_at = ais_now() WHERE id = $1", payment_id)


def _refund(row: asyncpg.Record) -> Refund:
    return Refund(
        id=RefundId(row["id"]),
        payment_id=PaymentId(row["payment_id"]),
        order_id=OrderId(row["order_id"]),
        amount=Money(row["amount_minor"], row["currency"]),
        status=RefundStatus(row["status"]),
        reason=row["reason"],
        provider_refund_id=row["provider_refund_id"],
    )


async def insert_refund(uow: UnitOfWork, refund_id: RefundId, payment: Payment, amount: Money, reason: str) -> Refund:
    """A refund on its way. The payment must be locked: its counter goes up with the row, and a CHECK stands behind."""
    row = await uow.connection.fetchrow(
        """
        INSERT INTO refunds (id, payment_id, order_id, amount_minor, currency, reason, actor, channel)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *
        """,
        refund_id,
        payment.id,
        payment.order_id,
        amount.minor,
        amount.currency,
        reason,
        uow.actor.name,
        uow.actor.channel,
    )
    await uow.connection.execute(
        "UPDATE payments SET refunded_minor = refunded_minor + $2, updated_at = ais_now() WHERE id = $1",
        payment.id,
        amount.minor,
    )
    return _refund(row)


async def find_refund(connection: Connection, refund_id: RefundId) -> Refund | None:
    """The refund, not locked."""
    row = await connection.fetchrow("SELECT * FROM refunds WHERE id = $1", refund_id)
    return _refund(row) if row else None


async def find_refund_at_provider(connection: Connection, provider_refund_id: str) -> RefundId | None:
    """The refund that the provider knows under this id."""
    found = await connection.fetchval("SELECT id FROM refunds WHERE provider_refund_id = $1", provider_refund_id)
    return RefundId(found) if found is not None else None


async def lock_refund(uow: UnitOfWork, refund_id: RefundId) -> Refund | None:
    """The refund, with its payment locked before it."""
    await uow.connection.execute(
        "SELECT FROM payments WHERE id = (SELECT payment_id FROM refunds WHERE id = $1) FOR UPDATE", refund_id
    )
    row = await uow.connection.fetchrow("SELECT * FROM refunds WHERE id = $1 FOR UPDATE", refund_id)
    return _refund(row) if row else None


async def write_refund_state(
    uow: UnitOfWork, refund: Refund, status: RefundStatus, provider_refund_id: str | None, failure_code: str | None
) -> None:
    """The refund as the provider holds it; a failed one counts as not given back."""
    await uow.connection.execute(
        "UPDATE refunds SET status = $2, provider_refund_id = $3, failure_code = $4, updated_at = ais_now()"
        " WHERE id = $1",
        refund.id,
        status,
        provider_refund_id,
        failure_code,
    )
    if status is RefundStatus.FAILED and refund.status is not RefundStatus.FAILED:
        await uow.connection.execute(
            "UPDATE payments SET refunded_minor = refunded_minor - $2, updated_at = ais_now() WHERE id = $1",
            refund.payment_id,
            refund.amount.minor,
        )


async def refunded_of_order(connection: Connection, order_id: OrderId) -> int:
    """What has gone back of the order's money in all, in minor units: the sum of its successful refunds."""
    minor: int = await connection.fetchval(
        "SELECT coalesce(sum(amount_minor), 0)::bigint FROM refunds WHERE order_id = $1 AND status = 'succeeded'",
        order_id,
    )
    return minor


async def pending_refunds(connection: Connection, *, older_than_seconds: float, limit: int) -> list[RefundId]:
    """Refunds that are decided and have not reached their end."""
    rows = await connection.fetch(
        "SELECT id FROM refunds WHERE status = 'pending' AND updated_at < ais_now() - make_interval(secs => $1)"
        " ORDER BY created_at LIMIT $2",
        older_than_seconds,
        limit,
    )
    return [RefundId(row["id"]) for row in rows]


async def store_event(uow: UnitOfWork, provider: str, event: ProviderEvent, body: bytes) -> bool:
    """Keep the raw message under its event id; answers whether it is the first delivery."""
    return bool(
        await uow.connection.fetchval(
            """
            INSERT INTO provider_events AS stored (provider, event_id, type, object_id, provider_payment_id, body)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (provider, event_id) DO UPDATE SET deliveries = stored.deliveries + 1
            RETURNING deliveries = 1
            """,
            provider,
            event.id,
            event.type,
            event.object_id,
            event.payment_id,
            body,
        )
    )


async def mark_event(uow: UnitOfWork, provider: str, event_id: str, state: str) -> None:
    """Note what became of a stored message."""
    await uow.connection.execute(
        "UPDATE provider_events SET state = $3, handled_at = ais_now() WHERE provider = $1 AND event_id = $2",
        provider,
        event_id,
        state,
    )
