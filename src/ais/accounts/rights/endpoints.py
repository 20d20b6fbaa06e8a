"""Rights over HTTP: roles that are asked for, approvals that are signed, keys that are given out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import Parameter

from ais.accounts.domain import Grant
from ais.accounts.ports import AgencyCodes
from ais.accounts.repository import users
from ais.accounts.rights import repository
from ais.accounts.rights.approvals import ApprovalDesk, approval_answer, approvals_for, decline, sign
from ais.accounts.rights.domain import ApprovalStatus
from ais.accounts.rights.errors import (
    ApiKeyNotFound,
    ApprovalConflict,
    ApprovalExpired,
    ApprovalNotFound,
    GrantNotFound,
    RoleConflict,
    UserNotFound,
)
from ais.accounts.rights.grants import ask_grant, ask_revocation
from ais.accounts.rights.keys import NewApiKey, give_key_out, revoke_key
from ais.accounts.rights.schemas import (
    ApiKeyBody,
    ApiKeyRequest,
    ApprovalBody,
    GrantRequest,
    HeldRoleBody,
    RevocationRequest,
    SignRequest,
    api_key_body,
    held_role_body,
)
from ais.kit import AppError, InvalidStateTransition, ValidationFailed, decode_id, ids
from ais.kit.ids import ApiKeyId, ApprovalId, UserId
from ais.platform.database import Database, UnitOfWork
from ais.platform.http import (
    ACCOUNT,
    BODY_REFUSALS,
    KEY_REFUSALS,
    Forbidden,
    HTTPRequest,
    IdempotencyKeyHeader,
    JSONBody,
    Page,
    StepUpRequired,
    TokenExpired,
    Unauthorized,
    actor_of,
    correlation_id_of,
    json_response,
    refusals,
    request_key,
    staff,
)
from ais.platform.idempotency import (
    Answer,
    once,
)

_READ = (Unauthorized, TokenExpired, Forbidden)
_WRITE = (
    *_READ,
    *BODY_REFUSALS,
    *KEY_REFUSALS,
)
UserIdText = Annotated[str, Parameter(description="Id of an account", max_length=60)]
ApprovalIdText = Annotated[str, Parameter(description="Id of an approval", max_length=60)]
Limit = Annotated[int, Parameter(ge=1, le=200)]
Cursor = Annotated[str | None, Parameter(max_length=100)]
Body = TypeVar("Body", bound=msgspec.Struct)


async def _approval_once(
    request: HTTPRequest, work: Callable[[UnitOfWork], Awaitable[Answer]]
) -> Response[ApprovalBody]:
    """As :func:`_once`, of what says itself how its answer is kept."""
    key = await request_key(request, required=True)
    answer = await once(request.app.state.database, actor_of(request), correlation_id_of(), key, work)
    return _answered(answer, ApprovalBody)


async def _once(
    request: HTTPRequest, kind: type[Body], status: int, work: Callable[[UnitOfWork], Awaitable[Body]]
) -> Response[Body]:
    """The answer of one change under the request's key, which is required."""
    return _answered(await _stored(request, status, work), kind)


async def _stored(request: HTTPRequest, status: int, work: Callable[[UnitOfWork], Awaitable[Body]]) -> Answer:
    async def stored(uow: UnitOfWork) -> Answer:
        return Answer(status, msgspec.json.encode(await work(uow)))

    key = await request_key(request, required=True)
    return await once(request.app.state.database, actor_of(request), correlation_id_of(), key, stored)


def _answered(answer: Answer, kind: type[Body], **shown: object) -> Response[Body]:
    """The stored answer; ``shown`` are fields that are never stored."""
    body = msgspec.json.decode(answer.body, type=kind)
    return json_response(
        msgspec.structs.replace(body, **shown),
        status=answer.status,
        headers={"Idempotency-Replayed": "true"} if answer.replayed else None,
    )


def _named(prefix: str, text: str, missing: type[AppError]) -> UUID:
    found = decode_id(prefix, text)
    if found is None:
        raise missing
    return found


