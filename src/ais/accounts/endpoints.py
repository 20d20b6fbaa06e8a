"""Accounts over HTTP, for phones and programs.

None of these routes takes an Idempotency-Key: their bodies hold secrets, of which not even a fingerprint is kept, and
a repeat does no harm.
"""

from __future__ import annotations

from typing import Annotated

from litestar import Response, delete, get, post
from litestar.params import Parameter

from ais.accounts.domain import Origin, SessionKind
from ais.accounts.errors import (
    AccountNotFound,
    LinkOver,
    RefreshRefused,
    SecondFactorConflict,
    SecondFactorNeeded,
    SessionNotFound,
    SignInRefused,
    TooManyTries,
)
from ais.accounts.schemas import (
    BeginSecondFactorRequest,
    CodeRequest,
    Ended,
    LoginRequest,
    LogoutRequest,
    MailSent,
    MeBody,
    NewPasswordRequest,
    PasswordRequest,
    RecoveryCodes,
    RefreshRequest,
    RegisterRequest,
    RemoveSecondFactorRequest,
    ResetRequest,
    SecondFactorBody,
    SessionBody,
    SteppedUp,
    StepUpRequest,
    TokensBody,
    Verified,
    VerifyRequest,
)
from ais.accounts.service.plumbing import AccountServices, session_of
from ais.accounts.service.profile import own_account
from ais.accounts.service.register import register, verify_address
from ais.accounts.service.reset import ask_reset, change_password, reset_password
from ais.accounts.service.second_factor import (
    begin_second_factor,
    confirm_second_factor,
    remove_second_factor,
    step_up,
)
from ais.accounts.service.sessions import SessionShown, own_sessions, revoke_session, revoke_sessions
from ais.accounts.service.sign_in import SignedIn, refresh, sign_in, sign_out, sign_out_by_refresh
from ais.accounts.tokens import ACCESS_SECONDS, SessionRef
from ais.kit import ValidationFailed, decode_id, encode_id, ids
from ais.kit.ids import SessionId
from ais.platform.http import (
    ACCOUNT,
    BODY_REFUSALS,
    PUBLIC,
    Forbidden,
    HTTPRequest,
    JSONBody,
    Page,
    TokenExpired,
    Unauthorized,
    actor_of,
    client_address,
    json_response,
    language_of,
    refusals,
)

_ACCOUNT = (Unauthorized, TokenExpired, Forbidden)
_NO_STORE = {"Cache-Control": "no-store"}
SessionIdText = Annotated[str, Parameter(description="Id of a session", max_length=60)]


def _services(request: HTTPRequest) -> AccountServices:
    services: AccountServices = request.app.state.account_services
    return services


def origin_of(request: HTTPRequest) -> Origin:
    """From where the request comes."""
    return Origin(request.headers.get("user-agent", ""), client_address(request, request.app.state.trusted_proxies))


def _tokens(services: AccountServices, signed_in: SignedIn) -> Response[TokensBody]:
    assert signed_in.refresh_token is not None
    body = TokensBody(services.tokens.access(signed_in.session), signed_in.refresh_token, "Bearer", ACCESS_SECONDS)
    return json_response(body, headers=_NO_STORE)


@post(
    "/api/v1/auth/register",
    access=PUBLIC,
    limit="lookup",
    dto=JSONBody[RegisterRequest],
    return_dto=None,
    status_code=202,
    tags=["accounts"],
    responses=refusals(*BODY_REFUSALS),
)
async def register_account(request: HTTPRequest, data: RegisterRequest) -> Response[MailSent]:
    """Ask for an account. A mail goes to the address, whose link makes the account.

    The answer is the same whether the address has an account or not.
    """
    await register(
        _services(request), email=data.email, password=data.password, name=data.name, language=language_of(request)
    )
    return json_response(MailSent("mail_sent"), status=202)


@post(
    "/api/v1/auth/verify",
    access=PUBLIC,
    limit="login",
    dto=JSONBody[VerifyRequest],
    return_dto=None,
    status_code=200,
    tags=["accounts"],
    responses=refusals(*BODY_REFUSALS, SignInRefused, LinkOver, TooManyTries),
)
async def verify_registration(request: HTTPRequest, data: VerifyRequest) -> Response[Verified]:
    """Make the account that the link in the mail is for; orders made with its address as a guest become its own."""
    await verify_address(_services(request), token=data.token, password=data.password, origin=origin_of(request))
    return json_response(Verified("verified"))


@post(
    "/api/v1/auth/login",
    access=PUBLIC,
    limit="login",
    dto=JSONBody[LoginRequest],
    return_dto=None,
    status_code=200,
    tags=["accounts"],
    responses=refusals(*BODY_REFUSALS, SignInRefused, SecondFactorNeeded, TooManyTries),
)
async def log_in(request: HTTPRequest, data: LoginRequest) -> Response[TokensBody]:
    """Open a session. After five wrong tries within a quarter of an hour the account is closed to the caller's network
    for half an hour.
    """
    services = _services(request)
    signed_in = await sign_in(
        services,
        email=data.email,
        password=data.password,
        code=data.code,
        origin=origin_of(request),
        kind=SessionKind.TOKEN,
    )
    return _tokens(services, signed_in)


