"""Reconciliation: page through the provider's own lists, compare with the books, and finish what differs.

What differs is settled by the functions that every other way goes through too, so that a run is safe twice and beside
itself. What that does not mend is reported with a reason, kept, and put before staff. No transaction waits for the
provider: each object is looked at, then settled in transactions of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta

import msgspec

from ais.kit import Actor, AppError, Money, decode_id, encode_id, ids, new_uuid
from ais.kit.ids import PaymentId, RefundId
from ais.payments import repository
from ais.payments.domain import Payment, PaymentStatus, ProviderPayment, Refund, RefundStatus
from ais.payments.errors import ProviderError
from ais.payments.ports import Gateways, SettlesPayments
from ais.payments.reconciliation import Kind, ListedDispute, ListedRefund, Outcome, ProviderLists, Report, Row, Window
from ais.payments.repository import reconciliation as kept
from ais.payments.service.dispute import follow_dispute
from ais.payments.service.payouts import MATTER, PAYOUTS_BEFORE, reconcile_payout
from ais.payments.service.refund import follow_refunds
from ais.platform.audit import Entry, record
from ais.platform.database import Connection, Database
from ais.platform.staff_queue import ask_staff, list_staff_queue, resolve_staff_queue
from ais.platform.telemetry import get_logger

log = get_logger("payments.reconciliation")

# What the books began just before the window, the provider may have made in it, and the other way round.
_EDGE = timedelta(minutes=10)


class Reconciler(msgspec.Struct, frozen=True):
    """What a run works with; ``settle`` brings an order to what its payment is now."""

    database: Database
    gateways: Gateways
    lists: ProviderLists
    settle: SettlesPayments
    actor: Actor
    correlation_id: str
    is_dry_run: bool = False


async def reconcile(run: Reconciler, window: Window) -> Report:
    """Compare everything in the window and keep the report.

    An object that the provider cannot be asked about fails alone. Raises ``ProviderError`` or ``ProviderTimeout`` if a
    list cannot be read; the report that was begun then has no end, and a repeat does it all again.
    """
    report = Report(
        id=new_uuid(),
        provider=run.lists.name,
        window=window,
        is_dry_run=run.is_dry_run,
        started_at=run.database.clock.now(),
    )
    async with run.database.unit_of_work(run.actor, run.correlation_id) as uow:
        await kept.insert_report(uow, report)
    agreed: set[str] = set()
    async for row in _all_rows(run, window):
        report.add(row)
        if row.outcome in {Outcome.AGREED, Outcome.FIXED}:
            agreed.add(row.object_id)
    report.finished_at = run.database.clock.now()
    async with run.database.unit_of_work(run.actor, run.correlation_id) as uow:
        await kept.finish_report(uow, report)
        await record(uow, _entry(report))
    if not run.is_dry_run:
        await _tell_staff(run, report, agreed)
    log.info(
        "reconciled",
        provider=report.provider,
        seconds=(report.finished_at - report.started_at).total_seconds(),
        dry_run=report.is_dry_run,
        scanned=report.scanned,
        fixed=report.fixed,
        failed=report.failed,
        skipped=report.skipped,
    )
    return report


def _entry(report: Report) -> Entry:
    """What was mended has entries of its own; this one says that somebody compared, and what came of it."""
    return Entry(
        action="reconciliation.run",
        subject=f"reconciliation:{report.id}",
        after={
            "provider": report.provider,
            "since": report.window.since.isoformat(),
            "until": report.window.until.isoformat(),
            "dry_run": report.is_dry_run,
            "scanned": report.scanned,
            "fixed": report.fixed,
            "failed": report.failed,
            "skipped": report.skipped,
        },
    )


async def _all_rows(run: Reconciler, window: Window) -> AsyncIterator[Row]:
    seen: set[str] = set()
    wide = Window(window.since - _EDGE, window.until + _EDGE)
    async for found in run.lists.payments(wide):
        seen.add(found.id)
        yield await _guarded(_payment_row(run, found), Kind.PAYMENT, found.id)
    async with run.database.connection() as connection:
        booked = await kept.money_of_window(connection, run.lists.name, window)
    for payment_id, capture_id in booked:
        if capture_id not in seen:
            yield await _guarded(_unlisted_payment(run, payment_id), Kind.PAYMENT, capture_id)
    seen = set()
    async for listed in run.lists.refunds(wide):
        seen.add(listed.refund.id)
        yield await _guarded(_refund_row(run, listed), Kind.REFUND, listed.refund.id)
    async with run.database.connection() as connection:
        returned = await kept.refunds_of_window(connection, run.lists.name, window)
    for refund_id, provider_refund_id in returned:
        if provider_refund_id not in seen:
            yield await _guarded(_unlisted_refund(run, refund_id), Kind.REFUND, provider_refund_id)
    seen = set()
    async for case in run.lists.disputes(wide):
        seen.add(case.dispute.id)
        yield await _guarded(_dispute_row(run, case), Kind.DISPUTE, case.dispute.id)
    async with run.database.connection() as connection:
        undecided = await kept.undecided_disputes(connection, run.lists.name)
    for dispute in undecided:
        if dispute.provider_dispute_id not in seen:
            yield await _guarded(_unlisted_dispute(run, dispute), Kind.DISPUTE, dispute.provider_dispute_id)
    async for payout in run.lists.payouts(Window(window.since - PAYOUTS_BEFORE, window.until)):
        rows = reconcile_payout(
            run.database, run.lists, payout, run.actor, run.correlation_id, is_dry_run=run.is_dry_run
        )
        async for row in rows:
            yield row


async def _guarded(work: Awaitable[Row], kind: Kind, object_id: str) -> Row:
    """The row that ``work`` comes to; one that says so if the provider could not be asked."""
    try:
        row = await work
    except AppError as problem:
        log.warning("reconciliation waits for the provider", object_id=object_id, code=problem.code)
        return Row(kind=kind, object_id=object_id, outcome=Outcome.FAILED, reason="unreachable")
    return row


async def _payment_row(run: Reconciler, found: ProviderPayment) -> Row:
    async with run.database.connection() as connection:
        payment = await _payment_of(connection, run.lists.name, found)
    if payment is None:
        took_money = found.status is PaymentStatus.SUCCEEDED and found.received
        return _row(Kind.PAYMENT, found.id, None, found.received, *(_UNKNOWN if took_money else _NO_MONEY))
    return await _settled(run, payment, found)


async def _settled(run: Reconciler, payment: Payment, found: ProviderPayment) -> Row:
    """Have an attempt settled if it is not what the provider holds, and see whether it is then."""
    own_id = encode_id(ids.PAYMENT, payment.id)
    money = found.received or found.amount
    if not _payment_differs(payment, found):
        return _row(Kind.PAYMENT, found.id, own_id, money, Outcome.AGREED, "")
    if run.is_dry_run:
        return _row(Kind.PAYMENT, found.id, own_id, money, Outcome.SKIPPED, "dry_run")
    await run.settle(run.database, run.gateways, payment.id, run.actor, run.correlation_id)
    async with run.database.connection() as connection:
        now = await repository.find_payment(connection, payment.id)
    if now is None or _payment_differs(now, found):
        return _row(Kind.PAYMENT, found.id, own_id, money, *_DIFFERS)
    return _row(Kind.PAYMENT, found.id, own_id, money, *_SETTLED)


def _payment_differs(payment: Payment, found: ProviderPayment) -> bool:
    """Whether money is at one side only, is another sum or another object's, or a closed attempt counts as open."""
    if found.status is PaymentStatus.SUCCEEDED or payment.status is PaymentStatus.SUCCEEDED:
        capture_id = payment.capture_id or payment.provider_payment_id
        return (payment.status, payment.received, capture_id) != (found.status, found.received, found.capture_id)
    return payment.is_open and found.status is PaymentStatus.CANCELLED


