"""Flight dates, what an import may change on them, and how it is told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from ais.kit import Transitions


class FlightStatus(StrEnum):
    """What becomes of a flight date. A cancelled one may come back with a later schedule; a departed one is history."""

    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"
    DEPARTED = "departed"


FLIGHT_STATUS = Transitions(
    "flight_date.status",
    {
        FlightStatus.SCHEDULED: (FlightStatus.CANCELLED, FlightStatus.DEPARTED),
        FlightStatus.CANCELLED: (FlightStatus.SCHEDULED,),
        FlightStatus.DEPARTED: (),
    },
)


class ChangeKind(StrEnum):
    """How an existing flight date differs from before. ``details`` are terminals, classes, sale, codeshares."""

    CANCELLED = "cancelled"
    REINSTATED = "reinstated"
    REROUTED = "rerouted"
    RETIMED = "retimed"
    EQUIPMENT = "equipment"
    DETAILS = "details"


class FlightKey(msgspec.Struct, frozen=True, order=True):
    """A flight date as people name it: carrier, number, operational suffix, local date at the origin of leg 1."""

    carrier: str
    flight_number: int
    suffix: str
    departure_date: date

    def __str__(self) -> str:
        return f"{self.carrier}{self.flight_number}{self.suffix} on {self.departure_date}"


class LegState(msgspec.Struct, frozen=True):
    """What is known of a leg before or after a change. Times are UTC, the aircraft's and then the passengers'."""

    departs_at: datetime
    arrives_at: datetime
    passenger_departs_at: datetime
    passenger_arrives_at: datetime
    aircraft_type: str
    configuration: str


class LegChange(msgspec.Struct, frozen=True):
    """A leg that differs; ``before`` is None for a new one, ``after`` for one that is no longer flown.

    ``sequence`` is its place in the flight, from 1. Of a new leg ``leg_id`` is 0 until it is written.
    """

    leg_id: int
    sequence: int
    origin: str
    destination: str
    before: LegState | None
    after: LegState | None


class FlightDateChange(msgspec.Struct, frozen=True):
    """What happened to one existing flight date, and who is affected."""

    flight_date_id: UUID
    flight: FlightKey
    kinds: tuple[ChangeKind, ...]
    legs: tuple[LegChange, ...]
    seats_sold: int = 0
    passengers: int = 0
    order_ids: tuple[UUID, ...] = ()


class AddedFlight(msgspec.Struct, frozen=True):
    """New dates of one flight number."""

    carrier: str
    flight_number: int
    suffix: str
    dates: int
    first_date: date
    last_date: date


class ImportReport(msgspec.Struct, frozen=True):
    """What an import did, or with ``dry_run`` would do.

    ``counts`` are flight dates: added, each kind of change, unchanged; and those left as they are: departed,
    cancelled_by_operations. ``equipment_kept`` are legs whose aircraft operations had set. ``moved_local_times`` are
    local times in a gap of the clocks, moved forward. ``leg_ids`` are the legs that inventory has to look at: new,
    cancelled, reinstated or of other equipment. ``is_unchanged`` says that the file is the one in force already.
    """

    source: str
    carriers: tuple[str, ...]
    dry_run: bool
    import_id: UUID | None
    is_unchanged: bool
    counts: Mapping[str, int]
    added: tuple[AddedFlight, ...]
    changes: tuple[FlightDateChange, ...]
    seats_sold: int
    passengers: int
    equipment_kept: int
    moved_local_times: int
    leg_ids: tuple[int, ...]


def count_kinds(changes: tuple[FlightDateChange, ...]) -> dict[str, int]:
    """Flight dates per kind of change; one that changed in two ways counts in both."""
    return {kind.value: sum(kind in change.kinds for change in changes) for kind in ChangeKind}
