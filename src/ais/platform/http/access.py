"""Who may call a route. Every route declares it as ``access=``; a route without a declaration fails the start."""

from __future__ import annotations

import hmac
from typing import Any
from uuid import UUID

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from ais.kit import ANONYMOUS, Actor, ActorKind, AppError, Channel, Clock
from ais.platform.tokens import GUEST_PURPOSE, TokenRing, sign_guest_token


class Unauthorized(AppError):
    """The credentials are missing, malformed or unknown."""

    code = "UNAUTHORIZED"
    status = 401
    message = "Please sign in or send a valid token."


class TokenExpired(AppError):
    """The token was ours and its time is over."""

    code = "TOKEN_EXPIRED"
    status = 401
    message = "Your token has expired."


class Forbidden(AppError):
    """The caller is known and has no right to this."""

    code = "FORBIDDEN"
    status = 403
    message = "You are not allowed to do this."


class Access(msgspec.Struct, frozen=True):
    """A declaration: ``PUBLIC`` and ``SIGNED`` need no credentials of ours, ``ORDER`` is checked against the order by
    its use case, ``staff("…")`` needs the named permission.
    """

    kind: str
    permission: str | None = None


PUBLIC = Access("public")
SIGNED = Access("signed")  # the request carries a provider's signature, which its endpoint verifies
ORDER = Access("order")


def staff(permission: str) -> Access:
    """Only for staff who hold ``permission``."""
    return Access("staff", permission)


class Authenticator:
    """Turns the ``Authorization`` header into an :class:`Actor`."""

    def __init__(
        self,
        tokens: TokenRing,
        clock: Clock,
        operator_token: str | None,
        operator_permissions: frozenset[str] = frozenset(),
    ) -> None:
        self._tokens = tokens
        self._clock = clock
        self._operator_token = operator_token
        self._operator_permissions = operator_permissions

    def guest_token(self, order_id: UUID, *, expires_at_seconds: int) -> str:
        """A token that opens this order alone, until the given Unix second."""
        return sign_guest_token(self._tokens, order_id, expires_at_seconds)

    def actor(self, authorization: str | None) -> Actor:
        """Who sends this header; no header is the anonymous actor. Raises Unauthorized or TokenExpired."""
        if authorization is None:
            return ANONYMOUS
        scheme, _, credentials = authorization.partition(" ")
        credentials = credentials.strip()
        if scheme.lower() != "bearer" or not credentials:
            raise Unauthorized
        if credentials.startswith("gst_"):
            return self._guest(credentials.removeprefix("gst_"))
        if self._operator_token and hmac.compare_digest(credentials.encode(), self._operator_token.encode()):
            return Actor(ActorKind.STAFF, "operator", Channel.API, self._operator_permissions)
        raise Unauthorized

    def _guest(self, text: str) -> Actor:
        payload = self._tokens.verify(GUEST_PURPOSE, text)
        if payload is None or len(payload) != 21:
            raise Unauthorized
        if int.from_bytes(payload[16:], "big") <= self._clock.now().timestamp():
            raise TokenExpired
        return Actor(ActorKind.GUEST, str(UUID(bytes=payload[:16])), Channel.API)


async def require_access(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The guard of every route: finds out who calls and holds it against the route's declaration."""
    access: Access = handler.opt["access"]
    if access is SIGNED:
        connection.state.actor = Actor(ActorKind.PROVIDER, "signature", Channel.PROVIDER)
        return
    authenticator: Authenticator = connection.app.state.authenticator
    actor = authenticator.actor(connection.headers.get("authorization"))
    if access.kind in {"order", "staff"} and actor.kind is ActorKind.ANONYMOUS:
        raise Unauthorized
    if access.permission is not None and not actor.may(access.permission):
        raise Forbidden
    connection.state.actor = actor


def require_declarations(handlers: list[BaseRouteHandler]) -> None:
    """Refuse to start with a route that does not say who may call it."""
    undeclared = sorted(str(handler) for handler in handlers if not isinstance(handler.opt.get("access"), Access))
    if undeclared:
        raise RuntimeError(f"these routes declare no access: {', '.join(undeclared)}")
