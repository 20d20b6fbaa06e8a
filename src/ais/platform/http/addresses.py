"""From where a request comes, past our own proxies."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection


def client_address(connection: ASGIConnection[Any, Any, Any, Any], trusted_proxies: int) -> str:
    """The address that the outermost of our own ``trusted_proxies`` saw, never what a client claims."""
    forwarded = [part.strip() for part in connection.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if trusted_proxies and len(forwarded) >= trusted_proxies:
        return forwarded[-trusted_proxies]
    return connection.client.host if connection.client else "unknown"
