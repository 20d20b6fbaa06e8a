"""HTTP to servers that are killed now and then."""

from __future__ import annotations

from typing import Any

import httpx


class _Transport(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except AttributeError as problem:
            # anyio asks the socket of a connection for its address, and uvloop has no socket left if the other side
            # was gone at once: a lost connection like any other, under a name of its own.
            if "getpeername" not in str(problem) and "getsockname" not in str(problem):
                raise
            raise httpx.ConnectError("the connection was lost as soon as it was made", request=request) from problem


def client_of_mortals(*, limits: httpx.Limits | None = None, **options: Any) -> httpx.AsyncClient:
    """A client whose every loss of a connection is an :class:`httpx.TransportError`."""
    transport = _Transport(limits=limits) if limits else _Transport()
    return httpx.AsyncClient(transport=transport, timeout=30.0, **options)
