"""What staff do with agencies' deposits and cash, and what a traveller may ask of a travel credit.

Staff name sums that they have seen: what a bank received, what lies in a drawer. What an order costs they never name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Response, get, post
from litestar.params import Parameter

from ais.kit import ValidationFailed, decode_id, encode_id, ids
from ais.kit.ids import AgencyId, CashShiftId, RefundId
from ais.payments import repository
from ais.payments.domain import Agency, AgencyMovement
from ais.payments.errors import (
    AgencyNotFound,
    CodeTaken,
    CreditLimitTooLow,
    CurrencyDiffers,
    DrawerTooSmall,
    NothingToWriteOff,
    OfficeNotFound,
    RefundExceedsPaid,
    RefundNotFound,
    RefundsFrozen,
    ShiftNotFound,
    ShiftNotOpen,
    TravelCreditNotFound,
)
from ais.payments.schemas import (
    AgencyBody,
    AgencyRequest,
    AgencyStatement,
    CountRequest,
    CreditLimitRequest,
    OfficeRequest,
    PayOutRequest,
    ReceiptBody,
    RefundBody,
    RetryRequest,
    ShiftBody,
    ShiftRequest,
    TopUpRequest,
    TravelCreditBody,
    TravelCreditLookup,
    WriteOffRequest,
    agency_body,
    movement_body,
    read_amount,
    receipt_body,
    refund_body,
    shift_body,
    statement_csv,
    sum_body,
)
from ais.payments.service.agency import create_agency, set_credit_limit, statement_exported, top_up_agency
from ais.payments.service.cash import close_shift, create_office, open_shift, pay_out_refund, write_off_difference
from ais.payments.service.retry import retry_refund
from ais.platform.database import Database, UnitOfWork
from ais.platform.http import (
    BODY_REFUSALS,
    KEY_REFUSALS,
    PUBLIC,
    Forbidden,
    HTTPRequest,
    IdempotencyKeyHeader,
    JSONBody,
    MalformedRequest,
    PayloadTooLarge,
    StepUpRequired,
    TokenExpired,
    Unauthorized,
    UnsupportedMediaType,
    actor_of,
    correlation_id_of,
    json_response,
    refusals,
    request_key,
    require_recent_proof,
    staff,
)
from ais.platform.idempotency import (
    Answer,
    once,
)

AGENCIES_READ, AGENCIES_MANAGE = "agencies.read", "agencies.manage"
REFUNDS_RETRY = "refunds.retry"
CASH_TAKE, OFFICES_MANAGE, WRITE_OFF = "cash.take", "cash.manage_offices", "cash.write_off"
_STAFF = (Unauthorized, TokenExpired, Forbidden)
_WRITE = (
    *_STAFF,
    *BODY_REFUSALS,
    *KEY_REFUSALS,
)
AgencyIdText = Annotated[str, Parameter(description="Id of an agency", max_length=60)]
ShiftIdText = Annotated[str, Parameter(description="Id of a cash shift", max_length=60)]
Body = TypeVar("Body")


async def _once(
    request: HTTPRequest, kind: type[Body], status: int, work: Callable[[UnitOfWork], Awaitable[Body]]
) -> Response[Body]:
    """The answer of one change under the request's key, which is required."""

    async def stored(uow: UnitOfWork) -> Answer:
        return Answer(status, msgspec.json.encode(await work(uow)))

    key = await request_key(request, required=True)
    answer = await once(request.app.state.database, actor_of(request), correlation_id_of(), key, stored)
    return json_response(
        msgspec.json.decode(answer.body, type=kind),
        status=answer.status,
        headers={"Idempotency-Replayed": "true"} if answer.replayed else None,
    )


async def _agency(request: HTTPRequest, text: str, permission: str) -> Agency:
    """The agency of that public id, if the caller's right reaches it; else AgencyNotFound as if there were none."""
    found = decode_id(ids.AGENCY, text)
    if found is None:
        raise AgencyNotFound
    database: Database = request.app.state.database
    async with database.connection() as connection:
        agency = await repository.find_agency(connection, agency_id=AgencyId(found))
    if agency is None:
        raise AgencyNotFound
    if not actor_of(request).may_for_agency(permission, agency.code):
        raise AgencyNotFound.hiding(encode_id(ids.AGENCY, agency.id))
    return agency


def _shift_id(text: str) -> CashShiftId:
    found = decode_id(ids.CASH_SHIFT, text)
    if found is None:
        raise ShiftNotFound
    return CashShiftId(found)


@post(
    "/api/v1/agencies",
    access=staff(AGENCIES_MANAGE),
    dto=JSONBody[AgencyRequest],
    return_dto=None,
    status_code=201,
    tags=["agencies"],
    responses=refusals(*_WRITE, CodeTaken),
)
async def add_agency(
    request: HTTPRequest,
    data: AgencyRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # declared for the OpenAPI document; read with its scope
) -> Response[AgencyBody]:
    """Take an agency on, with no deposit yet."""
    limit = read_amount("credit_limit", data.credit_limit)

    async def work(uow: UnitOfWork) -> AgencyBody:
        return agency_body(await create_agency(uow, data.code, data.name, limit))

    return await _once(request, AgencyBody, 201, work)


