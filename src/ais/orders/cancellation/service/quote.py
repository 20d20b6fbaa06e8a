"""Quoting: what would come back for what a request gives up, promised for a while."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from ais.fares import penalty_rules
from ais.kit import (
    Actor,
    InvalidStateTransition,
    Money,
    ValidationFailed,
    currency,
    decode_id,
    encode_id,
    ids,
    new_uuid,
)
from ais.kit.ids import CancellationQuoteId, OrderId, OrderSegmentId, PassengerId, PaymentId
from ais.orders import repository as orders
from ais.orders.access import require_cancel_access, require_staff_access
from ais.orders.cancellation import repository
from ais.orders.cancellation.domain import (
    CouponHeld,
    GivenUp,
    Place,
    Quote,
    QuoteKind,
    QuoteLine,
    QuoteStatus,
    RefundTo,
    RetimeRule,
    airline_cancelled,
    basis_of,
    coupons_held,
    most_moved,
    what_is_given_up,
)
from ais.orders.cancellation.rules import (
    in_steps,
    involuntary_lines,
    noting_move,
    voluntary_lines,
    without_penalty,
    without_taken,
)
from ais.orders.cancellation.schemas import quote_body
from ais.orders.cancellation.service.partly_flown import ReadReference, shortfalls_of
from ais.orders.cancellation.service.second_person import WAIVE, RefundLimits
from ais.orders.domain import Order, OrderPaymentStatus, OrderStatus
from ais.orders.errors import OrderNotFound
from ais.orders.texts import seal_reason
from ais.payments import (
    DisputeStatus,
    Gateways,
    Payment,
    RefundExceedsPaid,
    RefundsFrozen,
    disputes_of_order,
    payments_of_order,
)
from ais.platform.audit import Entry, record
from ais.platform.database import Connection, Database, UnitOfWork
from ais.platform.i18n import Language
from ais.platform.idempotency import Answer, RequestKey, once
from ais.ticketing import documents_of_order


class CancelOrder(msgspec.Struct, frozen=True):
    """What giving back needs: ``quote_window`` is how long a quote may be confirmed; in ``timezone`` (IANA) the airline
    counts the day of issue; ``step_up_window`` is how long a proof of who somebody is counts for staff who give money
    back; ``read_reference`` gives the reference data of a process that holds them in memory; what staff give back above
    ``refund_limits`` a second person signs; ``retime_rule`` says by how much the airline may move a flight before that
    is its doing.
    """

    database: Database
    gateways: Gateways
    quote_window: timedelta
    timezone: str
    step_up_window: timedelta
    read_reference: ReadReference | None = None
    refund_limits: RefundLimits | None = None
    retime_rule: RetimeRule = RetimeRule()


class Wish(msgspec.Struct, frozen=True):
    """What is to be given up (None: everybody, every flight), where its money shall go, and why the penalty of the
    fare's rules shall be waived (None: it is not).
    """

    passenger_ids: tuple[PassengerId, ...] | None = None
    segment_ids: tuple[OrderSegmentId, ...] | None = None
    refund_to: RefundTo = RefundTo.ORIGINAL_PAYMENT
    waiver_reason: str | None = None


def wish_of(
    passenger_ids: Sequence[str] | None,
    segment_ids: Sequence[str] | None,
    refund_to: str = "original_payment",
    waiver_reason: str | None = None,
) -> Wish:
    """A wish from public ids; raises ValidationFailed for what is none."""
    return Wish(
        None if passenger_ids is None else tuple(map(PassengerId, _ids(ids.PASSENGER, "passenger_ids", passenger_ids))),
        None if segment_ids is None else tuple(map(OrderSegmentId, _ids(ids.SEGMENT, "segment_ids", segment_ids))),
        RefundTo(refund_to),
        waiver_reason,
    )


def _ids(prefix: str, field: str, texts: Sequence[str]) -> list[UUID]:
    found = [decode_id(prefix, text) for text in texts]
    wrong = [(f"{field}[{number}]", "is not of this order") for number, each in enumerate(found) if each is None]
    if wrong:
        raise ValidationFailed(wrong)
    return [each for each in found if each is not None]


async def quote_cancellation(
    services: CancelOrder,
    actor: Actor,
    correlation_id: str,
    request: RequestKey | None,
    order_id: OrderId,
    wish: Wish,
    language: Language,
) -> Answer:
    """The answer, 201 and a CancellationQuoteBody, stored under the request's key if it came with one.

    Raises what :func:`make_quote` raises; no refusal changes anything.
    """

    async def work(uow: UnitOfWork) -> Answer:
        quote = await make_quote(
            uow,
            order_id,
            wish,
            services.quote_window,
            read_reference=services.read_reference,
            retime_rule=services.retime_rule,
        )
        return Answer(201, msgspec.json.encode(quote_body(quote, language)))

    return await once(services.database, actor, correlation_id, request, work)


async def make_quote(
    uow: UnitOfWork,
    order_id: OrderId,
    wish: Wish,
    window: timedelta,
    *,
    involuntary: bool = False,
    read_reference: ReadReference | None = None,
    retime_rule: RetimeRule | None = None,
) -> Quote:
    """Lock the order, work out the quote and write it; it takes the place of the order's open one.

    ``involuntary`` gives everything back whatever the fare's rules say, as it is when the airline has cancelled a
    flight or moved it by more than ``retime_rule`` has it. Raises OrderNotFound, Forbidden, InvalidStateTransition,
    RefundsFrozen, NothingToGiveUp, ValidationFailed, RefundExceedsPaid.
    """
    order = await orders.lock_order(uow, order_id)
    if order is None:
        raise OrderNotFound
    require_cancel_access(uow.actor, order)
    if wish.waiver_reason is not None:
        require_staff_access(uow.actor, order, WAIVE)
    require_not_disputed(order)
    coupons = coupons_held(await documents_of_order(uow.connection, order_id))
    if order.status is OrderStatus.RESERVED:
        quote = await _of_unticketed(uow, order, wish, window)
    elif order.status in {OrderStatus.CONFIRMED, OrderStatus.COMPLETED}:
        above = None if involuntary else (retime_rule or RetimeRule()).on(order.created_at.date())
        quote = await _of_ticketed(uow, order, coupons, wish, window, moved_above=above, read_reference=read_reference)
    else:
        raise InvalidStateTransition("order", order.status, OrderStatus.CANCELLED)
    if quote.waiver_reason is not None:
        sealed = await seal_reason(uow, order_id, quote.waiver_reason)
        quote = msgspec.structs.replace(quote, waiver_reason=sealed)
    await repository.insert_quote(uow, quote)
    await record(uow, quote_entry("order.cancellation_quoted", quote))
    return quote


def quote_entry(action: str, quote: Quote) -> Entry:
    """What the audit trail says of a quote."""
    return Entry(
        action=action,
        subject=encode_id(ids.CANCELLATION_QUOTE, quote.id),
        order_id=quote.order_id,
        after={
            "kind": quote.kind,
            "refund": str(quote.refund),
            "refund_to": quote.refund_to,
            "coupon_count": len(quote.places),
        },
    )


def require_not_disputed(order: Order) -> None:
    """Raise :class:`RefundsFrozen` while the bank decides about the order's money."""
    if order.payment_status is OrderPaymentStatus.DISPUTED:
        raise RefundsFrozen


