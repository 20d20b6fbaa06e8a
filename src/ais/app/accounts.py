"""Accounts, put together from the settings."""

from __future__ import annotations

from datetime import timedelta

from ais.accounts import AccountServices, AccountTokens, Passwords, Policy, SessionChecks
from ais.platform.cache import Cache
from ais.platform.database import Database
from ais.platform.settings import Settings
from ais.platform.tokens import TokenRing


def open_accounts(settings: Settings, database: Database, cache: Cache, tokens: TokenRing) -> AccountServices:
    """What the use cases of accounts stand on; its passwords' threads are its caller's to close."""
    idle = timedelta(minutes=settings.page_idle_minutes)
    return AccountServices(
        database,
        Passwords(settings.password_memory_kib, settings.password_rounds),
        AccountTokens(tokens, database.clock),
        SessionChecks(database, cache, idle),
        Policy(
            staff_second_factor=settings.staff_second_factor == "required",
            first_delay_seconds=settings.sign_in_delay_seconds,
            page_idle=idle,
            page_lifetime=timedelta(hours=settings.page_session_hours),
        ),
    )


def open_cache(settings: Settings) -> Cache:
    """A connection to Valkey, its caller's to close."""
    assert settings.redis_url is not None
    return Cache(settings.redis_url)
