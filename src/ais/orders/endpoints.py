"""Orders over HTTP."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import Parameter

from ais.inventory import SeatsUnavailable
from ais.kit import Forbidden, InvalidStateTransition, NotFound, ValidationFailed, decode_id, ids
from ais.kit.ids import OrderId
from ais.offers import OfferExpired, PriceChanged
from ais.orders import repository
from ais.orders.access import scope_of
from ais.orders.domain import Order, OrderStatus
from ais.orders.errors import (
    FlightCancelled,
    HoldExpired,
    NameRomanisationRequired,
    NothingDue,
    OrderConflict,
    OrderNotFound,
    PassengerAge,
)
from ais.orders.schemas import LookupRequest, OrderBody, OrderRequest, PaymentBody, PaymentRequest
from ais.orders.service.create import CreateOrder, create_order
from ais.orders.service.pay import PaymentChoice, PayOrder, pay_order, with_secrets
from ais.orders.service.reading import (
    buyer_access_ends_at,
    find_order_by_name,
    lookup_access_ends_at,
    people_for,
    read_own_order,
    show_order,
    written_locator,
)
from ais.orders.view import order_body
from ais.payments import (
    PaymentFailed,
    PaymentMethod,
    PaymentProcessing,
    ProviderError,
    ProviderTimeout,
    TravelCreditNotFound,
    find_credit_by_code,
)
from ais.platform.database import Database
from ais.platform.http import (
    BODY_REFUSALS,
    KEY_REFUSALS,
    ORDER,
    PUBLIC,
    Authenticator,
    HTTPRequest,
    IdempotencyKeyHeader,
    JSONBody,
    Page,
    TokenExpired,
    Unauthorized,
    actor_of,
    correlation_id_of,
    json_response,
    language_of,
    refusals,
    request_key,
)
from ais.platform.idempotency import (
    AnswerErased,
)
from ais.ticketing import documents_of_orders

_CREDENTIALS = (Unauthorized, TokenExpired)
OrderIdText = Annotated[str, Parameter(description="Id of an order", max_length=60)]


@post(
    "/api/v1/orders",
    access=PUBLIC,
    limit="order",
    dto=JSONBody[OrderRequest],
    return_dto=None,
    status_code=201,
    tags=["orders"],
    responses=refusals(
        *BODY_REFUSALS,
        *KEY_REFUSALS,
        *_CREDENTIALS,
        Forbidden,
        NotFound,
        AnswerErased,
        OfferExpired,
        PriceChanged,
        SeatsUnavailable,
        OrderConflict,
        NameRomanisationRequired,
        PassengerAge,
    ),
)
async def create_order_from_offer(
    request: HTTPRequest,
    data: OrderRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # declared for the OpenAPI document; read with its scope
) -> Response[OrderBody]:
    """Accept an offer and hold its seats.

    Charges exactly the offer's total or refuses. Needs an `Idempotency-Key` (without credentials of at least 32
    characters); a repeat answers with the same order and `Idempotency-Replayed: true`.
    """
    services: CreateOrder = request.app.state.create_order
    key = await request_key(request, required=True)
    assert key is not None
    answer = await create_order(services, actor_of(request), correlation_id_of(), key, data, language_of(request))
    order = msgspec.json.decode(answer.body, type=OrderBody)
    authenticator: Authenticator = request.app.state.authenticator
    token = _guest_token(authenticator, order)
    return json_response(
        msgspec.structs.replace(order, guest_token=token),
        status=answer.status,
        headers=_told_in(request) | ({"Idempotency-Replayed": "true"} if answer.replayed else {}),
    )


def _told_in(request: HTTPRequest) -> dict[str, str]:
    """In which language the names in the answer are; caches keep the languages apart."""
    return {"Content-Language": language_of(request), "Vary": "Accept-Language"}


def _guest_token(authenticator: Authenticator, order: OrderBody) -> str:
    """A token for this order until a day after its last flight."""
    order_id = decode_id(ids.ORDER, order.id)
    assert order_id is not None
    return authenticator.guest_token(order_id, expires_at_seconds=int(buyer_access_ends_at(order).timestamp()))


@get("/api/v1/orders/{order_id:str}", access=ORDER, tags=["orders"], responses=refusals(*_CREDENTIALS, OrderNotFound))
async def read_order(request: HTTPRequest, order_id: OrderIdText) -> Response[OrderBody]:
    """An order, for its owner, for staff with the right, or for a guest with its token.

    Staff see contact and dates of birth masked, and in full with `passengers.read_personal`, which is audited.
    """
    database: Database = request.app.state.database
    actor = actor_of(request)
    order = await read_own_order(database, actor, order_id)
    return json_response(await show_order(database, order, language_of(request), actor), headers=_told_in(request))


@get(
    "/api/v1/orders",
    access=ORDER,
    tags=["orders"],
    responses=refusals(*_CREDENTIALS, ValidationFailed),
)
async def list_orders(
    request: HTTPRequest,
    record_locator: Annotated[str | None, Parameter(max_length=20)] = None,
    status: OrderStatus | None = None,
    departure_from: date | None = None,
    updated_after: Annotated[str | None, Parameter(description="RFC 3339", max_length=40)] = None,
    limit: Annotated[int, Parameter(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Parameter(max_length=100)] = None,
) -> Response[Page[OrderBody]]:
    """The caller's orders, newest first; for staff, those in their right, their persons masked."""
    actor = actor_of(request)
    database: Database = request.app.state.database
    wanted = repository.OrderFilter(
        scope=scope_of(actor),
        record_locator=written_locator(record_locator) if record_locator else None,
        status=status,
        departure_from=departure_from,
        updated_after=_instant("updated_after", updated_after),
        before=_read_cursor(cursor),
        limit=limit + 1,
    )
    async with database.connection() as connection:
        found = await repository.list_orders(connection, wanted)
        documents = await documents_of_orders(connection, [order.id for order in found[:limit]])
    now, language = database.clock.now(), language_of(request)
    bodies = [
        order_body(order, people_for(database.vault, actor, order), documents[order.id], now=now, language=language)
        for order in found[:limit]
    ]
    next_cursor = _write_cursor(found[limit - 1]) if len(found) > limit else None
    return json_response(Page(bodies, next_cursor), headers=_told_in(request))


