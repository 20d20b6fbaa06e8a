"""From where a request comes, past our own proxies."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from litestar.connection import ASGIConnection

UNKNOWN_ADDRESS = "unknown"


def client_address(connection: ASGIConnection[Any, Any, Any, Any], trusted_proxies: int) -> str:
    """The address from which the outermost of our own ``trusted_proxies`` was called, never what a client claims.

    Each proxy adds the address it was called from to the right end of ``X-Forwarded-For``, so that one is the
    ``trusted_proxies``-th from the right, over all lines of that header. With fewer entries, or an entry that is no
    address, the request did not come through our proxies, and whoever sent it is meant.
    """
    peer = connection.client.host if connection.client else UNKNOWN_ADDRESS
    if trusted_proxies:
        lines = connection.headers.getall("x-forwarded-for", [])
        forwarded = [part.strip() for part in ",".join(lines).split(",")]
        if len(forwarded) >= trusted_proxies:
            address = _address(forwarded[-trusted_proxies])
            return str(address) if address is not None else peer
    return peer


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """``text`` as an address: with or without port and brackets; an IPv4 address inside an IPv6 one is that one."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=4096)
def caller_block(address: str, ipv4_prefix: int = 32, ipv6_prefix: int = 64) -> str:
    """The network that counts as one caller; a text that is no address counts as itself."""
    found = _address(address)
    if found is None:
        return address
    return str(ip_network((found, ipv4_prefix if found.version == 4 else ipv6_prefix), strict=False))
