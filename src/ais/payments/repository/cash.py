"""Every statement and lock on cash. A shift is locked after payments and refunds, its office after it, last of all,
for every receipt of the office meets there.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from ais.kit import Money
from ais.kit.ids import CashShiftId
from ais.payments.domain import CashReceipt, CashShift, ShiftStatus
from ais.platform.database import Connection, UnitOfWork

_SHIFT = """
    SELECT shift.*, office.code AS office, office.currency
    FROM cash_shifts AS shift JOIN cash_offices AS office ON office.id = shift.office_id
"""


def _shift(row: asyncpg.Record) -> CashShift:
    code = row["currency"]
    return CashShift(
        id=CashShiftId(row["id"]),
        office=row["office"],
        clerk=row["clerk"],
        status=ShiftStatus(row["status"]),
        opening_float=Money(row["float_minor"], code),
        taken=Money(row["taken_minor"], code),
        paid_out=Money(row["paid_out_minor"], code),
        counted=Money(row["counted_minor"], code) if row["counted_minor"] is not None else None,
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        written_off_at=row["written_off_at"],
    )


def _receipt(row: asyncpg.Record) -> CashReceipt:
    return CashReceipt(
        number=row["receipt_number"],
        office=row["office"],
        shift_id=CashShiftId(row["shift_id"]),
        kind=row["kind"],
        amount=Money(row["amount_minor"], row["currency"]),
        cause_id=row["cause_id"],
        recorded_at=row["recorded_at"],
    )


async def insert_office(uow: UnitOfWork, office_id: UUID, code: str, name: str, currency: str) -> bool:
    """A new office; answers False if another has the code."""
    status: str = await uow.connection.execute(
        "INSERT INTO cash_offices (id, code, name, currency) VALUES ($1, $2, $3, $4) ON CONFLICT (code) DO NOTHING",
        office_id,
        code,
        name,
        currency,
    )
    return status.endswith(" 1")


async def find_office(connection: Connection, code: str) -> tuple[UUID, str] | None:
    """The id and currency of the office of this code."""
    row = await connection.fetchrow("SELECT id, currency FROM cash_offices WHERE code = $1", code)
    return (row["id"], row["currency"]) if row else None


async def insert_shift(
    uow: UnitOfWork, shift_id: CashShiftId, office_id: UUID, clerk: str, opening_float: Money
) -> bool:
    """A new open shift; answers False if the clerk has one open in this office."""
    status: str = await uow.connection.execute(
        "INSERT INTO cash_shifts (id, office_id, clerk, float_minor) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (office_id, clerk) WHERE status = 'open' DO NOTHING",
        shift_id,
        office_id,
        clerk,
        opening_float.minor,
    )
    return status.endswith(" 1")


async def find_shift(connection: Connection, shift_id: CashShiftId) -> CashShift | None:
    """The shift, not locked."""
    row = await connection.fetchrow(f"{_SHIFT} WHERE shift.id = $1", shift_id)
    return _shift(row) if row else None


async def lock_shift(uow: UnitOfWork, shift_id: CashShiftId) -> CashShift | None:
    """The shift, locked until the unit of work ends."""
    row = await uow.connection.fetchrow(f"{_SHIFT} WHERE shift.id = $1 FOR UPDATE OF shift", shift_id)
    return _shift(row) if row else None


async def list_shifts(
    connection: Connection, *, only_open: bool, limit: int, before: tuple[datetime, UUID] | None = None
) -> list[CashShift]:
    """Shifts, the newest first; ``before`` goes on after the last one of an earlier list."""
    opened_at, shift_id = before or (None, None)
    rows = await connection.fetch(
        f"""
        {_SHIFT} WHERE (NOT $1 OR shift.status = 'open')
          AND ($2::timestamptz IS NULL OR (shift.opened_at, shift.id) < ($2, $3::uuid))
        ORDER BY shift.opened_at DESC, shift.id DESC LIMIT $4
        """,
        only_open,
        opened_at,
        shift_id,
        limit,
    )
    return [_shift(row) for row in rows]


async def write_closed(uow: UnitOfWork, shift_id: CashShiftId, counted: Money) -> None:
    """The locked shift was counted and is closed."""
    await uow.connection.execute(
        "UPDATE cash_shifts SET status = 'closed', counted_minor = $2, closed_at = ais_now() WHERE id = $1",
        shift_id,
        counted.minor,
    )


async def write_written_off(uow: UnitOfWork, shift_id: CashShiftId) -> None:
    """The difference of the locked shift is written off."""
    await uow.connection.execute("UPDATE cash_shifts SET written_off_at = ais_now() WHERE id = $1", shift_id)


async def write_receipt(
    uow: UnitOfWork, shift_id: CashShiftId, kind: str, amount: Money, cause_id: UUID
) -> CashReceipt:
    """Cash over the counter of the locked shift (negative goes out), under the office's next number. The office's row
    is locked for the number, so that none is skipped or given twice, whatever is rolled back.
    """
    row = await uow.connection.fetchrow(
        """
        WITH moved AS (
            UPDATE cash_shifts SET taken_minor = taken_minor + greatest($2::bigint, 0),
                                   paid_out_minor = paid_out_minor + greatest(-$2::bigint, 0)
            WHERE id = $1 RETURNING id, office_id
        ), numbered AS (
            UPDATE cash_offices SET next_receipt = next_receipt + 1 WHERE id = (SELECT office_id FROM moved)
            RETURNING id, code, currency, next_receipt - 1 AS number
        ), written AS (
            INSERT INTO cash_receipts (office_id, receipt_number, shift_id, kind, amount_minor, cause_id, actor)
            SELECT numbered.id, numbered.number, moved.id, $3, $2, $4, $5 FROM moved, numbered RETURNING *
        )
        SELECT written.*, numbered.code AS office, numbered.currency FROM written, numbered
        """,
        shift_id,
        amount.minor,
        kind,
        cause_id,
        uow.actor.name,
    )
    return _receipt(row)


async def find_receipt(connection: Connection, kind: str, cause_id: UUID) -> CashReceipt | None:
    """The receipt that this cause was given."""
    row = await connection.fetchrow(
        """
        SELECT receipt.*, office.code AS office, office.currency FROM cash_receipts AS receipt
        JOIN cash_offices AS office ON office.id = receipt.office_id WHERE kind = $1 AND cause_id = $2
        """,
        kind,
        cause_id,
    )
    return _receipt(row) if row else None
