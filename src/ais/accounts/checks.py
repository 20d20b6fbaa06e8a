"""What a session may do now: asked of Valkey, of PostgreSQL where Valkey does not know, held for less than a second.

A *state* is what was read of a session at one moment, with the access version of its user. Whatever changes what the
sessions of a user may do raises that version in its transaction and announces it afterwards; a state of an earlier
version counts no more, whoever wrote it and when. So a slow reader cannot bring back what was taken away. If the
announcement fails, because Valkey is away just then or the process dies, a job repeats it.
"""

from __future__ import annotations

import time
from datetime import timedelta

import msgspec

from ais.accounts.domain import SessionState
from ais.accounts.repository import sessions as repository
from ais.accounts.tokens import SessionRef
from ais.kit.ids import SessionId, UserId
from ais.platform.cache import Cache, CacheAway, Script
from ais.platform.database import Database
from ais.platform.telemetry import get_logger

log = get_logger("accounts.checks")

HELD_SECONDS = 0.8
_KEPT_SECONDS = 300
# Longer than any state that was read before lives.
_VERSION_SECONDS = 900
_REST_WITHOUT_VALKEY_SECONDS = 2.0
_HELD_MOST = 20_000

_FETCH = Script("return redis.call('MGET', KEYS[1], KEYS[2])")
_KEEP = Script("return redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])")
_RAISE = Script("""
local known = tonumber(redis.call('GET', KEYS[1]) or 0)
if tonumber(ARGV[1]) > known then
    redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
end
return 1
""")


class _Held(msgspec.Struct, frozen=True):
    state: SessionState | None
    until: float


class SessionChecks:
    """Knows what sessions may do; one per process. ``idle`` is how long a browser's session lives without use.

    Without a cache, as commands have none, it reads from PostgreSQL, and leaves announcements to the job.
    """

    def __init__(self, database: Database, cache: Cache | None, idle: timedelta) -> None:
        self._database = database
        self._cache = cache
        self._idle = idle
        self._held: dict[SessionId, _Held] = {}
        self._ask_valkey_from = 0.0

    async def state(self, session: SessionRef) -> SessionState | None:
        """What the session may do, at most a second old; None for one that has ended or never was."""
        held = self._held.get(session.session_id)
        if held is None or held.until <= time.monotonic():
            # Counted from before the read: what changes while we read is seen a second after it at the latest.
            until = time.monotonic() + HELD_SECONDS
            held = _Held(await self._read(session), until)
            if len(self._held) >= _HELD_MOST:
                self._held.clear()
            self._held[session.session_id] = held
        state = held.state
        if state is None or state.user_id != session.user_id or state.ends_at <= self._database.clock.now():
            return None
        return state

    async def announce(self, user_id: UserId, version: int) -> None:
        """The user's sessions must be read anew, by every process. Called after the commit of what raised the version.

        Raises nothing if Valkey is away: then all read from PostgreSQL, and the job repeats it.
        """
        self._forget(user_id)
        if self._cache is None:
            return
        try:
            await announce(self._cache, user_id, version)
        except CacheAway:
            log.warning("accounts.announcement_waits", user_id=str(user_id))

    def _forget(self, user_id: UserId) -> None:
        for session_id in [each for each, held in self._held.items() if held.state and held.state.user_id == user_id]:
            del self._held[session_id]

    async def _read(self, session: SessionRef) -> SessionState | None:
        kept = await self._from_valkey(session)
        if kept is not None:
            return kept
        async with self._database.connection() as connection:
            state = await repository.read_state(connection, session.session_id, self._idle)
        if state is not None:
            await self._to_valkey(state)
        return state

    async def _from_valkey(self, session: SessionRef) -> SessionState | None:
        if self._cache is None or time.monotonic() < self._ask_valkey_from:
            return None
        keys = (_state_key(session.session_id), _version_key(session.user_id))
        try:
            kept, version = await self._cache.run(_FETCH, keys, ())
        except CacheAway:
            self._rest()
            return None
        if kept is None:
            return None
        state = msgspec.json.decode(kept, type=SessionState)
        return state if version is None or state.version >= int(version) else None

    async def _to_valkey(self, state: SessionState) -> None:
        if self._cache is None or time.monotonic() < self._ask_valkey_from:
            return
        try:
            await self._cache.run(
                _KEEP, (_state_key(state.session_id),), (msgspec.json.encode(state).decode(), _KEPT_SECONDS)
            )
        except CacheAway:
            self._rest()

    def _rest(self) -> None:
        self._ask_valkey_from = time.monotonic() + _REST_WITHOUT_VALKEY_SECONDS


async def announce(cache: Cache, user_id: UserId, version: int) -> None:
    """Let no state of an earlier version count any more. Raises CacheAway."""
    await cache.run(_RAISE, (_version_key(user_id),), (version, _VERSION_SECONDS))


def _state_key(session_id: SessionId) -> str:
    return f"ais:session:{session_id}"


def _version_key(user_id: UserId) -> str:
    return f"ais:access:{user_id}"
