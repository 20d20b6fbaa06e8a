"""People with accounts, and what they send to sign in."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import httpx
from tests.factories.in_process import InProcess

from ais.accounts import User, UserKind
from ais.accounts.service.register import create_user
from ais.accounts.service.staff import grant_role
from ais.kit import Channel, system_actor

PASSWORD = "Palms-over-44-dunes"
OTHER_PASSWORD = "Sixty-camels-went-east"
CREATOR = system_actor("test", Channel.CLI)
_PEOPLE = itertools.count(1)


@dataclass
class Person:
    """Somebody with an account, and the program that they use."""

    program: InProcess
    user: User
    email: str
    password: str = PASSWORD

    async def try_to_log_in(self, **changes: Any) -> httpx.Response:
        body = {"email": self.email, "password": self.password, **changes}
        return await self.program.http.post("/api/v1/auth/login", json=body)

    async def log_in(self, **changes: Any) -> dict[str, Any]:
        """A new session's tokens."""
        answer = await self.try_to_log_in(**changes)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    async def get(self, path: str, tokens: dict[str, Any]) -> httpx.Response:
        return await self.program.http.get(f"/api/v1/{path}", headers=bearing(tokens))

    async def post(self, path: str, tokens: dict[str, Any], **body: Any) -> httpx.Response:
        return await self.program.http.post(f"/api/v1/{path}", json=body, headers=bearing(tokens))

    async def delete(self, path: str, tokens: dict[str, Any]) -> httpx.Response:
        return await self.program.http.delete(f"/api/v1/{path}", headers=bearing(tokens))

    async def refresh(self, tokens: dict[str, Any]) -> httpx.Response:
        return await self.program.http.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})


def bearing(tokens: dict[str, Any]) -> dict[str, str]:
    """What a signed-in client sends with each request."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def new_email() -> str:
    """An address that nobody has."""
    return f"person{next(_PEOPLE)}@travellers.example"


async def make_person(program: InProcess, kind: UserKind = UserKind.TRAVELLER, *roles: str) -> Person:
    """An account, made as staff make them."""
    email = new_email()
    services = program.state.account_services
    user = await create_user(
        services, kind=kind, email=email, password=PASSWORD, name="Sara Al-Harbi", language="en", actor=CREATOR
    )
    for role in roles:
        assert await grant_role(services, user, role, CREATOR)
    return Person(program, user, email)
