"""What the airline flies, and what of it is on sale.

A flight number operates on a *flight date*, the local date at the origin of its first leg. A *leg* is one take-off
and landing; a *segment* is what is sold between a board and a later off point, so that a flight of two legs A-B-C has
the segments A-B, B-C and A-C. Passengers are sold the passenger times, the aircraft operates on its own.

Schedules come as SSIM chapter 7 files (:mod:`ais.schedule.ssim`) of *periods* of operation, which are expanded to
flight dates up to the sale horizon. On a date that several data sets of a carrier cover, the youngest is in force.
A flight date is never deleted: it becomes cancelled or changed, and the ids of its legs and segments stay.

Searches ask the :class:`Timetable`, an immutable picture of the segments on sale.
"""

from ais.schedule.cabins import CabinLayout, CabinRow
from ais.schedule.connecting import ConnectingTimeRule, ConnectingTimes, Connection, NoConnectingTime
from ais.schedule.domain import (
    FLIGHT_STATUS,
    AddedFlight,
    ChangeKind,
    FlightDateChange,
    FlightKey,
    FlightStatus,
    ImportReport,
    LegChange,
    LegState,
)
from ais.schedule.errors import (
    BadScheduleData,
    FlightDateNotFound,
    FlightHasDeparted,
    ScheduleExportAmbiguous,
    ScheduleNotFound,
)
from ais.schedule.events import (
    EquipmentChanged,
    FlightDatesCancelled,
    FlightDatesReinstated,
    FlightDatesRerouted,
    FlightDatesRetimed,
    FlightDatesScheduled,
    LegEquipment,
)
from ais.schedule.invariants import INVARIANTS
from ais.schedule.materialise import Progress
from ais.schedule.nycflights import Guesses, RecordedDataMissing, recorded_carriers
from ais.schedule.ports import FlightSales, NoSales, SalesOnFlights
from ais.schedule.repository.flights import (
    RecordedChange,
    ShownFlightDate,
    ShownLeg,
    ShownSegment,
    flight_dates,
    recorded_changes,
)
from ais.schedule.service.changes import cancel_flight_date, change_equipment
from ais.schedule.service.exporting import export_ssim
from ais.schedule.service.importing import extend_sale_horizon, import_ssim, reference_of
from ais.schedule.service.reading import (
    cabin_layout,
    import_cabin_layouts,
    import_connecting_times,
    load_timetable,
    timetable_version,
)
from ais.schedule.service.recorded import RecordedImport, import_nycflights
from ais.schedule.ssim import ScheduleFileRefused, SsimError
from ais.schedule.timetable import (
    SegmentKind,
    Timetable,
    TimetableBuilder,
    TimetableRow,
    TimetableSegment,
    build_timetable,
)

__all__ = [
    "FLIGHT_STATUS",
    "INVARIANTS",
    "AddedFlight",
    "BadScheduleData",
    "CabinLayout",
    "CabinRow",
    "ChangeKind",
    "ConnectingTimeRule",
    "ConnectingTimes",
    "Connection",
    "EquipmentChanged",
    "FlightDateChange",
    "FlightDateNotFound",
    "FlightDatesCancelled",
    "FlightDatesReinstated",
    "FlightDatesRerouted",
    "FlightDatesRetimed",
    "FlightDatesScheduled",
    "FlightHasDeparted",
    "FlightKey",
    "FlightSales",
    "FlightStatus",
    "Guesses",
    "ImportReport",
    "LegChange",
    "LegEquipment",
    "LegState",
    "NoConnectingTime",
    "NoSales",
    "Progress",
    "RecordedChange",
    "RecordedDataMissing",
    "RecordedImport",
    "SalesOnFlights",
    "ScheduleExportAmbiguous",
    "ScheduleFileRefused",
    "ScheduleNotFound",
    "SegmentKind",
    "ShownFlightDate",
    "ShownLeg",
    "ShownSegment",
    "SsimError",
    "Timetable",
    "TimetableBuilder",
    "TimetableRow",
    "TimetableSegment",
    "build_timetable",
    "cabin_layout",
    "cancel_flight_date",
    "change_equipment",
    "export_ssim",
    "extend_sale_horizon",
    "flight_dates",
    "import_cabin_layouts",
    "import_connecting_times",
    "import_nycflights",
    "import_ssim",
    "load_timetable",
    "recorded_carriers",
    "recorded_changes",
    "reference_of",
    "timetable_version",
]
