"""From credentials to the one who acts: what the HTTP layer asks of accounts."""

from __future__ import annotations

from ais.accounts.domain import Grant, SessionKind, SessionState, UserKind
from ais.accounts.ports import AgencyCodes
from ais.accounts.rights.domain import KEY_PREFIX
from ais.accounts.rights.keys import ApiKeys
from ais.accounts.roles import ROLES
from ais.accounts.service.plumbing import KINDS, AccountServices, public_id
from ais.accounts.tokens import ACCESS_PREFIX, SessionRef
from ais.kit import Actor, Channel, Reach, encode_id, ids
from ais.platform.http import HTTPConnection, Unauthorized

PAGE_COOKIE = "ais_account"
DEVICE_COOKIE = "ais_device"
_OWN_ROLES = {UserKind.TRAVELLER: "traveller", UserKind.AGENT: "agent"}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Accounts:
    """Knows the sessions of people and the keys of machines; an :class:`ais.platform.http.AccountDoor`."""

    def __init__(self, services: AccountServices, keys: ApiKeys, agencies: AgencyCodes) -> None:
        self._services = services
        self._keys = keys
        self._agencies = agencies

    async def bearer(self, credentials: str) -> Actor:
        """Who sends this access token or key. Raises Unauthorized, also for one that has ended, and TokenExpired."""
        if credentials.startswith(KEY_PREFIX):
            return await self._keys.actor(credentials)
        if not credentials.startswith(ACCESS_PREFIX):
            raise Unauthorized
        session = self._services.tokens.read_access(credentials)
        state = await self._services.checks.state(session)
        if state is None or state.kind is not SessionKind.TOKEN:
            raise Unauthorized
        return await self._actor(state, Channel.API)

    async def page(self, connection: HTTPConnection) -> Actor | None:
        """Who has signed in to the pages with this browser; None for nobody, and for what another site has it send."""
        session = self.page_session(connection)
        if session is None or _is_sent_by_another_site(connection):
            return None
        state = await self._services.checks.state(session)
        if state is None or state.kind is not SessionKind.PAGE:
            return None
        return await self._actor(state, Channel.WEB)

    def page_session(self, connection: HTTPConnection) -> SessionRef | None:
        """The session that the browser's cookie names, whether it lives or not.

        Where pages are reached by https only a ``__Host-`` cookie counts: no neighbouring site can have set it.
        """
        name = f"__Host-{PAGE_COOKIE}" if self._services.policy.pages_are_https else PAGE_COOKIE
        text = connection.cookies.get(name)
        return self._services.tokens.read_page(text) if text else None

    async def _actor(self, state: SessionState, channel: Channel) -> Actor:
        """Who acts. Of an agency, the agency sells; agencies are known by their codes from here on."""
        seller = await self._agencies.code_of(state.agency_id) if state.agency_id is not None else None
        reaches = await self._reaches(state, seller)
        own = _OWN_ROLES.get(state.user_kind)
        return Actor(
            KINDS[state.user_kind],
            public_id(state.user_id),
            channel,
            frozenset().union(*(reach.permissions for reach in reaches)),
            seller_id=seller,
            agent_id=public_id(state.user_id) if seller is not None else None,
            session_id=encode_id(ids.SESSION, state.session_id),
            roles=frozenset({*(grant.role for grant in state.grants), *filter(None, [own])}),
            second_factor_at=state.second_factor_at,
            reaches=reaches,
        )

    async def _reaches(self, state: SessionState, seller: str | None) -> tuple[Reach, ...]:
        """What the account's kind and its grants allow; nothing to staff whose second factor is missing."""
        missing = self._services.policy.staff_second_factor and not state.has_second_factor
        if state.user_kind is UserKind.STAFF and missing:
            return ()
        own = _OWN_ROLES.get(state.user_kind)
        agencies = frozenset(filter(None, [seller])) if state.user_kind is UserKind.AGENT else None
        reaches = [Reach(ROLES[own], agencies=agencies)] if own is not None else []
        for grant in state.grants:
            if grant.role in ROLES:
                reaches.append(await self._reach(grant))
        return tuple(reaches)

    async def _reach(self, grant: Grant) -> Reach:
        agencies = None
        if grant.agencies is not None:
            codes = [await self._agencies.code_of(agency_id) for agency_id in grant.agencies]
            agencies = frozenset(code for code in codes if code is not None)
        return Reach(
            ROLES[grant.role],
            frozenset(grant.stations) if grant.stations is not None else None,
            agencies,
            frozenset(grant.channels) if grant.channels is not None else None,
        )


def _is_sent_by_another_site(connection: HTTPConnection) -> bool:
    """Whether a form or script of another site has the browser send this; each form of ours has its own token too."""
    if connection.scope["method"] in _SAFE_METHODS:  # type: ignore[typeddict-item]  # a request has one
        return False
    return connection.headers.get("sec-fetch-site") in {"cross-site", "same-site"}
