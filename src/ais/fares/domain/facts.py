"""What pricing must know of the world: where airports are, and what one currency is worth in another.

The reference package's snapshot fits both protocols as it is.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Protocol

from ais.fares.errors import PriceDataMissing
from ais.kit import Money, Rounding, currency
from ais.kit.money import round_ratio


class AirportFact(Protocol):
    """What fares and taxes ask of an airport: its city's IATA code and its country's ISO 3166 code."""

    @property
    def city_code(self) -> str: ...

    @property
    def country_code(self) -> str: ...


class AirportFacts(Protocol):
    """Airports by IATA code. What an unknown code raises passes through pricing."""

    def airport(self, iata: str, /) -> AirportFact: ...

    def distance_km(self, origin: str, destination: str, /) -> float:
        """Great-circle distance, by which a through fare is split over its coupons."""
        ...


class ExchangeRates(Protocol):
    """Dated rates of exchange."""

    def exchange_rate(self, base: str, quote: str, on: date, /) -> Fraction:
        """How much of ``quote`` one ``base`` buys on that day; raises LookupError if no rate says."""
        ...


def convert(amount: Money, to: str, rates: ExchangeRates, on: date, *, unit_minor: int, direction: Rounding) -> Money:
    """``amount`` in the currency ``to`` by the rate of the day, rounded once to ``unit_minor`` minor units of it.

    An amount already in ``to`` is returned as it is. Raises :class:`PriceDataMissing` if no rate is on file.
    """
    if amount.currency == to:
        return amount
    scale = Fraction(currency(to).minor_per_major, currency(amount.currency).minor_per_major)
    try:
        rate = rates.exchange_rate(amount.currency, to, on)
    except LookupError as missing:
        raise PriceDataMissing(missing=f"an exchange rate from {amount.currency} to {to} on {on}") from missing
    exact = amount.minor * scale * rate
    return Money(round_ratio(exact.numerator, exact.denominator * unit_minor, direction) * unit_minor, to)
