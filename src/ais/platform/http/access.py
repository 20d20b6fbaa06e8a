"""Who may call a route. Every route declares it as ``access=``; a route without a declaration fails the start."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Any, Protocol, TypeAlias
from uuid import UUID

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from ais.kit import ANONYMOUS, Actor, ActorKind, AppError, Channel, Clock, Forbidden, StepUpRequired
from ais.platform.audit import ORIGIN, address_block
from ais.platform.http.addresses import client_address
from ais.platform.tokens import GUEST_PURPOSE, TokenRing, sign_guest_token

HTTPConnection: TypeAlias = "ASGIConnection[Any, Any, Any, Any]"


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


class Access(msgspec.Struct, frozen=True):
    """A declaration: ``PUBLIC`` and ``SIGNED`` need no credentials of ours, ``ORDER`` is checked against the order by
    its use case, ``ACCOUNT`` needs somebody who is signed in, ``staff("…")`` the named permission, and with ``step_up``
    a recent proof of who uses it.

    A permission that was given within limits does not open a route, unless the route says by ``limited`` that its use
    case keeps to them.
    """

    kind: str
    permission: str | None = None
    step_up: bool = False
    limited: bool = False


PUBLIC = Access("public")
SIGNED = Access("signed")  # the request carries a provider's signature, which its endpoint verifies
ORDER = Access("order")
ACCOUNT = Access("account")


def staff(permission: str, *, step_up: bool = False, limited: bool = False) -> Access:
    """Only for those who hold ``permission``; with ``step_up`` only soon after they proved who they are.

    ``limited``: also for those who hold it at some stations, for some agencies or in some channels alone, because the
    use case looks at their limits.
    """
    return Access("staff", permission, step_up, limited)


class AccountDoor(Protocol):
    """Who knows the credentials of accounts: sessions of people, keys of machines."""

    async def bearer(self, credentials: str) -> Actor:
        """Who sends this token or key. Raises Unauthorized or TokenExpired."""

    async def page(self, connection: HTTPConnection) -> Actor | None:
        """Who has signed in to the pages with this browser; None for nobody."""


class Authenticator:
    """Turns what a request carries into an :class:`Actor`.

    Guests' tokens and the operator's are known here, all other credentials ``accounts`` knows; without it there are
    none. A proof of who somebody is counts as recent for ``step_up_window``.
    """

    def __init__(
        self,
        tokens: TokenRing,
        clock: Clock,
        operator_token: str | None,
        operator_permissions: frozenset[str] = frozenset(),
        accounts: AccountDoor | None = None,
        step_up_window: timedelta = timedelta(minutes=15),
    ) -> None:
        self._tokens = tokens
        self._clock = clock
        self._operator_token = operator_token
        self._operator_permissions = operator_permissions
        self._accounts = accounts
        self.step_up_window = step_up_window

    def guest_token(self, order_id: UUID, *, expires_at_seconds: int) -> str:
        """A token that opens this order alone, until the given Unix second."""
        return sign_guest_token(self._tokens, order_id, expires_at_seconds)

    async def actor(self, connection: HTTPConnection) -> Actor:
        """Who sends this request; without credentials the anonymous actor. Raises Unauthorized or TokenExpired.

        Cookies open pages and nothing else: the API never looks at one.
        """
        authorization = connection.headers.get("authorization")
        if authorization is None:
            if self._accounts is None or connection.scope["path"].startswith("/api/"):
                return ANONYMOUS
            return await self._accounts.page(connection) or ANONYMOUS
        scheme, _, credentials = authorization.partition(" ")
        credentials = credentials.strip()
        if scheme.lower() != "bearer" or not credentials:
            raise Unauthorized
        if credentials.startswith("gst_"):
            return self.guest(credentials)
        if self._operator_token and hmac.compare_digest(credentials.encode(), self._operator_token.encode()):
            return Actor(
                ActorKind.STAFF,
                "operator",
                Channel.API,
                self._operator_permissions,
                second_factor_at=self._clock.now(),  # who holds the machine's own secret has nothing more to prove
            )
        if self._accounts is None:
            raise Unauthorized
        return await self._accounts.bearer(credentials)

    def has_proved_recently(self, actor: Actor) -> bool:
        """Whether it is not long ago that the caller proved who they are."""
        return actor.has_proved(self._clock.now(), self.step_up_window)

    def guest(self, token: str) -> Actor:
        """The guest of the order that ``token`` opens. Raises Unauthorized or TokenExpired."""
        if not token.startswith("gst_"):
            raise Unauthorized
        return self._guest(token.removeprefix("gst_"))

    def _guest(self, text: str) -> Actor:
        payload = self._tokens.verify(GUEST_PURPOSE, text)
        if payload is None or len(payload) != 21:
            raise Unauthorized
        if int.from_bytes(payload[16:], "big") <= self._clock.now().timestamp():
            raise TokenExpired
        return Actor(ActorKind.GUEST, str(UUID(bytes=payload[:16])), Channel.API)


async def require_access(connection: HTTPConnection, handler: BaseRouteHandler) -> Actor:
    """Find out who calls and hold it against the route's declaration. Raises what a caller is refused with."""
    access: Access = handler.opt["access"]
    ORIGIN.set(address_block(client_address(connection, connection.app.state.get("trusted_proxies", 0))))
    if access is SIGNED:
        return keep_actor(connection, Actor(ActorKind.PROVIDER, "signature", Channel.PROVIDER))
    authenticator: Authenticator = connection.app.state.authenticator
    actor = keep_actor(connection, await authenticator.actor(connection))
    if access.kind in {"order", "account", "staff"} and actor.kind is ActorKind.ANONYMOUS:
        raise Unauthorized
    if access.kind == "account" and actor.session_id is None:
        raise Forbidden
    if access.permission is not None:
        allowed = actor.may(access.permission) if access.limited else actor.may_everywhere(access.permission)
        if not allowed:
            raise Forbidden
    if access.step_up and not authenticator.has_proved_recently(actor):
        raise StepUpRequired
    return actor


def keep_actor(connection: HTTPConnection, actor: Actor) -> Actor:
    """Leave with the request who sends it, for :func:`kept_actor`. The framework's ``connection.state`` would make an
    object with a lock of its own at each look.
    """
    connection.scope["state"]["actor"] = actor
    return actor


def kept_actor(connection: HTTPConnection) -> Actor:
    """Who sends the request, as its guard found out."""
    actor: Actor = connection.scope["state"]["actor"]
    return actor


def require_recent_proof(connection: HTTPConnection) -> None:
    """For the part of a route that asks for it, where ``step_up`` of its declaration would ask for it always: a file
    to take away in the place of a page to read. Raises StepUpRequired.

    A machine has nothing more to prove than its key, which somebody who had to prove it gave out for just this.
    """
    authenticator: Authenticator = connection.app.state.authenticator
    actor = kept_actor(connection)
    if actor.kind is not ActorKind.MACHINE and not authenticator.has_proved_recently(actor):
        raise StepUpRequired


def require_declarations(handlers: list[BaseRouteHandler]) -> None:
    """Refuse to start with a route that does not say who may call it."""
    undeclared = sorted(str(handler) for handler in handlers if not isinstance(handler.opt.get("access"), Access))
    if undeclared:
        raise RuntimeError(f"these routes declare no access: {', '.join(undeclared)}")
