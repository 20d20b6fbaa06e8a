"""The five record types of SSIM chapter 7, column by column; each keeps its text, so that it writes back as it came."""

from __future__ import annotations

from datetime import date

from ais.schedule.ssim import rules
from ais.schedule.ssim.columns import OPEN_END, Column, Record, read_date


class HeaderRecord(Record, type_code="1"):
    """Type 1: opens the file."""

    title = Column(2, 35, rules.TITLE)
    spare_1 = Column(36, 40, rules.blank(5))
    number_of_seasons = Column(41, 41, rules.SEASONS)
    spare_2 = Column(42, 191, rules.blank(150))
    data_set_serial = Column(192, 194, rules.DATA_SET_SERIAL)
    record_serial = Column(195, 200, rules.SERIAL)


class CarrierRecord(Record, type_code="2"):
    """Type 2: opens the schedule of one carrier."""

    time_mode = Column(2, 2, rules.TIME_MODE)
    airline = Column(3, 5, rules.AIRLINE)
    spare_1 = Column(6, 10, rules.blank(5))
    season = Column(11, 13, rules.SEASON)
    spare_2 = Column(14, 14, rules.blank(1))
    validity_from = Column(15, 21, rules.DATE)
    validity_to = Column(22, 28, rules.END_DATE)
    creation_date = Column(29, 35, rules.DATE)
    title = Column(36, 64, rules.text(29))
    release_date = Column(65, 71, rules.OPTIONAL_DATE)
    schedule_status = Column(72, 72, rules.STATUS)
    creator_reference = Column(73, 107, rules.text(35))
    duplicate_airline_marker = Column(108, 108, rules.MARKER)
    general_information = Column(109, 168, rules.text(60))
    secure_flight_indicator = Column(169, 169, rules.SECURE_FLIGHT)
    in_flight_services = Column(170, 188, rules.IN_FLIGHT_SERVICES)
    electronic_ticketing = Column(189, 190, rules.ELECTRONIC_TICKET)
    creation_time = Column(191, 194, rules.TIME)
    record_serial = Column(195, 200, rules.SERIAL)

    @property
    def carrier(self) -> str:
        return self.airline.rstrip()

    @property
    def first_date(self) -> date:
        return read_date(self.validity_from)

    @property
    def last_date(self) -> date | None:
        """The last date of validity; None if it has no end."""
        return None if self.validity_to == OPEN_END else read_date(self.validity_to)


class FlightLegRecord(Record, type_code="3"):
    """Type 3: one leg of one itinerary variation over a period of operation."""

    operational_suffix = Column(2, 2, rules.SUFFIX)
    airline = Column(3, 5, rules.AIRLINE)
    flight_number = Column(6, 9, rules.FLIGHT_NUMBER)
    itinerary_variation = Column(10, 11, rules.VARIATION)
    leg_sequence = Column(12, 13, rules.LEG_SEQUENCE)
    service_type = Column(14, 14, rules.SERVICE_TYPE)
    period_from = Column(15, 21, rules.DATE)
    period_to = Column(22, 28, rules.END_DATE)
    days_of_operation = Column(29, 35, rules.DAYS)
    frequency = Column(36, 36, rules.FREQUENCY)
    departure_station = Column(37, 39, rules.STATION)
    passenger_departure_time = Column(40, 43, rules.TIME)
    aircraft_departure_time = Column(44, 47, rules.TIME)
    departure_utc_variation = Column(48, 52, rules.UTC_VARIATION)
    departure_terminal = Column(53, 54, rules.TERMINAL)
    arrival_station = Column(55, 57, rules.STATION)
    aircraft_arrival_time = Column(58, 61, rules.ARRIVAL_TIME)
    passenger_arrival_time = Column(62, 65, rules.ARRIVAL_TIME)
    arrival_utc_variation = Column(66, 70, rules.UTC_VARIATION)
    arrival_terminal = Column(71, 72, rules.TERMINAL)
    aircraft_type = Column(73, 75, rules.AIRCRAFT_TYPE)
    booking_classes = Column(76, 95, rules.BOOKING_CLASSES)
    booking_modifiers = Column(96, 100, rules.BOOKING_MODIFIERS)
    meals = Column(101, 110, rules.MEALS)
    joint_operation_airlines = Column(111, 119, rules.AIRLINES)
    departure_international_status = Column(120, 120, rules.INTERNATIONAL_STATUS)
    arrival_international_status = Column(121, 121, rules.INTERNATIONAL_STATUS)
    secure_flight_indicator = Column(122, 122, rules.SECURE_FLIGHT)
    spare_1 = Column(123, 127, rules.blank(5))
    itinerary_variation_overflow = Column(128, 128, rules.VARIATION_OVERFLOW)
    aircraft_owner = Column(129, 131, rules.OPTIONAL_AIRLINE)
    cockpit_crew_employer = Column(132, 134, rules.OPTIONAL_AIRLINE)
    cabin_crew_employer = Column(135, 137, rules.OPTIONAL_AIRLINE)
    onward_airline = Column(138, 140, rules.OPTIONAL_AIRLINE)
    onward_flight_number = Column(141, 144, rules.OPTIONAL_FLIGHT_NUMBER)
    rotation_layover = Column(145, 145, rules.LAYOVER)
    onward_suffix = Column(146, 146, rules.SUFFIX)
    spare_2 = Column(147, 147, rules.blank(1))
    transit_layover = Column(148, 148, rules.LAYOVER)
    operating_airline_disclosure = Column(149, 149, rules.DISCLOSURE)
    traffic_restrictions = Column(150, 160, rules.TRAFFIC_RESTRICTION)
    restriction_overflow = Column(161, 161, rules.RESTRICTION_OVERFLOW)
    spare_3 = Column(162, 172, rules.blank(11))
    configuration = Column(173, 192, rules.CONFIGURATION)
    date_variation = Column(193, 194, rules.DATE_VARIATION)
    record_serial = Column(195, 200, rules.SERIAL)

    @property
    def flight(self) -> tuple[int, str]:
        """Flight number and operational suffix ('' if none)."""
        return int(self.flight_number), self.operational_suffix.strip()

    @property
    def variation(self) -> int:
        """The itinerary variation, its overflow counted as hundreds; 0 is none and not allowed."""
        return variation_number(self.itinerary_variation, self.itinerary_variation_overflow)

    @property
    def sequence(self) -> int:
        return int(self.leg_sequence)

    @property
    def first_date(self) -> date:
        return read_date(self.period_from)

    @property
    def last_date(self) -> date | None:
        """The last date of the period; None if it has no end."""
        return None if self.period_to == OPEN_END else read_date(self.period_to)

    @property
    def weekdays(self) -> frozenset[int]:
        """Days of operation, Monday 1 to Sunday 7."""
        return frozenset(int(day) for day in self.days_of_operation if day != " ")

    @property
    def every_weeks(self) -> int:
        return 2 if self.frequency == "2" else 1


