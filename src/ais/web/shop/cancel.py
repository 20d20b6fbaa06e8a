"""Giving a booking up, or a part of it: first what would come back, then the confirmation."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from litestar import Response, get, post

from ais.kit import (
    AppError,
    InvalidStateTransition,
    ServiceUnavailable,
    StepUpRequired,
    ValidationFailed,
    decode_id,
    ids,
)
from ais.kit.ids import CancellationQuoteId
from ais.kit.localtime import to_local
from ais.orders import (
    CancellationQuoteBody,
    CancelOrder,
    Order,
    OrderBody,
    confirm_quote,
    quote_cancellation,
    read_own_order,
    show_order,
    wish_of,
)
from ais.orders.errors import NothingToGiveUp, QuoteExpired, QuoteNotFound, QuoteSuperseded
from ais.payments import PaymentProcessing, ProviderError, ProviderTimeout, RefundExceedsPaid, RefundsFrozen
from ais.platform.database import Database
from ais.platform.http import PUBLIC, HTTPRequest, correlation_id_of
from ais.platform.i18n import translate
from ais.platform.idempotency import IdempotencyConflict, IdempotencyInProgress, RequestKey, find_answer, fingerprint
from ais.web.browser import proof_path
from ais.web.rendering import in_both, page_language, render, see_other
from ais.web.session import ShopSession, guest_of, read_session, require_own_form
from ais.web.shop.forms import fields_of

WAITS = 202  # for a second person
_KEY_BYTES = 18
_KEY_LONGEST = 40
_REFUSALS = (
    NothingToGiveUp,
    QuoteExpired,
    QuoteNotFound,
    QuoteSuperseded,
    RefundsFrozen,
    RefundExceedsPaid,
    InvalidStateTransition,
    StepUpRequired,
    ValidationFailed,
    PaymentProcessing,
    ProviderError,
    ProviderTimeout,
    IdempotencyInProgress,
    ServiceUnavailable,
)


@get(in_both("/orders/{order_id:str}/cancel"), access=PUBLIC, include_in_schema=False)
async def show_cancellation(request: HTTPRequest, order_id: str, quote: str = "") -> Response[Any]:
    """What may be given up; with the key of a quote in the address, what would come back."""
    session = read_session(request)
    database: Database = request.app.state.database
    actor = guest_of(request, session, order_id)
    order = await read_own_order(database, actor, order_id)
    shown = await show_order(database, order, page_language(request), actor)
    if "cancel" not in shown.available_actions:
        return see_other(_order_address(request, order_id))
    return _page(request, session, shown, await _quote_of(database, order, quote) if quote else None)


@post(in_both("/orders/{order_id:str}/cancel"), access=PUBLIC, include_in_schema=False, status_code=200)
async def ask_what_comes_back(request: HTTPRequest, order_id: str) -> Response[Any]:
    """Quote what is ticked, and go on to the page that shows it."""
    session = read_session(request)
    form = await request.form()
    require_own_form(request, session, await fields_of(request))
    database: Database = request.app.state.database
    actor = guest_of(request, session, order_id)
    order = await read_own_order(database, actor, order_id)
    language = page_language(request)
    shown = await show_order(database, order, language, actor)
    services: CancelOrder = request.app.state.cancel_order
    # The quote is found again by a name of its own, so that a reload shows it and makes no other.
    name = secrets.token_urlsafe(_KEY_BYTES)
    try:
        passengers = _ticked(form.getall("passenger", []), [each.id for each in shown.passengers])
        segments = _ticked(
            [each for ticked in form.getall("slice", []) for each in str(ticked).split()],
            [segment.id for each in shown.slices for segment in each.segments],
        )
        wish = wish_of(passengers, segments)
        await quote_cancellation(services, actor, correlation_id_of(), _key(order, name), order.id, wish, language)
    except _REFUSALS as refusal:
        return _page(request, session, shown, None, refusal)
    return see_other(f"{_order_address(request, order_id)}/cancel?quote={name}")


@post(in_both("/orders/{order_id:str}/cancel/confirm"), access=PUBLIC, include_in_schema=False, status_code=200)
async def give_up(request: HTTPRequest, order_id: str) -> Response[Any]:
    """Carry the quote out, once, and go back to the order."""
    session = read_session(request)
    fields = await fields_of(request)
    require_own_form(request, session, fields)
    database: Database = request.app.state.database
    actor = guest_of(request, session, order_id)
    services: CancelOrder = request.app.state.cancel_order
    quote_id = fields.get("quote_id", "")
    identifier = decode_id(ids.CANCELLATION_QUOTE, quote_id)
    language = page_language(request)
    key = RequestKey(f"shop give up {actor.name}", quote_id[:80], fingerprint({}))
    try:
        if identifier is None:
            raise QuoteNotFound
        answer = await confirm_quote(
            services, actor, correlation_id_of(), key, CancellationQuoteId(identifier), language
        )
    except _REFUSALS as refusal:
        shown = await show_order(database, await read_own_order(database, actor, order_id), language, actor)
        return _page(request, session, shown, None, refusal)
    if answer.status == WAITS:
        return see_other(f"/{language}/account/approvals?done=asked")
    return see_other(_order_address(request, order_id))


def _ticked(found: list[Any], every: list[str]) -> list[str] | None:
    """Those that were ticked; None if it is all of them."""
    chosen = [str(each) for each in found]
    return None if set(chosen) == set(every) else chosen


def _key(order: Order, name: str) -> RequestKey:
    return RequestKey(f"shop quote {order.id}", name, fingerprint({}))


async def _quote_of(database: Database, order: Order, name: str) -> CancellationQuoteBody | None:
    """The quote of that name, as it was worked out; None if there is none."""
    async with database.connection() as connection:
        try:
            stored = await find_answer(connection, _key(order, name[:_KEY_LONGEST]), database.vault)
        except IdempotencyConflict:
            return None
    return None if stored is None else msgspec.json.decode(stored.body, type=CancellationQuoteBody)


def _page(
    request: HTTPRequest,
    session: ShopSession,
    order: OrderBody,
    quote: CancellationQuoteBody | None,
    refusal: AppError | None = None,
) -> Response[str]:
    language = page_language(request)
    named = {each.id: f"{each.given_name or ''} {each.family_name or ''}".strip() for each in order.passengers}
    return render(
        request,
        "cancel.html",
        status=200 if refusal is None else refusal.status,
        session=session,
        personal=True,
        order=order,
        quote=quote,
        names=named,
        notice=None if refusal is None else refusal.sentence(translate(refusal.message, language)),
        proof_path=proof_path(request, order.id) if isinstance(refusal, StepUpRequired) else None,
        airport=request.app.state.shop.market.reference.airport,
        switch_path=f"/{'en' if language == 'ar' else 'ar'}/orders/{order.id}/cancel",
        # Local to where the journey begins, as every deadline of an order is.
        quote_until=to_local(quote.expires_at, order.slices[0].segments[0].departure_timezone) if quote else None,
        is_paid=order.documents != [],
        chosen_passengers={line.passenger_id for line in quote.lines} if quote else set(),
        chosen_segments={line.segment_id for line in quote.lines} if quote else set(),
        segments={segment.id: segment for each in order.slices for segment in each.segments},
    )


def _order_address(request: HTTPRequest, order_id: str) -> str:
    return f"/{page_language(request)}/orders/{order_id}"
