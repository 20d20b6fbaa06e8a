"""Payments that staff take: the order is named, never the amount."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Response, post
from litestar.params import Parameter

from ais.kit import Actor, InvalidStateTransition, ValidationFailed, decode_id, encode_id, ids
from ais.kit.ids import AgencyId, CashShiftId, OrderId
from ais.orders.errors import FlightCancelled, HoldExpired, NothingDue, OrderNotFound
from ais.orders.schemas import LinkRequest, OrderNamed, PaymentBody
from ais.orders.service.pay import PaymentChoice, PayOrder, pay_order
from ais.payments import (
    AgencyNotFound,
    PaymentFailed,
    PaymentMethod,
    PaymentProcessing,
    ProviderError,
    ProviderTimeout,
    ShiftNotFound,
    find_agency,
    find_shift,
)
from ais.platform.database import Database
from ais.platform.http import (
    Forbidden,
    HTTPRequest,
    IdempotencyKeyHeader,
    JSONBody,
    MalformedRequest,
    PayloadTooLarge,
    TokenExpired,
    Unauthorized,
    UnsupportedMediaType,
    actor_of,
    correlation_id_of,
    json_response,
    refusals,
    request_key,
    staff,
)
from ais.platform.idempotency import IdempotencyConflict, IdempotencyInProgress, IdempotencyKeyRequired

AGENCY_PAY, CASH_TAKE, SEND_LINK = "agencies.pay", "cash.take", "payments.send_link"
_REFUSED = (
    Unauthorized,
    TokenExpired,
    Forbidden,
    MalformedRequest,
    ValidationFailed,
    PayloadTooLarge,
    UnsupportedMediaType,
    IdempotencyKeyRequired,
    IdempotencyConflict,
    IdempotencyInProgress,
    OrderNotFound,
    HoldExpired,
    NothingDue,
    FlightCancelled,
    InvalidStateTransition,
    PaymentProcessing,
    PaymentFailed,
    ProviderError,
    ProviderTimeout,
)


@post(
    "/api/v1/agencies/{agency_id:str}/payments",
    access=staff(AGENCY_PAY, limited=True),
    dto=JSONBody[OrderNamed],
    return_dto=None,
    status_code=201,
    tags=["agencies"],
    responses=refusals(*_REFUSED, AgencyNotFound),
)
async def pay_from_deposit(
    request: HTTPRequest,
    agency_id: Annotated[str, Parameter(description="Id of an agency", max_length=60)],
    data: OrderNamed,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # declared for the OpenAPI document; read with its scope
) -> Response[PaymentBody]:
    """Pay what is due of an order from an agency's deposit and credit; beyond its limit it is refused."""
    database: Database = request.app.state.database
    own = decode_id(ids.AGENCY, agency_id)
    async with database.connection() as connection:
        agency = await find_agency(connection, agency_id=AgencyId(own)) if own is not None else None
    actor = actor_of(request)
    if agency is None:
        raise AgencyNotFound
    if not actor.may_for_agency(AGENCY_PAY, agency.code):
        raise AgencyNotFound.hiding(encode_id(ids.AGENCY, agency.id))
    seller = msgspec.structs.replace(actor, seller_id=agency.code)
    choice = PaymentChoice(method=PaymentMethod.AGENCY_DEPOSIT, funding_id=agency.id)
    return await _pay(request, seller, data.order_id, choice)


@post(
    "/api/v1/cash/shifts/{shift_id:str}/payments",
    access=staff(CASH_TAKE, limited=True),
    dto=JSONBody[OrderNamed],
    return_dto=None,
    status_code=201,
    tags=["cash"],
    responses=refusals(*_REFUSED, ShiftNotFound),
)
async def pay_in_cash(
    request: HTTPRequest,
    shift_id: Annotated[str, Parameter(description="Id of a cash shift", max_length=60)],
    data: OrderNamed,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[PaymentBody]:
    """Take what is due of an order over the counter of an open shift, under the office's next receipt number."""
    database: Database = request.app.state.database
    own = decode_id(ids.CASH_SHIFT, shift_id)
    async with database.connection() as connection:
        shift = await find_shift(connection, CashShiftId(own)) if own is not None else None
    if shift is None:
        raise ShiftNotFound
    choice = PaymentChoice(method=PaymentMethod.CASH, funding_id=shift.id)
    return await _pay(request, actor_of(request), data.order_id, choice)


@post(
    "/api/v1/orders/{order_id:str}/payment-links",
    access=staff(SEND_LINK, limited=True),
    dto=JSONBody[LinkRequest],
    return_dto=None,
    status_code=201,
    tags=["payments"],
    responses=refusals(*_REFUSED),
)
async def send_payment_link(
    request: HTTPRequest,
    order_id: Annotated[str, Parameter(description="Id of an order", max_length=60)],
    data: LinkRequest,  # noqa: ARG001  # an empty body, which the route declares
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[PaymentBody]:
    """Open a hosted page for what is due of an order and have its address mailed to whoever bought it.

    The seats are held for as long as the link may be paid, up to an hour before the first departure.
    """
    return await _pay(request, actor_of(request), order_id, PaymentChoice(method=PaymentMethod.PAY_LINK))


async def _pay(request: HTTPRequest, actor: Actor, order_id: str, choice: PaymentChoice) -> Response[PaymentBody]:
    services: PayOrder = request.app.state.pay_order
    identifier = decode_id(ids.ORDER, order_id)
    if identifier is None:
        raise OrderNotFound
    key = await request_key(request, required=True)
    assert key is not None
    answer, found = await pay_order(services, actor, correlation_id_of(), key, OrderId(identifier), choice)
    body = msgspec.json.decode(answer.body, type=PaymentBody)
    return json_response(
        msgspec.structs.replace(body, checkout_url=found.checkout_url if found is not None else None),
        status=answer.status,
        headers={"Idempotency-Replayed": "true"} if answer.replayed else None,
    )


COUNTER_ROUTES = (pay_from_deposit, pay_in_cash, send_payment_link)
