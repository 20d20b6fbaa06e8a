"""Agencies, shifts, refunds and disputes as lists that go on where they ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, TypeVar

from litestar import Response, get
from litestar.params import Parameter

from ais.kit import ValidationFailed
from ais.payments import repository
from ais.payments.domain import DisputeStatus, RefundStatus
from ais.payments.schemas import (
    AgencyBody,
    DisputeBody,
    RefundBody,
    ShiftBody,
    agency_body,
    dispute_body,
    refund_body,
    shift_body,
)
from ais.platform.database import Database
from ais.platform.http import (
    Forbidden,
    HTTPRequest,
    Page,
    TokenExpired,
    Unauthorized,
    actor_of,
    json_response,
    read_cursor,
    read_id_cursor,
    refusals,
    staff,
    write_cursor,
)

_REFUSALS = (Unauthorized, TokenExpired, Forbidden, ValidationFailed)
AGENCIES_READ = "agencies.read"
Limit = Annotated[int, Parameter(ge=1, le=200)]
Cursor = Annotated[str | None, Parameter(max_length=500)]
Row = TypeVar("Row")
Body = TypeVar("Body")


def _page(
    found: Sequence[Row], limit: int, body: Callable[[Row], Body], place: Callable[[Row], tuple[datetime, object]]
) -> Response[Page[Body]]:
    """At most ``limit`` of what was found, and where the list goes on if more was."""
    more = len(found) > limit
    moment, identifier = place(found[limit - 1]) if more else (None, None)
    next_cursor = write_cursor(moment, str(identifier)) if moment is not None else None
    return json_response(Page([body(each) for each in found[:limit]], next_cursor))


@get("/api/v1/agencies", access=staff(AGENCIES_READ, limited=True), tags=["agencies"], responses=refusals(*_REFUSALS))
async def list_agencies(request: HTTPRequest, limit: Limit = 50, cursor: Cursor = None) -> Response[Page[AgencyBody]]:
    """The agencies that the caller's right reaches, by code."""
    database: Database = request.app.state.database
    after = read_cursor(cursor)
    only = actor_of(request).agencies_reached(AGENCIES_READ)
    async with database.connection() as connection:
        found = await repository.list_agencies(
            connection, only=only, after=after[1] if after else None, limit=limit + 1
        )
    return _page(found, limit, agency_body, lambda agency: (agency.created_at, agency.code))


@get("/api/v1/cash/shifts", access=staff("cash.read"), tags=["cash"], responses=refusals(*_REFUSALS))
async def list_shifts(
    request: HTTPRequest,
    only_open: bool = False,  # a query parameter
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[ShiftBody]]:
    """Shifts, the newest first."""
    database: Database = request.app.state.database
    before = read_id_cursor(cursor)
    async with database.connection() as connection:
        found = await repository.list_shifts(connection, only_open=only_open, before=before, limit=limit + 1)
    return _page(found, limit, shift_body, lambda shift: (shift.opened_at, shift.id))


@get("/api/v1/refunds", access=staff("refunds.read"), tags=["refunds"], responses=refusals(*_REFUSALS))
async def list_refunds(
    request: HTTPRequest,
    of_status: Annotated[RefundStatus | None, Parameter(query="status")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[RefundBody]]:
    """Refunds, the newest first; those that failed wait for a person."""
    database: Database = request.app.state.database
    before = read_id_cursor(cursor)
    async with database.connection() as connection:
        found = await repository.list_refunds(connection, status=of_status, before=before, limit=limit + 1)
    return _page(found, limit, lambda each: refund_body(*each), lambda each: (each[2], each[0].id))


@get("/api/v1/disputes", access=staff("disputes.read"), tags=["disputes"], responses=refusals(*_REFUSALS))
async def list_disputes(
    request: HTTPRequest,
    of_status: Annotated[DisputeStatus | None, Parameter(query="status")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[DisputeBody]]:
    """What payers dispute at their banks, the newest first. Evidence is given at the provider, until `answer_by`."""
    database: Database = request.app.state.database
    before = read_id_cursor(cursor)
    async with database.connection() as connection:
        found = await repository.list_disputes(connection, status=of_status, before=before, limit=limit + 1)
    return _page(found, limit, dispute_body, lambda dispute: (dispute.opened_at, dispute.id))


LIST_ROUTES = (list_agencies, list_shifts, list_refunds, list_disputes)
