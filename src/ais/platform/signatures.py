"""Signatures that others can check: Ed25519 (RFC 8032), private keys by name, public keys to hand out.

Written ``name:base64url`` as the token keys are, a private key as its seed of 32 bytes; the first of several signs, all
verify, so that a key is replaced by putting a new one in front while what the old one signed can still be checked.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY_BYTES = 32


class SigningKeyError(ValueError):
    """The text of a key is not usable."""


class PublicKeys:
    """Keys that verify, by name."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {name: Ed25519PublicKey.from_public_bytes(raw) for name, raw in keys.items()}

    @classmethod
    def parse(cls, text: str) -> PublicKeys:
        """Keys written ``name:base64url``, comma separated; raises :class:`SigningKeyError`."""
        return cls(_parse(text))

    def __contains__(self, name: str) -> bool:
        return name in self._keys

    def __or__(self, other: PublicKeys) -> PublicKeys:
        return PublicKeys(self.raw() | other.raw())

    def verify(self, name: str, message: bytes, signature: bytes) -> bool:
        """Whether the key ``name`` made this signature of ``message``; False for a key that is not known."""
        if name not in self._keys:
            return False
        try:
            self._keys[name].verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def raw(self) -> dict[str, bytes]:
        """Each key's 32 bytes."""
        return {name: key.public_bytes(Encoding.Raw, PublicFormat.Raw) for name, key in self._keys.items()}

    def written(self) -> str:
        """The keys as :meth:`parse` reads them."""
        return ",".join(f"{name}:{_encode(raw)}" for name, raw in self.raw().items())


class SigningKeys:
    """Private keys, of which the first signs."""

    def __init__(self, text: str) -> None:
        keys = {name: Ed25519PrivateKey.from_private_bytes(raw) for name, raw in _parse(text).items()}
        self.signer = next(iter(keys))
        self._private = keys[self.signer]
        self.public = PublicKeys(
            {name: key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) for name, key in keys.items()}
        )

    def sign(self, message: bytes) -> bytes:
        """64 bytes by the key :attr:`signer`."""
        return self._private.sign(message)


def _parse(text: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, separator, encoded = pair.partition(":")
        try:
            raw = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except (ValueError, binascii.Error):
            raw = b""
        if not separator or not name or not name.isascii() or not name.isprintable() or len(raw) != KEY_BYTES:
            raise SigningKeyError(f"a key is written name:base64url, the key {KEY_BYTES} bytes")
        keys[name] = raw
    if not keys:
        raise SigningKeyError("no key is set")
    return keys


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
