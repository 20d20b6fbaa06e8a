"""Mails about accounts: to whom they go and where their links lead, read when they are written."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import msgspec

from ais.accounts import LetterKind, LinkPurpose, letter_of_link, letter_to_user
from ais.kit.ids import UserId
from ais.notifications.domain import Notice, NoticeKind
from ais.platform.database import Connection
from ais.platform.i18n import Language
from ais.platform.vault import Vault

# The page that does what a link is for (its purpose and id), and the one to ask for a new password.
AccountLink = Callable[[LinkPurpose, UUID, Language], str]
ForgottenLink = Callable[[Language], str]
_KINDS = {
    NoticeKind.VERIFY_ADDRESS: LetterKind.VERIFY,
    NoticeKind.ACCOUNT_EXISTS: LetterKind.EXISTS,
    NoticeKind.RESET_PASSWORD: LetterKind.RESET,
}


class Told(msgspec.Struct, frozen=True):
    """To whom a mail goes, and the one link in it."""

    recipient: str
    link: str


class AccountLetters(msgspec.Struct, frozen=True):
    """Reads what mails about accounts say."""

    account_link: AccountLink
    forgotten_link: ForgottenLink

    async def read(self, connection: Connection, vault: Vault, notice: Notice, language: Language) -> Told | None:
        """None if what the notice tells is not so any more. A link's token is made here and is stored nowhere."""
        if notice.kind is NoticeKind.PASSWORD_CHANGED:
            letter = await letter_to_user(connection, vault, UserId(UUID(notice.details["user_id"])))
            return Told(letter.email, self.forgotten_link(language)) if letter is not None else None
        link_id = UUID(notice.details["link_id"])
        letter = await letter_of_link(connection, vault, link_id)
        if letter is None or letter.purpose is None or letter.kind is not _KINDS[notice.kind]:
            return None
        if letter.kind is LetterKind.EXISTS:
            return Told(letter.email, self.forgotten_link(language))
        return Told(letter.email, self.account_link(letter.purpose, link_id, language))
