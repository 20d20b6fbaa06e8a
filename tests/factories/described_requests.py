"""Requests made from the OpenAPI document: an example of each operation's body, and every place where a text stands."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

JSON = dict[str, Any]
Path = tuple[str | int, ...]

# What a name calls for where the schema says no more than that it is a text.
_BY_NAME: dict[str, Any] = {
    "amount": "10.00",
    "born_on": "1990-05-05",
    "city": "Riyadh",
    "code": "EXMP",
    "credit_limit": {"amount": "0.00", "currency": "SAR"},
    "currency": "SAR",
    "departure_date": "2027-03-01",
    "destination": "JED",
    "email": "somebody@example.com",
    "expires_on": "2034-01-01",
    "family_name": "Harbi",
    "given_name": "Sara",
    "issuing_country": "SA",
    "nationality": "SA",
    "number": "A1234567",
    "origin": "RUH",
    "password": "Example-passphrase-9",
    "phone": "+966500000000",
    "record_locator": "ABCDEF",
    "return_url": "http://127.0.0.1:8000/",
    "cancel_url": "http://127.0.0.1:8000/",
}


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    method: str
    path: str
    described: JSON
    document: JSON

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def body_schema(self) -> JSON | None:
        """The schema of its JSON body, or None."""
        content = (self.described.get("requestBody") or {}).get("content", {})
        found: JSON | None = content.get("application/json", {}).get("schema")
        return found

    @property
    def statuses(self) -> set[int]:
        """The statuses that the document says it answers."""
        return {int(status) for status in self.described["responses"]}

    def parameters(self, place: str) -> list[JSON]:
        """Its parameters in ``path``, ``query`` or ``header``."""
        return [each for each in self.described.get("parameters", ()) if each["in"] == place]

    def example(self) -> Any:
        """A body with every field that it may have."""
        return None if self.body_schema is None else _example(self.document, self.body_schema, "body")

    def address(self, **values: str) -> str:
        """The path with an id in each of its places."""
        path = self.path
        for each in self.parameters("path"):
            path = path.replace("{" + each["name"] + "}", values.get(each["name"], "none"))
        return path

    def schemas(self) -> Iterator[tuple[str, JSON]]:
        """Every object in its body, with where it stands."""
        if self.body_schema is not None:
            yield from _objects(self.document, self.body_schema, "body")


def operations(document: JSON) -> list[Operation]:
    """All operations of the document."""
    return [
        Operation(method.upper(), path, described, document)
        for path, item in document["paths"].items()
        for method, described in item.items()
    ]


def _resolved(document: JSON, schema: JSON) -> JSON:
    while "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = document["components"]["schemas"][name]
    for several in ("oneOf", "anyOf", "allOf"):
        if several in schema:
            some = [each for each in schema[several] if each.get("type") != "null"]
            return _resolved(document, some[0])
    return schema


def _type(schema: JSON) -> str | None:
    kind = schema.get("type")
    return next((each for each in kind if each != "null"), None) if isinstance(kind, list) else kind


def _example(document: JSON, schema: JSON, name: str) -> Any:  # one line per kind
    schema = _resolved(document, schema)
    if "enum" in schema:
        return next(each for each in schema["enum"] if each is not None)
    if "const" in schema:
        return schema["const"]
    if name in _BY_NAME:
        return _BY_NAME[name]
    kind = _type(schema)
    if kind == "object" or "properties" in schema:
        return {key: _example(document, inner, key) for key, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [_example(document, schema.get("items", {}), name.removesuffix("s"))]
    if kind in {"integer", "number"}:
        return schema.get("minimum", 1)
    if kind == "boolean":
        return False
    return f"x{uuid4().hex}"[: max(schema.get("minLength", 1), min(schema.get("maxLength", 12), 12))]


def _objects(document: JSON, schema: JSON, place: str) -> Iterator[tuple[str, JSON]]:
    schema = _resolved(document, schema)
    if "properties" in schema:
        yield place, schema
        for key, inner in schema["properties"].items():
            yield from _objects(document, inner, f"{place}.{key}")
    elif _type(schema) == "array":
        yield from _objects(document, schema.get("items", {}), f"{place}[]")


def text_places(body: Any, at: Path = ()) -> Iterator[Path]:
    """Where a text stands in the body."""
    if isinstance(body, str):
        yield at
    elif isinstance(body, dict):
        for key, inner in body.items():
            yield from text_places(inner, (*at, key))
    elif isinstance(body, list):
        for number, inner in enumerate(body):
            yield from text_places(inner, (*at, number))


def with_value(body: Any, at: Path, value: Any) -> Any:
    """A copy of the body with that value in that place."""
    if not at:
        return value
    changed = copy.deepcopy(body)
    inner = changed
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = value
    return changed
