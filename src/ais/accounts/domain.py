"""Who signs in, and where an account stands. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from ais.kit import Transitions
from ais.kit.ids import PersonId, SessionId, UserId

LINK_LIFETIME = timedelta(hours=1)
# An answer that was lost may be asked for once more with the same refresh token.
RETRY_WITHIN = timedelta(seconds=10)
# Of one pair of account and address block: so many tries in this time, then none for the time of the lock.
TRIES = 5
TRIES_WITHIN = timedelta(minutes=15)
LOCKED_FOR = timedelta(minutes=30)
_FREE_TRIES = 2


def delay_after(tries: int, first_seconds: float) -> float:
    """How long the answer to a wrong try is kept back: not at all twice, then ``first_seconds``, each time doubled."""
    return first_seconds * 2 ** (tries - _FREE_TRIES - 1) if tries > _FREE_TRIES else 0.0


class UserKind(StrEnum):
    """Whose account it is: a traveller's own, of somebody who works for an agency, or for the airline."""

    TRAVELLER = "traveller"
    AGENT = "agent"
    STAFF = "staff"


class UserStatus(StrEnum):
    """A locked account may not sign in until staff unlock it; a closed one is gone for good."""

    ACTIVE = "active"
    LOCKED = "locked"
    CLOSED = "closed"


class SessionKind(StrEnum):
    """A program or phone carries tokens, a browser a cookie."""

    TOKEN = "token"  # noqa: S105  # a kind
    PAGE = "page"


class EndReason(StrEnum):
    """Why a session ended before its time."""

    LOGOUT = "logout"
    REVOKED = "revoked"
    ALL_REVOKED = "all_revoked"
    REPLACED = "replaced"  # the same browser signed in anew
    REFRESH_REUSED = "refresh_reused"  # an old refresh token came: one of two who have it is a thief
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # a reason
    LOCKED = "locked"
    CLOSED = "closed"


class LinkPurpose(StrEnum):
    """What a link in a mail does, once."""

    VERIFY = "verify"
    RESET = "reset"


USER_TRANSITIONS: Transitions[UserStatus] = Transitions(
    "user.status",
    {
        UserStatus.ACTIVE: (UserStatus.LOCKED, UserStatus.CLOSED),
        UserStatus.LOCKED: (UserStatus.ACTIVE, UserStatus.CLOSED),
        UserStatus.CLOSED: (),
    },
)


class Grant(msgspec.Struct, frozen=True):
    """A role that a user has, at these stations, for these agencies, in these channels; None is everywhere."""

    role: str
    stations: tuple[str, ...] | None = None
    agencies: tuple[UUID, ...] | None = None
    channels: tuple[str, ...] | None = None


class User(msgspec.Struct, frozen=True):
    """An account; what is ``…_sealed`` opens with the key of ``person_id``."""

    id: UserId
    kind: UserKind
    status: UserStatus
    person_id: PersonId
    email_sealed: bytes | None
    name_sealed: bytes | None
    language: str
    agency_id: UUID | None
    password_hash: str | None
    verified_at: datetime | None
    totp_sealed: bytes | None
    totp_confirmed_at: datetime | None
    totp_last_step: int | None
    access_version: int
    created_at: datetime

    @property
    def has_second_factor(self) -> bool:
        return self.totp_confirmed_at is not None


class Session(msgspec.Struct, frozen=True):
    """One sign-in that has not ended; ``origin_sealed`` opens to its :class:`Origin`."""

    id: SessionId
    user_id: UserId
    kind: SessionKind
    origin_sealed: bytes | None
    second_factor_at: datetime | None
    created_at: datetime
    last_used_at: datetime
    ends_at: datetime


class Origin(msgspec.Struct, frozen=True):
    """From where somebody signed in: the device by its own word, and the address that we saw."""

    device: str
    address: str


class SessionState(msgspec.Struct, frozen=True):
    """What a session may do, as it was read at one moment; counts as long as ``version`` is its user's."""

    session_id: SessionId
    user_id: UserId
    kind: SessionKind
    user_kind: UserKind
    agency_id: UUID | None
    version: int
    second_factor_at: datetime | None
    has_second_factor: bool
    ends_at: datetime
    grants: tuple[Grant, ...]


class RefreshToken(msgspec.Struct, frozen=True):
    """A refresh token that came, and where its family stands; ``successor_hash`` while its successor is unused."""

    session_id: SessionId
    user_id: UserId
    generation: int
    used_at: datetime | None
    retried_at: datetime | None
    is_over: bool
    was_just_used: bool | None
    is_live: bool
    may_sign_in: bool
    successor_hash: bytes | None


class Registration(msgspec.Struct, frozen=True):
    """Who wants an account and has not shown yet that the address is theirs."""

    id: UUID
    person_id: PersonId
    email_sealed: bytes
    name_sealed: bytes | None
    language: str
    password_hash: str


class Link(msgspec.Struct, frozen=True):
    """A link that does one thing once; ``is_over`` when it was used or its time has ended.

    ``email_lookups`` are the hashes of its address under each lookup key of when it was asked for.
    """

    id: UUID
    purpose: LinkPurpose
    email_lookups: Sequence[bytes]
    registration_id: UUID | None
    language: str
    expires_at: datetime
    is_over: bool
