"""The books by the airline's days: a day ends at midnight in the accounting zone."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ais.kit import Actor
from ais.ledger.repository import reports
from ais.platform.audit import Entry
from ais.platform.database import Connection, Database


def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day. Raises ValueError for days at the end of the calendar."""
    return datetime.combine(day, time.min, zone)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant after a day. Raises ValueError for the last day of the calendar."""
    try:
        return begin_of(day + timedelta(days=1), zone)
    except OverflowError as problem:
        raise ValueError(str(problem)) from None


def today(database: Database, zone: ZoneInfo) -> date:
    """The airline's day now."""
    return database.clock.now().astimezone(zone).date()


async def record_export(database: Database, actor: Actor, what: str, form: str, correlation_id: str = "") -> None:
    """The audit trail says that the books, or a report of them, left the house."""
    entry = Entry(action="ledger.exported", subject=f"ledger:{what}", after={"format": form})
    await database.audit(actor, entry, correlation_id or None)


async def balances_on(
    connection: Connection, day: date, zone: ZoneInfo, *, details: bool = False
) -> list[reports.BalanceRow]:
    """Balances at the end of ``day``."""
    return await reports.balances(connection, end_of(day, zone), details=details)


async def trial_balance_of(
    connection: Connection, first: date, last: date, zone: ZoneInfo
) -> list[reports.TrialBalanceRow]:
    """The trial balance from the beginning of ``first`` to the end of ``last``."""
    return await reports.trial_balance(connection, begin_of(first, zone), end_of(last, zone))


async def sales_of(connection: Connection, day: date, zone: ZoneInfo) -> list[reports.SalesRow]:
    """What was sold and given back on ``day``."""
    return await reports.sales(connection, begin_of(day, zone), end_of(day, zone))


async def unflown_on(connection: Connection, day: date, zone: ZoneInfo) -> list[reports.UnflownRow]:
    """The unflown liability at the end of ``day``."""
    return await reports.unflown(connection, end_of(day, zone))
