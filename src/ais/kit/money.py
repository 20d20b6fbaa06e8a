"""Money in minor units: exact, of one currency, never a float.

Three exponents must not be mixed up: the digits of ISO 4217 (how an amount is written), what the payment provider can
charge (a multiple of minor units), and the unit to which fares and taxes are rounded (data of each fare and tax).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Self

import msgspec


class Currency(msgspec.Struct, frozen=True):
    """An ISO 4217 currency: alphabetic code and number of decimals."""

    code: str
    decimals: int

    @property
    def minor_per_major(self) -> int:
        return 10**self.decimals  # type: ignore[no-any-return]  # int ** int is typed Any: the exponent could be negative

    @property
    def chargeable_multiple(self) -> int:
        """Smallest step in minor units that a card provider charges: three-decimal currencies end in 0 (Stripe)."""
        return 10 if self.decimals == 3 else 1


# ISO 4217, the currencies of the region and of its usual visitors. Decimals are the standard's, not the market's habit.
_DECIMALS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF"), 0
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(
        (
            "AED", "AUD", "AZN", "BDT", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "DZD", "EGP", "ETB", "EUR", "GBP",
            "GEL", "HKD", "HUF", "IDR", "ILS", "INR", "IRR", "KES", "LBP", "LKR", "MAD", "MXN", "MYR", "NOK", "NZD",
            "NPR", "PHP", "PKR", "PLN", "QAR", "RON", "RUB", "SAR", "SDG", "SEK", "SGD", "SYP", "THB", "TRY", "UAH",
            "USD", "UZS", "YER", "ZAR",
        ),
        2,
    ),
}  # fmt: skip
CURRENCIES: dict[str, Currency] = {code: Currency(code, decimals) for code, decimals in sorted(_DECIMALS.items())}


class UnknownCurrency(ValueError):
    """The code is not a currency that this installation knows."""


def currency(code: str) -> Currency:
    """The currency of an ISO 4217 code; raises :class:`UnknownCurrency`."""
    try:
        return CURRENCIES[code]
    except KeyError:
        raise UnknownCurrency(f"{code!r} is not a known currency code") from None


class CurrencyMismatch(ValueError):
    """Two sums of different currencies were added or compared."""


class Rounding(StrEnum):
    """Direction in which a sum is brought to its rounding unit."""

    UP = "up"
    DOWN = "down"
    NEAREST = "nearest"


class Money(msgspec.Struct, frozen=True, order=False):
    """An amount of ``minor`` units of the currency ``currency`` (an ISO 4217 code). May be negative."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, amount: str, currency_code: str) -> Self:
        """Read a decimal string such as ``"1250.00"``; ValueError for too many digits and for all else."""
        unit = currency(currency_code)
        try:
            value = Decimal(amount)
        except InvalidOperation:
            raise ValueError(f"{amount!r} is not an amount") from None
        if not value.is_finite():
            raise ValueError(f"{amount!r} is not an amount")
        minor = value.scaleb(unit.decimals)
        if minor != minor.to_integral_value():
            raise ValueError(f"{amount!r} has more than the {unit.decimals} decimals of {currency_code}")
        return cls(int(minor), currency_code)

    @property
    def amount(self) -> str:
        """The decimal string with exactly the currency's digits: ``Money(125000, "SAR").amount == "1250.00"``."""
        decimals = CURRENCIES[self.currency].decimals
        if decimals == 0:
            return str(self.minor)
        sign = "-" if self.minor < 0 else ""
        whole, part = divmod(abs(self.minor), 10**decimals)
        return f"{sign}{whole}.{part:0{decimals}d}"

    def _require_same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not mix")

    def __add__(self, other: Money) -> Money:
        self._require_same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._require_same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __mul__(self, factor: int) -> Money:
        return Money(self.minor * factor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._require_same(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._require_same(other)
        return self.minor <= other.minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def rounded(self, unit_minor: int, direction: Rounding) -> Money:
        """The sum brought to a multiple of ``unit_minor`` minor units; NEAREST takes halves away from zero."""
        return Money(round_minor(self.minor, unit_minor, direction), self.currency)

    def percent(self, basis_points: int, *, unit_minor: int = 1, direction: Rounding = Rounding.NEAREST) -> Money:
        """``basis_points`` hundredths of a per cent of this sum, rounded once (15 % = 1500)."""
        return Money(round_ratio(self.minor * basis_points, 10_000 * unit_minor, direction) * unit_minor, self.currency)

    def allocate(self, weights: Sequence[int]) -> list[Money]:
        """Split over ``weights`` by largest remainder: parts sum exactly to the whole, equal weights differ by at most
        one minor unit, earlier parts first. All weights zero means equal shares; a negative weight is refused.
        """
        return [Money(part, self.currency) for part in allocate(self.minor, weights)]


def total(sums: Iterable[Money], currency_code: str) -> Money:
    """The sum of ``sums``, all of ``currency_code``; zero of it if there are none."""
    result = Money(0, currency_code)
    for each in sums:
        result += each
    return result


def allocate(minor: int, weights: Sequence[int]) -> list[int]:
    """Largest-remainder split of ``minor`` over ``weights`` (see :meth:`Money.allocate`)."""
    if not weights:
        raise ValueError("nothing to allocate to")
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight is negative")
    shares = list(weights) if any(weights) else [1] * len(weights)
    whole, sign = sum(shares), -1 if minor < 0 else 1
    parts, remainders = [], []
    for position, weight in enumerate(shares):
        part, remainder = divmod(abs(minor) * weight, whole)
        parts.append(part)
        remainders.append((-remainder, position))
    for _, position in sorted(remainders)[: abs(minor) - sum(parts)]:
        parts[position] += 1
    return [sign * part for part in parts]


def round_ratio(numerator: int, denominator: int, direction: Rounding) -> int:
    """The quotient as a whole number; UP and DOWN are away from and towards zero, halves go away from zero."""
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    quotient, remainder = divmod(abs(numerator), abs(denominator))
    up = direction is Rounding.UP and remainder > 0
    up = up or (direction is Rounding.NEAREST and 2 * remainder >= abs(denominator))
    return sign * (quotient + up)


def round_minor(minor: int, unit_minor: int, direction: Rounding) -> int:
    """``minor`` brought to a multiple of ``unit_minor``."""
    return round_ratio(minor, unit_minor, direction) * unit_minor
