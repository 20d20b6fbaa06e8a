"""Settling: the one function through which every payment reaches its order.

Webhooks, time limits, retries and the search for unfinished halves all come here. The provider is asked first, outside
any transaction, what the payment is now; then, in one transaction, the payment is written down, held seats become sold,
documents are issued and the order is confirmed, or the money goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid5

from ais.inventory import SeatsUnavailable, confirm_hold, release_hold
from ais.kit import Actor, InvalidStateTransition, encode_id, ids
from ais.kit.ids import OrderId, OrderSegmentId, PaymentId, RefundId
from ais.ledger import post
from ais.orders import repository
from ais.orders.domain import Order, OrderPaymentStatus, OrderStatus, SegmentStatus, TicketingStatus
from ais.orders.events import OrderCancelled, OrderConfirmed, OrderExpired, OrderPaymentFailed
from ais.orders.people import has_its_travellers, open_people
from ais.orders.service.disputed import suspend_by
from ais.orders.service.postings import returned
from ais.orders.service.states import OrderChange
from ais.orders.service.tickets import tickets_to_issue
from ais.payments import (
    DisputeStatus,
    Gateways,
    Payment,
    PaymentFailed,
    PaymentStatus,
    ProviderPayment,
    Settlement,
    begin_refund,
    call_provider,
    close_uncalled_payment,
    disputes_of_order,
    find_payment,
    refunded_of_order,
    settle_payment,
)
from ais.platform.database import Database, UnitOfWork
from ais.platform.faults import fault_point
from ais.platform.staff_queue import ask_staff, resolve_staff_queue
from ais.ticketing import Sale, enough_numbers, issue_tickets

_ENDED_UNPAID = (OrderStatus.EXPIRED, OrderStatus.CANCELLED)


async def settle_order_payment(
    database: Database, gateways: Gateways, payment_id: PaymentId, actor: Actor, correlation_id: str
) -> None:
    """Find out what the payment is now and bring its order to match; harmless to repeat, whenever and however often.

    Raises ProviderError or ProviderTimeout if the provider cannot be asked.
    """
    async with database.connection() as connection:
        payment = await find_payment(connection, payment_id)
    if payment is None:
        raise LookupError(f"payment {payment_id} is gone")
    try:
        found = await look_at_provider(gateways, payment)
    except PaymentFailed:
        async with database.unit_of_work(actor, correlation_id) as uow:
            await close_uncalled_payment(uow, payment_id, "refused by the provider")
        return
    fault_point("payments.called")
    async with database.unit_of_work(actor, correlation_id) as uow:
        settlement = await apply_settlement(uow, payment.order_id, payment_id, found)
        to_be_closed = False
        if settlement.payment.is_open:
            order = await repository.find_order(uow.connection, payment.order_id)
            to_be_closed = order is not None and order.status in _ENDED_UNPAID
    fault_point("payments.settled")
    if to_be_closed:
        # The order ended while the bank was still deciding: nobody shall be able to pay for it weeks later.
        closed = await gateways.of(payment.provider).cancel(found.id)
        async with database.unit_of_work(actor, correlation_id) as uow:
            await apply_settlement(uow, payment.order_id, payment_id, closed)


async def look_at_provider(gateways: Gateways, payment: Payment) -> ProviderPayment:
    """The payment as the provider holds it now, opened there if it never was.

    Opening repeats an earlier call by its key, and such an answer is as old as that call: so it is looked at again.
    """
    found = await call_provider(gateways, payment)
    return found if payment.provider_payment_id is not None else await gateways.of(payment.provider).retrieve(found.id)


async def apply_settlement(
    uow: UnitOfWork, order_id: OrderId, payment_id: PaymentId, found: ProviderPayment
) -> Settlement:
    """The second half of settling, in the caller's unit of work: locks the order, then the payment.

    Of an attempt that waits for its payer, as each does that has just been opened, the order is read only if that is a
    move. Otherwise it is read before the payment moves, so that the database refuses whoever comes without the locks.
    """
    if found.status is PaymentStatus.REQUIRES_PAYMENT:
        await repository.lock_order_row(uow, order_id)
        settlement = await settle_payment(uow, payment_id, found)
        if settlement.moved:
            await _follow_payment(uow, await repository.find_order(uow.connection, order_id), settlement)
        return settlement
    order = await repository.lock_order(uow, order_id)
    settlement = await settle_payment(uow, payment_id, found)
    await _follow_payment(uow, order, settlement)
    return settlement


async def _follow_payment(uow: UnitOfWork, order: Order | None, settlement: Settlement) -> None:
    """Bring the locked order to what its payment has become."""
    if order is None:
        if settlement.newly_succeeded:
            await ask_staff(uow, "payment_without_order", encode_id(ids.PAYMENT, settlement.payment.id))
        return
    change = OrderChange(order)
    if settlement.newly_succeeded and not settlement.payment.is_counted:
        # It can never pay the order, whatever becomes of that.
        _bank_has_decided(change, "money of another currency")
        await _send_back(uow, settlement.payment, "another currency")
    elif settlement.newly_succeeded:
        await _receive_money(uow, change, settlement)
    elif settlement.moved:
        _follow_attempt(uow, change, settlement)
    await change.write(uow)


def _follow_attempt(uow: UnitOfWork, change: OrderChange, settlement: Settlement) -> None:
    """An attempt that has not brought money moves the order's payment status, as long as none has come otherwise."""
    target = {
        PaymentStatus.REQUIRES_PAYMENT: OrderPaymentStatus.UNPAID,
        PaymentStatus.REQUIRES_ACTION: OrderPaymentStatus.PROCESSING,
        PaymentStatus.PROCESSING: OrderPaymentStatus.PROCESSING,
        PaymentStatus.FAILED: OrderPaymentStatus.FAILED,
        PaymentStatus.CANCELLED: OrderPaymentStatus.UNPAID,
    }.get(settlement.payment.status)
    if settlement.payment.status is PaymentStatus.CANCELLED and change.payment_status is OrderPaymentStatus.PROCESSING:
        # A hosted page whose bank decided late against it has ended, and its order's payment has failed.
        target = OrderPaymentStatus.FAILED if settlement.payment.failure_code else OrderPaymentStatus.UNPAID
    if target is not None and change.payment_may_become(target):
        change.payment_to(target, f"payment {settlement.payment.status}", failure=settlement.payment.failure_code)
        if target is OrderPaymentStatus.FAILED:
            uow.publish(OrderPaymentFailed(order_id=str(change.order.id), payment_id=str(settlement.payment.id)))


