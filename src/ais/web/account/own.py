"""An account as its user sees it: their orders, and where they are signed in."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from ais.accounts import SessionNotFound, own_account, own_sessions, revoke_session, revoke_sessions, session_of
from ais.kit import ActorKind, decode_id, encode_id, ids
from ais.kit.ids import SessionId
from ais.orders import own_orders
from ais.platform.http import PUBLIC, HTTPRequest
from ais.web.browser import account_cookie, account_services, signed_in
from ais.web.rendering import in_both, page_language, render, see_other
from ais.web.session import read_session, require_own_form
from ais.web.shop.forms import fields_of
from ais.web.translation import mark

ORDERS_SHOWN = 50
# What a form before this page has done.
_DONE = {
    "password": mark("Your password was changed, and all other sessions have ended."),
    "second-factor": mark("Your second factor was removed."),
}


@get(in_both("/account"), access=PUBLIC, include_in_schema=False)
async def show_account(request: HTTPRequest, done: str = "") -> Response[Any]:
    """The account; whoever has not signed in is asked to."""
    actor = signed_in(request)
    if actor is None:
        return see_other(f"/{page_language(request)}/account/sign-in")
    services, own = account_services(request), session_of(actor)
    account = await own_account(services, own.user_id)
    orders = await own_orders(services.database, actor, page_language(request), limit=ORDERS_SHOWN)
    sessions = await own_sessions(services, own.user_id)
    return render(
        request,
        "account.html",
        session=read_session(request),
        personal=True,
        account=account,
        done=_DONE.get(done),
        orders=orders,
        is_staff=actor.kind is ActorKind.STAFF,
        sessions=[(encode_id(ids.SESSION, each.id), each, each.id == own.session_id) for each in sessions],
        airport=request.app.state.shop.market.reference.airport,
    )


@post(in_both("/account/sessions"), access=PUBLIC, include_in_schema=False, status_code=200)
async def end_own_session(request: HTTPRequest) -> Response[Any]:
    """End the session that the form names, or all of them: ``all``."""
    session = read_session(request)
    fields = await fields_of(request)
    require_own_form(request, session, fields)
    actor = signed_in(request)
    language = page_language(request)
    if actor is None:
        return see_other(f"/{language}/account/sign-in")
    services, own, named = account_services(request), session_of(actor), fields.get("session", "")
    if named == "all":
        await revoke_sessions(services, actor, own.user_id)
        return see_other(f"/{language}/account/sign-in", [account_cookie(request, None)])
    wanted = decode_id(ids.SESSION, named)
    if wanted is None:
        raise SessionNotFound
    await revoke_session(services, actor, own.user_id, SessionId(wanted))
    return see_other(f"/{language}/account")
