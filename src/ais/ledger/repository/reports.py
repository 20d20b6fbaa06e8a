"""What the books say: balances, trial balance, sales, unflown liability, postings. Reads only; each is one statement.

Instants divide the books by ``happened_at``: what happened before ``until`` counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from ais.kit import Money
from ais.ledger.domain import ACCOUNT_CLASSES, UNFLOWN, Account, AccountClass, Entry
from ais.platform.database import Connection

_KEPT_BY = ("authority", "code", "provider", "agency_id", "office", "shift")


class BalanceRow(msgspec.Struct, frozen=True):
    """An account in one currency, or with details a part of it; ``balance`` is debits less credits."""

    account: Account
    account_class: AccountClass
    currency: str
    authority: str | None
    code: str | None
    provider: str | None
    agency_id: str | None
    office: str | None
    shift: str | None
    debits: Money
    credits: Money
    balance: Money


class TrialBalanceRow(msgspec.Struct, frozen=True):
    """An account in one currency over a period: opening + debits - credits = closing."""

    account: Account
    account_class: AccountClass
    currency: str
    opening: Money
    debits: Money
    credits: Money
    closing: Money


class SalesRow(msgspec.Struct, frozen=True):
    """What was sold and given back under one combination; ``item`` is the account, tax by authority and code."""

    channel: str
    seller_id: str | None
    form_of_payment: str | None
    item: Account
    authority: str | None
    code: str | None
    currency: str
    sold: Money
    given_back: Money
    net: Money


class UnflownRow(msgspec.Struct, frozen=True):
    """What is owed as carriage in one currency."""

    account: Account
    currency: str
    liability: Money


class PostingRow(msgspec.Struct, frozen=True):
    """A posting with its entries, and its place in the chain once it has one."""

    id: UUID
    kind: str
    cause_type: str
    cause_id: str
    order_id: UUID | None
    form_of_payment: str | None
    actor: str
    channel: str
    seller_id: str | None
    happened_at: datetime
    recorded_at: datetime
    position: int | None
    entries: tuple[Entry, ...]


class PostingFilter(msgspec.Struct, frozen=True):
    """Which postings to list; what is None does not restrict. ``before`` goes on after the last of an earlier list."""

    order_id: UUID | None = None
    kind: str | None = None
    account: Account | None = None
    happened_from: datetime | None = None
    happened_until: datetime | None = None
    before: tuple[datetime, UUID] | None = None
    limit: int = 50


async def balances(connection: Connection, until: datetime, *, details: bool = False) -> list[BalanceRow]:
    """Every account that has entries, by account and currency, with ``details`` by what it is kept by too.

    Documents, coupons and travel credits are never split: they are too many to read.
    """
    kept_by = ", ".join(f"entry.{name}" if details else f"NULL::text AS {name}" for name in _KEPT_BY)
    keys = "1, 2, 3, 4, 5, 6, 7, 8"
    rows = await connection.fetch(
        f"""
        SELECT entry.account, entry.currency, {kept_by},
               coalesce(sum(entry.amount_minor) FILTER (WHERE entry.amount_minor > 0), 0)::bigint AS debits,
               coalesce(-sum(entry.amount_minor) FILTER (WHERE entry.amount_minor < 0), 0)::bigint AS credits
        FROM ledger_entries AS entry JOIN ledger_postings AS posting ON posting.id = entry.posting_id
        WHERE posting.happened_at < $1
        GROUP BY {keys} ORDER BY {keys}
        """,  # noqa: S608  # made of constants
        until,
    )
    return sorted(map(_balance, rows), key=lambda row: _chart_order(row.account, row.currency))


def _balance(row: asyncpg.Record) -> BalanceRow:
    account, code = Account(row["account"]), row["currency"]
    return BalanceRow(
        account=account,
        account_class=ACCOUNT_CLASSES[account],
        currency=code,
        debits=Money(row["debits"], code),
        credits=Money(row["credits"], code),
        balance=Money(row["debits"] - row["credits"], code),
        **{name: row[name] for name in _KEPT_BY},
    )


async def trial_balance(connection: Connection, begin: datetime, until: datetime) -> list[TrialBalanceRow]:
    """Every account that has entries before ``until``: what stood on it at ``begin`` and what came since."""
    rows = await connection.fetch(
        """
        SELECT entry.account, entry.currency,
               coalesce(sum(amount_minor) FILTER (WHERE happened_at < $1), 0)::bigint AS opening,
               coalesce(sum(amount_minor) FILTER (WHERE happened_at >= $1 AND amount_minor > 0), 0)::bigint AS debits,
               coalesce(-sum(amount_minor) FILTER (WHERE happened_at >= $1 AND amount_minor < 0), 0)::bigint AS credits
        FROM ledger_entries AS entry JOIN ledger_postings AS posting ON posting.id = entry.posting_id
        WHERE posting.happened_at < $2
        GROUP BY entry.account, entry.currency
        """,
        begin,
        until,
    )
    found = [
        TrialBalanceRow(
            account := Account(row["account"]),
            ACCOUNT_CLASSES[account],
            row["currency"],
            *(
                Money(minor, row["currency"])
                for minor in (
                    row["opening"],
                    row["debits"],
                    row["credits"],
                    row["opening"] + row["debits"] - row["credits"],
                )
            ),
        )
        for row in rows
    ]
    return sorted(found, key=lambda row: _chart_order(row.account, row.currency))


async def sales(connection: Connection, begin: datetime, until: datetime) -> list[SalesRow]:
    """What was sold and what was given back from ``begin`` until ``until``, by channel, seller, form and tax.

    A sale or its return is a posting between what customers have deposited or are owed, or what a bank has taken for
    them, and unflown value or taxes; and every coupon given up, also where all of it is kept. The form of payment is
    that of all money captured for the order in the currency of the sale until then, joined by "+".
    """
    rows = await connection.fetch(
        """
        WITH entry AS MATERIALIZED (
            SELECT posting.order_id, posting.kind, posting.channel, posting.seller_id, entry.*
            FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.posting_id = posting.id
            WHERE posting.happened_at >= $1 AND posting.happened_at < $2
        ), sale AS (
            SELECT posting_id FROM entry GROUP BY posting_id
            HAVING bool_or(account = ANY($3) OR kind = 'cancelled') AND bool_or(account = ANY($4))
        ), form AS (
            SELECT order_id, currency, string_agg(DISTINCT form_of_payment, '+') AS name
            FROM ledger_postings JOIN ledger_entries ON posting_id = ledger_postings.id
            WHERE kind = 'captured' AND happened_at < $2 AND order_id IN (SELECT order_id FROM entry)
            GROUP BY order_id, currency
        )
        SELECT entry.channel, entry.seller_id, form.name AS form_of_payment, entry.account,
               CASE entry.account WHEN 'tax_payable' THEN entry.authority END AS authority,
               CASE WHEN entry.account IN ('tax_payable', 'unflown_carrier_charges') THEN entry.code END AS code,
               entry.currency,
               coalesce(-sum(amount_minor) FILTER (WHERE amount_minor < 0), 0)::bigint AS sold,
               coalesce(sum(amount_minor) FILTER (WHERE amount_minor > 0), 0)::bigint AS given_back
        FROM entry JOIN sale USING (posting_id) LEFT JOIN form USING (order_id, currency)
        WHERE NOT entry.account = ANY($3)
        GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 7, 4, 5, 6
        """,
        begin,
        until,
        [Account.CUSTOMER_DEPOSITS, Account.REFUNDS_PAYABLE, Account.TRAVEL_CREDIT, Account.CHARGEBACKS],
        [*UNFLOWN, Account.TAX_PAYABLE],
    )
    return [
        SalesRow(
            row["channel"],
            row["seller_id"],
            row["form_of_payment"],
            Account(row["account"]),
            row["authority"],
            row["code"],
            row["currency"],
            Money(row["sold"], row["currency"]),
            Money(row["given_back"], row["currency"]),
            Money(row["sold"] - row["given_back"], row["currency"]),
        )
        for row in rows
    ]


async def unflown(connection: Connection, until: datetime) -> list[UnflownRow]:
    """What was owed as carriage at ``until``: the value of all coupons that could still be used then."""
    rows = await connection.fetch(
        """
        SELECT entry.account, entry.currency, -sum(entry.amount_minor)::bigint AS liability
        FROM ledger_entries AS entry JOIN ledger_postings AS posting ON posting.id = entry.posting_id
        WHERE entry.account = ANY($2) AND posting.happened_at < $1
        GROUP BY entry.account, entry.currency HAVING sum(entry.amount_minor) <> 0
        """,
        until,
        list(UNFLOWN),
    )
    found = [UnflownRow(Account(row[0]), row[1], Money(row[2], row[1])) for row in rows]
    return sorted(found, key=lambda row: _chart_order(row.account, row.currency))


def _chart_order(account: Account, currency: str) -> tuple[str, int]:
    return currency, list(Account).index(account)


async def postings(connection: Connection, wanted: PostingFilter) -> list[PostingRow]:
    """The latest postings first, at most ``limit``."""
    happened_at, posting_id = wanted.before or (None, None)
    rows = await connection.fetch(
        """
        SELECT posting.*, link.position,
               (SELECT jsonb_agg(to_jsonb(entry) - 'posting_id' - 'number' ORDER BY entry.number)
                FROM ledger_entries AS entry WHERE entry.posting_id = posting.id) AS entries
        FROM ledger_postings AS posting LEFT JOIN ledger_chain AS link ON link.posting_id = posting.id
        WHERE ($1::uuid IS NULL OR posting.order_id = $1)
          AND ($2::text IS NULL OR posting.kind = $2)
          AND ($3::text IS NULL OR EXISTS (
                SELECT FROM ledger_entries AS entry WHERE entry.posting_id = posting.id AND entry.account = $3))
          AND ($4::timestamptz IS NULL OR posting.happened_at >= $4)
          AND ($5::timestamptz IS NULL OR posting.happened_at < $5)
          AND ($6::timestamptz IS NULL OR (posting.happened_at, posting.id) < ($6, $7::uuid))
        ORDER BY posting.happened_at DESC, posting.id DESC LIMIT $8
        """,
        wanted.order_id,
        wanted.kind,
        wanted.account,
        wanted.happened_from,
        wanted.happened_until,
        happened_at,
        posting_id,
        wanted.limit,
    )
    names = [field.name for field in msgspec.structs.fields(PostingRow)][:-1]
    return [PostingRow(**{name: row[name] for name in names}, entries=_entries(row["entries"])) for row in rows]


def _entries(written: Iterable[dict[str, Any]]) -> tuple[Entry, ...]:
    return tuple(msgspec.convert(entry, Entry) for entry in written)
