"""Importing SSIM files, and keeping flight dates on sale as far ahead as the horizon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from hashlib import sha256
from itertools import groupby

import msgspec

from ais.kit import new_uuid
from ais.platform.database import UnitOfWork
from ais.reference import ReferenceData
from ais.schedule.domain import ChangeKind, ImportReport
from ais.schedule.materialise import Progress, Wanted, Window, add_itineraries, share
from ais.schedule.ports import NoSales, SalesOnFlights
from ais.schedule.repository import data_sets, reconcile
from ais.schedule.repository.data_sets import DataSet
from ais.schedule.service.apply import apply_wanted, record_import
from ais.schedule.ssim.checks import CheckedCarrier, Reference, check_file
from ais.schedule.ssim.expansion import Itinerary, itinerary_of
from ais.schedule.ssim.reader import read_file
from ais.schedule.ssim.records import FlightLegRecord, SegmentDataRecord
from ais.schedule.ssim.refusal import ScheduleFileRefused
from ais.schedule.ssim.zones import ZoneClocks

SSIM = "ssim"
_SERIAL_COLUMNS = 6


class _DryRun(Exception):  # carries a report out of the savepoint that it rolls back
    def __init__(self, report: ImportReport) -> None:
        self.report = report
        super().__init__()


def reference_of(data: ReferenceData) -> Reference:
    """What a schedule file is checked against, from the reference data of the installation."""

    def zone_of(airport: str) -> str | None:
        found = data.airports.get(airport)
        return None if found is None else found.timezone

    return Reference(zone_of, data.aircraft_types.__contains__, data.carriers.__contains__)


async def import_ssim(
    uow: UnitOfWork,
    content: bytes | str,
    *,
    reference: ReferenceData,
    until: date,
    sales: SalesOnFlights | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Make the schedules of an SSIM file the ones in force, each for its carrier over its validity.

    Flight dates are made up to ``until`` (the sale horizon, local date at the origin, included); what lies beyond comes
    with :func:`extend_sale_horizon`. Flight dates of the validity that the file does not have become cancelled;
    departed ones never change. A carrier's group that is in force already, unchanged, is left out. ``dry_run`` does
    the same in a savepoint, rolls it back and tells nobody.

    Raises :class:`ScheduleFileRefused` with every error of the file; nothing is changed then.
    """
    file, errors = read_file(content)
    checks = reference_of(reference)
    checked, disagreements = check_file(file, checks)
    errors += disagreements
    if errors or file.header is None:
        raise ScheduleFileRefused(sorted(set(errors)))
    await reconcile.lock_schedule(uow.connection)
    fresh = await _fresh_carriers(uow, checked)
    carriers = tuple(dict.fromkeys(carrier.schedule.carrier.carrier for carrier in checked))  # a group for each season
    if not fresh:
        return _nothing(carriers, dry_run=dry_run)
    import_id = new_uuid()
    clocks = ZoneClocks(checks.zone_of)
    today = uow.clock.now().date()
    wanted, windows = Wanted(SSIM), []
    for carrier, _ in fresh:
        record = carrier.schedule.carrier
        # A day is spared for airports west of Greenwich, where it is still yesterday.
        first = max(record.first_date, today - timedelta(days=1))
        last = until if record.last_date is None else min(record.last_date, until)
        add_itineraries(wanted, carrier.itineraries, clocks, first, last, share(progress, 0, 300))
        windows.append(Window(record.carrier, first, last))
    try:
        async with uow.connection.transaction():
            for carrier, digest in fresh:
                await data_sets.insert_data_set(
                    uow.connection,
                    import_id=import_id,
                    header=file.header,
                    checked=carrier,
                    digest=digest,
                    materialised_until=until,
                )
            # A rehearsal happens in a unit of work that publishes to nobody.
            acting = UnitOfWork(uow.connection, uow.actor, uow.clock, uow.correlation_id) if dry_run else uow
            report = await apply_wanted(
                acting,
                wanted,
                windows,
                sales=sales or NoSales(),
                import_id=import_id,
                reason="schedule import",
                carriers=carriers,
                progress=share(progress, 300, 1000),
            )
            if dry_run:
                raise _DryRun(msgspec.structs.replace(report, dry_run=True, import_id=None, leg_ids=()))
            await record_import(uow, report)
    except _DryRun as rehearsal:
        return rehearsal.report
    return report


