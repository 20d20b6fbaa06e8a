"""Giving back over HTTP: a quote, then its confirmation."""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from litestar import Response, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter

from ais.accounts import ApprovalBody, ApprovalConflict
from ais.kit import InvalidStateTransition, decode_id, ids
from ais.kit.ids import CancellationQuoteId, OrderId
from ais.orders.cancellation.schemas import (
    CancellationQuoteBody,
    CancellationQuoteRequest,
    ConfirmationRequest,
    VoidRequest,
)
from ais.orders.cancellation.service.confirm import confirm_quote
from ais.orders.cancellation.service.quote import CancelOrder, quote_cancellation, wish_of
from ais.orders.cancellation.service.void import VOID, void_order
from ais.orders.errors import (
    NothingToGiveUp,
    OrderNotFound,
    QuoteExpired,
    QuoteNotFound,
    QuoteSuperseded,
    VoidTooLate,
)
from ais.orders.schemas import OrderBody
from ais.payments import PaymentProcessing, ProviderError, ProviderTimeout, RefundExceedsPaid, RefundsFrozen
from ais.platform.http import (
    BODY_REFUSALS,
    ORDER,
    Forbidden,
    HTTPRequest,
    IdempotencyKeyHeader,
    JSONBody,
    StepUpRequired,
    TokenExpired,
    Unauthorized,
    actor_of,
    correlation_id_of,
    json_response,
    language_of,
    refusals,
    request_key,
    staff,
)
from ais.platform.idempotency import (
    Answer,
    AnswerErased,
    IdempotencyConflict,
    IdempotencyInProgress,
    IdempotencyKeyRequired,
)

_KEY = (IdempotencyConflict, IdempotencyInProgress)
_CREDENTIALS = (Unauthorized, TokenExpired)
_OR_WAITS = {
    202: ResponseSpec(ApprovalBody, description="It waits for a second person.", generate_examples=False),
}


@post(
    "/api/v1/orders/{order_id:str}/cancellation-quotes",
    access=ORDER,
    dto=JSONBody[CancellationQuoteRequest],
    return_dto=None,
    status_code=201,
    tags=["cancellation"],
    responses=refusals(
        *BODY_REFUSALS,
        *_KEY,
        *_CREDENTIALS,
        Forbidden,
        OrderNotFound,
        NothingToGiveUp,
        InvalidStateTransition,
        RefundsFrozen,
        RefundExceedsPaid,
    ),
)
async def quote_cancellation_of_order(
    request: HTTPRequest,
    order_id: Annotated[str, Parameter(description="Id of an order", max_length=60)],
    data: CancellationQuoteRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # declared for the OpenAPI document; read with its scope
) -> Response[CancellationQuoteBody]:
    """Say what would come back for passengers and flights that are given up.

    Changes nothing but that it takes the place of an earlier quote of the order. Every line says its rule in the
    language of the request.
    """
    services: CancelOrder = request.app.state.cancel_order
    identifier = decode_id(ids.ORDER, order_id)
    if identifier is None:
        raise OrderNotFound
    key = await request_key(request, required=False)
    wish = wish_of(data.passenger_ids, data.segment_ids, data.refund_to, data.waiver_reason)
    answer = await quote_cancellation(
        services, actor_of(request), correlation_id_of(), key, OrderId(identifier), wish, language_of(request)
    )
    return _answered(request, answer, CancellationQuoteBody)


