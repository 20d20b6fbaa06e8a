"""The conventions of HTTP that every endpoint shares.

An endpoint is thin: it declares ``access=`` and its refusals, takes a strict body (``dto=JSONBody[...]``), calls a use
case and answers with :func:`json_response`. Errors, correlation, language and the OpenAPI document come from here.
"""

from ais.kit import Forbidden, StepUpRequired
from ais.platform.http.access import (
    ACCOUNT,
    ORDER,
    PUBLIC,
    SIGNED,
    Access,
    AccountDoor,
    Authenticator,
    HTTPConnection,
    TokenExpired,
    Unauthorized,
    require_recent_proof,
    staff,
)
from ais.platform.http.addresses import caller_block, client_address
from ais.platform.http.application import build_application
from ais.platform.http.bodies import JSONBody, Page, decode_strictly, json_response
from ais.platform.http.cursor import read_cursor, read_id_cursor, write_cursor
from ais.platform.http.denials import Denials
from ais.platform.http.errors import (
    BODY_REFUSALS,
    ErrorBody,
    ErrorPage,
    MalformedRequest,
    MethodNotAllowed,
    PayloadTooLarge,
    UnsupportedMediaType,
    refusals,
)
from ais.platform.http.requests import (
    KEY_REFUSALS,
    HTTPRequest,
    IdempotencyKeyHeader,
    actor_of,
    correlation_id_of,
    language_of,
    request_key,
)

__all__ = [
    "ACCOUNT",
    "BODY_REFUSALS",
    "KEY_REFUSALS",
    "ORDER",
    "PUBLIC",
    "SIGNED",
    "Access",
    "AccountDoor",
    "Authenticator",
    "Denials",
    "ErrorBody",
    "ErrorPage",
    "Forbidden",
    "HTTPConnection",
    "HTTPRequest",
    "IdempotencyKeyHeader",
    "JSONBody",
    "MalformedRequest",
    "MethodNotAllowed",
    "Page",
    "PayloadTooLarge",
    "StepUpRequired",
    "TokenExpired",
    "Unauthorized",
    "UnsupportedMediaType",
    "actor_of",
    "build_application",
    "caller_block",
    "client_address",
    "correlation_id_of",
    "decode_strictly",
    "json_response",
    "language_of",
    "read_cursor",
    "read_id_cursor",
    "refusals",
    "request_key",
    "require_recent_proof",
    "staff",
    "write_cursor",
]