@post(
    "/api/v1/auth/refresh",
    access=PUBLIC,
    dto=JSONBody[RefreshRequest],
    return_dto=None,
    status_code=200,
    tags=["accounts"],
    responses=refusals(*BODY_REFUSALS, RefreshRefused, TokenExpired),
)
async def refresh_tokens(request: HTTPRequest, data: RefreshRequest) -> Response[TokensBody]:
    """The next pair of tokens. A refresh token is good once; when its answer was lost, once more within ten seconds.

    Any other second use ends the session.
    """
    services = _services(request)
    return _tokens(services, await refresh(services, data.refresh_token))


@post(
    "/api/v1/auth/logout",
    access=PUBLIC,
    dto=JSONBody[LogoutRequest],
    return_dto=None,
    status_code=204,
    tags=["accounts"],
    responses=refusals(*BODY_REFUSALS, Unauthorized, RefreshRefused),
)
async def log_out(request: HTTPRequest, data: LogoutRequest | None = None) -> None:
    """End the session of the refresh token or, without one, of the access token."""
    actor = actor_of(request)
    if data is not None and data.refresh_token is not None:
        await sign_out_by_refresh(_services(request), data.refresh_token)
    elif actor.session_id is not None:
        await sign_out(_services(request), session_of(actor), actor)
    else:
        raise Unauthorized


@post(
    "/api/v1/auth/password-resets",
    access=PUBLIC,
    limit="lookup",
    dto=JSONBody[ResetRequest],
    return_dto=None,
    status_code=202,
    tags=["accounts"],
    responses=refusals(*BODY_REFUSALS),
)
async def ask_for_reset(request: HTTPRequest, data: ResetRequest) -> Response[MailSent]:
    """Have a link sent by which a new password is chosen. The answer does not say whether there is an account."""
    await ask_reset(_services(request), email=data.email, language=language_of(request))
    return json_response(MailSent("mail_sent"), status=202)


@post(
    "/api/v1/auth/password",
    access=PUBLIC,
    limit="login",
    dto=JSONBody[NewPasswordRequest],
    return_dto=None,
    status_code=204,
    tags=["accounts"],
    responses=refusals(*BODY_REFUSALS, LinkOver),
)
async def choose_password(request: HTTPRequest, data: NewPasswordRequest) -> None:
    """A new password by the link of the mail, once. All sessions of the account end."""
    await reset_password(_services(request), token=data.token, password=data.password)


@post(
    "/api/v1/auth/step-up",
    access=ACCOUNT,
    limit="login",
    dto=JSONBody[StepUpRequest],
    return_dto=None,
    status_code=200,
    tags=["accounts"],
    responses=refusals(*BODY_REFUSALS, *_ACCOUNT, SignInRefused, SecondFactorConflict, TooManyTries),
)
async def prove_again(request: HTTPRequest, data: StepUpRequest) -> Response[SteppedUp]:
    """Prove once more who uses this session, before what answers `STEP_UP_REQUIRED`."""
    actor = actor_of(request)
    proved_at = await step_up(
        _services(request),
        session=session_of(actor),
        code=data.code,
        password=data.password,
        origin=origin_of(request),
        actor=actor,
    )
    return json_response(SteppedUp(proved_at + request.app.state.authenticator.step_up_window))


@get("/api/v1/auth/sessions", access=ACCOUNT, tags=["accounts"], responses=refusals(*_ACCOUNT))
async def list_own_sessions(request: HTTPRequest) -> Response[Page[SessionBody]]:
    """The sessions of the account, the last used first."""
    own = session_of(actor_of(request))
    found = await own_sessions(_services(request), own.user_id)
    return json_response(Page([_session_body(each, own) for each in found], None), headers=_NO_STORE)


@delete(
    "/api/v1/auth/sessions/{session_id:str}",
    access=ACCOUNT,
    status_code=204,
    tags=["accounts"],
    responses=refusals(*_ACCOUNT, SessionNotFound),
)
async def end_session(request: HTTPRequest, session_id: SessionIdText) -> None:
    """End one session of the account: within a second it is refused everywhere."""
    actor = actor_of(request)
    wanted = decode_id(ids.SESSION, session_id)
    if wanted is None:
        raise SessionNotFound
    await revoke_session(_services(request), actor, session_of(actor).user_id, SessionId(wanted))


@delete(
    "/api/v1/auth/sessions",
    access=ACCOUNT,
    status_code=200,
    tags=["accounts"],
    responses=refusals(*_ACCOUNT, ValidationFailed),
)
async def end_sessions(request: HTTPRequest, keep_current: bool = False) -> Response[Ended]:
    """End all sessions of the account, or all but the one that asks."""
    actor = actor_of(request)
    own = session_of(actor)
    ended = await revoke_sessions(
        _services(request), actor, own.user_id, all_but=own.session_id if keep_current else None
    )
    return json_response(Ended(ended))


