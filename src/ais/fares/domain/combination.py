"""The cheapest fares that may stand together on one ticket.

Usually the cheapest fare of each part admits all the others and nothing is searched. Otherwise a depth-first search
over divisions and fares, cheapest first, cut wherever even the cheapest rest cannot beat what was found, gives the
exact answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from ais.fares.domain.fare import may_combine
from ais.fares.domain.layout import Division, Part, Party
from ais.fares.domain.sale import Candidate

Pick = tuple[Part, Candidate]


def cheapest_picks(slices: Sequence[Sequence[Division]], brand: str, party: Party, multiple: int) -> list[Pick] | None:
    """One fare for each part of the best division of each slice such that all may be combined and the party's total
    is the least, or None if the brand cannot cover the itinerary. ``multiple`` is the step to which a passenger's
    total is rounded up.
    """
    picks: list[Pick] = []
    is_divided = False
    for divisions in slices:
        if len(divisions) == 1 and len(divisions[0]) == 1:
            part = divisions[0][0]
            head = part.head(brand)
            if head is None:
                return None
            picks.append((part, head))
            continue
        best = _cheapest_division(divisions, brand)
        if best is None:
            return None
        is_divided = True
        picks += best
    if is_divided and multiple > 1:
        return _Search(slices, brand, party, multiple).run()
    if len(picks) == 1 or _all_combine([candidate for _, candidate in picks]):
        return picks
    return _Search(slices, brand, party, multiple).run()


def _cheapest_division(divisions: Sequence[Division], brand: str) -> list[Pick] | None:
    best: list[Pick] | None = None
    best_cost = 0
    for division in divisions:
        picks: list[Pick] = []
        for part in division:
            head = part.head(brand)
            if head is None:
                break
            picks.append((part, head))
        else:
            cost = sum(part.cost(candidate) for part, candidate in picks)
            if best is None or cost < best_cost:
                best, best_cost = picks, cost
    return best


def _all_combine(candidates: Sequence[Candidate]) -> bool:
    for candidate in candidates:
        if not candidate.combines_freely:
            return all(may_combine(one.fare, other.fare) for one, other in combinations(candidates, 2))
    return True


def party_total(picks: Sequence[Pick], party: Party, multiple: int) -> int:
    """What the party pays: each passenger's total over all parts, rounded up to the step that can be charged."""
    total = 0
    for index, count in party.counts:
        one = sum(part.span.price(candidate, index).total.minor for part, candidate in picks)
        total += count * (one + -one % multiple)
    return total


class _Search:
    """Branch and bound over the slices' divisions and the fares of their parts."""

    def __init__(self, slices: Sequence[Sequence[Division]], brand: str, party: Party, multiple: int) -> None:
        self._slices = slices
        self._party = party
        self._multiple = multiple
        self._best: list[Pick] | None = None
        self._best_total = 0
        self._fares: dict[int, list[tuple[int, Candidate]]] = {}
        parts = {id(part): part for divisions in slices for division in divisions for part in division}
        for key, part in parts.items():
            self._fares[key] = [(part.cost(candidate), candidate) for candidate in part.valid(brand)]
        self._fares = self._without_dominated()
        # The least that the slices from each index on can cost, whatever combines with what.
        self._floor = [0] * (len(slices) + 1)
        for index in range(len(slices) - 1, -1, -1):
            costs = [cost for division in slices[index] if (cost := self._division_floor(division)) is not None]
            self._floor[index] = self._floor[index + 1] + min(costs, default=0)

    def run(self) -> list[Pick] | None:
        self._descend_slice(0, [], 0)
        return self._best

    def _without_dominated(self) -> dict[int, list[tuple[int, Candidate]]]:
        """Of a part's fares that combine alike, only the cheapest can be in the answer. The fare basis tells fares
        apart only where some fare asks for its own basis again.
        """
        by_basis = any(
            candidate.fare.rule.combination == "same_fare_basis"
            for fares in self._fares.values()
            for _, candidate in fares
        )
        kept: dict[int, list[tuple[int, Candidate]]] = {}
        for key, fares in self._fares.items():
            seen = set()
            kept[key] = []
            for cost, candidate in fares:
                rule = candidate.fare.rule
                basis = candidate.fare.fare_basis if by_basis else ""
                alike = (rule.combination, rule.combination_group, candidate.fare.trip_type, basis)
                if alike not in seen:
                    seen.add(alike)
                    kept[key].append((cost, candidate))
        return kept

    def _division_floor(self, division: Division) -> int | None:
        floor = 0
        for part in division:
            fares = self._fares[id(part)]
            if not fares:
                return None
            floor += fares[0][0]
        return floor

    def _descend_slice(self, index: int, picks: list[Pick], spent: int) -> None:
        if index == len(self._slices):
            total = party_total(picks, self._party, self._multiple)
            if self._best is None or total < self._best_total:
                self._best, self._best_total = list(picks), total
            return
        for division in self._slices[index]:
            floor = self._division_floor(division)
            if floor is not None and not self._is_hopeless(spent + floor + self._floor[index + 1]):
                self._descend_part(index, division, 0, picks, spent)

    def _descend_part(self, index: int, division: Division, number: int, picks: list[Pick], spent: int) -> None:
        if number == len(division):
            self._descend_slice(index + 1, picks, spent)
            return
        part = division[number]
        rest = self._floor[index + 1] + sum(self._fares[id(later)][0][0] for later in division[number + 1 :])
        for cost, candidate in self._fares[id(part)]:
            if self._is_hopeless(spent + cost + rest):
                return
            if all(may_combine(candidate.fare, other.fare) for _, other in picks):
                picks.append((part, candidate))
                self._descend_part(index, division, number + 1, picks, spent + cost)
                picks.pop()

    def _is_hopeless(self, least: int) -> bool:
        return self._best is not None and least >= self._best_total
