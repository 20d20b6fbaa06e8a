"""Where payment providers reach us."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, post

from ais.payments.errors import SignatureInvalid
from ais.payments.ports import Gateways
from ais.payments.service.receive import receive_event
from ais.platform.database import Database
from ais.platform.faults import fault_point
from ais.platform.http import SIGNED, HTTPRequest, actor_of, correlation_id_of, json_response, refusals


class Received(msgspec.Struct):
    """The message is stored; what follows from it happens after this answer."""

    received: bool


@post("/webhooks/stripe", access=SIGNED, status_code=200, responses=refusals(SignatureInvalid), tags=["webhooks"])
async def receive_stripe_event(request: HTTPRequest) -> Response[Received]:
    """Take a message of Stripe.

    The signature (header `Stripe-Signature`) is verified on the raw body and must be at most 300 seconds old. The
    message is stored by its event id, however often it is delivered, and handled by a job.
    """
    database: Database = request.app.state.database
    gateways: Gateways = request.app.state.gateways
    gateway = gateways.of("stripe")
    body = await request.body()
    signature = request.headers.get("stripe-signature", "")
    gateway.verify_event(body, signature)
    async with database.unit_of_work(actor_of(request), correlation_id_of()) as uow:
        await receive_event(uow, gateway, body, signature)
    fault_point("webhooks.stored")
    answer: Response[Any] = json_response(Received(received=True))
    return answer