@post(
    "/api/v1/cancellation-quotes/{quote_id:str}/confirm",
    access=ORDER,
    dto=JSONBody[ConfirmationRequest],
    return_dto=None,
    status_code=200,
    tags=["cancellation"],
    responses=_OR_WAITS
    | refusals(
        *BODY_REFUSALS,
        IdempotencyKeyRequired,
        *_KEY,
        *_CREDENTIALS,
        Forbidden,
        StepUpRequired,
        QuoteNotFound,
        AnswerErased,
        QuoteExpired,
        QuoteSuperseded,
        InvalidStateTransition,
        ApprovalConflict,
        RefundsFrozen,
        RefundExceedsPaid,
        PaymentProcessing,
        ProviderError,
        ProviderTimeout,
    ),
)
async def confirm_cancellation_quote(
    request: HTTPRequest,
    quote_id: Annotated[str, Parameter(description="Id of a cancellation quote", max_length=60)],
    data: ConfirmationRequest,  # noqa: ARG001  # read for its strictness: nothing may be said here
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # declared for the OpenAPI document; read with its scope
) -> Response[OrderBody] | Response[ApprovalBody]:
    """Give up what the quote names: seats go back on sale at once, and the refund is under way.

    Again, with any key: the present order, and nothing happens twice. A waived penalty, and what staff give back above
    the airline's limit, waits for a second person instead (202) and happens when they sign. Staff who send money back
    must have proved not long ago who they are.
    """
    services: CancelOrder = request.app.state.cancel_order
    identifier = decode_id(ids.CANCELLATION_QUOTE, quote_id)
    if identifier is None:
        raise QuoteNotFound
    key = await request_key(request, required=True)
    assert key is not None
    answer = await confirm_quote(
        services, actor_of(request), correlation_id_of(), key, CancellationQuoteId(identifier), language_of(request)
    )
    return _order_or_approval(request, answer)


@post(
    "/api/v1/orders/{order_id:str}/void",
    access=staff(VOID, limited=True, step_up=True),
    dto=JSONBody[VoidRequest],
    return_dto=None,
    status_code=200,
    tags=["cancellation"],
    responses=_OR_WAITS
    | refusals(
        *BODY_REFUSALS,
        IdempotencyKeyRequired,
        *_KEY,
        *_CREDENTIALS,
        Forbidden,
        StepUpRequired,
        OrderNotFound,
        AnswerErased,
        InvalidStateTransition,
        ApprovalConflict,
        VoidTooLate,
        RefundsFrozen,
        RefundExceedsPaid,
    ),
)
async def void_documents_of_order(
    request: HTTPRequest,
    order_id: Annotated[str, Parameter(description="Id of an order", max_length=60)],
    data: VoidRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # declared for the OpenAPI document; read with its scope
) -> Response[OrderBody] | Response[ApprovalBody]:
    """Undo all documents of an order, or those of some passengers, on their day of issue, while every coupon is open.

    For staff: all that was paid for them goes back whatever the fare's rules say, and the seats are on sale again.
    Above the airline's limit it waits for a second person (202).
    """
    services: CancelOrder = request.app.state.cancel_order
    identifier = decode_id(ids.ORDER, order_id)
    if identifier is None:
        raise OrderNotFound
    key = await request_key(request, required=True)
    answer = await void_order(
        services,
        actor_of(request),
        correlation_id_of(),
        key,
        OrderId(identifier),
        data.reason,
        language_of(request),
        wish_of(data.passenger_ids, None).passenger_ids,
    )
    return _order_or_approval(request, answer)


def _order_or_approval(request: HTTPRequest, answer: Answer) -> Response[OrderBody] | Response[ApprovalBody]:
    if answer.status == 202:
        return _answered(request, answer, ApprovalBody)
    return _answered(request, answer, OrderBody)


Body = TypeVar("Body", bound=msgspec.Struct)


def _answered(request: HTTPRequest, answer: Answer, kind: type[Body]) -> Response[Body]:
    """The stored answer as it went out first, with the word that it is one."""
    headers = {"Content-Language": language_of(request), "Vary": "Accept-Language"}
    if answer.replayed:
        headers["Idempotency-Replayed"] = "true"
    return json_response(msgspec.json.decode(answer.body, type=kind), status=answer.status, headers=headers)


CANCELLATION_ROUTES = (quote_cancellation_of_order, confirm_cancellation_quote, void_documents_of_order)