async def _payment_of(connection: Connection, provider: str, found: ProviderPayment) -> Payment | None:
    """The attempt that this is the money of: by the provider's id, or by the reference that we gave with it."""
    payment = await repository.find_payment_at_provider(connection, provider, found.id)
    own = decode_id(ids.PAYMENT, found.reference) if payment is None and found.reference is not None else None
    if own is not None:
        payment = await repository.find_payment(connection, PaymentId(own))
        # An attempt that is known under another object is not this one: a second charge must not hide behind it.
        if payment is not None and payment.capture_id not in {None, found.id}:
            return None
    return payment


async def _unlisted_payment(run: Reconciler, payment_id: PaymentId) -> Row:
    """Money of the books that the list did not have, because it was made at another time than the attempt."""
    async with run.database.connection() as connection:
        payment = await repository.find_payment(connection, payment_id)
    assert payment is not None
    assert payment.provider_payment_id is not None
    try:
        found = await run.gateways.of(payment.provider).retrieve(payment.provider_payment_id)
    except ProviderError:
        return _row(
            Kind.PAYMENT,
            payment.capture_id or payment.provider_payment_id,
            encode_id(ids.PAYMENT, payment_id),
            payment.received,
            *_MISSING,
        )
    return await _settled(run, payment, msgspec.structs.replace(found, id=found.capture_id or found.id))


