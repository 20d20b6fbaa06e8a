"""What is left to sell: seats counted per leg and cabin, sold by booking class, held for a while, then sold or back.

A *leg cabin* is the one place where seats are counted. Its *authorisation level* is capacity plus overbooking; its
*booking classes* (RBD) are ranked and nested, each with a *booking limit*, so that what a low class takes is gone for
the higher ones and not the other way round. A *claim* asks for seats of several legs, all or none; the *seat desk*
answers it with a *hold*, which has an id, an owner and an end, and resolves exactly once: confirmed, released or
expired. An expired hold stops counting by time; sweeping only tidies.

Always true: counters are the sums of the hold items; sold + held + blocked <= authorised + excess, and no claim raises
excess; holds are never deleted. `docs/algorithms/inventory.md` has the rules with worked tables.
"""

from ais.inventory.availability import Availability
from ais.inventory.domain import (
    HOLD_ITEM_TRANSITIONS,
    HOLD_TRANSITIONS,
    SHOWN_AT_MOST,
    Claim,
    ClaimItem,
    Hold,
    HoldItemState,
    HoldStatus,
    SeatsToGiveBack,
    open_by_rank,
)
from ais.inventory.errors import (
    AuthorisationRefused,
    HoldHasExpired,
    HoldNotFound,
    SeatDeskUnavailable,
    SeatsNotSold,
    SeatsUnavailable,
)
from ais.inventory.events import HoldExpired
from ais.inventory.invariants import INVARIANTS
from ais.inventory.repository import AdjustedCabin, CabinNow
from ais.inventory.seat_desk import SeatDesk
from ais.inventory.service import (
    InventoryReport,
    apply_schedule,
    change_equipment,
    confirm_hold,
    extend_hold,
    leg_cabins,
    open_inventory,
    release_hold,
    release_sold,
    seats_sold,
    set_authorisation,
    sweep_expired_holds,
)

__all__ = [
    "HOLD_ITEM_TRANSITIONS",
    "HOLD_TRANSITIONS",
    "INVARIANTS",
    "SHOWN_AT_MOST",
    "AdjustedCabin",
    "AuthorisationRefused",
    "Availability",
    "CabinNow",
    "Claim",
    "ClaimItem",
    "Hold",
    "HoldExpired",
    "HoldHasExpired",
    "HoldItemState",
    "HoldNotFound",
    "HoldStatus",
    "InventoryReport",
    "SeatDesk",
    "SeatDeskUnavailable",
    "SeatsNotSold",
    "SeatsToGiveBack",
    "SeatsUnavailable",
    "apply_schedule",
    "change_equipment",
    "confirm_hold",
    "extend_hold",
    "leg_cabins",
    "open_by_rank",
    "open_inventory",
    "release_hold",
    "release_sold",
    "seats_sold",
    "set_authorisation",
    "sweep_expired_holds",
]
