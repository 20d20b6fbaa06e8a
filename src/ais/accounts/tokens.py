"""What accounts carry: access tokens, refresh tokens, cookies of pages, and the tokens of links in mails.

All but the first refresh token of a session are made from keys outside of the database (:mod:`ais.platform.tokens`),
so that whoever reads the database finds nothing to sign in with. Keys rotate without logging anyone out: the first
signs, all verify.
"""

from __future__ import annotations

import base64
import hashlib
import os
from datetime import timedelta
from uuid import UUID

import msgspec

from ais.kit import Clock
from ais.kit.ids import SessionId, UserId
from ais.platform.http import TokenExpired, Unauthorized
from ais.platform.tokens import TokenRing

ACCESS_PREFIX = "act_"
REFRESH_PREFIX = "rft_"
ACCESS_SECONDS = 900
REFRESH_LIFETIME = timedelta(days=30)
_ACCESS, _PAGE, _REFRESH, _DEVICE = "access", "page", "refresh", "device"
DEVICE_ACCOUNTS = 4
_REFRESH_BYTES = 32
# The texts that one may send: longer ones are nobody's.
LONGEST_TOKEN = 200


class SessionRef(msgspec.Struct, frozen=True):
    """Which session of which user a token names."""

    session_id: SessionId
    user_id: UserId


class AccountTokens:
    """Makes and reads the tokens of accounts."""

    def __init__(self, ring: TokenRing, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock

    def access(self, session: SessionRef) -> str:
        """A token that names the session for a quarter of an hour."""
        ends = int(self._clock.now().timestamp()) + ACCESS_SECONDS
        return ACCESS_PREFIX + self._ring.sign(_ACCESS, _bytes(session) + ends.to_bytes(5, "big"))

    def read_access(self, text: str) -> SessionRef:
        """The session that an access token names. Raises Unauthorized, TokenExpired."""
        if not text.startswith(ACCESS_PREFIX) or len(text) > LONGEST_TOKEN:
            raise Unauthorized
        raw = self._ring.verify(_ACCESS, text.removeprefix(ACCESS_PREFIX))
        if raw is None or len(raw) != 37:
            raise Unauthorized
        if int.from_bytes(raw[32:], "big") <= self._clock.now().timestamp():
            raise TokenExpired
        return _session(raw)

    def page(self, session: SessionRef) -> str:
        """What the cookie of a browser carries; the session itself says when it ends."""
        return self._ring.sign(_PAGE, _bytes(session))

    def read_page(self, text: str) -> SessionRef | None:
        """The session that a cookie names; None for whatever is not ours."""
        raw = self._ring.verify(_PAGE, text) if len(text) <= LONGEST_TOKEN else None
        return _session(raw) if raw is not None and len(raw) == 32 else None

    def device_proof(self, user_id: UserId, kept: str = "") -> str:
        """What a browser keeps that has signed in to this account, in front of what it ``kept`` of up to three others.

        It proves nothing but that, and opens nothing: it only spares its owner a mail.
        """
        others = [each for each in kept.split(".") if each and self._device_user(each) not in {None, user_id}]
        return ".".join([self._ring.sign(_DEVICE, user_id.bytes), *others[: DEVICE_ACCOUNTS - 1]])

    def knows_device(self, kept: str, user_id: UserId) -> bool:
        """Whether a browser that ``kept`` this has signed in to the account before."""
        return any(self._device_user(each) == user_id for each in kept.split(".")[:DEVICE_ACCOUNTS])

    def _device_user(self, text: str) -> UserId | None:
        raw = self._ring.verify(_DEVICE, text) if len(text) <= LONGEST_TOKEN else None
        return UserId(UUID(bytes=raw)) if raw is not None and len(raw) == 16 else None

    def first_refresh(self) -> str:
        """A random refresh token, the first of a session's family."""
        return _write_refresh(os.urandom(_REFRESH_BYTES))

    def next_refresh(self, text: str, *, stored: bytes | None = None) -> str | None:
        """The token that follows ``text``, always the same; only who has our keys can make it.

        So an answer that was lost can be given once more without a second living token. ``stored`` is the hash of the
        successor where it exists already: None if no key of ours makes it (they were replaced meanwhile).
        """
        for derived in self._ring.derive(_REFRESH, text.encode()):
            following = _write_refresh(derived)
            if stored is None or refresh_hash(following) == stored:
                return following
        return None

    def link(self, purpose: str, link_id: UUID) -> str:
        """The token of a link in a mail; made anew from its id whenever the mail is written."""
        return self._ring.sign(f"link {purpose}", link_id.bytes)

    def read_link(self, purpose: str, text: str) -> UUID | None:
        """The id of the link; None for whatever is not ours, or a link of another purpose."""
        raw = self._ring.verify(f"link {purpose}", text) if len(text) <= LONGEST_TOKEN else None
        return UUID(bytes=raw) if raw is not None and len(raw) == 16 else None


def _bytes(session: SessionRef) -> bytes:
    return session.session_id.bytes + session.user_id.bytes


def _session(raw: bytes) -> SessionRef:
    return SessionRef(SessionId(UUID(bytes=raw[:16])), UserId(UUID(bytes=raw[16:32])))


def refresh_hash(text: str) -> bytes:
    """How a refresh token stands in the database. It has 256 random bits: a fast hash is enough."""
    return hashlib.sha256(text.encode()).digest()


def _write_refresh(raw: bytes) -> str:
    return REFRESH_PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
