"""Who may travel on an offer: ids, names, ages, laps, documents."""

from datetime import date
from typing import Any

import msgspec
import pytest

from ais.kit import AppError, ValidationFailed
from ais.orders.domain import age_on
from ais.orders.errors import NameRomanisationRequired, PassengerAge
from ais.orders.schemas import PassengerRequest
from ais.orders.service.travellers import check_travellers

TODAY = date(2027, 1, 15)
OUTWARD, BACK = date(2027, 3, 1), date(2027, 3, 11)


def traveller(reference: str, **more: Any) -> dict[str, Any]:
    return {"id": reference, "given_name": "Sara", "family_name": "Al-Harbi", **more}


def check(people: list[dict[str, Any]], types: dict[str, str], dates: tuple[date, ...] = (OUTWARD, BACK)) -> Any:
    requests = msgspec.convert(people, list[PassengerRequest])
    return check_travellers(requests, types, dates, TODAY)


def people_of(found: Any) -> list[Any]:
    """Who the passengers are, in their order."""
    return [found.details[each.id] for each in found.passengers]


def refused(people: list[dict[str, Any]], types: dict[str, str], dates: tuple[date, ...] = (OUTWARD, BACK)) -> Any:
    with pytest.raises(AppError) as problem:
        check(people, types, dates)
    (field,) = problem.value.details["fields"]
    return problem.value.code, field["path"], field["reason"]


def test_passengers_come_in_the_order_of_the_offer_and_infants_name_their_adult():
    family = [
        traveller("i", born_on="2026-02-01", accompanying_passenger_id="b"),
        traveller("b", given_name=" Omar  Ali ", title="Mr", gender="M"),
        traveller("c", born_on="2019-01-01", name_local={"given": "ليلى", "family": "الحربي"}),
        traveller("a"),
    ]
    types = {"a": "adult", "b": "adult", "c": "child", "i": "infant"}
    found = check(family, types)
    passengers, people = found.passengers, people_of(found)
    assert [(each.offer_reference, each.position, each.type) for each in passengers] == [
        ("a", 1, "adult"),
        ("b", 2, "adult"),
        ("c", 3, "child"),
        ("i", 4, "infant"),
    ]
    assert people[1].given_name == "Omar Ali"
    assert passengers[3].accompanying_id == passengers[1].id
    assert people[2].name_local.family == "الحربي"
    assert {each.family_name for each in people} == {"Al-Harbi"}


@pytest.mark.parametrize(
    ("people", "path", "reason"),
    [
        ([traveller("x"), traveller("b")], "passengers[0].id", "is not a passenger of the offer"),
        ([traveller("a"), traveller("a")], "passengers[1].id", "is named twice"),
        ([traveller("a")], "passengers", "passenger b of the offer is missing"),
    ],
)
def test_exactly_the_passengers_of_the_offer_travel(people, path, reason):
    assert refused(people, {"a": "adult", "b": "adult"}) == ("VALIDATION_ERROR", path, reason)


@pytest.mark.parametrize("kind", ["child", "infant", "infant_seat"])
def test_nobody_under_twelve_travels_without_an_adult(kind):
    expected = ("VALIDATION_ERROR", "passengers", "children and infants travel with an adult")
    assert refused([traveller("c", born_on="2025-12-01")], {"c": kind}) == expected


@pytest.mark.parametrize(
    "name",
    ["Al-Harbi", "O'Brien", "O’Brien", "de la Cruz", "Müller", "Łukasz", "Nuñez", "Şahin", "St. John", "Ə"],
)  # fmt: skip
def test_latin_names_are_accepted(name):
    (passenger,) = people_of(check([traveller("a", family_name=name)], {"a": "adult"}))
    assert passenger.family_name == name


@pytest.mark.parametrize("name", ["Sm1th", "王", "Иванов", "-", "'", "A_B", "A/B", "Ａ", " ", "\u0301"])
def test_what_a_travel_document_does_not_write_is_refused(name):
    code, path, _ = refused([traveller("a", family_name=name)], {"a": "adult"})
    assert (code, path) == ("VALIDATION_ERROR", "passengers[0].family_name")
    assert refused([traveller("a", given_name=name)], {"a": "adult"})[1] == "passengers[0].given_name"


def test_who_has_one_name_leaves_the_given_name_empty():
    (passenger,) = people_of(check([traveller("a", given_name="")], {"a": "adult"}))
    assert passenger.given_name == ""


def test_arabic_alone_is_refused_with_a_suggestion():
    with pytest.raises(AppError) as problem:
        check([traveller("a", given_name="سارة", family_name="الحربي")], {"a": "adult"})
    assert (problem.value.code, problem.value.status) == ("NAME_ROMANISATION_REQUIRED", 422)
    assert problem.value.details == {
        "fields": [{"path": "passengers[0].family_name", "reason": "is not written in Latin letters"}],
        "suggestions": {"family_name": "AL-HRBY", "given_name": "SARA"},
    }


@pytest.mark.parametrize(
    ("kind", "born_on", "day", "age"),
    [
        ("infant", "2025-03-11", BACK, 2),  # turns two on the way back
        ("infant_seat", "2025-03-01", OUTWARD, 2),
        ("child", "2015-03-11", BACK, 12),  # turns twelve on the way back
        ("child", "2025-03-02", OUTWARD, 1),  # is two for the way back only
        ("infant", "2027-03-02", OUTWARD, -1),
    ],
)
def test_age_is_taken_on_the_date_of_each_flight(kind, born_on, day, age):
    people = [traveller("a"), traveller("c", born_on=born_on)]
    if kind == "infant":
        people[1]["accompanying_passenger_id"] = "a"
    with pytest.raises(AppError) as problem:
        check(people, {"a": "adult", "c": kind})
    if age < 0:
        assert problem.value.details["fields"][0]["reason"] == "is not a possible date of birth"
        return
    assert (problem.value.code, problem.value.status) == ("PASSENGER_AGE", 422)
    assert {name: problem.value.details[name] for name in ("age", "date", "type")} == {
        "age": age,
        "date": day.isoformat(),
        "type": kind,
    }
    assert problem.value.details["fields"][0]["path"] == "passengers[1].born_on"


