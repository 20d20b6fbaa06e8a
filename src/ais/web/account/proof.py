"""Proving once more who uses the browser, before money goes back or a signature counts."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from ais.accounts import SecondFactorConflict, SignInRefused, TooManyTries, own_account, session_of, step_up
from ais.kit import Actor, ValidationFailed, decode_id, ids
from ais.platform.http import PUBLIC, HTTPRequest
from ais.web.account.form import AccountForm, ask_to_sign_in, sent_form
from ais.web.account.words import WRONG_CODE, WRONG_PASSWORD, minutes_of
from ais.web.browser import account_services, origin_of, signed_in
from ais.web.rendering import in_both, page_language, see_other
from ais.web.session import read_session

_form = AccountForm("account_proof.html", "/account/proof", asks_code=False, order="", mistake=None, wait_minutes=None)


@get(in_both("/account/proof"), access=PUBLIC, include_in_schema=False)
async def show_proof(request: HTTPRequest, order: str = "") -> Response[Any]:
    """The form: a code where the account has a second factor, else the password."""
    actor = signed_in(request)
    if actor is None:
        return ask_to_sign_in(request)
    return _form(request, read_session(request), asks_code=await _asks_code(request, actor), order=_order(order))


@post(in_both("/account/proof"), access=PUBLIC, limit="login", include_in_schema=False, status_code=200)
async def send_proof(request: HTTPRequest) -> Response[Any]:
    """Look at the proof, and go on to what it was asked for."""
    session, fields = await sent_form(request)
    actor = signed_in(request)
    if actor is None:
        return ask_to_sign_in(request)
    order = _order(fields.get("order", ""))
    shown = {"asks_code": await _asks_code(request, actor), "order": order}
    try:
        await step_up(
            account_services(request),
            session=session_of(actor),
            code=fields.get("code", "")[:40],
            password=fields.get("password", "")[:128],
            origin=origin_of(request),
            actor=actor,
        )
    except (SignInRefused, ValidationFailed) as refusal:
        mistake = WRONG_CODE if shown["asks_code"] else WRONG_PASSWORD
        return _form(request, session, mistake=mistake, status=refusal.status, **shown)
    except TooManyTries as refusal:
        return _form(request, session, wait_minutes=minutes_of(refusal), status=429, **shown)
    except SecondFactorConflict:  # it must be set up first, which the account's page says
        return see_other(f"/{page_language(request)}/account")
    return see_other(f"/{page_language(request)}/" + (f"orders/{order}/cancel" if order else "account/approvals"))


async def _asks_code(request: HTTPRequest, actor: Actor) -> bool:
    account = await own_account(account_services(request), session_of(actor).user_id)
    return account.second_factor == "on"


def _order(text: str) -> str:
    """The id of an order, or nothing: no other address follows from what a form says."""
    return text if decode_id(ids.ORDER, text) is not None else ""