@get("/api/v1/me", access=ACCOUNT, tags=["accounts"], responses=refusals(*_ACCOUNT))
async def read_me(request: HTTPRequest) -> Response[MeBody]:
    """The account that calls."""
    actor = actor_of(request)
    services = _services(request)
    own = await own_account(services, session_of(actor).user_id)
    body = MeBody(
        id=actor.id,
        kind=own.user.kind.value,
        email=own.email,
        name=own.name,
        language="ar" if own.user.language == "ar" else "en",
        roles=sorted(actor.roles),
        permissions=sorted(actor.permissions),
        second_factor=own.second_factor,
        recovery_codes_left=own.recovery_codes_left,
        session_id=actor.session_id or "",
        created_at=own.user.created_at,
    )
    return json_response(body, headers=_NO_STORE)


@post(
    "/api/v1/me/password",
    access=ACCOUNT,
    limit="login",
    dto=JSONBody[PasswordRequest],
    return_dto=None,
    status_code=204,
    tags=["accounts"],
    responses=refusals(*BODY_REFUSALS, *_ACCOUNT, SignInRefused, AccountNotFound, TooManyTries),
)
async def change_own_password(request: HTTPRequest, data: PasswordRequest) -> None:
    """Another password. All other sessions of the account end."""
    actor = actor_of(request)
    own = session_of(actor)
    await change_password(
        _services(request),
        user_id=own.user_id,
        session_id=own.session_id,
        current=data.current_password,
        password=data.new_password,
        origin=origin_of(request),
        actor=actor,
    )


@post(
    "/api/v1/me/second-factor",
    access=ACCOUNT,
    limit="login",
    dto=JSONBody[BeginSecondFactorRequest],
    return_dto=None,
    status_code=200,
    tags=["accounts"],
    responses=refusals(*BODY_REFUSALS, *_ACCOUNT, SignInRefused, AccountNotFound, SecondFactorConflict, TooManyTries),
)
async def begin_own_second_factor(request: HTTPRequest, data: BeginSecondFactorRequest) -> Response[SecondFactorBody]:
    """A secret for an authenticator (TOTP). It counts once a code of it is confirmed."""
    actor = actor_of(request)
    begun = await begin_second_factor(
        _services(request),
        user_id=session_of(actor).user_id,
        password=data.password,
        issuer=request.app.state.account_issuer(),
        origin=origin_of(request),
        actor=actor,
    )
    return json_response(SecondFactorBody(begun.secret, begun.uri), headers=_NO_STORE)


@post(
    "/api/v1/me/second-factor/confirm",
    access=ACCOUNT,
    limit="login",
    dto=JSONBody[CodeRequest],
    return_dto=None,
    status_code=200,
    tags=["accounts"],
    responses=refusals(*BODY_REFUSALS, *_ACCOUNT, SecondFactorConflict, TooManyTries),
)
async def confirm_own_second_factor(request: HTTPRequest, data: CodeRequest) -> Response[RecoveryCodes]:
    """From now on signing in asks for a code. The recovery codes are shown this once."""
    actor = actor_of(request)
    codes = await confirm_second_factor(
        _services(request), session=session_of(actor), code=data.code, origin=origin_of(request), actor=actor
    )
    return json_response(RecoveryCodes(codes), headers=_NO_STORE)


@post(
    "/api/v1/me/second-factor/remove",
    access=ACCOUNT,
    limit="login",
    dto=JSONBody[RemoveSecondFactorRequest],
    return_dto=None,
    status_code=204,
    tags=["accounts"],
    responses=refusals(*BODY_REFUSALS, *_ACCOUNT, SignInRefused, AccountNotFound, SecondFactorConflict, TooManyTries),
)
async def remove_own_second_factor(request: HTTPRequest, data: RemoveSecondFactorRequest) -> None:
    """Signing in asks for no code any more; not for staff who must have one. The owner is told by mail."""
    actor = actor_of(request)
    await remove_second_factor(
        _services(request),
        session=session_of(actor),
        password=data.password,
        code=data.code,
        origin=origin_of(request),
        actor=actor,
    )


def _session_body(session: SessionShown, own: SessionRef) -> SessionBody:
    return SessionBody(
        id=encode_id(ids.SESSION, session.id),
        kind=session.kind.value,
        device=session.device,
        browser=session.named.browser,
        system=session.named.system,
        address=session.address,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        ends_at=session.ends_at,
        current=session.id == own.session_id,
    )


ROUTES = (
    register_account,
    verify_registration,
    log_in,
    refresh_tokens,
    log_out,
    ask_for_reset,
    choose_password,
    prove_again,
    list_own_sessions,
    end_session,
    end_sessions,
    read_me,
    change_own_password,
    begin_own_second_factor,
    confirm_own_second_factor,
    remove_own_second_factor,
)
