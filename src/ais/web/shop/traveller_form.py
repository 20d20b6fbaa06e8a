"""The fields of the travellers' form: read, kept as they were typed, and made into the request of an order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from ais.kit import AppError, ValidationFailed
from ais.offers import OfferBody
from ais.orders import NameRomanisationRequired, OrderRequest, PassengerAge
from ais.platform.i18n import Language
from ais.web.translation import mark

_FIELD = re.compile(
    r"p(?P<number>[0-9]{1,2})-(?P<name>id|type|title|given|family|one-name|day|month|year|local-given|local-family|adult)"
)
_CONTACT = ("email", "phone")
_KEY = re.compile(r"shop-[0-9a-f]{48}")
_LONGEST = 254
OFFER_ID_LONGEST = 1024
TRAVELLERS_MAX = 18

EMPTY_GIVEN = mark("Enter the given names, or tick that the passport shows one name only.")
EMPTY_FAMILY = mark("Enter the family name as it stands in the passport.")
EMPTY_BIRTH = mark("Enter the date of birth.")
NOT_LATIN = mark("Write the name in Latin letters, as in the passport.")
NOT_A_NAME = mark("Use letters, spaces, hyphens and apostrophes only.")
NOT_A_DATE = mark("This is not a possible date of birth.")
WRONG_AGE = mark("At this age another fare applies on the day of the flight. Please search again with the right type.")
NO_ADULT = mark("Choose an adult who has no other infant on the lap.")
NO_EMAIL = mark("Enter an email address such as name@example.com.")
NO_PHONE = mark("Enter a telephone number with digits only, such as +966 50 000 0000.")
NOT_VALID = mark("Please look at this again.")

_BY_FIELD = {
    "given_name": ("given", NOT_A_NAME),
    "family_name": ("family", NOT_A_NAME),
    "born_on": ("day", NOT_A_DATE),
    "accompanying_passenger_id": ("adult", NO_ADULT),
    "name_local": ("local-family", NOT_VALID),
    "title": ("title", NOT_VALID),
}

# What any request may hold, in the place of what cannot be read.
_STANDS_IN: dict[str, str | None] = {
    "email": "nobody@example.com",
    "phone": None,
    "family_name": "Nobody",
    "given_name": "",
    "title": None,
    "name_local": None,
    "born_on": None,
    "accompanying_passenger_id": None,
}


class TravellerForm(msgspec.Struct, frozen=True):
    """What was typed, untouched. ``values`` are the fields of travellers and contact by their names in the page."""

    offer_id: str
    key: str
    values: dict[str, str]
    only_shown_again: bool = False

    @classmethod
    def blank(cls, offer_id: str) -> TravellerForm:
        return cls(offer_id, "", {})

    def value(self, name: str) -> str:
        return self.values.get(name, "")

    def sent_again(self, key: str) -> dict[str, str]:
        """All that was typed, to be sent again under another key."""
        return {**self.values, "offer": self.offer_id, "key": key}

    def kept_fields(self, offer: OfferBody, key: str) -> dict[str, str]:
        """All that was typed, to be sent for another offer with the same travellers in the same order."""
        named = {f"p{number}-id": passenger.id for number, passenger in enumerate(offer.passengers)}
        return {**self.values, **named, "offer": offer.id, "key": key}

    def order_request(self, language: Language) -> tuple[OrderRequest | None, dict[str, str]]:
        """The request of an order, and what is missing or cannot be so, a sentence by field of the page.

        Where something is, the request holds something else in its place, and is there for the rest of it to be looked
        at; None if the form is not one that we made.
        """
        mistakes: dict[str, str] = {}
        travellers = [number for number in range(TRAVELLERS_MAX) if self.value(f"p{number}-id")]
        adults = [self.value(f"p{each}-id") for each in travellers if self.value(f"p{each}-type") == "adult"]
        passengers = [self._passenger(number, adults, mistakes) for number in travellers]
        contact = {"email": self.value("email"), "phone": self.value("phone") or None, "language": language}
        asked = {"offer_id": self.offer_id, "passengers": passengers, "contact": contact}
        while True:
            try:
                return msgspec.convert(asked, OrderRequest), mistakes
            except msgspec.ValidationError as problem:
                found = re.search(r"at `\$\.?([^`]*)`", str(problem))
                path = found[1] if found else "body"
                mistakes = {**self.mistakes_of(ValidationFailed([(path, str(problem))])), **mistakes}
                # Only the first field that cannot be read is told of: the next is, once something else stands there.
                if not _replaced(asked, path):
                    return None, mistakes

    def _passenger(self, number: int, adults: list[str], mistakes: dict[str, str]) -> dict[str, Any]:
        def typed(name: str) -> str:
            return self.value(f"p{number}-{name}")

        if not typed("family"):
            mistakes[f"p{number}-family"] = EMPTY_FAMILY
        if not typed("given") and not typed("one-name"):
            mistakes[f"p{number}-given"] = EMPTY_GIVEN
        asked: dict[str, Any] = {
            "id": typed("id"),
            "given_name": "" if typed("one-name") else typed("given"),
            "family_name": typed("family"),
            "title": typed("title") or None,
        }
        if typed("local-family"):
            asked["name_local"] = {"given": typed("local-given"), "family": typed("local-family")}
        kind = typed("type")
        if kind != "adult" or typed("day") or typed("month") or typed("year"):
            born_on = _date(typed("year"), typed("month"), typed("day"))
            asked["born_on"] = born_on
            if born_on is None:
                empty = not (typed("day") and typed("month") and typed("year"))
                mistakes[f"p{number}-day"] = EMPTY_BIRTH if empty else NOT_A_DATE
        if kind == "infant":
            chosen = typed("adult")
            index = int(chosen) if chosen.isascii() and chosen.isdigit() else 0
            asked["accompanying_passenger_id"] = adults[index] if index < len(adults) else None
        return asked

    def mistakes_of(self, refusal: AppError) -> dict[str, str]:
        """The refusal of the order as sentences by field of the page."""
        found: dict[str, str] = {}
        for each in refusal.details["fields"]:
            path = each["path"]
            if path.startswith("contact.phone"):
                found["phone"] = NO_PHONE
                continue
            if path.startswith("contact"):
                found["email"] = NO_EMAIL
                continue
            place = re.match(r"passengers\[(\d+)\]\.(\w+)", path)
            if place is None:
                found["form"] = NOT_VALID
                continue
            field, sentence = _BY_FIELD.get(place[2], ("family", NOT_VALID))
            if isinstance(refusal, NameRomanisationRequired):
                sentence = NOT_LATIN
                found[f"p{place[1]}-suggestion"] = " ".join(reversed(refusal.details["suggestions"].values()))
            elif isinstance(refusal, PassengerAge):
                sentence = WRONG_AGE
            found[f"p{place[1]}-{field}"] = sentence
        return found


def _replaced(asked: dict[str, Any], path: str) -> bool:
    """Whether the field of that path could be replaced by something that any request may hold."""
    place = re.fullmatch(r"(?:passengers\[(\d+)\]|contact)\.(\w+)(?:\..*)?", path)
    if place is None or place[2] not in _STANDS_IN:
        return False
    part = asked["contact"] if place[1] is None else asked["passengers"][int(place[1])]
    if part.get(place[2], "") == _STANDS_IN[place[2]]:
        return False
    part[place[2]] = _STANDS_IN[place[2]]
    return True


def read_form(fields: Mapping[str, str]) -> TravellerForm:
    """The form as it was sent; fields that are not of it are left out."""
    values = {
        name: value.strip()[:_LONGEST] for name, value in fields.items() if name in _CONTACT or _FIELD.fullmatch(name)
    }
    key = fields.get("key", "")
    return TravellerForm(
        offer_id=fields.get("offer", "")[:OFFER_ID_LONGEST],
        key=key if _KEY.fullmatch(key) else "",
        values=values,
        only_shown_again="switch" in fields,
    )


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day)) if len(year) == 4 else None
    except ValueError:
        return None
