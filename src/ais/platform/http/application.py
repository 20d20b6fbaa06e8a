"""Building the web application: one error contract, one correlation id, one guard, one OpenAPI document."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Router
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute
from litestar.static_files import create_static_files_router

from ais.platform.http.access import PUBLIC, require_declarations
from ais.platform.http.document import correct_before_it_is_read
from ais.platform.http.errors import ErrorPage, error_renderer
from ais.platform.http.limits import admit, tell_limit
from ais.platform.http.requests import HTTPRequest

# Nine passengers with documents take a tenth of it; a route that must take more says so.
BODY_LIMIT_BYTES = 64 * 1024
SWAGGER_FILES = Path(__file__).parent / "swagger_ui"

DESCRIPTION = """\
Search, hold, pay and receive tickets.

Sums are decimal strings with their currency; instants carry their offset; every POST that creates or moves something
takes an `Idempotency-Key`. Errors have one form, whose `code` is stable and whose `message` is in the language of
`Accept-Language` (`en` or `ar`).
"""


async def _admit_to_document(request: HTTPRequest) -> None:
    """The guard of the document's pages, which also sees to it that the document is right before it is read."""
    await admit(request)
    await correct_before_it_is_read(request)


def _check_declarations(app: Litestar) -> None:
    """Refuse a route of ours that does not say who may call it, and any route that is not guarded: a layer with a
    ``before_request`` of its own would take the place of the guard, and what is no HTTP route has none.
    """
    handlers: list[HTTPRouteHandler] = []
    unguarded: list[str] = []
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            unguarded.append(route.path)
            continue
        handlers.extend(route.route_handlers)
    unguarded += [str(each) for each in handlers if each.resolve_before_request() not in _GUARDS]
    if unguarded:
        raise RuntimeError(f"these routes are not guarded: {', '.join(sorted(unguarded))}")
    require_declarations([each for each in handlers if not _is_framework(each)])


_GUARDS = (admit, _admit_to_document)


def _is_framework(handler: BaseRouteHandler) -> bool:
    return str(handler.fn.__module__ if hasattr(handler.fn, "__module__") else "").startswith("litestar.")


class DocumentPage(OpenAPIRenderPlugin):
    """The page that shows the document. All of it are files, so that the page may forbid every script inside it."""

    def render(
        self,
        request: Request[Any, Any, Any],  # noqa: ARG002  # the interface of a plugin
        openapi_schema: dict[str, Any],  # noqa: ARG002  # see above
    ) -> bytes:
        return (SWAGGER_FILES / "page.html").read_bytes()


def _sharing(origins: Sequence[str]) -> CORSConfig:
    """What scripts of pages elsewhere may send and read."""
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Accept-Language", "Idempotency-Key", "X-Correlation-ID"],
        expose_headers=[
            "X-Correlation-ID",
            "Idempotency-Replayed",
            "Retry-After",
            "RateLimit-Limit",
            "RateLimit-Remaining",
            "RateLimit-Reset",
        ],
        max_age=3600,
    )


def build_application(
    *,
    routes: Sequence[Any],
    state: dict[str, Any] | None = None,
    lifespan: Sequence[Callable[[Litestar], AbstractAsyncContextManager[None]]] = (),
    error_page: ErrorPage | None = None,
    cors_origins: Sequence[str] = (),
) -> Litestar:
    """The ASGI application of ``routes``. What endpoints need stands in ``state`` or is put under ``app.state`` by a
    lifespan; ``authenticator`` (an :class:`ais.platform.http.Authenticator`) must be there. ``error_page`` may answer
    errors of pages for people; what it leaves is answered in the form of the API. Scripts of pages at ``cors_origins``
    may call the API, with a token and never with a cookie. Raises RuntimeError if a route does not declare who may
    call it.
    """
    files = create_static_files_router(
        "/schema/files", directories=[SWAGGER_FILES], opt={"access": PUBLIC, "limit": None}, include_in_schema=False
    )
    application = Litestar(
        route_handlers=[*routes, files],
        before_request=admit,
        before_send=[tell_limit],
        exception_handlers={Exception: error_renderer(error_page)},
        lifespan=list(lifespan),
        state=State(state or {}),
        # Logs are the program's own (ais.platform.telemetry); the framework's would send names and numbers unmasked.
        logging_config=None,
        cors_config=_sharing(cors_origins) if cors_origins else None,
        request_max_body_size=BODY_LIMIT_BYTES,
        openapi_config=OpenAPIConfig(
            title="ais",
            version=importlib.metadata.version("ais"),
            description=DESCRIPTION,
            openapi_router=Router(
                path="/schema",
                route_handlers=[],
                before_request=_admit_to_document,
                opt={"access": PUBLIC},
                include_in_schema=False,
            ),
            use_handler_docstrings=True,
            operation_id_creator=lambda handler, _method, _path: handler.handler_name.split(".")[-1],
            components=Components(
                security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")},
            ),
            render_plugins=[DocumentPage(path="/swagger")],
        ),
    )
    _check_declarations(application)
    return application
