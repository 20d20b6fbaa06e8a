"""An agency's users over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, get, post
from litestar.params import Parameter
from msgspec import Meta, Struct

from ais.accounts.agency_users.service import agency_users, invite_user, lock_user
from ais.accounts.domain import User, UserStatus
from ais.accounts.errors import AccountExists
from ais.accounts.ports import AgencyCodes
from ais.accounts.rights.errors import UserNotFound
from ais.accounts.rights.schemas import SignRequest
from ais.accounts.schemas import Email, Name
from ais.accounts.service.plumbing import AccountServices, open_email, public_id
from ais.kit import NotFound, decode_id, ids
from ais.kit.ids import UserId
from ais.platform.http import (
    BODY_REFUSALS,
    Forbidden,
    HTTPRequest,
    JSONBody,
    Page,
    TokenExpired,
    Unauthorized,
    actor_of,
    json_response,
    refusals,
    staff,
)

MANAGE_USERS = "agencies.manage_users"
_READ = (Unauthorized, TokenExpired, Forbidden, NotFound)
_WRITE = (*_READ, *BODY_REFUSALS)
AgencyIdText = Annotated[str, Parameter(description="Id of an agency", max_length=60)]


class AgencyUserRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Who shall work for the agency here; a letter with a link to choose a password goes to the address."""

    email: Email
    name: Name | None = None
    language: Annotated[Literal["ar", "en"], Meta(description="In which the letter is written")] = "en"


class AgencyUserBody(Struct, frozen=True):
    """An account of an agency."""

    id: str
    email: str | None
    status: UserStatus
    created_at: datetime


async def _agency_id(request: HTTPRequest, text: str) -> UUID:
    """The agency of that public id, if the caller's right reaches it; else NotFound as if there were none."""
    codes: AgencyCodes = request.app.state.agency_codes
    agency_id = decode_id(ids.AGENCY, text)
    code = await codes.code_of(agency_id) if agency_id is not None else None
    if agency_id is None or code is None or not actor_of(request).may_for_agency(MANAGE_USERS, code):
        raise NotFound
    return agency_id


async def _body(services: AccountServices, user: User) -> AgencyUserBody:
    return AgencyUserBody(public_id(user.id), await open_email(services, user), user.status, user.created_at)


@post(
    "/api/v1/agencies/{agency_id:str}/users",
    access=staff(MANAGE_USERS, limited=True),
    dto=JSONBody[AgencyUserRequest],
    return_dto=None,
    status_code=201,
    tags=["agencies"],
    responses=refusals(*_WRITE, AccountExists),
)
async def add_agency_user(
    request: HTTPRequest, agency_id: AgencyIdText, data: AgencyUserRequest
) -> Response[AgencyUserBody]:
    """Make an account for somebody who works for an agency. Again for the same address, it sends another letter."""
    services: AccountServices = request.app.state.account_services
    own = await _agency_id(request, agency_id)
    user = await invite_user(services, actor_of(request), own, email=data.email, name=data.name, language=data.language)
    return json_response(await _body(services, user), status=201)


@get(
    "/api/v1/agencies/{agency_id:str}/users",
    access=staff(MANAGE_USERS, limited=True),
    tags=["agencies"],
    responses=refusals(*_READ),
)
async def list_agency_users(request: HTTPRequest, agency_id: AgencyIdText) -> Response[Page[AgencyUserBody]]:
    """The accounts of an agency, the oldest first."""
    services: AccountServices = request.app.state.account_services
    found = await agency_users(services, await _agency_id(request, agency_id))
    return json_response(Page([await _body(services, user) for user in found], None))


@post(
    "/api/v1/agencies/{agency_id:str}/users/{user_id:str}/lock",
    access=staff(MANAGE_USERS, limited=True),
    dto=JSONBody[SignRequest],
    return_dto=None,
    status_code=200,
    tags=["agencies"],
    responses=refusals(*_WRITE),
)
async def lock_agency_user(
    request: HTTPRequest,
    agency_id: AgencyIdText,
    user_id: Annotated[str, Parameter(description="Id of an account", max_length=60)],
    data: SignRequest,  # noqa: ARG001  # read for its strictness: nothing may be said here
) -> Response[AgencyUserBody]:
    """Lock an account of an agency: its sessions end within a second. Locked already, it answers as it is."""
    services: AccountServices = request.app.state.account_services
    own = await _agency_id(request, agency_id)
    found = decode_id(ids.USER, user_id)
    if found is None:
        raise UserNotFound
    user = await lock_user(services, actor_of(request), own, UserId(found))
    return json_response(await _body(services, user))


AGENCY_USER_ROUTES = (add_agency_user, list_agency_users, lock_agency_user)
