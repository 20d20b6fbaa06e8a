"""What the reference routes answer."""

from __future__ import annotations

import msgspec


class AirportAnswer(msgspec.Struct):
    """An airport as people read it: texts in the language asked for, ``country`` by its ISO 3166 code."""

    iata: str
    name: str
    city: str
    city_code: str
    country: str
    country_name: str
    timezone: str
