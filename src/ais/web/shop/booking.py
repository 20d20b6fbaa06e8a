"""My booking: the orders that this browser opened, and the look-up by locator and family name."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from ais.kit import encode_id, ids
from ais.orders import OrderBody, OrderNotFound, find_order_by_name, lookup_access_ends_at
from ais.platform.database import Database
from ais.platform.http import (
    PUBLIC,
    Authenticator,
    Denials,
    HTTPRequest,
    TokenExpired,
    Unauthorized,
)
from ais.web.rendering import in_both, page_language, render, see_other
from ais.web.session import ShopSession, read_session, require_own_form, session_cookie
from ais.web.shop.forms import fields_of
from ais.web.shop.orders import read_order_body
from ais.web.translation import mark

NOT_FOUND = mark("There is no booking with this reference and family name.")
EMPTY = mark("Fill in both fields.")


@get(in_both("/booking"), access=PUBLIC, include_in_schema=False)
async def show_look_up(request: HTTPRequest) -> Response[str]:
    """The form, and the orders that this browser may open."""
    return await _form(request, read_session(request), {})


@post(in_both("/booking"), access=PUBLIC, limit="lookup", include_in_schema=False, status_code=200)
async def look_up(request: HTTPRequest) -> Response[Any]:
    """To the order of that locator and family name. As often as the API allows it, counted with it."""
    session = read_session(request)
    fields = await fields_of(request)
    require_own_form(request, session, fields)
    locator, family_name = fields.get("locator", "").strip()[:20], fields.get("family", "").strip()[:60]
    if not locator or not family_name:
        return await _form(request, session, fields, mistake=EMPTY, status=422)
    state = request.app.state
    database: Database = state.database
    try:
        order = await find_order_by_name(database, locator, family_name)
    except OrderNotFound as refusal:
        denials: Denials = state.denials
        denials.note(request, refusal)
        return await _form(request, session, fields, mistake=NOT_FOUND, status=404)
    authenticator: Authenticator = state.authenticator
    ends_at = int(lookup_access_ends_at(database.clock.now()).timestamp())
    kept = session.with_token(authenticator.guest_token(order.id, expires_at_seconds=ends_at))
    path = f"/{page_language(request)}/orders/{encode_id(ids.ORDER, order.id)}"
    return see_other(path, [session_cookie(request, kept)])


async def _form(
    request: HTTPRequest,
    session: ShopSession,
    fields: dict[str, str],
    *,
    mistake: str | None = None,
    status: int = 200,
) -> Response[str]:
    return render(
        request,
        "booking.html",
        status=status,
        session=session,
        personal=True,
        place="/booking",
        locator=fields.get("locator", "")[:20],
        family=fields.get("family", "")[:60],
        mistake=mistake,
        own_orders=await _own_orders(request, session),
        airport=request.app.state.shop.market.reference.airport,
    )


async def _own_orders(request: HTTPRequest, session: ShopSession) -> list[OrderBody]:
    """The orders whose tokens live, the last one first, each once."""
    authenticator: Authenticator = request.app.state.authenticator
    found: dict[str, OrderBody] = {}
    for token in reversed(session.tokens):
        try:
            actor = authenticator.guest(token)
            order_id = encode_id(ids.ORDER, UUID(actor.id))
            if order_id not in found:
                found[order_id] = await read_order_body(request, actor, order_id)
        except (Unauthorized, TokenExpired, OrderNotFound):
            continue
    return list(found.values())
