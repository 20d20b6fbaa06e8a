"""What the OpenAPI document says, where the framework would say less, or something else, than the program does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Litestar, Request
from litestar.openapi.spec import OpenAPI, OpenAPIMediaType, OpenAPIResponse, OpenAPIType, RequestBody, Schema


def openapi_document(application: Litestar) -> OpenAPI:
    """The document of what is really taken and answered. It is made when it is first asked for, not at the start."""
    if not application.state.get("document_is_corrected", False):
        _correct(application)
        application.state.document_is_corrected = True
    return application.openapi_schema


async def correct_before_it_is_read(request: Request[Any, Any, Any]) -> None:
    """Called before each page of the document, which the framework renders from what it has."""
    openapi_document(request.app)


def _correct(application: Litestar) -> None:
    _describe_own_errors_alone(application)
    _name_tables_beside_json(application)
    _let_bodies_be_left_out(application)
    schemas = application.openapi_schema.components.schemas or {}
    _give_lists_one_kind_of_item(schemas)
    _refuse_unknown_fields(application, schemas)


def _describe_own_errors_alone(application: Litestar) -> None:
    """Take the framework's own 400 out: a wrong parameter is our 422, which routes declare."""
    for item in (application.openapi_schema.paths or {}).values():
        for operation in (item.get, item.post, item.put, item.patch, item.delete):
            responses = (operation.responses if operation else None) or {}
            described = responses.get("400")
            if isinstance(described, OpenAPIResponse) and not described.description.startswith("`"):
                del responses["400"]


def _name_tables_beside_json(application: Litestar) -> None:
    """A route that lets its caller choose the ``format`` answers with text/csv too; the framework knows one kind."""
    for item in (application.openapi_schema.paths or {}).values():
        operation = item.get
        if operation is None or not any(getattr(each, "name", "") == "format" for each in operation.parameters or ()):
            continue
        answered = (operation.responses or {}).get("200")
        if isinstance(answered, OpenAPIResponse) and answered.content:
            answered.content["text/csv"] = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))


def _let_bodies_be_left_out(application: Litestar) -> None:
    """A body that may be ``None`` may be left out; the framework takes it for one that must be there, or null."""
    for item in (application.openapi_schema.paths or {}).values():
        body = item.post.request_body if item.post is not None else None
        content = body.content.get("application/json") if isinstance(body, RequestBody) else None
        kinds = content.schema.one_of if content is not None and isinstance(content.schema, Schema) else None
        if content is None or kinds is None or len(kinds) != 2 or kinds[1] != Schema(type=OpenAPIType.NULL):
            continue
        content.schema = kinds[0]
        assert isinstance(body, RequestBody)
        body.required = False


def _give_lists_one_kind_of_item(schemas: dict[str, Schema]) -> None:
    """``tuple[Item, ...]`` is a list of items; the framework takes the dots for a second kind of item."""
    anything = Schema()
    for schema in _all_schemas(schemas):
        items = schema.items
        if isinstance(items, Schema) and items.one_of and len(items.one_of) == 2 and items.one_of[1] == anything:
            schema.items = items.one_of[0]


def _all_schemas(schemas: dict[str, Schema]) -> Iterator[Schema]:
    waiting: list[Any] = list(schemas.values())
    while waiting:
        schema = waiting.pop()
        if not isinstance(schema, Schema):
            continue
        yield schema
        waiting += [*(schema.properties or {}).values(), *(schema.one_of or ()), *(schema.any_of or ()), schema.items]


def _refuse_unknown_fields(application: Litestar, schemas: dict[str, Schema]) -> None:
    """Say of every body that takes no other fields that it takes no other fields."""
    for struct in _strict_structs(application):
        names = {field.encode_name for field in msgspec.structs.fields(struct)}
        for schema in schemas.values():
            if schema.title == struct.__name__ and set(schema.properties or ()) == names:
                schema.additional_properties = False


def _strict_structs(application: Litestar) -> set[type[msgspec.Struct]]:
    """The Structs, in bodies of requests at any depth, that refuse unknown fields."""
    found: set[type[msgspec.Struct]] = set()
    waiting: list[Any] = []
    for route in application.routes:
        for handler in getattr(route, "route_handlers", ()):
            body = handler.parsed_fn_signature.parameters.get("data")
            if body is not None:
                waiting.append(msgspec.inspect.type_info(body.annotation))
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, msgspec.inspect.StructType):
            if kind.cls in found:
                continue
            if kind.forbid_unknown_fields:
                found.add(kind.cls)
            waiting += [field.type for field in kind.fields]
        elif isinstance(kind, msgspec.inspect.UnionType):
            waiting += kind.types
        else:
            inner = (getattr(kind, name, None) for name in ("item_type", "type"))
            waiting += [each for each in inner if each is not None]
    return found
