"""What a browser of somebody who signed in carries, and who that is."""

from __future__ import annotations

from litestar.datastructures import Cookie

from ais.accounts import PAGE_COOKIE, Accounts, AccountServices, Origin, SessionRef
from ais.kit import Actor
from ais.platform.http import HTTPRequest, actor_of, client_address
from ais.web.session import BUYER


def account_services(request: HTTPRequest) -> AccountServices:
    services: AccountServices = request.app.state.account_services
    return services


def origin_of(request: HTTPRequest) -> Origin:
    """From where the request comes."""
    return Origin(request.headers.get("user-agent", ""), client_address(request, request.app.state.trusted_proxies))


def signed_in(request: HTTPRequest) -> Actor | None:
    """Who has signed in with this browser."""
    actor = actor_of(request)
    return actor if actor.session_id is not None else None


def known_session(request: HTTPRequest) -> SessionRef | None:
    """The session that the browser's cookie names, whether it lives or not."""
    accounts: Accounts = request.app.state.accounts
    return accounts.page_session(request)


def buyer(request: HTTPRequest) -> Actor:
    """Who books here: the account that has signed in, else nobody in particular."""
    return signed_in(request) or BUYER


def account_cookie(request: HTTPRequest, session: SessionRef | None) -> Cookie:
    """The cookie that names the session; without one, what makes the browser forget it."""
    https = account_services(request).policy.pages_are_https
    return Cookie(
        key=f"__Host-{PAGE_COOKIE}" if https else PAGE_COOKIE,
        value=account_services(request).tokens.page(session) if session is not None else "",
        path="/",
        httponly=True,
        samesite="lax",
        secure=https,
        max_age=None if session is not None else 0,
    )