class SegmentDataRecord(Record, type_code="4"):
    """Type 4: one data element (DEI) about a segment that boards at the leg before it."""

    operational_suffix = Column(2, 2, rules.SUFFIX)
    airline = Column(3, 5, rules.AIRLINE)
    flight_number = Column(6, 9, rules.FLIGHT_NUMBER)
    itinerary_variation = Column(10, 11, rules.VARIATION)
    leg_sequence = Column(12, 13, rules.LEG_SEQUENCE)
    service_type = Column(14, 14, rules.SERVICE_TYPE)
    spare_1 = Column(15, 27, rules.blank(13))
    itinerary_variation_overflow = Column(28, 28, rules.VARIATION_OVERFLOW)
    board_indicator = Column(29, 29, rules.POINT_INDICATOR)
    off_indicator = Column(30, 30, rules.POINT_INDICATOR)
    data_element = Column(31, 33, rules.DATA_ELEMENT)
    board_point = Column(34, 36, rules.STATION)
    off_point = Column(37, 39, rules.STATION)
    data = Column(40, 194, rules.text(155))
    record_serial = Column(195, 200, rules.SERIAL)

    @property
    def board_sequence(self) -> int:
        """The leg at whose departure the segment begins."""
        return ord(self.board_indicator) - ord("A") + 1

    @property
    def off_sequence(self) -> int:
        """The leg at whose arrival the segment ends: indicator B is where leg 1 ends."""
        return ord(self.off_indicator) - ord("A")


class TrailerRecord(Record, type_code="5"):
    """Type 5: closes the schedule of one carrier."""

    spare_1 = Column(2, 2, rules.blank(1))
    airline = Column(3, 5, rules.AIRLINE)
    release_date = Column(6, 12, rules.OPTIONAL_DATE)
    spare_2 = Column(13, 187, rules.blank(175))
    last_serial = Column(188, 193, rules.SERIAL)
    continuation = Column(194, 194, rules.CONTINUATION)
    record_serial = Column(195, 200, rules.SERIAL)


def variation_number(variation: str, overflow: str) -> int:
    """The itinerary variation of its two columns: 07 with overflow 1 is 107."""
    return int(variation) + 100 * (0 if overflow == " " else int(overflow))


RECORD_TYPES: dict[str, type[Record]] = {
    record.type_code: record
    for record in (HeaderRecord, CarrierRecord, FlightLegRecord, SegmentDataRecord, TrailerRecord)
}
