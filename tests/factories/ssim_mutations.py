"""What is invalid in each field of SSIM record types 2 to 4, and a file with one field changed.

A field that was changed into another *valid* text cannot be found by looking at the field. What is invalid is stated
here per field, once by form (``INVALID``) and once by what the other records, the calendar and the zone database say
(``INCONSISTENT``).
"""

from __future__ import annotations

from tests.factories.ssim import network, schedule_text

from ais.schedule.ssim import CarrierRecord, FlightLegRecord, SegmentDataRecord
from ais.schedule.ssim.columns import Column

BLANK = ""
TEXT = schedule_text(network()[1:5])  # the flight of two legs, each with segment data
ROWS = TEXT.splitlines()
RECORDS = {"2": (CarrierRecord, 5), "3": (FlightLegRecord, 10), "4": (SegmentDataRecord, 11)}

SERIALS = ("00000A", "      ", "999999", "000001", "-00003")
TIMES = ("2460", "0660", "6   ", "    ", "AB00", "06:0", "-100")
DATES = ("30FEB27", "31APR27", "00JAN27", "28MRZ27", "2803027", "28mar27", BLANK)
AIRLINES = ("Z", "99", "Z Q", "ZQ1", "zq", "Z-Q", BLANK)
DESIGNATORS = ("Z", "99", "Z Q", "ZQ1", "zq")
FLIGHT_NUMBERS = ("0000", "12 3", "101 ", "1O1 ", "-101", BLANK)
STATIONS = ("RU", "R1H", "ruh", "R H", BLANK)
TEXTS = ("lower case", "tab\there", "caf\xe9", "\x00", "~\x7f")

