"""SSIM chapter 7, the industry's file of schedules: reading, checking, expanding and writing it. Pure.

A file is rows of 200 columns: a header (type 1), then per carrier a carrier record (2), leg records (3) each with its
segment data (4), and a trailer (5). A leg record says on which days of which period one leg of one *itinerary
variation* of a flight operates; all legs of a variation share period and days, which are those of the first leg, and
carry their own days as date variations. In UTC time mode period, days and times are UTC.

:func:`read_schedule` gives the itineraries of a file in which nothing is wrong, or refuses it with every error.
"""

from ais.schedule.ssim.checks import CheckedCarrier, Reference, check_file, season_dates
from ais.schedule.ssim.columns import (
    OPEN_END,
    SsimError,
    read_date,
    read_minutes,
    read_variation,
    write_date,
    write_minutes,
    write_variation,
)
from ais.schedule.ssim.compose import carrier_record, header_record, leg_record, segment_data_record
from ais.schedule.ssim.expansion import Itinerary, ItineraryLeg, LegTimes, Operation, expand, itinerary_of
from ais.schedule.ssim.reader import CarrierSchedule, LegGroup, ScheduleFile, read_file
from ais.schedule.ssim.records import (
    CarrierRecord,
    FlightLegRecord,
    HeaderRecord,
    SegmentDataRecord,
    TrailerRecord,
)
from ais.schedule.ssim.refusal import ScheduleFileRefused
from ais.schedule.ssim.rules import cabins_of, flight_designators
from ais.schedule.ssim.writer import CarrierRecords, write_file
from ais.schedule.ssim.zones import ZoneClocks, ZoneOf

__all__ = [
    "OPEN_END",
    "CarrierRecord",
    "CarrierRecords",
    "CarrierSchedule",
    "CheckedCarrier",
    "FlightLegRecord",
    "HeaderRecord",
    "Itinerary",
    "ItineraryLeg",
    "LegGroup",
    "LegTimes",
    "Operation",
    "Reference",
    "ScheduleFile",
    "ScheduleFileRefused",
    "SegmentDataRecord",
    "SsimError",
    "TrailerRecord",
    "ZoneClocks",
    "ZoneOf",
    "cabins_of",
    "carrier_record",
    "expand",
    "flight_designators",
    "header_record",
    "itinerary_of",
    "leg_record",
    "read_date",
    "read_file",
    "read_minutes",
    "read_schedule",
    "read_variation",
    "season_dates",
    "segment_data_record",
    "write_date",
    "write_file",
    "write_minutes",
    "write_variation",
]


def read_schedule(content: bytes | str, reference: Reference) -> tuple[HeaderRecord, list[CheckedCarrier]]:
    """The header and the carriers' itineraries of a file.

    Raises :class:`ScheduleFileRefused` with every error found, in order of rows and columns.
    """
    file, errors = read_file(content)
    checked, disagreements = check_file(file, reference)
    errors += disagreements
    if errors or file.header is None:
        raise ScheduleFileRefused(sorted(set(errors)))
    return file.header, checked
