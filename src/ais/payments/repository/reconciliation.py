"""Every statement on reconciliation: its kept reports, the payouts that are posted, and what it holds beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from ais.kit import Money
from ais.kit.ids import DisputeId, PaymentId, RefundId
from ais.payments.domain import DisputeStatus
from ais.payments.reconciliation import Kind, Outcome, Payout, Report, Row, Window
from ais.platform.database import Connection, UnitOfWork


async def insert_report(uow: UnitOfWork, report: Report) -> None:
    """A run has begun."""
    await uow.connection.execute(
        """
        INSERT INTO reconciliations (id, provider, since, until, dry_run, started_at, actor)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        report.id,
        report.provider,
        report.window.since,
        report.window.until,
        report.is_dry_run,
        report.started_at,
        uow.actor.name,
    )


async def finish_report(uow: UnitOfWork, report: Report) -> None:
    """The run has ended: its counts and its rows."""
    await uow.connection.execute(
        """
        UPDATE reconciliations SET finished_at = $2, scanned = $3, fixed = $4, failed = $5, skipped = $6 WHERE id = $1
        """,
        report.id,
        report.finished_at,
        report.scanned,
        report.fixed,
        report.failed,
        report.skipped,
    )
    await uow.connection.executemany(
        """
        INSERT INTO reconciliation_rows
            (reconciliation_id, number, kind, object_id, outcome, reason, own_id, amount_minor, currency)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        [
            (
                report.id,
                number,
                row.kind,
                row.object_id,
                row.outcome,
                row.reason,
                row.own_id,
                row.amount.minor if row.amount else None,
                row.amount.currency if row.amount else None,
            )
            for number, row in enumerate(report.rows, start=1)
        ],
    )


async def list_reports(connection: Connection, limit: int) -> list[Report]:
    """The newest runs, without their rows."""
    rows = await connection.fetch("SELECT * FROM reconciliations ORDER BY id DESC LIMIT $1", limit)
    return [_report(row) for row in rows]


async def find_report(connection: Connection, report_id: UUID) -> Report | None:
    """A run with its rows."""
    row = await connection.fetchrow("SELECT * FROM reconciliations WHERE id = $1", report_id)
    if row is None:
        return None
    report = _report(row)
    found = await connection.fetch(
        "SELECT * FROM reconciliation_rows WHERE reconciliation_id = $1 ORDER BY number", report_id
    )
    report.rows = [
        Row(
            kind=Kind(each["kind"]),
            object_id=each["object_id"],
            outcome=Outcome(each["outcome"]),
            reason=each["reason"],
            own_id=each["own_id"],
            amount=Money(each["amount_minor"], each["currency"]) if each["currency"] else None,
        )
        for each in found
    ]
    return report


def _report(row: Any) -> Report:
    return Report(
        id=row["id"],
        provider=row["provider"],
        window=Window(row["since"], row["until"]),
        is_dry_run=row["dry_run"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        scanned=row["scanned"],
        fixed=row["fixed"],
        failed=row["failed"],
        skipped=row["skipped"],
    )


async def money_of_window(connection: Connection, provider: str, window: Window) -> list[tuple[PaymentId, str]]:
    """The attempts of the window that the books hold as succeeded, each with what the provider calls its money."""
    rows = await connection.fetch(
        """
        SELECT id, coalesce(provider_capture_id, provider_payment_id) AS capture_id FROM payments
        WHERE provider = $1 AND status = 'succeeded' AND created_at >= $2 AND created_at < $3 ORDER BY id
        """,
        provider,
        window.since,
        window.until,
    )
    return [(PaymentId(row["id"]), row["capture_id"]) for row in rows]


async def refunds_of_window(connection: Connection, provider: str, window: Window) -> list[tuple[RefundId, str]]:
    """The refunds of the window that the books hold as succeeded, each with the provider's id."""
    rows = await connection.fetch(
        """
        SELECT refunds.id, provider_refund_id FROM refunds JOIN payments ON payments.id = refunds.payment_id
        WHERE provider = $1 AND refunds.status = 'succeeded' AND destination = 'original_payment'
          AND refunds.created_at >= $2 AND refunds.created_at < $3 ORDER BY refunds.id
        """,
        provider,
        window.since,
        window.until,
    )
    return [(RefundId(row["id"]), row["provider_refund_id"]) for row in rows]


class BookedDispute(msgspec.Struct, frozen=True):
    """A dispute as the books have it."""

    id: DisputeId
    payment_id: PaymentId
    provider_dispute_id: str
    status: DisputeStatus
    amount: Money


async def find_dispute_at_provider(
    connection: Connection, provider: str, provider_dispute_id: str
) -> BookedDispute | None:
    """The dispute that the provider knows under this id."""
    row = await connection.fetchrow(
        "SELECT * FROM disputes WHERE provider = $1 AND provider_dispute_id = $2", provider, provider_dispute_id
    )
    return _dispute(row) if row else None


async def undecided_disputes(connection: Connection, provider: str) -> list[BookedDispute]:
    """All that the books hold as undecided, however old: their end is told months after their beginning."""
    rows = await connection.fetch(
        "SELECT * FROM disputes WHERE provider = $1 AND status IN ('inquiry', 'open') ORDER BY id", provider
    )
    return [_dispute(row) for row in rows]


def _dispute(row: Any) -> BookedDispute:
    return BookedDispute(
        DisputeId(row["id"]),
        PaymentId(row["payment_id"]),
        row["provider_dispute_id"],
        DisputeStatus(row["status"]),
        Money(row["amount_minor"], row["currency"]),
    )


async def insert_payout(uow: UnitOfWork, provider: str, payout: Payout, fees: Money) -> bool:
    """A payout is posted; False if it was before. A rival that is about to post it is waited for."""
    return bool(
        await uow.connection.fetchval(
            """
            INSERT INTO payouts (provider, payout_id, amount_minor, fees_minor, currency) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (provider, payout_id) DO NOTHING RETURNING true
            """,
            provider,
            payout.id,
            payout.amount.minor,
            fees.minor,
            payout.amount.currency,
        )
    )


async def return_payout(uow: UnitOfWork, provider: str, payout_id: str) -> bool:
    """A posted payout came back; False if it was not posted, or its return was noted before."""
    done: str = await uow.connection.execute(
        "UPDATE payouts SET returned_at = ais_now() WHERE provider = $1 AND payout_id = $2 AND returned_at IS NULL",
        provider,
        payout_id,
    )
    return done == "UPDATE 1"


async def posted_payouts(connection: Connection, provider: str, payout_ids: Sequence[str]) -> dict[str, bool]:
    """Those of the payouts that are posted, each with whether it came back."""
    rows = await connection.fetch(
        "SELECT payout_id, returned_at IS NOT NULL AS returned FROM payouts"
        " WHERE provider = $1 AND payout_id = ANY($2)",
        provider,
        list(payout_ids),
    )
    return {row["payout_id"]: row["returned"] for row in rows}
