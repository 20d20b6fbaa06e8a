"""How money, dates and times are written for people. Digits are Latin in both languages, as on tickets and displays."""

from __future__ import annotations

from datetime import date, datetime

from babel.dates import format_date, get_month_names
from babel.numbers import format_decimal, get_currency_symbol

from ais.kit import CURRENCIES, Money
from ais.offers import MoneyBody
from ais.platform.i18n import Language

_LOCALES = {"ar": "ar", "en": "en_GB"}


class Formats:
    """The ways of writing in one language."""

    def __init__(self, language: Language) -> None:
        self._locale = _LOCALES[language]
        self._language = language

    def amount(self, money: Money | MoneyBody) -> str:
        """The number alone, with exactly the currency's digits: ``1,250.00``."""
        decimals = CURRENCIES[money.currency].decimals
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return format_decimal(money.amount, format=pattern, locale=self._locale)

    def currency(self, money: Money | MoneyBody) -> str:
        """The currency's name beside an amount: its code in English, its usual abbreviation in Arabic."""
        if self._language == "en":
            return money.currency
        return get_currency_symbol(money.currency, locale=self._locale).strip("\u200f.")

    def day(self, day: date) -> str:
        """``Mon 1 Mar``."""
        return format_date(day, "EEE d MMM", locale=self._locale)

    def weekday(self, day: date) -> str:
        """``Mon``."""
        return format_date(day, "EEE", locale=self._locale)

    def day_and_month(self, day: date) -> str:
        """``1 Mar``."""
        return format_date(day, "d MMM", locale=self._locale)

    def full_date(self, day: date) -> str:
        """``Monday 1 March 2027``."""
        return format_date(day, "EEEE d MMMM y", locale=self._locale)

    def months(self) -> list[str]:
        """The twelve months, January first."""
        names = get_month_names("wide", context="stand-alone", locale=self._locale)
        return [names[number] for number in range(1, 13)]

    @staticmethod
    def clock(at: datetime) -> str:
        """The time of day in 24 hours: ``20:50``."""
        return f"{at:%H:%M}"


def days_later(departs_at: datetime, arrives_at: datetime) -> int:
    """How many calendar days after departure one arrives, each by its airport's own date."""
    return (arrives_at.date() - departs_at.date()).days


def hours_and_minutes(minutes: int) -> tuple[int, int]:
    """A duration in whole hours and the minutes above them."""
    return divmod(minutes, 60)


def money_of(body: MoneyBody) -> Money:
    """The sum that the wire form writes."""
    return Money.parse(body.amount, body.currency)


def is_zero(body: MoneyBody) -> bool:
    """Whether nothing is to be paid."""
    return not money_of(body)
