"""One error contract: every refusal and every accident leaves in the same form."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import asyncpg
import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    SerializationException,
    ValidationException,
)
from litestar.openapi.datastructures import ResponseSpec

from ais.kit import AppError, NotFound, ServiceUnavailable, ValidationFailed
from ais.platform.http.access import TokenExpired, Unauthorized
from ais.platform.http.denials import Denials
from ais.platform.i18n import Language, preferred_language, translate
from ais.platform.rate_limits import RateLimited
from ais.platform.telemetry import CORRELATION_ID, get_logger

log = get_logger("http")


class ErrorDetails(msgspec.Struct):
    """What went wrong, for programs (``code``, ``details``) and for people (``message``, in their language)."""

    code: str
    message: str
    correlation_id: str
    retryable: bool
    details: dict[str, Any]


class ErrorBody(msgspec.Struct):
    """The body of every answer that is not a success."""

    error: ErrorDetails


class MalformedRequest(AppError):
    """The request is not JSON, or a header of ours is not well formed."""

    code = "MALFORMED_REQUEST"
    status = 400
    message = "The request cannot be read: {reason}."

    def __init__(self, reason: str) -> None:
        super().__init__(reason=reason)


class MethodNotAllowed(AppError):
    """The path exists, not with this method."""

    code = "METHOD_NOT_ALLOWED"
    status = 405
    message = "This method is not possible here."


class PayloadTooLarge(AppError):
    """The body is larger than this route takes."""

    code = "PAYLOAD_TOO_LARGE"
    status = 413
    message = "The request body is too large."


class UnsupportedMediaType(AppError):
    """The body is not ``application/json``."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415
    message = "Send the body as application/json."


BODY_REFUSALS = (MalformedRequest, ValidationFailed, PayloadTooLarge, UnsupportedMediaType)
"""What every route that takes a body can refuse."""


class InternalError(AppError):
    """Something unexpected happened; nothing of it is told outside."""


def refusals(*errors: type[AppError]) -> dict[int, ResponseSpec]:
    """The OpenAPI responses of the refusals that a route can answer, by status, each naming its codes."""
    by_status: dict[int, list[type[AppError]]] = {}
    # Any route may be sent credentials, called too often, and meet an accident.
    every: tuple[type[AppError], ...] = (
        *errors,
        Unauthorized,
        TokenExpired,
        RateLimited,
        InternalError,
        ServiceUnavailable,
    )
    for error in every:
        kinds_of_status = by_status.setdefault(error.status, [])
        kinds_of_status.append(error)
    return {
        status: ResponseSpec(
            data_container=ErrorBody,
            description="; ".join(f"`{kind.code}`: {_first_line(kind)}" for kind in dict.fromkeys(kinds)),
            generate_examples=False,
        )
        for status, kinds in sorted(by_status.items())
    }


def _first_line(kind: type[AppError]) -> str:
    return " ".join((kind.__doc__ or kind.message).split("\n\n")[0].split())


_PATH = re.compile(r" - at `\$?(?P<path>[^`]*)`$")


def validation_failure(problem: msgspec.ValidationError, at: str = "") -> ValidationFailed:
    """The decoder's "Expected `int`, got `str` - at `$.passengers[0].age`" as a named field and its reason."""
    text = str(problem)
    match = _PATH.search(text)
    path = match["path"].lstrip(".") if match else ""
    reason = text[: match.start()] if match else text
    missing = re.fullmatch(r"Object missing required field `(\w+)`", reason)
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", reason)
    if named := missing or unknown:
        path = f"{path}.{named[1]}" if path else named[1]
        reason = "This field is required" if missing else "This field is not known"
    full_path = ".".join(part for part in (at, path) if part) or "body"
    return ValidationFailed([(full_path, reason)])


