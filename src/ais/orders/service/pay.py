"""Starting to pay an order: begin (tx), call the provider (no tx), settle (tx), and one answer for all repeats."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from ais.inventory import HoldHasExpired, HoldNotFound, extend_hold
from ais.kit import Actor, InvalidStateTransition, Money, ValidationFailed, encode_id, ids
from ais.kit.ids import OrderId, PaymentId
from ais.offers import money_body
from ais.orders import repository
from ais.orders.access import require_pay_access
from ais.orders.domain import Order, OrderPaymentStatus, OrderStatus
from ais.orders.errors import FlightCancelled, HoldExpired, NothingDue, OrderNotFound
from ais.orders.events import PayLinkOpened
from ais.orders.return_links import LinkRules, ReturnLinks
from ais.orders.schemas import PaymentBody
from ais.orders.service.settle import apply_settlement, look_at_provider
from ais.payments import (
    HOSTED,
    Gateways,
    NewPayment,
    OtherAttemptOpen,
    Payment,
    PaymentFailed,
    PaymentMethod,
    PaymentProcessing,
    PaymentStatus,
    ProviderError,
    ProviderPayment,
    ProviderTimeout,
    begin_payment,
    call_provider,
    close_uncalled_payment,
    find_payment,
)
from ais.platform.audit import Entry, record
from ais.platform.database import Database, UnitOfWork
from ais.platform.faults import fault_point
from ais.platform.idempotency import (
    Answer,
    RequestKey,
    abandon_operation,
    begin_operation,
    complete_operation,
    hold_operation,
)

# Seats stay held a little past the time limit of an order with an open attempt, so that the attempt can be looked at
# and closed before anybody else is offered them.
SETTLE_GRACE = timedelta(seconds=60)
LINKS_END = timedelta(hours=1)


class PayOrder(msgspec.Struct, frozen=True):
    """What paying needs: ``payment_window`` is how long an order may be paid from when payment begins, ``link_window``
    how long by a link that is mailed.
    """

    database: Database
    gateways: Gateways
    payment_window: timedelta
    link_window: timedelta
    links: LinkRules


class PaymentChoice(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody wants to pay; never how much. The addresses are for a hosted page only, ``funding_id`` names the
    agency, shift or travel credit that pays.
    """

    method: PaymentMethod
    return_url: str | None = None
    cancel_url: str | None = None
    funding_id: UUID | None = None


async def pay_order(
    services: PayOrder, actor: Actor, correlation_id: str, request: RequestKey, order_id: OrderId, choice: PaymentChoice
) -> tuple[Answer, ProviderPayment | None]:
    """The stored answer (201, a PaymentBody without its secrets) and the payment as the provider holds it now, which
    has the client secret or the page's address; None while the provider is away and the answer is a stored one.

    One open attempt per order: the same method again returns it, another method first closes it at its provider. The
    amount is always what is due. Raises OrderNotFound, Forbidden, HoldExpired, NothingDue, FlightCancelled,
    ValidationFailed, InvalidStateTransition, PaymentProcessing, PaymentFailed, ProviderError, ProviderTimeout;
    after the last two a repeat with the same key goes on with the same attempt.
    """
    links = _links_for(services, order_id, choice)

    begun: list[Payment] = []

    async def begin(uow: UnitOfWork, operation_id: UUID) -> None:
        begun.append(await _begin(services, uow, order_id, PaymentId(operation_id), choice, links))

    try:
        operation = await begin_operation(services.database, actor, correlation_id, request, begin)
    except OtherAttemptOpen as other:
        await _give_up(services, other.payment, actor, correlation_id)
        try:
            operation = await begin_operation(services.database, actor, correlation_id, request, begin)
        except OtherAttemptOpen as another:
            raise PaymentProcessing from another
    if operation.answer is not None:
        return operation.answer, await _look_again(services, operation.answer)
    fault_point("payments.begun")
    try:
        payment = begun[-1]
        found = await _call(services, payment, actor, correlation_id)
        fault_point("payments.called")
        async with services.database.unit_of_work(actor, correlation_id) as uow:
            # The record's lock comes first, as it does where the operation begins.
            await hold_operation(uow, request)
            settlement = await apply_settlement(uow, order_id, payment.id, found)
            if settlement.payment.provider_payment_id != found.id:
                # A twin noted another object for this attempt; only that one may be paid.
                raise PaymentProcessing
            if settlement.payment.method is PaymentMethod.PAY_LINK and settlement.payment.is_open:
                uow.publish(PayLinkOpened(order_id=str(order_id), payment_id=str(payment.id)))
            answer = Answer(201, msgspec.json.encode(_body(settlement.payment, found)))
            await complete_operation(uow, request, answer)
    except BaseException:
        await abandon_operation(services.database, request)
        raise
    return answer, found


def _links_for(services: PayOrder, order_id: OrderId, choice: PaymentChoice) -> ReturnLinks | None:
    if choice.method in HOSTED:
        return services.links.links(encode_id(ids.ORDER, order_id), choice.return_url, choice.cancel_url)
    given = (("return_url", choice.return_url), ("cancel_url", choice.cancel_url))
    wrong = [(field, "is for a hosted page only") for field, url in given if url is not None]
    if wrong:
        raise ValidationFailed(wrong)
    return None


