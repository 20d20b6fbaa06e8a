"""SSIM files for tests: a small fictional network over real airports, and the reference it is checked against."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from ais.schedule.ssim import (
    CarrierRecords,
    FlightLegRecord,
    Reference,
    SegmentDataRecord,
    carrier_record,
    header_record,
    leg_record,
    segment_data_record,
    write_file,
)

ZONES = {
    "RUH": "Asia/Riyadh",
    "JED": "Asia/Riyadh",
    "DMM": "Asia/Riyadh",
    "ABT": "Asia/Riyadh",
    "DXB": "Asia/Dubai",
    "CAI": "Africa/Cairo",
    "LHR": "Europe/London",
    "JFK": "America/New_York",
    "BEY": "Asia/Beirut",
    "KTM": "Asia/Kathmandu",
}
AIRCRAFT = frozenset({"320", "321", "AT7", "73F"})
CARRIER = "ZQ"
SUMMER = (date(2027, 3, 28), date(2027, 10, 30))
DAILY = range(1, 8)
REFERENCE = Reference(ZONES.get, AIRCRAFT.__contains__, {CARRIER, "YQ"}.__contains__)

Records = Sequence[FlightLegRecord | SegmentDataRecord]


def at(clock: str) -> int:
    """Minutes after midnight of ``HH:MM``."""
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def leg(number: int, origin: str, departure: str, destination: str, arrival: str, **values: object) -> FlightLegRecord:
    """A daily summer leg of an A320; offsets are Riyadh's unless told."""
    defaults: dict[str, object] = {
        "period": SUMMER,
        "weekdays": DAILY,
        "departure_offset": 180,
        "arrival_offset": 180,
        "aircraft_type": "320",
        "configuration": "C12Y138",
        "booking_classes": "CDYBM",
    }
    return leg_record(
        CARRIER,
        number,
        origin=origin,
        departure=at(departure),
        destination=destination,
        arrival=at(arrival),
        **{**defaults, **values},  # type: ignore[arg-type]  # a test names the fields it means
    )


def schedule_text(
    records: Records,
    *,
    time_mode: str = "L",
    validity: tuple[date, date | None] = SUMMER,
    season: str = "S27",
    carrier: str = CARRIER,
    **columns: str,
) -> str:
    """A file of one carrier."""
    header = carrier_record(
        carrier,
        time_mode=time_mode,
        season=season,
        validity=validity,
        created_at=datetime(2027, 1, 5, 12, 30, tzinfo=UTC),
        title="TEST SCHEDULE",
        **columns,
    )
    return write_file(header_record(1), [CarrierRecords(header, list(records))])


def network(extra: Iterable[FlightLegRecord] = ()) -> list[FlightLegRecord | SegmentDataRecord]:
    """A shuttle, a flight of two legs over midnight sold A-B, B-C and A-C, a codeshare, a freighter, a split period."""
    first = leg(201, "DMM", "21:30", "RUH", "22:40", weekdays=(1, 3, 5), departure_terminal="1", arrival_terminal="5")
    second = leg(
        201, "RUH", "23:50", "JED", "01:35", sequence=2, weekdays=(1, 3, 5), arrival_days=1, departure_terminal="5"
    )
    through = segment_data_record(first, second, "010", "YQ 7201")
    unknown = segment_data_record(second, second, "505", "ET")
    freight = leg(900, "RUH", "02:00", "DXB", "05:00", arrival_offset=240, service_type="F", aircraft_type="73F",
                  configuration="", booking_classes="")  # fmt: skip
    cairo_before = leg(311, "RUH", "08:00", "CAI", "09:40", arrival_offset=120, period=(SUMMER[0], date(2027, 4, 29)))
    cairo_after = leg(311, "RUH", "08:00", "CAI", "10:40", variation=2, period=(date(2027, 4, 30), date(2027, 10, 28)))
    cairo_winter = leg(311, "RUH", "08:00", "CAI", "09:40", variation=3, arrival_offset=120,
                       period=(date(2027, 10, 29), date(2027, 10, 30)), weekdays=(5, 6))  # fmt: skip
    return [
        leg(101, "RUH", "06:00", "JED", "07:50", passenger_departure=at("05:55")),
        first,
        through,
        second,
        unknown,
        cairo_before,
        cairo_after,
        cairo_winter,
        freight,
        *extra,
    ]
