"""Keys of machines: given out once, asked for at each call, revoked within a second."""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID

import msgspec

from ais.accounts.ports import AgencyCodes
from ais.accounts.rights import repository
from ais.accounts.rights.domain import ApiKey, hash_of_key, new_key, permissions_for
from ais.accounts.rights.errors import ApiKeyNotFound
from ais.kit import Actor, ActorKind, Channel, Reach, ValidationFailed, encode_id, ids
from ais.kit.ids import ApiKeyId
from ais.platform.audit import Entry, record
from ais.platform.database import Database, UnitOfWork
from ais.platform.http import TokenExpired, Unauthorized

HELD_SECONDS = 0.8
_HELD_MOST = 10_000
_NOTED_EVERY = timedelta(minutes=1)


class NewApiKey(msgspec.Struct, frozen=True):
    """What is asked for: ``agency_id`` None for a machine of the airline's own or of a partner."""

    name: str
    agency_id: UUID | None
    permissions: tuple[str, ...]
    lifetime: timedelta
    requests_per_minute: int | None


def public_id(key_id: ApiKeyId) -> str:
    return encode_id(ids.API_KEY, key_id)


async def give_key_out(uow: UnitOfWork, wanted: NewApiKey, agencies: AgencyCodes) -> tuple[ApiKey, str]:
    """The key as it is kept, and itself, which nobody can be shown again.

    An agency's key may be given what its users may; another one only what machines may read, and only by who has it
    everywhere. Raises ValidationFailed.
    """
    wrong = [
        ("permissions", f"{permission} is none that such a key may have")
        for permission in sorted(set(wanted.permissions) - permissions_for(wanted.agency_id))
    ]
    if wanted.agency_id is None:
        wrong.extend(
            ("permissions", f"{permission} is not yours to give")
            for permission in sorted(set(wanted.permissions) & permissions_for(None))
            if not uow.actor.may_everywhere(permission)
        )
    elif await agencies.code_of(wanted.agency_id) is None:
        wrong.append(("agency_id", "names no agency"))
    if wrong:
        raise ValidationFailed(wrong)
    text = new_key()
    key = await repository.insert_key(
        uow,
        hash_of_key(text),
        wanted.name,
        wanted.agency_id,
        wanted.permissions,
        wanted.requests_per_minute,
        uow.clock.now() + wanted.lifetime,
    )
    given = {"permissions": sorted(wanted.permissions), "requests_per_minute": wanted.requests_per_minute}
    await record(uow, Entry(action="api_key.created", subject=public_id(key.id), after=given))
    return key, text


async def revoke_key(uow: UnitOfWork, key_id: ApiKeyId) -> ApiKey:
    """The key opens nothing any more, within a second everywhere. Raises ApiKeyNotFound."""
    key = await repository.revoke_key(uow, key_id)
    if key is None:
        raise ApiKeyNotFound
    await record(uow, Entry(action="api_key.revoked", subject=public_id(key_id)))
    return key


class ApiKeys:
    """Knows who calls by a key; one per process. What was read of a key is held for less than a second."""

    def __init__(self, database: Database, agencies: AgencyCodes) -> None:
        self._database = database
        self._agencies = agencies
        self._held: dict[bytes, tuple[ApiKey | None, float]] = {}

    async def actor(self, text: str) -> Actor:
        """The machine that has this key. Raises Unauthorized, also for a revoked key, and TokenExpired."""
        key = await self._read(hash_of_key(text))
        if key is None or key.revoked_at is not None:
            raise Unauthorized
        if key.expires_at <= self._database.clock.now():
            raise TokenExpired
        permissions = permissions_for(key.agency_id).intersection(key.permissions)
        name = public_id(key.id)
        limit = key.requests_per_minute
        if key.agency_id is None:
            return Actor(ActorKind.MACHINE, name, Channel.API, permissions, requests_per_minute=limit)
        code = await self._agencies.code_of(key.agency_id)
        if code is None:
            raise Unauthorized
        return Actor(
            ActorKind.MACHINE,
            name,
            Channel.API,
            permissions,
            seller_id=code,
            agent_id=name,
            reaches=(Reach(permissions, agencies=frozenset({code})),),
            requests_per_minute=limit,
        )

    async def _read(self, key_hash: bytes) -> ApiKey | None:
        held = self._held.get(key_hash)
        if held is not None and held[1] > time.monotonic():
            return held[0]
        # Counted from before the read: what changes while we read is seen a second after it at the latest.
        until = time.monotonic() + HELD_SECONDS
        async with self._database.connection() as connection:
            key = await repository.read_key(connection, key_hash)
            if key is not None and self._is_to_be_noted(key):
                await repository.note_key_used(connection, key.id)
        if len(self._held) >= _HELD_MOST:
            self._held.clear()
        self._held[key_hash] = (key, until)
        return key

    def _is_to_be_noted(self, key: ApiKey) -> bool:
        now = self._database.clock.now()
        is_live = key.revoked_at is None and key.expires_at > now
        return is_live and (key.last_used_at is None or key.last_used_at <= now - _NOTED_EVERY)
