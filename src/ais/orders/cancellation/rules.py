"""What of a price is kept and what comes back, line by line. Pure.

The fare's own tiers decide per coupon by the time before departure of the first unflown segment that is given up. A
percentage is of the ticket's base fare, as the conditions of the offer say it, and each coupon bears its share by
value; so a ticket that is given up at once costs exactly what its conditions promised, and one that is given up in
parts never more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ais.fares import PenaltyRules, tier_at
from ais.kit import Rounding, allocate
from ais.kit.ids import OrderSegmentId, PassengerId
from ais.kit.money import round_ratio
from ais.orders.cancellation.domain import GivenUp, Place, QuoteLine, Rule
from ais.orders.domain import Order, OrderPriceLine

_HOUR = timedelta(hours=1)
_WHOLE = 10_000


class Kept(msgspec.Struct, frozen=True):
    """What is kept of one line, and why."""

    penalty: int = 0
    shortfall: int = 0
    other: int = 0
    rule: Rule = Rule.NO_PENALTY
    details: dict[str, Any] = {}


def hours_before(order: Order, given_up: GivenUp, now: datetime) -> float:
    """Hours until the departure of the first segment that is given up; negative after it."""
    segments = {segment_id for _, segment_id in given_up.places}
    first = min(segment.departs_at for segment in order.segments if segment.id in segments)
    return (first - now) / _HOUR


def involuntary_lines(order: Order, given_up: GivenUp) -> tuple[QuoteLine, ...]:
    """Everything comes back: the airline has broken the journey."""
    kept = Kept(rule=Rule.INVOLUNTARY)
    return _numbered(_line(line, kept, given_up) for line in _lines_of(order, given_up))


def voluntary_lines(
    order: Order,
    given_up: GivenUp,
    rules: Mapping[int, PenaltyRules],
    now: datetime,
    *,
    shortfalls: Mapping[PassengerId, int],
) -> tuple[QuoteLine, ...]:
    """What the fares' rules keep and give back. ``rules`` are the penalties by fare version; ``shortfalls`` is what
    the flown part of a passenger's ticket would have cost more by itself than its share of the fare, in minor units.
    """
    hours = hours_before(order, given_up, now)
    lines = _lines_of(order, given_up)
    fares = [line for line in lines if line.kind == "fare"]
    kept: dict[int, Kept] = {}
    for passenger in order.passengers:
        ticket = [line for line in order.lines if line.kind == "fare" and line.passenger_id == passenger.id]
        own = [line for line in fares if line.passenger_id == passenger.id]
        short = _shares(own, shortfalls.get(passenger.id, 0))
        for line in own:
            kept[line.position] = _fare_kept(line, ticket, rules, hours, short[line.position])
    return _numbered(
        _line(line, kept[line.position] if line.kind == "fare" else _charge_kept(line), given_up) for line in lines
    )


def _fare_kept(
    line: OrderPriceLine,
    ticket: Sequence[OrderPriceLine],
    rules: Mapping[int, PenaltyRules],
    hours: float,
    shortfall: int,
) -> Kept:
    rule = rules[line.version_id] if line.version_id is not None else PenaltyRules()
    tier = tier_at(rule.refund if hours >= 0 else rule.no_show, hours)
    if tier is None:
        return Kept(shortfall=shortfall, other=line.amount_minor - shortfall, rule=Rule.NOT_REFUNDABLE)
    if tier.amount is not None:
        whole, why = tier.amount.minor, Rule.PENALTY_AMOUNT
        details: dict[str, Any] = {"amount": str(tier.amount)}
    else:
        base, basis_points = sum(each.amount_minor for each in ticket), tier.basis_points or 0
        whole = round_ratio(base * basis_points, _WHOLE, Rounding.NEAREST)
        why, details = Rule.PENALTY_PERCENT, {"basis_points": basis_points}
    shares = allocate(whole, [each.amount_minor for each in ticket])
    share = next(share for each, share in zip(ticket, shares, strict=True) if each.position == line.position)
    penalty = min(share, line.amount_minor - shortfall)
    if whole == 0:
        why = Rule.NO_PENALTY
    details |= {"hours": tier.until_hours_before, "after_departure": hours < 0}
    if shortfall:
        details["shortfall"] = True
    return Kept(penalty=penalty, shortfall=shortfall, rule=why, details=details)


def _shares(fares: Sequence[OrderPriceLine], shortfall: int) -> dict[int, int]:
    """A shortfall over the fare lines that are given up, by their value and never more than it."""
    if not fares:
        return {}
    values = [line.amount_minor for line in fares]
    shares = allocate(min(shortfall, sum(values)), values)
    return {line.position: share for line, share in zip(fares, shares, strict=True)}


def _charge_kept(line: OrderPriceLine) -> Kept:
    if line.refundable:
        return Kept(rule=Rule.CHARGE_REFUNDABLE)
    return Kept(other=line.amount_minor, rule=Rule.CHARGE_NOT_REFUNDABLE)


def without_penalty(lines: Sequence[QuoteLine]) -> tuple[QuoteLine, ...]:
    """The lines as they are when the penalty is waived: what is not refundable is kept all the same."""
    return tuple(
        msgspec.structs.replace(
            line,
            kept_minor=line.kept_minor - line.penalty_minor,
            penalty_minor=0,
            refunded_minor=line.refunded_minor + line.penalty_minor,
            rule=Rule.WAIVED,
        )
        if line.penalty_minor
        else line
        for line in lines
    )


def noting_move(lines: Sequence[QuoteLine], minutes: int, above: int) -> tuple[QuoteLine, ...]:
    """The lines with the word by how many ``minutes`` the airline has moved a flight, and ``above`` which that is its
    doing.
    """
    said = {"moved": minutes, "moved_above": above}
    return tuple(msgspec.structs.replace(line, details={**line.details, **said}) for line in lines)


def without_taken(lines: Sequence[QuoteLine], taken: int) -> tuple[QuoteLine, ...]:
    """The lines when a bank has taken ``taken`` minor units of the order's money already: so much less comes back, of
    the first lines first.
    """
    left = taken
    changed = []
    for line in lines:
        gone = min(left, line.refunded_minor)
        left -= gone
        changed.append(
            msgspec.structs.replace(
                line,
                kept_minor=line.kept_minor + gone,
                refunded_minor=line.refunded_minor - gone,
                taken_minor=gone,
            )
        )
    return tuple(changed)


def in_steps(lines: Sequence[QuoteLine], multiple: int) -> tuple[QuoteLine, ...]:
    """The lines with their refund brought down to a multiple of ``multiple`` minor units, as cards need it of
    three-decimal currencies; what is too much is kept of the lines that give back most.
    """
    too_much = sum(line.refunded_minor for line in lines) % multiple
    less: dict[int, int] = {}
    for line in sorted(lines, key=lambda line: -line.refunded_minor):
        less[line.position] = min(too_much, line.refunded_minor)
        too_much -= less[line.position]
    return tuple(
        msgspec.structs.replace(
            line,
            kept_minor=line.kept_minor + less[line.position],
            refunded_minor=line.refunded_minor - less[line.position],
            details={**line.details, "card_step": True},
        )
        if less[line.position]
        else line
        for line in lines
    )


def _lines_of(order: Order, given_up: GivenUp) -> list[OrderPriceLine]:
    places = set(given_up.places)
    return [line for line in order.lines if (line.passenger_id, line.order_segment_id) in places]


def _line(line: OrderPriceLine, kept: Kept, given_up: GivenUp) -> QuoteLine:
    whole = kept.penalty + kept.shortfall + kept.other
    place: Place = (line.passenger_id, OrderSegmentId(line.order_segment_id))
    along = given_up.along.get(place)
    return QuoteLine(
        position=0,
        price_line_position=line.position,
        passenger_id=line.passenger_id,
        order_segment_id=line.order_segment_id,
        kind=line.kind,
        code=line.code,
        paid_minor=line.amount_minor,
        kept_minor=whole,
        penalty_minor=kept.penalty,
        shortfall_minor=kept.shortfall,
        refunded_minor=line.amount_minor - whole,
        rule=kept.rule,
        details=kept.details | ({"along": str(along)} if along else {}),
    )


def _numbered(lines: Any) -> tuple[QuoteLine, ...]:
    return tuple(msgspec.structs.replace(line, position=number) for number, line in enumerate(lines, start=1))
