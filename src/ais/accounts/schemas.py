"""What goes over the wire about accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from ais.kit import ONE_LINE

Email = Annotated[str, msgspec.Meta(min_length=3, max_length=254)]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Code = Annotated[str, msgspec.Meta(min_length=6, max_length=40)]
Token = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=ONE_LINE)]


class RegisterRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Who wants an account. The password has 10 to 128 characters and is not one that is tried first."""

    email: Email
    password: Password
    name: Name | None = None


class LoginRequest(msgspec.Struct, forbid_unknown_fields=True):
    """`code` is that of the second factor, or a recovery code, for an account that has one."""

    email: Email
    password: Password
    code: Code | None = None


class RefreshRequest(msgspec.Struct, forbid_unknown_fields=True):
    refresh_token: Token


class LogoutRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The session of the refresh token ends; without one that of the access token."""

    refresh_token: Token | None = None


class VerifyRequest(msgspec.Struct, forbid_unknown_fields=True):
    """`token` is that of the mail's link, `password` the one that was chosen."""

    token: Token
    password: Password


class ResetRequest(msgspec.Struct, forbid_unknown_fields=True):
    email: Email


class NewPasswordRequest(msgspec.Struct, forbid_unknown_fields=True):
    token: Token
    password: Password


class PasswordRequest(msgspec.Struct, forbid_unknown_fields=True):
    current_password: Password
    new_password: Password


class StepUpRequest(msgspec.Struct, forbid_unknown_fields=True):
    """`code` where the account has a second factor, else `password`."""

    code: Code | None = None
    password: Password | None = None


class BeginSecondFactorRequest(msgspec.Struct, forbid_unknown_fields=True):
    password: Password


class CodeRequest(msgspec.Struct, forbid_unknown_fields=True):
    code: Code


class RemoveSecondFactorRequest(msgspec.Struct, forbid_unknown_fields=True):
    """`code` is the authenticator's of this moment, or a recovery code."""

    password: Password
    code: Code


class TokensBody(msgspec.Struct):
    """`access_token` is good for `expires_in` seconds; `refresh_token` gets the next pair, once."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: int


class MailSent(msgspec.Struct):
    """A mail is on its way if there is anything to say to that address."""

    status: Literal["mail_sent"]


class Verified(msgspec.Struct):
    status: Literal["verified"]


class MeBody(msgspec.Struct):
    """The account that calls, with what it may do now. `second_factor` is `missing` where one must be set up first."""

    id: str
    kind: Literal["traveller", "agent", "staff"]
    email: str | None
    name: str | None
    language: Literal["ar", "en"]
    roles: list[str]
    permissions: list[str]
    second_factor: Literal["on", "off", "missing"]
    recovery_codes_left: int
    session_id: str
    created_at: datetime


class SessionBody(msgspec.Struct):
    """One sign-in. `device` is what it calls itself, `browser` and `system` what that names in people's words (null for
    what we do not know), `address` where it signed in from.
    """

    id: str
    kind: Literal["token", "page"]
    device: str
    browser: str | None
    system: str | None
    address: str
    created_at: datetime
    last_used_at: datetime
    ends_at: datetime
    current: bool


class Ended(msgspec.Struct):
    """How many sessions ended."""

    ended: int


class SteppedUp(msgspec.Struct):
    """Until when the proof counts as recent."""

    valid_until: datetime


class SecondFactorBody(msgspec.Struct):
    """What an authenticator is given, as text and as address for a QR code; shown once."""

    secret: str
    uri: str


class RecoveryCodes(msgspec.Struct):
    """Each is good for one sign-in without the authenticator; shown once."""

    recovery_codes: list[str]
