"""Faults on request: rules that make a mail server misbehave at a chosen step of the conversation.

The steps are `connect` (before the greeting), `mail`, `rcpt`, `data` (the message is here, but not taken) and `taken`
(it is kept, and what happens to the answer is at issue). What may happen there:

- `refuse`: the answer is `status` and `text`; 4xx means "try again later", 5xx "never".
- `hang`: silence for `seconds`, then the connection is cut.
- `delay`: the right answer, `seconds` late.
- `cut`: the connection is cut at once.
"""

from typing import Literal

import msgspec

from ais_sandbox.storage import Storage

Step = Literal["connect", "mail", "rcpt", "data", "taken"]


class FaultRule(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One rule. `recipient` None means all; `times` None means without end."""

    action: Literal["refuse", "hang", "delay", "cut"]
    step: Step = "data"
    recipient: str | None = None
    times: int | None = 1
    status: int = 451
    text: str = "4.3.0 The sandbox was told to refuse"
    seconds: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 400 <= self.status <= 599:
            message = "status must be 400 to 599"
            raise ValueError(message)
        if self.recipient is not None and self.step in {"connect", "mail"}:
            message = f"no recipient is known at the step {self.step}"
            raise ValueError(message)
        if any(ord(character) < 32 for character in self.text):
            message = "text must be one line"
            raise ValueError(message)


class KeptRule(msgspec.Struct, kw_only=True):
    """A rule with its number and how often it was applied."""

    number: int
    rule: FaultRule
    applied: int


class FaultRules:
    """The rules in force, the oldest first."""

    def __init__(self, storage: Storage) -> None:
        """Read the rules, creating their table when it is new."""
        self._connection = storage.connection
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS fault_rules (number INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL,"
            " applied INTEGER NOT NULL DEFAULT 0)"
        )
        rows = self._connection.execute("SELECT number, body, applied FROM fault_rules ORDER BY number")
        self._rules = [
            KeptRule(number=row[0], rule=msgspec.json.decode(row[1], type=FaultRule), applied=row[2]) for row in rows
        ]

    def add(self, rule: FaultRule) -> KeptRule:
        """Put a rule in force."""
        statement = "INSERT INTO fault_rules (body) VALUES (?)"
        number = self._connection.execute(statement, (msgspec.json.encode(rule),)).lastrowid or 0
        kept = KeptRule(number=number, rule=rule, applied=0)
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
        return len(gone)

    def choose(self, step: Step, recipients: list[str]) -> FaultRule | None:
        """The fault of a step, or None: the first rule that matches and is not used up."""
        lower = {recipient.lower() for recipient in recipients}
        for kept in self._rules:
            rule = kept.rule
            if rule.step != step or (rule.recipient is not None and rule.recipient.lower() not in lower):
                continue
            if rule.times is not None and kept.applied >= rule.times:
                continue
            kept.applied += 1
            self._connection.execute("UPDATE fault_rules SET applied = ? WHERE number = ?", (kept.applied, kept.number))
            return rule
        return None
