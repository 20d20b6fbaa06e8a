"""What can be switched about the sandbox while it runs, kept in its storage.

Chance is drawn from a seed and the number of the event or request it is about, so that a run with the same seed and
the same order of calls misbehaves in the same way, also across a restart.
"""

import random
from typing import Literal, Self

import msgspec

from ais_sandbox.storage import Storage
from ais_sandbox.stripe.clock import set_shift, shift_seconds


class WebhookSwitches(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How webhooks are posted. Probabilities are 0 to 1, durations in seconds."""

    seed: int = 0
    paused: bool = False
    duplicate: int = 0
    duplicate_probability: float = 1.0
    delay_seconds: float = 0.0
    delay_most_seconds: float = 0.0
    reorder_probability: float = 0.0
    reorder_window_seconds: float = 1.0
    drop_probability: float = 0.0
    retry_first_seconds: float = 1.0
    retry_factor: float = 2.0
    retry_most_seconds: float = 300.0
    retry_attempts: int = 16
    timeout_seconds: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("duplicate_probability", "reorder_probability", "drop_probability"):
            if not 0 <= getattr(self, name) <= 1:
                message = f"{name} must lie between 0 and 1"
                raise ValueError(message)
        least = {"duplicate": 0, "delay_seconds": 0, "delay_most_seconds": 0, "reorder_window_seconds": 0,
                 "retry_first_seconds": 0, "retry_factor": 1, "retry_most_seconds": 0, "retry_attempts": 1,
                 "timeout_seconds": 0.01}  # fmt: skip
        for name, bound in least.items():
            if getattr(self, name) < bound:
                message = f"{name} must be at least {bound}"
                raise ValueError(message)


class MoneySwitches(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What money costs and when it moves. Fees are whole minor units by currency, durations are in seconds.

    `charge_fee_basis_points` are hundredths of a percent; a currency that is not in a table has no such fee.
    """

    charge_fee_basis_points: int = 290
    charge_fee_fixed: dict[str, int] = msgspec.field(
        default_factory=lambda: {"usd": 30, "eur": 25, "gbp": 20, "aed": 100, "sar": 100, "kwd": 100, "bhd": 100}
    )
    dispute_fee: dict[str, int] = msgspec.field(
        default_factory=lambda: {"usd": 1500, "eur": 2000, "gbp": 2000, "aed": 6000, "sar": 5500, "kwd": 5000}
    )
    available_after_seconds: int = 2 * 24 * 3600
    booked_after_seconds: float = 0.0
    automatic_payouts: bool = False
    payouts_end: Literal["paid", "failed"] = "paid"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        numbers = {
            "charge_fee_basis_points": self.charge_fee_basis_points,
            "available_after_seconds": self.available_after_seconds,
            "booked_after_seconds": self.booked_after_seconds,
            "charge_fee_fixed": min(self.charge_fee_fixed.values(), default=0),
            "dispute_fee": min(self.dispute_fee.values(), default=0),
        }
        for name, number in numbers.items():
            if number < 0:
                message = f"{name} must not be negative"
                raise ValueError(message)


class Plan(msgspec.Struct):
    """When the copies of one event are posted: seconds from now; empty when the event is dropped."""

    after_seconds: list[float]

    @classmethod
    def of(cls, switches: WebhookSwitches, event_sequence: int) -> Self:
        """Draw the fate of the event with that number."""
        chance = random.Random(f"{switches.seed}:webhook:{event_sequence}")  # noqa: S311 - repeatable on purpose
        # Every draw is made whatever the switches say, so that changing one switch does not reshuffle the others.
        dropped, delayed, duplicated = chance.random(), chance.random(), chance.random()
        reordered, shift = chance.random(), chance.random()
        if dropped < switches.drop_probability:
            return cls([])
        spread = max(0.0, switches.delay_most_seconds - switches.delay_seconds)
        delay = switches.delay_seconds + delayed * spread
        if reordered < switches.reorder_probability:
            delay += shift * switches.reorder_window_seconds
        copies = 1 + (switches.duplicate if duplicated < switches.duplicate_probability else 0)
        return cls([delay] * copies)


class Switchboard:
    """The switches as they stand."""

    def __init__(self, storage: Storage, defaults: WebhookSwitches, settle_seconds: float) -> None:
        """Read what was switched before, else take what the program was started with."""
        self._connection = storage.connection
        self._defaults, self._default_settle_seconds = defaults, settle_seconds
        self._connection.execute("CREATE TABLE IF NOT EXISTS switches (name TEXT PRIMARY KEY, body BLOB NOT NULL)")
        self.webhooks = defaults
        self.settle_seconds = settle_seconds
        self.money = MoneySwitches()
        set_shift(0.0)
        for row in self._connection.execute("SELECT name, body FROM switches"):
            if row["name"] == "webhooks":
                self.webhooks = msgspec.json.decode(row["body"], type=WebhookSwitches)
            elif row["name"] == "money":
                self.money = msgspec.json.decode(row["body"], type=MoneySwitches)
            elif row["name"] == "clock":
                set_shift(msgspec.json.decode(row["body"], type=float))
            else:
                self.settle_seconds = msgspec.json.decode(row["body"], type=float)

    def change_webhooks(self, changes: dict[str, object]) -> WebhookSwitches:
        """Change some of the switches. `msgspec.ValidationError` for what they cannot be."""
        merged = msgspec.to_builtins(self.webhooks) | changes
        changed = msgspec.convert(merged, WebhookSwitches)
        self._keep("webhooks", changed)
        self.webhooks = changed
        return changed

    def change_money(self, changes: dict[str, object]) -> MoneySwitches:
        """Change some of the switches about money. `msgspec.ValidationError` for what they cannot be."""
        changed = msgspec.convert(msgspec.to_builtins(self.money) | changes, MoneySwitches)
        self._keep("money", changed)
        self.money = changed
        return changed

    def change_settle_seconds(self, seconds: float) -> None:
        """How long `processing` and pending refunds last from now on."""
        self._keep("settle_seconds", seconds)
        self.settle_seconds = seconds

    def move_clock(self, seconds: float) -> None:
        """Have the clock stand `seconds` further from now on, or earlier when negative."""
        shift = shift_seconds() + seconds
        self._keep("clock", shift)
        set_shift(shift)

    def reset(self) -> None:
        """Back to what the program was started with."""
        self._connection.execute("DELETE FROM switches")
        set_shift(0.0)
        self.webhooks, self.settle_seconds = self._defaults, self._default_settle_seconds
        self.money = MoneySwitches()

    def _keep(self, name: str, value: object) -> None:
        statement = "INSERT INTO switches VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body"
        self._connection.execute(statement, (name, msgspec.json.encode(value)))
