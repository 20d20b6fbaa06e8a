"""Sums and dates as people write them in each language; figures are Latin in both, as on the ticket."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from babel.dates import format_date
from babel.numbers import format_currency

from ais.kit import Money
from ais.platform.i18n import Language


def money_text(money: Money, language: Language) -> str:
    """A sum with all of its currency's digits: ``SAR 1,250.00`` in English, with the currency's sign in Arabic."""
    layout = "¤¤ #,##0.00" if language == "en" else None
    return str(format_currency(Decimal(money.amount), money.currency, layout, locale=language))


def day_text(day: date, language: Language) -> str:
    """A date with its weekday: ``Monday 1 March 2027``."""
    return str(format_date(day, "EEEE d MMMM y", locale=language))
