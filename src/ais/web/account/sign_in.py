"""Signing in and out, and asking for an account."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from ais.accounts import (
    LinkOver,
    LinkPurpose,
    SecondFactorNeeded,
    SessionKind,
    SessionRef,
    SignInRefused,
    TooManyTries,
    is_open,
    open_email,
    register,
    session_of,
    sign_in,
    sign_out,
    verify_address,
)
from ais.kit import ValidationFailed, printed
from ais.platform.http import PUBLIC, HTTPRequest, actor_of
from ais.web.account.form import AccountForm, sent_form
from ais.web.account.words import FORM_LENGTHS, LINK_OVER, REFUSED, minutes_of, sentences_of
from ais.web.browser import (
    account_cookie,
    account_services,
    device_cookie,
    device_proof,
    known_session,
    origin_of,
    signed_in,
)
from ais.web.rendering import Mistakes, in_both, page_language, see_other
from ais.web.session import ShopSession, read_session, renewed, session_cookie

_sign_in_form = AccountForm(
    "account_sign_in.html", "/account/sign-in", email="", mistake=None, asks_code=False, wait_minutes=None
)
_register_form = AccountForm("account_register.html", "/account/register", email="", name="", mistakes=Mistakes({}))
_mail_sent = AccountForm("account_mail_sent.html", "/account/register")
_verify_form = AccountForm(
    "account_verify.html",
    "/account/sign-in",
    headers={"Referrer-Policy": "no-referrer"},
    token="",
    is_over=False,
    mistake=None,
    wait_minutes=None,
)


@get(in_both("/account/sign-in"), access=PUBLIC, include_in_schema=False)
async def show_sign_in(request: HTTPRequest) -> Response[Any]:
    """The form; whoever has signed in goes on to the account."""
    if signed_in(request) is not None:
        return see_other(f"/{page_language(request)}/account")
    return _sign_in_form(request, read_session(request))


@post(in_both("/account/sign-in"), access=PUBLIC, limit="login", include_in_schema=False, status_code=200)
async def send_sign_in(request: HTTPRequest) -> Response[Any]:
    """Open a session for this browser, in the place of the one it had."""
    session, fields = await sent_form(request)
    email, password, code = (fields.get(name, "")[:length] for name, length in FORM_LENGTHS)
    try:
        opened = await sign_in(
            account_services(request),
            email=email.strip(),
            password=password,
            code=code.strip() or None,
            origin=origin_of(request),
            kind=SessionKind.PAGE,
            replaces=known_session(request),
            device_proof=device_proof(request),
        )
    except SecondFactorNeeded as asked:
        request.state.spends_a_try = asked.spends_a_try
        return _sign_in_form(request, session, email=email, asks_code=True, status=401)
    except SignInRefused:
        return _sign_in_form(request, session, email=email, mistake=REFUSED, asks_code=bool(code), status=401)
    except TooManyTries as refusal:
        return _sign_in_form(request, session, email=email, wait_minutes=minutes_of(refusal), status=429)
    return _welcome(request, session, opened.session)


def _welcome(request: HTTPRequest, session: ShopSession, opened: SessionRef) -> Response[None]:
    """On to the account, with new cookies: nobody who knew the old ones knows these."""
    cookies = [
        account_cookie(request, opened),
        device_cookie(request, opened),
        session_cookie(request, renewed(session)),
    ]
    return see_other(f"/{page_language(request)}/account", cookies)


@post(in_both("/account/sign-out"), access=PUBLIC, include_in_schema=False, status_code=200)
async def send_sign_out(request: HTTPRequest) -> Response[Any]:
    """End this browser's session."""
    await sent_form(request)
    actor = actor_of(request)
    if signed_in(request) is not None:
        await sign_out(account_services(request), session_of(actor), actor)
    answer = see_other(f"/{page_language(request)}/", [account_cookie(request, None)])
    # What pages of the account a browser may still hold in spite of no-store goes with the session.
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


# Registering


@get(in_both("/account/register"), access=PUBLIC, include_in_schema=False, sync_to_thread=False)
def show_register(request: HTTPRequest) -> Response[str]:
    return _register_form(request, read_session(request))


@post(in_both("/account/register"), access=PUBLIC, limit="lookup", include_in_schema=False, status_code=200)
async def send_register(request: HTTPRequest) -> Response[str]:
    """Have the mail sent; the page is the same whether the address has an account or not."""
    session, fields = await sent_form(request)
    email, password = fields.get("email", "").strip()[:254], fields.get("password", "")[:128]
    try:
        await register(
            account_services(request),
            email=email,
            password=password,
            name=printed(fields.get("name", "")).strip()[:120] or None,
            language=page_language(request),
        )
    except ValidationFailed as mistakes:
        said = Mistakes(sentences_of(mistakes))
        shown = {"email": fields.get("email", "")[:254], "name": fields.get("name", "")[:120]}
        return _register_form(request, session, mistakes=said, status=422, **shown)
    return _mail_sent(request, session)


@get(in_both("/account/verify"), access=PUBLIC, include_in_schema=False)
async def show_verify(request: HTTPRequest, token: str = "") -> Response[str]:
    """The page of a mail's link: the password that was chosen makes the account."""
    found = await is_open(account_services(request), LinkPurpose.VERIFY, token[:200])
    return _verify_form(
        request, read_session(request), token=token, mistake=None if found else LINK_OVER, is_over=not found
    )


@post(in_both("/account/verify"), access=PUBLIC, limit="login", include_in_schema=False, status_code=200)
async def send_verify(request: HTTPRequest) -> Response[Any]:
    """Make the account and sign its user in."""
    session, fields = await sent_form(request)
    token, password = fields.get("token", "")[:200], fields.get("password", "")[:128]
    services, origin = account_services(request), origin_of(request)
    try:
        user = await verify_address(services, token=token, password=password, origin=origin)
    except SignInRefused:
        return _verify_form(request, session, token=token, mistake=REFUSED, status=401)
    except TooManyTries as refusal:
        return _verify_form(request, session, token=token, wait_minutes=minutes_of(refusal), status=429)
    except LinkOver:
        return _verify_form(request, session, mistake=LINK_OVER, is_over=True, status=410)
    email = await open_email(services, user)
    assert email is not None
    opened = await sign_in(services, email=email, password=password, code=None, origin=origin, kind=SessionKind.PAGE)
    return _welcome(request, session, opened.session)