async def _give_up(services: PayOrder, payment: Payment, actor: Actor, correlation_id: str) -> None:
    """Close an open attempt at its provider, because the order is to be paid in another way.

    One that has brought money is settled instead. Raises PaymentProcessing if it can neither be closed nor is decided.
    """
    try:
        found = await look_at_provider(services.gateways, payment)
        if found.status is not PaymentStatus.SUCCEEDED:
            found = await services.gateways.of(payment.provider).cancel(found.id)
    except PaymentFailed:
        async with services.database.unit_of_work(actor, correlation_id) as uow:
            await close_uncalled_payment(uow, payment.id, "refused by the provider")
        return
    async with services.database.unit_of_work(actor, correlation_id) as uow:
        settlement = await apply_settlement(uow, payment.order_id, payment.id, found)
    if settlement.payment.is_open:
        raise PaymentProcessing


async def _call(services: PayOrder, payment: Payment, actor: Actor, correlation_id: str) -> ProviderPayment:
    """Open the attempt at the provider; one that it refuses to open ends here, so that another may begin."""
    try:
        return await call_provider(services.gateways, payment)
    except PaymentFailed:
        async with services.database.unit_of_work(actor, correlation_id) as uow:
            await close_uncalled_payment(uow, payment.id, "refused by the provider")
        raise


async def _begin(
    services: PayOrder,
    uow: UnitOfWork,
    order_id: OrderId,
    payment_id: PaymentId,
    choice: PaymentChoice,
    links: ReturnLinks | None,
) -> Payment:
    """The attempt that this operation has begun before or begins now, or the open one that it finds."""
    order = await repository.lock_order(uow, order_id)
    if order is None:
        raise OrderNotFound
    require_pay_access(uow.actor, order, choice.method)
    own = await find_payment(uow.connection, payment_id)
    if own is not None:
        return own
    now = uow.clock.now()
    _require_payable(order, now)
    if (await repository.segments_off_schedule(uow, order_id)).cancelled:
        raise FlightCancelled
    limit = await _extend(services, uow, order, now, choice.method)
    return await begin_payment(
        uow,
        NewPayment(
            id=payment_id,
            order_id=order_id,
            method=choice.method,
            provider=services.gateways.taking(choice.method).name,
            amount=Money(order.total_minor - order.paid_minor, order.currency),
            expires_at=limit,
            point_of_sale=order.point_of_sale,
            description=f"{order.validating_carrier} {order.record_locator}",
            return_url=links.return_url if links else None,
            cancel_url=links.cancel_url if links else None,
            funding_id=choice.funding_id,
        ),
    )


def _require_payable(order: Order, now: datetime) -> None:
    if order.status in {OrderStatus.CONFIRMED, OrderStatus.COMPLETED}:
        raise NothingDue
    if order.payment_status is OrderPaymentStatus.PAID or order.paid_minor >= order.total_minor:
        raise NothingDue
    if order.status is OrderStatus.EXPIRED:
        raise HoldExpired
    if order.status is not OrderStatus.RESERVED:
        raise InvalidStateTransition("order", order.status, OrderStatus.CONFIRMED)
    if order.payment_required_by <= now:
        raise HoldExpired


async def _extend(services: PayOrder, uow: UnitOfWork, order: Order, now: datetime, method: PaymentMethod) -> datetime:
    """The order's time limit: the first attempt moves it to a full payment window from now, the others do not.

    A link, which only staff ask for, moves it further: the mail has to be read. It never reaches the last hour before
    the first departure.
    """
    window = services.payment_window
    if method is PaymentMethod.PAY_LINK:
        window = max(window, min(services.link_window, order.first_departure_at - LINKS_END - now))
    elif order.hold_extended_at is not None:
        return order.payment_required_by
    limit = max(order.payment_required_by, now + window)
    if order.hold_extended_at is not None and limit == order.payment_required_by:
        return limit
    try:
        await extend_hold(uow, order.hold_id, limit + SETTLE_GRACE)
    except (HoldHasExpired, HoldNotFound, InvalidStateTransition) as ended:
        raise HoldExpired from ended
    await repository.extend_time_limit(uow, order.id, limit)
    await record(
        uow,
        Entry(
            action="order.time_limit_extended",
            subject=encode_id(ids.ORDER, order.id),
            order_id=order.id,
            before={"payment_required_by": order.payment_required_by.isoformat()},
            after={"payment_required_by": limit.isoformat()},
        ),
    )
    return limit


async def _look_again(services: PayOrder, answer: Answer) -> ProviderPayment | None:
    """The payment of a stored answer, asked of the provider again because secrets are not stored.

    None while the provider is away: the stored answer is the answer all the same.
    """
    body: dict[str, Any] = msgspec.json.decode(answer.body)
    try:
        return await services.gateways.of(body["provider"]).retrieve(body["provider_payment_id"])
    except (ProviderError, ProviderTimeout):
        return None


def _body(payment: Payment, found: ProviderPayment) -> PaymentBody:
    return PaymentBody(
        id=encode_id(ids.PAYMENT, payment.id),
        order_id=encode_id(ids.ORDER, payment.order_id),
        status=PaymentStatus(payment.status),
        method=payment.method,
        amount=money_body(payment.amount),
        provider=payment.provider,
        provider_payment_id=found.id,
        client_secret=None,
        checkout_url=None,
        expires_at=payment.expires_at,
    )


def with_secrets(body: PaymentBody, found: ProviderPayment | None) -> PaymentBody:
    """The answer with what lets somebody pay, which is not stored with it."""
    if found is None:
        return body
    return msgspec.structs.replace(body, client_secret=found.client_secret, checkout_url=found.checkout_url)
