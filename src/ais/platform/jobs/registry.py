"""What work exists: jobs by name, the handlers of events, and what comes back by the clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from croniter import croniter  # type: ignore[import-untyped]  # it ships no types

from ais.platform.database import Event
from ais.platform.jobs.context import JobContext
from ais.platform.outbox import PERSONAL_MEMBERS, PersonalDataError, Subscriptions

JobFunction = Callable[[JobContext, dict[str, Any]], Awaitable[None]]
EventType = TypeVar("EventType", bound=Event)


class Retry(msgspec.Struct, frozen=True):
    """How often a job is tried and how long it rests between two tries.

    ``attempts`` counts all tries, the first included; a worker that dies under the job has used one. The pause after
    the n-th failed try is ``first_delay_seconds`` times 2 to the power n-1, and never above ``ceiling_seconds``.
    """

    attempts: int = 8
    first_delay_seconds: float = 1.0
    ceiling_seconds: float = 600.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError("a job is tried at least once")
        if not 0 <= self.first_delay_seconds <= self.ceiling_seconds:
            raise ValueError("the first delay lies between zero and the ceiling")

    def delay_after(self, failed_attempts: int) -> timedelta:
        """The pause after this many tries have failed."""
        doublings = min(failed_attempts - 1, 40)  # 2**40 seconds is beyond every ceiling, and still a float
        return timedelta(seconds=min(self.first_delay_seconds * 2**doublings, self.ceiling_seconds))


ONCE = Retry(attempts=1, first_delay_seconds=0, ceiling_seconds=0)
AGAIN_SOON = Retry(attempts=3, first_delay_seconds=30, ceiling_seconds=60)
_SOON_ENOUGH_SECONDS = 60


class Schedule(msgspec.Struct, frozen=True):
    """When scheduled work is due: every so many seconds, or by a cron expression of five fields in UTC."""

    every_seconds: int | None = None
    cron: str | None = None

    def __post_init__(self) -> None:
        if (self.every_seconds is None) == (self.cron is None):
            raise ValueError("a schedule has either every_seconds or cron")
        if self.every_seconds is not None and self.every_seconds < 1:
            raise ValueError("a schedule comes back after a second at the earliest")
        if self.cron is not None and not (len(self.cron.split()) == 5 and croniter.is_valid(self.cron)):
            raise ValueError(f"{self.cron!r} is no cron expression of five fields")

    def next_after(self, instant: datetime) -> datetime:
        """The first time after ``instant``; periods are counted from 1970, so that all workers name the same times."""
        if self.cron is not None:
            return _next_of_cron(self.cron, instant.astimezone(UTC).replace(second=0, microsecond=0))
        assert self.every_seconds is not None
        periods = int(instant.timestamp()) // self.every_seconds
        return datetime.fromtimestamp((periods + 1) * self.every_seconds, UTC)


@lru_cache(maxsize=1024)
def _next_of_cron(cron: str, minute: datetime) -> datetime:
    """The first time of the expression after ``minute``. None lies within a minute: all of it has one answer."""
    following: datetime = croniter(cron, minute).get_next(datetime)
    return following


class JobDefinition(msgspec.Struct, frozen=True):
    """One kind of job: its function, how it is retried, how long one try may take, and its schedule if it has one."""

    name: str
    function: JobFunction
    retry: Retry
    timeout_seconds: float
    schedule: Schedule | None = None
    is_handler: bool = False


class JobRegistry:
    """The jobs that this program knows, filled at its composition and not changed afterwards.

    Names are ``package.verb`` and unique. A web process needs only :attr:`subscriptions`; a worker runs all of it.
    """

    def __init__(self) -> None:
        self.subscriptions = Subscriptions()
        self._definitions: dict[str, JobDefinition] = {}

    @property
    def definitions(self) -> Mapping[str, JobDefinition]:
        return MappingProxyType(self._definitions)

    def job(
        self,
        name: str,
        function: JobFunction,
        *,
        retry: Retry | None = None,
        timeout_seconds: float = 60,
    ) -> None:
        """Register work that a unit of work asks for by ``enqueue(name, payload)``.

        It runs at least once, so ``function`` must find out from the rows that its payload names whether its work is
        done already. Any exception is a failed attempt; after the last one the job is dead and waits for a person.
        """
        self._add(JobDefinition(name, function, retry or Retry(), timeout_seconds))

    def schedule(
        self,
        name: str,
        function: JobFunction,
        *,
        every_seconds: int | None = None,
        cron: str | None = None,
        retry: Retry | None = None,
        timeout_seconds: float = 60,
    ) -> None:
        """Register work that comes back by the clock, once in total however many workers run, never beside itself.

        The payload is empty. A run that fails is recorded on the schedule and not kept: the next one does its work.
        What comes back within a minute is tried once; the rest is tried three times unless ``retry`` says otherwise,
        because a worker that dies under it has used a try, and the next run may be a day away.
        """
        schedule = Schedule(every_seconds, cron)
        often = every_seconds is not None and every_seconds <= _SOON_ENOUGH_SECONDS
        usual = ONCE if often else AGAIN_SOON
        self._add(JobDefinition(name, function, retry or usual, timeout_seconds, schedule))

    def handler(
        self,
        event_type: type[EventType],
        name: str,
        function: Callable[[JobContext, EventType], Awaitable[None]],
        *,
        retry: Retry | None = None,
        timeout_seconds: float = 60,
    ) -> None:
        """Register a reaction to ``event_type``; each published event becomes one job of this name.

        ``function`` changes things only inside ``context.unit_of_work()``, which it opens exactly once: that unit of
        work writes the event's id with the change, so that an event delivered twice takes effect once. What must
        happen outside a transaction, or in a second one, is a job that it enqueues there. Raises
        :class:`PersonalDataError` for an event with a field that names a person.
        """
        personal = PERSONAL_MEMBERS.intersection(event_type.__annotations__)
        if personal:
            raise PersonalDataError(f"{event_type.__name__} must not carry {', '.join(sorted(personal))}")

        async def handle(context: JobContext, payload: dict[str, Any]) -> None:
            await function(context, msgspec.convert(payload["event"], event_type))

        self._add(JobDefinition(name, handle, retry or Retry(), timeout_seconds, is_handler=True))
        self.subscriptions.add(event_type.event_name, name)

    def _add(self, definition: JobDefinition) -> None:
        if not definition.name or definition.name in self._definitions:
            raise ValueError(f"a job named {definition.name!r} is registered already, or has no name")
        self._definitions[definition.name] = definition

    def __iter__(self) -> Iterator[JobDefinition]:
        return iter(self._definitions.values())