async def _receive_money(uow: UnitOfWork, change: OrderChange, settlement: Settlement) -> None:
    order, payment = change.order, settlement.payment
    due = order.total_minor - order.paid_minor
    change.receive(settlement.received)
    subject = encode_id(ids.PAYMENT, payment.id)
    if order.status is OrderStatus.CANCELLED:
        if settlement.received.minor == due and change.payment_may_become(OrderPaymentStatus.PAID):
            change.payment_to(OrderPaymentStatus.PAID, "paid after it was cancelled", payment_id=subject)
        _bank_has_decided(change, "another sum than was due")
        await _send_back(uow, payment, "order cancelled")
        return
    if order.payment_status is OrderPaymentStatus.PAID or due <= 0:
        # A second attempt brought money too: it goes back by itself.
        await _send_back(uow, payment, "paid twice")
        return
    if settlement.received.minor != due:
        await ask_staff(
            uow, "payment_amount", subject, due_minor=due, received_minor=settlement.received.minor,
            currency=settlement.received.currency,
        )  # fmt: skip
        _bank_has_decided(change, "another sum than was due")
        return
    change.payment_to(OrderPaymentStatus.PAID, "paid", payment_id=subject)
    if not has_its_travellers(order):
        # Money for an order that has ended and whose travellers were erased: there is nobody to issue a ticket to.
        await _send_back(uow, payment, "travellers erased")
        return
    off_schedule = await repository.segments_off_schedule(uow, order.id)
    if off_schedule.cancelled:
        await _give_up_cancelled(uow, change, off_schedule.cancelled)
        await _send_back(uow, payment, "flight cancelled")
        return
    try:
        await confirm_hold(uow, order.hold_id)
    except (SeatsUnavailable, InvalidStateTransition):
        if change.status is OrderStatus.RESERVED:
            change.status_to(OrderStatus.EXPIRED, "paid after the seats were gone")
            await repository.move_segments(uow, _live(order), SegmentStatus.CANCELLED, "HX", "seats gone")
            uow.publish(OrderExpired(order_id=str(order.id)))
        await _send_back(uow, payment, "seats gone")
        return
    await _reinstate_segments(uow, order)
    await repository.move_segments(
        uow, off_schedule.retimed, SegmentStatus.SCHEDULE_CHANGED, "TK", "retimed before it was paid"
    )
    change.ticketing_to(TicketingStatus.ISSUING, "paid")
    await finish_with_tickets(uow, change)


def _bank_has_decided(change: OrderChange, reason: str) -> None:
    """What came does not pay the order, and nothing is under way any more: what is not paid is due."""
    if change.payment_status is OrderPaymentStatus.PROCESSING:
        change.payment_to(OrderPaymentStatus.UNPAID, reason)


