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
from ais.kit import ValidationFailed
from ais.platform.http import PUBLIC, HTTPRequest, actor_of
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
from ais.web.rendering import Mistakes, in_both, page_language, render, see_other
from ais.web.session import ShopSession, read_session, renewed, require_own_form, session_cookie
from ais.web.shop.forms import fields_of

_NO_REFERRER = {"Referrer-Policy": "no-referrer"}


@get(in_both("/account/sign-in"), access=PUBLIC, include_in_schema=False)
async def show_sign_in(request: HTTPRequest) -> Response[Any]:
    """The form; whoever has signed in goes on to the account."""
    if signed_in(request) is not None:
        return see_other(f"/{page_language(request)}/account")
    return _sign_in_form(request, read_session(request), "")


@post(in_both("/account/sign-in"), access=PUBLIC, limit="login", include_in_schema=False, status_code=200)
async def send_sign_in(request: HTTPRequest) -> Response[Any]:
    """Open a session for this browser, in the place of the one it had."""
    session = read_session(request)
    fields = await fields_of(request)
    require_own_form(request, session, fields)
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
        return _sign_in_form(request, session, email, asks_code=True, status=401)
    except SignInRefused:
        return _sign_in_form(request, session, email, mistake=REFUSED, asks_code=bool(code), status=401)
    except TooManyTries as refusal:
        return _sign_in_form(request, session, email, wait_minutes=minutes_of(refusal), status=429)
    return _welcome(request, session, opened.session)


def _welcome(request: HTTPRequest, session: ShopSession, opened: SessionRef) -> Response[None]:
    """On to the account, with new cookies: nobody who knew the old ones knows these."""
    cookies = [
        account_cookie(request, opened),
        device_cookie(request, opened),
        session_cookie(request, renewed(session)),
    ]
    return see_other(f"/{page_language(request)}/account", cookies)


def _sign_in_form(
    request: HTTPRequest,
    session: ShopSession,
    email: str,
    *,
    mistake: str | None = None,
    asks_code: bool = False,
    wait_minutes: int | None = None,
    status: int = 200,
) -> Response[str]:
    return render(
        request,
        "account_sign_in.html",
        status=status,
        session=session,
        personal=True,
        place="/account/sign-in",
        email=email,
        mistake=mistake,
        asks_code=asks_code,
        wait_minutes=wait_minutes,
    )


@post(in_both("/account/sign-out"), access=PUBLIC, include_in_schema=False, status_code=200)
async def send_sign_out(request: HTTPRequest) -> Response[Any]:
    """End this browser's session."""
    session = read_session(request)
    require_own_form(request, session, await fields_of(request))
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
    return _register_form(request, read_session(request), {})


@post(in_both("/account/register"), access=PUBLIC, limit="lookup", include_in_schema=False, status_code=200)
async def send_register(request: HTTPRequest) -> Response[str]:
    """Have the mail sent; the page is the same whether the address has an account or not."""
    session = read_session(request)
    fields = await fields_of(request)
    require_own_form(request, session, fields)
    email, password = fields.get("email", "").strip()[:254], fields.get("password", "")[:128]
    try:
        await register(
            account_services(request),
            email=email,
            password=password,
            name=fields.get("name", "").strip()[:120] or None,
            language=page_language(request),
        )
    except ValidationFailed as mistakes:
        return _register_form(request, session, fields, sentences_of(mistakes), status=422)
    return render(request, "account_mail_sent.html", session=session, personal=True, place="/account/register")


def _register_form(
    request: HTTPRequest,
    session: ShopSession,
    fields: dict[str, str],
    mistakes: dict[str, str] | None = None,
    *,
    status: int = 200,
) -> Response[str]:
    return render(
        request,
        "account_register.html",
        status=status,
        session=session,
        personal=True,
        place="/account/register",
        email=fields.get("email", "")[:254],
        name=fields.get("name", "")[:120],
        mistakes=Mistakes(mistakes or {}),
    )


@get(in_both("/account/verify"), access=PUBLIC, include_in_schema=False)
async def show_verify(request: HTTPRequest, token: str = "") -> Response[str]:
    """The page of a mail's link: the password that was chosen makes the account."""
    found = await is_open(account_services(request), LinkPurpose.VERIFY, token[:200])
    return _verify_form(request, read_session(request), token, mistake=None if found else LINK_OVER)


@post(in_both("/account/verify"), access=PUBLIC, limit="login", include_in_schema=False, status_code=200)
async def send_verify(request: HTTPRequest) -> Response[Any]:
    """Make the account and sign its user in."""
    session = read_session(request)
    fields = await fields_of(request)
    require_own_form(request, session, fields)
    token, password = fields.get("token", "")[:200], fields.get("password", "")[:128]
    services, origin = account_services(request), origin_of(request)
    try:
        user = await verify_address(services, token=token, password=password, origin=origin)
    except SignInRefused:
        return _verify_form(request, session, token, mistake=REFUSED, status=401)
    except TooManyTries as refusal:
        return _verify_form(request, session, token, wait_minutes=minutes_of(refusal), status=429)
    except LinkOver:
        return _verify_form(request, session, "", mistake=LINK_OVER, status=410)
    email = await open_email(services, user)
    assert email is not None
    opened = await sign_in(services, email=email, password=password, code=None, origin=origin, kind=SessionKind.PAGE)
    return _welcome(request, session, opened.session)


def _verify_form(
    request: HTTPRequest,
    session: ShopSession,
    token: str,
    *,
    mistake: str | None = None,
    wait_minutes: int | None = None,
    status: int = 200,
) -> Response[str]:
    return render(
        request,
        "account_verify.html",
        status=status,
        session=session,
        personal=True,
        place="/account/sign-in",
        headers=_NO_REFERRER,
        token=token,
        is_over=mistake is LINK_OVER,
        mistake=mistake,
        wait_minutes=wait_minutes,
    )
