"""The second factor: codes of an authenticator (TOTP, RFC 6238: six digits, 30 seconds), and recovery codes on paper.

Each code works once: of the authenticator's, none of a step at or before the last one used. A step may be one late or
early, for clocks that differ.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from ais.accounts.domain import Origin, User, UserKind
from ais.accounts.errors import AccountNotFound, SecondFactorConflict, SignInRefused
from ais.accounts.events import SecondFactorAdded, SecondFactorRemoved
from ais.accounts.repository import links, sessions, users
from ais.accounts.service.plumbing import (
    EMAIL_KIND,
    AccountServices,
    change_access,
    deny,
    public_id,
    take_try,
    tries_key,
)
from ais.accounts.tokens import SessionRef
from ais.kit import Actor, ValidationFailed, new_uuid
from ais.kit.ids import UserId
from ais.platform.audit import Entry, record
from ais.platform.database import UnitOfWork

if TYPE_CHECKING:
    import pyotp

TOTP_KIND = "totp"
STEP_SECONDS = 30
RECOVERY_CODES = 10
_RECOVERY_BYTES = 10
_SECRET_BYTES = 20
_STEPS_AROUND = (0, -1, 1)
WRONG_CODE = "is not the code of this moment"


class SecondFactorBegun(msgspec.Struct, frozen=True):
    """What an authenticator is given; shown once."""

    secret: str
    uri: str


async def begin_second_factor(
    services: AccountServices, *, user_id: UserId, password: str, issuer: str, origin: Origin, actor: Actor
) -> SecondFactorBegun:
    """A new secret, which counts once a code of it was shown.

    The password is asked for, so that a session left open is not enough to lock its owner out.
    Raises SignInRefused, TooManyTries, SecondFactorConflict if the account has a second factor.
    """
    user = await _user(services, user_id)
    if user.has_second_factor:
        raise SecondFactorConflict
    await require_password(services, user, password, origin, actor)
    secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    async with services.database.unit_of_work(actor) as uow:
        person = await services.vault.person(uow.connection, user.person_id)
        if person is None or user.email_sealed is None:
            raise AccountNotFound
        await users.begin_totp(uow, user_id, person.seal(TOTP_KIND, secret))
        email = person.open(EMAIL_KIND, user.email_sealed)
    return SecondFactorBegun(secret, authenticator_address(secret, email, issuer))


async def confirm_second_factor(
    services: AccountServices, *, session: SessionRef, code: str, origin: Origin, actor: Actor
) -> list[str]:
    """From now on signing in asks for a code. Answers ten recovery codes, shown once, each good for one sign-in.

    Raises ValidationFailed for a wrong code, TooManyTries, SecondFactorConflict if none was begun or one is there.
    """
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    pair = await _count(services, session.user_id, origin, actor)
    async with services.database.unit_of_work(actor) as uow:
        user = await users.lock_user(uow, session.user_id)
        if user is None or user.totp_sealed is None or user.has_second_factor:
            raise SecondFactorConflict
        step = await _matching_step(services, uow, user, code)
        if step is not None:
            version = await change_access(uow, user.id)
            await links.forget_tries(uow, pair)
            await users.confirm_totp(uow, user.id, step, [_recovery_hash(each) for each in codes])
            await sessions.note_second_factor(uow, session.session_id)
            await record(uow, Entry(action="account.second_factor_added", subject=public_id(user.id)))
            uow.publish(SecondFactorAdded(str(user.id), str(new_uuid())))
    if step is None:
        raise ValidationFailed([("code", WRONG_CODE)])
    await services.checks.announce(session.user_id, version)
    return codes


async def remove_second_factor(
    services: AccountServices, *, session: SessionRef, password: str, code: str, origin: Origin, actor: Actor
) -> None:
    """Signing in asks for no code any more. Staff may not where the policy asks for one: SecondFactorConflict.

    Both are asked for, so that neither a session left open nor an authenticator found is enough.
    Raises SignInRefused for a wrong password, ValidationFailed for a wrong code, TooManyTries.
    """
    known = await _user(services, session.user_id)
    if not known.has_second_factor or is_required(services, known):
        raise SecondFactorConflict
    await require_password(services, known, password, origin, actor)
    pair = await _count(services, session.user_id, origin, actor)
    async with services.database.unit_of_work(actor) as uow:
        user = await users.lock_user(uow, session.user_id)
        if user is None or not user.has_second_factor or is_required(services, user):
            raise SecondFactorConflict
        right = await spend_code(services, uow, user, code)
        if right:
            version = await change_access(uow, user.id)
            await links.forget_tries(uow, pair)
            await users.remove_totp(uow, user.id)
            await record(uow, Entry(action="account.second_factor_removed", subject=public_id(user.id)))
            uow.publish(SecondFactorRemoved(str(user.id), str(new_uuid())))
    if not right:
        raise ValidationFailed([("code", WRONG_CODE)])
    await services.checks.announce(session.user_id, version)


async def step_up(
    services: AccountServices,
    *,
    session: SessionRef,
    code: str | None,
    password: str | None,
    origin: Origin,
    actor: Actor,
) -> datetime:
    """Prove once more who uses the session: by a code, or by the password where the account has no second factor.

    Answers when that was. Raises ValidationFailed for a wrong or missing code, SignInRefused for a wrong password,
    SecondFactorConflict for staff who must have a second factor and have none, TooManyTries.
    """
    user = await _user(services, session.user_id)
    if user.has_second_factor and not code:
        raise ValidationFailed([("code", "is needed")])
    if not user.has_second_factor:
        if is_required(services, user):
            raise SecondFactorConflict
        if not password:
            raise ValidationFailed([("password", "is needed")])
        await require_password(services, user, password, origin, actor)
    pair = await _count(services, session.user_id, origin, actor)
    async with services.database.unit_of_work(actor) as uow:
        locked = await users.lock_user(uow, session.user_id)
        if locked is None or locked.has_second_factor != user.has_second_factor:
            raise SecondFactorConflict
        right = not locked.has_second_factor or await spend_code(services, uow, locked, code or "")
        if right:
            version = await change_access(uow, locked.id)
            await links.forget_tries(uow, pair)
            await sessions.note_second_factor(uow, session.session_id)
            await record(uow, Entry(action="account.stepped_up", subject=public_id(locked.id)))
    if not right:
        raise ValidationFailed([("code", WRONG_CODE)])
    await services.checks.announce(session.user_id, version)
    return services.database.clock.now()


def authenticator_address(secret: str, email: str, issuer: str) -> str:
    """The ``otpauth`` address of a secret, as an authenticator reads it from a QR code."""
    return _authenticator(secret).provisioning_uri(name=email, issuer_name=issuer)


def is_required(services: AccountServices, user: User) -> bool:
    """Whether this account has no rights without a second factor."""
    return services.policy.staff_second_factor and user.kind is UserKind.STAFF


async def spend_code(services: AccountServices, uow: UnitOfWork, user: User, code: str) -> bool:
    """Whether ``code`` is the authenticator's of this moment or a recovery code, not used before; now it is used.

    The user is locked.
    """
    text = "".join(code.split())
    if len(text) == 6 and text.isascii() and text.isdigit():
        step = await _matching_step(services, uow, user, text)
        return step is not None and await users.spend_totp_step(uow, user.id, step)
    return await users.spend_recovery_code(uow, user.id, _recovery_hash(text))


async def require_password(services: AccountServices, user: User, password: str, origin: Origin, actor: Actor) -> None:
    """Raise SignInRefused unless that is the user's password, TooManyTries after too many wrong ones."""
    pair = tries_key(services.vault, f"password {user.id}", origin)
    async with services.database.unit_of_work(actor) as uow:
        number, refusal = await take_try(uow, pair, public_id(user.id))
    if refusal is not None:
        raise refusal
    if not await services.passwords.verify(user.password_hash, password):
        await deny(services, public_id(user.id), "password", number)
        raise SignInRefused
    async with services.database.unit_of_work(actor) as uow:
        await links.forget_tries(uow, pair)


