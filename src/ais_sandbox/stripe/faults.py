"""Faults on request: rules that make chosen calls go wrong in the ways that networks and servers do.

A rule names calls by method and path pattern and says what happens to them:

- `rate_limit`: 429, nothing executed. `error_before`: an error answer, nothing executed.
- `error_after`: executed, then an error answer. With `kept` = `error` Stripe's server itself failed at the end and a
  repeat under the same key gets the same error; with `answer` something in front of it failed and a repeat gets the
  true answer.
- `hang_before`, `hang_after`: silence for `seconds`, then the connection is cut; nothing or everything was executed.
- `cut_before`, `cut_after`: the connection is cut at once; nothing or everything was executed.
- `delay`: executed and answered `seconds` later; meanwhile the request's idempotency key is in use.
"""

import fnmatch
import random
from typing import Literal

import msgspec

from ais_sandbox.storage import Storage

Action = Literal[
    "rate_limit", "error_before", "error_after", "hang_before", "hang_after", "cut_before", "cut_after", "delay"
]


class FaultRule(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One rule. `path` is a shell pattern over the request's path; `times` None means without end."""

    action: Action
    method: str = "POST"
    path: str = "/v1/*"
    times: int | None = 1
    probability: float = 1.0
    seed: int = 0
    status: int = 500
    seconds: float = 30.0
    kept: Literal["error", "answer"] = "error"


class KeptRule(msgspec.Struct, kw_only=True):
    """A rule with its number, how many calls it matched and to how many it was applied."""

    number: int
    rule: FaultRule
    matched: int
    applied: int


class FaultRules:
    """The rules in force, the oldest first."""

    def __init__(self, storage: Storage) -> None:
        """Read the rules, creating their table when it is new."""
        self._storage = storage
        self._connection = storage.connection
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS fault_rules (number INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL,"
            " matched INTEGER NOT NULL DEFAULT 0, applied INTEGER NOT NULL DEFAULT 0)"
        )
        rows = self._connection.execute("SELECT number, body, matched, applied FROM fault_rules ORDER BY number")
        self._rules = [
            KeptRule(number=row[0], rule=msgspec.json.decode(row[1], type=FaultRule), matched=row[2], applied=row[3])
            for row in rows
        ]

    def add(self, rule: FaultRule) -> KeptRule:
        """Put a rule in force."""
        statement = "INSERT INTO fault_rules (body) VALUES (?)"
        number = self._connection.execute(statement, (msgspec.json.encode(rule),)).lastrowid or 0
        kept = KeptRule(number=number, rule=rule, matched=0, applied=0)
        self._rules.append(kept)
        return kept

    def all(self) -> list[KeptRule]:
        """Every rule, used up or not."""
        return list(self._rules)

    def remove(self, number: int | None = None) -> int:
        """Remove one rule, or all; how many those were."""
        gone = [kept for kept in self._rules if number is None or kept.number == number]
        for kept in gone:
            self._connection.execute("DELETE FROM fault_rules WHERE number = ?", (kept.number,))
            self._rules.remove(kept)
        if not self._rules:
            # Chance is drawn by number, so that an empty table begins its numbers anew.
            self._connection.execute("DELETE FROM sqlite_sequence WHERE name = 'fault_rules'")
        return len(gone)

    def choose(self, method: str, path: str) -> FaultRule | None:
        """The fault for a call, or None: the first rule that matches, is not used up and whose chance comes up."""
        for kept in self._rules:
            rule = kept.rule
            if rule.method not in {"*", method} or not fnmatch.fnmatchcase(path, rule.path):
                continue
            if rule.times is not None and kept.applied >= rule.times:
                continue
            kept.matched += 1
            chance = random.Random(f"{rule.seed}:fault:{kept.number}:{kept.matched}").random()  # noqa: S311 - repeatable on purpose
            applies = chance < rule.probability
            kept.applied += applies
            self._connection.execute(
                "UPDATE fault_rules SET matched = ?, applied = ? WHERE number = ?",
                (kept.matched, kept.applied, kept.number),
            )
            if applies:
                return rule
        return None
