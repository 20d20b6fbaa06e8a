"""Accounts, entries and postings. Pure.

A posting says what one cause did to the books: entries that balance in each currency. What is debited is positive,
what is credited negative; corrections are postings of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import TypedDict, Unpack
from uuid import UUID

import msgspec

from ais.kit import Money


class AccountClass(StrEnum):
    """On which side of the books an account stands, and so which sign its balance usually has."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"


class Account(StrEnum):
    """The chart of accounts. The comment says what the account is kept by: those dimensions are required."""

    PROVIDER_CLEARING = "provider_clearing"  # provider: what it holds for us until it pays out
    CUSTOMER_DEPOSITS = "customer_deposits"  # received for an order and not yet turned into documents
    UNFLOWN_FARE = "unflown_fare"  # document and coupon
    UNFLOWN_CARRIER_CHARGES = "unflown_carrier_charges"  # document and coupon
    UNFLOWN_ANCILLARIES = "unflown_ancillaries"  # document and coupon (EMD)
    TAX_PAYABLE = "tax_payable"  # authority and code
    FLOWN_REVENUE = "flown_revenue"
    PENALTY_REVENUE = "penalty_revenue"
    BREAKAGE = "breakage"
    DEFERRED_PENALTIES = "deferred_penalties"  # document, coupon, due_at: kept, not yet recognised
    DEFERRED_BREAKAGE = "deferred_breakage"  # document, coupon, due_at: kept, not yet recognised
    REFUNDS_PAYABLE = "refunds_payable"  # promised to a customer and not yet sent
    TRAVEL_CREDIT = "travel_credit"  # credit
    AGENCY_DEPOSIT = "agency_deposit"  # agency
    AGENCY_RECEIVABLE = "agency_receivable"  # agency
    CASH = "cash"  # office and shift
    CASH_DIFFERENCE = "cash_difference"  # office and shift: what a drawer lacked, written off
    BANK = "bank"
    PROVIDER_FEES = "provider_fees"
    CHARGEBACKS = "chargebacks"  # taken by a bank in a dispute, until it is won back or lost
    COMPENSATION = "compensation"
    EXCHANGE_DIFFERENCE = "exchange_difference"
    ROUNDING = "rounding"  # what a total was rounded by so that it can be charged


ACCOUNT_CLASSES: dict[Account, AccountClass] = {
    **dict.fromkeys(
        (Account.PROVIDER_CLEARING, Account.AGENCY_RECEIVABLE, Account.CASH, Account.BANK), AccountClass.ASSET
    ),
    **dict.fromkeys(
        (
            Account.CUSTOMER_DEPOSITS,
            Account.UNFLOWN_FARE,
            Account.UNFLOWN_CARRIER_CHARGES,
            Account.UNFLOWN_ANCILLARIES,
            Account.TAX_PAYABLE,
            Account.DEFERRED_PENALTIES,
            Account.DEFERRED_BREAKAGE,
            Account.REFUNDS_PAYABLE,
            Account.TRAVEL_CREDIT,
            Account.AGENCY_DEPOSIT,
        ),
        AccountClass.LIABILITY,
    ),
    **dict.fromkeys(
        (Account.FLOWN_REVENUE, Account.PENALTY_REVENUE, Account.BREAKAGE, Account.ROUNDING), AccountClass.INCOME
    ),
    **dict.fromkeys(
        (
            Account.PROVIDER_FEES,
            Account.CHARGEBACKS,
            Account.COMPENSATION,
            Account.EXCHANGE_DIFFERENCE,
            Account.CASH_DIFFERENCE,
        ),
        AccountClass.EXPENSE,
    ),
}

UNFLOWN = (Account.UNFLOWN_FARE, Account.UNFLOWN_CARRIER_CHARGES, Account.UNFLOWN_ANCILLARIES)
# Money passes through these on its way: once nothing of an order is under way, each is zero for that order.
TRANSITORY = (Account.CUSTOMER_DEPOSITS, Account.REFUNDS_PAYABLE)

_COUPON = ("document_id", "coupon_number")
REQUIRED_DIMENSIONS: dict[Account, tuple[str, ...]] = {
    Account.UNFLOWN_FARE: _COUPON,
    Account.UNFLOWN_CARRIER_CHARGES: _COUPON,
    Account.UNFLOWN_ANCILLARIES: _COUPON,
    Account.TAX_PAYABLE: ("authority", "code"),
    Account.DEFERRED_PENALTIES: (*_COUPON, "due_at"),
    Account.DEFERRED_BREAKAGE: (*_COUPON, "due_at"),
    Account.PROVIDER_CLEARING: ("provider",),
    Account.AGENCY_DEPOSIT: ("agency_id",),
    Account.AGENCY_RECEIVABLE: ("agency_id",),
    Account.CASH: ("office", "shift"),
    Account.CASH_DIFFERENCE: ("office", "shift"),
    Account.TRAVEL_CREDIT: ("credit_id",),
}


