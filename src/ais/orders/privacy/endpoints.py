"""Personal data over HTTP: one's own, and that of a person who asked, for staff."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Response, get, post

from ais.accounts import AccountNotFound, AccountServices
from ais.kit import Actor, ActorKind, Forbidden, ValidationFailed, decode_id, ids
from ais.kit.ids import OrderId, PassengerId, UserId
from ais.orders.errors import OrderNotFound
from ais.orders.privacy.service import (
    Erased,
    ErasureRefused,
    PassengerNotFound,
    PersonNotFound,
    erase_account,
    erase_orders,
    erase_passengers,
    erase_person,
    export_account,
    export_person,
)
from ais.orders.repository import find_order
from ais.platform.database import UnitOfWork
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
    staff,
)

_CREDENTIALS = (Unauthorized, TokenExpired, Forbidden)
_PROVED = msgspec.structs.replace(ACCOUNT, step_up=True)
_PRIVATE = {"Cache-Control": "no-store"}
_REASON = "asked for by the person"


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


class PersonDataBody(msgspec.Struct, frozen=True):
    """Everything that is kept about a person; `account` is null for who bought without one."""

    account: dict[str, Any] | None
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
        done, version = await erase_account(uow, user_id, _REASON)
    await services.checks.announce(user_id, version)
    return json_response(ErasureBody(done.orders, done.persons, list(done.remains)), headers=_PRIVATE)


class PersonRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose data: the address of an account, or the one given with orders."""

    email: Annotated[str, msgspec.Meta(min_length=3, max_length=254)]


class PersonErasureRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to be erased: whoever has an address, or all persons of an order, or some of its passengers alone."""

    email: Annotated[str, msgspec.Meta(min_length=3, max_length=254)] | None = None
    order_id: Annotated[str, msgspec.Meta(min_length=1, max_length=60)] | None = None
    passenger_ids: (
        Annotated[
            tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=60)], ...],
            msgspec.Meta(min_length=1, max_length=50),
        ]
        | None
    ) = None
    with_contact: bool = False


@post(
    "/api/v1/privacy/exports",
    access=staff("privacy.export", step_up=True),
    dto=JSONBody[PersonRequest],
    return_dto=None,
    status_code=200,
    tags=["privacy"],
    responses=refusals(*BODY_REFUSALS, *_CREDENTIALS, StepUpRequired, PersonNotFound),
)
async def export_data_of_person(request: HTTPRequest, data: PersonRequest) -> Response[PersonDataBody]:
    """Everything that is kept about a person who asked for it, for staff. A POST, so that no log holds the address."""
    services: AccountServices = request.app.state.account_services
    async with services.database.unit_of_work(actor_of(request)) as uow:
        found = await export_person(uow, data.email)
    return json_response(PersonDataBody(found["account"], found["orders"]), headers=_PRIVATE)


@post(
    "/api/v1/privacy/erasures",
    access=staff("privacy.erase", step_up=True),
    dto=JSONBody[PersonErasureRequest],
    return_dto=None,
    status_code=200,
    tags=["privacy"],
    responses=refusals(*BODY_REFUSALS, *_CREDENTIALS, StepUpRequired, PersonNotFound, ErasureRefused),
)
async def erase_data_of_person(request: HTTPRequest, data: PersonErasureRequest) -> Response[ErasureBody]:
    """Erase a person who asked for it, for staff; it cannot be undone.

    By `email` the account of a traveller and all orders bought under it, by `order_id` the buyer and the passengers of
    one order, with `passenger_ids` those alone; the buyer's contact goes `with_contact`, where one of them has bought
    the order, and with the last passenger. Refused while a journey is still to be flown or money is open. What the
    law wants kept stays, as `remains` names it. A repeat does no harm: it takes no Idempotency-Key, of which a
    fingerprint of the address would be kept.
    """
    if (data.email is None) == (data.order_id is None):
        raise ValidationFailed([("email", "is given, or order_id, and not both")])
    if data.passenger_ids is not None and data.order_id is None:
        raise ValidationFailed([("passenger_ids", "are those of an order_id")])
    if data.with_contact and data.passenger_ids is None:
        raise ValidationFailed([("with_contact", "goes with passenger_ids")])
    services: AccountServices = request.app.state.account_services
    announce = None
    async with services.database.unit_of_work(actor_of(request)) as uow:
        if data.email is not None:
            done, announce = await erase_person(uow, data.email, _REASON, travellers_only=True)
        else:
            done = await _erase_of_order(uow, data)
    if announce is not None:
        await services.checks.announce(*announce)
    return json_response(ErasureBody(done.orders, done.persons, list(done.remains)), headers=_PRIVATE)


async def _erase_of_order(uow: UnitOfWork, data: PersonErasureRequest) -> Erased:
    order_id = decode_id(ids.ORDER, data.order_id or "")
    if order_id is None or await find_order(uow.connection, OrderId(order_id)) is None:
        raise OrderNotFound
    if data.passenger_ids is None:
        return await erase_orders(uow, [OrderId(order_id)], _REASON)
    decoded = [decode_id(ids.PASSENGER, each) for each in data.passenger_ids]
    if None in decoded:
        raise PassengerNotFound
    named = [PassengerId(each) for each in decoded if each]
    return await erase_passengers(uow, OrderId(order_id), named, _REASON, with_contact=data.with_contact)


def _user(actor: Actor) -> UserId:
    """The account of a signed-in caller."""
    user_id = decode_id(ids.USER, actor.id)
    assert user_id is not None
    return UserId(user_id)


PRIVACY_ROUTES = (read_own_data, erase_me, export_data_of_person, erase_data_of_person)
