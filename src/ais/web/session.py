"""What a browser carries: one cookie with an id of its own and the tokens of the orders that it may open.

The cookie is HttpOnly and SameSite=Lax, and Secure with a ``__Host-`` name where the page came by https. Nothing is
stored on our side: each token is signed, opens one order and ends by itself (:mod:`ais.platform.http`).

A form that changes something carries a token bound to that id. A request is ours if that token fits and, where the
browser says from which page it came, it came from a page of ours. (A signed double-submit cookie, as frameworks have
it, knows neither the session nor the origin.)
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec
from litestar.datastructures import Cookie

from ais.accounts import AccountServices
from ais.kit import ANONYMOUS, Actor, ActorKind, AppError, Channel, decode_id, ids
from ais.orders import OrderNotFound
from ais.platform.http import Authenticator, Forbidden, HTTPRequest, TokenExpired, Unauthorized, actor_of
from ais.platform.tokens import TokenRing

ORDERS_KEPT = 12
_ID_BYTES = 16
_COOKIE = "ais_shop"
_FORM_PURPOSE = "form"
_SHAPE = re.compile(r"[0-9a-f]{32}(?:\.gst_[A-Za-z0-9_-]{20,120}){0,12}")
BUYER = Actor(ActorKind.ANONYMOUS, ANONYMOUS.id, Channel.WEB)


class FormTooOld(AppError):
    """A form was sent that is not of this browser's session, or not from a page of ours."""

    code = "FORBIDDEN"
    status = 403
    message = "This form is no longer valid. Please open the page again."


class ShopSession(msgspec.Struct, frozen=True):
    """The content of the cookie; ``is_new`` as long as the browser does not have it."""

    id: str
    tokens: tuple[str, ...] = ()
    is_new: bool = False

    def with_token(self, token: str) -> ShopSession:
        """The session that opens one order more; of too many the oldest is left out."""
        others = tuple(each for each in self.tokens if each != token)
        return ShopSession(self.id, (*others, token)[-ORDERS_KEPT:], is_new=True)

    def order_form_key(self, offer_id: str) -> str:
        """The idempotency key of this browser's form for that offer: the same in every tab and after every reload."""
        key = hashlib.blake2b(offer_id.encode(), key=bytes.fromhex(self.id), digest_size=24)
        return f"shop-{key.hexdigest()}"


def new_form_key() -> str:
    """A key that nobody had, for a person who wants a second order of the same offer."""
    return f"shop-{secrets.token_hex(24)}"


def read_session(request: HTTPRequest) -> ShopSession:
    """The browser's session, or a new one."""
    value = request.cookies.get(_cookie_name(request), "")
    if _SHAPE.fullmatch(value):
        identifier, *tokens = value.split(".")
        return ShopSession(identifier, tuple(tokens))
    return ShopSession(secrets.token_hex(_ID_BYTES), is_new=True)


def renewed(session: ShopSession) -> ShopSession:
    """The same orders under another id, for a browser whose user signs in: who knew the old one knows nothing."""
    return ShopSession(secrets.token_hex(_ID_BYTES), session.tokens, is_new=True)


def session_cookie(request: HTTPRequest, session: ShopSession) -> Cookie:
    """The cookie that carries the session; it ends with the browser's own session."""
    return Cookie(
        key=_cookie_name(request),
        value=".".join((session.id, *session.tokens)),
        path="/",
        httponly=True,
        samesite="lax",
        secure=is_https(request),
    )


def _cookie_name(request: HTTPRequest) -> str:
    return f"__Host-{_COOKIE}" if is_https(request) else _COOKIE


def is_https(request: HTTPRequest) -> bool:
    """Whether the browser speaks https, to us or to a proxy of ours; always, where the site has no other address."""
    services: AccountServices = request.app.state.account_services
    if services.policy.pages_are_https:
        return True
    if request.app.state.trusted_proxies:
        forwarded = request.headers.get("x-forwarded-proto")
        if forwarded is not None:
            return forwarded.strip().lower() == "https"
    return request.url.scheme == "https"


def site_of(request: HTTPRequest) -> str:
    """Scheme and host under which the browser knows us, for addresses that another site sends people back to."""
    return f"{'https' if is_https(request) else 'http'}://{request.headers.get('host', request.url.netloc)}"


def form_token(ring: TokenRing, session: ShopSession) -> str:
    """What each form carries that changes something."""
    return ring.sign(_FORM_PURPOSE, bytes.fromhex(session.id))


def require_own_form(request: HTTPRequest, session: ShopSession, form: Mapping[str, str]) -> None:
    """Raise :class:`FormTooOld` unless the form is one that this session was given, sent from a page of ours."""
    ring: TokenRing = request.app.state.tokens
    origin = request.headers.get("origin")
    elsewhere = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if elsewhere or request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        raise FormTooOld
    if ring.verify(_FORM_PURPOSE, form.get("form_token", "")) != bytes.fromhex(session.id):
        raise FormTooOld


def guest_of(request: HTTPRequest, session: ShopSession, order_id: str) -> Actor:
    """The guest whose token in the session opens that order, or the account that has signed in with this browser, which
    may open it or not. Raises OrderNotFound if there is neither.
    """
    authenticator: Authenticator = request.app.state.authenticator
    wanted = decode_id(ids.ORDER, order_id)
    for token in reversed(session.tokens):
        try:
            actor = authenticator.guest(token)
        except (Unauthorized, TokenExpired, Forbidden):
            continue
        if wanted is not None and actor.id == str(wanted):
            return msgspec.structs.replace(actor, channel=Channel.WEB)
    account = actor_of(request)
    if account.session_id is not None:
        return account
    raise OrderNotFound
