"""What endpoints ask of a request: who calls, under which key, from where."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request
from litestar.params import Parameter

from ais.kit import Actor, ActorKind
from ais.platform.http.access import kept_actor
from ais.platform.http.errors import MalformedRequest
from ais.platform.i18n import Language, preferred_language
from ais.platform.idempotency import (
    LEAST_ANONYMOUS_KEY,
    IdempotencyConflict,
    IdempotencyInProgress,
    IdempotencyKeyRequired,
    RequestKey,
    fingerprint,
)
from ais.platform.telemetry import CORRELATION_ID

HTTPRequest = Request[Any, Any, Any]
IdempotencyKeyHeader = Annotated[str | None, Parameter(header="Idempotency-Key", required=False, max_length=4096)]
"""Declared by an endpoint for the OpenAPI document; :func:`request_key` reads it with its scope and judges it."""
KEY_REFUSALS = (IdempotencyKeyRequired, IdempotencyConflict, IdempotencyInProgress)
"""What every route that needs such a key can refuse."""


def actor_of(request: HTTPRequest) -> Actor:
    """Who calls, as the guard found out."""
    return kept_actor(request)


def correlation_id_of() -> str:
    """The id that all lines, jobs and errors of the present request carry."""
    return CORRELATION_ID.get()


def language_of(request: HTTPRequest) -> Language:
    """The language the caller reads."""
    return preferred_language(request.headers.get("accept-language"))


async def request_key(request: HTTPRequest, *, required: bool) -> RequestKey | None:
    """The idempotency key of the request with its scope and fingerprint; None if it is optional and absent.

    1-255 visible ASCII characters; without credentials at least 32, because all anonymous callers share one scope.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        if required:
            raise IdempotencyKeyRequired
        return None
    if not 1 <= len(key) <= 255 or not all("!" <= character <= "~" for character in key):
        raise MalformedRequest("an Idempotency-Key has 1 to 255 visible ASCII characters")
    actor = actor_of(request)
    if actor.kind is ActorKind.ANONYMOUS and len(key) < LEAST_ANONYMOUS_KEY:
        raise MalformedRequest(f"without credentials an Idempotency-Key has at least {LEAST_ANONYMOUS_KEY} characters")
    body = await request.body()
    scope = f"{request.method} {request.scope['path']} {actor.name}"
    return RequestKey(scope, key, fingerprint(msgspec.json.decode(body or b"null")))
