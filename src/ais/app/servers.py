"""Which PostgreSQL, Valkey and payment provider a command works with: those that are set, those of a running demo, or
embedded ones and Stripe itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ais.platform.embedded import EmbeddedServers
from ais.platform.settings import Settings

STRIPE = "https://api.stripe.com"
"""Where payments go unless something else is set."""


class RunningServers(msgspec.Struct, frozen=True):
    """What a running demo leaves in its data folder for other commands; readable by its owner only."""

    pid: int
    database_url: str
    redis_url: str
    stripe_api_base: str = STRIPE  # a demo of an earlier release does not say


def _note(data_dir: Path) -> Path:
    return data_dir / "running.json"


@contextmanager
def announced(settings: Settings) -> Iterator[None]:
    """Leave a note of the servers in the data folder while the block runs."""
    note = _note(settings.data_dir)
    running = RunningServers(
        os.getpid(), settings.database_url or "", settings.redis_url or "", settings.stripe_api_base
    )
    descriptor = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(msgspec.to_builtins(running)))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def running_servers(data_dir: Path) -> RunningServers | None:
    """The servers of a demo that runs on this data folder now."""
    try:
        running = msgspec.json.decode(_note(data_dir).read_bytes(), type=RunningServers)
        os.kill(running.pid, 0)
    except (OSError, msgspec.DecodeError):
        return None
    return running


def provider_of(settings: Settings, running: RunningServers) -> str:
    """Where the payments of the chosen database are: the running one's are at its provider, unless one is set."""
    is_chosen = settings.database_url is not None or settings.stripe_api_base != STRIPE
    return settings.stripe_api_base if is_chosen else running.stripe_api_base


@contextmanager
def servers_for(settings: Settings) -> Iterator[Settings]:
    """The settings with all addresses filled in; embedded servers run for as long as the block does.

    An embedded database is brought to the newest schema; one that is set is left to ``ais migrate``.
    """
    running = running_servers(settings.data_dir)
    if running is not None:
        settings = msgspec.structs.replace(
            settings,
            database_url=settings.database_url or running.database_url,
            redis_url=settings.redis_url or running.redis_url,
            stripe_api_base=provider_of(settings, running),
        )
    with EmbeddedServers(
        settings.data_dir, database_url=settings.database_url, redis_url=settings.redis_url
    ) as servers:
        if settings.database_url is None:
            # Loads SQLAlchemy, which a process that only supervises can do without.
            from ais.platform.migration import migrate

            migrate(servers.database_url)
        yield msgspec.structs.replace(settings, database_url=servers.database_url, redis_url=servers.redis_url)
