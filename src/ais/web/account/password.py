"""A forgotten password: a link by mail, and the form that it leads to."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from ais.accounts import LinkOver, LinkPurpose, ask_reset, is_open, reset_password
from ais.kit import ValidationFailed
from ais.platform.http import PUBLIC, HTTPRequest
from ais.web.account.words import sentences_of
from ais.web.browser import account_cookie, account_services
from ais.web.rendering import Mistakes, in_both, page_language, render, see_other
from ais.web.session import ShopSession, read_session, require_own_form
from ais.web.shop.forms import fields_of


@get(in_both("/account/forgotten"), access=PUBLIC, include_in_schema=False, sync_to_thread=False)
def show_forgotten(request: HTTPRequest) -> Response[str]:
    return _forgotten_form(request, read_session(request), "", {})


@post(in_both("/account/forgotten"), access=PUBLIC, limit="lookup", include_in_schema=False, status_code=200)
async def send_forgotten(request: HTTPRequest) -> Response[str]:
    """Have the link sent; the page is the same whether the address has an account or not."""
    session = read_session(request)
    fields = await fields_of(request)
    require_own_form(request, session, fields)
    email = fields.get("email", "").strip()[:254]
    try:
        await ask_reset(account_services(request), email=email, language=page_language(request))
    except ValidationFailed as mistakes:
        return _forgotten_form(request, session, email, sentences_of(mistakes), status=422)
    return render(request, "account_mail_sent.html", session=session, personal=True, place="/account/forgotten")


def _forgotten_form(
    request: HTTPRequest, session: ShopSession, email: str, mistakes: dict[str, str], *, status: int = 200
) -> Response[str]:
    return render(
        request,
        "account_forgotten.html",
        status=status,
        session=session,
        personal=True,
        place="/account/forgotten",
        email=email,
        mistakes=Mistakes(mistakes),
    )


@get(in_both("/account/new-password"), access=PUBLIC, include_in_schema=False)
async def show_new_password(request: HTTPRequest, token: str = "") -> Response[str]:
    """The page of a mail's link."""
    found = await is_open(account_services(request), LinkPurpose.RESET, token[:200])
    return _password_form(request, read_session(request), token if found else "", {})


@post(in_both("/account/new-password"), access=PUBLIC, limit="login", include_in_schema=False, status_code=200)
async def send_new_password(request: HTTPRequest) -> Response[Any]:
    """The new password, once; all sessions of the account have ended, also this browser's."""
    session = read_session(request)
    fields = await fields_of(request)
    require_own_form(request, session, fields)
    token, password = fields.get("token", "")[:200], fields.get("password", "")[:128]
    try:
        await reset_password(account_services(request), token=token, password=password)
    except ValidationFailed as mistakes:
        return _password_form(request, session, token, sentences_of(mistakes), status=422)
    except LinkOver:
        return _password_form(request, session, "", {}, status=410)
    return see_other(f"/{page_language(request)}/account/sign-in", [account_cookie(request, None)])


def _password_form(
    request: HTTPRequest, session: ShopSession, token: str, mistakes: dict[str, str], *, status: int = 200
) -> Response[str]:
    return render(
        request,
        "account_new_password.html",
        status=status,
        session=session,
        personal=True,
        place="/account/forgotten",
        headers={"Referrer-Policy": "no-referrer"},
        token=token,
        mistakes=Mistakes(mistakes),
    )
