"""What is written to people about their accounts: decided when the letter is written, and never told to who asked."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import msgspec

from ais.accounts.domain import Link, LinkPurpose, User, UserStatus
from ais.accounts.repository import links, users
from ais.accounts.service.plumbing import EMAIL_KIND
from ais.kit.ids import UserId
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
    user = await users.find_user_by_email(connection, link.email_lookup)
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
