"""People of a program that runs in processes of its own: made in its database, known to it by what they send.

For tests without a loop of their own: every method waits until it is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self, TypeVar
from uuid import UUID

import pyotp
from tests.factories.accounts import CREATOR, PASSWORD, new_email
from tests.factories.running_program import RunningProgram
from tests.factories.vault import VAULT

from ais.accounts import Grant, LinkPurpose, Origin, SessionKind, UserKind, ask_reset, create_user, register, sign_in
from ais.accounts.rights.keys import NewApiKey, give_key_out
from ais.accounts.rights.repository import insert_grant
from ais.accounts.service.plumbing import acting
from ais.accounts.service.second_factor import begin_second_factor, confirm_second_factor
from ais.app.accounts import open_accounts
from ais.app.composition import open_gateways
from ais.app.registry import build_registry
from ais.app.rights import KnownAgencies
from ais.kit import Channel, Money, SystemClock, encode_id, ids
from ais.payments import create_agency
from ais.platform.database import Database, UnitOfWork
from ais.platform.settings import DEMO_OPERATOR_TOKEN, Settings

CHEAP_PASSWORDS = {
    "AIS_PASSWORD_MEMORY_KIB": "64",
    "AIS_PASSWORD_ROUNDS": "1",
    "AIS_SIGN_IN_DELAY_SECONDS": "0",
}
OPERATOR = {"Authorization": f"Bearer {DEMO_OPERATOR_TOKEN}"}
ORIGIN = Origin("tests", "127.0.0.1")
Answer = TypeVar("Answer")


@dataclass
class Someone:
    """Somebody with an account and one session, by which they call."""

    id: str
    email: str
    headers: dict[str, str]
    refresh_token: str
    session_id: str
    secret: str = ""
    recovery_codes: list[str] = field(default_factory=list)
    grant_id: str = ""


class People:
    """Callers of every kind by name (``headers``), and new ones for whatever ends with its request."""

    def __init__(self, program: RunningProgram, agency_code: str = "ATLARGE") -> None:
        self.url = program.web[0].url
        self._runner = asyncio.Runner()
        settings = Settings(
            database_url=program.database_url, password_memory_kib=64, password_rounds=1, sign_in_delay_seconds=0
        )
        self._database = self._run(
            Database.connect(program.database_url, clock=SystemClock(), minimum=1, maximum=2, vault=VAULT)
        )
        # What happens in here is told to whom the program tells it.
        gateways = open_gateways(settings, self._database)
        self._database.subscriptions = build_registry(settings, gateways).subscriptions
        self._services = open_accounts(settings, self._database)
        self._agency = self._run(self._open_agency(agency_code))
        self._kinds: dict[str, Callable[[], Awaitable[Someone]]] = {
            "traveller": lambda: self._make(UserKind.TRAVELLER),
            "agent": lambda: self._make(UserKind.AGENT, agency_id=self._agency),
            "counter": lambda: self._make(UserKind.STAFF, Grant("station", stations=("JED",))),
            "support": lambda: self._make(UserKind.STAFF, Grant("support")),
            "admin": lambda: self._make(UserKind.STAFF, Grant("admin")),
            "chief": lambda: self._make(UserKind.STAFF, Grant("super_admin")),
        }
        self.headers: dict[str, dict[str, str]] = {"nobody": {}, "operator": OPERATOR, "key": self._run(self._key())}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._services.passwords.close()
        self._run(self._database.close())
        self._runner.close()

    def sign_in(self) -> None:
        """Somebody new of each kind calls from now on, for the quarter of an hour that a token is good for."""
        self.headers |= {name: self.new(name).headers for name in self._kinds}

    def new(self, name: str = "traveller") -> Someone:
        """Another one of that kind."""
        return self._run(self._kinds[name]())

    def spare(self, name: str) -> dict[str, str]:
        """What another one of that kind sends, whose session may end."""
        return self.new(name).headers if name in self._kinds else self.headers[name]

    def with_role(self, *roles: str) -> Someone:
        """Somebody of the staff with these roles, who never signs in."""
        return self._run(self._make(UserKind.STAFF, *map(Grant, roles), signs_in=False))

    def with_second_factor(self, *, confirmed: bool) -> Someone:
        """A traveller whose second factor is begun, or set up."""
        return self._run(self._make(UserKind.TRAVELLER, factor="on" if confirmed else "begun"))

    def registration(self) -> str:
        """The token of a mail by which an account is made with PASSWORD."""
        email = new_email()
        return self._run(
            self._mailed(
                LinkPurpose.VERIFY,
                register(self._services, email=email, password=PASSWORD, name=None, language="en"),
            )
        )

    def reset(self) -> str:
        """The token of a mail by which somebody chooses a new password."""
        somebody = self.new()
        return self._run(
            self._mailed(LinkPurpose.RESET, ask_reset(self._services, email=somebody.email, language="en"))
        )

    @property
    def agency(self) -> str:
        """The agency of the agents, which may spend a million riyals; its public id."""
        return encode_id(ids.AGENCY, self._agency)

    def change(self, work: Callable[[UnitOfWork], Awaitable[Answer]]) -> Answer:
        """What ``work`` answers, carried out in one transaction, its jobs and events with it."""

        async def changed() -> Answer:
            async with self._database.unit_of_work(CREATOR) as uow:
                return await work(uow)

        return self._run(changed())

    def values(self, statement: str, *arguments: object) -> list[Any]:
        """The first column of what a statement finds."""

        async def found() -> list[Any]:
            async with self._database.connection() as connection:
                return [row[0] for row in await connection.fetch(statement, *arguments)]

        return self._run(found())

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self._runner.run(work)

    async def _open_agency(self, code: str) -> UUID:
        async with self._database.unit_of_work(CREATOR) as uow:
            made = await create_agency(uow, code, "Travels at large", Money.parse("1000000.00", "SAR"))
        return made.id

    async def _key(self) -> dict[str, str]:
        rights = ("orders.create", "orders.read_own", "orders.pay_own", "orders.cancel_own")
        wanted = NewApiKey("till", self._agency, rights, timedelta(days=30), None)
        async with self._database.unit_of_work(CREATOR) as uow:
            _, text = await give_key_out(uow, wanted, KnownAgencies(self._database))
        return {"Authorization": f"Bearer {text}"}

    async def _make(
        self,
        kind: UserKind,
        *grants: Grant,
        agency_id: UUID | None = None,
        factor: str | None = None,
        signs_in: bool = True,
    ) -> Someone:
        services, email = self._services, new_email()
        user = await create_user(
            services,
            kind=kind,
            email=email,
            password=PASSWORD,
            name="Sara Al-Harbi",
            language="en",
            actor=CREATOR,
            agency_id=agency_id,
        )
        someone = Someone(encode_id(ids.USER, user.id), email, {}, "", "")
        if grants:
            async with self._database.unit_of_work(CREATOR) as uow:
                for grant in grants:
                    held = await insert_grant(uow, user.id, grant, CREATOR.name, None)
                    someone.grant_id = encode_id(ids.GRANT, held)
        if not signs_in:
            return someone
        opened = await sign_in(
            services, email=email, password=PASSWORD, code=None, origin=ORIGIN, kind=SessionKind.TOKEN
        )
        assert opened.refresh_token is not None
        someone.refresh_token = opened.refresh_token
        someone.session_id = encode_id(ids.SESSION, opened.session.session_id)
        someone.headers = {"Authorization": f"Bearer {services.tokens.access(opened.session)}"}
        if factor is not None or kind is UserKind.STAFF:
            actor = acting(user, Channel.API)
            begun = await begin_second_factor(
                services, user_id=user.id, password=PASSWORD, issuer="Tests", origin=ORIGIN, actor=actor
            )
            someone.secret = begun.secret
            if factor != "begun":
                someone.recovery_codes = await confirm_second_factor(
                    services,
                    session=opened.session,
                    code=pyotp.TOTP(begun.secret).now(),
                    origin=ORIGIN,
                    actor=actor,
                )
        return someone

    async def _mailed(self, purpose: LinkPurpose, ask: Coroutine[Any, Any, None]) -> str:
        """The token of the link that asking makes."""
        await ask
        async with self._database.connection() as connection:
            link_id = await connection.fetchval(
                "SELECT id FROM one_time_links WHERE purpose = $1 ORDER BY expires_at DESC LIMIT 1", purpose
            )
        return self._services.tokens.link(purpose, link_id)
