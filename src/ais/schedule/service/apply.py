"""Applying what a schedule asks for: compare, ask who is affected, write, record, tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

import msgspec

from ais.platform.audit import Entry, Fields, record
from ais.platform.database import UnitOfWork
from ais.schedule.domain import ChangeKind, FlightDateChange, ImportReport, count_kinds
from ais.schedule.events import (
    EquipmentChanged,
    FlightDatesCancelled,
    FlightDatesReinstated,
    FlightDatesRerouted,
    FlightDatesRetimed,
    FlightDatesScheduled,
    LegEquipment,
)
from ais.schedule.materialise import Progress, Wanted, Window, share
from ais.schedule.ports import FlightSales, SalesOnFlights
from ais.schedule.repository import data_sets, reconcile, timetable

EVENT_BATCH = 200
_STORED_CHANGES = 2000
Item = TypeVar("Item")


async def apply_wanted(
    uow: UnitOfWork,
    wanted: Wanted,
    windows: Sequence[Window],
    *,
    sales: SalesOnFlights,
    import_id: UUID,
    reason: str,
    carriers: Sequence[str],
    progress: Progress | None = None,
) -> ImportReport:
    """Bring the flight dates of ``windows`` to what is wanted, and tell what came of it.

    Departed flight dates, and those that operations cancelled, stay as they are. A flight date is never deleted.
    """
    connection = uow.connection
    differences = await reconcile.compare(connection, wanted, windows, share(progress, 0, 400))
    sold = await sales_on(uow, sales, differences.changes)
    changes = tuple(_with_sales(change, sold.get(change.flight_date_id)) for change in differences.changes)
    written = await reconcile.write(connection, wanted.source, share(progress, 400, 1000))
    changes = tuple(_with_leg_ids(change, written.inserted_leg_ids) for change in changes)
    added = sum(flight.dates for flight in differences.added)
    if added or changes:
        await data_sets.insert_changes(
            connection, changes, import_id=import_id, changed_by=uow.actor.name, reason=reason
        )
        await timetable.bump_version(connection)
        publish_changes(uow, changes, written.cancelled_segment_ids, import_id)
        uow.publish(FlightDatesScheduled(import_id, added))
    return ImportReport(
        source=wanted.source,
        carriers=tuple(carriers),
        dry_run=False,
        import_id=import_id,
        is_unchanged=False,
        counts={"added": added, **count_kinds(changes), "unchanged": differences.unchanged, **_kept(differences.kept)},
        added=differences.added,
        changes=changes,
        seats_sold=sum(change.seats_sold for change in changes),
        passengers=sum(change.passengers for change in changes),
        equipment_kept=differences.equipment_kept,
        moved_local_times=wanted.moved_local_times,
        leg_ids=tuple(sorted({*written.new_leg_ids, *_touched_legs(changes)})),
    )


async def record_import(uow: UnitOfWork, report: ImportReport) -> None:
    """Keep what an import said; of very many changes the first 2000, the rest are in the history of flight dates."""
    assert report.import_id is not None, "an import that is recorded has an id"
    stored = msgspec.structs.replace(report, leg_ids=(), changes=report.changes[:_STORED_CHANGES])
    await data_sets.insert_import(
        uow.connection,
        report.import_id,
        report.source,
        report.carriers,
        uow.actor.name,
        msgspec.to_builtins(stored),
    )
    after: Fields = {"source": report.source, "carriers": report.carriers, **report.counts}
    await record(uow, Entry(action="schedule.imported", subject=f"schedule:{report.import_id}", after=after))


async def sales_on(
    uow: UnitOfWork, sales: SalesOnFlights, changes: Sequence[FlightDateChange]
) -> Mapping[UUID, FlightSales]:
    """What is sold on the flight dates that change."""
    if not changes:
        return {}
    return await sales.sales_on(uow, [change.flight_date_id for change in changes])


def publish_changes(
    uow: UnitOfWork,
    changes: Sequence[FlightDateChange],
    cancelled_segment_ids: Mapping[UUID, Sequence[int]],
    import_id: UUID | None,
) -> None:
    """Tell of every change, in batches of flight dates."""
    for kind, event in (
        (ChangeKind.CANCELLED, FlightDatesCancelled),
        (ChangeKind.REINSTATED, FlightDatesReinstated),
        (ChangeKind.RETIMED, FlightDatesRetimed),
    ):
        for batch in batches([change.flight_date_id for change in changes if kind in change.kinds]):
            uow.publish(event(tuple(batch), import_id))
    for batch in batches([change.flight_date_id for change in changes if ChangeKind.REROUTED in change.kinds]):
        segment_ids = [segment for flight_date in batch for segment in cancelled_segment_ids.get(flight_date, ())]
        uow.publish(FlightDatesRerouted(tuple(batch), tuple(segment_ids), import_id))
    for legs in batches([leg for change in changes for leg in _equipment(change)]):
        uow.publish(EquipmentChanged(tuple(legs), import_id))


def batches(items: Sequence[Item], size: int = EVENT_BATCH) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _equipment(change: FlightDateChange) -> Iterator[LegEquipment]:
    for leg in change.legs:
        before, after = leg.before, leg.after
        if before is None or after is None:
            continue
        if (before.aircraft_type, before.configuration) != (after.aircraft_type, after.configuration):
            yield LegEquipment(
                change.flight_date_id,
                leg.leg_id,
                before.aircraft_type,
                after.aircraft_type,
                before.configuration,
                after.configuration,
            )


def _with_sales(change: FlightDateChange, sold: FlightSales | None) -> FlightDateChange:
    if sold is None:
        return change
    return msgspec.structs.replace(
        change, seats_sold=sold.seats_sold, passengers=sold.passengers, order_ids=sold.order_ids
    )


def _with_leg_ids(change: FlightDateChange, inserted: Mapping[tuple[UUID, int], int]) -> FlightDateChange:
    """The change with the ids that its new legs were given."""
    legs = tuple(
        leg if leg.leg_id else msgspec.structs.replace(leg, leg_id=inserted[change.flight_date_id, leg.sequence])
        for leg in change.legs
    )
    return msgspec.structs.replace(change, legs=legs)


def _touched_legs(changes: Sequence[FlightDateChange]) -> Iterator[int]:
    """The legs whose seats inventory must bring to the schedule: not those that only move in time."""
    seats_matter = {ChangeKind.CANCELLED, ChangeKind.REINSTATED, ChangeKind.REROUTED, ChangeKind.DETAILS}
    for change in changes:
        if seats_matter & set(change.kinds):
            yield from (leg.leg_id for leg in change.legs)
        else:
            yield from (leg.leg_id for leg in _equipment(change))


def _kept(kept: Mapping[str, int]) -> dict[str, int]:
    return {name: kept.get(name, 0) for name in ("departed", "cancelled_by_operations")}
