"""Sentences about what is wrong with a form of an account."""

from __future__ import annotations

from ais.accounts import TOO_SHORT, TOO_WEAK, TooManyTries
from ais.kit import ValidationFailed
from ais.web.translation import mark

FORM_LENGTHS = (("email", 254), ("password", 128), ("code", 40))
REFUSED = mark("The e-mail address or the password is not right.")
LINK_OVER = mark("This link is no longer valid. Links are good for one hour, and once.")
WRONG_PASSWORD = mark("This is not your password.")
WRONG_CODE = mark("This is not the code of this moment.")
_PASSWORDS = {
    TOO_SHORT: mark("Choose a password of at least 10 characters."),
    TOO_WEAK: mark(
        "This password is among those that are tried first. Several words that do not belong together are good."
    ),
}
_EMAIL = mark("Please check the e-mail address.")


def sentences_of(mistakes: ValidationFailed) -> dict[str, str]:
    """What is wrong, a sentence by field."""
    return {each["path"]: _PASSWORDS.get(each["reason"], _EMAIL) for each in mistakes.details["fields"]}


def minutes_of(refusal: TooManyTries) -> int:
    """How long to wait, in whole minutes."""
    return -(-(refusal.retry_after_seconds or 0) // 60)
