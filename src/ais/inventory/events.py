"""What inventory tells the packages above it."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

import msgspec


class HoldExpired(msgspec.Struct, frozen=True):
    """A hold reached its end unconfirmed and its seats are back on sale; told once per hold, by the sweeper.

    ``owner`` is what the holder wrote on the hold when it claimed the seats.
    """

    event_name: ClassVar[str] = "inventory.hold_expired"

    hold_id: UUID
    owner: str
