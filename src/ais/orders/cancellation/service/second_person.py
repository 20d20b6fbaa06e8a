"""What staff may not give back by themselves: large refunds and waived penalties, which a second person signs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from ais.accounts import Approval, ApprovalKind, SecondPersonNeeded, ask_approval
from ais.kit import ActorKind, Channel, Money, decode_id, encode_id, ids
from ais.kit.ids import CancellationQuoteId, OrderId, PassengerId
from ais.orders.cancellation import repository
from ais.orders.cancellation.domain import Quote
from ais.orders.domain import Order
from ais.payments import payments_of_order
from ais.platform.database import UnitOfWork

WAIVE = "orders.waive"
# How long a second person may take; a quote that waits ends at the next departure all the same.
SIGNED_WITHIN = timedelta(hours=24)


class RefundLimits(msgspec.Struct, frozen=True):
    """Up to which sum one person of staff may give back, in minor units by currency; of others nothing at all."""

    minor_by_currency: Mapping[str, int]

    def is_above(self, money: Money) -> bool:
        return money.minor > self.minor_by_currency.get(money.currency, 0)


async def is_above_limit(uow: UnitOfWork, order: Order, refund: Money, limits: RefundLimits | None) -> bool:
    """Whether the order gives back more than one person of staff may decide, with what it has given back before: many
    small refunds are one large one. Whoever works at the command line is one person of staff too. The caller holds the
    order's lock.
    """
    at_command_line = uow.actor.kind is ActorKind.SYSTEM and uow.actor.channel is Channel.CLI
    if limits is None or not (uow.actor.kind is ActorKind.STAFF or at_command_line):
        return False
    payments = await payments_of_order(uow.connection, order.id)
    before = sum(payment.refunded.minor for payment in payments if payment.is_counted)
    return limits.is_above(refund + Money(before, refund.currency))


async def signature_for(
    uow: UnitOfWork, order: Order, quote: Quote, limits: RefundLimits | None
) -> ApprovalKind | None:
    """What a second person must sign before the quote is carried out; None if the caller may confirm it alone.

    By the fare's rules everybody gets back what is theirs, however much it is: only what staff give, and what is not in
    the rules, is looked at.
    """
    if quote.waived_minor:
        return ApprovalKind.WAIVER
    return ApprovalKind.REFUND if await is_above_limit(uow, order, quote.refund, limits) else None


async def ask_for_quote(uow: UnitOfWork, order: Order, quote: Quote, kind: ApprovalKind) -> Approval:
    """Ask that the quote is carried out, and let it stand until then. The caller holds the order's lock."""
    given_up = {segment_id for _, segment_id in quote.places}
    now = uow.clock.now()
    departures = [each.departs_at for each in order.segments if each.id in given_up and each.departs_at > now]
    until = max(quote.expires_at, min([now + SIGNED_WITHIN, *departures]))
    payload = {
        "order_id": encode_id(ids.ORDER, order.id),
        "quote_id": encode_id(ids.CANCELLATION_QUOTE, quote.id),
        "refund": str(quote.refund),
        "waived": str(Money(quote.waived_minor, quote.currency)),
    }
    reason = quote.waiver_reason or "refund above the limit"
    approval = await ask_approval(uow, kind, payload["quote_id"], payload, reason, until)
    await repository.keep_quote_for(uow, quote.id, approval.id, approval.expires_at)
    return approval


async def ask_for_void(
    uow: UnitOfWork, order: Order, paid: Money, reason: str, passenger_ids: tuple[PassengerId, ...] | None
) -> Approval:
    """Ask that documents are undone. The caller holds the order's lock."""
    subject = encode_id(ids.ORDER, order.id)
    payload = {
        "order_id": subject,
        "refund": str(paid),
        "passenger_ids": None if passenger_ids is None else [encode_id(ids.PASSENGER, each) for each in passenger_ids],
    }
    until = uow.clock.now() + SIGNED_WITHIN
    return await ask_approval(uow, ApprovalKind.REFUND, subject, payload, reason, until)


async def require_signature_for(uow: UnitOfWork, order: Order, quote: Quote, limits: RefundLimits | None) -> None:
    """Who signs a waiver whose refund is above the limit signs both. Raises SecondPersonNeeded."""
    if await is_above_limit(uow, order, quote.refund, limits) and not uow.actor.may_everywhere("refunds.approve"):
        raise SecondPersonNeeded


def quote_of(approval: Approval) -> CancellationQuoteId | None:
    """The quote that the approval is about; None if it is about documents."""
    found = decode_id(ids.CANCELLATION_QUOTE, approval.payload.get("quote_id", ""))
    return CancellationQuoteId(found) if found is not None else None


def order_of(approval: Approval) -> OrderId:
    """The order that the approval is about."""
    found = decode_id(ids.ORDER, approval.payload["order_id"])
    assert found is not None
    return OrderId(found)


def passengers_of(approval: Approval) -> tuple[PassengerId, ...] | None:
    """The passengers whose documents are undone; None is everybody."""
    named = approval.payload["passenger_ids"]
    if named is None:
        return None
    found = [decode_id(ids.PASSENGER, each) for each in named]
    return tuple(PassengerId(each) for each in found if each is not None)
