"""Who does something, and through which door. Every change carries both."""

from __future__ import annotations

from datetime import datetime
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


class Actor(msgspec.Struct, frozen=True):
    """Who acts: ``kind`` and an id that says nothing personal (an order id for a guest, an account id, a job's name).

    ``permissions`` are the named rights it was given, such as ``orders.read_any``, through its ``roles``; they hold at
    the ``stations``, for the ``agencies`` and in the ``channels`` named, everywhere where that is None.
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
    stations: frozenset[str] | None = None
    agencies: frozenset[str] | None = None
    channels: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """``kind:id``, the way records name an actor."""
        return f"{self.kind}:{self.id}"

    def may(self, permission: str) -> bool:
        return permission in self.permissions


ANONYMOUS = Actor(ActorKind.ANONYMOUS, "anonymous", Channel.API)


def system_actor(name: str, channel: Channel = Channel.JOB) -> Actor:
    """The program itself, acting under the name of a job or command."""
    return Actor(ActorKind.SYSTEM, name, channel)
