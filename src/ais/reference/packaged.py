"""The reference data that comes with the program.

Airports and their zones are those of the ``airportsdata`` package; names of countries and their currencies are the
Unicode CLDR's, read through Babel. What neither has (Arabic names of the region's airports, carriers, aircraft types,
exchange rates) lies in the CSV files of ``data/``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources

import airportsdata
import msgspec
from babel import Locale
from babel.numbers import get_territory_currencies

from ais.reference.domain import (
    AircraftType,
    Airport,
    Carrier,
    City,
    Country,
    ExchangeRate,
    ReferenceData,
    ReferenceRows,
)


@cache
def packaged_rows() -> ReferenceRows:
    """Every row that the program brings with it, read once per process."""
    listed = _airports()
    cities = _cities(listed)
    return ReferenceRows(
        countries=_countries(),
        cities=tuple(cities[code] for code in sorted(cities)),
        airports=tuple(_in_city(airport, cities[airport.city_code]) for airport in listed),
        carriers=tuple(carrier_of(row) for row in _csv("carriers.csv")),
        aircraft_types=tuple(
            AircraftType(row["iata"], row["icao"] or None, row["name"], row["manufacturer"])
            for row in _csv("aircraft_types.csv")
        ),
        exchange_rates=tuple(
            ExchangeRate(row["base"], row["quote"], Decimal(row["rate"]), date.fromisoformat(row["valid_from"]))
            for row in _csv("exchange_rates.csv")
        ),
    )


def packaged_reference() -> ReferenceData:
    """A snapshot of the packaged rows, for programs that work without a database."""
    return ReferenceData(packaged_rows())


def carrier_of(row: dict[str, str]) -> Carrier:
    """A carrier from a row of a carriers file."""
    return Carrier(
        row["code"], row["accounting_code"] or None, row["name_en"], row["name_ar"] or None, row["country_code"]
    )


def _csv(name: str) -> Iterator[dict[str, str]]:
    path = resources.files("ais.reference") / "data" / name
    with path.open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _airports() -> tuple[Airport, ...]:
    regional = {row["iata"]: row for row in _csv("regional_airports.csv")}
    city_codes = {
        iata: (code, city["name"]) for code, city in airportsdata.load_iata_macs().items() for iata in city["airports"]
    }
    airports = []
    for iata, source in sorted(airportsdata.load("IATA").items()):
        row = regional.get(iata, {})
        city_code, city_name = city_codes.get(iata, (iata, source["city"] or source["name"]))
        airports.append(
            Airport(
                iata=iata,
                icao=_icao(source["icao"]),
                name_en=source["name"],
                name_ar=row.get("name_ar") or None,
                city_code=row.get("city_code") or city_code,
                city_en=row.get("city_en") or city_name,
                city_ar=row.get("city_ar") or None,
                country_code=source["country"],
                timezone=source["tz"],
                latitude=source["lat"],
                longitude=source["lon"],
                prominence=2 if row else int(iata in city_codes),
                aliases=row.get("aliases") or "",
            )
        )
    return tuple(airports)


def _icao(code: str) -> str | None:
    """The ICAO code, or None where the source has only a stand-in of its own, which begins with an underscore."""
    return code if len(code) == 4 and code.isalnum() else None


def _cities(airports: tuple[Airport, ...]) -> dict[str, City]:
    """One city per code; the most prominent airport's spelling of its name counts."""
    cities: dict[str, City] = {}
    for airport in sorted(airports, key=lambda airport: (-airport.prominence, airport.iata)):
        city = City(airport.city_code, airport.city_en, airport.city_ar, airport.country_code)
        cities.setdefault(airport.city_code, city)
    return cities


def _in_city(airport: Airport, city: City) -> Airport:
    """The airport under its city's names."""
    return msgspec.structs.replace(airport, city_en=city.name_en, city_ar=city.name_ar)


def _countries() -> tuple[Country, ...]:
    english, arabic = Locale("en").territories, Locale("ar").territories
    countries = []
    for code, name in sorted(english.items()):
        if len(code) == 2 and code.isalpha() and code not in {"EU", "EZ", "UN", "ZZ", "QO", "XA", "XB"}:
            currencies = get_territory_currencies(code)
            countries.append(Country(code, name, arabic.get(code), currencies[0] if currencies else None))
    return tuple(countries)
