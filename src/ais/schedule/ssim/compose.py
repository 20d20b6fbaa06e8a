"""Makes records from values instead of columns: what a planner, or a file of a fictional airline, writes with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from ais.schedule.ssim.columns import OPEN_END, write_date, write_minutes, write_variation
from ais.schedule.ssim.records import CarrierRecord, FlightLegRecord, HeaderRecord, SegmentDataRecord


def header_record(number_of_seasons: int | None = None, data_set_serial: str = "001") -> HeaderRecord:
    """The record that opens a file."""
    return HeaderRecord.compose(
        title="AIRLINE STANDARD SCHEDULE DATA SET",
        number_of_seasons="" if number_of_seasons is None else str(number_of_seasons),
        data_set_serial=data_set_serial,
        record_serial="000001",
    )


def carrier_record(
    carrier: str,
    *,
    time_mode: str,
    season: str,
    validity: tuple[date, date | None],
    created_at: datetime,
    title: str = "",
    creator_reference: str = "",
    schedule_status: str = "C",
    **others: str,
) -> CarrierRecord:
    """Type 2. ``time_mode`` is L or U, ``validity`` includes both dates, ``others`` are further columns by name."""
    return CarrierRecord.compose(
        time_mode=time_mode,
        airline=carrier,
        season=season,
        validity_from=write_date(validity[0]),
        validity_to=_end(validity[1]),
        creation_date=write_date(created_at.date()),
        title=title,
        schedule_status=schedule_status,
        creator_reference=creator_reference,
        creation_time=write_minutes(created_at.hour * 60 + created_at.minute),
        record_serial="000000",
        **others,
    )


def leg_record(
    carrier: str,
    flight_number: int,
    *,
    period: tuple[date, date | None],
    weekdays: Iterable[int],
    origin: str,
    departure: int,
    departure_offset: int,
    destination: str,
    arrival: int,
    arrival_offset: int,
    aircraft_type: str,
    configuration: str,
    variation: int = 1,
    sequence: int = 1,
    suffix: str = "",
    service_type: str = "J",
    every_weeks: int = 1,
    departure_days: int = 0,
    arrival_days: int = 0,
    passenger_departure: int | None = None,
    passenger_arrival: int | None = None,
    **others: str,
) -> FlightLegRecord:
    """Type 3. Times are minutes after midnight, offsets minutes ahead of UTC, weekdays Monday 1 to Sunday 7.

    Days count from the day of the first leg's departure (-1 to 7); passenger times are the aircraft's unless given;
    ``others`` are further columns by name, such as ``booking_classes`` or ``departure_terminal``.
    """
    days = frozenset(weekdays)
    return FlightLegRecord.compose(
        operational_suffix=suffix,
        airline=carrier,
        flight_number=f"{flight_number:4d}",
        itinerary_variation=f"{variation % 100:02d}",
        itinerary_variation_overflow="" if variation < 100 else str(variation // 100),
        leg_sequence=f"{sequence:02d}",
        service_type=service_type,
        period_from=write_date(period[0]),
        period_to=_end(period[1]),
        days_of_operation="".join(str(day) if day in days else " " for day in range(1, 8)),
        frequency="" if every_weeks == 1 else str(every_weeks),
        departure_station=origin,
        passenger_departure_time=write_minutes(departure if passenger_departure is None else passenger_departure),
        aircraft_departure_time=write_minutes(departure),
        departure_utc_variation=write_variation(departure_offset),
        arrival_station=destination,
        aircraft_arrival_time=write_minutes(arrival),
        passenger_arrival_time=write_minutes(arrival if passenger_arrival is None else passenger_arrival),
        arrival_utc_variation=write_variation(arrival_offset),
        aircraft_type=aircraft_type,
        configuration=configuration,
        date_variation=_days(departure_days) + _days(arrival_days),
        record_serial="000000",
        **others,
    )


def segment_data_record(
    board: FlightLegRecord, off: FlightLegRecord, data_element: str, data: str
) -> SegmentDataRecord:
    """Type 4: ``data`` about the segment from the departure of leg ``board`` to the arrival of leg ``off``."""
    return SegmentDataRecord.compose(
        operational_suffix=board.operational_suffix,
        airline=board.airline,
        flight_number=board.flight_number,
        itinerary_variation=board.itinerary_variation,
        itinerary_variation_overflow=board.itinerary_variation_overflow,
        leg_sequence=board.leg_sequence,
        service_type=board.service_type,
        board_indicator=chr(ord("A") + board.sequence - 1),
        off_indicator=chr(ord("A") + off.sequence),
        data_element=data_element,
        board_point=board.departure_station,
        off_point=off.arrival_station,
        data=data,
        record_serial="000000",
    )


def _end(day: date | None) -> str:
    return OPEN_END if day is None else write_date(day)


def _days(days: int) -> str:
    return "A" if days == -1 else str(days)
