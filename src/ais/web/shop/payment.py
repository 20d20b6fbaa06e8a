"""Paying an order: to the provider's hosted page and back. Card data never comes near us."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, post

from ais.kit import Actor, InvalidStateTransition, ServiceUnavailable
from ais.orders import HoldExpired, Order, PaymentChoice, PayOrder, pay_order, read_own_order, show_order, with_secrets
from ais.orders import PaymentBody as Payment
from ais.orders.errors import FlightCancelled, NothingDue
from ais.payments import (
    PaymentFailed,
    PaymentMethod,
    PaymentProcessing,
    ProviderError,
    ProviderTimeout,
    payments_of_order,
)
from ais.platform.database import Database
from ais.platform.http import PUBLIC, HTTPRequest, correlation_id_of
from ais.platform.i18n import translate
from ais.platform.idempotency import IdempotencyInProgress, RequestKey, fingerprint
from ais.web.rendering import in_both, page_language, see_other
from ais.web.session import guest_of, read_session, require_own_form, site_of
from ais.web.shop.forms import fields_of
from ais.web.shop.orders import order_page

_REFUSALS = (
    HoldExpired,
    PaymentProcessing,
    PaymentFailed,
    ProviderError,
    ProviderTimeout,
    InvalidStateTransition,
    IdempotencyInProgress,
    ServiceUnavailable,
)


@post(in_both("/orders/{order_id:str}/pay"), access=PUBLIC, include_in_schema=False, status_code=200)
async def pay(request: HTTPRequest, order_id: str) -> Response[Any]:
    """To the hosted page of the order's one open attempt; back to the order with the reason if there can be none."""
    session = read_session(request)
    require_own_form(request, session, await fields_of(request))
    actor = guest_of(request, session, order_id)
    database: Database = request.app.state.database
    order = await read_own_order(database, actor, order_id)
    try:
        payment = await _begin(request, actor, order, order_id)
    except _REFUSALS as refusal:
        language = page_language(request)
        shown = await show_order(database, await read_own_order(database, actor, order_id), language, actor)
        notice = refusal.sentence(translate(refusal.message, language))
        return order_page(request, session, shown, status=refusal.status, notice=notice)
    except (NothingDue, FlightCancelled):
        # The order's own page says so.
        return see_other(f"/{page_language(request)}/orders/{order_id}")
    return see_other(payment.checkout_url or _order_address(request, order_id, "done"))


async def _begin(request: HTTPRequest, actor: Actor, order: Order, order_id: str) -> Payment:
    services: PayOrder = request.app.state.pay_order
    async with services.database.connection() as connection:
        attempts = await payments_of_order(connection, order.id)
    closed = sum(not each.is_open for each in attempts)
    # The key counts the attempts that have ended: two clicks, a reload and two tabs mean the same attempt, and a try
    # after one that ended is a new one.
    key = RequestKey(
        f"shop pay {actor.name}", f"{order_id} {closed + 1}", fingerprint({"method": PaymentMethod.CHECKOUT})
    )
    choice = PaymentChoice(
        method=PaymentMethod.CHECKOUT,
        return_url=_allowed(request, services, order_id, "done"),
        cancel_url=_allowed(request, services, order_id, "cancelled"),
    )
    answer, found = await pay_order(services, actor, correlation_id_of(), key, order.id, choice)
    return with_secrets(msgspec.json.decode(answer.body, type=Payment), found)


def _allowed(request: HTTPRequest, services: PayOrder, order_id: str, outcome: str) -> str:
    """The order's page under the name by which the browser knows us, if the payment page may send people there."""
    address = _order_address(request, order_id, outcome)
    here = site_of(request) + address
    return here if services.links.allows(here) else services.links.public_url.rstrip("/") + address


def _order_address(request: HTTPRequest, order_id: str, outcome: str) -> str:
    return f"/{page_language(request)}/orders/{order_id}?payment={outcome}"
