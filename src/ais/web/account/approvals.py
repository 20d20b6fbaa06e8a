"""What waits for a second person: seen by whoever may sign it or asked for it, signed, declined and withdrawn."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from ais.accounts import (
    ApprovalBody,
    ApprovalDesk,
    ApprovalKind,
    ApprovalNotFound,
    ApprovalStatus,
    approvals_for,
    decline,
    names_of_staff,
    sign,
)
from ais.kit import Actor, AppError, ValidationFailed, decode_id, ids
from ais.kit.ids import ApprovalId
from ais.platform.database import Database
from ais.platform.http import PUBLIC, Authenticator, Denials, HTTPRequest, correlation_id_of, require_recent_proof
from ais.platform.i18n import translate
from ais.web.account.form import AccountForm, ask_to_sign_in, sent_form
from ais.web.browser import account_services, proof_path, signed_in
from ais.web.rendering import in_both, page_language, see_other
from ais.web.session import ShopSession, read_session
from ais.web.translation import mark

SHOWN = 100
_MATTERS = {
    ApprovalKind.ROLE_GRANT: mark("A role is given"),
    ApprovalKind.ROLE_REVOCATION: mark("A role is taken away"),
    ApprovalKind.REFUND: mark("A refund above the limit"),
    ApprovalKind.WAIVER: mark("A penalty is waived"),
}
# What a form before this page has done.
_DONE = {
    "asked": mark("This waits for a second person now. Nothing is done yet."),
    "signed": mark("Signed: it has happened."),
    "declined": mark("It will not happen."),
}
_form = AccountForm(
    "account_approvals.html",
    "/account/approvals",
    approvals=(),
    done=None,
    notice=None,
    proof=None,
    own_name="",
    names={},
)


@get(in_both("/account/approvals"), access=PUBLIC, include_in_schema=False)
async def show_approvals(request: HTTPRequest, done: str = "") -> Response[Any]:
    """What the user may sign, and what they asked for themselves, as long as it is open."""
    actor = signed_in(request)
    if actor is None:
        return ask_to_sign_in(request)
    return await _page(request, read_session(request), actor, done=_DONE.get(done))


@post(in_both("/account/approvals"), access=PUBLIC, include_in_schema=False, status_code=200)
async def send_decision(request: HTTPRequest) -> Response[Any]:
    """Sign, which asks for a recent proof as it does over the API, or decline, or withdraw what is one's own."""
    session, fields = await sent_form(request)
    actor = signed_in(request)
    if actor is None:
        return ask_to_sign_in(request)
    try:
        done = await _decide(request, actor, fields)
    except AppError as refusal:
        if refusal.status >= 500:
            raise
        denials: Denials = request.app.state.denials
        denials.note(request, refusal)
        sentence = refusal.sentence(translate(refusal.message, page_language(request)))
        return await _page(request, session, actor, notice=sentence, status=refusal.status)
    return see_other(f"/{page_language(request)}/account/approvals?done={done}")


async def _decide(request: HTTPRequest, actor: Actor, fields: dict[str, str]) -> str:
    decoded, decision = decode_id(ids.APPROVAL, fields.get("approval", "")), fields.get("decision")
    if decoded is None:
        raise ApprovalNotFound
    approval_id = ApprovalId(decoded)
    if decision == "sign":
        require_recent_proof(request)
        desk: ApprovalDesk = request.app.state.approval_desk
        await sign(desk, actor, correlation_id_of(), None, approval_id)
        return "signed"
    if decision == "decline":
        database: Database = request.app.state.database
        async with database.unit_of_work(actor, correlation_id_of()) as uow:
            await decline(uow, approval_id)
        return "declined"
    raise ValidationFailed([("decision", "is sign or decline")])


async def _page(
    request: HTTPRequest,
    session: ShopSession,
    actor: Actor,
    *,
    status: int = 200,
    done: str | None = None,
    notice: str | None = None,
) -> Response[str]:
    database: Database = request.app.state.database
    authenticator: Authenticator = request.app.state.authenticator
    found = await approvals_for(database, actor, status=ApprovalStatus.OPEN, before=None, limit=SHOWN)
    now = database.clock.now()
    waiting = [(_MATTERS[each.kind], _reason(each), each) for each in found if each.expires_at > now]
    people = {each.requested_by.partition(":")[2] for each in found} | {
        each.details.get("user_id", "") for each in found
    }
    return _form(
        request,
        session,
        status=status,
        approvals=waiting,
        done=done,
        notice=notice,
        proof=None if authenticator.has_proved_recently(actor) else proof_path(request),
        own_name=actor.name,
        names=await names_of_staff(account_services(request), people),
    )


def _reason(approval: ApprovalBody) -> str | None:
    """What somebody wrote by hand; of a refund that is large and nothing else, nobody wrote anything."""
    is_by_hand = approval.kind is not ApprovalKind.REFUND or "quote_id" not in approval.details
    return approval.reason if is_by_hand else None
