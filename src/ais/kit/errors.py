"""The one shape of a refusal.

Every refusal that a caller can meet is a class of its own below :class:`AppError`; the HTTP layer turns it into the
error body of the API, the CLI into a sentence and an exit code. A class that is not declared on an endpoint must not
leave it, so the set of subclasses is the error contract.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self


class AppError(Exception):
    """A refusal with a stable code, an HTTP status and a sentence for people.

    ``message`` is an English template whose ``{names}`` are filled from ``details``; the same template is the key of
    its translation. ``retryable`` says whether the unchanged request may succeed later. ``details`` holds only values
    that JSON can carry, and nothing personal. ``hides`` is the public id of what the caller must not know to exist, for
    the audit trail alone.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    message: ClassVar[str] = "Something went wrong on our side."
    # Whether it counts where wrong tries are limited; not if the caller has shown to know what a guesser would not.
    spends_a_try: ClassVar[bool] = True
    retry_after_seconds: int | None = None
    hides: str | None = None

    def __init__(self, **details: Any) -> None:
        self.details: dict[str, Any] = details
        super().__init__(self.sentence())

    @classmethod
    def hiding(cls, subject: str) -> Self:
        """The refusal by which ``subject`` (a public id), which exists, is answered as if it did not."""
        refusal = cls()
        refusal.hides = subject
        return refusal

    def sentence(self, template: str | None = None) -> str:
        """The message with its details filled in; a detail that the template names and is absent stays readable."""
        return (template or self.message).format_map(_Readable(self.details))


class _Readable(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return f"({key})"


class ValidationFailed(AppError):
    """The request is well-formed and says something that cannot be; ``details.fields`` names each field found wrong."""

    code = "VALIDATION_ERROR"
    status = 422
    message = "Some of what you sent is not valid."

    def __init__(self, fields: list[tuple[str, str]] | tuple[tuple[str, str], ...], **details: Any) -> None:
        super().__init__(fields=[{"path": path, "reason": reason} for path, reason in fields], **details)


class NotFound(AppError):
    """There is no such thing, or it is not the caller's: the two are never told apart."""

    code = "NOT_FOUND"
    status = 404
    message = "There is nothing here under that name."


class Forbidden(AppError):
    """The caller is known and has no right to this."""

    code = "FORBIDDEN"
    status = 403
    message = "You are not allowed to do this."


class StepUpRequired(AppError):
    """The caller has the right and must first prove once more who they are."""

    code = "STEP_UP_REQUIRED"
    status = 403
    message = "Please confirm once more that it is you."


class ServiceUnavailable(AppError):
    """A part that the program cannot do without is away or overloaded."""

    code = "SERVICE_UNAVAILABLE"
    status = 503
    retryable = True
    message = "The service is not available at the moment. Please try again."
    retry_after_seconds = 1


class InvalidStateTransition(AppError):
    """The present state of the aggregate does not allow this move."""

    code = "INVALID_STATE_TRANSITION"
    status = 409
    message = "This cannot be done while the {aggregate} is {current}."

    def __init__(self, aggregate: str, current: str, target: str) -> None:
        super().__init__(aggregate=aggregate, current=current, target=target)
