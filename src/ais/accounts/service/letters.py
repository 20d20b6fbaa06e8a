"""What is written to people about their accounts: decided when the letter is written, and never told to who asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from ais.accounts.devices import Device, device_of
from ais.accounts.domain import Link, LinkPurpose, Origin, User, UserStatus
from ais.accounts.repository import links, sessions, users
from ais.accounts.service.plumbing import EMAIL_KIND, ORIGIN_KIND
from ais.kit.ids import SessionId, UserId
from ais.platform.database import Connection
from ais.platform.vault import Vault

LETTERS_WITHIN = timedelta(hours=1)
LETTERS_MOST = 3


class LetterKind(StrEnum):
    """What a letter says."""

    VERIFY = "verify"
    EXISTS = "exists"
    RESET = "reset"


class AccountLetter(msgspec.Struct, frozen=True):
    """A letter to be written: to whom, in which language, and for a link which one."""

    kind: LetterKind | None
    email: str
    language: str
    purpose: LinkPurpose | None = None


async def letter_of_link(connection: Connection, vault: Vault, link_id: UUID) -> AccountLetter | None:
    """What to write to whoever asked for the link; None if there is nothing to say: nobody has the address, the link is
    over, or three letters of the last hour have said the same.
    """
    link = await links.find_link(connection, link_id)
    if link is None or link.is_over:
        return None
    if await links.count_before(connection, link, LETTERS_WITHIN) >= LETTERS_MOST:
        return None
    user = await users.find_user_by_email(connection, link.email_lookups)
    if link.purpose is LinkPurpose.RESET:
        return await _to_user(connection, vault, user, LetterKind.RESET, link)
    if user is not None:
        return await _to_user(connection, vault, user, LetterKind.EXISTS, link)
    assert link.registration_id is not None
    registration = await links.find_registration(connection, link.registration_id)
    if registration is None:
        return None
    email = await vault.open(connection, registration.person_id, EMAIL_KIND, registration.email_sealed)
    return AccountLetter(LetterKind.VERIFY, email, link.language, link.purpose) if email is not None else None


class SessionLetter(msgspec.Struct, frozen=True):
    """A letter about a session: to whom, and from where and when it was opened."""

    email: str
    device: Device
    address: str
    opened_at: datetime


async def letter_of_session(
    connection: Connection, vault: Vault, user_id: UserId, session_id: UUID
) -> SessionLetter | None:
    """What to write about a session, also one that has ended; None if it or its account is gone."""
    user = await users.find_user(connection, user_id)
    session = await sessions.kept_session(connection, SessionId(session_id))
    letter = await _to_user(connection, vault, user, None, None)
    if user is None or letter is None or session is None or session.origin_sealed is None:
        return None
    opened = await vault.open(connection, user.person_id, ORIGIN_KIND, session.origin_sealed)
    if session.user_id != user_id or opened is None:
        return None
    origin = msgspec.json.decode(opened, type=Origin)
    return SessionLetter(letter.email, device_of(origin.device), origin.address, session.created_at)


async def letter_to_user(connection: Connection, vault: Vault, user_id: UserId) -> AccountLetter | None:
    """To whom something is written about their account; None if it is gone."""
    return await _to_user(connection, vault, await users.find_user(connection, user_id), None, None)


async def _to_user(
    connection: Connection, vault: Vault, user: User | None, kind: LetterKind | None, link: Link | None
) -> AccountLetter | None:
    if user is None or user.status is not UserStatus.ACTIVE or user.email_sealed is None:
        return None
    email = await vault.open(connection, user.person_id, EMAIL_KIND, user.email_sealed)
    if email is None:
        return None
    return AccountLetter(kind, email, link.language if link else user.language, link.purpose if link else None)
