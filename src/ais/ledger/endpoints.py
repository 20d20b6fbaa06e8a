"""The books over HTTP, for staff: JSON, or CSV by ``Accept: text/csv`` or ``?format=csv``."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Response, get
from litestar.params import Parameter
from msgspec import Struct

from ais.kit import ValidationFailed, decode_id, ids
from ais.ledger.domain import Account
from ais.ledger.repository import reports
from ais.ledger.schemas import (
    BalanceBody,
    Body,
    PostingBody,
    SalesBody,
    TrialBalanceBody,
    UnflownBody,
    body_of,
    posting_body,
    postings_as_csv,
    rows_as_csv,
)
from ais.ledger.service import reading
from ais.ledger.service.chain import chain_status
from ais.platform.chain import ChainBody
from ais.platform.database import Database
from ais.platform.http import (
    Forbidden,
    HTTPRequest,
    Page,
    StepUpRequired,
    TokenExpired,
    Unauthorized,
    actor_of,
    correlation_id_of,
    json_response,
    refusals,
    require_recent_proof,
    staff,
)

_READ = staff("ledger.read")
_EXPORT = "ledger.export"
_REFUSALS = (Unauthorized, TokenExpired, Forbidden, StepUpRequired, ValidationFailed)
Format = Annotated[
    Literal["json", "csv"] | None, Parameter(query="format", description="Wins over the `Accept` header")
]
Limit = Annotated[int, Parameter(ge=1, le=200)]
Cursor = Annotated[str | None, Parameter(max_length=120, description="`next_cursor` of the answer before")]
Place = Annotated[str | None, Parameter(pattern=r"^[1-9]\d{0,5}$", description="`next_cursor` of the answer before")]


def _zone(request: HTTPRequest) -> ZoneInfo:
    zone: ZoneInfo = request.app.state.accounting_zone
    return zone


def _day(request: HTTPRequest, day: date | None) -> date:
    return day or reading.today(request.app.state.database, _zone(request))


def _instant(field: str, moment: Callable[[date, ZoneInfo], datetime], day: date, zone: ZoneInfo) -> datetime:
    try:
        return moment(day, zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValidationFailed([(field, "lies outside of the calendar")]) from None


def _wants_csv(request: HTTPRequest, wanted: str | None) -> bool:
    return (wanted or "json") == "csv" or (wanted is None and "text/csv" in request.headers.get("accept", ""))


async def _csv(request: HTTPRequest, text: str, name: str) -> Response[Any]:
    if not actor_of(request).may_everywhere(_EXPORT):
        raise Forbidden
    require_recent_proof(request)
    await reading.record_export(request.app.state.database, actor_of(request), name, "csv", correlation_id_of())
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Vary": "Accept"}
    return Response(text.encode(), media_type="text/csv", headers=headers)


async def _answer(
    request: HTTPRequest,
    rows: Sequence[Struct],
    kind: type[Body],
    name: str,
    wanted: str | None,
    limit: int,
    cursor: str | None,
) -> Response[Any]:
    """All rows as CSV, or a page of them; a report of a day that is over reads the same however often it is asked."""
    if _wants_csv(request, wanted):
        return await _csv(request, rows_as_csv(rows, kind), name)
    first = int(cursor) if cursor else 0
    page = [body_of(kind, row) for row in rows[first : first + limit]]
    following = str(first + limit) if len(rows) > first + limit else None
    return json_response(Page(page, following), headers={"Vary": "Accept"})


@get("/api/v1/ledger/balances", access=_READ, tags=["ledger"], responses=refusals(*_REFUSALS))
async def read_balances(
    request: HTTPRequest,
    as_of: date | None = None,
    details: bool = False,
    format_: Format = None,
    limit: Limit = 50,
    cursor: Place = None,
) -> Response[Page[BalanceBody]]:
    """What stands on each account at the end of a day (today), by currency.

    `details` splits taxes by authority and code, cash by office and shift, the others by provider or agency.
    """
    until = _instant("as_of", reading.end_of, day := _day(request, as_of), _zone(request))
    database: Database = request.app.state.database
    async with database.connection() as connection:
        rows = await reports.balances(connection, until, details=details)
    return await _answer(request, rows, BalanceBody, f"balances-{day}", format_, limit, cursor)


@get("/api/v1/ledger/trial-balance", access=_READ, tags=["ledger"], responses=refusals(*_REFUSALS))
async def read_trial_balance(
    request: HTTPRequest,
    first_day: date,
    last_day: date | None = None,
    format_: Format = None,
    limit: Limit = 50,
    cursor: Place = None,
) -> Response[Page[TrialBalanceBody]]:
    """Each account over a period of whole days: opening + debits - credits = closing; all closings sum to zero."""
    last, zone = _day(request, last_day), _zone(request)
    if first_day > last:
        raise ValidationFailed([("last_day", "lies before first_day")])
    begin = _instant("first_day", reading.begin_of, first_day, zone)
    until = _instant("last_day", reading.end_of, last, zone)
    database: Database = request.app.state.database
    async with database.connection() as connection:
        rows = await reports.trial_balance(connection, begin, until)
    return await _answer(request, rows, TrialBalanceBody, f"trial-balance-{first_day}-{last}", format_, limit, cursor)


@get("/api/v1/ledger/daily-sales", access=_READ, tags=["ledger"], responses=refusals(*_REFUSALS))
async def read_daily_sales(
    request: HTTPRequest,
    day: date | None = None,
    format_: Format = None,
    limit: Limit = 50,
    cursor: Place = None,
) -> Response[Page[SalesBody]]:
    """What was sold and given back on a day (today), by channel, seller, form of payment, item, tax and currency."""
    chosen, zone = _day(request, day), _zone(request)
    begin, until = (_instant("day", moment, chosen, zone) for moment in (reading.begin_of, reading.end_of))
    database: Database = request.app.state.database
    async with database.connection() as connection:
        rows = await reports.sales(connection, begin, until)
    return await _answer(request, rows, SalesBody, f"daily-sales-{chosen}", format_, limit, cursor)


@get("/api/v1/ledger/unflown", access=_READ, tags=["ledger"], responses=refusals(*_REFUSALS))
async def read_unflown(
    request: HTTPRequest,
    as_of: date | None = None,
    format_: Format = None,
    limit: Limit = 50,
    cursor: Place = None,
) -> Response[Page[UnflownBody]]:
    """What is owed as carriage at the end of a day (today): the value of all coupons that could still be used then."""
    until = _instant("as_of", reading.end_of, day := _day(request, as_of), _zone(request))
    database: Database = request.app.state.database
    async with database.connection() as connection:
        rows = await reports.unflown(connection, until)
    return await _answer(request, rows, UnflownBody, f"unflown-{day}", format_, limit, cursor)


@get("/api/v1/ledger/postings", access=_READ, tags=["ledger"], responses=refusals(*_REFUSALS))
async def list_postings(
    request: HTTPRequest,
    order_id: Annotated[str | None, Parameter(max_length=40)] = None,
    kind: Annotated[str | None, Parameter(pattern="^[a-z_]{1,40}$")] = None,
    account: Account | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
    format_: Format = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[PostingBody]]:
    """Postings with their entries, the latest first."""
    zone = _zone(request)
    order = decode_id(ids.ORDER, order_id) if order_id is not None else None
    if order_id is not None and order is None:
        raise ValidationFailed([("order_id", "is not the id of an order")])
    wanted = reports.PostingFilter(
        order_id=order,
        kind=kind,
        account=account,
        happened_from=_instant("first_day", reading.begin_of, first_day, zone) if first_day else None,
        happened_until=_instant("last_day", reading.end_of, last_day, zone) if last_day else None,
        before=_read_cursor(cursor),
        limit=limit + 1,
    )
    database: Database = request.app.state.database
    async with database.connection() as connection:
        found = await reports.postings(connection, wanted)
    page = [posting_body(row) for row in found[:limit]]
    following = _write_cursor(found[limit - 1]) if len(found) > limit else None
    if _wants_csv(request, format_):
        answer = await _csv(request, postings_as_csv(page), "postings")
        if following:
            answer.headers["X-Next-Cursor"] = following
        return answer
    return json_response(Page(page, following), headers={"Vary": "Accept"})


@get("/api/v1/ledger/chain", access=_READ, tags=["ledger"], responses=refusals(Unauthorized, TokenExpired, Forbidden))
async def read_chain(request: HTTPRequest) -> Response[ChainBody]:
    """Where the hash chain over all postings stands, and the newest head that was signed."""
    database: Database = request.app.state.database
    async with database.connection() as connection:
        return json_response(await chain_status(connection))


def _write_cursor(last: reports.PostingRow) -> str:
    return base64.urlsafe_b64encode(f"{last.happened_at.isoformat()} {last.id}".encode()).decode()


def _read_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    try:
        moment, _, identifier = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return datetime.fromisoformat(moment).astimezone(UTC), UUID(identifier)
    except (ValueError, OverflowError, binascii.Error):
        raise ValidationFailed([("cursor", "is not a cursor of ours")]) from None


ROUTES = (read_balances, read_trial_balance, read_daily_sales, read_unflown, list_postings, read_chain)
