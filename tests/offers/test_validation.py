"""Every rule of a search's body, with the path of the field that breaks it."""

from datetime import UTC, datetime

import msgspec
import pytest

from ais.kit import ValidationFailed
from ais.offers.schemas import SearchRequest
from ais.offers.validation import require_valid_search

NOW = datetime(2027, 2, 28, 21, 30, tzinfo=UTC)  # in Riyadh 1 March has begun, in Cairo not yet


class Airports:
    def __init__(self):
        self.zones = {"RUH": "Asia/Riyadh", "JED": "Asia/Riyadh", "CAI": "Africa/Cairo"}

    def has_airport(self, iata):
        return iata in self.zones

    def timezone(self, iata):
        return self.zones[iata]


ADULT = {"type": "adult"}
LAP_INFANT = {"type": "infant", "age": 0}


def one_slice(origin="RUH", destination="JED", day="2027-03-01"):
    return {"origin": origin, "destination": destination, "departure_date": day}


def mistakes(slices=None, passengers=None):
    body = {"slices": slices or [one_slice()], "passengers": passengers or [ADULT]}
    request = msgspec.convert(body, SearchRequest)
    try:
        require_valid_search(request, Airports(), NOW)
    except ValidationFailed as refused:
        return [(field["path"], field["reason"]) for field in refused.details["fields"]]
    return []


def test_a_plain_search_is_valid():
    assert mistakes() == []


def test_the_defaults_are_those_of_the_contract():
    request = msgspec.convert({"slices": [one_slice()], "passengers": [ADULT]}, SearchRequest)
    assert (request.cabin, request.max_connections, request.limit) == ("economy", 1, 50)


def test_unknown_airports_are_named():
    assert mistakes([one_slice("XQZ", "QQQ")]) == [
        ("slices[0].origin", "XQZ is not an airport that we know"),
        ("slices[0].destination", "QQQ is not an airport that we know"),
    ]


def test_a_date_is_past_by_the_calendar_of_its_origin():
    assert mistakes([one_slice("CAI", "RUH", "2027-02-28")]) == []
    assert mistakes([one_slice("RUH", "CAI", "2027-02-28")]) == [
        ("slices[0].departure_date", "the date has passed: today in RUH is 2027-03-01")
    ]


def test_a_slice_does_not_depart_before_the_one_that_it_follows():
    same_day = [one_slice(day="2027-03-05"), one_slice("JED", "RUH", "2027-03-05")]
    assert mistakes(same_day) == []
    assert mistakes([one_slice(day="2027-03-05"), one_slice("JED", "RUH", "2027-03-04")]) == [
        ("slices[1].departure_date", "the slice departs before the one that it follows")
    ]


def test_a_slice_leads_somewhere():
    assert mistakes([one_slice("RUH", "RUH")]) == [("slices[0].destination", "the destination is the origin")]


@pytest.mark.parametrize(
    ("passengers", "expected"),
    [
        ([ADULT] * 9, []),
        ([ADULT] * 9 + [LAP_INFANT] * 9, []),
        ([ADULT] * 10, [("passengers", "1 to 9 passengers have a seat, not 10")]),
        (
            [{"type": "child", "age": 5}, {"type": "infant_seat", "age": 1}] * 5,
            [("passengers", "1 to 9 passengers have a seat, not 10")],
        ),
        ([ADULT, LAP_INFANT, LAP_INFANT], [("passengers", "there are more infants on laps than adults")]),
        (
            [LAP_INFANT],
            [
                ("passengers", "1 to 9 passengers have a seat, not 0"),
                ("passengers", "there are more infants on laps than adults"),
            ],
        ),
        ([ADULT, {"type": "child"}], [("passengers[1].age", "the age is required: a child is 2 to 11 years old")]),
        ([ADULT, {"type": "infant"}], [("passengers[1].age", "the age is required: an infant is under 2 years old")]),
        ([ADULT, {"type": "child", "age": 1}], [("passengers[1].age", "a child is 2 to 11 years old")]),
        ([ADULT, {"type": "child", "age": 2}], []),
        ([ADULT, {"type": "child", "age": 11}], []),
        ([ADULT, {"type": "child", "age": 12}], [("passengers[1].age", "a child is 2 to 11 years old")]),
        ([ADULT, {"type": "infant", "age": 2}], [("passengers[1].age", "an infant is under 2 years old")]),
        ([ADULT, {"type": "infant_seat", "age": 2}], [("passengers[1].age", "an infant is under 2 years old")]),
        ([{"type": "adult", "age": 11}], [("passengers[0].age", "an adult is 12 or older")]),
        ([{"type": "adult", "age": 12}], []),
    ],
)
def test_the_party(passengers, expected):
    assert mistakes(passengers=passengers) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"slices": []},
        {"slices": [one_slice()] * 7},
        {"passengers": []},
        {"passengers": [{"type": "dog"}]},
        {"cabin": "first"},
        {"max_connections": 3},
        {"max_connections": "1"},
        {"limit": 0},
        {"limit": 201},
        {"slices": [one_slice("ruh")]},
        {"slices": [one_slice(day="2027-02-30")]},
        {"price": 1},
        {"passengers": [{"type": "adult", "age": True}]},
    ],
)
def test_what_the_types_refuse(change):
    body = {"slices": [one_slice()], "passengers": [ADULT]} | change
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, SearchRequest)
