"""Accounts, put together from the settings."""

from __future__ import annotations

from datetime import timedelta

from ais.accounts import (
    AccountExists,
    AccountServices,
    AccountTokens,
    Passwords,
    Policy,
    SessionChecks,
    UserKind,
    create_user,
    grant_role,
    have_accounts,
)
from ais.kit import Channel, system_actor
from ais.platform.cache import Cache
from ais.platform.database import Database
from ais.platform.settings import Settings
from ais.platform.tokens import TokenRing

DEMO_PASSWORD = "Demo-2027-fly"  # noqa: S105  # the published password of the demonstration, refused in production
DEMO_PEOPLE = (
    ("admin@demo.ais", UserKind.STAFF, "super_admin"),
    ("ops@demo.ais", UserKind.STAFF, "ops"),
    ("finance@demo.ais", UserKind.STAFF, "finance"),
    ("traveller@demo.ais", UserKind.TRAVELLER, None),
)
ACTOR = system_actor("demo", Channel.CLI)


def open_accounts(settings: Settings, database: Database, cache: Cache | None = None) -> AccountServices:
    """What the use cases of accounts stand on; its passwords' threads are its caller's to close.

    Commands have no cache: what they change, a job announces.
    """
    idle = timedelta(minutes=settings.page_idle_minutes)
    return AccountServices(
        database,
        Passwords(
            settings.password_memory_kib,
            settings.password_rounds,
            frozenset({DEMO_PASSWORD}) if settings.production else frozenset(),
        ),
        AccountTokens(TokenRing(settings.secret_keys), database.clock),
        SessionChecks(database, cache, idle),
        Policy(
            staff_second_factor=settings.staff_second_factor == "required",
            first_delay_seconds=settings.sign_in_delay_seconds,
            page_idle=idle,
            page_lifetime=timedelta(hours=settings.page_session_hours),
            pages_are_https=settings.site.startswith("https://"),
        ),
    )


def open_cache(settings: Settings) -> Cache:
    """A connection to Valkey, its caller's to close."""
    assert settings.redis_url is not None
    return Cache(settings.redis_url)


async def load_demo_people(services: AccountServices) -> None:
    """The people of the demonstration, with its published password; who is there already stays as they are."""
    for email, kind, role in DEMO_PEOPLE:
        try:
            user = await create_user(
                services, kind=kind, email=email, password=DEMO_PASSWORD, name=None, language="en", actor=ACTOR
            )
        except AccountExists:
            continue
        if role is not None:
            await grant_role(services, user, role, ACTOR)


async def refuse_demo_people(services: AccountServices) -> None:
    """Raise RuntimeError if the demonstration's people, whose password is published, can sign in here."""
    if await have_accounts(services, [email for email, _, _ in DEMO_PEOPLE]):
        raise RuntimeError("accounts of the demonstration are in this database: production does not start with them")
