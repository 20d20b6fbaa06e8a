"""Sums as Stripe counts them: its exponents are not always those of ISO 4217.

ISK and UGX have no decimals in ISO 4217 and two at Stripe, which must be zero. Three-decimal currencies are charged in
steps of ten minor units, because card networks carry two decimals: fares and taxes are rounded to that at the sale.
"""

from __future__ import annotations

from ais.kit import Money

# How many of Stripe's minor units make one of ISO 4217's, where that is not one.
_PER_MINOR = {"ISK": 100, "UGX": 100}


def to_stripe(money: Money) -> int:
    """The sum in Stripe's minor units."""
    return money.minor * _PER_MINOR.get(money.currency, 1)


def from_stripe(minor: int, currency: str) -> Money:
    """The sum that Stripe counts as ``minor`` of its units; ``currency`` as Stripe writes it, in small letters.

    Raises ValueError for a fraction that the currency does not have.
    """
    code = currency.upper()
    whole, rest = divmod(minor, _PER_MINOR.get(code, 1))
    if rest:
        raise ValueError(f"{minor} {currency} of the provider is no whole number of minor units")
    return Money(whole, code)