INVALID = {
    "2": {
        "time_mode": ("X", " ", "l"),
        "airline": AIRLINES,
        "spare_1": ("X", "    0"),
        "season": ("S2", "X27", "27S", "SXX"),
        "spare_2": ("X",),
        "validity_from": (*DATES, "00XXX00"),
        "validity_to": DATES,
        "creation_date": (*DATES, "00XXX00"),
        "title": TEXTS,
        "release_date": tuple(date for date in DATES if date),
        "schedule_status": ("X", " ", "c"),
        "creator_reference": TEXTS,
        "duplicate_airline_marker": ("Y", "0"),
        "general_information": TEXTS,
        "secure_flight_indicator": ("X", "0"),
        "in_flight_services": ("A", "1//2", "123", "1 2", "/1"),
        "electronic_ticketing": ("XX", "E", "TE"),
        "creation_time": TIMES,
        "record_serial": SERIALS,
    },
    "3": {
        "operational_suffix": ("1", "a", "-"),
        "airline": AIRLINES,
        "flight_number": FLIGHT_NUMBERS,
        "itinerary_variation": ("A1", " 1", "1 ", BLANK),
        "leg_sequence": ("00", "A1", " 1", BLANK),
        "service_type": ("Z", "1", " ", "j"),
        "period_from": (*DATES, "00XXX00"),
        "period_to": DATES,
        "days_of_operation": ("       ", "2345671", "8", "X", "11"),
        "frequency": ("3", "0", "W"),
        "departure_station": STATIONS,
        "passenger_departure_time": (*TIMES, "2400"),
        "aircraft_departure_time": (*TIMES, "2400"),
        "departure_utc_variation": ("0300 ", "+1500", "+0360", " 0300", "+03:0", BLANK),
        "departure_terminal": (" 1", "-1", "t1"),
        "arrival_station": STATIONS,
        "aircraft_arrival_time": (*TIMES, "2401"),
        "passenger_arrival_time": (*TIMES, "2401"),
        "arrival_utc_variation": ("0300 ", "+1500", "+0360", " 0300", "+03:0", BLANK),
        "arrival_terminal": (" 1", "-1", "t1"),
        "aircraft_type": ("32", "3 0", "a32", BLANK),
        "booking_classes": ("C Y", " CY", "CYY", "C1", "cy"),
        "booking_modifiers": ("1", "n", "-"),
        "meals": ("1", "l", "/"),
        "joint_operation_airlines": ("99", "Z", "ZQ1", "   ZQ "),
        "departure_international_status": ("X", "1"),
        "arrival_international_status": ("X", "1"),
        "secure_flight_indicator": ("X", "0"),
        "spare_1": ("X", "    0"),
        "itinerary_variation_overflow": ("0", "A"),
        "aircraft_owner": DESIGNATORS,
        "cockpit_crew_employer": DESIGNATORS,
        "cabin_crew_employer": DESIGNATORS,
        "onward_airline": DESIGNATORS,
        "onward_flight_number": tuple(number for number in FLIGHT_NUMBERS if number),
        "rotation_layover": ("A", "-"),
        "onward_suffix": ("1", "a"),
        "spare_2": ("X",),
        "transit_layover": ("A", "-"),
        "operating_airline_disclosure": ("A", "1"),
        "traffic_restrictions": ("J", "L", "P", "1", "a"),
        "restriction_overflow": ("A", "1"),
        "spare_3": ("X", "          0"),
        "configuration": ("12C", "C", "C12C8", "C0Y138", "C12 Y138", "c12", "Y1380"),
        "date_variation": ("8", "B", "0X", "-1"),
        "record_serial": SERIALS,
    },
    "4": {
        "operational_suffix": ("1", "a"),
        "airline": AIRLINES,
        "flight_number": FLIGHT_NUMBERS,
        "itinerary_variation": ("A1", " 1", BLANK),
        "leg_sequence": ("00", "A1", BLANK),
        "service_type": ("Z", "1", BLANK),
        "spare_1": ("X", "            0"),
        "itinerary_variation_overflow": ("0", "A"),
        "board_indicator": ("1", BLANK, "a"),
        "off_indicator": ("1", BLANK, "b"),
        "data_element": ("000", "01", "A10", BLANK),
        "board_point": STATIONS,
        "off_point": STATIONS,
        "data": TEXTS,
        "record_serial": SERIALS,
    },
}
# Well-formed, and yet not what the rest of the file, the calendar or the zones allow. Behind a text stand the record
# and the field that are named, if the contradiction shows itself elsewhere ("3+1" is the second leg).
INCONSISTENT = {
    "2": {
        "airline": (("YQ", "3", "airline"), ("ZX", "2", "airline")),
        "season": (("W27",), ("S28",)),
        "validity_from": (("29MAR27", "3", "period_from"), ("31OCT27", "2", "validity_to")),
        "validity_to": (("29OCT27", "3", "period_to"), ("27MAR27",)),
    },
    "3": {
        "airline": (("YQ",),),
        "flight_number": ((" 202", "4", "flight_number"),),
        "operational_suffix": (("B", "4", "operational_suffix"),),
        "itinerary_variation": (("02", "4", "itinerary_variation"), ("00",)),
        "itinerary_variation_overflow": (("1", "4", "itinerary_variation_overflow"),),
        "leg_sequence": (("02",), ("03",)),
        "service_type": (("F", "4", "service_type"), ("G", "4", "service_type")),
        "period_from": (("01APR27", "3+1", "period_from"), ("27MAR27",), ("31OCT27", "3", "period_to")),
        "period_to": (
            ("01APR27", "3", "days_of_operation"),
            ("01OCT27", "3+1", "period_to"),
            ("31OCT27",),
            ("27MAR27",),
        ),
        "days_of_operation": (("1     7", "3+1", "days_of_operation"),),
        "frequency": (("2", "3+1", "frequency"),),
        "departure_station": (("RUH", "3", "arrival_station"), ("XXX",), ("CAI", "4", "board_point")),
        "arrival_station": (("JED", "3+1", "departure_station"), ("XXX",), ("DMM",)),
        "aircraft_departure_time": (("2350", "3", "aircraft_arrival_time"), ("0100", "3", "passenger_departure_time")),
        "passenger_departure_time": (("1200",),),
        "passenger_arrival_time": (("1200",),),
        "aircraft_arrival_time": (("2120",), ("2359", "3+1", "aircraft_departure_time")),
        "departure_utc_variation": (("+0200",), ("-0300",), ("+0330",)),
        "arrival_utc_variation": (("+0200",), ("-0300",), ("+0330",)),
        "aircraft_type": (("999",),),
        "configuration": ((BLANK,), ("PP14",)),
        "onward_airline": (("ZQ", "3", "onward_flight_number"),),
        "onward_flight_number": (("  12",),),
        "date_variation": (("10", "3", "aircraft_arrival_time"), ("03", "3", "aircraft_arrival_time")),
    },
    "4": {
        "airline": (("YQ",),),
        "flight_number": ((" 202",),),
        "operational_suffix": (("B",),),
        "itinerary_variation": (("02",),),
        "itinerary_variation_overflow": (("1",),),
        "leg_sequence": (("02",),),
        "service_type": (("G",),),
        "board_indicator": (("B",),),
        "off_indicator": (("A",), ("D",), ("B", "4", "off_point")),
        "board_point": (("RUH",),),
        "off_point": (("RUH",), ("DMM",)),
        "data": ((BLANK,), ("SOMETHING",), ("YQ 7201/",), ("99 123",)),
    },
}


def mutated(kind: str, column: Column, value: str) -> str:
    _, row = RECORDS[kind]
    text = ROWS[row][: column.first - 1] + value.ljust(column.width) + ROWS[row][column.last :]
    return "\n".join([*ROWS[:row], text, *ROWS[row + 1 :]]) + "\n"
