"""Health: whether the process lives, and whether it can do its work."""

from __future__ import annotations

import asyncio
from typing import Literal

import asyncpg
import msgspec
import valkey.exceptions
from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec

from ais.platform.cache import Cache
from ais.platform.database import Database
from ais.platform.http import PUBLIC, HTTPRequest, json_response
from ais.platform.rate_limits import RateLimiter, Standing

PATIENCE_SECONDS = 2.0
PartState = Literal["ok", "down"]


class Liveness(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["ok"]


class Readiness(msgspec.Struct, frozen=True):
    """Whether everything that requests need is there, part by part."""

    status: Literal["ok", "unavailable"]
    parts: dict[str, PartState]
    rate_limits: Standing


@get("/health/live", access=PUBLIC, limit=None, tags=["health"])
async def read_liveness() -> Response[Liveness]:
    """Whether this process answers at all; says nothing of what it depends on."""
    return json_response(Liveness("ok"))


@get(
    "/health/ready",
    access=PUBLIC,
    limit=None,
    tags=["health"],
    responses={
        503: ResponseSpec(Readiness, description="A part is down; it is named.", generate_examples=False),
    },
)
async def read_readiness(request: HTTPRequest) -> Response[Readiness]:
    """Whether PostgreSQL and Valkey answer; 503 with the failing part named if one does not.

    `rate_limits` says whether this process counts requests together with the others; while Valkey is away it does not.
    """
    database: Database = request.app.state.database
    cache: Cache = request.app.state.cache
    postgresql, valkey = await asyncio.gather(_postgresql(database), _valkey(cache))
    parts: dict[str, PartState] = {"postgresql": postgresql, "valkey": valkey}
    ready = all(state == "ok" for state in parts.values())
    limiter: RateLimiter = request.app.state.rate_limiter
    answer = Readiness("ok" if ready else "unavailable", parts, limiter.standing)
    return json_response(answer, status=200 if ready else 503)


async def _postgresql(database: Database) -> PartState:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), database.connection() as connection:
            await connection.fetchval("SELECT 1")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        return "down"
    return "ok"


async def _valkey(cache: Cache) -> PartState:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await cache.ping()
    except (OSError, TimeoutError, valkey.exceptions.ValkeyError):
        return "down"
    return "ok"
