"""Bodies in and out: strict JSON in (no coercion, no unknown field), msgspec out."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec
from litestar import Response
from litestar.dto import MsgspecDTO
from litestar.typing import FieldDefinition

from ais.kit import ValidationFailed
from ais.platform.http.errors import MalformedRequest, UnsupportedMediaType, validation_failure

T = TypeVar("T")
Model = TypeVar("Model", bound=msgspec.Struct)


class JSONBody(MsgspecDTO[Model], Generic[Model]):
    """The body of a POST, decoded strictly into its Struct.

    Not JSON is 400 ``MALFORMED_REQUEST``, a value of the wrong type, out of range or unknown is 422
    ``VALIDATION_ERROR`` with its path, another media type is 415.
    """

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:  # noqa: ARG003  # the interface of a DTO
        return False

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any | None = None
    ) -> None:
        """Nothing is derived: the Struct itself is the wire type."""

    @classmethod
    def create_openapi_schema(
        cls,
        field_definition: FieldDefinition,
        handler_id: str,  # noqa: ARG003  # the interface of a DTO
        schema_creator: Any,
    ) -> Any:
        return schema_creator.for_field_definition(field_definition)

    def decode_bytes(self, value: bytes) -> Any:
        media_type = self.asgi_connection.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise UnsupportedMediaType
        handler = self.asgi_connection.route_handler
        annotation = handler.parsed_fn_signature.parameters["data"].annotation
        return decode_strictly(value, annotation)


def decode_strictly(value: bytes, annotation: type[T]) -> T:
    """``value`` as JSON of exactly this type; raises MalformedRequest or ValidationFailed."""
    try:
        if _NUL in value:
            _refuse_nul(msgspec.json.decode(value), "")
        try:
            return msgspec.json.decode(value, type=annotation)
        except msgspec.ValidationError as problem:
            # A wrong value may stand before the place where the text stops to be JSON.
            msgspec.json.decode(value)
            raise validation_failure(problem) from None
    except msgspec.DecodeError:
        raise MalformedRequest("it is not valid JSON") from None
    except UnicodeDecodeError:
        raise MalformedRequest("it is not UTF-8") from None
    except RecursionError:
        raise MalformedRequest("it is nested too deeply") from None


# No text of ours has it, and PostgreSQL keeps none that does.
_NUL = b"\\u0000"


def _refuse_nul(value: Any, at: str) -> None:
    """Raise ValidationFailed with the first place of a text that has the character U+0000."""
    if isinstance(value, str) and "\0" in value:
        raise ValidationFailed([(at or "body", "has the character U+0000")])
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_nul(key, at)
            _refuse_nul(inner, f"{at}.{key}" if at else key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _refuse_nul(inner, f"{at}[{number}]")


def json_response(value: T, *, status: int = 200, headers: dict[str, str] | None = None) -> Response[T]:
    """An answer whose body is encoded here, once. ``value`` may be bytes of JSON that are ready to go."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return _EncodedJSON(body, status, headers or {})


class _EncodedJSON(Response[T]):
    """An answer whose bytes are there, so that nothing of it is worked out again on the way to the server."""

    __slots__ = ()

    def __init__(self, body: bytes, status: int, headers: dict[str, str]) -> None:
        self.content = body  # type: ignore[assignment]  # the annotation of an endpoint names the model for the OpenAPI document; the content is its JSON
        self.status_code = status
        self.headers = dict(headers)  # an endpoint may add to it, and its caller's may be a constant
        self.media_type = "application/json"
        self.encoding = "utf-8"
        self.cookies = []
        self.background = None
        self.response_type_encoders = {}

    def to_asgi_response(self, app: Any, request: Any, **given: Any) -> Any:
        """What the server is sent. ``given`` is what the route declares beside: cookies and headers of its own, which
        no route with such an answer does; the framework builds those that are set on the answer itself.
        """
        if self.cookies or given.get("cookies") or given.get("headers") or given.get("background"):
            return super().to_asgi_response(app, request, **given)
        return _Ready(self.status_code or 200, self.headers, self.content)  # type: ignore[arg-type]  # see above


class _Ready:
    """An ASGI application that sends one answer."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self._status = status
        self._headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        self._headers += ((b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()))
        self._body = body

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


class Page(msgspec.Struct, Generic[T]):
    """A list: the items and the cursor of what follows, or null at the end."""

    items: list[T]
    next_cursor: str | None
