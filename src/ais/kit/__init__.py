"""Pure words that every package shares: money, time, identifiers, state tables, refusals.

Standard library and msgspec only; nothing here does input or output, except that :class:`SystemClock` reads the clock.
"""

from ais.kit.actor import ANONYMOUS, Actor, ActorKind, Channel, Reach, system_actor
from ais.kit.clock import Clock, FixedClock, SystemClock
from ais.kit.errors import (
    AppError,
    Forbidden,
    InvalidStateTransition,
    NotFound,
    ServiceUnavailable,
    StepUpRequired,
    ValidationFailed,
)
from ais.kit.ids import decode_id, encode_id, new_uuid
from ais.kit.locator import RecordLocator, new_locator
from ais.kit.money import CURRENCIES, Currency, Money, Rounding, UnknownCurrency, allocate, currency, total
from ais.kit.texts import ONE_LINE, PRINTED, printed
from ais.kit.transitions import Transitions

__all__ = [
    "ANONYMOUS",
    "CURRENCIES",
    "ONE_LINE",
    "PRINTED",
    "Actor",
    "ActorKind",
    "AppError",
    "Channel",
    "Clock",
    "Currency",
    "FixedClock",
    "Forbidden",
    "InvalidStateTransition",
    "Money",
    "NotFound",
    "Reach",
    "RecordLocator",
    "Rounding",
    "ServiceUnavailable",
    "StepUpRequired",
    "SystemClock",
    "Transitions",
    "UnknownCurrency",
    "ValidationFailed",
    "allocate",
    "currency",
    "decode_id",
    "encode_id",
    "new_locator",
    "new_uuid",
    "printed",
    "system_actor",
    "total",
]
