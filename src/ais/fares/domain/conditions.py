"""What a fare allows after the sale: refund, change, no-show and baggage, alone and for a whole ticket.

A tier "until 72 hours before departure: 25 %" counts back from the departure of the first flight not yet flown;
negative hours are after it. Beyond the last tier the thing is not allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import msgspec

from ais.kit import Money


class RuleTier(msgspec.Struct, frozen=True):
    """One tier as filed: a percentage of the ticket's base fare (``basis_points``) or an ``amount``, never both."""

    until_hours_before: int
    basis_points: int | None = None
    amount: Money | None = None


class BagAllowance(msgspec.Struct, frozen=True):
    """So many pieces of at most ``weight_kg`` each."""

    pieces: int
    weight_kg: int


class Baggage(msgspec.Struct, frozen=True):
    """What may be taken without further payment; ``carry_on`` is None if nothing beyond a personal item may."""

    carry_on: BagAllowance | None = None
    checked: tuple[BagAllowance, ...] = ()

    @property
    def generosity(self) -> tuple[int, int]:
        """Orders allowances: kilograms checked, then kilograms carried on."""
        carried = self.carry_on.pieces * self.carry_on.weight_kg if self.carry_on else 0
        return sum(bag.pieces * bag.weight_kg for bag in self.checked), carried


class PenaltyTier(msgspec.Struct, frozen=True):
    """Until so many hours before departure this much is kept, per passenger, for the whole ticket."""

    until_hours_before: int
    penalty: Money


class Permission(msgspec.Struct, frozen=True):
    """Whether something is allowed at all, and its price by time: tiers from the earliest to the last."""

    allowed: bool
    tiers: tuple[PenaltyTier, ...] = ()

    def penalty_at(self, hours_before: float) -> Money | None:
        """The penalty that many hours before departure (negative: after it), or None if it is no longer allowed."""
        for tier in self.tiers:
            if hours_before >= tier.until_hours_before:
                return tier.penalty
        return None


class Conditions(msgspec.Struct, frozen=True):
    """What the buyer of a ticket may do with it, with penalties as sums for one adult."""

    refund: Permission
    change: Permission
    no_show: Permission
    baggage: Baggage


class PenaltyRules(msgspec.Struct, frozen=True):
    """The three permissions of one fare as filed: tiers from the earliest to the last, none at all: not allowed."""

    refund: tuple[RuleTier, ...] = ()
    change: tuple[RuleTier, ...] = ()
    no_show: tuple[RuleTier, ...] = ()


def tier_at(tiers: Sequence[RuleTier], hours_before: float) -> RuleTier | None:
    """The tier in force that many hours before departure (negative: after it), None if it is no longer allowed."""
    for tier in tiers:
        if hours_before >= tier.until_hours_before:
            return tier
    return None


def strictest(
    permissions: Sequence[tuple[RuleTier, ...]], base_fare: Money, convert: Callable[[Money], Money]
) -> Permission:
    """One permission for a ticket of several fares: at every moment the dearest penalty of any of them, and nothing
    that one of them forbids. Percentages are of ``base_fare``, the ticket's; ``convert`` brings a filed amount to its
    currency.
    """
    plan = _strictest_plan(tuple(permissions))
    if plan is None:
        return Permission(allowed=False)
    merged: list[PenaltyTier] = []
    for bound, basis_points, amounts in plan:
        penalties = [convert(amount) for amount in amounts]
        if basis_points is not None:
            penalties.append(base_fare.percent(basis_points))
        dearest = penalties[0] if len(penalties) == 1 else max(penalties, key=lambda penalty: penalty.minor)
        if merged and merged[-1].penalty == dearest:
            merged.pop()
        merged.append(PenaltyTier(bound, dearest))
    return Permission(bool(merged), tuple(merged))


_PlannedTier = tuple[int, int | None, tuple[Money, ...]]


@lru_cache(maxsize=1_024)
def _strictest_plan(permissions: tuple[tuple[RuleTier, ...], ...]) -> tuple[_PlannedTier, ...] | None:
    """The moments at which the penalty may change, each with the highest percentage and the amounts in force there, as
    far as all fares still allow it; None if one of them never does. Fares of few rules are sold at many prices.
    """
    if not all(permissions):
        return None
    bounds = sorted({tier.until_hours_before for tiers in permissions for tier in tiers}, reverse=True)
    plan: list[_PlannedTier] = []
    for bound in bounds:
        in_force = [tier_at(tiers, bound) for tiers in permissions]
        found = [tier for tier in in_force if tier is not None]
        if len(found) < len(in_force):
            break
        percentages = [tier.basis_points or 0 for tier in found if tier.amount is None]
        amounts = tuple([tier.amount for tier in found if tier.amount is not None])
        plan.append((bound, max(percentages, default=None), amounts))
    return tuple(plan)


def ticket_conditions(
    rules: Sequence[PenaltyRules], baggage: Baggage, base_fare: Money, convert: Callable[[Money], Money]
) -> Conditions:
    """The conditions of a ticket whose fare components carry ``rules``, for one slice with ``baggage``."""
    return Conditions(
        refund=strictest([rule.refund for rule in rules], base_fare, convert),
        change=strictest([rule.change for rule in rules], base_fare, convert),
        no_show=strictest([rule.no_show for rule in rules], base_fare, convert),
        baggage=baggage,
    )
