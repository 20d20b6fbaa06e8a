"""A forgotten password: a link by mail, and the form that it leads to; and another one for who knows the present."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from ais.accounts import (
    LinkOver,
    LinkPurpose,
    SignInRefused,
    TooManyTries,
    ask_reset,
    change_password,
    is_open,
    reset_password,
    session_of,
)
from ais.kit import ValidationFailed
from ais.platform.http import PUBLIC, HTTPRequest
from ais.web.account.form import AccountForm, ask_to_sign_in, sent_form
from ais.web.account.words import WRONG_PASSWORD, minutes_of, sentences_of
from ais.web.browser import account_cookie, account_services, origin_of, signed_in
from ais.web.rendering import Mistakes, in_both, page_language, see_other
from ais.web.session import read_session

_NOTHING = Mistakes({})
_forgotten_form = AccountForm("account_forgotten.html", "/account/forgotten", email="", mistakes=_NOTHING)
_mail_sent = AccountForm("account_mail_sent.html", "/account/forgotten")
_password_form = AccountForm(
    "account_new_password.html",
    "/account/forgotten",
    headers={"Referrer-Policy": "no-referrer"},
    token="",
    mistakes=_NOTHING,
)
_change_form = AccountForm("account_password.html", "/account/password", mistakes=_NOTHING, wait_minutes=None)


@get(in_both("/account/forgotten"), access=PUBLIC, include_in_schema=False, sync_to_thread=False)
def show_forgotten(request: HTTPRequest) -> Response[str]:
    return _forgotten_form(request, read_session(request))


@post(in_both("/account/forgotten"), access=PUBLIC, limit="lookup", include_in_schema=False, status_code=200)
async def send_forgotten(request: HTTPRequest) -> Response[str]:
    """Have the link sent; the page is the same whether the address has an account or not."""
    session, fields = await sent_form(request)
    email = fields.get("email", "").strip()[:254]
    try:
        await ask_reset(account_services(request), email=email, language=page_language(request))
    except ValidationFailed as mistakes:
        return _forgotten_form(request, session, email=email, mistakes=Mistakes(sentences_of(mistakes)), status=422)
    return _mail_sent(request, session)


@get(in_both("/account/new-password"), access=PUBLIC, include_in_schema=False)
async def show_new_password(request: HTTPRequest, token: str = "") -> Response[str]:
    """The page of a mail's link."""
    found = await is_open(account_services(request), LinkPurpose.RESET, token[:200])
    return _password_form(request, read_session(request), token=token if found else "")


@post(in_both("/account/new-password"), access=PUBLIC, limit="login", include_in_schema=False, status_code=200)
async def send_new_password(request: HTTPRequest) -> Response[Any]:
    """The new password, once; all sessions of the account have ended, also this browser's."""
    session, fields = await sent_form(request)
    token, password = fields.get("token", "")[:200], fields.get("password", "")[:128]
    try:
        await reset_password(account_services(request), token=token, password=password)
    except ValidationFailed as mistakes:
        return _password_form(request, session, token=token, mistakes=Mistakes(sentences_of(mistakes)), status=422)
    except LinkOver:
        return _password_form(request, session, status=410)
    return see_other(f"/{page_language(request)}/account/sign-in", [account_cookie(request, None)])


# Another password, while signed in


@get(in_both("/account/password"), access=PUBLIC, include_in_schema=False, sync_to_thread=False)
def show_change(request: HTTPRequest) -> Response[Any]:
    """The form; whoever has not signed in is asked to."""
    if signed_in(request) is None:
        return ask_to_sign_in(request)
    return _change_form(request, read_session(request))


@post(in_both("/account/password"), access=PUBLIC, limit="login", include_in_schema=False, status_code=200)
async def send_change(request: HTTPRequest) -> Response[Any]:
    """Another password for who knows the present one; all other sessions of the account have ended."""
    session, fields = await sent_form(request)
    actor = signed_in(request)
    if actor is None:
        return ask_to_sign_in(request)
    own = session_of(actor)
    try:
        await change_password(
            account_services(request),
            user_id=own.user_id,
            session_id=own.session_id,
            current=fields.get("current", "")[:128],
            password=fields.get("password", "")[:128],
            origin=origin_of(request),
            actor=actor,
        )
    except SignInRefused as refusal:
        return _change_form(request, session, mistakes=Mistakes({"current": WRONG_PASSWORD}), status=refusal.status)
    except ValidationFailed as mistakes:
        said = Mistakes({"password": sentences_of(mistakes)["new_password"]})
        return _change_form(request, session, mistakes=said, status=422)
    except TooManyTries as refusal:
        return _change_form(request, session, wait_minutes=minutes_of(refusal), status=429)
    return see_other(f"/{page_language(request)}/account?done=password")
