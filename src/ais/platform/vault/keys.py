"""Keys and what they seal: AES-256-GCM, a random nonce for each value, person and field authenticated with it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ais.kit import new_uuid
from ais.kit.ids import PersonId

if TYPE_CHECKING:
    # Settings look at keys without a driver.
    import asyncpg

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_VERSION = b"\x01"
_SEALED_LEAST = len(_VERSION) + _NONCE_BYTES + _TAG_BYTES


class VaultKeyError(ValueError):
    """The text of a key is not usable; never repeats the key."""


class KeyMissing(RuntimeError):
    """A data key is wrapped by a key encryption key that is not set in this process."""


class SealBroken(ValueError):
    """A sealed value was changed, cut, or put under another person or field."""


class Holding(Protocol):
    """What holds a connection: a unit of work."""

    @property
    def connection(self) -> asyncpg.Connection[asyncpg.Record]: ...


class Lookup(NamedTuple):
    """By what one value is found: its hash under each lookup key of a vault, the first of which is stored."""

    key_ids: Sequence[str]
    hashes: Sequence[bytes]

    @property
    def key_id(self) -> str:
        """The name of the key whose hash is stored."""
        return self.key_ids[0]

    @property
    def stored(self) -> bytes:
        """The hash that is stored."""
        return self.hashes[0]


class PersonKey:
    """One person's opened data key; held for as long as a request or job needs it, never stored."""

    __slots__ = ("_cipher", "_head", "id", "kek_id", "wrapped")

    def __init__(self, person_id: PersonId, key: bytes, kek_id: str, wrapped: bytes) -> None:
        self.id = person_id
        self.kek_id = kek_id
        self.wrapped = wrapped
        self._cipher = AESGCM(key)
        self._head = b"ais field\0" + _VERSION + person_id.bytes

    def row(self) -> dict[str, str]:
        """The row of ``person_keys`` as JSON, for :data:`ais.platform.vault.INSERT_PERSONS`."""
        return {"id": str(self.id), "kek_id": self.kek_id, "wrapped_key": "\\x" + self.wrapped.hex()}

    def seal(self, field: str, plain: str | bytes) -> bytes:
        """``plain`` for this person and ``field`` alone, 29 bytes longer; each time another text."""
        content = plain.encode() if isinstance(plain, str) else plain
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, content, self._head + field.encode())

    def open_bytes(self, field: str, sealed: bytes) -> bytes:
        """What was sealed for ``field``. Raises :class:`SealBroken`."""
        if len(sealed) < _SEALED_LEAST or sealed[:1] != _VERSION:
            raise SealBroken("a sealed value is cut or of an unknown form")
        nonce, content = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, content, self._head + field.encode())
        except InvalidTag:
            raise SealBroken(f"{field} of person {self.id} does not open with that person's key") from None

    def open(self, field: str, sealed: bytes) -> str:
        """As :meth:`open_bytes`, as text."""
        return self.open_bytes(field, sealed).decode()


