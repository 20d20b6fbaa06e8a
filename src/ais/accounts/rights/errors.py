"""Refusals around rights."""

from __future__ import annotations

from ais.kit import AppError, NotFound


class ApprovalNotFound(NotFound):
    """There is no such approval, or it is not the caller's to see."""

    message = "There is no such approval."


class ApprovalExpired(AppError):
    """Nobody signed in time."""

    code = "APPROVAL_EXPIRED"
    status = 410
    message = "The time to approve this is over. It must be asked for again."


class SecondPersonNeeded(AppError):
    """Who asked for it, or who gets the role, may not sign it."""

    code = "SECOND_PERSON_NEEDED"
    status = 403
    message = "Another person must approve this."


class ApprovalConflict(AppError):
    """Something else was asked for about the same subject and waits."""

    code = "APPROVAL_CONFLICT"
    status = 409
    message = "Something else about this waits for approval already."


class RoleConflict(AppError):
    """The account has this role already, or no role can be given to it."""

    code = "ROLE_CONFLICT"
    status = 409
    message = "This account has the role already, or cannot be given one."


class GrantNotFound(NotFound):
    """The account has no such role."""

    message = "There is no such role of this account."


class ApiKeyNotFound(NotFound):
    """There is no such key, or it is not the caller's to see."""

    message = "There is no such API key."


class UserNotFound(NotFound):
    """There is no such account."""

    message = "There is no such account."
