"""Signing in, and going on: sessions of phones and browsers, and the refresh tokens of the former."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ais.accounts.devices import Device, device_of
from ais.accounts.domain import LINK_LIFETIME, EndReason, Origin, SessionKind, User, UserKind, UserStatus
from ais.accounts.errors import RefreshRefused, SecondFactorNeeded, SignInRefused
from ais.accounts.events import RefreshTokenReused, SignedInFromNewDevice
from ais.accounts.repository import links, sessions, users
from ais.accounts.service.plumbing import (
    EMAIL_KIND,
    ORIGIN_KIND,
    UNKNOWN,
    AccountServices,
    acting,
    change_access,
    deny,
    public_id,
    take_try,
    tries_key,
)
from ais.accounts.service.second_factor import spend_code
from ais.accounts.tokens import REFRESH_LIFETIME, SessionRef, refresh_hash
from ais.kit import ANONYMOUS, Actor, Channel, encode_id, ids, system_actor
from ais.kit.ids import SessionId, UserId
from ais.platform.audit import Entry, address_block, record
from ais.platform.database import UnitOfWork
from ais.platform.http import TokenExpired
from ais.platform.vault import Lookup, PersonKey, UnusableAddress, normalise_email

ORIGINS_COMPARED = 20
_DEVICE_LENGTH = 200


class SignedIn(msgspec.Struct, frozen=True):
    """A new session, or one that goes on; ``refresh_token`` of a phone's or program's."""

    session: SessionRef
    refresh_token: str | None


class _Opening(msgspec.Struct, frozen=True):
    """What a sign-in brings beside its password; ``device_proof`` is what its browser kept of earlier ones."""

    code: str | None
    origin: Origin
    kind: SessionKind
    pair: bytes
    replaces: SessionRef | None
    renewed: str | None
    device_proof: str


async def sign_in(
    services: AccountServices,
    *,
    email: str,
    password: str,
    code: str | None,
    origin: Origin,
    kind: SessionKind,
    replaces: SessionRef | None = None,
    device_proof: str = "",
) -> SignedIn:
    """Open a session. ``replaces`` is the one that this browser had, which ends with it; ``device_proof`` shows that it
    was used for the account before. The owner is told of a device that is new.

    Each try is counted before the password is looked at, so that tries side by side are no more than tries in a row.
    Raises SignInRefused, SecondFactorNeeded, TooManyTries; the first says and takes the same whether there is such an
    account or not.
    """
    lookup = _lookup(services, email)
    pair = tries_key(services.vault, lookup.stored.hex(), origin)
    async with services.database.unit_of_work(ANONYMOUS) as uow:
        user = await users.find_user_by_email(uow.connection, lookup.hashes)
        subject = public_id(user.id) if user is not None else UNKNOWN
        number, refusal = await take_try(uow, pair, subject)
    if refusal is not None:
        raise refusal
    stored = user.password_hash if user is not None else None
    right = await services.passwords.verify(stored, password)
    if user is None or stored is None or not right or user.status is not UserStatus.ACTIVE:
        await deny(services, subject, "password", number)
        raise SignInRefused
    if user.has_second_factor and not code:
        async with services.database.unit_of_work(ANONYMOUS) as uow:
            await links.give_back_try(uow, pair)
        raise SecondFactorNeeded
    renewed = await services.passwords.hash(password) if services.passwords.is_outdated(stored) else None
    opened = await _open(services, user, stored, _Opening(code, origin, kind, pair, replaces, renewed, device_proof))
    if opened is None:
        await deny(services, subject, "second_factor", number)
        raise SignInRefused
    return opened


async def _open(services: AccountServices, user: User, stored: str, opening: _Opening) -> SignedIn | None:
    """The session; None if the code is wrong, or the account was changed since its password was looked at."""
    page = opening.kind is SessionKind.PAGE
    async with services.database.unit_of_work(acting(user, Channel.WEB if page else Channel.API)) as uow:
        locked = await users.lock_user(uow, user.id)
        if locked is None or locked.status is not UserStatus.ACTIVE or locked.password_hash != stored:
            return None
        if locked.has_second_factor and not await spend_code(services, uow, locked, opening.code or ""):
            return None
        if opening.renewed is not None:
            await users.renew_hash(uow, user.id, stored, opening.renewed)
        await links.forget_tries(uow, opening.pair)
        person = await services.vault.person(uow.connection, user.person_id)
        if person is None:
            return None
        origin = _shown(opening.origin)
        is_new = not services.tokens.knows_device(opening.device_proof, user.id) and await _is_new_device(
            uow, locked, person, origin
        )
        session_id = await sessions.insert_session(
            uow,
            user.id,
            opening.kind,
            person.seal(ORIGIN_KIND, msgspec.json.encode(origin)),
            _proved_at(services, locked),
            lifetime=services.policy.page_lifetime if page else REFRESH_LIFETIME,
            idle=services.policy.page_idle if page else None,
        )
        refresh_token = None
        if not page:
            refresh_token = services.tokens.first_refresh()
            await sessions.insert_refresh(uow, session_id, refresh_hash(refresh_token), 0, REFRESH_LIFETIME)
        if opening.replaces is not None and opening.replaces.user_id == user.id:
            await sessions.end_sessions(uow, user.id, EndReason.REPLACED, only=opening.replaces.session_id)
        await record(
            uow,
            Entry(
                action="account.signed_in",
                subject=public_id(user.id),
                after={"session": encode_id(ids.SESSION, session_id), "kind": opening.kind, "new_device": is_new},
            ),
        )
        if is_new:
            uow.publish(SignedInFromNewDevice(str(user.id), str(session_id)))
    return SignedIn(SessionRef(session_id, user.id), refresh_token)


async def _is_new_device(uow: UnitOfWork, user: User, person: PersonKey, origin: Origin) -> bool:
    """Whether none of the account's sessions that are kept came from such a device and block of addresses.

    The first sign-in of an account that was made just now is nobody's surprise.
    """
    earlier = await sessions.recent_origins(uow.connection, user.id, ORIGINS_COMPARED)
    if not earlier and user.created_at > uow.clock.now() - LINK_LIFETIME:
        return False
    mine = _trait(origin)
    return all(_trait(msgspec.json.decode(person.open(ORIGIN_KIND, each), type=Origin)) != mine for each in earlier)


def _trait(origin: Origin) -> tuple[str | None, Device | str]:
    """What stays the same of a device: its block of addresses, and its browser and system, whatever their versions."""
    named = device_of(origin.device)
    return address_block(origin.address), origin.device if named == Device(None, None) else named


def _proved_at(services: AccountServices, user: User) -> datetime | None:
    """When the session's user proved all that the account asks for: now, unless a second factor is missing."""
    missing = services.policy.staff_second_factor and user.kind is UserKind.STAFF and not user.has_second_factor
    return None if missing else services.database.clock.now()


