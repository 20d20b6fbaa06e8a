"""A second factor is set up (the password, the secret, a code of it, the recovery codes), and taken off."""

from __future__ import annotations

import re
from typing import Any

from litestar import Response, get, post

from ais.accounts import (
    SecondFactorConflict,
    SignInRefused,
    TooManyTries,
    authenticator_address,
    begin_second_factor,
    confirm_second_factor,
    own_account,
    remove_second_factor,
    session_of,
)
from ais.kit import ValidationFailed
from ais.platform.http import PUBLIC, HTTPRequest
from ais.web.account.form import AccountForm, ask_to_sign_in, sent_form
from ais.web.account.words import WRONG_CODE, WRONG_PASSWORD, minutes_of
from ais.web.browser import account_services, origin_of, signed_in
from ais.web.rendering import airline_name, in_both, page_language, see_other
from ais.web.session import read_session

_SECRET = re.compile(r"[A-Z2-7]{32}")
_form = AccountForm(
    "account_second_factor.html",
    "/account",
    secret="",
    picture=None,
    codes=None,
    mistake=None,
    wait_minutes=None,
)
_removal_form = AccountForm("account_second_factor_remove.html", "/account", wrong="", mistake=None, wait_minutes=None)


@post(in_both("/account/second-factor"), access=PUBLIC, limit="login", include_in_schema=False, status_code=200)
async def send_second_factor(request: HTTPRequest) -> Response[Any]:
    """First the password, then a code; at the end the recovery codes, shown this once."""
    session, fields = await sent_form(request)
    actor = signed_in(request)
    if actor is None:
        return ask_to_sign_in(request)
    services, own, origin = account_services(request), session_of(actor), origin_of(request)
    issuer = airline_name(request.app.state.shop, "en")
    # What the page itself was given before; a form that holds something else begins anew.
    given = fields.get("secret", "")
    secret = given if _SECRET.fullmatch(given) else ""
    shown: dict[str, str] = {}
    try:
        if not secret:
            begun = await begin_second_factor(
                services,
                user_id=own.user_id,
                password=fields.get("password", "")[:128],
                issuer=issuer,
                origin=origin,
                actor=actor,
            )
            return _form(request, session, **_shown(begun.secret, begun.uri))
        shown = {"secret": secret, "address": authenticator_address(secret, await _email(request), issuer)}
        codes = await confirm_second_factor(
            services, session=own, code=fields.get("code", "")[:40], origin=origin, actor=actor
        )
    except (SignInRefused, ValidationFailed) as refusal:
        mistake = WRONG_PASSWORD if isinstance(refusal, SignInRefused) else WRONG_CODE
        return _form(request, session, mistake=mistake, status=refusal.status, **_shown(**shown))
    except TooManyTries as refusal:
        return _form(request, session, wait_minutes=minutes_of(refusal), status=429, **_shown(**shown))
    except SecondFactorConflict:
        return see_other(f"/{page_language(request)}/account")
    return _form(request, session, codes=codes)


async def _email(request: HTTPRequest) -> str:
    actor = signed_in(request)
    assert actor is not None
    return (await own_account(account_services(request), session_of(actor).user_id)).email or ""


def _shown(secret: str = "", address: str = "") -> dict[str, Any]:
    """The secret, as text and as a picture; nothing where there is none yet."""
    return {"secret": secret, "picture": _qr_code(address)} if address else {}


def _qr_code(address: str) -> Any:
    """The address as a QR code: an SVG that is part of the page, so that the secret is in no address of a picture."""
    import segno  # loaded by the first who sets up a second factor: a quick start is a promise
    from markupsafe import Markup  # comes with the templates

    drawn = segno.make(address, error="m", micro=False)
    picture: str = drawn.svg_inline(scale=1, omitsize=True, svgclass=None, lineclass=None, light="#fff")
    return Markup(picture)  # noqa: S704  # drawn by us: paths and figures


# Taken off


@get(in_both("/account/second-factor/remove"), access=PUBLIC, include_in_schema=False)
async def show_removal(request: HTTPRequest) -> Response[Any]:
    """The form, for an account that has a second factor and need not have one."""
    actor = signed_in(request)
    if actor is None:
        return ask_to_sign_in(request)
    account = await own_account(account_services(request), session_of(actor).user_id)
    if account.second_factor != "on" or account.needs_second_factor:
        return see_other(f"/{page_language(request)}/account")
    return _removal_form(request, read_session(request))


@post(in_both("/account/second-factor/remove"), access=PUBLIC, limit="login", include_in_schema=False, status_code=200)
async def send_removal(request: HTTPRequest) -> Response[Any]:
    """Take it off with the password and a code; refused where the airline asks for one."""
    session, fields = await sent_form(request)
    actor = signed_in(request)
    if actor is None:
        return ask_to_sign_in(request)
    try:
        await remove_second_factor(
            account_services(request),
            session=session_of(actor),
            password=fields.get("password", "")[:128],
            code=fields.get("code", "")[:40],
            origin=origin_of(request),
            actor=actor,
        )
    except SignInRefused as refusal:
        return _removal_form(request, session, wrong="password", mistake=WRONG_PASSWORD, status=refusal.status)
    except ValidationFailed as refusal:
        return _removal_form(request, session, wrong="code", mistake=WRONG_CODE, status=refusal.status)
    except TooManyTries as refusal:
        return _removal_form(request, session, wait_minutes=minutes_of(refusal), status=429)
    except SecondFactorConflict:
        return see_other(f"/{page_language(request)}/account")
    return see_other(f"/{page_language(request)}/account?done=second-factor")
