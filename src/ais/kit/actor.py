"""Who does something, and through which door. Every change carries both."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec


class Channel(StrEnum):
    """The door through which a request came."""

    WEB = "web"
    API = "api"
    AGENT = "agent"
    CLI = "cli"
    JOB = "job"
    PROVIDER = "provider"


class ActorKind(StrEnum):
    """What kind of person or machine acts. An agent is a user of an agency; a machine acts by an API key."""

    ANONYMOUS = "anonymous"
    GUEST = "guest"
    TRAVELLER = "traveller"
    AGENT = "agent"
    STAFF = "staff"
    MACHINE = "machine"
    SYSTEM = "system"
    PROVIDER = "provider"


class Reach(msgspec.Struct, frozen=True):
    """Rights and how far they go: at these stations, for these agencies, in these channels; None is no limit.

    The limits of one grant say nothing about the rights of another, so that each grant is a reach of its own.
    """

    permissions: frozenset[str]
    stations: frozenset[str] | None = None
    agencies: frozenset[str] | None = None
    channels: frozenset[str] | None = None

    @property
    def is_everywhere(self) -> bool:
        return self.stations is None and self.agencies is None and self.channels is None


class Actor(msgspec.Struct, frozen=True):
    """Who acts: ``kind`` and an id that says nothing personal (an order id for a guest, an account id, a job's name).

    ``permissions`` are the named rights it was given, such as ``orders.read_any``, through its ``roles``; ``reaches``
    says how far each of them goes. Without any, they hold everywhere. ``requests_per_minute`` is its own limit, where
    it has one.
    ``second_factor_at`` is when the caller last proved all that its account asks for.
    """

    kind: ActorKind
    id: str
    channel: Channel
    permissions: frozenset[str] = frozenset()
    seller_id: str | None = None
    agent_id: str | None = None
    point_of_sale: str | None = None
    session_id: str | None = None
    roles: frozenset[str] = frozenset()
    second_factor_at: datetime | None = None
    reaches: tuple[Reach, ...] = ()
    requests_per_minute: int | None = None

    @property
    def name(self) -> str:
        """``kind:id``, the way records name an actor."""
        return f"{self.kind}:{self.id}"

    def has_proved(self, now: datetime, window: timedelta) -> bool:
        """Whether it is no longer ago than ``window`` that it proved who it is."""
        return self.second_factor_at is not None and now - self.second_factor_at <= window

    def may(self, permission: str) -> bool:
        """Whether it has this right anywhere."""
        return permission in self.permissions

    def reaches_of(self, permission: str) -> tuple[Reach, ...]:
        """How far this right goes: what any one of these allows is allowed."""
        if permission not in self.permissions:
            return ()
        if not self.reaches:
            return (Reach(self.permissions),)
        return tuple(reach for reach in self.reaches if permission in reach.permissions)

    def may_for_agency(self, permission: str, agency: str) -> bool:
        """Whether this right reaches the agency of that code; one that is limited otherwise reaches none."""
        reached = self.agencies_reached(permission)
        return reached is None or agency in reached

    def agencies_reached(self, permission: str) -> frozenset[str] | None:
        """The codes of the agencies that this right reaches, None for all of them."""
        reached: frozenset[str] = frozenset()
        for reach in self.reaches_of(permission):
            if reach.stations is not None or reach.channels is not None:
                continue
            if reach.agencies is None:
                return None
            reached |= reach.agencies
        return reached

    def may_everywhere(self, permission: str) -> bool:
        """Whether it has this right without any limit."""
        return any(reach.is_everywhere for reach in self.reaches_of(permission))


ANONYMOUS = Actor(ActorKind.ANONYMOUS, "anonymous", Channel.API)


def system_actor(name: str, channel: Channel = Channel.JOB) -> Actor:
    """The program itself, acting under the name of a job or command."""
    return Actor(ActorKind.SYSTEM, name, channel)