async def refundable_of(connection: Connection, order: Order) -> Money:
    """What is left of all that was received for the order, as :func:`left_of_payments` says."""
    return Money(sum(left.minor for _, left in await left_of_payments(connection, order)), order.currency)


async def left_of_payments(connection: Connection, order: Order) -> list[tuple[Payment, Money]]:
    """Of each payment of the order, the oldest first, what was received and neither went back, nor is on its way, nor
    was taken by a bank for good: what :func:`ais.payments.begin_refund` lets go back. Money of another currency than
    was asked for is not the order's, and goes back by itself.
    """
    lost: Counter[PaymentId] = Counter()
    for dispute in await disputes_of_order(connection, order.id):
        if dispute.status is DisputeStatus.LOST:
            lost[dispute.payment_id] += dispute.amount.minor
    return [
        (payment, Money(max(0, payment.received.minor - payment.refunded.minor - lost[payment.id]), order.currency))
        for payment in await payments_of_order(connection, order.id)
        if payment.is_counted
    ]


async def _taken_of(connection: Connection, order: Order) -> int:
    """What banks have taken of the order's money for good, and no cancellation has made up for yet, in minor units."""
    disputes = await disputes_of_order(connection, order.id)
    lost = sum(dispute.amount.minor for dispute in disputes if dispute.status is DisputeStatus.LOST)
    return lost - await repository.recovered_of(connection, order.id) if lost else 0