async def finish_with_tickets(uow: UnitOfWork, change: OrderChange) -> None:
    """Confirm an order that is paid and has its seats, and issue its documents; what ``change`` holds is written first.

    Without ticket numbers it keeps both and waits: staff are told, and a job tries again. The documents come last,
    because every sale of the carrier meets at the number range's lock. Raises TicketNumbersExhausted if the last
    numbers go to another sale in this very moment: nothing is written then, and a repeat waits.
    """
    order = change.order
    await change.write(uow)
    tickets = tickets_to_issue(order, open_people(uow.vault, order).details)
    if not await enough_numbers(uow, order.validating_carrier, tickets):
        await ask_staff(uow, "ticket_numbers_exhausted", order.validating_carrier)
        return
    await resolve_staff_queue(uow, "ticket_numbers_exhausted", order.validating_carrier)
    change.ticketing_to(TicketingStatus.ISSUED, "documents issued")
    change.status_to(OrderStatus.CONFIRMED, "paid and ticketed")
    uow.publish(OrderConfirmed(order_id=str(order.id)))
    await change.write(uow)
    sale = Sale(order.channel, order.seller_id, order.agent_id, order.point_of_sale)
    await issue_tickets(uow, order.id, order.validating_carrier, sale, tickets)
    if change.payment_status is not OrderPaymentStatus.PAID:
        # It waited for numbers, and its payer went to the bank meanwhile.
        disputes = await disputes_of_order(uow.connection, order.id)
        await suspend_by(uow, order.id, change.payment_status, disputes)


async def _give_up_cancelled(uow: UnitOfWork, change: OrderChange, cancelled: Sequence[OrderSegmentId]) -> None:
    """End an order that was paid for a flight which does not operate: its seats go back, its money follows."""
    order = change.order
    unable = [segment for segment in cancelled if segment in set(_live(order))]
    await repository.move_segments(uow, unable, SegmentStatus.CANCELLED, "UN", "flight cancelled")
    if change.status is not OrderStatus.RESERVED:
        return
    change.status_to(OrderStatus.CANCELLED, "flight cancelled")
    others = [segment for segment in _live(order) if segment not in set(cancelled)]
    await repository.move_segments(uow, others, SegmentStatus.CANCELLED, "XX", "flight cancelled")
    uow.publish(OrderCancelled(order_id=str(order.id), reason="flight_cancelled"))
    await release_hold(uow, order.hold_id)


def _live(order: Order) -> list[OrderSegmentId]:
    return [segment.id for segment in order.segments if segment.status is not SegmentStatus.CANCELLED]


async def _reinstate_segments(uow: UnitOfWork, order: Order) -> None:
    """Segments that the time limit had cancelled are confirmed again; those the airline cancelled are not."""
    ended = [segment.id for segment in order.segments if segment.status_code == "HX"]
    if ended:
        await repository.move_segments(uow, ended, SegmentStatus.CONFIRMED, "HK", "seats claimed again")


async def _send_back(uow: UnitOfWork, payment: Payment, reason: str) -> None:
    """Refund the whole payment, which bought nothing, so that it is owed to the customer again.

    The refund's id follows from the payment, so that it can exist only once.
    """
    refundable = payment.received - payment.refunded
    if not refundable:
        return
    refund = await begin_refund(uow, RefundId(uuid5(payment.id, "whole")), payment.id, refundable, reason)
    await post(uow, returned(payment, refund))


async def apply_refund(uow: UnitOfWork, order_id: OrderId) -> None:
    """Bring an order to what has gone back in all, the sum of its successful refunds."""
    order = await repository.lock_order(uow, order_id)
    # Summed under the order's lock: of two refunds that settle at once the later one sees both.
    refunded_minor = await refunded_of_order(uow.connection, order_id)
    if order is None or refunded_minor == order.refunded_minor:
        return
    change = OrderChange(order)
    change.refunded_minor = refunded_minor
    disputes = await disputes_of_order(uow.connection, order_id)
    lost = sum(dispute.amount.minor for dispute in disputes if dispute.status is DisputeStatus.LOST)
    kept = order.paid_minor - refunded_minor - lost
    if order.payment_status is OrderPaymentStatus.DISPUTED:
        pass  # The bank decides; what is left then says how the order's money stands.
    elif order.status is OrderStatus.CONFIRMED and kept >= order.total_minor:
        pass  # What went back was a second payment; the order stays paid.
    elif kept <= 0 and change.payment_may_become(OrderPaymentStatus.REFUNDED):
        change.payment_to(OrderPaymentStatus.REFUNDED, "refunded")
    elif 0 < kept < order.paid_minor and change.payment_may_become(OrderPaymentStatus.PARTIALLY_REFUNDED):
        change.payment_to(OrderPaymentStatus.PARTIALLY_REFUNDED, "refunded in part")
    await change.write(uow)