def _lookup(services: AccountServices, email: str) -> Lookup:
    """How the account is found; a text that is no address is an address that nobody has."""
    try:
        form = normalise_email(email)
    except UnusableAddress:
        return services.vault.lookup("no email", email)
    return services.vault.lookup(EMAIL_KIND, form)


def _shown(origin: Origin) -> Origin:
    """What is kept of it: one line of printable characters."""
    device = "".join(each for each in origin.device if each.isprintable())[:_DEVICE_LENGTH]
    return Origin(device, origin.address)


async def refresh(services: AccountServices, text: str) -> SignedIn:
    """Go on with the session of this refresh token, and use it up.

    The same token once more within ten seconds, while its successor is unused, gives that same successor again: the
    answer was lost. Any other second use means that two have it, and ends the session.
    Raises RefreshRefused, TokenExpired.
    """
    presented = refresh_hash(text)
    reused = None
    async with services.database.unit_of_work(ANONYMOUS) as uow:
        token = await sessions.lock_refresh(uow, presented)
        if token is None or not token.is_live or not token.may_sign_in:
            raise RefreshRefused
        if token.is_over:
            raise TokenExpired
        following = None
        if token.used_at is None:
            following = services.tokens.next_refresh(text)
            assert following is not None
            await sessions.note_used(uow, presented)
            await sessions.insert_refresh(
                uow, token.session_id, refresh_hash(following), token.generation + 1, REFRESH_LIFETIME
            )
        elif token.was_just_used and token.retried_at is None and token.successor_hash is not None:
            following = services.tokens.next_refresh(text, stored=token.successor_hash)
            await sessions.note_retried(uow, presented)
        if following is None:
            reused = await change_access(uow, token.user_id)
            await _end(uow, token.session_id, token.user_id, EndReason.REFRESH_REUSED)
            uow.publish(RefreshTokenReused(str(token.user_id), str(token.session_id)))
    session = SessionRef(token.session_id, token.user_id)
    if following is None:
        assert reused is not None
        await services.checks.announce(session.user_id, reused)
        raise RefreshRefused
    return SignedIn(session, following)


async def sign_out(services: AccountServices, session: SessionRef, actor: Actor) -> None:
    """End this session; nothing happens if it has ended."""
    async with services.database.unit_of_work(actor) as uow:
        version = await change_access(uow, session.user_id)
        await _end(uow, session.session_id, session.user_id, EndReason.LOGOUT)
    await services.checks.announce(session.user_id, version)


async def sign_out_by_refresh(services: AccountServices, text: str) -> None:
    """End the session of this refresh token, whichever of its family it is. Raises RefreshRefused."""
    async with services.database.unit_of_work(ANONYMOUS) as uow:
        token = await sessions.lock_refresh(uow, refresh_hash(text))
        if token is None:
            raise RefreshRefused
    await sign_out(services, SessionRef(token.session_id, token.user_id), system_actor("sign-out", Channel.API))


async def _end(uow: UnitOfWork, session_id: SessionId, user_id: UserId, reason: EndReason) -> None:
    if await sessions.end_sessions(uow, user_id, reason, only=session_id):
        await record(
            uow,
            Entry(
                action="account.session_ended",
                subject=public_id(user_id),
                after={"session": encode_id(ids.SESSION, session_id), "reason": reason},
            ),
        )
