"""Who signs in, and where an account stands. Pure."""

from __future__ import annotations

from enum import StrEnum

from ais.kit import Transitions


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


USER_TRANSITIONS: Transitions[UserStatus] = Transitions(
    "user.status",
    {
        UserStatus.ACTIVE: (UserStatus.LOCKED, UserStatus.CLOSED),
        UserStatus.LOCKED: (UserStatus.ACTIVE, UserStatus.CLOSED),
        UserStatus.CLOSED: (),
    },
)
