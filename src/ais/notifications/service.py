"""Telling people: a notice is written with what it tells of, then sent: begin (tx), send (no tx), settle (tx).

A mail server that is down, slow or silent delays mail and nothing else: one job sends, over one connection, and stops
at the first sign that the server takes nothing. What dies between sending and settling is sent again under the same
Message-ID.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from ais.kit import encode_id, system_actor
from ais.kit.ids import OrderId
from ais.notifications import repository
from ais.notifications.domain import PREFIX, Notice, NoticeKind, NoticeStatus, pause_after
from ais.notifications.letters import Letters
from ais.notifications.ports import MailDeferred, MailGateway, MailRefused, MailServerDown, MailSession
from ais.orders import find_order
from ais.platform.audit import Entry, record
from ais.platform.database import Database, UnitOfWork
from ais.platform.faults import fault_point
from ais.platform.staff_queue import ask_staff, resolve_staff_queue
from ais.platform.telemetry import describe_error, get_logger

log = get_logger("notifications")

DELIVER = "notifications.deliver"
AT_ONCE = 20
# Of what was taken, no mail is begun after BATCH_SECONDS, and one mail takes MAIL_SECONDS of the SMTP adapter at most:
# together less than the lease, so that nobody sends what this run is still sending.
BATCH_SECONDS = 20.0
LEASE = timedelta(seconds=45)
# A run hands over to the next one after this time, so that a worker that is to stop need not wait for it.
RUN_SECONDS = 60.0
_REST_AFTER_OUTAGE = timedelta(seconds=10)
_FAILED = "notice_failed"


class DeliveryReport(msgspec.Struct):
    """What one run did; ``is_server_down`` if it ended because the server takes nothing."""

    sent: int = 0
    failed: int = 0
    delayed: int = 0
    withdrawn: int = 0
    is_server_down: bool = False


async def tell(
    uow: UnitOfWork,
    kind: NoticeKind,
    order_id: OrderId,
    cause: str,
    *,
    after: timedelta = timedelta(),
    **details: Any,
) -> None:
    """Have whoever bought the order told; once for each ``cause`` (an id), however often this is called for it.

    ``details`` are ids of what it is about; ``after`` is how long to wait before it is sent, if it is true still.
    """
    order = await find_order(uow.connection, order_id)
    if order is None:
        raise LookupError(f"order {order_id} is gone")
    language = "ar" if order.language == "ar" else "en"
    written = await repository.insert_notice(uow, kind, order_id, cause, language, details, after)
    if written is not None and not after:
        uow.enqueue(DELIVER, {}, dedupe_key=DELIVER)


async def tell_account(uow: UnitOfWork, kind: NoticeKind, language: str, cause: str, **details: Any) -> None:
    """Have somebody told about their account; once for each ``cause``. ``details`` are ids of what it is about."""
    written = await repository.insert_notice(
        uow, kind, None, cause, "ar" if language == "ar" else "en", details, timedelta()
    )
    if written is not None:
        uow.enqueue(DELIVER, {}, dedupe_key=DELIVER)


async def deliver_due(database: Database, gateway: MailGateway, letters: Letters) -> DeliveryReport:
    """Send what is due until nothing is, or the server takes nothing; after a minute another run goes on."""
    report = DeliveryReport()
    began = time.monotonic()
    async with gateway.session() as session:
        while not report.is_server_down:
            async with database.unit_of_work(system_actor(DELIVER)) as uow:
                if time.monotonic() - began > RUN_SECONDS:
                    uow.enqueue(DELIVER, {}, dedupe_key=DELIVER)
                    break
                taken = await repository.lease_due(uow, AT_ONCE, LEASE)
            if taken:
                await _deliver(database, session, letters, taken, report, time.monotonic() + BATCH_SECONDS)
            elif not report.sent or not await _hurry_after_outage(database):
                break
    if msgspec.structs.astuple(report) != msgspec.structs.astuple(DeliveryReport()):
        log.info("notices delivered", **msgspec.structs.asdict(report))
    return report


async def _hurry_after_outage(database: Database) -> bool:
    """Something has just been sent: whether there are notices that rest because of an outage. They are due now."""
    async with database.unit_of_work(system_actor(DELIVER)) as uow:
        return await repository.hurry_after_outage(uow) > 0


async def _deliver(
    database: Database,
    session: MailSession,
    letters: Letters,
    taken: Sequence[Notice],
    report: DeliveryReport,
    stop_at: float,
) -> None:
    for position, notice in enumerate(taken):
        if report.is_server_down or time.monotonic() >= stop_at:
            rest = _REST_AFTER_OUTAGE if report.is_server_down else timedelta()
            async with database.unit_of_work(system_actor(DELIVER)) as uow:
                await repository.put_back(uow, [each.id for each in taken[position:]], rest)
            return
        await _send_one(database, session, letters, notice, report)


async def _send_one(
    database: Database, session: MailSession, letters: Letters, notice: Notice, report: DeliveryReport
) -> None:
    try:
        mail = await letters.write(database, notice, now=database.clock.now())
        if mail is None:
            await _end(database, notice, NoticeStatus.WITHDRAWN)
            report.withdrawn += 1
            return
        await session.send(mail)
    except MailRefused as refused:
        await _end(database, notice, NoticeStatus.FAILED, str(refused))
        report.failed += 1
    except MailServerDown as down:
        report.is_server_down = True
        await _failed_try(database, notice, str(down), report, by_server=True)
    except MailDeferred as deferred:
        await _failed_try(database, notice, str(deferred), report)
    except Exception as problem:  # one notice that cannot be written must not keep the others
        log.exception("notice cannot be written", notice=notice.public_id)
        await _failed_try(database, notice, describe_error(problem), report)
    else:
        fault_point("notices.sent")
        await _end(database, notice, NoticeStatus.SENT)
        report.sent += 1


async def _failed_try(
    database: Database, notice: Notice, error: str, report: DeliveryReport, *, by_server: bool = False
) -> None:
    if database.clock.now() >= notice.give_up_at:
        await _end(database, notice, NoticeStatus.FAILED, error)
        report.failed += 1
        return
    async with database.unit_of_work(system_actor(DELIVER)) as uow:
        await repository.note_failed_try(uow, notice.id, error, pause_after(notice.attempts), by_server=by_server)
    report.delayed += 1


async def _end(database: Database, notice: Notice, status: NoticeStatus, error: str | None = None) -> None:
    async with database.unit_of_work(system_actor(DELIVER)) as uow:
        if not await repository.end_notice(uow, notice.id, status, error):
            return
        if status is NoticeStatus.FAILED:
            await ask_staff(uow, _FAILED, notice.public_id, notice_kind=notice.kind, error=error)
        else:
            await resolve_staff_queue(uow, _FAILED, notice.public_id)


async def retry_notices(uow: UnitOfWork, notice_ids: Sequence[UUID] | None = None) -> list[UUID]:
    """Let failed notices be sent again, all of them or those named; answers which. Others stay as they are."""
    revived = await repository.revive(uow, notice_ids)
    for notice_id in revived:
        await record(uow, Entry(action="notice.retried", subject=encode_id(PREFIX, notice_id)))
    if revived:
        uow.enqueue(DELIVER, {}, dedupe_key=DELIVER)
    return revived
