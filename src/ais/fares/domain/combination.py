"""The cheapest fares that may stand together on one ticket.

Usually the cheapest fare of each part admits all the others, and nothing more is to be done. Otherwise what fares ask
of each other is turned into regimes: a fare that asks for half-return fares beside it makes all of them half-return
fares, one that asks for its own fare basis makes all of them that basis, and so on. Whatever fares may stand together
belong to a regime, and within one all fares combine, so that each part simply takes its cheapest fare. The least total
over all regimes is the exact answer, without a search.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, product
from typing import NamedTuple

from ais.fares.domain.fare import Combination, TripType, may_combine
from ais.fares.domain.layout import Division, Part, Party
from ais.fares.domain.sale import Candidate

Pick = tuple[Part, Candidate]


class Cheapest(NamedTuple):
    """The cheapest picks, None if there are none, and whether they are so for every party that has seats."""

    picks: list[Pick] | None
    for_all_parties: bool


def cheapest_picks(slices: Sequence[Sequence[Division]], brand: str, party: Party, multiple: int) -> Cheapest:
    """One fare for each part of the best division of each slice such that all may be combined and the party's total
    is the least, or None if the brand cannot cover the itinerary. ``multiple`` is the step to which a passenger's
    total is rounded up.
    """
    picks: list[Pick] = []
    is_divided = False
    for divisions in slices:
        if len(divisions) == 1:
            part = divisions[0][0]
            head = part.head(brand)
            if head is None:
                return Cheapest(None, for_all_parties=True)
            picks.append((part, head))
            continue
        options = [heads for division in divisions if (heads := _heads(division, brand)) is not None]
        if not options:
            return Cheapest(None, for_all_parties=True)
        is_divided = is_divided or len(options) > 1
        picks += min(options, key=_cost) if len(options) > 1 else options[0]
    if is_divided and multiple > 1:
        # What one division saves before rounding another may save by it: all are compared.
        return Cheapest(_over_regimes(slices, brand, party, multiple), for_all_parties=False)
    if len(picks) == 1 or _all_combine([candidate for _, candidate in picks]):
        return Cheapest(picks, for_all_parties=not is_divided)
    return Cheapest(_over_regimes(slices, brand, party, multiple), for_all_parties=False)


def party_total(picks: Sequence[Pick], party: Party, multiple: int) -> int:
    """What the party pays: each passenger's total over all parts, rounded up to the step that can be charged."""
    total = 0
    for index, count in party.counts:
        one = sum(part.span.price(candidate, index).total.minor for part, candidate in picks)
        total += count * (one + -one % multiple)
    return total


def _heads(division: Division, brand: str) -> list[Pick] | None:
    picks: list[Pick] = []
    for part in division:
        head = part.head(brand)
        if head is None:
            return None
        picks.append((part, head))
    return picks


def _cost(picks: Iterable[Pick]) -> int:
    return sum([part.cost(candidate) for part, candidate in picks])


def _all_combine(candidates: Sequence[Candidate]) -> bool:
    for candidate in candidates:
        if not candidate.combines_freely:
            return all(may_combine(one.fare, other.fare) for one, other in combinations(candidates, 2))
    return True


class Regime(NamedTuple):
    """What all fares of a ticket of several components have in common; None asks for nothing."""

    trip_type: TripType | None
    group: str | None
    fare_basis: str | None

    def admits(self, candidate: Candidate) -> bool:
        """Whether the fare has what is common to all, and asks for nothing else."""
        fare, rule = candidate.fare, candidate.fare.rule
        if self.trip_type is not None and fare.trip_type is not self.trip_type:
            return False
        if self.group is not None and rule.combination_group != self.group:
            return False
        if self.fare_basis is not None and fare.fare_basis != self.fare_basis:
            return False
        met = {
            Combination.ANY: True,
            Combination.HALF_RETURN: self.trip_type is TripType.HALF_RETURN,
            Combination.ONE_WAY: self.trip_type is TripType.ONE_WAY,
            Combination.SAME_GROUP: self.group is not None,
            Combination.SAME_FARE_BASIS: self.fare_basis is not None,
            Combination.ALONE: False,
        }
        return met[rule.combination]


def _regimes(candidates: Iterable[Candidate]) -> Iterator[Regime]:
    """The regimes that these fares can ask for, beginning with the one that asks for nothing."""
    rules = [(candidate.fare.fare_basis, candidate.fare.rule) for candidate in candidates]
    bases = sorted({basis for basis, rule in rules if rule.combination is Combination.SAME_FARE_BASIS})
    groups = sorted({rule.combination_group for _, rule in rules if rule.combination is Combination.SAME_GROUP})
    trips: list[tuple[TripType | None, str | None]] = [
        (None, None),
        (TripType.HALF_RETURN, None),
        (TripType.ONE_WAY, None),
        *((TripType.HALF_RETURN, group) for group in groups),
    ]
    for fare_basis in (None, *bases):
        for trip_type, group in trips:
            yield Regime(trip_type, group, fare_basis)


def _over_regimes(slices: Sequence[Sequence[Division]], brand: str, party: Party, multiple: int) -> list[Pick] | None:
    """The cheapest picks of any regime; a single component for the whole ticket has nothing to combine with."""
    parts = {id(part): part for divisions in slices for division in divisions for part in division}
    fares = {key: list(part.valid(brand)) for key, part in parts.items()}
    best: list[Pick] | None = None
    best_total = 0
    for picks in _complete_picks(slices, fares, party, multiple):
        total = party_total(picks, party, multiple)
        if best is None or total < best_total:
            best, best_total = picks, total
    return best


def _complete_picks(
    slices: Sequence[Sequence[Division]], fares: dict[int, list[Candidate]], party: Party, multiple: int
) -> Iterator[list[Pick]]:
    """Picks for the whole itinerary, among which are the cheapest."""
    if len(slices) == 1:
        whole = slices[0][0][0]
        yield from ([(whole, candidate)] for candidate in fares[id(whole)][:1])
    for regime in _regimes(candidate for of_part in fares.values() for candidate in of_part):
        options = [
            [picks for division in divisions if (picks := _picks(division, fares, regime)) is not None]
            for divisions in slices
        ]
        if not all(options):
            continue
        if multiple == 1:
            options = [[min(of_slice, key=_cost)] for of_slice in options]
        else:
            options = [_undominated(of_slice, party) for of_slice in options]
        for of_slices in product(*options):
            yield [pick for picks in of_slices for pick in picks]


def _undominated(options: Sequence[list[Pick]], party: Party) -> list[list[Pick]]:
    """The divisions that no other undercuts for every type of passenger: rounding a whole up keeps that order."""
    totals = [
        [sum(part.span.price(candidate, index).total.minor for part, candidate in picks) for index, _ in party.counts]
        for picks in options
    ]
    kept: list[int] = []
    for number, mine in enumerate(totals):
        others = [totals[other] for other in (*kept, *range(number + 1, len(totals)))]
        if not any(all(one <= two for one, two in zip(other, mine, strict=True)) for other in others):
            kept.append(number)
    return [options[number] for number in kept]


def _picks(division: Division, fares: dict[int, list[Candidate]], regime: Regime) -> list[Pick] | None:
    picks: list[Pick] = []
    for part in division:
        candidate = next((each for each in fares[id(part)] if regime.admits(each)), None)
        if candidate is None:
            return None
        picks.append((part, candidate))
    return picks
