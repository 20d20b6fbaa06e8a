"""Where payment providers reach us, and where staff see what they told us."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import Parameter

from ais.kit import ValidationFailed, decode_id, ids
from ais.kit.ids import PaymentId
from ais.payments import repository
from ais.payments.domain import EventState
from ais.payments.errors import EventNotFound, PaymentNotFound, SignatureInvalid
from ais.payments.ports import Gateways
from ais.payments.schemas import ReplayRequest, WebhookEventBody, WebhookEventDetail, event_body, event_detail
from ais.payments.service.receive import receive_event, replay_event
from ais.platform.database import Database, UnitOfWork
from ais.platform.faults import fault_point
from ais.platform.http import (
    BODY_REFUSALS,
    SIGNED,
    Forbidden,
    HTTPRequest,
    JSONBody,
    Page,
    TokenExpired,
    Unauthorized,
    actor_of,
    correlation_id_of,
    json_response,
    read_cursor,
    refusals,
    request_key,
    staff,
    write_cursor,
)
from ais.platform.idempotency import Answer, IdempotencyConflict, IdempotencyInProgress, once

READ_EVENTS, REPLAY_EVENTS = "webhooks.read", "webhooks.replay"
# An event carries the whole object it is about.
WEBHOOK_LIMIT_BYTES = 256 * 1024
_STAFF = (Unauthorized, TokenExpired, Forbidden)
EventIdText = Annotated[str, Parameter(description="The provider's id of the event", max_length=255)]


class Received(msgspec.Struct):
    """The message is stored; what follows from it happens after this answer."""

    received: bool


@post(
    "/webhooks/stripe",
    access=SIGNED,
    limit=None,
    request_max_body_size=WEBHOOK_LIMIT_BYTES,
    status_code=200,
    responses=refusals(SignatureInvalid),
    tags=["webhooks"],
)
async def receive_stripe_event(request: HTTPRequest) -> Response[Received]:
    """Take a message of Stripe.

    The signature (header `Stripe-Signature`) is verified on the raw body and must be at most 300 seconds old. The
    message is stored by its event id, without what it says of the payer, however often it is delivered, and handled by
    a job.
    """
    database: Database = request.app.state.database
    gateways: Gateways = request.app.state.gateways
    body = await request.body()
    provider = gateways.provider("stripe")
    event = provider.verify_event(body, request.headers.get("stripe-signature", ""))
    await receive_event(database, "stripe", event, provider.without_persons(body), correlation_id_of())
    fault_point("webhooks.stored")
    answer: Response[Any] = json_response(Received(received=True))
    return answer


@get(
    "/api/v1/webhook-events",
    access=staff(READ_EVENTS),
    tags=["webhooks"],
    responses=refusals(*_STAFF, ValidationFailed),
)
async def list_webhook_events(
    request: HTTPRequest,
    in_state: Annotated[EventState | None, Parameter(query="state")] = None,
    of_type: Annotated[str | None, Parameter(query="type", max_length=100)] = None,
    limit: Annotated[int, Parameter(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Parameter(max_length=500)] = None,
) -> Response[Page[WebhookEventBody]]:
    """What providers told us, the newest first; `state` `dead` and `unmatched` are the dead letters."""
    database: Database = request.app.state.database
    async with database.connection() as connection:
        found = await repository.list_events(
            connection,
            states=[in_state] if in_state is not None else None,
            type_=of_type,
            before=read_cursor(cursor),
            limit=limit + 1,
        )
    more = len(found) > limit
    last = found[limit - 1] if more else None
    next_cursor = write_cursor(last.received_at, last.event_id) if last is not None else None
    return json_response(Page([event_body(event) for event in found[:limit]], next_cursor))


@get(
    "/api/v1/webhook-events/{event_id:str}",
    access=staff(READ_EVENTS),
    tags=["webhooks"],
    responses=refusals(*_STAFF, EventNotFound),
)
async def read_webhook_event(request: HTTPRequest, event_id: EventIdText) -> Response[WebhookEventDetail]:
    """One message with its content and what was tried with it."""
    database: Database = request.app.state.database
    async with database.connection() as connection:
        event = await repository.find_event(connection, event_id)
        if event is None:
            raise EventNotFound
        attempts = await repository.event_attempts(connection, event_id)
    return json_response(event_detail(event, attempts))


@post(
    "/api/v1/webhook-events/{event_id:str}/replay",
    access=staff(REPLAY_EVENTS),
    dto=JSONBody[ReplayRequest],
    return_dto=None,
    status_code=202,
    tags=["webhooks"],
    responses=refusals(
        *_STAFF, *BODY_REFUSALS, IdempotencyConflict, IdempotencyInProgress, EventNotFound, PaymentNotFound
    ),
)
async def replay_webhook_event(
    request: HTTPRequest, event_id: EventIdText, data: ReplayRequest
) -> Response[WebhookEventBody]:
    """Handle a message again from the start; `payment_id` ties it to a payment that it does not name by itself.

    Harmless for one that has been handled.
    """
    database: Database = request.app.state.database

    async def work(uow: UnitOfWork) -> Answer:
        payment_id = None
        if data.payment_id is not None:
            own = decode_id(ids.PAYMENT, data.payment_id)
            if own is None or await repository.find_payment(uow.connection, PaymentId(own)) is None:
                raise PaymentNotFound
            payment_id = PaymentId(own)
        event = await replay_event(uow, event_id, payment_id)
        if event is None:
            raise EventNotFound
        return Answer(202, msgspec.json.encode(event_body(event)))

    key = await request_key(request, required=False)
    answer = await once(database, actor_of(request), correlation_id_of(), key, work)
    return json_response(
        msgspec.json.decode(answer.body, type=WebhookEventBody),
        status=answer.status,
        headers={"Idempotency-Replayed": "true"} if answer.replayed else None,
    )


ROUTES = (receive_stripe_event, list_webhook_events, read_webhook_event, replay_webhook_event)
