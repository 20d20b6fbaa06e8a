"""Standard nesting, holds and claims: what is open, in numbers alone.

The classes of a cabin are ranked from 1 (highest) to k. ``limits[i]`` is the booking limit b of rank i + 1, the first
of them the authorisation level of the cabin; ``taken[i]`` is n, the seats sold or held in that class by every segment
that crosses the leg. A class is open for the least of what its own limit and all limits above it leave:

    open(j) = max(0, min over i <= j of (b_i - sum of n_m over m >= i))

The database decides claims by the same formula (``claim_seats``); tests hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from ais.kit import Transitions

SHOWN_AT_MOST = 9
"""A shopper never learns of more open seats than this: as many as one party may be."""


class HoldStatus(StrEnum):
    """How a hold stands. Every status but ``active`` is final: a hold resolves exactly once."""

    ACTIVE = "active"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    EXPIRED = "expired"


class HoldItemState(StrEnum):
    """How the seats of one leg cabin and class in a hold stand."""

    HELD = "held"
    SOLD = "sold"
    RELEASED = "released"
    EXPIRED = "expired"


HOLD_TRANSITIONS: Transitions[HoldStatus] = Transitions(
    "hold.status",
    {
        HoldStatus.ACTIVE: (HoldStatus.CONFIRMED, HoldStatus.RELEASED, HoldStatus.EXPIRED),
        HoldStatus.CONFIRMED: (),
        HoldStatus.RELEASED: (),
        HoldStatus.EXPIRED: (),
    },
)

HOLD_ITEM_TRANSITIONS: Transitions[HoldItemState] = Transitions(
    "hold_item.state",
    {
        HoldItemState.HELD: (HoldItemState.SOLD, HoldItemState.RELEASED, HoldItemState.EXPIRED),
        HoldItemState.SOLD: (HoldItemState.RELEASED,),
        HoldItemState.RELEASED: (),
        HoldItemState.EXPIRED: (),
    },
)


class ClaimItem(msgspec.Struct, frozen=True):
    """``seats`` of booking class ``rbd`` in one leg cabin, and ``infants`` on laps there."""

    leg_id: int
    cabin: str
    rbd: str
    seats: int
    infants: int = 0

    def __post_init__(self) -> None:
        if self.seats < 1 or self.infants < 0:
            raise ValueError("a claim item has at least one seat and no fewer than no infants")
        if len(self.cabin) != 1 or len(self.rbd) != 1:
            raise ValueError("cabins and booking classes are single letters")


class SeatsToGiveBack(msgspec.Struct, frozen=True):
    """Sold seats of one leg cabin and class that go back, with the infants on laps; no seats: places on laps alone."""

    leg_id: int
    cabin: str
    rbd: str
    seats: int
    infants: int = 0

    def __post_init__(self) -> None:
        if self.seats < 0 or self.infants < 0 or self.seats + self.infants == 0:
            raise ValueError("what is given back is at least one seat or one infant's place")


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to hold all of ``items`` for ``hold_seconds`` from the decision, or none of them.

    ``hold_id`` is the caller's and makes a repeat find its own seats; ``owner`` is written on the hold and told back
    when it expires. ``journey`` is kept as it is, for the booking curve: nothing personal belongs into it.
    """

    hold_id: UUID
    owner: str
    items: tuple[ClaimItem, ...]
    hold_seconds: float
    channel: str
    point_of_sale: str
    journey: Mapping[str, Any] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.items:
            raise ValueError("a claim has at least one item")
        if not 0 < self.hold_seconds <= 366 * 86_400:
            raise ValueError("a hold lasts between a moment and a year")

    @property
    def seats(self) -> int:
        """Seats asked for on the leg that needs the most of them."""
        return self._most((item.leg_id, item.seats) for item in self.items)

    @property
    def infants(self) -> int:
        """Infants on laps on the leg that carries the most of them."""
        return self._most((item.leg_id, item.infants) for item in self.items)

    @staticmethod
    def _most(counts: Iterable[tuple[int, int]]) -> int:
        by_leg: dict[int, int] = {}
        for leg_id, count in counts:
            by_leg[leg_id] = by_leg.get(leg_id, 0) + count
        return max(by_leg.values())


class Hold(msgspec.Struct, frozen=True):
    """Seats claimed: ``status`` as of the answer, an end that has passed already read as ``expired``.

    ``is_new`` is False when the answer is an earlier hold of the same id.
    """

    id: UUID
    status: HoldStatus
    created_at: datetime
    expires_at: datetime
    is_new: bool = False


def slack_by_rank(limits: Sequence[int], taken: Sequence[int], blocked: int = 0) -> list[int]:
    """Per rank i: b_i less everything taken in class i and below; ``blocked`` seats are kept off the cabin's total.

    May be negative, where a limit lies below what is sold.
    """
    slack, below = [0] * len(limits), 0
    for rank in range(len(limits) - 1, -1, -1):
        below += taken[rank]
        slack[rank] = limits[rank] - below
    slack[0] -= blocked
    return slack


def open_by_rank(limits: Sequence[int], taken: Sequence[int], blocked: int = 0) -> list[int]:
    """Open seats per rank: 100, 83, 49 with 20, 30, 15 taken are 35, 35, 34."""
    least, opened = None, []
    for slack in slack_by_rank(limits, taken, blocked):
        least = slack if least is None else min(least, slack)
        opened.append(max(0, least))
    return opened
