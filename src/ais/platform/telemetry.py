"""Logs: one JSON object per line, with the correlation id of the request, personal data masked."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog

# The id of the request or job that the running task works for; empty outside of both.
CORRELATION_ID: ContextVar[str] = ContextVar("correlation_id", default="")

# Field names whose values are a person's, or a secret: the value never reaches the log.
MASKED_FIELDS = frozenset({
    "authorization", "born_on", "client_secret", "contact", "cookie", "documents", "email", "family_name", "given_name",
    "guest_token", "name", "name_local", "nationality", "operator_token", "passengers", "password", "phone",
    "secret", "stripe_secret_key", "stripe_webhook_secret", "token",
})  # fmt: skip
_EMAIL = re.compile(r"[^\s@,;<>\"']+@[^\s@,;<>\"']+\.[^\s@,;<>\"']+")
_CARD = re.compile(r"(?<![\dA-Za-z-])(?:\d[ -]?){12,18}\d(?![\dA-Za-z-])")
_SECRET = re.compile(r"\b(?:sk|rk|whsec|gst|ofr|pi_\w+_secret)_[A-Za-z0-9_\-]{8,}")
MASK = "***"


def mask_text(text: str) -> str:
    """``text`` with e-mail addresses, long digit runs and our tokens hidden."""
    return _SECRET.sub(MASK, _CARD.sub(MASK, _EMAIL.sub(MASK, text)))


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


def configure_logging(level: str = "info", *, process: str = "ais") -> None:
    """Send structlog and the standard library's loggers to stderr as JSON lines of one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _add_correlation_id,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_process(process),
        structlog.processors.format_exc_info,
        mask_personal_data,
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
