"""A period expands to flight dates with legs in UTC: by calendar arithmetic done once more, the slow way."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factories.ssim import REFERENCE, SUMMER, ZONES, at, leg, schedule_text

from ais.schedule.ssim import ScheduleFileRefused, ZoneClocks, expand, itinerary_of, read_schedule
from ais.schedule.ssim.expansion import skipped_times
from ais.schedule.ssim.zones import ZoneClock, date_of_day, day_number

CLOCKS = ZoneClocks(ZONES.get)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(minutes: int) -> datetime:
    return EPOCH + timedelta(minutes=minutes)


def operations(records, first=SUMMER[0], last=SUMMER[1], mode="L"):
    itinerary = itinerary_of([(record, ()) for record in records], mode)
    return list(expand(itinerary, CLOCKS, first, last))


def test_a_period_operates_on_its_days_within_its_dates():
    record = leg(1, "RUH", "06:00", "JED", "07:50", weekdays=(1, 5), period=(date(2027, 4, 5), date(2027, 4, 19)))
    days = [date_of_day(operation.departure_day) for operation in operations([record])]
    assert days == [date(2027, 4, 5), date(2027, 4, 9), date(2027, 4, 12), date(2027, 4, 16), date(2027, 4, 19)]
    cut = operations([record], date(2027, 4, 9), date(2027, 4, 12))
    assert [date_of_day(operation.departure_day) for operation in cut] == [date(2027, 4, 9), date(2027, 4, 12)]


def test_every_second_week_counts_from_the_first_date():
    record = leg(
        1, "RUH", "06:00", "JED", "07:50", weekdays=(1, 2), every_weeks=2, period=(date(2027, 4, 6), date(2027, 5, 5))
    )
    days = [date_of_day(operation.departure_day) for operation in operations([record])]
    # Weeks run Tuesday to Monday here: 6-12 April, 20-26 April, 4-10 May.
    assert days == [date(2027, 4, 6), date(2027, 4, 12), date(2027, 4, 20), date(2027, 4, 26), date(2027, 5, 4)]


def test_a_period_without_end_goes_on():
    record = leg(1, "RUH", "06:00", "JED", "07:50", period=(date(2027, 4, 5), None))
    assert len(operations([record], date(2030, 1, 1), date(2030, 12, 31))) == 365


def test_a_flight_date_is_local_at_the_origin_of_leg_one_and_later_legs_carry_day_offsets():
    first = leg(201, "DMM", "23:30", "RUH", "00:40", arrival_days=1)
    second = leg(201, "RUH", "01:50", "JED", "03:35", sequence=2, departure_days=1, arrival_days=1)
    (operation,) = operations([first, second], date(2027, 6, 1), date(2027, 6, 1))
    assert date_of_day(operation.departure_day) == date(2027, 6, 1)
    assert [(instant(times.departure), instant(times.arrival)) for times in operation.legs] == [
        (datetime(2027, 6, 1, 20, 30, tzinfo=UTC), datetime(2027, 6, 1, 21, 40, tzinfo=UTC)),
        (datetime(2027, 6, 1, 22, 50, tzinfo=UTC), datetime(2027, 6, 2, 0, 35, tzinfo=UTC)),
    ]


def test_in_utc_mode_period_and_days_are_utc_and_the_flight_date_shifts():
    # 22:30Z on a Monday is 01:30 on Tuesday in Riyadh.
    record = leg(1, "RUH", "22:30", "DXB", "00:20", arrival_days=1, arrival_offset=240, weekdays=(1,))
    (operation,) = operations([record], date(2027, 6, 7), date(2027, 6, 7), "U")
    assert date_of_day(operation.schedule_day) == date(2027, 6, 7)
    assert date_of_day(operation.departure_day) == date(2027, 6, 8)
    assert instant(operation.legs[0].departure) == datetime(2027, 6, 7, 22, 30, tzinfo=UTC)
    assert instant(operation.legs[0].arrival) == datetime(2027, 6, 8, 0, 20, tzinfo=UTC)


def test_the_day_before_is_written_a():
    early = leg(1, "RUH", "00:30", "CAI", "23:50", arrival_days=-1, arrival_offset=120,
                period=(SUMMER[0], date(2027, 4, 29)), passenger_arrival=at("23:55"))  # fmt: skip
    assert early.date_variation == "0A"
    (operation,) = operations([early], date(2027, 4, 1), date(2027, 4, 1))
    assert instant(operation.legs[0].arrival) == datetime(2027, 3, 31, 21, 50, tzinfo=UTC)
    assert instant(operation.legs[0].passenger_arrival) == datetime(2027, 3, 31, 21, 55, tzinfo=UTC)


def test_passengers_may_be_told_a_time_on_the_other_side_of_midnight():
    record = leg(1, "RUH", "00:10", "JED", "02:00", passenger_departure=at("23:55"))
    (operation,) = operations([record], date(2027, 6, 2), date(2027, 6, 2))
    assert instant(operation.legs[0].passenger_departure) == datetime(2027, 6, 1, 20, 55, tzinfo=UTC)
    assert date_of_day(operation.departure_day) == date(2027, 6, 2)


def test_a_change_of_clocks_within_a_period_must_split_it():
    whole = leg(311, "RUH", "08:00", "CAI", "09:40", arrival_offset=120)
    with pytest.raises(ScheduleFileRefused) as refusal:
        read_schedule(schedule_text([whole]), REFERENCE)
    (error,) = refusal.value.errors
    assert (error.field, error.found) == ("arrival_utc_variation", "+0200")
    assert error.expected == "+0300, which CAI keeps on 30APR27"


def test_a_local_time_in_a_gap_moves_forward_and_is_counted():
    # New York skips 02:00 to 03:00 on 14 March 2027.
    record = leg(
        7, "JFK", "02:30", "LHR", "14:00", departure_offset=-240, arrival_offset=0,
        period=(date(2027, 3, 14), date(2027, 3, 14)), weekdays=(7,),
    )  # fmt: skip
    itinerary = itinerary_of([(record, ())], "L")
    (operation,) = expand(itinerary, CLOCKS, date(2027, 3, 14), date(2027, 3, 14))
    assert instant(operation.legs[0].departure) == datetime(2027, 3, 14, 7, 30, tzinfo=UTC)
    assert instant(operation.legs[0].departure).astimezone(ZoneInfo("America/New_York")).hour == 3
    assert skipped_times(itinerary, day_number(date(2027, 3, 14)), CLOCKS) == 1
    assert skipped_times(itinerary, day_number(date(2027, 3, 15)), CLOCKS) == 0


def test_the_same_flight_twice_on_a_date_is_refused():
    with pytest.raises(ScheduleFileRefused) as refusal:
        read_schedule(
            schedule_text(
                [
                    leg(1, "RUH", "06:00", "JED", "07:50", weekdays=(1, 2)),
                    leg(1, "RUH", "16:00", "JED", "17:50", variation=2, weekdays=(2, 3)),
                ]
            ),
            REFERENCE,
        )
    (error,) = refusal.value.errors
    assert (error.record, error.field) == (4, "flight_number")
    assert error.expected == "one operation on 30MAR27: record 3 has the flight then too"


@given(
    name=st.sampled_from(sorted({*ZONES.values(), "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca"})),
    local=st.integers(min_value=day_number(date(2024, 1, 1)) * 1440, max_value=day_number(date(2031, 1, 1)) * 1440),
)
@settings(max_examples=600)
def test_the_fast_clock_agrees_with_the_zone_database(name, local):
    clock = ZoneClock(name)
    wall = datetime(1970, 1, 1) + timedelta(minutes=local)
    expected = wall.replace(tzinfo=ZoneInfo(name)).astimezone(UTC)
    assert instant(clock.to_utc(local)) == expected
    back = expected.astimezone(ZoneInfo(name))
    assert clock.to_local(clock.to_utc(local)) == local + round(
        (back.replace(tzinfo=None) - wall) / timedelta(minutes=1)
    )
    assert clock.is_skipped(local) == (back.replace(tzinfo=None) != wall)
    assert timedelta(minutes=clock.offset_at(clock.to_utc(local))) == back.utcoffset()


@given(data=st.data())
@settings(max_examples=150)
def test_expansion_equals_a_walk_over_the_calendar(data):
    first = data.draw(st.dates(date(2026, 1, 1), date(2027, 12, 31)))
    last = first + timedelta(days=data.draw(st.integers(0, 200)))
    weekdays = data.draw(st.sets(st.integers(1, 7), min_size=1))
    every = data.draw(st.sampled_from([1, 2]))
    origin, destination = data.draw(st.permutations(sorted(ZONES)))[:2]
    leaves, arrives = data.draw(st.integers(0, 1439)), data.draw(st.integers(0, 1439))
    days = data.draw(st.integers(0, 2))
    mode = data.draw(st.sampled_from("LU"))
    record = leg(
        5, origin, f"{leaves // 60:02d}:{leaves % 60:02d}", destination, f"{arrives // 60:02d}:{arrives % 60:02d}",
        period=(first, last), weekdays=weekdays, every_weeks=every, arrival_days=days,
    )  # fmt: skip
    expected = []
    day = first
    while day <= last:
        if day.isoweekday() in weekdays and (every == 1 or (day - first).days // 7 % 2 == 0):
            departs = datetime(day.year, day.month, day.day) + timedelta(minutes=leaves)
            lands = datetime(day.year, day.month, day.day) + timedelta(days=days, minutes=arrives)
            zones = (ZoneInfo(ZONES[origin]), ZoneInfo(ZONES[destination])) if mode == "L" else (UTC, UTC)
            departure, arrival = departs.replace(tzinfo=zones[0]), lands.replace(tzinfo=zones[1])
            flight_date = day if mode == "L" else departure.astimezone(ZoneInfo(ZONES[origin])).date()
            expected.append((flight_date, departure.astimezone(UTC), arrival.astimezone(UTC)))
        day += timedelta(days=1)
    found = [
        (date_of_day(operation.departure_day), instant(operation.legs[0].departure), instant(operation.legs[0].arrival))
        for operation in operations([record], first, last, mode)
    ]
    assert found == expected
