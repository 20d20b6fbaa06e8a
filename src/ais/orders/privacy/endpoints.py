"""One's own data over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post

from ais.accounts import AccountNotFound, AccountServices
from ais.kit import Actor, ActorKind, Forbidden, decode_id, ids
from ais.kit.ids import UserId
from ais.orders.privacy.service import ErasureRefused, erase_account, export_account
from ais.platform.http import (
    ACCOUNT,
    BODY_REFUSALS,
    HTTPRequest,
    JSONBody,
    StepUpRequired,
    TokenExpired,
    Unauthorized,
    actor_of,
    json_response,
    refusals,
)

_CREDENTIALS = (Unauthorized, TokenExpired, Forbidden)
_PROVED = msgspec.structs.replace(ACCOUNT, step_up=True)
_PRIVATE = {"Cache-Control": "no-store"}


class ErasureRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing is to be said."""


class ErasureBody(msgspec.Struct, frozen=True):
    """What was erased, and what stays because the law wants it kept."""

    orders: int
    persons: int
    remains: list[str]


class OwnDataBody(msgspec.Struct, frozen=True):
    """Everything that is kept about a person."""

    account: dict[str, Any]
    orders: list[dict[str, Any]]


@get(
    "/api/v1/me/data",
    access=_PROVED,
    tags=["accounts"],
    responses=refusals(*_CREDENTIALS, StepUpRequired, AccountNotFound),
)
async def read_own_data(request: HTTPRequest) -> Response[OwnDataBody]:
    """Everything that is kept about whoever calls: the account, its sessions, its orders with all that is personal."""
    services: AccountServices = request.app.state.account_services
    actor = actor_of(request)
    async with services.database.unit_of_work(actor) as uow:
        data = await export_account(uow, _user(actor))
    return json_response(OwnDataBody(data["account"], data["orders"]), headers=_PRIVATE)


@post(
    "/api/v1/me/erasure",
    access=_PROVED,
    dto=JSONBody[ErasureRequest],
    return_dto=None,
    status_code=200,
    tags=["accounts"],
    responses=refusals(*BODY_REFUSALS, *_CREDENTIALS, StepUpRequired, AccountNotFound, ErasureRefused),
)
async def erase_me(
    request: HTTPRequest,
    data: ErasureRequest,  # noqa: ARG001  # read for its strictness: nothing may be said here
) -> Response[ErasureBody]:
    """Erase whoever calls: the account, and every person of its orders. All sessions end.

    Refused while a journey is still to be flown or money is open; `details.open` names the orders and why. Documents,
    books and the history of orders stay, as the law wants.
    """
    services: AccountServices = request.app.state.account_services
    actor = actor_of(request)
    if actor.kind is not ActorKind.TRAVELLER:
        raise Forbidden
    user_id = _user(actor)
    async with services.database.unit_of_work(actor) as uow:
        done, version = await erase_account(uow, user_id, "asked for by the person")
    await services.checks.announce(user_id, version)
    return json_response(ErasureBody(done.orders, done.persons, list(done.remains)), headers=_PRIVATE)


def _user(actor: Actor) -> UserId:
    """The account of a signed-in caller."""
    user_id = decode_id(ids.USER, actor.id)
    assert user_id is not None
    return UserId(user_id)


PRIVACY_ROUTES = (read_own_data, erase_me)
