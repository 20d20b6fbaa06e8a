"""Mails about accounts: to whom they go, what they say and where their links lead, read when they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from ais.accounts import (
    LetterKind,
    LinkPurpose,
    SessionLetter,
    SignerLetter,
    letter_of_link,
    letter_of_session,
    letter_to_signer,
    letter_to_user,
)
from ais.kit.ids import UserId
from ais.notifications.domain import Notice, NoticeKind
from ais.platform.database import Connection
from ais.platform.i18n import Language
from ais.platform.i18n.formats import day_text
from ais.platform.vault import Vault

# The page that does what a link is for (its purpose and id), the one to ask for a new password, the account's own, and
# the one where second persons sign.
AccountLink = Callable[[LinkPurpose, UUID, Language], str]
PageLink = Callable[[Language], str]
_KINDS = {
    NoticeKind.VERIFY_ADDRESS: LetterKind.VERIFY,
    NoticeKind.ACCOUNT_EXISTS: LetterKind.EXISTS,
    NoticeKind.RESET_PASSWORD: LetterKind.RESET,
}
_OF_A_SESSION = frozenset({NoticeKind.NEW_DEVICE, NoticeKind.REFRESH_REUSED})


class Told(msgspec.Struct, frozen=True):
    """To whom a mail goes, the one link in it, and what else its template is given."""

    recipient: str
    link: str
    values: Mapping[str, Any] = {}


class AccountLetters(msgspec.Struct, frozen=True):
    """Reads what mails about accounts say."""

    account_link: AccountLink
    forgotten_link: PageLink
    own_link: PageLink
    approvals_link: PageLink

    async def read(self, connection: Connection, vault: Vault, notice: Notice, language: Language) -> Told | None:
        """None if what the notice tells is not so any more. A link's token is made here and is stored nowhere."""
        if "link_id" in notice.details:
            return await self._about_link(connection, vault, notice, language)
        user_id = UserId(UUID(notice.details["user_id"]))
        if notice.kind in _OF_A_SESSION:
            opened = await letter_of_session(connection, vault, user_id, UUID(notice.details["session_id"]))
            return Told(opened.email, self.own_link(language), _session(opened, language)) if opened else None
        if notice.kind is NoticeKind.APPROVAL_WAITING:
            asked = await letter_to_signer(connection, vault, UUID(notice.details["approval_id"]), user_id)
            return Told(asked.email, self.approvals_link(language), _approval(asked, language)) if asked else None
        letter = await letter_to_user(connection, vault, user_id)
        if letter is None:
            return None
        is_password = notice.kind is NoticeKind.PASSWORD_CHANGED
        return Told(letter.email, self.forgotten_link(language) if is_password else self.own_link(language))

    async def _about_link(
        self, connection: Connection, vault: Vault, notice: Notice, language: Language
    ) -> Told | None:
        link_id = UUID(notice.details["link_id"])
        letter = await letter_of_link(connection, vault, link_id)
        if letter is None or letter.purpose is None or letter.kind is not _KINDS[notice.kind]:
            return None
        if letter.kind is LetterKind.EXISTS:
            return Told(letter.email, self.forgotten_link(language))
        return Told(letter.email, self.account_link(letter.purpose, link_id, language))


def _session(letter: SessionLetter, language: Language) -> dict[str, Any]:
    return {
        "browser": letter.device.browser,
        "system": letter.device.system,
        "address": letter.address,
        "at": _moment(letter.opened_at, language),
    }


def _approval(letter: SignerLetter, language: Language) -> dict[str, Any]:
    return {
        "approval": letter.approval,
        "matter": letter.kind.value,
        "about": letter.subject,
        "until": _moment(letter.expires_at, language),
    }


def _moment(at: datetime, language: Language) -> str:
    """An instant that belongs to no airport, in UTC."""
    at = at.astimezone(UTC)
    return f"{day_text(at.date(), language)}, {at:%H:%M} UTC"
