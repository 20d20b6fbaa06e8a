"""State tables: which moves an aggregate may make, stated once.

A package states its table in ``domain.py``; a migration writes the same pairs into the database, whose trigger refuses
every other move, and ``make check`` compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from ais.kit.errors import InvalidStateTransition

State = TypeVar("State", bound=str)


class Transitions(Generic[State]):
    """The allowed moves of one state axis of one aggregate.

    ``aggregate`` names it in errors and in the database ("order.status"). A state without an entry is unknown and a
    mistake of the caller; a state with an empty entry is final.
    """

    def __init__(self, aggregate: str, moves: Mapping[State, tuple[State, ...]]) -> None:
        unknown = {target for targets in moves.values() for target in targets} - set(moves)
        if unknown:
            raise ValueError(f"{aggregate}: {sorted(unknown)} are targets without an entry of their own")
        self.aggregate = aggregate
        self._moves = {state: frozenset(targets) for state, targets in moves.items()}

    @property
    def states(self) -> tuple[State, ...]:
        return tuple(self._moves)

    def allows(self, current: State, target: State) -> bool:
        return target in self._moves[current]

    def require(self, current: State, target: State) -> None:
        """Raise :class:`InvalidStateTransition` unless ``current`` may become ``target``."""
        if not self.allows(current, target):
            raise InvalidStateTransition(self.aggregate, current, target)

    def is_final(self, state: State) -> bool:
        return not self._moves[state]

    def __iter__(self) -> Iterator[tuple[State, State]]:
        """Every allowed (from, to) pair, sorted."""
        return iter(sorted((state, target) for state, targets in self._moves.items() for target in targets))