async def _refund_row(run: Reconciler, listed: ListedRefund) -> Row:
    found = listed.refund
    async with run.database.connection() as connection:
        payment = await repository.find_payment_at_provider(connection, run.lists.name, listed.capture_id)
        refund = await _refund_of(connection, listed)
    own_id = encode_id(ids.REFUND, refund.id) if refund is not None else None
    if payment is None:
        moved = found.status is not RefundStatus.FAILED
        return _row(Kind.REFUND, found.id, own_id, found.amount, *(_UNKNOWN if moved else _NO_MONEY))
    if refund is None and found.status is RefundStatus.FAILED:
        return _row(Kind.REFUND, found.id, None, found.amount, *_NO_MONEY)
    if not _refund_differs(refund, listed):
        return _row(Kind.REFUND, found.id, own_id, found.amount, Outcome.AGREED, "")
    if run.is_dry_run:
        return _row(Kind.REFUND, found.id, own_id, found.amount, Outcome.SKIPPED, "dry_run")
    await follow_refunds(run.database, run.gateways, payment.id, run.actor, run.correlation_id)
    async with run.database.connection() as connection:
        refund = await _refund_of(connection, listed)
    own_id = encode_id(ids.REFUND, refund.id) if refund is not None else None
    outcome = _DIFFERS if _refund_differs(refund, listed) else _SETTLED
    return _row(Kind.REFUND, found.id, own_id, found.amount, *outcome)


def _refund_differs(refund: Refund | None, listed: ListedRefund) -> bool:
    found = listed.refund
    return refund is None or (refund.provider_refund_id, refund.status, refund.amount) != (
        found.id,
        found.status,
        found.amount,
    )


async def _refund_of(connection: Connection, listed: ListedRefund) -> Refund | None:
    refund_id = await repository.find_refund_at_provider(connection, listed.refund.id)
    if refund_id is None and listed.refund.reference is not None:
        own = decode_id(ids.REFUND, listed.refund.reference)
        refund_id = RefundId(own) if own is not None else None
    return await repository.find_refund(connection, refund_id) if refund_id is not None else None


async def _unlisted_refund(run: Reconciler, refund_id: RefundId) -> Row:
    """A refund of the books that the list did not have."""
    async with run.database.connection() as connection:
        refund = await repository.find_refund(connection, refund_id)
        assert refund is not None
        assert refund.provider_refund_id is not None
        payment = await repository.find_payment(connection, refund.payment_id)
    assert payment is not None
    try:
        found = await run.gateways.of(payment.provider).retrieve_refund(refund.provider_refund_id)
    except ProviderError:
        own_id = encode_id(ids.REFUND, refund_id)
        return _row(Kind.REFUND, refund.provider_refund_id, own_id, refund.amount, *_MISSING)
    capture_id = payment.capture_id or payment.provider_payment_id or ""
    return await _refund_row(run, ListedRefund(found, capture_id))