async def _of_unticketed(uow: UnitOfWork, order: Order, wish: Wish, window: timedelta) -> Quote:
    """An order without documents is given up as a whole, and all that came in for it goes back."""
    refund = await refundable_of(uow.connection, order)
    moved = await repository.minutes_moved(uow.connection, order.id)
    return _quote(
        uow, order, {}, moved, QuoteKind.UNTICKETED, wish.refund_to, (), refund.minor, uow.clock.now() + window
    )


async def _of_ticketed(
    uow: UnitOfWork,
    order: Order,
    coupons: Mapping[Place, CouponHeld],
    wish: Wish,
    window: timedelta,
    *,
    moved_above: int | None,
    read_reference: ReadReference | None,
) -> Quote:
    """Without ``moved_above`` minutes it is the airline's doing, whatever has happened to the flights."""
    given_up = what_is_given_up(order, coupons, wish.passenger_ids, wish.segment_ids)
    now = uow.clock.now()
    moved = await repository.minutes_moved(uow.connection, order.id)
    most = most_moved(coupons, moved)
    if moved_above is None or airline_cancelled(order, coupons) or most > moved_above:
        kind, lines = QuoteKind.INVOLUNTARY, involuntary_lines(order, given_up)
    else:
        kind, lines = QuoteKind.VOLUNTARY, await _by_the_rules(uow, order, coupons, given_up, now, read_reference)
    if most and moved_above is not None and (kind is QuoteKind.VOLUNTARY or most > moved_above):
        lines = noting_move(lines, most, moved_above)
    waived = sum(line.penalty_minor for line in lines) if wish.waiver_reason is not None else 0
    if waived:
        lines = without_penalty(lines)
    taken = await _taken_of(uow.connection, order)
    if taken:
        lines = without_taken(lines, taken)
    if wish.refund_to is RefundTo.ORIGINAL_PAYMENT:
        lines = in_steps(lines, currency(order.currency).chargeable_multiple)
    refund = Money(sum(line.refunded_minor for line in lines), order.currency)
    refundable = await refundable_of(uow.connection, order)
    if refund > refundable:
        raise RefundExceedsPaid(asked=str(refund), refundable=str(refundable))
    expires_at = min([now + window, *_departures_to_come(order, given_up, now)])
    quote = _quote(uow, order, coupons, moved, kind, wish.refund_to, lines, refund.minor, expires_at)
    return msgspec.structs.replace(quote, waived_minor=waived, waiver_reason=wish.waiver_reason if waived else None)


async def _by_the_rules(
    uow: UnitOfWork,
    order: Order,
    coupons: Mapping[Place, CouponHeld],
    given_up: GivenUp,
    now: datetime,
    read_reference: ReadReference | None,
) -> tuple[QuoteLine, ...]:
    versions = {line.version_id for line in order.lines if line.kind == "fare" and line.version_id is not None}
    rules = await penalty_rules(
        uow.connection, versions, point_of_sale=order.point_of_sale, sold_on=order.created_at.date()
    )
    shortfalls = await shortfalls_of(uow, order, coupons, read_reference)
    return voluntary_lines(order, given_up, rules, now, shortfalls=shortfalls)


def _departures_to_come(order: Order, given_up: GivenUp, now: datetime) -> list[datetime]:
    """A quote ends at the next departure that it gives up: after that other rules hold."""
    segments = {segment_id for _, segment_id in given_up.places}
    return [each.departs_at for each in order.segments if each.id in segments and each.departs_at > now]


def _quote(
    uow: UnitOfWork,
    order: Order,
    coupons: Mapping[Place, CouponHeld],
    moved: Mapping[OrderSegmentId, int],
    kind: QuoteKind,
    refund_to: RefundTo,
    lines: tuple[QuoteLine, ...],
    refund_minor: int,
    expires_at: datetime,
) -> Quote:
    penalty = sum(line.penalty_minor for line in lines)
    return Quote(
        id=CancellationQuoteId(new_uuid()),
        order_id=order.id,
        status=QuoteStatus.OPEN,
        kind=kind,
        refund_to=refund_to,
        currency=order.currency,
        penalty_minor=penalty,
        non_refundable_minor=sum(line.kept_minor for line in lines) - penalty,
        refund_minor=refund_minor,
        basis=basis_of(order, coupons.values(), moved),
        created_at=uow.clock.now(),
        expires_at=expires_at,
        lines=lines,
    )