@pytest.mark.parametrize(
    ("kind", "born_on"),
    [
        ("infant", "2025-03-12"),  # a day short of two on the way back
        ("child", "2025-03-01"),  # two on the way out
        ("child", "2015-03-12"),  # a day short of twelve on the way back
        ("infant_seat", "2027-01-15"),  # born today
    ],
)
def test_the_last_day_of_each_age_still_counts(kind, born_on):
    people = [traveller("a"), traveller("c", born_on=born_on)]
    if kind == "infant":
        people[1]["accompanying_passenger_id"] = "a"
    assert check(people, {"a": "adult", "c": kind}).passengers[1].type == kind


def test_an_adult_is_twelve_or_more_and_need_not_say():
    assert refused([traveller("a", born_on="2015-03-02")], {"a": "adult"})[0] == "PASSENGER_AGE"
    born = [traveller("a", born_on="2015-03-01")]
    assert people_of(check(born, {"a": "adult"}))[0].born_on == date(2015, 3, 1)
    assert people_of(check([traveller("a")], {"a": "adult"}))[0].born_on is None
    expected = ("VALIDATION_ERROR", "passengers[0].born_on", "is not a possible date of birth")
    assert refused([traveller("a", born_on="1900-01-01")], {"a": "adult"}) == expected


@pytest.mark.parametrize("kind", ["child", "infant", "infant_seat"])
def test_children_and_infants_say_when_they_were_born(kind):
    people = [traveller("a"), traveller("c", accompanying_passenger_id="a" if kind == "infant" else None)]
    expected = ("VALIDATION_ERROR", "passengers[1].born_on", "is required for children and infants")
    assert refused(people, {"a": "adult", "c": kind}) == expected


def test_born_on_29_february_is_a_year_older_on_1_march():
    born = date(2024, 2, 29)
    assert [age_on(born, day) for day in (date(2026, 2, 28), date(2026, 3, 1), date(2028, 2, 29))] == [1, 2, 4]


@pytest.mark.parametrize(
    ("laps", "path", "reason"),
    [
        ({"i": None}, "passengers[2]", "is required for an infant on a lap"),
        ({"i": "c"}, "passengers[2]", "must be an adult of the order"),
        ({"i": "nobody"}, "passengers[2]", "must be an adult of the order"),
        ({"i": "a", "j": "a"}, "passengers[3]", "has an infant on the lap already"),
        ({"c": "a", "i": "a"}, "passengers[1]", "is for infants on a lap only"),
    ],
)
def test_every_lap_infant_has_an_adult_of_its_own(laps, path, reason):
    people = [
        traveller("a"),
        traveller("c", born_on="2019-01-01"),
        traveller("i", born_on="2026-01-01"),
        traveller("j", born_on="2026-01-01", accompanying_passenger_id="b"),
        traveller("b"),
    ]
    for person in people:
        if person["id"] in laps:
            person["accompanying_passenger_id"] = laps[person["id"]]
    types = {"a": "adult", "b": "adult", "c": "child", "i": "infant", "j": "infant"}
    assert refused(people, types) == ("VALIDATION_ERROR", f"{path}.accompanying_passenger_id", reason)


def test_a_document_outlives_the_journey():
    passport = {"type": "passport", "number": "A1234567", "issuing_country": "SA"}
    people = [traveller("a", documents=[{**passport, "expires_on": "2027-03-10"}])]
    expected = (
        "VALIDATION_ERROR",
        "passengers[0].documents[0].expires_on",
        "the document expires before the journey ends",
    )
    assert refused(people, {"a": "adult"}) == expected
    people = [traveller("a", documents=[{**passport, "expires_on": "2027-03-11"}])]
    assert people_of(check(people, {"a": "adult"}))[0].documents[0].number == "A1234567"


def test_everything_that_is_wrong_is_told_at_once_before_what_needs_another_name_or_fare():
    people = [
        traveller("a", given_name="S4ra", family_name="Al_Harbi", born_on="1800-01-01"),
        traveller("b", family_name="الحربي"),
        traveller("c", born_on="1990-01-01"),
        traveller("i", born_on="2026-02-01"),
        traveller("j", born_on="2026-02-01", accompanying_passenger_id="c"),
    ]
    types = {"a": "adult", "b": "adult", "c": "child", "i": "infant", "j": "infant"}
    with pytest.raises(ValidationFailed) as problem:
        check(people, types)
    assert [field["path"] for field in problem.value.details["fields"]] == [
        "passengers[0].family_name",
        "passengers[0].given_name",
        "passengers[0].born_on",
        "passengers[3].accompanying_passenger_id",
        "passengers[4].accompanying_passenger_id",
    ]
    people[0] = traveller("a")
    people[3:] = [traveller(each, born_on="2026-02-01", accompanying_passenger_id=on) for each, on in ("ia", "jb")]
    with pytest.raises(NameRomanisationRequired):
        check(people, types)
    people[1] = traveller("b")
    with pytest.raises(PassengerAge):
        check(people, types)
