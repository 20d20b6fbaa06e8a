"""Airports, cities, countries, carriers, aircraft types and exchange rates as one immutable snapshot."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TypeVar

import msgspec

from ais.kit import CURRENCIES, Money, Rounding
from ais.kit.money import round_ratio
from ais.reference.airport_search import AirportIndex, SearchEntry
from ais.reference.errors import NoExchangeRate, UnknownCode

Row = TypeVar("Row")

EARTH_RADIUS_KM = 6371.0088  # mean radius of the IUGG
PIVOT_CURRENCY = "USD"  # two currencies without a rate of their own are joined over this one


class Country(msgspec.Struct, frozen=True):
    """An ISO 3166 country (two letters) with its name in both languages and its present currency, if it has one."""

    code: str
    name_en: str
    name_ar: str | None
    currency: str | None

    def name(self, language: str) -> str:
        return self.name_ar if language == "ar" and self.name_ar else self.name_en


class City(msgspec.Struct, frozen=True):
    """A city (IATA metropolitan code, or the code of its only airport) that fares and people name."""

    code: str
    name_en: str
    name_ar: str | None
    country_code: str

    def name(self, language: str) -> str:
        return self.name_ar if language == "ar" and self.name_ar else self.name_en


class Airport(msgspec.Struct, frozen=True):
    """An airport with an IATA code. ``timezone`` is an IANA name; coordinates are degrees, north and east positive.

    ``prominence`` orders equally good search results, higher first; ``aliases`` are other spellings that people type.
    """

    iata: str
    icao: str | None
    name_en: str
    name_ar: str | None
    city_code: str
    city_en: str
    city_ar: str | None
    country_code: str
    timezone: str
    latitude: float
    longitude: float
    prominence: int = 0
    aliases: str = ""

    def name(self, language: str) -> str:
        return self.name_ar if language == "ar" and self.name_ar else self.name_en

    def city(self, language: str) -> str:
        return self.city_ar if language == "ar" and self.city_ar else self.city_en


class Carrier(msgspec.Struct, frozen=True):
    """An airline by its IATA designator; ``accounting_code`` is the three digits that begin its ticket numbers."""

    code: str
    accounting_code: str | None
    name_en: str
    name_ar: str | None
    country_code: str

    def name(self, language: str) -> str:
        return self.name_ar if language == "ar" and self.name_ar else self.name_en


class AircraftType(msgspec.Struct, frozen=True):
    """An aircraft type by its three-character IATA code."""

    iata: str
    icao: str | None
    name: str
    manufacturer: str


class ExchangeRate(msgspec.Struct, frozen=True):
    """One ``base`` buys ``rate`` of ``quote`` from ``valid_from`` until the day before ``valid_until`` (None: open)."""

    base: str
    quote: str
    rate: Decimal
    valid_from: date
    valid_until: date | None = None


class ReferenceRows(msgspec.Struct, frozen=True):
    """Everything that a snapshot is built from."""

    countries: tuple[Country, ...]
    cities: tuple[City, ...]
    airports: tuple[Airport, ...]
    carriers: tuple[Carrier, ...]
    aircraft_types: tuple[AircraftType, ...]
    exchange_rates: tuple[ExchangeRate, ...]


class ReferenceData:
    """The snapshot that a process holds; it never changes, a newer version is a new object."""

    def __init__(self, rows: ReferenceRows, version: int = 0) -> None:
        self.version = version
        self.airports: Mapping[str, Airport] = MappingProxyType({row.iata: row for row in rows.airports})
        self.cities: Mapping[str, City] = MappingProxyType({row.code: row for row in rows.cities})
        self.countries: Mapping[str, Country] = MappingProxyType({row.code: row for row in rows.countries})
        self.carriers: Mapping[str, Carrier] = MappingProxyType({row.code: row for row in rows.carriers})
        self.aircraft_types: Mapping[str, AircraftType] = MappingProxyType(
            {row.iata: row for row in rows.aircraft_types}
        )
        self._rates: dict[tuple[str, str], list[ExchangeRate]] = {}
        for rate in sorted(rows.exchange_rates, key=lambda row: row.valid_from, reverse=True):
            self._rates.setdefault((rate.base, rate.quote), []).append(rate)

    @cached_property
    def _index(self) -> AirportIndex:
        return _index_of(tuple(_search_entry(airport) for airport in self.airports.values()))

    def has_airport(self, iata: str) -> bool:
        return iata in self.airports

    def airport(self, iata: str) -> Airport:
        """The airport with this code; raises :class:`UnknownCode`."""
        return _get(self.airports, "airport", iata)

    def city(self, code: str) -> City:
        return _get(self.cities, "city", code)

    def country(self, code: str) -> Country:
        return _get(self.countries, "country", code)

    def carrier(self, code: str) -> Carrier:
        return _get(self.carriers, "carrier", code)

    def aircraft(self, iata: str) -> AircraftType:
        return _get(self.aircraft_types, "aircraft type", iata)

    def timezone(self, iata: str) -> str:
        """The IANA zone of an airport."""
        return self.airport(iata).timezone

    def is_domestic(self, origin: str, destination: str) -> bool:
        """Whether both airports lie in one country."""
        return self.airport(origin).country_code == self.airport(destination).country_code

    def distance_km(self, origin: str, destination: str) -> float:
        """Great-circle distance between two airports."""
        return great_circle_km(self.airport(origin), self.airport(destination))

    def find_airports(self, query: str, limit: int = 10) -> list[Airport]:
        """Airports whose code, name, city or other spelling matches the English or Arabic ``query``, best first.

        Each word of the query must begin a word of the airport. A blank query finds the most prominent airports.
        """
        return [self.airports[iata] for iata in self._index.find(query, limit)]

    def exchange_rate(self, base: str, quote: str, on: date) -> Fraction:
        """How much of ``quote`` one ``base`` buys on that day: stored, inverted, or joined over US dollars."""
        if base == quote:
            return Fraction(1)
        direct = self._stored_rate(base, quote, on)
        if direct is not None:
            return direct
        first, second = self._stored_rate(base, PIVOT_CURRENCY, on), self._stored_rate(PIVOT_CURRENCY, quote, on)
        if first is None or second is None:
            raise NoExchangeRate(base, quote, on)
        return first * second

    def convert(self, money: Money, quote: str, on: date, *, direction: Rounding = Rounding.NEAREST) -> Money:
        """``money`` in another currency at that day's rate, rounded once to its minor unit."""
        scale = Fraction(CURRENCIES[quote].minor_per_major, CURRENCIES[money.currency].minor_per_major)
        exact = money.minor * scale * self.exchange_rate(money.currency, quote, on)
        return Money(round_ratio(exact.numerator, exact.denominator, direction), quote)

    def _stored_rate(self, base: str, quote: str, on: date) -> Fraction | None:
        if base == quote:
            return Fraction(1)
        for pair, inverted in (((base, quote), False), ((quote, base), True)):
            for rate in self._rates.get(pair, ()):
                if rate.valid_from <= on and (rate.valid_until is None or on < rate.valid_until):
                    return 1 / Fraction(rate.rate) if inverted else Fraction(rate.rate)
        return None


