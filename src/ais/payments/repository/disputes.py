"""Every statement on disputes. A dispute is locked after its payment and the payment's refunds."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from ais.kit import Money
from ais.kit.ids import DisputeId, OrderId, PaymentId
from ais.payments.domain import Dispute, DisputeStatus, Payment, ProviderDispute
from ais.platform.database import Connection, UnitOfWork


def _dispute(row: asyncpg.Record) -> Dispute:
    return Dispute(
        id=DisputeId(row["id"]),
        payment_id=PaymentId(row["payment_id"]),
        order_id=OrderId(row["order_id"]),
        provider_dispute_id=row["provider_dispute_id"],
        amount=Money(row["amount_minor"], row["currency"]),
        reason=row["reason"],
        status=DisputeStatus(row["status"]),
        answer_by=row["answer_by"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
    )


async def lock_dispute(uow: UnitOfWork, dispute_id: DisputeId) -> Dispute | None:
    """The dispute, locked until the unit of work ends; its payment must be locked before it."""
    row = await uow.connection.fetchrow("SELECT * FROM disputes WHERE id = $1 FOR UPDATE", dispute_id)
    return _dispute(row) if row else None


async def insert_dispute(
    uow: UnitOfWork, dispute_id: DisputeId, payment: Payment, found: ProviderDispute, status: DisputeStatus
) -> Dispute:
    """A dispute of the locked payment, in the first state that it can have had."""
    row = await uow.connection.fetchrow(
        """
        INSERT INTO disputes (id, payment_id, order_id, provider, provider_dispute_id, amount_minor, currency, reason,
                              status, answer_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING *
        """,
        dispute_id,
        payment.id,
        payment.order_id,
        payment.provider,
        found.id,
        found.amount.minor,
        found.amount.currency,
        found.reason,
        status,
        found.answer_by,
    )
    await _record(uow, dispute_id, None, status)
    return _dispute(row)


async def write_dispute(uow: UnitOfWork, dispute: Dispute, status: DisputeStatus) -> Dispute:
    """The locked dispute in its next state, which becomes history."""
    row = await uow.connection.fetchrow(
        """
        UPDATE disputes SET status = $2, updated_at = ais_now(),
                            closed_at = CASE WHEN $2 IN ('inquiry', 'open') THEN NULL ELSE ais_now() END
        WHERE id = $1 RETURNING *
        """,
        dispute.id,
        status,
    )
    await _record(uow, dispute.id, dispute.status, status)
    return _dispute(row)


async def _record(uow: UnitOfWork, dispute_id: UUID, before: str | None, after: str) -> None:
    await uow.connection.execute(
        "INSERT INTO dispute_events (dispute_id, from_status, to_status, actor) VALUES ($1, $2, $3, $4)",
        dispute_id,
        before,
        after,
        uow.actor.name,
    )


async def disputes_of_order(connection: Connection, order_id: OrderId) -> list[Dispute]:
    """All disputes about the money that counts for the order, oldest first."""
    rows = await connection.fetch(
        """
        SELECT dispute.* FROM disputes AS dispute JOIN payments AS payment ON payment.id = dispute.payment_id
        WHERE dispute.order_id = $1 AND payment.received_currency IS NULL ORDER BY dispute.opened_at, dispute.id
        """,
        order_id,
    )
    return [_dispute(row) for row in rows]


async def has_undecided_dispute(connection: Connection, order_id: OrderId) -> bool:
    """Whether a bank asks or decides about any money that came for the order, counted or not."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM disputes WHERE order_id = $1 AND status IN ('inquiry', 'open'))", order_id
    )
    return found


async def taken_by_disputes(connection: Connection, payment_id: PaymentId) -> tuple[bool, int]:
    """Whether a dispute of the payment is open, and what lost ones have taken of it, in minor units."""
    row = await connection.fetchrow(
        """
        SELECT coalesce(bool_or(status = 'open'), false) AS open,
               coalesce(sum(amount_minor) FILTER (WHERE status = 'lost'), 0)::bigint AS lost
        FROM disputes WHERE payment_id = $1
        """,
        payment_id,
    )
    assert row is not None
    return row["open"], row["lost"]


async def list_disputes(
    connection: Connection,
    *,
    status: DisputeStatus | None = None,
    limit: int,
    before: tuple[datetime, UUID] | None = None,
) -> list[Dispute]:
    """Disputes, the newest first; ``before`` goes on after the last one of an earlier list."""
    arguments: list[object] = [limit]
    conditions = ["true"]
    if status is not None:
        arguments.append(status)
        conditions.append(f"status = ${len(arguments)}")
    if before is not None:
        arguments += before
        conditions.append(f"(opened_at, id) < (${len(arguments) - 1}, ${len(arguments)})")
    # One statement for each kind of list: in one for all of them no plan that is kept could use an index for its kind.
    rows = await connection.fetch(
        f"""
        SELECT * FROM disputes WHERE {" AND ".join(conditions)} ORDER BY opened_at DESC, id DESC LIMIT $1
        """,  # noqa: S608  # made of constants
        *arguments,
    )
    return [_dispute(row) for row in rows]


async def disputes_to_answer(connection: Connection, *, only_open: bool, limit: int) -> list[Dispute]:
    """Disputes, those first whose answer is due first."""
    rows = await connection.fetch(
        """
        SELECT * FROM disputes WHERE NOT $1 OR status IN ('inquiry', 'open')
        ORDER BY closed_at DESC NULLS FIRST, answer_by NULLS LAST, opened_at LIMIT $2
        """,
        only_open,
        limit,
    )
    return [_dispute(row) for row in rows]
