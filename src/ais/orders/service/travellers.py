"""Who may travel on an offer: ids, names, ages, infants and their adults, checked before any seat is claimed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial

import msgspec

from ais.kit import AppError, ValidationFailed, new_uuid
from ais.kit.ids import PassengerId
from ais.orders.domain import AGE_RANGES, LocalName, Passenger, PersonalDetails, TravelDocument, age_on
from ais.orders.errors import NameRomanisationRequired, PassengerAge
from ais.orders.names import is_arabic, is_latin_name, romanised
from ais.orders.schemas import PassengerRequest
from ais.ticketing import ticket_name

ADULT_FROM = 12
OLDEST = 125


class Party(msgspec.Struct, frozen=True):
    """The passengers of an order to be, in the order of the offer's, and who each of them is."""

    passengers: tuple[Passenger, ...]
    details: Mapping[PassengerId, PersonalDetails]


def check_travellers(
    requests: Sequence[PassengerRequest], types: Mapping[str, str], travel_dates: Sequence[date], today: date
) -> Party:
    """The order's passengers, in the order of the offer's.

    ``types`` are the offer's passengers by id ("adult", "child", "infant", "infant_seat"), ``travel_dates`` the local
    dates of the flights. Raises ValidationFailed with everything that is wrong with anybody, else
    NameRomanisationRequired or PassengerAge for the first whom it concerns; nothing has happened then.
    """
    refusals = refusals_of(requests, types, travel_dates, today)
    wrong = [
        (each["path"], each["reason"])
        for refusal in refusals
        if isinstance(refusal, ValidationFailed)
        for each in refusal.details["fields"]
    ]
    if wrong:
        raise ValidationFailed(wrong)
    if refusals:
        raise refusals[0]
    by_id = {request.id: request for request in requests}
    identifiers = {reference: PassengerId(new_uuid()) for reference in types}
    passengers = tuple(
        _passenger(by_id[reference], position, kind, identifiers)
        for position, (reference, kind) in enumerate(types.items(), start=1)
    )
    return Party(passengers, {identifiers[request.id]: _details(request) for request in requests})


def refusals_of(
    requests: Sequence[PassengerRequest], types: Mapping[str, str], travel_dates: Sequence[date], today: date
) -> list[AppError]:
    """Each reason to refuse these passengers, in their order: ValidationFailed, NameRomanisationRequired, PassengerAge.
    Raises ValidationFailed if they are not the offer's.
    """
    _require_same_passengers(requests, types)
    _require_adult(types)
    refusals: list[AppError] = []
    for position, request in enumerate(requests):
        path = f"passengers[{position}]"
        for check in (
            partial(_check_names, request, path),
            partial(_check_age, request, types[request.id], path, travel_dates, today),
            partial(_check_documents, request, path, travel_dates),
        ):
            try:
                check()
            except (ValidationFailed, NameRomanisationRequired, PassengerAge) as refusal:
                refusals.append(refusal)
    return [*refusals, *_wrong_laps(requests, types)]


def _require_same_passengers(requests: Sequence[PassengerRequest], types: Mapping[str, str]) -> None:
    seen: set[str] = set()
    for position, request in enumerate(requests):
        if request.id not in types:
            raise ValidationFailed([(f"passengers[{position}].id", "is not a passenger of the offer")])
        if request.id in seen:
            raise ValidationFailed([(f"passengers[{position}].id", "is named twice")])
        seen.add(request.id)
    missing = [reference for reference in types if reference not in seen]
    if missing:
        raise ValidationFailed([("passengers", f"passenger {missing[0]} of the offer is missing")])


def _require_adult(types: Mapping[str, str]) -> None:
    if "adult" not in types.values():
        raise ValidationFailed([("passengers", "children and infants travel with an adult")])


def _check_names(request: PassengerRequest, path: str) -> None:
    wrong: list[tuple[str, str]] = []
    for field, text in (("family_name", request.family_name), ("given_name", request.given_name)):
        if not text and field == "given_name":
            continue
        if is_latin_name(text):
            continue
        if is_arabic(text):
            suggestions = {
                name: romanised(value)
                for name, value in (("family_name", request.family_name), ("given_name", request.given_name))
                if is_arabic(value)
            }
            raise NameRomanisationRequired(f"{path}.{field}", suggestions)
        wrong.append((f"{path}.{field}", "must be Latin letters, spaces, hyphens or apostrophes"))
    if wrong:
        raise ValidationFailed(wrong)
    if ticket_name(request.family_name, request.given_name).startswith("/"):
        raise ValidationFailed([(f"{path}.family_name", "must have letters that a ticket can show")])


def _check_age(request: PassengerRequest, kind: str, path: str, travel_dates: Sequence[date], today: date) -> None:
    born_on = request.born_on
    if born_on is None:
        if kind != "adult":
            raise ValidationFailed([(f"{path}.born_on", "is required for children and infants")])
        return
    if born_on > today or age_on(born_on, today) > OLDEST:
        raise ValidationFailed([(f"{path}.born_on", "is not a possible date of birth")])
    youngest, oldest = AGE_RANGES.get(kind, (ADULT_FROM, OLDEST + 2))
    for day in travel_dates:
        age = age_on(born_on, day)
        if not youngest <= age <= oldest:
            raise PassengerAge(
                f"{path}.born_on",
                f"is {age} years on {day.isoformat()}; the fare is for {youngest} to {oldest}",
                age=age,
                date=day.isoformat(),
                type=kind,
            )


def _check_documents(request: PassengerRequest, path: str, travel_dates: Sequence[date]) -> None:
    for position, document in enumerate(request.documents):
        if document.expires_on < max(travel_dates):
            raise ValidationFailed(
                [(f"{path}.documents[{position}].expires_on", "the document expires before the journey ends")]
            )


def _wrong_laps(requests: Sequence[PassengerRequest], types: Mapping[str, str]) -> Iterator[ValidationFailed]:
    """A refusal for each passenger who has a lap that is none, or none and needs one."""
    taken: set[str] = set()
    for position, request in enumerate(requests):
        path = f"passengers[{position}].accompanying_passenger_id"
        adult = request.accompanying_passenger_id
        if types[request.id] != "infant":
            if adult is not None:
                yield ValidationFailed([(path, "is for infants on a lap only")])
            continue
        if adult is None:
            yield ValidationFailed([(path, "is required for an infant on a lap")])
            continue
        if types.get(adult) != "adult":
            yield ValidationFailed([(path, "must be an adult of the order")])
        elif adult in taken:
            yield ValidationFailed([(path, "has an infant on the lap already")])
        taken.add(adult)


def _passenger(
    request: PassengerRequest, position: int, kind: str, identifiers: Mapping[str, PassengerId]
) -> Passenger:
    adult = request.accompanying_passenger_id
    return Passenger(
        id=identifiers[request.id],
        position=position,
        offer_reference=request.id,
        type=kind,
        accompanying_id=identifiers[adult] if adult is not None else None,
    )


def _details(request: PassengerRequest) -> PersonalDetails:
    return PersonalDetails(
        title=request.title,
        gender=request.gender,
        given_name=" ".join(request.given_name.split()),
        family_name=" ".join(request.family_name.split()),
        name_local=LocalName(request.name_local.given, request.name_local.family) if request.name_local else None,
        born_on=request.born_on,
        nationality=request.nationality,
        documents=tuple(
            TravelDocument(document.type, document.number, document.issuing_country, document.expires_on)
            for document in request.documents
        ),
    )
