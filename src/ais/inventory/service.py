"""Use cases of inventory that run in the caller's unit of work.

Each is one round trip that locks its leg cabins and holds them until the unit of work ends: call them late, and once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from ais.inventory import repository
from ais.inventory.domain import ClaimItem, Hold, HoldStatus, SeatsToGiveBack
from ais.inventory.errors import AuthorisationRefused, HoldHasExpired, HoldNotFound, SeatsNotSold, SeatsUnavailable
from ais.inventory.events import HoldExpired
from ais.inventory.repository import AdjustedCabin, CabinNow
from ais.kit import InvalidStateTransition, NotFound
from ais.platform.audit import Entry, record
from ais.platform.database import UnitOfWork
from ais.platform.staff_queue import ask_staff, resolve_staff_queue

OVERBOOKED = "overbooked_by_change"
"""The kind of an entry on the staff queue about a leg cabin, ``<leg id>:<cabin>``, that a change has oversold."""


class InventoryReport(msgspec.Struct, frozen=True):
    """What bringing inventory to the schedule changed: leg cabins made, and those that were adjusted."""

    opened: int
    adjusted: tuple[AdjustedCabin, ...]

    @property
    def overbooked(self) -> tuple[AdjustedCabin, ...]:
        """Leg cabins in which more is sold and held now than may be carried, and more than before."""
        return tuple(cabin for cabin in self.adjusted if cabin.excess_after > cabin.excess_before)


async def confirm_hold(uow: UnitOfWork, hold_id: UUID) -> Hold:
    """Turn held seats into sold ones, once; again, it answers with the confirmed hold.

    A hold that has ended is claimed again, all its legs or none, by the rules of any claim; it stays expired, and what
    is confirmed then is its successor, with an id of its own. Either id names the seats from then on. Raises
    :class:`SeatsUnavailable` if they are gone, InvalidStateTransition for a released hold, :class:`HoldNotFound`.
    """
    outcome, hold, refusal = await repository.confirm_hold(uow.connection, hold_id)
    if refusal is not None:
        raise SeatsUnavailable(refusal.asked, refusal.open_seats, refusal.of)
    if hold is None:
        raise HoldNotFound
    if outcome != HoldStatus.CONFIRMED:
        raise InvalidStateTransition("hold", outcome, HoldStatus.CONFIRMED)
    return hold


async def extend_hold(uow: UnitOfWork, hold_id: UUID, expires_at: datetime) -> Hold:
    """Move the end of an active hold to ``expires_at``, never to an earlier instant than it has.

    Raises :class:`HoldHasExpired` if it has ended, InvalidStateTransition if it is resolved, :class:`HoldNotFound`.
    """
    outcome, hold = await repository.extend_hold(uow.connection, hold_id, expires_at)
    if hold is None:
        raise HoldNotFound
    if outcome == HoldStatus.EXPIRED:
        raise HoldHasExpired(expires_at=hold.expires_at.isoformat(timespec="seconds"))
    if outcome != HoldStatus.ACTIVE:
        raise InvalidStateTransition("hold", outcome, HoldStatus.ACTIVE)
    return hold


async def release_hold(uow: UnitOfWork, hold_id: UUID) -> Hold:
    """Give held seats back at once. A hold that is released or has expired stays so and is answered as it is.

    Raises InvalidStateTransition for a confirmed hold (:func:`release_sold` is for those), :class:`HoldNotFound`.
    """
    outcome, hold = await repository.release_hold(uow.connection, hold_id)
    if hold is None:
        raise HoldNotFound
    if outcome == HoldStatus.CONFIRMED:
        raise InvalidStateTransition("hold", outcome, HoldStatus.RELEASED)
    return hold


async def release_sold(
    uow: UnitOfWork, hold_id: UUID, items: Sequence[ClaimItem | SeatsToGiveBack] | None = None
) -> Hold:
    """Give sold seats back: everything a confirmed hold still has, or ``items`` of it.

    Everything twice gives back once. A part is given back as often as it is asked for, so its caller must know that it
    has not asked before. Raises :class:`SeatsNotSold` if the hold has fewer seats sold than ``items``, and then nothing
    is given back; InvalidStateTransition if it was never confirmed; :class:`HoldNotFound`.
    """
    outcome, hold = await repository.release_sold(uow.connection, hold_id, items)
    if outcome == "too_many":
        raise SeatsNotSold
    if hold is None:
        raise HoldNotFound
    if outcome != HoldStatus.CONFIRMED:
        raise InvalidStateTransition("hold", outcome, HoldStatus.RELEASED)
    return hold


async def sweep_expired_holds(uow: UnitOfWork, limit: int = 100) -> int:
    """Resolve up to ``limit`` holds that have ended, and tell :class:`HoldExpired` of each; how many there were."""
    ended = await repository.sweep_expired_holds(uow.connection, limit)
    for hold_id, owner in ended:
        uow.publish(HoldExpired(hold_id, owner))
    return len(ended)


async def open_inventory(uow: UnitOfWork, leg_ids: Sequence[int] | None = None) -> int:
    """Make counters for legs on sale that have none (all legs if None); the number of leg cabins made.

    Capacity is the leg's configuration, authorisation adds the carrier's overbooking, classes and limits come from the
    carrier's ladder of booking classes. Doing it again makes nothing. Existing counters are left as they are.
    """
    if leg_ids is not None and not leg_ids:
        return 0
    await repository.allow_long_statements(uow.connection)
    opened = await repository.open_leg_cabins(uow.connection, leg_ids)
    if opened:
        await repository.note_change(uow.connection, leg_ids if leg_ids is not None and len(leg_ids) <= 1000 else None)
    return opened


async def change_equipment(uow: UnitOfWork, leg_ids: Sequence[int] | None, reason: str) -> tuple[AdjustedCabin, ...]:
    """Bring the counters of legs to their configuration and sale as the schedule has them now, and record it.

    A smaller aircraft may leave more sold and held than is authorised: the difference is the leg cabin's excess, it is
    closed until that is gone, and staff are asked whom to move. Claims never raise an excess.
    """
    await repository.allow_long_statements(uow.connection)
    adjusted = tuple(await repository.refit_leg_cabins(uow.connection, leg_ids, uow.actor.name, reason))
    if adjusted:
        await repository.note_change(uow.connection, sorted({cabin.leg_id for cabin in adjusted}))
    await _ask_whom_to_move(uow, adjusted)
    return adjusted


async def apply_schedule(uow: UnitOfWork, leg_ids: Sequence[int] | None, reason: str) -> InventoryReport:
    """What an import asks for: open what is new, refit what has changed, close what is cancelled."""
    opened = await open_inventory(uow, leg_ids)
    return InventoryReport(opened, await change_equipment(uow, leg_ids, reason))


async def set_authorisation(
    uow: UnitOfWork,
    leg_id: int,
    cabin: str,
    *,
    reason: str,
    authorised: int | None = None,
    class_limits: Sequence[int] | None = None,
    blocked: int | None = None,
) -> AdjustedCabin:
    """Set the authorisation level, the limits of the classes below the first, or blocked seats; None leaves as it is.

    Without ``class_limits`` the limits of lower classes keep their share of the authorisation. Limits may lie below
    what is sold, the authorisation too: the cabin then carries an excess, as after a change of equipment. Raises
    :class:`AuthorisationRefused` for limits that rise with the rank or are not as many as the classes; NotFound.
    """
    found = await repository.leg_cabins(uow.connection, [leg_id], lock=True)
    current = next((each for each in found if each.cabin == cabin), None)
    if current is None:
        raise NotFound
    limits = _new_limits(current, authorised, class_limits)
    kept_off = current.blocked if blocked is None else blocked
    if kept_off < 0:
        raise AuthorisationRefused(reason="blocked seats cannot be negative")
    adjusted = await repository.adjust_authorisation(uow.connection, current, limits, kept_off, uow.actor.name, reason)
    await record(
        uow,
        Entry(
            action="inventory.authorisation_set",
            subject=f"leg:{leg_id}:{cabin}",
            before={"limits": [str(limit) for limit in current.limits], "blocked": current.blocked},
            after={"limits": [str(limit) for limit in limits], "blocked": kept_off},
        ),
    )
    await repository.note_change(uow.connection, [leg_id])
    await _ask_whom_to_move(uow, (adjusted,))
    return adjusted


def _new_limits(current: CabinNow, authorised: int | None, class_limits: Sequence[int] | None) -> list[int]:
    first = current.authorised if authorised is None else authorised
    if class_limits is not None:
        lower = list(class_limits)
    else:
        lower = [limit * first // current.authorised if current.authorised else 0 for limit in current.limits[1:]]
    limits = [first, *lower]
    if len(limits) != len(current.classes):
        raise AuthorisationRefused(
            reason=f"the cabin has {len(current.classes)} classes, limits came for {len(limits)}"
        )
    if min(limits) < 0 or limits != sorted(limits, reverse=True):
        raise AuthorisationRefused(reason="limits must not be negative and must not rise from class to class")
    return limits


async def _ask_whom_to_move(uow: UnitOfWork, adjusted: Sequence[AdjustedCabin]) -> None:
    """Put each leg cabin that is oversold further on the staff queue, and take off those that no longer are."""
    oversold = [cabin for cabin in adjusted if cabin.excess_after > cabin.excess_before]
    legs = await repository.name_legs(uow.connection, [cabin.leg_id for cabin in oversold]) if oversold else {}
    for cabin in oversold:
        await ask_staff(uow, OVERBOOKED, _subject(cabin), excess=cabin.excess_after, **legs[cabin.leg_id])
    for cabin in adjusted:
        if cabin.excess_after == 0 < cabin.excess_before:
            await resolve_staff_queue(uow, OVERBOOKED, _subject(cabin))


def _subject(cabin: AdjustedCabin) -> str:
    return f"{cabin.leg_id}:{cabin.cabin}"


async def seats_sold(uow: UnitOfWork, leg_ids: Sequence[int]) -> dict[int, int]:
    """Seats sold by leg, all cabins together."""
    return await repository.seats_sold(uow.connection, leg_ids)


async def leg_cabins(uow: UnitOfWork, leg_ids: Sequence[int]) -> list[CabinNow]:
    """The counters of legs as they are written: what staff look at. Ended holds count until somebody folds them."""
    return await repository.leg_cabins(uow.connection, leg_ids)
