"""Passwords: argon2id away from the event loop, and the refusal of those that are tried first.

What is compared is the password's NFKC form, so that it is the same from every keyboard (NIST SP 800-63B). Whether a
password is strong enough is decided by zxcvbn, whose lists of 30,000 leaked passwords, names and words come with it.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from ais.kit import ServiceUnavailable, ValidationFailed

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LEAST_LENGTH = 10
GREATEST_LENGTH = 128
TOO_SHORT = f"needs at least {LEAST_LENGTH} characters"
TOO_WEAK = "is among those that are tried first"
# 10^8 guesses and more: out of reach of whoever may try five in a quarter of an hour.
_LEAST_SCORE = 3
# What comes after these characters only adds strength, and judging takes the square of the length.
_JUDGED_LENGTH = 40
_THREADS = 2
_WAITING_MOST = 200

Answer = TypeVar("Answer")


class Passwords:
    """Hashes and verifies in threads of its own, two at a time; more than 200 that wait are sent away.

    ``memory_kib`` and ``rounds`` are what one hash costs; hashes of another cost are verified and should be made anew.
    ``forbidden`` are published passwords that nobody may choose.
    """

    def __init__(self, memory_kib: int, rounds: int, forbidden: frozenset[str] = frozenset()) -> None:
        self._forbidden = forbidden
        self._memory_kib = memory_kib
        self._rounds = rounds
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="passwords")
        self._waiting = 0

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    @cached_property
    def _hasher(self) -> PasswordHasher:
        # Loaded by the first who signs in: a quick start is a promise.
        from argon2 import PasswordHasher, Type

        return PasswordHasher(time_cost=self._rounds, memory_cost=self._memory_kib, parallelism=1, type=Type.ID)

    @cached_property
    def _nobody(self) -> str:
        """A hash that is looked at where there is no account, so that it takes the same time."""
        return self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """A new hash, with its salt and cost in it."""
        return await self._away(lambda: self._hasher.hash(_form(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether ``stored`` was made of ``password``; without a hash the answer is no, and takes as long."""
        return await self._away(lambda: self._verify(stored, password))

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made at another cost than new ones are."""
        return self._hasher.check_needs_rehash(stored)

    async def require_strong(self, field: str, password: str, personal: Iterable[str] = ()) -> None:
        """Raise ValidationFailed for a password that would be guessed; ``personal`` is known of its owner."""
        formed = _form(password)
        if len(formed) < LEAST_LENGTH:
            raise ValidationFailed([(field, TOO_SHORT)])
        known = [part for text in personal for part in (text, *text.replace("@", ".").split("."))]
        if formed in self._forbidden:
            raise ValidationFailed([(field, TOO_WEAK)])
        if await self._away(lambda: _score(formed[:_JUDGED_LENGTH], known)) < _LEAST_SCORE:
            raise ValidationFailed([(field, TOO_WEAK)])

    def _verify(self, stored: str | None, password: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

        nobody = self._nobody  # made by whoever comes first, so that its making says nothing of who has an account
        try:
            self._hasher.verify(stored or nobody, _form(password))
        except VerifyMismatchError:
            return False
        except (VerificationError, InvalidHashError) as problem:
            raise RuntimeError("a stored password hash cannot be read") from problem
        return stored is not None

    async def _away(self, work: Callable[[], Answer]) -> Answer:
        if self._waiting >= _WAITING_MOST:
            raise ServiceUnavailable
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _form(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def _score(password: str, known: list[str]) -> int:
    # Its lists take 0.1 s to load: only a process in which somebody chooses a password does.
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]  # it ships no types

    return int(zxcvbn(password, user_inputs=known)["score"])
