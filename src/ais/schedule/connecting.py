"""Minimum connecting times: the most specific rule wins, and exactly the minimum is legal."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class ConnectingTimeRule(msgspec.Struct, frozen=True):
    """The ``minutes`` a connection needs where every named column agrees; an empty (None) column agrees with anything.

    ``kind`` is two letters, arriving flight then departing flight: D domestic, I international.
    """

    minutes: int
    airport: str | None = None
    kind: str | None = None
    arrival_terminal: str | None = None
    departure_terminal: str | None = None
    arrival_carrier: str | None = None
    departure_carrier: str | None = None


class Connection(msgspec.Struct, frozen=True):
    """What a rule may ask about two flights that meet at ``airport``."""

    airport: str
    kind: str
    arrival_terminal: str
    departure_terminal: str
    arrival_carrier: str
    departure_carrier: str


class NoConnectingTime(LookupError):
    """No rule covers the connection: not even one for every airport exists."""


# A column further left outweighs all those to its right together: carriers, then terminals, then kind, then airport.
_WEIGHTS = {
    "arrival_carrier": 32,
    "departure_carrier": 16,
    "arrival_terminal": 8,
    "departure_terminal": 4,
    "kind": 2,
    "airport": 1,
}


class ConnectingTimes:
    """The rules of an installation, asked for one connection at a time; answers are remembered."""

    def __init__(self, rules: Iterable[ConnectingTimeRule]) -> None:
        # Of two rules that name the same columns at most one can agree: the table keeps the six columns unique.
        self._rules = sorted(rules, key=_specificity, reverse=True)
        self._known: dict[Connection, int] = {}

    def minutes(self, connection: Connection) -> int:
        """The minutes of the most specific rule that agrees; raises :class:`NoConnectingTime` if none does."""
        answer = self._known.get(connection)
        if answer is None:
            answer = self._find(connection)
            self._known[connection] = answer
        return answer

    def _find(self, connection: Connection) -> int:
        for rule in self._rules:
            if all(getattr(rule, name) in {None, getattr(connection, name)} for name in _WEIGHTS):
                return rule.minutes
        raise NoConnectingTime(f"no minimum connecting time for {connection}")


def _specificity(rule: ConnectingTimeRule) -> int:
    return sum(weight for name, weight in _WEIGHTS.items() if getattr(rule, name) is not None)
