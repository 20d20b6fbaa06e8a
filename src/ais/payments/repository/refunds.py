"""Every statement and lock on refunds; the payment is locked before its refunds."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from ais.kit import Money
from ais.kit.ids import OrderId, PaymentId, RefundId
from ais.payments.domain import Payment, Refund, RefundDestination, RefundStatus
from ais.platform.database import Connection, UnitOfWork


def _refund(row: asyncpg.Record) -> Refund:
    return Refund(
        id=RefundId(row["id"]),
        payment_id=PaymentId(row["payment_id"]),
        order_id=OrderId(row["order_id"]),
        amount=Money(row["amount_minor"], row["currency"]),
        status=RefundStatus(row["status"]),
        reason=row["reason"],
        provider_refund_id=row["provider_refund_id"],
        destination=RefundDestination(row["destination"]),
    )


async def insert_refund(
    uow: UnitOfWork,
    refund_id: RefundId,
    payment: Payment,
    amount: Money,
    reason: str,
    destination: RefundDestination = RefundDestination.ORIGINAL_PAYMENT,
) -> Refund:
    """A refund on its way. The payment must be locked: its counter goes up with the row, and a CHECK stands behind."""
    row = await uow.connection.fetchrow(
        """
        INSERT INTO refunds (id, payment_id, order_id, amount_minor, currency, reason, actor, channel, destination)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *
        """,
        refund_id,
        payment.id,
        payment.order_id,
        amount.minor,
        amount.currency,
        reason,
        uow.actor.name,
        uow.actor.channel,
        destination,
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


async def failed_refunds(connection: Connection, payment_id: PaymentId) -> list[Refund]:
    """The refunds of a payment that have failed, the oldest first."""
    rows = await connection.fetch(
        "SELECT * FROM refunds WHERE payment_id = $1 AND status = 'failed' ORDER BY created_at, id", payment_id
    )
    return [_refund(row) for row in rows]


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
    """What has gone back of the order's money in all, in minor units: the sum of its successful refunds. Money of
    another currency than was asked for was never the order's, and neither is what went back of it.
    """
    minor: int = await connection.fetchval(
        """
        SELECT coalesce(sum(refund.amount_minor), 0)::bigint
        FROM refunds AS refund JOIN payments AS payment ON payment.id = refund.payment_id
        WHERE refund.order_id = $1 AND refund.status = 'succeeded' AND payment.received_currency IS NULL
        """,
        order_id,
    )
    return minor


async def has_pending_refund(connection: Connection, order_id: OrderId) -> bool:
    """Whether money of the order is still on its way back."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM refunds WHERE order_id = $1 AND status = 'pending')", order_id
    )
    return found


async def pending_refunds(connection: Connection, *, older_than_seconds: float, limit: int) -> list[RefundId]:
    """Refunds that are decided and have not reached their end."""
    rows = await connection.fetch(
        "SELECT id FROM refunds WHERE status = 'pending' AND updated_at < ais_now() - make_interval(secs => $1)"
        " ORDER BY created_at LIMIT $2",
        older_than_seconds,
        limit,
    )
    return [RefundId(row["id"]) for row in rows]


async def list_refunds(
    connection: Connection,
    *,
    status: RefundStatus | None,
    limit: int,
    before: tuple[datetime, UUID] | None = None,
) -> list[tuple[Refund, str | None, datetime]]:
    """Refunds with why they failed and when they were begun, the newest first; ``before`` goes on after the last one
    of an earlier list.
    """
    arguments: list[object] = [limit]
    conditions = ["true"]
    if status is not None:
        arguments.append(status)
        conditions.append(f"status = ${len(arguments)}")
    if before is not None:
        arguments += before
        conditions.append(f"(created_at, id) < (${len(arguments) - 1}, ${len(arguments)})")
    # One statement for each kind of list: in one for all of them no plan that is kept could use an index for its kind.
    rows = await connection.fetch(
        f"""
        SELECT * FROM refunds WHERE {" AND ".join(conditions)} ORDER BY created_at DESC, id DESC LIMIT $1
        """,  # noqa: S608  # made of constants
        *arguments,
    )
    return [(_refund(row), row["failure_code"], row["created_at"]) for row in rows]
