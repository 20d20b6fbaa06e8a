"""Logs: one JSON object per line, with the correlation id of the request, personal data masked."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog

# The id of the request or job that the running task works for; empty outside of both.
CORRELATION_ID: ContextVar[str] = ContextVar("correlation_id", default="")

# Field names whose values are a person's, or a secret: the value never reaches the log.
MASKED_FIELDS = frozenset({
    "access_token", "api_key", "authorization", "born_on", "card", "client_secret", "contact", "cookie", "documents",
    "email", "family", "family_name", "given", "given_name", "guest_token", "name", "name_local", "nationality",
    "operator_token", "passenger_name", "passengers", "password", "phone", "refresh_token", "search_name", "secret",
    "secret_keys", "stripe_secret_key", "stripe_webhook_secret", "token",
})  # fmt: skip
_EMAIL = re.compile(r"[^\s@,;<>\"']+@[^\s@,;<>\"']+\.[^\s@,;<>\"']+")
_CARD = re.compile(r"(?<![\dA-Za-z-])(?:\d[ -]?){12,18}\d(?![\dA-Za-z-])")
_PHONE = re.compile(r"\+\d[\d ()-]{7,}\d")
_BEARER = re.compile(r"\b(bearer)\s+\S+", re.IGNORECASE)
_SECRET = re.compile(r"\b(?:sk|rk|whsec|gst|ofr|act|rft|pi_\w+_secret)_[A-Za-z0-9_\-]{8,}")
# Keys of machines; a short word after ais_ is a name of ours.
_API_KEY = re.compile(r"\bais_[A-Za-z0-9_\-]{40,}")
MASK = "***"


def mask_text(text: str) -> str:
    """``text`` with e-mail addresses, telephone and card numbers, and tokens hidden."""
    for pattern in (_EMAIL, _PHONE, _CARD, _SECRET, _API_KEY):
        text = pattern.sub(MASK, text)
    return _BEARER.sub(rf"\1 {MASK}", text)


def _mask(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping) and depth < 6:
        return {
            key: MASK if str(key).lower() in MASKED_FIELDS else _mask(inner, depth + 1) for key, inner in value.items()
        }
    if isinstance(value, (list, tuple)) and depth < 6:
        return [_mask(inner, depth + 1) for inner in value]
    return value


def mask_personal_data(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor that hides personal fields and secrets in everything that is logged."""
    return {key: MASK if key.lower() in MASKED_FIELDS else _mask(value) for key, value in event.items()}


ERROR_LENGTH = 500
_QUOTED = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`""")
_UNRETRIEVED = re.compile(r"exception=(\w+)\(.*", re.DOTALL)
_DATA_EXCEPTIONS = "22"  # the class of SQLSTATEs whose sentences quote the refused value


def describe_error(error: BaseException) -> str:
    """``Class [SQLSTATE]: first line`` of an error, at most 500 characters, without values; a group by its members.

    PostgreSQL tells the values of the row from the second line on (DETAIL), and in the first one where a value could
    not be read; ValueError and KeyError quote what they met. None of that is kept: constraint and table are.
    """
    if isinstance(error, BaseExceptionGroup):
        return " | ".join(describe_error(inner) for inner in error.exceptions)[:ERROR_LENGTH]
    name = type(error).__name__
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate:
        name = f"{name} [{sqlstate}]"
    first_line = next(iter(str(error).splitlines()), "")
    if str(sqlstate or "").startswith(_DATA_EXCEPTIONS):
        first_line = first_line.partition(":")[0]
    elif isinstance(error, (ValueError, LookupError)):
        first_line = _QUOTED.sub(MASK, first_line)
    return mask_text(f"{name}: {first_line}" if first_line else name)[:ERROR_LENGTH]


def describe_failure(error: BaseException) -> str:
    """What may be logged of an unexpected failure: each error of its chain with where it was raised, no values."""
    return "\n".join(_described_chain(error, set()))


def _described_chain(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _described_chain(before, seen)
        yield "and from it:" if error.__cause__ is before else "and while that was handled:"
    yield from (line.rstrip("\n") for line in traceback.format_tb(error.__traceback__))
    place = [f"{part}={value}" for part in ("constraint", "table") if (value := getattr(error, f"{part}_name", None))]
    yield " ".join([describe_error(error), *place])
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            if id(inner) not in seen:
                yield from _described_chain(inner, seen)


def tell_exception(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor that turns ``exc_info`` into ``exception``, the text of :func:`describe_failure`."""
    told = event.pop("exc_info", None)
    if isinstance(told, tuple):
        told = told[1]
    elif told and not isinstance(told, BaseException):
        told = sys.exc_info()[1]
    if isinstance(told, BaseException):
        event["exception"] = describe_failure(told)
    if isinstance(event.get("event"), str):
        event["event"] = _UNRETRIEVED.sub(r"exception=\1", event["event"])
    return event


ErrorListener = Callable[[Mapping[str, Any], BaseException | None], None]
_listeners: list[ErrorListener] = []


def tell_errors_to(listener: ErrorListener) -> None:
    """Call ``listener`` with every line that is logged as an error, masked, and the exception it came from."""
    _listeners.append(listener)


def stop_telling_errors() -> None:
    """Forget all listeners."""
    _listeners.clear()


def _keep_error(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keeps the exception of a line for those who listen, before it becomes text."""
    if _listeners and event.get("level") in {"error", "critical"}:
        told = event.get("exc_info")
        event["_error"] = told[1] if isinstance(told, tuple) else told
    return event


def _tell_listeners(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if "_error" in event:
        error = event.pop("_error")
        if error and not isinstance(error, BaseException):
            error = sys.exc_info()[1]
        for listener in _listeners:
            listener(event, error or None)
    return event


def configure_logging(level: str = "info", *, process: str = "ais") -> None:
    """Send structlog and the standard library's loggers to stderr as JSON lines of one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _add_correlation_id,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_process(process),
        _keep_error,
        tell_exception,
        mask_personal_data,
        _tell_listeners,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(getattr(logging, level.upper()))
    for noisy in ("httpx", "httpcore", "stripe", "asyncio", "_granian"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _add_correlation_id(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    correlation_id = CORRELATION_ID.get()
    if correlation_id:
        event.setdefault("correlation_id", correlation_id)
    return event


def _name_process(process: str) -> Any:
    def add(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = process
        return event

    return add


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry ``component=name``."""
    return structlog.get_logger(component=name)  # type: ignore[no-any-return]  # structlog types its proxies as Any
