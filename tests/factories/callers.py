"""Callers of every kind, signed in at once: people by a session of their own, machines by a key."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
from argon2 import PasswordHasher
from tests.factories.in_process import InProcess, new_key

from ais.accounts import PAGE_COOKIE, Origin, SessionKind, SessionRef, UserKind
from ais.accounts.domain import Grant
from ais.accounts.repository.sessions import insert_session
from ais.accounts.repository.users import find_user, insert_user
from ais.accounts.rights.keys import NewApiKey, give_key_out
from ais.accounts.rights.repository import insert_grant
from ais.accounts.service.sign_in import ORIGIN_KIND
from ais.kit import Channel, Money, encode_id, ids, system_actor
from ais.kit.ids import SessionId, UserId
from ais.payments import create_agency
from ais.platform.vault import Lookup

ACTOR = system_actor("test", Channel.CLI)
NOBODY_KNOWS_IT = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(uuid4().hex)
JSON = dict[str, Any]


@dataclass
class Caller:
    """Somebody who may call, by the header they send."""

    program: InProcess
    name: str
    headers: dict[str, str]
    user_id: UserId | None = None
    session_id: SessionId | None = None

    @property
    def id(self) -> str:
        """The public id of the account."""
        assert self.user_id is not None
        return encode_id(ids.USER, self.user_id)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.program.http.get(f"/api/v1/{path}", params=query, headers=self.headers)

    async def post(self, path: str, key: str | None = None, **body: Any) -> httpx.Response:
        headers = {**self.headers, "Idempotency-Key": key or new_key()}
        return await self.program.http.post(f"/api/v1/{path}", json=body, headers=headers)

    async def refused_at(self, path: str) -> float:
        """Ask again and again; the loop's time at which what was refused first was asked. How long a busy machine takes
        to answer is another matter.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            asked_at = loop.time()
            while (await self.get(path, limit=1)).status_code == 200:
                asked_at = loop.time()
        return asked_at


async def person(
    program: InProcess, kind: UserKind, *grants: Grant | str, agency_id: UUID | None = None, name: str = "somebody"
) -> Caller:
    """An account with its roles and a session whose second factor was proved just now."""
    services = program.state.account_services
    async with program.database.unit_of_work(ACTOR) as uow:
        someone = await services.vault.new_person(uow)
        user_id = await insert_user(
            uow,
            kind=kind,
            person_id=someone.id,
            email_lookup=Lookup([services.vault.lookup_id], [uuid4().bytes * 2]),
            email_sealed=someone.seal("email", f"{name}@people.example"),
            name_sealed=None,
            language="en",
            password_hash=NOBODY_KNOWS_IT,
            agency_id=agency_id,
        )
        assert user_id is not None
        await uow.connection.execute(
            "UPDATE users SET totp_sealed = 'sealed', totp_confirmed_at = ais_now() WHERE id = $1", user_id
        )
        for grant in grants:
            await insert_grant(uow, user_id, Grant(grant) if isinstance(grant, str) else grant, ACTOR.name, None)
    caller = Caller(program, name, {}, user_id)
    return await signed_in(caller)


async def signed_in(caller: Caller) -> Caller:
    """The same person with a new session."""
    session = await _session_of(caller, SessionKind.TOKEN)
    token = caller.program.state.account_services.tokens.access(session)
    headers = {"Authorization": f"Bearer {token}"}
    return Caller(caller.program, caller.name, headers, caller.user_id, session.session_id)


async def page_cookie(caller: Caller) -> tuple[str, str]:
    """Name and value of the cookie with which a browser of theirs is signed in to the pages."""
    session = await _session_of(caller, SessionKind.PAGE)
    return PAGE_COOKIE, caller.program.state.account_services.tokens.page(session)


async def _session_of(caller: Caller, kind: SessionKind) -> SessionRef:
    services, user_id = caller.program.state.account_services, caller.user_id
    assert user_id is not None
    async with caller.program.database.unit_of_work(ACTOR) as uow:
        user = await find_user(uow.connection, user_id)
        assert user is not None
        someone = await services.vault.person(uow.connection, user.person_id)
        assert someone is not None
        session_id = await insert_session(
            uow,
            user_id,
            kind,
            someone.seal(ORIGIN_KIND, msgspec.json.encode(Origin("tests", "192.0.2.1"))),
            caller.program.database.clock.now(),
            lifetime=timedelta(days=1),
            idle=timedelta(hours=1) if kind is SessionKind.PAGE else None,
        )
    return SessionRef(session_id, user_id)


async def with_an_old_proof(caller: Caller) -> None:
    """It is an hour ago that they proved who they are."""
    await caller.program.rows(
        "UPDATE sessions SET second_factor_at = ais_now() - interval '1 hour' WHERE id = $1 RETURNING 1",
        caller.session_id,
    )
    (version,) = await caller.program.rows(
        "UPDATE users SET access_version = access_version + 1 WHERE id = $1 RETURNING access_version", caller.user_id
    )
    await caller.program.state.account_services.checks.announce(caller.user_id, version)


async def staff(program: InProcess, *grants: Grant | str) -> Caller:
    """Somebody of the airline."""
    return await person(program, UserKind.STAFF, *grants, name="staff")


async def traveller(program: InProcess) -> Caller:
    """Somebody who travels."""
    return await person(program, UserKind.TRAVELLER, name="traveller")


async def agency(program: InProcess, code: str, deposit: str = "100000") -> UUID:
    """An agency with money; its id inside."""
    async with program.database.unit_of_work(ACTOR) as uow:
        made = await create_agency(uow, code, f"Travels of {code}", Money.parse(deposit, "SAR"))
    return made.id


async def agent(program: InProcess, agency_id: UUID) -> Caller:
    """Somebody who works for an agency."""
    return await person(program, UserKind.AGENT, agency_id=agency_id, name="agent")


async def machine(program: InProcess, agency_id: UUID | None, *permissions: str, **more: Any) -> Caller:
    """A machine with a key; without an agency it may read what the operator's token may."""
    wanted = NewApiKey("till", agency_id, permissions, timedelta(days=30), more.get("requests_per_minute"))
    async with program.database.unit_of_work(more.get("actor", ACTOR)) as uow:
        key, text = await give_key_out(uow, wanted, program.state.agency_codes)
    return Caller(program, encode_id(ids.API_KEY, key.id), {"Authorization": f"Bearer {text}"})


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]
