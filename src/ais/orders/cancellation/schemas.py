"""The wire types of giving back. No sum comes from outside: a request names passengers and flights, nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ais.kit import ONE_LINE, Money, encode_id, ids
from ais.offers import MoneyBody, money_body
from ais.orders.cancellation.domain import Quote
from ais.orders.cancellation.wording import rule_sentence
from ais.platform.i18n import Language

Reason = Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
PublicId = Annotated[str, Meta(min_length=1, max_length=60)]


class CancellationQuoteRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be given up: everybody and every flight unless some are named. An infant on a lap goes with its
    adult, and the flights of one slice go together.

    Staff who may ask for it give `waiver_reason` to have the penalty waived; a second person signs it.
    """

    passenger_ids: Annotated[tuple[PublicId, ...], Meta(min_length=1, max_length=18)] | None = None
    segment_ids: Annotated[tuple[PublicId, ...], Meta(min_length=1, max_length=40)] | None = None
    refund_to: Literal["original_payment", "travel_credit"] = "original_payment"
    waiver_reason: Reason | None = None


class ConfirmationRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing is said with a confirmation: the quote says it all."""


class VoidRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why the documents are undone; kept with the order. Those of everybody, unless passengers are named: an infant on
    a lap goes with its adult.
    """

    reason: Reason
    passenger_ids: Annotated[tuple[PublicId, ...], Meta(min_length=1, max_length=18)] | None = None


class CancellationLineBody(Struct, frozen=True):
    """One part of the price that is given up: paid = kept + refunded, and the rule that says so."""

    passenger_id: str
    segment_id: str | None
    kind: str
    code: str
    paid: MoneyBody
    kept: MoneyBody
    refunded: MoneyBody
    rule: str


class CancellationQuoteBody(Struct, frozen=True):
    """What comes back if the quote is confirmed until ``expires_at``.

    fee = penalty + non_refundable, and fee + refund = what was paid for what is given up. `waived` is the penalty that
    staff want to be waived.
    """

    id: str
    order_id: str
    penalty: MoneyBody
    non_refundable: MoneyBody
    fee: MoneyBody
    refund: MoneyBody
    lines: list[CancellationLineBody]
    expires_at: datetime
    waived: MoneyBody | None = None


def quote_body(quote: Quote, language: Language) -> CancellationQuoteBody:
    """The quote as it is shown."""

    def money(minor: int) -> MoneyBody:
        return money_body(Money(minor, quote.currency))

    return CancellationQuoteBody(
        id=encode_id(ids.CANCELLATION_QUOTE, quote.id),
        order_id=encode_id(ids.ORDER, quote.order_id),
        penalty=money(quote.penalty_minor),
        non_refundable=money(quote.non_refundable_minor),
        fee=money(quote.penalty_minor + quote.non_refundable_minor),
        refund=money(quote.refund_minor),
        lines=[
            CancellationLineBody(
                passenger_id=encode_id(ids.PASSENGER, line.passenger_id),
                segment_id=encode_id(ids.SEGMENT, line.order_segment_id),
                kind=line.kind,
                code=line.code,
                paid=money(line.paid_minor),
                kept=money(line.kept_minor),
                refunded=money(line.refunded_minor),
                rule=rule_sentence(line, language),
            )
            for line in quote.lines
        ],
        expires_at=quote.expires_at,
        waived=money(quote.waived_minor) if quote.waived_minor else None,
    )
