"""Confirming a quote: coupons, seats, states and money move in one transaction, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid5

import msgspec

from ais.accounts import Approval, ApprovalKind, approval_answer
from ais.inventory import release_hold, release_sold
from ais.kit import Actor, ActorKind, StepUpRequired, encode_id, ids
from ais.kit.ids import CancellationQuoteId, OrderId, PaymentId, RefundId
from ais.ledger import coupon_balances, post, recognise_penalty
from ais.orders import repository as orders
from ais.orders.access import require_cancel_access, require_staff_access
from ais.orders.cancellation import repository
from ais.orders.cancellation.domain import (
    CouponHeld,
    Place,
    Quote,
    QuoteKind,
    QuoteStatus,
    RefundTo,
    basis_of,
    coupons_held,
)
from ais.orders.cancellation.postings import cancelled, kept_by_coupon
from ais.orders.cancellation.service.give_up import give_up_coupons
from ais.orders.cancellation.service.quote import (
    CancelOrder,
    left_of_payments,
    quote_entry,
    require_not_disputed,
)
from ais.orders.cancellation.service.second_person import (
    WAIVE,
    RefundLimits,
    ask_for_quote,
    order_of,
    quote_of,
    require_signature_for,
    signature_for,
)
from ais.orders.domain import Order, OrderPaymentStatus, OrderStatus, SegmentStatus
from ais.orders.errors import OrderNotFound, QuoteExpired, QuoteNotFound, QuoteSuperseded
from ais.orders.events import OrderCancelled
from ais.orders.people import buyer_key
from ais.orders.service.expire import close_attempts
from ais.orders.service.postings import returned
from ais.orders.service.reading import people_shown
from ais.orders.service.states import OrderChange
from ais.orders.view import order_body
from ais.payments import (
    Payment,
    PaymentMethod,
    PaymentProcessing,
    Refund,
    RefundExceedsPaid,
    begin_refund,
    disputes_of_order,
    find_refund,
    issue_travel_credit,
    open_attempts,
    payments_of_order,
)
from ais.platform.audit import record
from ais.platform.database import UnitOfWork
from ais.platform.faults import fault_point
from ais.platform.i18n import Language
from ais.platform.idempotency import Answer, RequestKey, find_answer, once
from ais.platform.staff_queue import resolve_staff_queue
from ais.ticketing import documents_of_order

_RETURNS_TO_ITSELF = frozenset({PaymentMethod.AGENCY_DEPOSIT, PaymentMethod.TRAVEL_CREDIT})


async def confirm_quote(
    services: CancelOrder,
    actor: Actor,
    correlation_id: str,
    request: RequestKey,
    quote_id: CancellationQuoteId,
    language: Language,
) -> Answer:
    """The stored answer: 200 and the order as it is then. A quote that is confirmed answers with the present order.

    What a second person must sign is asked for instead: 202 and the approval that waits.

    Open attempts to pay an unpaid order are closed at the provider first, outside of any transaction; one that brings
    money confirms the order instead, and the quote no longer holds. Raises QuoteNotFound, StepUpRequired, QuoteExpired,
    QuoteSuperseded, RefundsFrozen, RefundExceedsPaid, PaymentProcessing, ProviderError, ProviderTimeout.
    """
    async with services.database.connection() as connection:
        stored = await find_answer(connection, request, services.database.vault)
        if stored is not None:
            return stored
        quote = await repository.find_quote(connection, quote_id)
        order = await orders.find_order(connection, quote.order_id) if quote is not None else None
        attempts: Sequence[Payment] = ()
        if order is not None:
            attempts = open_attempts(await payments_of_order(connection, order.id))
    if quote is None or order is None:
        raise QuoteNotFound
    _require_quote_access(actor, order)
    _require_recent_proof(services, actor, quote)
    if quote.kind is QuoteKind.UNTICKETED and quote.status is QuoteStatus.OPEN:
        _require_in_time(services, quote)
        await close_attempts(services.database, services.gateways, order.id, attempts, actor, correlation_id)
    fault_point("orders.closed")

    async def work(uow: UnitOfWork) -> Answer:
        ready = await _ready(uow, quote_id, quote.order_id)
        if ready is not None:
            approval = await _ask_if_needed(uow, ready, services.refund_limits)
            if approval is not None:
                return await approval_answer(uow, approval, 202)
            await _confirm(uow, ready)
        present = await orders.find_order(uow.connection, quote.order_id)
        assert present is not None
        documents = await documents_of_order(uow.connection, quote.order_id)
        people = await people_shown(uow, present)
        body = order_body(present, people, documents, now=uow.clock.now(), language=language)
        return Answer(200, msgspec.json.encode(body), person=buyer_key(uow.vault, present))

    answer = await once(services.database, actor, correlation_id, request, work)
    fault_point("cancellations.confirmed")
    return answer


def _require_quote_access(actor: Actor, order: Order) -> None:
    try:
        require_cancel_access(actor, order)
    except OrderNotFound as hidden:
        raise QuoteNotFound.hiding(encode_id(ids.ORDER, order.id)) from hidden


def _require_recent_proof(services: CancelOrder, actor: Actor, quote: Quote) -> None:
    """Staff give back what is not theirs: a session that was left open is not enough for it."""
    is_refund = actor.kind is ActorKind.STAFF and quote.refund.minor > 0
    if is_refund and not actor.has_proved(services.database.clock.now(), services.step_up_window):
        raise StepUpRequired


def _require_in_time(services: CancelOrder, quote: Quote) -> None:
    if quote.expires_at <= services.database.clock.now():
        raise QuoteExpired


class Ready(msgspec.Struct, frozen=True):
    """An open quote that holds, under the lock of its order."""

    change: OrderChange
    quote: Quote
    coupons: Mapping[Place, CouponHeld]


async def _ask_if_needed(uow: UnitOfWork, ready: Ready, limits: RefundLimits | None) -> Approval | None:
    """What a second person must sign first, asked for; a waived penalty by who may waive, not by the customer."""
    order = ready.change.order
    if ready.quote.waived_minor:
        require_staff_access(uow.actor, order, WAIVE)
    kind = await signature_for(uow, order, ready.quote, limits)
    return await ask_for_quote(uow, order, ready.quote, kind) if kind is not None else None


async def confirm_signed(uow: UnitOfWork, approval: Approval, limits: RefundLimits | None) -> None:
    """Carry out the quote that a second person has signed. Raises as :func:`confirm_quote` does."""
    quote_id, order_id = quote_of(approval), order_of(approval)
    assert quote_id is not None
    ready = await _ready(uow, quote_id, order_id)
    if ready is None:
        return
    if approval.kind is ApprovalKind.WAIVER:
        await require_signature_for(uow, ready.change.order, ready.quote, limits)
    await _confirm(uow, ready)


async def _ready(uow: UnitOfWork, quote_id: CancellationQuoteId, order_id: OrderId) -> Ready | None:
    """Lock the order first, then payments, then leg cabins; None for a quote that is confirmed already.

    Raises QuoteNotFound, QuoteSuperseded, QuoteExpired, RefundsFrozen.
    """
    order = await orders.lock_order(uow, order_id)
    # Read again under the order's lock and its own, for one whose time is over is ended under its own alone.
    quote = await repository.lock_quote(uow, quote_id)
    if order is None or quote is None:
        raise QuoteNotFound
    if quote.status is QuoteStatus.CONFIRMED:
        return None
    if quote.status is QuoteStatus.SUPERSEDED:
        raise QuoteSuperseded
    if quote.status is QuoteStatus.EXPIRED or quote.expires_at <= uow.clock.now():
        raise QuoteExpired
    require_not_disputed(order)
    coupons = coupons_held(await documents_of_order(uow.connection, order_id))
    moved = await repository.minutes_moved(uow.connection, order_id)
    if quote.basis != basis_of(order, coupons.values(), moved):
        raise QuoteSuperseded
    return Ready(OrderChange(order), quote, coupons)


async def _confirm(uow: UnitOfWork, ready: Ready) -> None:
    """The quote is confirmed, and what it says happens."""
    await repository.resolve_quote(uow, ready.quote.id, QuoteStatus.CONFIRMED)
    if ready.quote.kind is QuoteKind.UNTICKETED:
        await give_up_unticketed(uow, ready.change, ready.quote, "customer")
        return
    await carry_out(uow, ready.change, ready.quote, ready.coupons, "customer")


async def carry_out(
    uow: UnitOfWork, change: OrderChange, quote: Quote, coupons: Mapping[Place, CouponHeld], reason: str
) -> None:
    """Money, books, coupons, order and seats of a quote for what was ticketed; the caller holds the order's lock."""
    order = change.order
    await record(uow, quote_entry("order.given_up", quote))
    await send_money_back(uow, order, quote, "cancelled")
    documents = sorted({coupons[place].document_id for place in quote.places})
    held = await coupon_balances(uow.connection, documents)
    departures = {segment.id: segment.departs_at for segment in order.segments}
    earned = [
        await recognise_penalty(
            uow,
            money,
            document_id=coupons[place].document_id,
            coupon_number=coupons[place].number,
            kept_at=uow.effective_at,
            departs_at=departures[place[1]],
        )
        for place, money in kept_by_coupon(quote).items()
        if money
    ]
    await post(uow, cancelled(order, quote, coupons, held, earned))
    await give_up_coupons(uow, change, coupons, quote.places, reason, source=f"quote:{quote.id}")
    if change.status is OrderStatus.CANCELLED:
        for dispute in await disputes_of_order(uow.connection, order.id):
            await resolve_staff_queue(uow, "dispute_lost", encode_id(ids.DISPUTE, dispute.id))


