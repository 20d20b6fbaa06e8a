"""The audit trail over HTTP, for staff who may read it. Reading it leaves an entry itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from litestar import Response, get
from litestar.params import Parameter

from ais.accounts.audit.domain import EntryFilter
from ais.accounts.audit.repository import CHAIN
from ais.accounts.audit.schemas import AuditEntryBody, entry_body
from ais.accounts.audit.service import search_entries
from ais.kit import ValidationFailed, decode_id, ids
from ais.platform.chain import ChainBody
from ais.platform.database import Database
from ais.platform.http import (
    Forbidden,
    HTTPRequest,
    Page,
    TokenExpired,
    Unauthorized,
    actor_of,
    correlation_id_of,
    json_response,
    read_id_cursor,
    refusals,
    staff,
    write_cursor,
)

_READ = staff("audit.read")
_REFUSALS = (Unauthorized, TokenExpired, Forbidden, ValidationFailed)
# What is asked for stands in the trail for ever: nothing that names a person fits into these.
_ID = r"^[A-Za-z0-9_.:/-]{1,200}$"


@get("/api/v1/audit-entries", access=_READ, tags=["audit"], responses=refusals(*_REFUSALS))
async def list_audit_entries(
    request: HTTPRequest,
    actor: Annotated[str | None, Parameter(pattern=_ID, description="An id, or `kind:id`")] = None,
    subject: Annotated[str | None, Parameter(pattern=_ID, description="What it was done to, such as `ord_…`")] = None,
    action: Annotated[
        str | None, Parameter(pattern=r"^[a-z][a-z_.]{0,99}$", description="`order.cancelled`, or `order` for its area")
    ] = None,
    order_id: Annotated[str | None, Parameter(max_length=40, description="All that was done about an order")] = None,
    correlation_id: Annotated[
        str | None, Parameter(pattern=r"^[!-~]{1,128}$", description="All that one request did, its jobs included")
    ] = None,
    from_: Annotated[datetime | None, Parameter(query="from", description="Not before this instant")] = None,
    to: Annotated[datetime | None, Parameter(description="Before this instant")] = None,
    limit: Annotated[int, Parameter(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Parameter(max_length=120, description="`next_cursor` of the answer before")] = None,
) -> Response[Page[AuditEntryBody]]:
    """Entries of the audit trail, the latest first. Each search is an entry itself."""
    wanted = EntryFilter(
        actor=actor,
        subject=subject,
        action=action,
        order_id=_order(order_id),
        correlation_id=correlation_id,
        occurred_from=_instant("from", from_),
        occurred_until=_instant("to", to),
        before=read_id_cursor(cursor),
        limit=limit + 1,
    )
    database: Database = request.app.state.database
    async with database.unit_of_work(actor_of(request), correlation_id_of()) as uow:
        found = await search_entries(uow, wanted)
    last = found[limit - 1] if len(found) > limit else None
    following = write_cursor(last.occurred_at, str(last.id)) if last else None
    return json_response(Page([entry_body(row) for row in found[:limit]], following))


@get("/api/v1/audit-entries/chain", access=_READ, tags=["audit"], responses=refusals(*_REFUSALS[:-1]))
async def read_audit_chain(request: HTTPRequest) -> Response[ChainBody]:
    """Where the hash chain over all entries stands, and the newest head that was signed."""
    database: Database = request.app.state.database
    async with database.connection() as connection:
        return json_response(await CHAIN.status(connection))


def _order(text: str | None) -> UUID | None:
    order_id = decode_id(ids.ORDER, text) if text is not None else None
    if text is not None and order_id is None:
        raise ValidationFailed([("order_id", "is not the id of an order")])
    return order_id


def _instant(field: str, moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValidationFailed([(field, "lies outside of the calendar")]) from None


ROUTES = (list_audit_entries, read_audit_chain)
