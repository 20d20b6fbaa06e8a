"""The books on the wire: bodies of answers, and the same rows as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from ais.kit import Money, encode_id, ids
from ais.ledger.domain import Account, AccountClass, Entry
from ais.ledger.repository.reports import PostingRow

_PREFIXES = {
    "payment": ids.PAYMENT,
    "refund": ids.REFUND,
    "document": ids.DOCUMENT,
    "order": ids.ORDER,
    "quote": ids.CANCELLATION_QUOTE,
}


class SumBody(Struct, frozen=True):
    """A sum: a decimal string with exactly the currency's digits."""

    amount: str
    currency: str


class BalanceBody(Struct, frozen=True):
    """An account in one currency; `balance` is debits less credits."""

    account: Account
    account_class: AccountClass
    currency: str
    authority: str | None
    code: str | None
    provider: str | None
    agency_id: str | None
    office: str | None
    shift: str | None
    debits: SumBody
    credits: SumBody
    balance: SumBody


class TrialBalanceBody(Struct, frozen=True):
    """An account in one currency over a period: opening + debits - credits = closing."""

    account: Account
    account_class: AccountClass
    currency: str
    opening: SumBody
    debits: SumBody
    credits: SumBody
    closing: SumBody


class SalesBody(Struct, frozen=True):
    """What was sold and given back under one combination; `item` is the account, taxes by authority and code."""

    channel: str
    seller_id: str | None
    form_of_payment: str | None
    item: Account
    authority: str | None
    code: str | None
    currency: str
    sold: SumBody
    given_back: SumBody
    net: SumBody


class UnflownBody(Struct, frozen=True):
    """What is owed as carriage in one currency."""

    account: Account
    currency: str
    liability: SumBody


class EntryBody(Struct, frozen=True):
    """One line of a posting: a sum on one side of an account, and what the account is kept by."""

    account: Account
    debit: SumBody | None
    credit: SumBody | None
    authority: str | None
    code: str | None
    document_id: str | None
    coupon_number: int | None
    provider: str | None
    agency_id: str | None
    office: str | None
    shift: str | None
    credit_id: str | None
    due_at: datetime | None


class PostingBody(Struct, frozen=True):
    """What one cause did to the books; `position` is its place in the hash chain, null while it waits for one."""

    id: str
    kind: str
    cause_type: str
    cause_id: str
    order_id: str | None
    form_of_payment: str | None
    actor: str
    channel: str
    seller_id: str | None
    happened_at: datetime
    recorded_at: datetime
    position: int | None
    entries: tuple[EntryBody, ...]


Body = TypeVar("Body", bound=Struct)


def body_of(kind: type[Body], row: Struct) -> Body:
    """``row`` as a body of the same fields, money as the wire has it."""
    values = (getattr(row, field.name) for field in msgspec.structs.fields(kind))
    return kind(*(_sum(value) if isinstance(value, Money) else value for value in values))


def _sum(money: Money) -> SumBody:
    return SumBody(money.amount, money.currency)


def posting_body(row: PostingRow) -> PostingBody:
    """A posting with the ids that the API gives."""
    return PostingBody(
        id=encode_id(ids.POSTING, row.id),
        kind=row.kind,
        cause_type=row.cause_type,
        cause_id=_cause(row.cause_type, row.cause_id),
        order_id=_id(ids.ORDER, row.order_id),
        form_of_payment=row.form_of_payment,
        actor=row.actor,
        channel=row.channel,
        seller_id=row.seller_id,
        happened_at=row.happened_at,
        recorded_at=row.recorded_at,
        position=row.position,
        entries=tuple(map(_entry, row.entries)),
    )


def _entry(entry: Entry) -> EntryBody:
    money = entry.money
    return EntryBody(
        account=entry.account,
        debit=_sum(money) if money.minor > 0 else None,
        credit=_sum(-money) if money.minor < 0 else None,
        authority=entry.authority,
        code=entry.code,
        document_id=_id(ids.DOCUMENT, entry.document_id),
        coupon_number=entry.coupon_number,
        provider=entry.provider,
        agency_id=entry.agency_id,
        office=entry.office,
        shift=entry.shift,
        credit_id=_id(ids.TRAVEL_CREDIT, entry.credit_id),
        due_at=entry.due_at,
    )


def _id(prefix: str, identifier: UUID | None) -> str | None:
    return encode_id(prefix, identifier) if identifier else None


def _cause(cause_type: str, cause_id: str) -> str:
    """The cause as the API names it, where the API has a name for it."""
    prefix = _PREFIXES.get(cause_type)
    if prefix is None:
        return cause_id
    try:
        return encode_id(prefix, UUID(cause_id))
    except ValueError:
        return cause_id


def rows_as_csv(rows: Sequence[Struct], kind: type[Struct]) -> str:
    """A heading and one line a row, RFC 4180; sums as decimals beside their currency, nothing as an empty field."""
    names = [field.name for field in msgspec.structs.fields(kind)]
    return as_csv(names, ([_cell(getattr(row, name)) for name in names] for row in rows))


ENTRY_COLUMNS = ("account", "debit", "credit", "currency", *EntryBody.__struct_fields__[3:])


def postings_as_csv(postings: Iterable[PostingBody]) -> str:
    """One line an entry, with its posting's fields before it."""
    posting_columns = PostingBody.__struct_fields__[:-1]
    return as_csv(
        [*(f"posting_{name}" if name == "id" else name for name in posting_columns), *ENTRY_COLUMNS],
        (
            [*(_cell(getattr(posting, name)) for name in posting_columns), *_entry_cells(entry)]
            for posting in postings
            for entry in posting.entries
        ),
    )


def _entry_cells(entry: EntryBody) -> list[str]:
    either = entry.debit or entry.credit
    sums = [side.amount if side else "" for side in (entry.debit, entry.credit)]
    rest = (_cell(getattr(entry, name)) for name in ENTRY_COLUMNS[4:])
    return [entry.account, *sums, either.currency if either else "", *rest]


def as_csv(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Comma separated values as RFC 4180 writes them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Money):
        return value.amount
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value)
