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
