"""What happened to accounts, told by ids alone."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class LinkAsked(msgspec.Struct, frozen=True):
    """Somebody asked for a link by mail: to show that an address is theirs, or to choose a new password."""

    event_name: ClassVar[str] = "accounts.link_asked"
    link_id: str


class AddressVerified(msgspec.Struct, frozen=True):
    """The user of a new account has shown that its address is theirs."""

    event_name: ClassVar[str] = "accounts.address_verified"
    user_id: str


class PasswordChanged(msgspec.Struct, frozen=True):
    """An account has a new password; its owner is told, in case it was somebody else."""

    event_name: ClassVar[str] = "accounts.password_changed"
    user_id: str
    change_id: str


class SecondFactorAdded(msgspec.Struct, frozen=True):
    """From now on signing in to this account asks for a code; its owner is told, in case it was somebody else."""

    event_name: ClassVar[str] = "accounts.second_factor_added"
    user_id: str
    change_id: str


class SecondFactorRemoved(msgspec.Struct, frozen=True):
    """Signing in asks for no code any more, by whoever's hand; its owner is told."""

    event_name: ClassVar[str] = "accounts.second_factor_removed"
    user_id: str
    change_id: str


class SignedInFromNewDevice(msgspec.Struct, frozen=True):
    """A session was opened by a device that this account has not been used by before."""

    event_name: ClassVar[str] = "accounts.signed_in_from_new_device"
    user_id: str
    session_id: str


class RefreshTokenReused(msgspec.Struct, frozen=True):
    """An old refresh token came, and ended its session: two have had it, and one of them is a thief."""

    event_name: ClassVar[str] = "accounts.refresh_token_reused"
    user_id: str
    session_id: str


class ApprovalRequested(msgspec.Struct, frozen=True):
    """Something waits for the signature of a second person."""

    event_name: ClassVar[str] = "accounts.approval_requested"
    approval_id: str