def _instant(field: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValidationFailed([(field, "is not an RFC 3339 instant")]) from None
    if instant.tzinfo is None:
        raise ValidationFailed([(field, "needs an offset")])
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValidationFailed([(field, "lies outside of the calendar")]) from None


def _write_cursor(last: Order) -> str:
    return base64.urlsafe_b64encode(f"{last.created_at.isoformat()} {last.id}".encode()).decode()


def _read_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    try:
        moment, _, identifier = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return datetime.fromisoformat(moment).replace(tzinfo=UTC), UUID(identifier)
    except (ValueError, binascii.Error):
        raise ValidationFailed([("cursor", "is not a cursor of ours")]) from None


@post(
    "/api/v1/orders/lookup",
    access=PUBLIC,
    limit="lookup",
    dto=JSONBody[LookupRequest],
    return_dto=None,
    status_code=200,
    tags=["orders"],
    responses=refusals(*BODY_REFUSALS, *_CREDENTIALS, OrderNotFound),
)
async def look_up_order(request: HTTPRequest, data: LookupRequest) -> Response[OrderBody]:
    """Find an order by locator and family name.

    The same 404 whether the locator or the name is wrong; names compare without case, spaces, hyphens and the Arabic
    article. Answers with a guest token of one hour. Limited per address.
    """
    state = request.app.state
    database: Database = state.database
    order = await find_order_by_name(database, data.record_locator, data.family_name)
    authenticator: Authenticator = state.authenticator
    expires_at = int(lookup_access_ends_at(database.clock.now()).timestamp())
    token = authenticator.guest_token(order.id, expires_at_seconds=expires_at)
    return json_response(
        await show_order(database, order, language_of(request), authenticator.guest(token), guest_token=token),
        headers=_told_in(request),
    )


@post(
    "/api/v1/orders/{order_id:str}/payments",
    access=ORDER,
    dto=JSONBody[PaymentRequest],
    return_dto=None,
    status_code=201,
    tags=["payments"],
    responses=refusals(
        *BODY_REFUSALS,
        *KEY_REFUSALS,
        *_CREDENTIALS,
        Forbidden,
        OrderNotFound,
        HoldExpired,
        NothingDue,
        FlightCancelled,
        InvalidStateTransition,
        TravelCreditNotFound,
        PaymentProcessing,
        PaymentFailed,
        ProviderError,
        ProviderTimeout,
    ),
)
async def start_payment(
    request: HTTPRequest,
    order_id: OrderIdText,
    data: PaymentRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # declared for the OpenAPI document; read with its scope
) -> Response[PaymentBody]:
    """Start to pay an order; the amount is always what is due.

    Answers with the provider's payment and its client secret, or the address of its page. One open attempt per order:
    the same method again returns it, another method first closes it at the provider. Starting a payment extends the
    hold once.
    """
    services: PayOrder = request.app.state.pay_order
    identifier = decode_id(ids.ORDER, order_id)
    if identifier is None:
        raise OrderNotFound
    key = await request_key(request, required=True)
    assert key is not None
    choice = PaymentChoice(
        method=PaymentMethod(data.method),
        return_url=data.return_url,
        cancel_url=data.cancel_url,
        funding_id=await _travel_credit(request, data),
    )
    answer, found = await pay_order(services, actor_of(request), correlation_id_of(), key, OrderId(identifier), choice)
    payment = msgspec.json.decode(answer.body, type=PaymentBody)
    return json_response(
        with_secrets(payment, found),
        status=answer.status,
        headers={"Idempotency-Replayed": "true"} if answer.replayed else None,
    )


async def _travel_credit(request: HTTPRequest, data: PaymentRequest) -> UUID | None:
    """The credit that the code opens; the code goes with its method only."""
    if (data.method == "travel_credit") != (data.travel_credit_code is not None):
        raise ValidationFailed([("travel_credit_code", "goes with the method travel_credit, which needs it")])
    if data.travel_credit_code is None:
        return None
    database: Database = request.app.state.database
    async with database.connection() as connection:
        credit = await find_credit_by_code(connection, data.travel_credit_code)
    if credit is None:
        raise TravelCreditNotFound
    return credit.id


ROUTES = (create_order_from_offer, read_order, list_orders, look_up_order, start_payment)
