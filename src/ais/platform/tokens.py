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
from uuid import UUID

MAC_BYTES = 16
LEAST_KEY_BYTES = 32


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
        self._prepared: dict[tuple[bytes, str], hmac.HMAC] = {}

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
        # A prepared state is copied: keying anew costs more than the content, and the one-shot function lets go of the
        # interpreter lock for every offer of a search.
        prepared = self._prepared.get((name, purpose))
        if prepared is None:
            prepared = hmac.new(self._keys[name], purpose.encode() + b"\0", hashlib.sha256)
            self._prepared[name, purpose] = prepared
        state = prepared.copy()
        state.update(head)
        return state.digest()[:MAC_BYTES]


GUEST_PURPOSE = "guest"


def sign_guest_token(tokens: TokenRing, order_id: UUID, expires_at_seconds: int) -> str:
    """A token that opens this order alone, until the given Unix second."""
    return "gst_" + tokens.sign(GUEST_PURPOSE, order_id.bytes + expires_at_seconds.to_bytes(5, "big"))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
