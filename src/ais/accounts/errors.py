"""What people who sign in can be refused."""

from __future__ import annotations

from ais.kit import AppError


class SignInRefused(AppError):
    """Address or password are wrong, or there is no such account: never told apart."""

    code = "UNAUTHORIZED"
    status = 401
    message = "The e-mail address or the password is not right."


class SecondFactorNeeded(AppError):
    """The password is right, and the account asks for a code of its second factor too."""

    code = "SECOND_FACTOR_REQUIRED"
    status = 401
    spends_a_try = False
    message = "Please enter the code of your second factor too."


class TooManyTries(AppError):
    """Too many wrong tries to sign in to this account from this network."""

    code = "RATE_LIMITED"
    status = 429
    retryable = True
    message = "Too many wrong tries. Please wait {retry_after_seconds} seconds."

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(retry_after_seconds=retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class RefreshRefused(AppError):
    """The refresh token is unknown, used, or its session has ended."""

    code = "UNAUTHORIZED"
    status = 401
    message = "Please sign in again."


class LinkOver(AppError):
    """The link was used, its time is over, or it is none of ours."""

    code = "LINK_EXPIRED"
    status = 410
    message = "This link is no longer valid. Please ask for a new one."


class SessionNotFound(AppError):
    """There is no such session of the caller's, or it has ended."""

    code = "NOT_FOUND"
    status = 404
    message = "There is no such session."


class SecondFactorConflict(AppError):
    """The account has a second factor already, has none, or has not begun to set one up."""

    code = "SECOND_FACTOR_CONFLICT"
    status = 409
    message = "This does not fit the second factor of your account."


class AccountNotFound(AppError):
    """There is no such account."""

    code = "NOT_FOUND"
    status = 404
    message = "There is no such account."


class AccountExists(AppError):
    """Somebody has an account with this address. Told to staff only."""

    code = "ACCOUNT_EXISTS"
    status = 409
    message = "There is an account with this address already."
