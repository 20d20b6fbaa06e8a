"""Importing a recorded year of real flights."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from ais.kit import new_uuid
from ais.platform.database import UnitOfWork
from ais.reference import ReferenceData
from ais.schedule.domain import ImportReport
from ais.schedule.materialise import Progress, Window, share
from ais.schedule.nycflights import RECORDED_DAYS, Guesses, read_year
from ais.schedule.ports import NoSales, SalesOnFlights
from ais.schedule.repository import reconcile, recorded
from ais.schedule.service.apply import apply_wanted, record_import
from ais.schedule.service.importing import reference_of
from ais.schedule.ssim.zones import ZoneClocks


class RecordedImport(msgspec.Struct, frozen=True):
    """What importing a carrier's recorded year did: ``rows`` read, what was guessed, legs whose real day is kept."""

    carrier: str
    first_date: date
    last_date: date
    rows: int
    operations_kept: int
    guesses: Guesses
    report: ImportReport


async def import_nycflights(
    uow: UnitOfWork,
    carrier: str,
    *,
    first_date: date,
    reference: ReferenceData,
    sales: SalesOnFlights | None = None,
    progress: Progress | None = None,
) -> RecordedImport:
    """Bring in the real year of one carrier, its first day moved to ``first_date``; what it did is kept for a replay.

    Flight dates of the carrier in that year which the record does not have become cancelled. Doing it again changes
    nothing. Raises :class:`ais.schedule.nycflights.RecordedDataMissing`.
    """
    year = read_year(carrier, first_date, ZoneClocks(reference_of(reference).zone_of), share(progress, 0, 250))
    last_date = first_date + timedelta(days=RECORDED_DAYS - 1)
    year.wanted.moved_local_times = year.guesses.moved_local_times
    await reconcile.lock_schedule(uow.connection)
    report = await apply_wanted(
        uow,
        year.wanted,
        [Window(carrier, first_date, last_date)],
        sales=sales or NoSales(),
        import_id=new_uuid(),
        reason="recorded year",
        carriers=(carrier,),
        progress=share(progress, 250, 1000),
    )
    if report.counts["added"] or report.changes:
        await record_import(uow, report)
    kept = await recorded.save(uow.connection, carrier, year.operations)
    return RecordedImport(carrier, first_date, last_date, year.rows, kept, year.guesses, report)
