"""What stands around the application: whose host this is, how long a request may take, what every answer forbids.

It holds for every answer, also for those that no route gives: an unknown path, a refusal, an accident.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec
from litestar.types import ASGIApp

from ais.kit import AppError, ServiceUnavailable
from ais.platform.http.errors import error_body
from ais.platform.i18n import preferred_language
from ais.platform.settings import Settings
from ais.platform.telemetry import get_logger

log = get_logger("shield")

HSTS = "max-age=31536000; includeSubDomains"
# An answer that is no page loads nothing, runs nothing and stands in nobody's frame, whatever a browser takes it for.
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# The page of the API's document: our own script and style, and the small pictures that its style sheet has inside.
_DOCUMENT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", _NOTHING.encode()),
)
_DOCUMENT_PATH = "/schema"
# A load balancer asks each process by its address, not by the name of the site.
_ASKED_BY_ADDRESS = "/health/"


class HostMissing(AppError):
    """The request does not say, or says more than once, for which host it is."""

    code = "MALFORMED_REQUEST"
    status = 400
    message = "The request must name one host."


class HostUnknown(AppError):
    """The request is for a host that is not ours."""

    code = "MISDIRECTED_REQUEST"
    status = 421
    message = "This host is not served here."


class Shield:
    """An ASGI application around another. ``settings`` say which hosts are ours and how long a request may take."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = settings.hosts
        self._seconds = settings.request_timeout_seconds or None
        always = dict(_ALWAYS)
        if settings.site.startswith("https://"):
            always[b"strict-transport-security"] = HSTS.encode()
        self._always = tuple(always.items())
        self._names = frozenset(always)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        is_document = scope["path"].startswith(_DOCUMENT_PATH)

        async def send_shielded(message: Any) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = self._with_headers(list(message.get("headers", ())), is_document=is_document)
            await send(message)

        refusal = self._misdirected(scope)
        if refusal is not None:
            await _answer(refusal, scope, send_shielded)
            return
        try:
            async with asyncio.timeout(self._seconds) as patience:
                await self._app(scope, receive, send_shielded)
        except TimeoutError:
            if not patience.expired() or started:
                raise
            log.warning("a request took too long", path=scope["path"], seconds=self._seconds)
            await _answer(ServiceUnavailable(), scope, send_shielded)

    def _with_headers(self, headers: list[tuple[bytes, bytes]], *, is_document: bool) -> list[tuple[bytes, bytes]]:
        """``headers`` and what is missing of those that every answer has: a page may say its own."""
        present = {name.lower() for name, _ in headers}
        if self._names.isdisjoint(present):
            headers += self._always
        else:
            headers += [header for header in self._always if header[0] not in present]
        if is_document:
            headers = [each for each in headers if each[0] not in {b"content-security-policy", b"cache-control"}]
            headers += [(b"content-security-policy", _DOCUMENT.encode()), (b"cache-control", b"no-cache")]
        return headers

    def _misdirected(self, scope: Any) -> AppError | None:
        if not self._hosts or scope["path"].startswith(_ASKED_BY_ADDRESS):
            return None
        named = [value for name, value in scope["headers"] if name == b"host"]
        if len(named) != 1:
            return HostMissing()
        return None if host_name(named[0].decode("latin-1")) in self._hosts else HostUnknown()


def host_name(authority: str) -> str:
    """The host of ``host:port`` in small letters, without port and final dot."""
    host = authority.rpartition("]")[0] + "]" if authority.startswith("[") else authority.partition(":")[0]
    return host.lower().removesuffix(".")


async def _answer(error: AppError, scope: Any, send: Any) -> None:
    """The error in the one form of the API, for what never reaches a route."""
    language = preferred_language(_first(scope["headers"], b"accept-language"))
    headers = [(b"content-type", b"application/json"), (b"content-language", language.encode())]
    if error.retry_after_seconds is not None:
        headers.append((b"retry-after", str(error.retry_after_seconds).encode()))
    body = msgspec.json.encode(error_body(error, language))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _first(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in headers if name == wanted), None)
