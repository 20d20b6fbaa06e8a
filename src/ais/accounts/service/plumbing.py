"""What the use cases of accounts stand on."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec

from ais.accounts.checks import SessionChecks
from ais.accounts.domain import LOCKED_FOR, Origin, User, UserKind, delay_after
from ais.accounts.errors import TooManyTries
from ais.accounts.passwords import Passwords
from ais.accounts.repository import links, users
from ais.accounts.tokens import AccountTokens, SessionRef
from ais.kit import ANONYMOUS, Actor, ActorKind, Channel, ValidationFailed, decode_id, encode_id, ids
from ais.kit.ids import SessionId, UserId
from ais.platform.audit import Entry, address_block, record
from ais.platform.database import Database, UnitOfWork
from ais.platform.vault import Lookup, UnusableAddress, Vault, normalise_email

ANNOUNCE = "accounts.announce"
EMAIL_KIND = "email"
NAME_KIND = "name"
ORIGIN_KIND = "origin"
UNKNOWN = "unknown"
KINDS = {
    UserKind.TRAVELLER: ActorKind.TRAVELLER,
    UserKind.AGENT: ActorKind.AGENT,
    UserKind.STAFF: ActorKind.STAFF,
}


class Policy(msgspec.Struct, frozen=True):
    """What the installation asks of those who sign in.

    ``staff_second_factor``: staff without a second factor have no rights until they set one up. ``first_delay_seconds``
    is how long the answer to the third wrong try is kept back; each further one twice as long.
    ``pages_are_https``: browsers reach the pages by https alone.
    """

    staff_second_factor: bool
    first_delay_seconds: float
    page_idle: timedelta
    page_lifetime: timedelta
    pages_are_https: bool


class AccountServices(msgspec.Struct, frozen=True):
    """Everything that signing in needs; one per process."""

    database: Database
    passwords: Passwords
    tokens: AccountTokens
    checks: SessionChecks
    policy: Policy

    @property
    def vault(self) -> Vault:
        return self.database.vault


def public_id(user_id: UserId | UUID) -> str:
    return encode_id(ids.USER, user_id)


def session_of(actor: Actor) -> SessionRef:
    """The session by which a signed-in caller acts."""
    session_id, user_id = decode_id(ids.SESSION, actor.session_id or ""), decode_id(ids.USER, actor.id)
    assert session_id is not None
    assert user_id is not None
    return SessionRef(SessionId(session_id), UserId(user_id))


def acting(user: User, channel: Channel) -> Actor:
    """The user as the one who acts, before any session says so."""
    return Actor(KINDS[user.kind], public_id(user.id), channel)


def email_lookup(vault: Vault, email: str) -> Lookup:
    """How an address is found. Raises ValidationFailed for a text that is no address, or passes for another one."""
    try:
        return vault.lookup(EMAIL_KIND, normalise_email(email))
    except UnusableAddress as problem:
        raise ValidationFailed([("email", str(problem))]) from None


def tries_key(vault: Vault, whom: str, origin: Origin) -> bytes:
    """The pair of whom somebody tries to be and the block of addresses it is tried from."""
    return vault.lookup_hash("tries", f"{whom}\0{address_block(origin.address) or UNKNOWN}")


async def take_try(uow: UnitOfWork, pair: bytes, subject: str) -> tuple[int, TooManyTries | None]:
    """Count a try before anything is looked at: its rank in the window, or a refusal to raise after the commit."""
    taken = await links.take_try(uow, pair)
    if not taken.locked_seconds:
        return taken.number, None
    if taken.locked_seconds >= LOCKED_FOR.total_seconds():
        await record(uow, Entry(action="account.tries_locked", subject=subject))
    return 0, TooManyTries(taken.locked_seconds)


async def deny(services: AccountServices, subject: str, reason: str, number: int) -> None:
    """Record a try that failed, in a unit of its own, and keep its answer back the longer the more there were."""
    async with services.database.unit_of_work(ANONYMOUS) as uow:
        await record(uow, Entry(action="account.sign_in_refused", subject=subject, after={"reason": reason}))
    await asyncio.sleep(delay_after(number, services.policy.first_delay_seconds))


async def change_access(uow: UnitOfWork, user_id: UserId) -> int:
    """What the user's sessions may do changes with this unit of work. The version to announce after its commit.

    Locks the user; call it before the user's sessions are touched.
    """
    version = await users.outdate(uow, user_id)
    uow.enqueue(ANNOUNCE, {"user_id": str(user_id)}, dedupe_key=f"{ANNOUNCE}:{user_id}")
    return version


async def open_email(services: AccountServices, user: User) -> str | None:
    """The user's address; None once the person is erased."""
    if user.email_sealed is None:
        return None
    async with services.database.connection() as connection:
        return await services.vault.open(connection, user.person_id, EMAIL_KIND, user.email_sealed)
