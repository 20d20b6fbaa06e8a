"""What the airline flies, and what of it is on sale.

A flight number operates on a *flight date*, the local date at the origin of its first leg. A *leg* is one take-off
and landing; a *segment* is what is sold between a board and a later off point, so that a flight of two legs A-B-C has
the segments A-B, B-C and A-C. Passengers are sold the passenger times, the aircraft operates on its own.

Schedules come as SSIM chapter 7 files (:mod:`ais.schedule.ssim`) of *periods* of operation, which are expanded to
flight dates up to the sale horizon. On a date that several data sets of a carrier cover, the youngest is in force.
A flight date is never deleted: it becomes cancelled or changed, and the ids of its legs and segments stay.

Searches ask the :class:`Timetable`, an immutable picture of the segments on sale.
"""

from ais.schedule.connecting import ConnectingTimeRule, ConnectingTimes, Connection, NoConnectingTime
from ais.schedule.events import (
    EquipmentChanged,
    FlightDatesCancelled,
    FlightDatesReinstated,
    FlightDatesRerouted,
    FlightDatesRetimed,
    FlightDatesScheduled,
    LegEquipment,
)
from ais.schedule.ports import FlightSales, NoSales, SalesOnFlights
from ais.schedule.timetable import (
    SegmentKind,
    Timetable,
    TimetableBuilder,
    TimetableRow,
    TimetableSegment,
    build_timetable,
)

__all__ = [
    "ConnectingTimeRule",
    "ConnectingTimes",
    "Connection",
    "EquipmentChanged",
    "FlightDatesCancelled",
    "FlightDatesReinstated",
    "FlightDatesRerouted",
    "FlightDatesRetimed",
    "FlightDatesScheduled",
    "FlightSales",
    "LegEquipment",
    "NoConnectingTime",
    "NoSales",
    "SalesOnFlights",
    "SegmentKind",
    "Timetable",
    "TimetableBuilder",
    "TimetableRow",
    "TimetableSegment",
    "build_timetable",
]
