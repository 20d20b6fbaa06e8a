"""Setting up a second factor: the password, the secret for the authenticator, a code of it, the recovery codes."""

from __future__ import annotations

from typing import Any

from litestar import Response, post

from ais.accounts import (
    SecondFactorConflict,
    SignInRefused,
    TooManyTries,
    begin_second_factor,
    confirm_second_factor,
    session_of,
)
from ais.kit import ValidationFailed
from ais.platform.http import PUBLIC, HTTPRequest
from ais.web.account.words import REFUSED, WRONG_CODE
from ais.web.browser import account_services, origin_of, signed_in
from ais.web.rendering import airline_name, in_both, page_language, render, see_other
from ais.web.session import ShopSession, read_session, require_own_form
from ais.web.shop.forms import fields_of


@post(in_both("/account/second-factor"), access=PUBLIC, limit="login", include_in_schema=False, status_code=200)
async def send_second_factor(request: HTTPRequest) -> Response[Any]:
    """First the password, then a code; at the end the recovery codes, shown this once."""
    session = read_session(request)
    fields = await fields_of(request)
    require_own_form(request, session, fields)
    actor = signed_in(request)
    language = page_language(request)
    if actor is None:
        return see_other(f"/{language}/account/sign-in")
    services, own, origin = account_services(request), session_of(actor), origin_of(request)
    secret = fields.get("secret", "")[:64]
    try:
        if not secret:
            begun = await begin_second_factor(
                services,
                user_id=own.user_id,
                password=fields.get("password", "")[:128],
                issuer=airline_name(request.app.state.shop, "en"),
                origin=origin,
                actor=actor,
            )
            return _page(request, session, secret=begun.secret)
        codes = await confirm_second_factor(
            services, session=own, code=fields.get("code", "")[:40], origin=origin, actor=actor
        )
    except (SignInRefused, ValidationFailed) as refusal:
        mistake = REFUSED if isinstance(refusal, SignInRefused) else WRONG_CODE
        return _page(request, session, secret=secret, mistake=mistake, status=refusal.status)
    except TooManyTries as refusal:
        minutes = -(-(refusal.retry_after_seconds or 0) // 60)
        return _page(request, session, secret=secret, wait_minutes=minutes, status=429)
    except SecondFactorConflict:
        return see_other(f"/{language}/account")
    return _page(request, session, codes=codes)


def _page(
    request: HTTPRequest,
    session: ShopSession,
    *,
    secret: str = "",
    codes: list[str] | None = None,
    mistake: str | None = None,
    wait_minutes: int | None = None,
    status: int = 200,
) -> Response[str]:
    return render(
        request,
        "account_second_factor.html",
        status=status,
        session=session,
        personal=True,
        place="/account",
        secret=secret,
        codes=codes,
        mistake=mistake,
        wait_minutes=wait_minutes,
    )