class Vault:
    """Makes, wraps and opens data keys, and makes the hashes by which sealed values are found again.

    ``keys`` are the key encryption keys, ``name:base64url`` of 32 bytes, comma separated, the first of which wraps;
    ``lookup_keys`` are such keys too: the first makes the hash that is stored, by all of them is found. Both come from
    outside the database. Raises :class:`VaultKeyError`.
    """

    def __init__(self, keys: str, lookup_keys: str) -> None:
        parsed = _parse(keys)
        self.kek_ids: Sequence[str] = tuple(parsed)
        self._wrappers = {name: AESGCM(key) for name, key in parsed.items()}
        self._lookups = {
            name: hmac.new(key, b"ais lookup\0", hashlib.sha256) for name, key in _parse(lookup_keys).items()
        }
        self.lookup_ids: Sequence[str] = tuple(self._lookups)

    @property
    def kek_id(self) -> str:
        """The name of the key that wraps."""
        return self.kek_ids[0]

    @property
    def lookup_id(self) -> str:
        """The name of the lookup key whose hashes are stored."""
        return self.lookup_ids[0]

    def mint(self) -> PersonKey:
        """The key of a new person, not stored yet: ``row()`` goes in by ``INSERT_PERSONS`` with what it seals."""
        person_id, key = PersonId(new_uuid()), AESGCM.generate_key(bit_length=8 * KEY_BYTES)
        return PersonKey(person_id, key, self.kek_id, self._wrap(person_id, key))

    def unwrap(self, person_id: PersonId, kek_id: str, wrapped: bytes) -> PersonKey:
        """The opened key of a row of ``person_keys``. Raises :class:`KeyMissing`, :class:`SealBroken`."""
        return PersonKey(person_id, self._key(person_id, kek_id, wrapped), kek_id, wrapped)

    def rewrap(self, person_id: PersonId, kek_id: str, wrapped: bytes) -> bytes:
        """The same data key under the key that wraps now."""
        return self._wrap(person_id, self._key(person_id, kek_id, wrapped))

    def lookup_hash(self, kind: str, normalised: str) -> bytes:
        """32 bytes by which equal values of one kind are found: HMAC-SHA-256 under the first lookup key.

        Whoever has the database alone cannot try guesses. The hash stands beside what is sealed and is removed with it.
        """
        return self.lookup(kind, normalised).stored

    def lookup(self, kind: str, normalised: str) -> Lookup:
        """The hashes of one value under all lookup keys: by whichever it was stored, it is found."""
        hashes = []
        for keyed in self._lookups.values():
            state = keyed.copy()
            state.update(kind.encode() + b"\0" + normalised.encode())
            hashes.append(state.digest())
        return Lookup(self.lookup_ids, hashes)

    async def new_person(self, uow: Holding) -> PersonKey:
        """A new person, stored in the unit of work."""
        person = self.mint()
        await uow.connection.execute(
            "INSERT INTO person_keys (id, kek_id, wrapped_key) VALUES ($1, $2, $3)",
            person.id,
            person.kek_id,
            person.wrapped,
        )
        return person

    async def persons(
        self, connection: asyncpg.Connection[asyncpg.Record], person_ids: Iterable[PersonId]
    ) -> Mapping[PersonId, PersonKey]:
        """The keys of many persons by one statement; who was erased, or never was, is left out."""
        wanted = list(set(person_ids))
        if not wanted:
            return {}
        rows = await connection.fetch(
            "SELECT id, kek_id, wrapped_key FROM person_keys WHERE id = ANY($1) AND destroyed_at IS NULL", wanted
        )
        return {row["id"]: self.unwrap(row["id"], row["kek_id"], row["wrapped_key"]) for row in rows}

    async def person(self, connection: asyncpg.Connection[asyncpg.Record], person_id: PersonId) -> PersonKey | None:
        """The key of one person; None once it is destroyed."""
        return (await self.persons(connection, [person_id])).get(person_id)

    async def open(
        self, connection: asyncpg.Connection[asyncpg.Record], person_id: PersonId, field: str, sealed: bytes
    ) -> str | None:
        """One sealed value; None once its person's key is destroyed."""
        person = await self.person(connection, person_id)
        return person.open(field, sealed) if person is not None else None

    def of_rows(self, rows: Mapping[str, Any] | None) -> dict[PersonId, PersonKey]:
        """The keys that a statement brought along as JSON: by person the name of the wrapping key and the wrapped key
        in hexadecimal, as ``jsonb_object_agg(id, jsonb_build_array(kek_id, encode(wrapped_key, 'hex')))`` writes it.
        """
        found = {}
        for text, (kek_id, wrapped) in (rows or {}).items():
            person_id = PersonId(UUID(text))
            found[person_id] = self.unwrap(person_id, kek_id, bytes.fromhex(wrapped))
        return found

    def _wrap(self, person_id: PersonId, key: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._wrappers[self.kek_id].encrypt(nonce, key, _wrapped_with(person_id, self.kek_id))

    def _key(self, person_id: PersonId, kek_id: str, wrapped: bytes) -> bytes:
        wrapper = self._wrappers.get(kek_id)
        if wrapper is None:
            raise KeyMissing(f"a person's key is wrapped by {kek_id!r}, which is not among the vault's keys")
        try:
            return wrapper.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _wrapped_with(person_id, kek_id))
        except InvalidTag:
            raise SealBroken(f"the key of person {person_id} does not open with {kek_id!r}") from None


def _wrapped_with(person_id: PersonId, kek_id: str) -> bytes:
    return b"ais person key\0" + person_id.bytes + kek_id.encode()


def _parse(text: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, separator, encoded = pair.partition(":")
        try:
            raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            raw = b""
        if not separator or not name or not name.isascii() or not name.isprintable() or len(raw) != KEY_BYTES:
            raise VaultKeyError(f"a key of the vault is written name:base64url, the key {KEY_BYTES} bytes")
        if name in keys:
            raise VaultKeyError(f"two keys of the vault are named {name!r}")
        keys[name] = raw
    if not keys:
        raise VaultKeyError("no key of the vault is set")
    return keys
