"""Changes of single flight dates by operations."""

from __future__ import annotations

from uuid import UUID

import msgspec

from ais.kit import InvalidStateTransition, ValidationFailed, encode_id, ids
from ais.platform.audit import Entry, record
from ais.platform.database import UnitOfWork
from ais.schedule.domain import FLIGHT_STATUS, ChangeKind, FlightDateChange, FlightStatus, LegChange
from ais.schedule.errors import FlightDateNotFound, FlightHasDeparted
from ais.schedule.ports import NoSales, SalesOnFlights
from ais.schedule.repository import data_sets, flights, reconcile, timetable
from ais.schedule.repository.flights import ShownFlightDate
from ais.schedule.service.apply import publish_changes
from ais.schedule.ssim.rules import cabins_of


async def cancel_flight_date(
    uow: UnitOfWork, flight_date_id: UUID, *, reason: str, sales: SalesOnFlights | None = None
) -> FlightDateChange:
    """Cancel a flight date for good: no later schedule brings it back. Its rows stay.

    Raises :class:`FlightDateNotFound`, :class:`FlightHasDeparted`, or InvalidStateTransition if it is cancelled.
    """
    flight = await _open_flight_date(uow, flight_date_id)
    FLIGHT_STATUS.require(FlightStatus(flight.status), FlightStatus.CANCELLED)
    await flights.cancel(uow.connection, flight_date_id)
    legs = tuple(
        LegChange(leg.id, leg.sequence, leg.origin, leg.destination, leg.state, None)
        for leg in flight.legs
        if leg.status == "scheduled"
    )
    return await _record(uow, flight, (ChangeKind.CANCELLED,), legs, reason, sales)


async def change_equipment(
    uow: UnitOfWork,
    flight_date_id: UUID,
    leg_id: int,
    *,
    aircraft_type: str,
    configuration: str,
    reason: str,
    registration: str | None = None,
    sales: SalesOnFlights | None = None,
) -> FlightDateChange:
    """Put another aircraft on a leg; inventory is brought to it by the caller, in the same unit of work.

    ``configuration`` is cabins and seats as in ``C12Y138``. Later schedules keep what is set here. Raises
    :class:`FlightDateNotFound`, :class:`FlightHasDeparted`, ValidationFailed for a configuration without seats.
    """
    flight = await _open_flight_date(uow, flight_date_id)
    leg = next((leg for leg in flight.legs if leg.id == leg_id), None)
    if leg is None:
        raise FlightDateNotFound
    if leg.status != "scheduled":
        raise InvalidStateTransition("leg", leg.status, "of other equipment")
    try:
        cabins = cabins_of(configuration)
    except ValueError:
        cabins = ()
    if not cabins or configuration != "".join(f"{letter}{seats}" for letter, seats in cabins):
        raise ValidationFailed([("configuration", "cabins and their seats, such as C12Y138")])
    await flights.set_equipment(uow.connection, leg_id, aircraft_type, configuration, registration)
    after = msgspec.structs.replace(leg.state, aircraft_type=aircraft_type, configuration=configuration)
    change = LegChange(leg.id, leg.sequence, leg.origin, leg.destination, leg.state, after)
    return await _record(uow, flight, (ChangeKind.EQUIPMENT,), (change,), reason, sales)


async def _open_flight_date(uow: UnitOfWork, flight_date_id: UUID) -> ShownFlightDate:
    await reconcile.lock_schedule(uow.connection)
    flight = await flights.lock_flight_date(uow.connection, flight_date_id)
    if flight is None:
        raise FlightDateNotFound
    if await flights.has_departed(uow.connection, flight_date_id):
        raise FlightHasDeparted(flight=str(flight.flight))
    return flight


async def _record(
    uow: UnitOfWork,
    flight: ShownFlightDate,
    kinds: tuple[ChangeKind, ...],
    legs: tuple[LegChange, ...],
    reason: str,
    sales: SalesOnFlights | None,
) -> FlightDateChange:
    sold = (await (sales or NoSales()).sales_on(uow, [flight.id])).get(flight.id)
    change = FlightDateChange(flight.id, flight.flight, kinds, legs)
    if sold is not None:
        change = msgspec.structs.replace(
            change, seats_sold=sold.seats_sold, passengers=sold.passengers, order_ids=sold.order_ids
        )
    await data_sets.insert_changes(uow.connection, [change], import_id=None, changed_by=uow.actor.name, reason=reason)
    await record(uow, _entry(change))
    await timetable.bump_version(uow.connection)
    publish_changes(uow, [change], {}, None)
    return change


def _entry(change: FlightDateChange) -> Entry:
    """What the audit trail says: the flight, and of each leg whose equipment changed what it was and is."""
    (kind,) = change.kinds
    subject, flight = encode_id(ids.FLIGHT_DATE, change.flight_date_id), {"flight": str(change.flight)}
    if kind is not ChangeKind.EQUIPMENT:
        return Entry(action=f"flight.{kind}", subject=subject, after=flight)
    before = [f"{leg.before.aircraft_type} {leg.before.configuration}" for leg in change.legs if leg.before]
    after = [f"{leg.after.aircraft_type} {leg.after.configuration}" for leg in change.legs if leg.after]
    return Entry(
        action="flight.equipment_changed",
        subject=subject,
        before={"equipment": before},
        after={**flight, "equipment": after},
    )