async def _dispute_row(run: Reconciler, case: ListedDispute) -> Row:
    found = case.dispute
    async with run.database.connection() as connection:
        payment = await repository.find_payment_at_provider(connection, run.lists.name, case.capture_id)
        booked = await kept.find_dispute_at_provider(connection, run.lists.name, found.id)
    own_id = encode_id(ids.DISPUTE, booked.id) if booked is not None else None
    if payment is None:
        return _row(Kind.DISPUTE, found.id, own_id, found.amount, *_UNKNOWN)
    if booked is not None and (booked.status, booked.amount) == (found.status, found.amount):
        return _row(Kind.DISPUTE, found.id, own_id, found.amount, Outcome.AGREED, "")
    if run.is_dry_run:
        return _row(Kind.DISPUTE, found.id, own_id, found.amount, Outcome.SKIPPED, "dry_run")
    await follow_dispute(run.database, run.gateways, run.settle, payment, found.id, run.actor, run.correlation_id)
    async with run.database.connection() as connection:
        booked = await kept.find_dispute_at_provider(connection, run.lists.name, found.id)
    agrees = booked is not None and (booked.status, booked.amount) == (found.status, found.amount)
    own_id = encode_id(ids.DISPUTE, booked.id) if booked is not None else None
    return _row(Kind.DISPUTE, found.id, own_id, found.amount, *(_SETTLED if agrees else _DIFFERS))


async def _unlisted_dispute(run: Reconciler, dispute: kept.BookedDispute) -> Row:
    """A dispute that began before the window and may have been decided in it."""
    async with run.database.connection() as connection:
        payment = await repository.find_payment(connection, dispute.payment_id)
    assert payment is not None
    try:
        found = await run.gateways.provider(payment.provider).retrieve_dispute(dispute.provider_dispute_id)
    except ProviderError:
        own_id = encode_id(ids.DISPUTE, dispute.id)
        return _row(Kind.DISPUTE, dispute.provider_dispute_id, own_id, dispute.amount, *_MISSING)
    return await _dispute_row(run, ListedDispute(found, payment.capture_id or payment.provider_payment_id or ""))


_UNKNOWN = (Outcome.FAILED, "unknown")
_NO_MONEY = (Outcome.SKIPPED, "no_money")
_DIFFERS = (Outcome.FAILED, "differs")
_MISSING = (Outcome.FAILED, "missing")
_SETTLED = (Outcome.FIXED, "settled")


def _row(kind: Kind, object_id: str, own_id: str | None, amount: Money, outcome: Outcome, reason: str) -> Row:
    return Row(kind=kind, object_id=object_id, outcome=outcome, reason=reason, own_id=own_id, amount=amount)


async def _tell_staff(run: Reconciler, report: Report, agreed: set[str]) -> None:
    """What failed is put before staff, once; what they were asked about and agrees by now is closed."""
    prefix = f"{report.provider}:"
    failed = [row for row in report.rows if row.outcome is Outcome.FAILED and row.reason != "unreachable"]
    async with run.database.unit_of_work(run.actor, run.correlation_id) as uow:
        # In one order, or two runs beside each other wait for one another.
        for row in sorted(failed, key=lambda row: row.object_id):
            await ask_staff(
                uow, MATTER, f"{prefix}{row.object_id}", reason=row.reason, about=row.kind, own_id=row.own_id
            )
    async with run.database.unit_of_work(run.actor, run.correlation_id) as uow:
        asked = [matter.subject for matter in await list_staff_queue(uow.connection) if matter.kind == MATTER]
        for subject in sorted(asked):
            if subject.removeprefix(prefix) in agreed:
                await resolve_staff_queue(uow, MATTER, subject)
