"""What the server hands to an application and what it takes back."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Request:
    """One request, read whole. Header names are lower case; `path` is percent-decoded by nobody, `query` is raw."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Response:
    """An answer to send: headers in the order given; content length is added by the server."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class CutConnection:
    """Instead of an answer: close the connection without a byte, as a network that breaks would."""


@dataclass(slots=True)
class Hang:
    """Instead of an answer: keep the connection open and silent for `seconds`, then cut it."""

    seconds: float


@dataclass(slots=True)
class Delayed:
    """An answer that is worked out `seconds` later; other connections are served meanwhile."""

    seconds: float
    reply: "Callable[[], Reply]"


Reply = Response | CutConnection | Hang | Delayed
