"""What happens to accounts by itself: announcements that are repeated, and what is over is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from ais.accounts.checks import announce
from ais.accounts.repository import links, sessions, users
from ais.accounts.rights.approvals import expire_approvals
from ais.accounts.service.plumbing import ANNOUNCE
from ais.kit.ids import UserId
from ais.platform.cache import Cache
from ais.platform.jobs import JobContext, JobRegistry
from ais.platform.vault import destroy_persons

_AT_ONCE = 1000
# A session is kept so long after its end, for questions about it.
SESSIONS_KEPT = timedelta(days=30)
_LINKS_KEPT = timedelta(days=1)


def register(registry: JobRegistry, open_cache: Callable[[], Cache]) -> None:
    """Subscribe, and come back by the clock."""

    async def announce_access(context: JobContext, payload: dict[str, Any]) -> None:
        """Tell Valkey once more, in case who changed it could not."""
        user_id = UserId(UUID(payload["user_id"]))
        async with context.database.connection() as connection:
            version = await users.access_version(connection, user_id)
        if version is None:
            return
        cache = open_cache()
        try:
            await announce(cache, user_id, version)
        finally:
            await cache.close()

    registry.job(ANNOUNCE, announce_access)
    registry.schedule("accounts.expire_approvals", expire_unsigned, every_seconds=60)
    registry.schedule("accounts.forget_what_is_over", forget_what_is_over, cron="23 * * * *", timeout_seconds=300)


async def expire_unsigned(context: JobContext, _payload: dict[str, Any]) -> None:
    """End approvals that nobody signed in time; they count no more from that time on, whether ended or not."""
    async with context.unit_of_work() as uow:
        await expire_approvals(uow)


async def forget_what_is_over(context: JobContext, _payload: dict[str, Any]) -> None:
    """Forget past sessions, links, registrations and tries, in small steps; a registration's person goes with it."""
    now = context.clock.now()
    removed = _AT_ONCE
    while removed >= _AT_ONCE:
        async with context.unit_of_work() as uow:
            removed = await sessions.remove_past(uow, before=now - SESSIONS_KEPT, limit=_AT_ONCE)
            persons = await links.remove_past_links(uow, before=now - _LINKS_KEPT, limit=_AT_ONCE)
            await destroy_persons(uow, persons)
            removed = max(removed, len(persons), await links.remove_past_tries(uow, limit=_AT_ONCE))
