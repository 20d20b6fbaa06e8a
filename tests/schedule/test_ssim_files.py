"""An SSIM file reads, writes back the same bytes, and agrees with an independent reader field by field."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import rustyssim
from tests.factories.ssim import REFERENCE, SUMMER, leg, network, schedule_text

from ais.schedule.ssim import (
    CarrierRecords,
    FlightLegRecord,
    ScheduleFileRefused,
    SegmentDataRecord,
    cabins_of,
    carrier_record,
    flight_designators,
    header_record,
    read_file,
    read_schedule,
    season_dates,
    write_file,
)

# Our column on the left, the other reader's name on the right.
LEG_NAMES = {
    "operational_suffix": "operational_suffix",
    "airline": "airline_designator",
    "flight_number": "flight_number",
    "itinerary_variation": "itinerary_variation_identifier",
    "leg_sequence": "leg_sequence_number",
    "service_type": "service_type",
    "period_from": "period_of_operation_from",
    "period_to": "period_of_operation_to",
    "days_of_operation": "days_of_operation",
    "frequency": "frequency_rate",
    "departure_station": "departure_station",
    "passenger_departure_time": "scheduled_time_of_passenger_departure",
    "aircraft_departure_time": "scheduled_time_of_aircraft_departure",
    "departure_utc_variation": "time_variation_departure",
    "departure_terminal": "passenger_terminal_departure",
    "arrival_station": "arrival_station",
    "aircraft_arrival_time": "scheduled_time_of_aircraft_arrival",
    "passenger_arrival_time": "scheduled_time_of_passenger_arrival",
    "arrival_utc_variation": "time_variation_arrival",
    "arrival_terminal": "passenger_terminal_arrival",
    "aircraft_type": "aircraft_type",
    "booking_classes": "passenger_reservations_booking_designator",
    "booking_modifiers": "passenger_reservations_booking_modifier",
    "meals": "meal_service_note",
    "joint_operation_airlines": "joint_operation_airline_designators",
    "departure_international_status": "min_connecting_time_status_departure",
    "arrival_international_status": "min_connecting_time_status_arrival",
    "secure_flight_indicator": "secure_flight_indicator",
    "itinerary_variation_overflow": "itinerary_variation_identifier_overflow",
    "aircraft_owner": "aircraft_owner",
    "cockpit_crew_employer": "cockpit_crew_employer",
    "cabin_crew_employer": "cabin_crew_employer",
    "onward_airline": "airline_designator2",
    "onward_flight_number": "flight_number2",
    "rotation_layover": "aircraft_rotation_layover",
    "onward_suffix": "operational_suffix2",
    "transit_layover": "flight_transit_layover",
    "operating_airline_disclosure": "operating_airline_disclosure",
    "traffic_restrictions": "traffic_restriction_code",
    "restriction_overflow": "traffic_restriction_code_leg_overflow_indicator",
    "configuration": "aircraft_configuration",
    "date_variation": "date_variation",
    "record_serial": "record_serial_number",
}
SEGMENT_NAMES = {
    "operational_suffix": "operational_suffix",
    "airline": "airline_designator",
    "flight_number": "flight_number",
    "itinerary_variation": "itinerary_variation_identifier",
    "leg_sequence": "leg_sequence_number",
    "itinerary_variation_overflow": "itinerary_variation_identifier_overflow",
    "board_indicator": "board_point_indicator",
    "off_indicator": "off_point_indicator",
    "data_element": "data_element_identifier",
    "board_point": "board_point",
    "off_point": "off_point",
    "data": "data",
    "record_serial": "record_serial_number",
}
CARRIER_NAMES = {
    "time_mode": "time_mode",
    "airline": "airline_designator",
    "season": "season",
    "validity_from": "period_of_schedule_validity_from",
    "validity_to": "period_of_schedule_validity_to",
    "creation_date": "creation_date",
    "title": "title_of_data",
    "release_date": "release_date",
    "schedule_status": "schedule_status",
    "general_information": "general_information",
    "in_flight_services": "in_flight_service_information",
    "electronic_ticketing": "electronic_ticketing_information",
    "creation_time": "creation_time",
    "record_serial": "record_serial_number",
}


CREATED = datetime(2027, 1, 5, tzinfo=UTC)


def full_leg():
    """A leg on which every optional column says something."""
    return leg(
        45,
        "RUH",
        "12:05",
        "DXB",
        "14:50",
        arrival_offset=240,
        suffix="B",
        variation=107,
        every_weeks=2,
        weekdays=(2, 7),
        period=(date(2027, 4, 4), date(2027, 6, 29)),
        departure_terminal="5",
        arrival_terminal="T2",
        booking_modifiers="NN",
        meals="LSS",
        joint_operation_airlines="YQ ZQ",
        departure_international_status="I",
        arrival_international_status="I",
        secure_flight_indicator="S",
        aircraft_owner="YQ",
        cockpit_crew_employer="ZQ",
        cabin_crew_employer="ZQA",
        onward_airline="ZQ",
        onward_flight_number="  46",
        rotation_layover="1",
        onward_suffix="C",
        transit_layover="1",
        operating_airline_disclosure="L",
        traffic_restrictions=" K",
        restriction_overflow="Z",
        configuration="C12Y138VV320",
    )


def stripped(text):
    return None if text is None else text.rstrip()


def test_the_independent_reader_sees_the_same_fields(tmp_path: Path):
    text = schedule_text(
        network([full_leg()]), release_date="06JAN27", general_information="GENERAL INFORMATION",
        in_flight_services="1/2/13", electronic_ticketing="ET",
    )  # fmt: skip
    path = tmp_path / "schedule.ssim"
    path.write_text(text, encoding="ascii")
    file, errors = read_file(text)
    assert errors == []
    carriers, flights, segments = rustyssim.split_ssim_to_dataframes(str(path))
    ours = file.carriers[0]
    for record, theirs, names in (
        ([ours.carrier], carriers, CARRIER_NAMES),
        ([group.leg for group in ours.legs], flights, LEG_NAMES),
        ([data for group in ours.legs for data in group.segment_data], segments, SEGMENT_NAMES),
    ):
        rows = theirs.to_dicts()
        assert len(rows) == len(record)
        for mine, other in zip(record, rows, strict=True):
            for name, other_name in names.items():
                assert stripped(getattr(mine, name)) == stripped(other[other_name]), name
    assert len(flights) == 8
    assert len(segments) == 2


def test_a_file_reads_back_the_same_bytes():
    text = schedule_text(network([full_leg()]))
    header, (checked,) = read_schedule(text, REFERENCE)
    records = [record for group in checked.schedule.legs for record in (group.leg, *group.segment_data)]
    assert write_file(header, [CarrierRecords(checked.schedule.carrier, records)]) == text
    assert {len(row) for row in text.splitlines()} == {200}
    assert len(text.splitlines()) % 5 == 0
    # The layout of blocks: header, carrier, ten records and the trailer, filled up.
    kinds = "".join(row[0] for row in text.splitlines())
    assert kinds == "10000" + "20000" + "33434" + "33333" + "50000"


def test_line_ends_do_not_matter():
    text = schedule_text(network())
    expected, _ = read_file(text)
    for variant in (text.replace("\n", "\r\n"), text.replace("\n", ""), text.encode(), text.rstrip("\n")):
        file, errors = read_file(variant)
        assert errors == []
        assert file.carriers[0].legs[-1].leg == expected.carriers[0].legs[-1].leg


def test_two_carriers_in_one_file_are_continued():
    first = carrier_record("ZQ", time_mode="L", season="S27", validity=SUMMER, created_at=CREATED)
    second = carrier_record("YQ", time_mode="L", season="S27", validity=SUMMER, created_at=CREATED)
    records = [leg(101, "RUH", "06:00", "JED", "07:50")]
    other = [FlightLegRecord(record.text.replace("ZQ ", "YQ ")) for record in records]
    text = write_file(header_record(1), [CarrierRecords(first, records), CarrierRecords(second, other)])
    _, checked = read_schedule(text, REFERENCE)
    assert [carrier.schedule.carrier.carrier for carrier in checked] == ["ZQ", "YQ"]
    assert [carrier.schedule.trailer.continuation for carrier in checked] == ["C", "E"]
    assert [carrier.schedule.trailer.last_serial for carrier in checked] == ["000003", "000006"]


def test_columns_say_what_they_mean():
    record = full_leg()
    assert record.flight == (45, "B")
    assert record.variation == 107
    assert record.weekdays == {2, 7}
    assert record.every_weeks == 2
    assert record.first_date == date(2027, 4, 4)
    assert leg(1, "RUH", "06:00", "JED", "07:00", period=(SUMMER[0], None)).last_date is None
    assert cabins_of("C12Y138VV320     ") == (("C", 12), ("Y", 138))
    assert cabins_of("J14W34Y316PP12LL4VV364") == (("J", 14), ("W", 34), ("Y", 316))
    assert cabins_of("PP14") == ()
    assert flight_designators("YQ 7201 /XX   5A") == (("YQ", "7201"), ("XX", "5A"))
    assert flight_designators("NOTHING") is None


def test_seasons_run_from_last_sunday_to_last_saturday():
    assert season_dates("S27") == (date(2027, 3, 28), date(2027, 10, 30))
    assert season_dates("W27") == (date(2027, 10, 31), date(2028, 3, 25))


def test_a_text_that_does_not_fit_is_not_composed():
    with pytest.raises(ValueError, match="aircraft_type"):
        leg(1, "RUH", "06:00", "JED", "07:00", aircraft_type="A320")
    with pytest.raises(ValueError, match="no_such_column"):
        leg(1, "RUH", "06:00", "JED", "07:00", no_such_column="X")
    with pytest.raises(ValueError, match="two-digit year"):
        leg(1, "RUH", "06:00", "JED", "07:00", period=(date(1999, 12, 31), SUMMER[1]))


def test_every_error_is_collected_and_the_whole_file_refused():
    rows = schedule_text(network()).splitlines()
    rows[10] = rows[10][:36] + "XQX" + rows[10][39:]  # record 3: an airport nobody knows
    rows[13] = rows[13][:39] + "2560" + rows[13][43:]  # record 6: no such time
    rows[15] = rows[15][:47] + "+0200" + rows[15][52:]  # record 8: not the offset of Riyadh
    with pytest.raises(ScheduleFileRefused) as refusal:
        read_schedule("\n".join(rows), REFERENCE)
    found = [(error.record, error.row, error.column, error.field) for error in refusal.value.errors]
    assert found == [
        (3, 11, 37, "departure_station"),
        (6, 14, 40, "passenger_departure_time"),
        (8, 16, 48, "departure_utc_variation"),
    ]
    assert refusal.value.details["count"] == 3
    assert str(refusal.value.errors[2]) == (
        "record 8 (row 16), column 48, departure_utc_variation: "
        "expected +0300, which RUH keeps on 28MAR27, found '+0200'"
    )


def test_segment_data_keeps_unknown_elements():
    _, (checked,) = read_schedule(schedule_text(network()), REFERENCE)
    elements = [data.data_element for group in checked.schedule.legs for data in group.segment_data]
    assert elements == ["010", "505"]
    assert all(isinstance(data, SegmentDataRecord) for group in checked.schedule.legs for data in group.segment_data)
