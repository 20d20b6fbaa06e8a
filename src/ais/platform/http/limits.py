"""The limit of every route: which class it declares, who is counted, and what its answer says of it.

A route declares ``limit="search"`` (a :data:`~ais.platform.rate_limits.RouteClass`) beside ``access=``; without it the
class is ``default``, and ``limit=None`` is for what may be called without end: health, files, messages of a provider.

Who signs in with an account or an API key is counted by that, and by the address block with :data:`ADDRESS_SHARE` times
the figure, because an office or a network operator stands behind one address. Everybody else, also who sends
credentials that are refused, is counted by the address block.
"""

from __future__ import annotations

from litestar.datastructures import MutableScopeHeaders
from litestar.handlers.base import BaseRouteHandler
from litestar.types import Message, Scope

from ais.kit import ANONYMOUS, Actor, ActorKind, AppError, NotFound
from ais.platform.http.access import HTTPConnection, keep_actor, require_access
from ais.platform.http.addresses import caller_block, client_address
from ais.platform.http.requests import HTTPRequest
from ais.platform.rate_limits import FAILURES_ONLY, LimitKey, RateLimited, RateLimiter, Spent
from ais.platform.rates import Rate

ADDRESS_SHARE = 10
_COUNTED_BY_ADDRESS = frozenset({ActorKind.ANONYMOUS, ActorKind.GUEST, ActorKind.PROVIDER})


async def admit(connection: HTTPRequest) -> None:
    """The guard of every route: finds out who calls, whether they may, and whether they do so too often.

    The framework calls it before every handler (``before_request``) and not as one of its guards, for each of which it
    copies the whole handler in every request.
    """
    handler: BaseRouteHandler = connection.route_handler
    if "access" not in handler.opt:
        # The framework's own answer to OPTIONS, which names the methods of a path; routes of ours all declare it.
        keep_actor(connection, ANONYMOUS)
        return
    if "\0" in connection.scope["path"]:
        raise NotFound
    limiter: RateLimiter | None = connection.app.state.get("rate_limiter")
    route_class: str | None = handler.opt.get("limit", "default")
    if limiter is None or route_class is None or not limiter.limits(route_class):
        await require_access(connection, handler)
        return
    try:
        actor = await require_access(connection, handler)
    except AppError:
        await _count(connection, limiter, route_class, None)
        raise
    await _count(connection, limiter, route_class, actor)


async def _count(connection: HTTPConnection, limiter: RateLimiter, route_class: str, actor: Actor | None) -> None:
    keys = limit_keys(connection, actor)
    try:
        spent = await limiter.check(route_class, keys)
    except RateLimited as refused:
        connection.scope["state"]["rate_limit"] = Spent(refused.limit, 0, refused.retry_after_seconds or 0)
        raise
    if spent is not None:
        connection.scope["state"]["rate_limit"] = spent
        if route_class in FAILURES_ONLY:
            connection.scope["state"]["rate_limit_kept"] = (limiter, route_class, keys)


def limit_keys(connection: HTTPConnection, actor: Actor | None) -> list[LimitKey]:
    """Under which keys a request of this caller counts."""
    settings = connection.app.state.settings
    address = client_address(connection, connection.app.state.trusted_proxies)
    block = caller_block(address, settings.limit_ipv4_prefix, settings.limit_ipv6_prefix)
    if actor is None or actor.kind in _COUNTED_BY_ADDRESS:
        return [LimitKey(f"address:{block}")]
    own = Rate(actor.requests_per_minute, 60) if actor.requests_per_minute is not None else None
    return [LimitKey(actor.name, rate=own), LimitKey(f"signed:{block}", share=ADDRESS_SHARE)]


async def tell_limit(message: Message, scope: Scope) -> None:
    """What every answer of a limited route says of the limit; gives back what a success of a class of failures took."""
    if message["type"] != "http.response.start":
        return
    state = scope["state"]
    spent: Spent | None = state.get("rate_limit")
    if spent is None:
        return
    is_guess = message["status"] >= 400 and state.get("spends_a_try", True)
    if not is_guess and (kept := state.get("rate_limit_kept")) is not None:
        limiter, route_class, keys = kept
        await limiter.give_back(route_class, keys)
    MutableScopeHeaders.from_message(message).update(rate_limit_headers(spent))


def rate_limit_headers(spent: Spent) -> dict[str, str]:
    """The three headers of the API's contract."""
    return {
        "RateLimit-Limit": str(spent.limit),
        "RateLimit-Remaining": str(spent.remaining),
        "RateLimit-Reset": str(spent.resets_in_seconds),
    }
