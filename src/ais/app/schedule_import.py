"""Imports that change the timetable, with everything above it that must change in the same unit of work.

The schedule says what is flown, inventory counts its seats, orders know who is affected. A flight date is never on sale
without its counters, so all of it commits together or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

import msgspec

from ais.inventory import InventoryReport, apply_schedule
from ais.kit import InvalidStateTransition, ValidationFailed
from ais.orders import ask_to_follow, sales_on_flight_dates
from ais.platform.database import UnitOfWork
from ais.reference import ReferenceData
from ais.schedule import (
    FlightDateChange,
    FlightSales,
    ImportReport,
    Progress,
    RecordedImport,
    cancel_flight_date,
    change_equipment,
    extend_sale_horizon,
    import_nycflights,
    import_ssim,
)


class SalesFromOrders:
    """Answers the schedule's question for what is sold on flight dates, in one round trip."""

    async def sales_on(self, uow: UnitOfWork, flight_date_ids: Sequence[UUID]) -> Mapping[UUID, FlightSales]:
        return await sales_on_flight_dates(uow, flight_date_ids)


async def import_schedule(
    uow: UnitOfWork,
    content: str | bytes,
    *,
    reference: ReferenceData,
    until: date,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Make an SSIM file the schedule in force, on sale up to ``until``, and count its seats.

    Raises what :func:`ais.schedule.import_ssim` raises; nothing is changed then, and nothing by ``dry_run``.
    """
    report = await import_ssim(
        uow,
        content,
        reference=reference,
        until=until,
        sales=SalesFromOrders(),
        dry_run=dry_run,
        progress=progress,
    )
    await bring_inventory_to(uow, report, "schedule import")
    return report


async def extend_sale(uow: UnitOfWork, until: date, *, reference: ReferenceData) -> ImportReport:
    """Put flights on sale up to ``until``, with their seats. Doing it again changes nothing."""
    report = await extend_sale_horizon(uow, until, reference=reference, sales=SalesFromOrders())
    await bring_inventory_to(uow, report, "sale horizon")
    return report


async def import_nycflights_schedule(
    uow: UnitOfWork,
    carrier: str,
    *,
    first_date: date,
    reference: ReferenceData,
    progress: Progress | None = None,
) -> RecordedImport:
    """Make the recorded year of one carrier its schedule, moved to begin on ``first_date``, and count its seats."""
    done = await import_nycflights(
        uow, carrier, first_date=first_date, reference=reference, sales=SalesFromOrders(), progress=progress
    )
    await bring_inventory_to(uow, done.report, "recorded year")
    return done


async def bring_inventory_to(uow: UnitOfWork, report: ImportReport, reason: str) -> InventoryReport:
    """Open, refit and close the leg cabins of the legs that an import touched."""
    if not report.leg_ids:
        return InventoryReport(0, ())
    return await apply_schedule(uow, report.leg_ids, reason)


class FlightChanged(msgspec.Struct, frozen=True):
    """What a change by operations did to a flight date, and to its seats."""

    change: FlightDateChange
    inventory: InventoryReport


async def cancel_flight(uow: UnitOfWork, flight_date_id: UUID, *, reason: str) -> FlightChanged:
    """Cancel a flight date for good and close its seats; what is sold stays counted.

    Raises what :func:`ais.schedule.cancel_flight_date` raises.
    """
    change = await cancel_flight_date(uow, flight_date_id, reason=reason, sales=SalesFromOrders())
    return await _with_seats(uow, change, reason)


class FlightGivenUp(msgspec.Struct, frozen=True):
    """A flight date that does not operate, and who holds a booking on it; ``changed`` is what this call did to it."""

    flight_date_id: UUID
    changed: FlightChanged | None
    sales: FlightSales


async def cancel_flight_for_orders(
    uow: UnitOfWork, flight_date_id: UUID, *, reason: str, give_back: bool, progress: Progress
) -> FlightGivenUp:
    """Cancel a flight date, unless it is cancelled already, and let workers bring each of its orders to it.

    Unpaid orders end; what was paid goes back by itself with every fee if ``give_back`` says so, else their owners are
    offered it. Doing it again asks again for what is not done. Raises what :func:`ais.schedule.cancel_flight_date`
    raises.
    """
    try:
        changed = await cancel_flight(uow, flight_date_id, reason=reason)
    except InvalidStateTransition:
        changed = None
    sales = (await sales_on_flight_dates(uow, [flight_date_id])).get(flight_date_id, FlightSales())
    for done, order_id in enumerate(sales.order_ids, start=1):
        ask_to_follow(uow, order_id, flight_date_id, give_back=give_back)
        progress(done, len(sales.order_ids))
    return FlightGivenUp(flight_date_id, changed, sales)


async def change_aircraft(
    uow: UnitOfWork,
    flight_date_id: UUID,
    leg_id: int,
    *,
    aircraft_type: str,
    configuration: str,
    reason: str,
    reference: ReferenceData,
    registration: str | None = None,
) -> FlightChanged:
    """Put another aircraft on a leg and count its seats.

    Raises what :func:`ais.schedule.change_equipment` raises, and ValidationFailed for a type that is not known.
    """
    if aircraft_type not in reference.aircraft_types:
        raise ValidationFailed([("aircraft_type", f"{aircraft_type} is not an aircraft type that we know")])
    change = await change_equipment(
        uow,
        flight_date_id,
        leg_id,
        aircraft_type=aircraft_type,
        configuration=configuration,
        registration=registration,
        reason=reason,
        sales=SalesFromOrders(),
    )
    return await _with_seats(uow, change, reason)


async def _with_seats(uow: UnitOfWork, change: FlightDateChange, reason: str) -> FlightChanged:
    return FlightChanged(change, await apply_schedule(uow, [leg.leg_id for leg in change.legs], reason))
