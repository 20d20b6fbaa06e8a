"""Airports, cities, countries, carriers, aircraft types, currencies and dated exchange rates.

Everybody above reads from one immutable snapshot, :class:`ReferenceData`, which a process loads by
:func:`load_reference` and replaces when the data version named ``reference`` moves.

Vocabulary: an airport has an IATA code, an IANA time zone and a city; a city has a code of its own when several
airports serve it; a carrier has a two-character designator and the three-digit accounting code of its tickets.
Invariants: every airport has a city, a country and a zone that the zone database knows; at most one exchange rate of a
pair of currencies is valid on a day; seeding twice changes nothing.
"""

from ais.reference.domain import (
    AircraftType,
    Airport,
    Carrier,
    City,
    Country,
    ExchangeRate,
    ReferenceData,
    great_circle_km,
)
from ais.reference.errors import BadReferenceFile, NoExchangeRate, UnknownCode
from ais.reference.packaged import packaged_reference
from ais.reference.repository import find_airports, find_carrier
from ais.reference.service import import_carriers, load_reference, seed_reference

__all__ = [
    "AircraftType",
    "Airport",
    "BadReferenceFile",
    "Carrier",
    "City",
    "Country",
    "ExchangeRate",
    "NoExchangeRate",
    "ReferenceData",
    "UnknownCode",
    "find_airports",
    "find_carrier",
    "great_circle_km",
    "import_carriers",
    "load_reference",
    "packaged_reference",
    "seed_reference",
]
