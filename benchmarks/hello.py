"""The barest answer that the program's server and framework give: what other figures stand beside."""

from __future__ import annotations

from litestar import Litestar, get


@get("/hello", sync_to_thread=False)
def hello() -> dict[str, str]:
    """A JSON object of one word."""
    return {"hello": "world"}


def create_application() -> Litestar:
    """The application for Granian's ``--factory``."""
    return Litestar(route_handlers=[hello], openapi_config=None)