def _before(prefix: str, cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    found = decode_id(prefix, cursor)
    if found is None:
        raise ValidationFailed([("cursor", "is not a cursor of ours")])
    return found


@get(
    "/api/v1/users/{user_id:str}/roles",
    access=staff("roles.read"),
    tags=["rights"],
    responses=refusals(*_READ, UserNotFound, ValidationFailed),
)
async def list_roles(
    request: HTTPRequest,
    user_id: UserIdText,
    with_revoked: bool = False,  # a query parameter
) -> Response[Page[HeldRoleBody]]:
    """The roles of an account with their limits, in the order in which they were given."""
    own = UserId(_named(ids.USER, user_id, UserNotFound))
    database: Database = request.app.state.database
    async with database.connection() as connection:
        if await users.find_user(connection, own) is None:
            raise UserNotFound
        found = await repository.held_roles(connection, own, with_revoked=with_revoked)
    return json_response(Page([held_role_body(each) for each in found], None))


@post(
    "/api/v1/users/{user_id:str}/roles",
    access=staff("roles.grant", step_up=True),
    dto=JSONBody[GrantRequest],
    return_dto=None,
    status_code=202,
    tags=["rights"],
    responses=refusals(*_WRITE, StepUpRequired, UserNotFound, RoleConflict, ApprovalConflict),
)
async def ask_for_role(
    request: HTTPRequest,
    user_id: UserIdText,
    data: GrantRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # declared for the OpenAPI document; read with its scope
) -> Response[ApprovalBody]:
    """Ask that an account of staff is given a role; it has it once a second person has signed."""
    own = UserId(_named(ids.USER, user_id, UserNotFound))
    agencies = None
    if data.agencies is not None:
        agencies = tuple(decode_id(ids.AGENCY, each) for each in data.agencies)
        codes: AgencyCodes = request.app.state.agency_codes
        wrong = [
            (f"agencies[{number}]", "names no agency")
            for number, each in enumerate(agencies)
            if each is None or await codes.code_of(each) is None
        ]
        if wrong:
            raise ValidationFailed(wrong)
    grant = Grant(
        data.role, data.stations, tuple(each for each in agencies if each) if agencies else None, data.channels
    )

    async def work(uow: UnitOfWork) -> Answer:
        return await approval_answer(uow, await ask_grant(uow, own, grant, data.reason), 202)

    return await _approval_once(request, work)


@post(
    "/api/v1/users/{user_id:str}/roles/{grant_id:str}/revocation",
    access=staff("roles.grant", step_up=True),
    dto=JSONBody[RevocationRequest],
    return_dto=None,
    status_code=202,
    tags=["rights"],
    responses=refusals(*_WRITE, StepUpRequired, UserNotFound, GrantNotFound, RoleConflict, ApprovalConflict),
)
async def ask_to_revoke_role(
    request: HTTPRequest,
    user_id: UserIdText,
    grant_id: Annotated[str, Parameter(description="Id of a grant", max_length=60)],
    data: RevocationRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[ApprovalBody]:
    """Ask that a role is taken away; it is once a second person has signed, in all sessions within a second."""
    own = UserId(_named(ids.USER, user_id, UserNotFound))
    grant = _named(ids.GRANT, grant_id, GrantNotFound)

    async def work(uow: UnitOfWork) -> Answer:
        return await approval_answer(uow, await ask_revocation(uow, own, grant, data.reason), 202)

    return await _approval_once(request, work)


@get("/api/v1/approvals", access=ACCOUNT, tags=["rights"], responses=refusals(*_READ, ValidationFailed))
async def list_approvals(
    request: HTTPRequest,
    status: ApprovalStatus | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[ApprovalBody]]:
    """What the caller may sign, and what they asked for themselves, the newest first."""
    database: Database = request.app.state.database
    before = _before(ids.APPROVAL, cursor)
    found = await approvals_for(database, actor_of(request), status=status, before=before, limit=limit + 1)
    bodies = found[:limit]
    return json_response(Page(bodies, bodies[-1].id if len(found) > limit else None))


@post(
    "/api/v1/approvals/{approval_id:str}/approve",
    access=msgspec.structs.replace(ACCOUNT, step_up=True),
    dto=JSONBody[SignRequest],
    return_dto=None,
    status_code=200,
    tags=["rights"],
    responses=refusals(*_WRITE, StepUpRequired, ApprovalNotFound, ApprovalExpired, InvalidStateTransition),
)
async def approve(
    request: HTTPRequest,
    approval_id: ApprovalIdText,
    data: SignRequest,  # noqa: ARG001  # read for its strictness: nothing may be said here
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[ApprovalBody]:
    """Sign what another person asked for: it happens now, or is refused as it would have been for them."""
    desk: ApprovalDesk = request.app.state.approval_desk
    own = ApprovalId(_named(ids.APPROVAL, approval_id, ApprovalNotFound))
    key = await request_key(request, required=True)

    answer = await sign(desk, actor_of(request), correlation_id_of(), key, own)
    return _answered(answer, ApprovalBody)


@post(
    "/api/v1/approvals/{approval_id:str}/decline",
    access=ACCOUNT,
    dto=JSONBody[SignRequest],
    return_dto=None,
    status_code=200,
    tags=["rights"],
    responses=refusals(*_WRITE, ApprovalNotFound, InvalidStateTransition),
)
async def decline_approval(
    request: HTTPRequest,
    approval_id: ApprovalIdText,
    data: SignRequest,  # noqa: ARG001  # see above
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[ApprovalBody]:
    """Say that it shall not happen; who asked for it withdraws it so."""
    own = ApprovalId(_named(ids.APPROVAL, approval_id, ApprovalNotFound))

    async def work(uow: UnitOfWork) -> Answer:
        return await approval_answer(uow, await decline(uow, own), 200)

    return await _approval_once(request, work)


@post(
    "/api/v1/api-keys",
    access=staff("api_keys.manage", step_up=True),
    dto=JSONBody[ApiKeyRequest],
    return_dto=None,
    status_code=201,
    tags=["rights"],
    responses=refusals(*_WRITE, StepUpRequired),
)
async def create_api_key(
    request: HTTPRequest,
    data: ApiKeyRequest,
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[ApiKeyBody]:
    """Give a key out. The answer shows it, this once; a repeat of the request does not."""
    agency_id = None
    if data.agency_id is not None:
        agency_id = decode_id(ids.AGENCY, data.agency_id)
        if agency_id is None:
            raise ValidationFailed([("agency_id", "names no agency")])
    wanted = NewApiKey(
        data.name, agency_id, data.permissions, timedelta(days=data.expires_in_days), data.requests_per_minute
    )
    shown: list[str] = []

    async def work(uow: UnitOfWork) -> ApiKeyBody:
        key, text = await give_key_out(uow, wanted, request.app.state.agency_codes)
        shown.append(text)
        return api_key_body(key)

    answer = await _stored(request, 201, work)
    return _answered(answer, ApiKeyBody, key=shown[-1] if shown else None)


@get("/api/v1/api-keys", access=staff("api_keys.read"), tags=["rights"], responses=refusals(*_READ, ValidationFailed))
async def list_api_keys(
    request: HTTPRequest,
    agency_id: Annotated[str | None, Parameter(max_length=60)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response[Page[ApiKeyBody]]:
    """Keys with what they may and when they were last used, the newest first; never themselves."""
    database: Database = request.app.state.database
    agency = decode_id(ids.AGENCY, agency_id) if agency_id is not None else None
    if agency_id is not None and agency is None:
        raise ValidationFailed([("agency_id", "names no agency")])
    async with database.connection() as connection:
        found = await repository.list_keys(
            connection, agency_id=agency, before=_before(ids.API_KEY, cursor), limit=limit + 1
        )
    bodies = [api_key_body(each) for each in found[:limit]]
    return json_response(Page(bodies, bodies[-1].id if len(found) > limit else None))


@post(
    "/api/v1/api-keys/{key_id:str}/revoke",
    access=staff("api_keys.manage"),
    dto=JSONBody[SignRequest],
    return_dto=None,
    status_code=200,
    tags=["rights"],
    responses=refusals(*_WRITE, ApiKeyNotFound),
)
async def revoke_api_key(
    request: HTTPRequest,
    key_id: Annotated[str, Parameter(description="Id of an API key", max_length=60)],
    data: SignRequest,  # noqa: ARG001  # see above
    idempotency_key: IdempotencyKeyHeader = None,  # noqa: ARG001  # see above
) -> Response[ApiKeyBody]:
    """End a key: it opens nothing any more, within a second. Revoked already, it answers as it is."""
    own = ApiKeyId(_named(ids.API_KEY, key_id, ApiKeyNotFound))

    async def work(uow: UnitOfWork) -> ApiKeyBody:
        return api_key_body(await revoke_key(uow, own))

    return await _once(request, ApiKeyBody, 200, work)


RIGHTS_ROUTES = (
    list_roles,
    ask_for_role,
    ask_to_revoke_role,
    list_approvals,
    approve,
    decline_approval,
    create_api_key,
    list_api_keys,
    revoke_api_key,
)