def great_circle_km(one: Airport, other: Airport) -> float:
    """Great-circle distance by the haversine formula, on a sphere of the mean radius."""
    latitude, other_latitude = math.radians(one.latitude), math.radians(other.latitude)
    half_across = math.sin((other_latitude - latitude) / 2)
    half_along = math.sin(math.radians(other.longitude - one.longitude) / 2)
    chord = half_across**2 + math.cos(latitude) * math.cos(other_latitude) * half_along**2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(chord))


def _search_entry(airport: Airport) -> SearchEntry:
    def known(*texts: str | None) -> tuple[str, ...]:
        return tuple(text for text in texts if text)

    return SearchEntry(
        iata=airport.iata,
        city_code=airport.city_code,
        city=known(airport.city_en, airport.city_ar),
        other=known(airport.name_en, airport.name_ar, airport.aliases),
        prominence=airport.prominence,
    )


@lru_cache(maxsize=2)
def _index_of(entries: tuple[SearchEntry, ...]) -> AirportIndex:
    """The index over these texts. Airports move seldom, and a new snapshot for other reasons keeps the index."""
    return AirportIndex(entries)


def _get(rows: Mapping[str, Row], kind: str, code: str) -> Row:
    try:
        return rows[code]
    except KeyError:
        raise UnknownCode(kind, code) from None