async def extend_sale_horizon(
    uow: UnitOfWork, until: date, *, reference: ReferenceData, sales: SalesOnFlights | None = None
) -> ImportReport:
    """Make the flight dates of all schedules in force up to ``until``. Doing it again changes nothing."""
    await reconcile.lock_schedule(uow.connection)
    sets = await data_sets.data_sets(uow.connection)
    clocks = ZoneClocks(reference_of(reference).zone_of)
    wanted, windows = Wanted(SSIM), []
    today = uow.clock.now().date()
    for data_set in sets:
        spans = _spans_to_extend(data_set, data_sets.windows_in_force(sets)[data_set.id], today, until)
        if not spans:
            continue
        itineraries = itineraries_of(await data_sets.records_of(uow.connection, data_set.id), data_set.time_mode)
        for first, last in spans:
            add_itineraries(wanted, itineraries, clocks, first, last)
            windows.append(Window(data_set.carrier, first, last))
    if not windows:
        return _nothing(tuple(sorted({data_set.carrier for data_set in sets})), dry_run=False)
    import_id = new_uuid()
    report = await apply_wanted(
        uow,
        wanted,
        windows,
        sales=sales or NoSales(),
        import_id=import_id,
        reason="sale horizon",
        carriers=sorted({window.carrier for window in windows}),
    )
    await data_sets.mark_materialised(uow.connection, until)
    await record_import(uow, report)
    return report


def itineraries_of(records: Sequence[FlightLegRecord | SegmentDataRecord], time_mode: str) -> list[Itinerary]:
    """The itineraries of records that were accepted once, in their order."""
    groups: list[tuple[FlightLegRecord, list[SegmentDataRecord]]] = []
    for record in records:
        if isinstance(record, FlightLegRecord):
            groups.append((record, []))
        else:
            groups[-1][1].append(record)
    return [
        itinerary_of(list(legs), time_mode)
        for _, legs in groupby(groups, key=lambda group: (*group[0].flight, group[0].variation))
    ]


def _spans_to_extend(
    data_set: DataSet, in_force: Sequence[tuple[date, date | None]], today: date, until: date
) -> list[tuple[date, date]]:
    start = max(data_set.materialised_until + timedelta(days=1), today - timedelta(days=1))
    spans = []
    for first, last in in_force:
        begin, end = max(first, start), until if last is None else min(last, until)
        if begin <= end:
            spans.append((begin, end))
    return spans


async def _fresh_carriers(uow: UnitOfWork, checked: Sequence[CheckedCarrier]) -> list[tuple[CheckedCarrier, bytes]]:
    """The carriers' groups that are not in force word for word, each with its digest."""
    fresh = []
    for carrier in checked:
        digest = _digest(carrier)
        sets = await data_sets.data_sets(uow.connection, carrier.schedule.carrier.carrier)
        in_force = data_sets.windows_in_force(sets)
        if not any(
            data_set.digest == digest and in_force[data_set.id] == [(data_set.first_date, data_set.last_date)]
            for data_set in sets
        ):
            fresh.append((carrier, digest))
    return fresh


def _digest(carrier: CheckedCarrier) -> bytes:
    """What a carrier's group says, whatever its place and serial numbers in a file."""
    digest = sha256(carrier.schedule.carrier.text[:-_SERIAL_COLUMNS].encode())
    for group in carrier.schedule.legs:
        for record in (group.leg, *group.segment_data):
            digest.update(record.text[:-_SERIAL_COLUMNS].encode())
    return digest.digest()


def _nothing(carriers: tuple[str, ...], *, dry_run: bool) -> ImportReport:
    counts = dict.fromkeys(
        ("added", *(kind.value for kind in ChangeKind), "unchanged", "departed", "cancelled_by_operations"), 0
    )
    return ImportReport(
        source=SSIM,
        carriers=carriers,
        dry_run=dry_run,
        import_id=None,
        is_unchanged=True,
        counts=counts,
        added=(),
        changes=(),
        seats_sold=0,
        passengers=0,
        equipment_kept=0,
        moved_local_times=0,
        leg_ids=(),
    )
