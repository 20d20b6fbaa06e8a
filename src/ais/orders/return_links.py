"""Where a hosted payment page may send people back to. Pure.

An address that anybody may name would make our payment page send people anywhere, in our name. So only our own pages
and the hosts that the installation lists are taken.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from ais.kit import ValidationFailed

LONGEST = 2000
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_FIRST_PRINTED = 0x21


class ReturnLinks(msgspec.Struct, frozen=True):
    """Where a person goes after paying, and after giving up."""

    return_url: str
    cancel_url: str


class LinkRules(msgspec.Struct, frozen=True):
    """``public_url`` is the address under which people reach our pages; ``hosts`` are other hosts that may be named,
    without a port for every port.
    """

    public_url: str
    hosts: frozenset[str] = frozenset()

    def links(self, order_reference: str, return_url: str | None, cancel_url: str | None) -> ReturnLinks:
        """The addresses to use: those that were asked for, else the order's page.

        Raises :class:`ValidationFailed` naming each address that is not allowed.
        """
        wrong = [
            (field, "is not an address on an allowed host")
            for field, url in (("return_url", return_url), ("cancel_url", cancel_url))
            if url is not None and not self.allows(url)
        ]
        if wrong:
            raise ValidationFailed(wrong)
        page = f"{self.public_url.rstrip('/')}/orders/{order_reference}"
        return ReturnLinks(return_url or f"{page}?payment=done", cancel_url or f"{page}?payment=cancelled")

    def allows(self, url: str) -> bool:
        """Whether people may be sent to ``url``: http or https on our own origin, https on a listed host.

        A listed host of this very machine may be reached by http. User names, backslashes, spaces and control
        characters, which browsers and parsers read differently, are refused wherever they stand.
        """
        if len(url) > LONGEST or not url.isascii() or "\\" in url or any(ord(each) < _FIRST_PRINTED for each in url):
            return False
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            return False
        if host is None or "@" in parts.netloc or parts.scheme not in {"http", "https"}:
            return False
        own = urlsplit(self.public_url)
        if (parts.scheme, host, port) == (own.scheme, own.hostname, own.port):
            return True
        if host not in self.hosts and parts.netloc.lower() not in self.hosts:
            return False
        return parts.scheme == "https" or host in _LOOPBACK