async def give_up_unticketed(uow: UnitOfWork, change: OrderChange, quote: Quote, reason: str) -> None:
    """End an order that has no documents: its attempts are closed, its seats go back, and what came in follows.

    Raises PaymentProcessing if an attempt is still open.
    """
    order = change.order
    if open_attempts(await payments_of_order(uow.connection, order.id)):
        raise PaymentProcessing
    await record(uow, quote_entry("order.given_up", quote))
    for payment, refund in await send_money_back(uow, order, quote, "cancelled"):
        await post(uow, returned(payment, refund))
    change.status_to(OrderStatus.CANCELLED, "given up")
    await change.write(uow)
    live = [segment.id for segment in order.segments if segment.status is not SegmentStatus.CANCELLED]
    await orders.move_segments(uow, live, SegmentStatus.CANCELLED, "XX", "given up")
    uow.publish(OrderCancelled(order_id=str(order.id), reason=reason))
    if order.payment_status is OrderPaymentStatus.PAID:
        # Paid, its seats sold, and still without ticket numbers.
        await release_sold(uow, order.hold_id)
    else:
        await release_hold(uow, order.hold_id)


async def send_money_back(uow: UnitOfWork, order: Order, quote: Quote, reason: str) -> list[tuple[Payment, Refund]]:
    """Begin to send the quote's refund back to the payments it came from, the oldest first, at most one refund each; or
    give it as travel credit, whose value remembers the payments too. What an agency's deposit or a travel credit has
    paid goes back there all the same: the one is not the traveller's, and the other is not made new by a detour.

    The caller holds the order's lock. Raises RefundExceedsPaid if less is left of them.
    """
    rest, begun = quote.refund, []
    for payment, left in await left_of_payments(uow.connection, order):
        part = min(rest, left)
        if not part:
            continue
        refund_id = refund_id_of(quote.id, payment.id)
        if quote.refund_to is RefundTo.TRAVEL_CREDIT and payment.method not in _RETURNS_TO_ITSELF:
            await issue_travel_credit(uow, refund_id, payment.id, part, reason)
        else:
            await begin_refund(uow, refund_id, payment.id, part, reason)
        refund = await find_refund(uow.connection, refund_id)
        assert refund is not None
        begun.append((payment, refund))
        rest -= part
    if rest.minor > 0:
        raise RefundExceedsPaid(asked=str(quote.refund), refundable=str(quote.refund - rest))
    return begun


def refund_id_of(quote_id: UUID, payment_id: PaymentId) -> RefundId:
    """The one refund that a quote can cause of a payment."""
    return RefundId(uuid5(quote_id, str(payment_id)))