class PostingError(ValueError):
    """A posting that must not be written: the program made a mistake, no caller did."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a posting: ``amount_minor`` is debited if positive, credited if negative; the rest are dimensions."""

    account: Account
    amount_minor: int
    currency: str
    authority: str | None = None
    code: str | None = None
    document_id: UUID | None = None
    coupon_number: int | None = None
    provider: str | None = None
    agency_id: str | None = None
    office: str | None = None
    shift: str | None = None
    credit_id: UUID | None = None
    due_at: datetime | None = None

    @property
    def money(self) -> Money:
        """The signed amount: positive is a debit."""
        return Money(self.amount_minor, self.currency)

    def reversed(self) -> Entry:
        """The same line on the other side."""
        return msgspec.structs.replace(self, amount_minor=-self.amount_minor)


class Dimensions(TypedDict, total=False):
    """What an entry is kept by; :data:`REQUIRED_DIMENSIONS` says which an account needs."""

    authority: str | None
    code: str | None
    document_id: UUID | None
    coupon_number: int | None
    provider: str | None
    agency_id: str | None
    office: str | None
    shift: str | None
    credit_id: UUID | None
    due_at: datetime | None


def debit(account: Account, money: Money, **dimensions: Unpack[Dimensions]) -> Entry:
    """``account`` is debited by ``money``; a negative sum is a credit.

    An asset or an expense grows by it, a liability or an income shrinks. Raises :class:`PostingError` if a dimension
    is missing by which the account is kept.
    """
    missing = [name for name in REQUIRED_DIMENSIONS.get(account, ()) if dimensions.get(name) is None]
    if missing:
        raise PostingError(f"{account} is kept by {' and '.join(missing)}")
    return Entry(account=account, amount_minor=money.minor, currency=money.currency, **dimensions)


def credit(account: Account, money: Money, **dimensions: Unpack[Dimensions]) -> Entry:
    """``account`` is credited by ``money``: :func:`debit` on the other side."""
    return debit(account, -money, **dimensions)


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """What one cause does to the books. (``kind``, ``cause_type``, ``cause_id``) names it once and for all.

    ``channel`` and ``seller_id`` are those of the sale where there is one; without ``channel`` it is the actor's.
    ``happened_at`` is when it took effect, the unit of work's ``effective_at`` if it is not given: the instant that
    coupons moved in it carry too.
    ``form_of_payment`` is the payment's method where money came in.
    """

    kind: str
    cause_type: str
    cause_id: str
    entries: tuple[Entry, ...]
    order_id: UUID | None = None
    channel: str | None = None
    seller_id: str | None = None
    form_of_payment: str | None = None
    happened_at: datetime | None = None

    def written(self) -> Posting | None:
        """The posting without entries of nothing; None if no other is left, for then nothing happened to the books.

        Raises :class:`PostingError` if it does not balance in each currency.
        """
        entries = tuple(entry for entry in self.entries if entry.amount_minor)
        unbalanced = {code: balance for code, balance in balances(entries).items() if balance}
        if unbalanced:
            raise PostingError(f"{self.kind} of {self.cause_type} {self.cause_id} does not balance: {unbalanced}")
        return msgspec.structs.replace(self, entries=entries) if entries else None


def balances(entries: Iterable[Entry]) -> dict[str, int]:
    """Debits less credits in minor units, by currency."""
    sums: dict[str, int] = {}
    for entry in entries:
        sums[entry.currency] = sums.get(entry.currency, 0) + entry.amount_minor
    return sums


def coupon_cause(document_id: UUID, coupon_number: int) -> str:
    """How a posting names a coupon as its cause."""
    return f"{document_id}:{coupon_number}"


class Item(StrEnum):
    """What the airline keeps without carrying anybody."""

    PENALTY = "penalty"
    BREAKAGE = "breakage"


class Moment(StrEnum):
    """When it becomes revenue."""

    CANCELLATION = "cancellation"  # of a penalty: when the coupon is given up
    DEPARTURE = "departure"  # of a penalty: when the flight departs without the passenger
    NO_SHOW = "no_show"  # of breakage: when the flight has departed without the passenger
    EXPIRY = "expiry"  # of breakage: when the document can no longer be used


MOMENTS = {
    Item.PENALTY: (Moment.CANCELLATION, Moment.DEPARTURE),
    Item.BREAKAGE: (Moment.NO_SHOW, Moment.EXPIRY),
}


class RecognitionRule(msgspec.Struct, frozen=True):
    """From ``valid_from`` on, a day in UTC, ``item`` becomes revenue at ``moment``, until the item's next rule."""

    item: Item
    moment: Moment
    valid_from: date
    set_by: str
    set_at: datetime


# What the chain is taken over, in this order; see docs/algorithms/ledger.md.
POSTING_FIELDS = (
    "id", "kind", "cause_type", "cause_id", "order_id", "form_of_payment", "actor", "channel", "seller_id",
    "happened_at", "recorded_at", "entry_count",
)  # fmt: skip
ENTRY_FIELDS = (
    "number", "account", "amount_minor", "currency", "authority", "code", "document_id", "coupon_number", "provider",
    "agency_id", "office", "shift", "credit_id", "due_at",
)  # fmt: skip
