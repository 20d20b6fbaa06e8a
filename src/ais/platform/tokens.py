"""Signed tokens: opaque strings that carry their own content and that nobody else can make.

A ring holds several secret keys; the first signs, all verify, so a key is rotated by putting a new one in front and
removing the old one when its last token has ended. The purpose is part of what is signed: a token of one kind is
never accepted as another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator
from typing import TypeAlias
from uuid import UUID

MAC_BYTES = 16
LEAST_KEY_BYTES = 32
_State: TypeAlias = "hashlib._Hash"  # noqa: SLF001  # so the stubs name what hashlib makes
_INNER_PAD, _OUTER_PAD = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


class TokenKeyError(ValueError):
    """The text of the secret keys is not usable."""


class TokenRing:
    """Signs and verifies with ``AIS_SECRET_KEYS``: ``name:base64url`` pairs, comma separated, newest first."""

    def __init__(self, text: str) -> None:
        self._keys: dict[bytes, bytes] = {}
        for pair in filter(None, (part.strip() for part in text.split(","))):
            name, separator, encoded = pair.partition(":")
            try:
                secret = _decode(encoded)
            except (ValueError, binascii.Error):
                secret = b""
            if not separator or not 1 <= len(name) <= 16 or not name.isascii() or len(secret) < LEAST_KEY_BYTES:
                raise TokenKeyError(
                    f"a secret key is written name:base64url, the name at most 16 characters, the key at least"
                    f" {LEAST_KEY_BYTES} bytes"
                )
            self._keys[name.encode()] = secret
        if not self._keys:
            raise TokenKeyError("no secret key is set")
        self._signer = next(iter(self._keys))
        self._prepared: dict[tuple[bytes, str], tuple[_State, _State]] = {}

    def sign(self, purpose: str, payload: bytes) -> str:
        """URL-safe text of the key's name, ``payload`` and a 128-bit HMAC-SHA256 over both and ``purpose``."""
        head = bytes([len(self._signer)]) + self._signer + payload
        return _encode(head + self._mac(self._signer, purpose, head))

    def verify(self, purpose: str, text: str) -> bytes | None:
        """The payload, or None for whatever was not signed by one of our keys for this purpose."""
        try:
            raw = _decode(text)
        except (ValueError, binascii.Error):
            return None
        if len(raw) < 1 + MAC_BYTES or _encode(raw) != text:
            return None
        head, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        name_end = 1 + head[0]
        name = head[1:name_end]
        if name not in self._keys or not hmac.compare_digest(mac, self._mac(name, purpose, head)):
            return None
        return head[name_end:]

    def derive(self, purpose: str, payload: bytes) -> Iterator[bytes]:
        """32 bytes that nobody else can make of ``payload``, by each of the keys, newest first."""
        for key in self._keys.values():
            yield hmac.digest(key, purpose.encode() + b"\0" + payload, hashlib.sha256)

    def _mac(self, name: bytes, purpose: str, head: bytes) -> bytes:
        """HMAC-SHA256 (RFC 2104) over purpose and head, from states that have taken the key and the purpose in already.

        Copying both states costs a third of copying the library's own object, and a search does so for every offer; its
        one-shot function keys anew and lets go of the interpreter lock each time.
        """
        prepared = self._prepared.get((name, purpose))
        if prepared is None:
            prepared = self._prepared[name, purpose] = _keyed(self._keys[name], purpose.encode() + b"\0")
        inner, outer = prepared[0].copy(), prepared[1].copy()
        inner.update(head)
        outer.update(inner.digest())
        return outer.digest()[:MAC_BYTES]


def _keyed(key: bytes, begin: bytes) -> tuple[_State, _State]:
    """The inner and the outer hash of an HMAC-SHA256 of a text that begins so."""
    block = hashlib.sha256().block_size
    padded = (key if len(key) <= block else hashlib.sha256(key).digest()).ljust(block, b"\0")
    return hashlib.sha256(padded.translate(_INNER_PAD) + begin), hashlib.sha256(padded.translate(_OUTER_PAD))


GUEST_PURPOSE = "guest"


def sign_guest_token(tokens: TokenRing, order_id: UUID, expires_at_seconds: int) -> str:
    """A token that opens this order alone, until the given Unix second."""
    return "gst_" + tokens.sign(GUEST_PURPOSE, order_id.bytes + expires_at_seconds.to_bytes(5, "big"))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
