"""The correlation id: taken from the caller or made here, and carried by everything the request causes."""

from __future__ import annotations

import logging
import random
import re
import time
from itertools import zip_longest
from typing import Any
from uuid import UUID

from litestar.types import ASGIApp

from ais.platform.audit import ORIGIN
from ais.platform.telemetry import CORRELATION_ID, get_logger

HEADER = b"x-correlation-id"
_CODE = re.compile(r"[a-z]{3}_[0-9a-z]{26}")
log = get_logger("access")


class Correlated:
    """An ASGI application whose every answer, also that of an unknown path, carries the request's correlation id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        correlation_id = _own_id(scope["headers"])
        token = CORRELATION_ID.set(correlation_id)
        origin = ORIGIN.set(None)  # until the guard of the route finds it out
        header = (HEADER, correlation_id.encode())
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            if log.is_enabled_for(logging.DEBUG):
                log.debug(
                    "request",
                    method=scope["method"],
                    path=_shown_path(scope),
                    status=status,
                    milliseconds=round((time.perf_counter() - started) * 1000, 2),
                )
            ORIGIN.reset(origin)
            CORRELATION_ID.reset(token)


def _shown_path(scope: Any) -> str:
    """The path as logs may keep it: of what stood in the place of a parameter only ids and codes, for a caller may
    write a name there; of a path that leads nowhere nothing.
    """
    template = scope.get("path_template")
    if not template:
        return "*"
    shown = []
    for part, meant in zip_longest(scope["path"].split("/"), template.split("/")):
        if part is None or meant is None:
            return str(template)
        shown.append(part if part == meant or _CODE.fullmatch(part) else "*")
    return "/".join(shown)


def _own_id(headers: list[tuple[bytes, bytes]]) -> str:
    """The caller's id if it is 1-128 visible ASCII characters, else a new UUID."""
    for name, value in headers:
        if name == HEADER and 1 <= len(value) <= 128 and all(0x21 <= byte <= 0x7E for byte in value):
            return value.decode("ascii")
    # A label, not a secret: drawn without asking the system, which would let go of the interpreter lock each time.
    return str(UUID(int=random.getrandbits(128), version=4))