async def _count(services: AccountServices, user_id: UserId, origin: Origin, actor: Actor) -> bytes:
    """Count a try of a code before it is looked at. Raises TooManyTries."""
    pair = tries_key(services.vault, f"code {user_id}", origin)
    async with services.database.unit_of_work(actor) as uow:
        _, refusal = await take_try(uow, pair, public_id(user_id))
    if refusal is not None:
        raise refusal
    return pair


async def _user(services: AccountServices, user_id: UserId) -> User:
    async with services.database.connection() as connection:
        user = await users.find_user(connection, user_id)
    if user is None:
        raise AccountNotFound
    return user


async def _matching_step(services: AccountServices, uow: UnitOfWork, user: User, code: str) -> int | None:
    """The step of time that this code belongs to, of those around now."""
    person = await services.vault.person(uow.connection, user.person_id)
    if person is None or user.totp_sealed is None:
        return None
    authenticator = _authenticator(person.open(TOTP_KIND, user.totp_sealed))
    now = int(services.database.clock.now().timestamp()) // STEP_SECONDS
    matching = [
        now + around
        for around in _STEPS_AROUND
        if hmac.compare_digest(authenticator.generate_otp(now + around).encode(), code.encode())
    ]
    return matching[0] if matching else None


def _authenticator(secret: str) -> pyotp.TOTP:
    import pyotp  # loaded by the first who has a second factor: a quick start is a promise

    return pyotp.TOTP(secret)


def _recovery_code() -> str:
    """80 random bits as four groups of four letters and digits that are not mistaken for each other."""
    text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _recovery_hash(code: str) -> bytes:
    return hashlib.sha256(code.replace("-", "").lower().encode()).digest()