def _as_app_error(problem: Exception) -> AppError:  # noqa: PLR0911  # one line per kind of exception
    """The refusal that stands for an exception of the framework or the database; InternalError for a true accident."""
    match problem:
        case AppError():
            return problem
        case ValidationException():
            return _bad_parameters(problem)
        case SerializationException():
            return MalformedRequest("it is not valid JSON")
        case NotFoundException():
            return NotFound()
        case MethodNotAllowedException():
            return MethodNotAllowed()
        case HTTPException() if problem.status_code == 413:
            return PayloadTooLarge()
        case HTTPException() if problem.status_code == 415:
            return UnsupportedMediaType()
        case HTTPException() if problem.status_code == 400:
            return MalformedRequest("it is not well formed")
        case asyncpg.CharacterNotInRepertoireError() | asyncpg.UntranslatableCharacterError():
            return ValidationFailed([("body", "has a character that is no text")])
        case (
            asyncpg.PostgresConnectionError()
            | asyncpg.CannotConnectNowError()
            | asyncpg.AdminShutdownError()
            | asyncpg.CrashShutdownError()
            | asyncpg.TooManyConnectionsError()
            | asyncpg.LockNotAvailableError()
            | asyncpg.QueryCanceledError()
            | asyncpg.DeadlockDetectedError()
            | asyncpg.InterfaceError()
            | asyncpg.InternalClientError()  # an answer that its connection had ended came between two statements
            | ConnectionError()
            | TimeoutError()
            | asyncio.IncompleteReadError()
        ):
            return ServiceUnavailable()
        case _:
            return InternalError()


def _bad_parameters(problem: ValidationException) -> AppError:
    fields = []
    for each in problem.extra or []:
        if isinstance(each, dict) and each.get("key") == "data":
            return MalformedRequest("it has no body")
        if isinstance(each, dict) and each.get("source") == "path":
            # What cannot be an id of anything is the id of nothing.
            return NotFound()
        if isinstance(each, dict):
            fields.append((str(each.get("key", "body")), str(each.get("message", "is not valid"))))
    return ValidationFailed(fields or [("body", "is not valid")])


# Answers an error of a page for people with a page, given the headers that every answer of that error carries; None if
# the request was not for a page.
ErrorPage = Callable[[Request[Any, Any, Any], AppError, dict[str, str]], Response[Any] | None]


def error_renderer(error_page: ErrorPage | None = None) -> Callable[[Request[Any, Any, Any], Exception], Response[Any]]:
    """What answers any exception: as a page where ``error_page`` has one, else in the one form of the API."""

    def render(request: Request[Any, Any, Any], problem: Exception) -> Response[Any]:
        error = _as_app_error(problem)
        denials: Denials | None = request.app.state.get("denials")
        if denials is not None:
            denials.note(request, error)
        _log(request, error, problem)
        request.state.spends_a_try = error.spends_a_try
        headers = _headers(error, problem)
        page = error_page(request, error, headers) if error_page is not None else None
        return page if page is not None else render_error(request, error, headers)

    return render


def _log(request: Request[Any, Any, Any], error: AppError, problem: Exception) -> None:
    """What is unexpected is logged whole and told to nobody."""
    if isinstance(error, InternalError):
        log.error("unexpected failure", path=request.scope["path"], exc_info=problem)
    elif isinstance(error, ServiceUnavailable):
        log.warning("unavailable", path=request.scope["path"], problem=type(problem).__name__)


def _headers(error: AppError, problem: Exception) -> dict[str, str]:
    headers: dict[str, str] = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if error.status == 405 and isinstance(problem, HTTPException) and problem.headers:
        headers.update(problem.headers)
    return headers


def error_body(error: AppError, language: Language) -> ErrorBody:
    """The one form of the API, in that language."""
    return ErrorBody(
        ErrorDetails(
            code=error.code,
            message=error.sentence(translate(error.message, language)),
            correlation_id=CORRELATION_ID.get(),
            retryable=error.retryable,
            details=error.details,
        )
    )


def render_error(request: Request[Any, Any, Any], error: AppError, headers: dict[str, str]) -> Response[ErrorBody]:
    """An error for a program, in the caller's language."""
    language = preferred_language(request.headers.get("accept-language"))
    body = error_body(error, language)
    headers = {**headers, "Content-Language": language}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(body, status_code=error.status, headers=headers, media_type="application/json")
