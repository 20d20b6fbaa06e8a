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


class OverbookedByChange(msgspec.Struct, frozen=True):
    """A change of aircraft or authorisation left ``excess`` more seats sold and held in a leg cabin than it may carry.

    Sale of the cabin is closed until the excess is gone; whom to move is for the packages above.
    """

    event_name: ClassVar[str] = "inventory.overbooked_by_change"

    flight_date_id: UUID
    leg_id: int
    cabin: str
    excess: int
