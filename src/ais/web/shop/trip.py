"""What a traveller asks for, as it stands in the address of the pages: from where to where, when, how many.

The address alone says it, so that a search can be kept, sent to somebody and opened in another language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from ais.kit import ValidationFailed
from ais.offers import Cabin, SearchRequest, Shop
from ais.platform.i18n import Language
from ais.reference import Airport
from ais.web.translation import mark

OFFERS_MAX = 200
TRAVELLERS_MAX = 9
# The price goes by the type of a traveller; the form asks for the type, and the ages are any of that type.
_CHILD_AGE, _INFANT_AGE = 8, 1
_CODE_IN_BRACKETS = re.compile(r"\(([A-Za-z]{3})\)\s*$")
_SAY = {
    "origin": mark("Choose where you fly from."),
    "destination": mark("Choose another place to fly to."),
    "depart": mark("Choose a date from today on."),
    "return": mark("Choose a return date that is not before the departure."),
    "passengers": mark("1 to 9 travellers have a seat, and each infant sits on an adult's lap."),
}


class Trip(msgspec.Struct, frozen=True):
    """The fields of the search form. ``origin`` and ``destination`` are airport codes, empty if none was understood."""

    origin: str = ""
    destination: str = ""
    depart: date | None = None
    return_: date | None = None
    is_return: bool = True
    adults: int = 1
    children: int = 0
    infants: int = 0
    cabin: Cabin = Cabin.ECONOMY
    origin_text: str = ""
    destination_text: str = ""

    @property
    def travellers(self) -> int:
        return self.adults + self.children + self.infants

    def fields(self, **more: str) -> dict[str, str]:
        """The trip as fields of a form, with further ones; what is empty is left out."""
        fields: dict[str, Any] = {
            "from": self.origin or self.origin_text,
            "to": self.destination or self.destination_text,
            "depart": self.depart or "",
            "trip": "return" if self.is_return else "oneway",
            "return": (self.return_ or "") if self.is_return else "",
            "adults": self.adults,
            "children": self.children or "",
            "infants": self.infants or "",
            "cabin": self.cabin.value,
        }
        return {name: str(value) for name, value in (fields | more).items() if value != ""}

    def query(self, **more: str) -> str:
        """The same as the query of an address."""
        return urlencode(self.fields(**more))

    def request(self, *, limit: int = OFFERS_MAX) -> SearchRequest:
        """What the shop is asked. Raises ValidationFailed for what its types cannot say."""
        slices = [(self.origin, self.destination, self.depart)]
        if self.is_return:
            slices.append((self.destination, self.origin, self.return_))
        passengers: list[dict[str, Any]] = [{"type": "adult"}] * self.adults
        passengers += [{"type": "child", "age": _CHILD_AGE}] * self.children
        passengers += [{"type": "infant", "age": _INFANT_AGE}] * self.infants
        asked = {
            "slices": [
                {"origin": origin, "destination": destination, "departure_date": day}
                for origin, destination, day in slices
            ],
            "passengers": passengers,
            "cabin": self.cabin,
            "limit": limit,
        }
        return msgspec.convert(asked, SearchRequest)


def read_trip(fields: Mapping[str, str], shop: Shop) -> Trip:
    """The trip that the fields say; what cannot be read is left as if it had not been said."""
    origin_text, destination_text = fields.get("from", "").strip()[:80], fields.get("to", "").strip()[:80]
    return Trip(
        origin=_airport(origin_text, shop),
        destination=_airport(destination_text, shop),
        depart=read_date(fields.get("depart", "")),
        return_=read_date(fields.get("return", "")),
        is_return=fields.get("trip", "return") != "oneway",
        adults=_number(fields.get("adults", ""), least=1, default=1),
        children=_number(fields.get("children", "")),
        infants=_number(fields.get("infants", "")),
        cabin=Cabin.BUSINESS if fields.get("cabin") == Cabin.BUSINESS.value else Cabin.ECONOMY,
        origin_text=origin_text,
        destination_text=destination_text,
    )


def mistakes_of(trip: Trip) -> dict[str, str]:
    """What the form has left open, a sentence by field."""
    found = {}
    if not trip.origin:
        found["from"] = _SAY["origin"]
    if not trip.destination:
        found["to"] = mark("Choose where you fly to.")
    if trip.depart is None:
        found["depart"] = _SAY["depart"]
    if trip.is_return and trip.return_ is None:
        found["return"] = _SAY["return"]
    return found


def refused_fields(refusal: ValidationFailed) -> dict[str, str]:
    """The shop's refusal of a search as sentences by field of the form."""
    found = {}
    for each in refusal.details["fields"]:
        path = each["path"]
        if path.startswith("passengers"):
            found["passengers"] = _SAY["passengers"]
        elif path.endswith("origin"):
            found["from"] = _SAY["origin"]
        elif path.endswith("destination"):
            found["to"] = _SAY["destination"]
        elif path.startswith("slices[0]"):
            found["depart"] = _SAY["depart"]
        else:
            found["return"] = _SAY["return"]
    return found


def usual_trip(today: date) -> Trip:
    """What the form shows before anybody has said anything: a return of a week, two weeks from now."""
    return Trip(depart=today + timedelta(days=14), return_=today + timedelta(days=21))


def served_airports(shop: Shop) -> list[Airport]:
    """The airports of the timetable, the most prominent first."""
    reference, timetable = shop.market.reference, shop.market.timetable
    airports = [reference.airport(code) for code in timetable.airports if reference.has_airport(code)]
    return sorted(airports, key=lambda airport: (-airport.prominence, airport.iata))


def airport_label(airport: Airport, language: Language) -> str:
    """What the form writes for an airport: ``Riyadh (RUH)``."""
    return f"{airport.city(language)} ({airport.iata})"


def read_date(text: str) -> date | None:
    """A date as forms send it, None for everything else."""
    try:
        return date.fromisoformat(text.strip()) if len(text.strip()) == 10 else None
    except ValueError:
        return None


def _airport(text: str, shop: Shop) -> str:
    """The airport that a typed text means: a code, the code in its brackets, or the best served match of the words."""
    reference, served = shop.market.reference, shop.market.timetable.airports
    bracketed = _CODE_IN_BRACKETS.search(text)
    code = (bracketed[1] if bracketed else text).upper()
    if reference.has_airport(code):
        return code
    found = [airport.iata for airport in reference.find_airports(text, 20)] if text else []
    return next((iata for iata in found if iata in served), found[0] if found else "")


def _number(text: str, *, least: int = 0, default: int = 0) -> int:
    return (
        min(max(int(text), least), TRAVELLERS_MAX) if text.isascii() and text.isdigit() and len(text) < 3 else default
    )
