"""Errors told to Sentry, or to whatever speaks its protocol. Off unless ``AIS_SENTRY_DSN`` is set.

Every line that is logged as an error becomes a report: an accident of a request, a dead job, rate limits that are not
shared. A report is built from a short list of what may leave the house: the line's sentence, where it happened, which
kind of exception, the program's version, the correlation id. There are no local variables, no request, no header, no
body, no user, no row's values; what the library would add of its own is taken out again.
"""

from __future__ import annotations

import importlib.metadata
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from ais.platform.settings import Settings
from ais.platform.telemetry import describe_error, tell_errors_to

_SENT_OF_A_LINE = ("component", "service", "correlation_id")
_SENT = frozenset(
    {"event_id", "timestamp", "level", "platform", "environment", "release", "message", "tags", "exception", "sdk"}
)


def start_error_reports(settings: Settings) -> None:
    """Report errors of this process from now on, if a place to report to is set."""
    if settings.sentry_dsn is None:
        return
    # Half a second that a process without reports can do without.
    import sentry_sdk

    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        environment=settings.env,
        release=importlib.metadata.version("ais"),
        default_integrations=False,
        auto_enabling_integrations=False,
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        before_send=only_what_may_leave,
    )

    def report(line: Mapping[str, Any], error: BaseException | None) -> None:
        event: dict[str, Any] = {
            "level": "error",
            "platform": "python",
            "message": str(line.get("event", "")),
            "tags": {name: str(line[name]) for name in _SENT_OF_A_LINE if name in line},
        }
        if error is not None:
            event["exception"] = {"values": [_described(each) for each in _chain(error)]}
        sentry_sdk.capture_event(event)  # type: ignore[arg-type]  # the library's type of an event is open; this is one

    tell_errors_to(report)


def only_what_may_leave(event: Any, _hint: Any) -> Any:
    """The event without everything that is not on the list, whoever put it in."""
    return {name: value for name, value in event.items() if name in _SENT}


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error's causes, the first one first, and itself."""
    found: list[BaseException] = []
    present: BaseException | None = error
    while present is not None and present not in found:
        found.append(present)
        present = present.__cause__ or (None if present.__suppress_context__ else present.__context__)
    yield from reversed(found)


def _described(error: BaseException) -> dict[str, Any]:
    """Kind and place of an error; of its sentence what :func:`~ais.platform.telemetry.describe_error` leaves."""
    frames = [
        {"filename": frame.filename, "function": frame.name, "lineno": frame.lineno}
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    kind = type(error)
    return {
        "type": kind.__name__,
        "module": kind.__module__,
        "value": describe_error(error),
        "stacktrace": {"frames": frames},
    }
