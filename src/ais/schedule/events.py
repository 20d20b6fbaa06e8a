"""What happened to the schedule, told in batches of flight dates: one import may change thousands at once."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

import msgspec


class FlightDatesScheduled(msgspec.Struct, frozen=True):
    """An import or the daily extension put new flight dates into the schedule (or only changed what exists)."""

    event_name: ClassVar[str] = "schedule.flight_dates_scheduled"
    import_id: UUID | None
    added: int


class FlightDatesCancelled(msgspec.Struct, frozen=True):
    """These flight dates do not operate. Their segments are cancelled (UN for who holds them)."""

    event_name: ClassVar[str] = "schedule.flight_dates_cancelled"
    flight_date_ids: tuple[UUID, ...]
    import_id: UUID | None = None


class FlightDatesReinstated(msgspec.Struct, frozen=True):
    """Flight dates that the schedule had cancelled operate again."""

    event_name: ClassVar[str] = "schedule.flight_dates_reinstated"
    flight_date_ids: tuple[UUID, ...]
    import_id: UUID | None = None


class FlightDatesRetimed(msgspec.Struct, frozen=True):
    """Scheduled times of a leg have changed, the passengers' or the aircraft's (TK for who was told others)."""

    event_name: ClassVar[str] = "schedule.flight_dates_retimed"
    flight_date_ids: tuple[UUID, ...]
    import_id: UUID | None = None


class FlightDatesRerouted(msgspec.Struct, frozen=True):
    """The legs of these flight dates are others than before; ``cancelled_segment_ids`` are no longer flown."""

    event_name: ClassVar[str] = "schedule.flight_dates_rerouted"
    flight_date_ids: tuple[UUID, ...]
    cancelled_segment_ids: tuple[int, ...]
    import_id: UUID | None = None


class LegEquipment(msgspec.Struct, frozen=True):
    """One leg's change of aircraft: types are IATA codes, configurations as in ``C12Y138``."""

    flight_date_id: UUID
    leg_id: int
    old_aircraft: str
    new_aircraft: str
    old_configuration: str
    new_configuration: str


class EquipmentChanged(msgspec.Struct, frozen=True):
    """Legs are flown by another type or configuration."""

    event_name: ClassVar[str] = "schedule.equipment_changed"
    legs: tuple[LegEquipment, ...]
    import_id: UUID | None = None
