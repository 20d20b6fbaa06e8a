"""What a browser of somebody who signed in carries, and who that is."""

from __future__ import annotations

from litestar.datastructures import Cookie

from ais.accounts import DEVICE_COOKIE, PAGE_COOKIE, Accounts, AccountServices, Origin, SessionRef
from ais.kit import Actor
from ais.platform.http import HTTPRequest, actor_of, client_address
from ais.web.rendering import page_language
from ais.web.session import BUYER

DEVICE_KEPT_SECONDS = 400 * 86_400  # as long as browsers keep a cookie at most


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


def proof_path(request: HTTPRequest, order_id: str = "") -> str:
    """The page that asks who uses this browser once more; it leads on to giving that order up, or to the approvals."""
    return f"/{page_language(request)}/account/proof" + (f"?order={order_id}" if order_id else "")


def account_cookie(request: HTTPRequest, session: SessionRef | None) -> Cookie:
    """The cookie that names the session; without one, what makes the browser forget it."""
    value = account_services(request).tokens.page(session) if session is not None else ""
    return _cookie(request, PAGE_COOKIE, value, max_age=None if session is not None else 0)


def device_proof(request: HTTPRequest) -> str:
    """What this browser kept of earlier sign-ins."""
    return request.cookies.get(_cookie_name(request, DEVICE_COOKIE), "")


def device_cookie(request: HTTPRequest, session: SessionRef) -> Cookie:
    """What this browser keeps from now on: that the session's account was used by it. It opens nothing."""
    kept = account_services(request).tokens.device_proof(session.user_id, device_proof(request))
    return _cookie(request, DEVICE_COOKIE, kept, max_age=DEVICE_KEPT_SECONDS)


def _cookie_name(request: HTTPRequest, name: str) -> str:
    return f"__Host-{name}" if account_services(request).policy.pages_are_https else name


def _cookie(request: HTTPRequest, name: str, value: str, *, max_age: int | None) -> Cookie:
    return Cookie(
        key=_cookie_name(request, name),
        value=value,
        path="/",
        httponly=True,
        samesite="lax",
        secure=account_services(request).policy.pages_are_https,
        max_age=max_age,
    )
