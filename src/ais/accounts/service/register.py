"""Registering: who wants an account says so, and the link in the mail makes it.

Nothing that a caller can see, in the answer or in its time, depends on whether there is an account: asking writes the
same rows either way, and which letter goes out is decided when it is written. The link alone does not make the account:
the password that was chosen comes with it, so that nobody can have a stranger confirm an account whose password they
know themselves.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from ais.accounts.domain import LINK_LIFETIME, Link, LinkPurpose, Origin, Registration, User, UserKind
from ais.accounts.errors import AccountExists, LinkOver, SignInRefused
from ais.accounts.events import AddressVerified, LinkAsked
from ais.accounts.repository import links, users
from ais.accounts.service.plumbing import (
    EMAIL_KIND,
    NAME_KIND,
    AccountServices,
    acting,
    deny,
    email_lookup,
    public_id,
    take_try,
    tries_key,
)
from ais.kit import ANONYMOUS, Actor, Channel
from ais.platform.audit import Entry, record

# A registration outlives its link, for the page that says that the link is over.
_KEPT = LINK_LIFETIME + timedelta(days=1)


async def register(services: AccountServices, *, email: str, password: str, name: str | None, language: str) -> None:
    """Ask for an account. A letter goes to the address: with the link, or saying that there is an account already.

    Raises ValidationFailed for an unusable address or a password that would be guessed, whoever has an account.
    """
    lookup = email_lookup(services.vault, email)
    await services.passwords.require_strong("password", password, filter(None, (email, name)))
    password_hash = await services.passwords.hash(password)
    async with services.database.unit_of_work(ANONYMOUS) as uow:
        person = await services.vault.new_person(uow)
        registration_id = await links.insert_registration(
            uow,
            person_id=person.id,
            email_lookup=lookup,
            email_sealed=person.seal(EMAIL_KIND, email.strip()),
            name_sealed=person.seal(NAME_KIND, name) if name else None,
            language=language,
            password_hash=password_hash,
            lifetime=_KEPT,
        )
        link_id = await links.insert_link(uow, LinkPurpose.VERIFY, lookup, language, LINK_LIFETIME, registration_id)
        uow.publish(LinkAsked(str(link_id)))


async def verify_address(services: AccountServices, *, token: str, password: str, origin: Origin) -> User:
    """Make the account that the link is for, once, if the password is the one that was chosen.

    Raises LinkOver, SignInRefused, TooManyTries.
    """
    link, registration = await _registration(services, token)
    pair = tries_key(services.vault, f"link {link.id}", origin)
    async with services.database.unit_of_work(ANONYMOUS) as uow:
        number, refusal = await take_try(uow, pair, "registration")
    if refusal is not None:
        raise refusal
    if not await services.passwords.verify(registration.password_hash, password):
        await deny(services, "registration", "password", number)
        raise SignInRefused
    async with services.database.unit_of_work(ANONYMOUS) as uow:
        locked = await links.lock_link(uow, link.id)
        if locked is None or locked.is_over:
            raise LinkOver
        await links.use_links(uow, LinkPurpose.VERIFY, link.email_lookups)
        person = await services.vault.person(uow.connection, registration.person_id)
        if person is None:
            raise LinkOver
        user_id = await users.insert_user(
            uow,
            kind=UserKind.TRAVELLER,
            person_id=registration.person_id,
            # Under the keys of now: they may have changed since the account was asked for.
            email_lookup=email_lookup(services.vault, person.open(EMAIL_KIND, registration.email_sealed)),
            email_sealed=registration.email_sealed,
            name_sealed=registration.name_sealed,
            language=registration.language,
            password_hash=registration.password_hash,
        )
        if user_id is None:
            raise LinkOver
        await links.forget_tries(uow, pair)
        user = await users.find_user(uow.connection, user_id)
        assert user is not None
        uow.actor = acting(user, Channel.API)
        await record(uow, Entry(action="account.created", subject=public_id(user_id), after={"kind": user.kind}))
        uow.publish(AddressVerified(str(user_id)))
    return user


async def is_open(services: AccountServices, purpose: LinkPurpose, token: str) -> bool:
    """Whether the link of that token may still be used."""
    link_id = services.tokens.read_link(purpose, token)
    if link_id is None:
        return False
    async with services.database.connection() as connection:
        link = await links.find_link(connection, link_id)
    return link is not None and not link.is_over


async def _registration(services: AccountServices, token: str) -> tuple[Link, Registration]:
    link_id = services.tokens.read_link(LinkPurpose.VERIFY, token)
    if link_id is None:
        raise LinkOver
    async with services.database.connection() as connection:
        link = await links.find_link(connection, link_id)
        if link is None or link.is_over or link.registration_id is None:
            raise LinkOver
        registration = await links.find_registration(connection, link.registration_id)
    if registration is None:
        raise LinkOver
    return link, registration


async def create_user(
    services: AccountServices,
    *,
    kind: UserKind,
    email: str,
    password: str,
    name: str | None,
    language: str,
    actor: Actor,
    agency_id: UUID | None = None,
) -> User:
    """An account that staff make; an agent's is of the agency with that id.

    Its address counts as verified, but takes no orders over: nobody has shown it.

    Raises AccountExists, ValidationFailed for an unusable address or a password that would be guessed.
    """
    lookup = email_lookup(services.vault, email)
    await services.passwords.require_strong("password", password, filter(None, (email, name)))
    password_hash = await services.passwords.hash(password)
    async with services.database.unit_of_work(actor) as uow:
        person = await services.vault.new_person(uow)
        user_id = await users.insert_user(
            uow,
            kind=kind,
            person_id=person.id,
            email_lookup=lookup,
            email_sealed=person.seal(EMAIL_KIND, email.strip()),
            name_sealed=person.seal(NAME_KIND, name) if name else None,
            language=language,
            password_hash=password_hash,
            agency_id=agency_id,
        )
        if user_id is None:
            raise AccountExists
        await record(uow, Entry(action="account.created", subject=public_id(user_id), after={"kind": kind}))
        user = await users.find_user(uow.connection, user_id)
        assert user is not None
    return user