@post(
    "/api/v1/agencies/{agency_id:str}/top-ups",
    access=staff(AGENCIES_MANAGE, limited=True),
    dto=JSONBody[TopUpRequest],
    return_dto=None,
    status_code=201,
    tags=["agencies"],
    responses=refusals(*_WRITE, AgencyNotFound, CurrencyDiffers),
)
async def top_up(
    request: HTTPRequest,
    agency_id: AgencyIdText,
    data: TopUpRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[AgencyBody]:
    """Note money of the agency that the bank has received."""
    amount = read_amount("amount", data.amount)
    if not amount:
        raise ValidationFailed([("amount", "is nothing")])
    own = (await _agency(request, agency_id, AGENCIES_MANAGE)).id

    async def work(uow: UnitOfWork) -> AgencyBody:
        await top_up_agency(uow, own, amount, data.reference)
        agency = await repository.find_agency(uow.connection, agency_id=own)
        assert agency is not None
        return agency_body(agency)

    return await _once(request, AgencyBody, 201, work)


@post(
    "/api/v1/agencies/{agency_id:str}/credit-limit",
    access=staff(AGENCIES_MANAGE, limited=True),
    dto=JSONBody[CreditLimitRequest],
    return_dto=None,
    status_code=200,
    tags=["agencies"],
    responses=refusals(*_WRITE, AgencyNotFound, CurrencyDiffers, CreditLimitTooLow),
)
async def change_credit_limit(
    request: HTTPRequest,
    agency_id: AgencyIdText,
    data: CreditLimitRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[AgencyBody]:
    """Set how much the agency may owe; refused if it owes more already."""
    limit = read_amount("credit_limit", data.credit_limit)
    own = (await _agency(request, agency_id, AGENCIES_MANAGE)).id

    async def work(uow: UnitOfWork) -> AgencyBody:
        return agency_body(await set_credit_limit(uow, own, limit))

    return await _once(request, AgencyBody, 200, work)


async def _statement(
    request: HTTPRequest, agency_id: str, since: date | None, until: date | None
) -> tuple[Agency, list[AgencyMovement]]:
    agency = await _agency(request, agency_id, AGENCIES_READ)
    database: Database = request.app.state.database
    async with database.connection() as connection:
        start = datetime.combine(since, time(), UTC) if since else None
        end = datetime.combine(until + timedelta(days=1), time(), UTC) if until else None
        return agency, await repository.agency_statement(connection, agency.id, start, end)


@get(
    "/api/v1/agencies/{agency_id:str}/statement",
    access=staff(AGENCIES_READ, limited=True),
    tags=["agencies"],
    responses=refusals(*_STAFF, AgencyNotFound, ValidationFailed),
)
async def read_statement(
    request: HTTPRequest, agency_id: AgencyIdText, since: date | None = None, until: date | None = None
) -> Response[AgencyStatement]:
    """The agency's movements of these days (UTC, both included), oldest first."""
    agency, movements = await _statement(request, agency_id, since, until)
    return json_response(AgencyStatement(agency_body(agency), [movement_body(each) for each in movements]))


@get(
    "/api/v1/agencies/{agency_id:str}/statement.csv",
    access=staff(AGENCIES_READ, limited=True),
    tags=["agencies"],
    responses=refusals(*_STAFF, StepUpRequired, AgencyNotFound, ValidationFailed),
    media_type="text/csv",
)
async def read_statement_csv(
    request: HTTPRequest, agency_id: AgencyIdText, since: date | None = None, until: date | None = None
) -> Response[str]:
    """The same as CSV, to take away: asks people for a recent proof of who they are."""
    require_recent_proof(request)
    agency, movements = await _statement(request, agency_id, since, until)
    database: Database = request.app.state.database
    await database.audit(actor_of(request), statement_exported(agency), correlation_id_of())
    return Response(statement_csv(movements), media_type="text/csv")


@post(
    "/api/v1/cash/offices",
    access=staff(OFFICES_MANAGE),
    dto=JSONBody[OfficeRequest],
    return_dto=None,
    status_code=201,
    tags=["cash"],
    responses=refusals(*_WRITE, CodeTaken),
)
async def add_office(
    request: HTTPRequest,
    data: OfficeRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[dict[str, Any]]:
    """A place with counters and receipt numbers of its own."""

    async def work(uow: UnitOfWork) -> dict[str, Any]:
        await create_office(uow, data.code, data.name, data.currency)
        return {"code": data.code, "name": data.name, "currency": data.currency}

    return await _once(request, dict[str, Any], 201, work)


@post(
    "/api/v1/cash/shifts",
    access=staff(CASH_TAKE),
    dto=JSONBody[ShiftRequest],
    return_dto=None,
    status_code=201,
    tags=["cash"],
    responses=refusals(*_WRITE, OfficeNotFound, ShiftNotOpen, CurrencyDiffers),
)
async def start_shift(
    request: HTTPRequest,
    data: ShiftRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[ShiftBody]:
    """Open a drawer; a clerk has one in an office."""
    opening = read_amount("opening_float", data.opening_float)

    async def work(uow: UnitOfWork) -> ShiftBody:
        return shift_body(await open_shift(uow, data.office, data.clerk, opening))

    return await _once(request, ShiftBody, 201, work)


@post(
    "/api/v1/cash/shifts/{shift_id:str}/close",
    access=staff(CASH_TAKE),
    dto=JSONBody[CountRequest],
    return_dto=None,
    status_code=200,
    tags=["cash"],
    responses=refusals(*_WRITE, ShiftNotFound, ShiftNotOpen, CurrencyDiffers),
)
async def end_shift(
    request: HTTPRequest,
    shift_id: ShiftIdText,
    data: CountRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[ShiftBody]:
    """Close a drawer with what was counted in it; a difference goes to the staff queue."""
    counted, own = read_amount("counted", data.counted), _shift_id(shift_id)

    async def work(uow: UnitOfWork) -> ShiftBody:
        return shift_body(await close_shift(uow, own, counted))

    return await _once(request, ShiftBody, 200, work)


@post(
    "/api/v1/cash/shifts/{shift_id:str}/write-off",
    access=staff(WRITE_OFF),
    dto=JSONBody[WriteOffRequest],
    return_dto=None,
    status_code=200,
    tags=["cash"],
    responses=refusals(*_WRITE, ShiftNotFound, NothingToWriteOff),
)
async def write_off(
    request: HTTPRequest,
    shift_id: ShiftIdText,
    data: WriteOffRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[ShiftBody]:
    """Write off what a closed drawer lacked or had too much; the sum is the shift's own difference."""
    own = _shift_id(shift_id)

    async def work(uow: UnitOfWork) -> ShiftBody:
        return shift_body(await write_off_difference(uow, own, data.reason))

    return await _once(request, ShiftBody, 200, work)


@post(
    "/api/v1/cash/shifts/{shift_id:str}/pay-outs",
    access=staff(CASH_TAKE, step_up=True),
    dto=JSONBody[PayOutRequest],
    return_dto=None,
    status_code=201,
    tags=["cash"],
    responses=refusals(
        *_WRITE, StepUpRequired, ShiftNotFound, ShiftNotOpen, RefundNotFound, CurrencyDiffers, DrawerTooSmall
    ),
)
async def pay_out(
    request: HTTPRequest,
    shift_id: ShiftIdText,
    data: PayOutRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[ReceiptBody]:
    """Hand out a refund of a cash payment; paid out already, it answers the receipt that was given."""
    own, refund_id = _shift_id(shift_id), decode_id(ids.REFUND, data.refund_id)
    if refund_id is None:
        raise RefundNotFound

    async def work(uow: UnitOfWork) -> ReceiptBody:
        return receipt_body(await pay_out_refund(uow, own, RefundId(refund_id)))

    return await _once(request, ReceiptBody, 201, work)


@post(
    "/api/v1/travel-credits/lookup",
    access=PUBLIC,
    limit="lookup",
    dto=JSONBody[TravelCreditLookup],
    return_dto=None,
    status_code=200,
    tags=["payments"],
    responses=refusals(
        MalformedRequest,
        ValidationFailed,
        PayloadTooLarge,
        UnsupportedMediaType,
        Unauthorized,
        TokenExpired,
        TravelCreditNotFound,
    ),
)
async def look_up_credit(request: HTTPRequest, data: TravelCreditLookup) -> Response[TravelCreditBody]:
    """What is left of the travel credit that this code opens. Limited per address."""
    database: Database = request.app.state.database
    async with database.connection() as connection:
        credit = await repository.find_credit_by_code(connection, data.code)
    if credit is None:
        raise TravelCreditNotFound
    body = TravelCreditBody(sum_body(credit.balance), sum_body(credit.issued), credit.expires_at)
    return json_response(body)


@post(
    "/api/v1/refunds/{refund_id:str}/retry",
    access=staff(REFUNDS_RETRY, step_up=True),
    dto=JSONBody[RetryRequest],
    return_dto=None,
    status_code=201,
    tags=["refunds"],
    responses=refusals(*_WRITE, StepUpRequired, RefundNotFound, RefundExceedsPaid, RefundsFrozen),
)
async def try_refund_again(
    request: HTTPRequest,
    refund_id: Annotated[str, Parameter(description="Id of a refund", max_length=60)],
    data: RetryRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[RefundBody]:
    """Begin a failed refund once more, as a new refund; however many ask, it is one."""
    own = decode_id(ids.REFUND, refund_id)
    if own is None:
        raise RefundNotFound

    async def work(uow: UnitOfWork) -> RefundBody:
        return refund_body(await retry_refund(uow, RefundId(own), data.to))

    return await _once(request, RefundBody, 201, work)


COUNTER_ROUTES = (
    add_agency,
    top_up,
    change_credit_limit,
    read_statement,
    read_statement_csv,
    add_office,
    start_shift,
    end_shift,
    pay_out,
    write_off,
    look_up_credit,
    try_refund_again,
)
