"""``ais roles``: who may do what, and what waits for a second person."""

from __future__ import annotations

import click

from ais.accounts import (
    PERMISSIONS,
    ROLES,
    STAFF_ROLES,
    AccountServices,
    Approval,
    ApprovalBody,
    Grant,
    find_account,
    give_or_ask,
    open_approvals,
    roles_of,
    take_or_ask,
)
from ais.app.cli.accounts import with_accounts
from ais.app.cli.edge import actor
from ais.app.cli.output import Output, json_option
from ais.app.cli.reasons import reason_option
from ais.kit import Channel, ValidationFailed, encode_id, ids
from ais.payments import find_agency


@click.group()
def roles() -> None:
    """Who may do what: roles, their limits, and what waits for a second person."""


@roles.command("show")
@click.argument("role", required=False, type=click.Choice(tuple(ROLES)))
@json_option
@click.pass_obj
def show(output: Output, role: str | None) -> None:
    """What a ROLE may do; without one, what each may."""
    chosen = {role: ROLES[role]} if role else ROLES
    output.document({"roles": {name: sorted(held) for name, held in chosen.items()}})
    rows = [(name, each, PERMISSIONS[each]) for name, held in chosen.items() for each in PERMISSIONS if each in held]
    output.table(("Role", "Permission", "To"), rows)


@roles.command("of")
@click.argument("email")
@json_option
@click.pass_obj
def of(output: Output, email: str) -> None:
    """The roles that the account of EMAIL has, with their limits."""

    async def look(services: AccountServices) -> list[tuple[str, ...]]:
        return [
            (
                held.role,
                " ".join(held.stations or ()) or "all",
                " ".join(encode_id(ids.AGENCY, each) for each in held.agencies or ()) or "all",
                " ".join(held.channels or ()) or "all",
                held.granted_by,
                f"{held.granted_at:%Y-%m-%d %H:%M:%S}",
            )
            for held in await roles_of(services, await find_account(services, email))
        ]

    found = with_accounts(output, look)
    columns = ("role", "stations", "agencies", "channels", "granted_by", "granted_at")
    output.document({"roles": [dict(zip(columns, row, strict=True)) for row in found]})
    if not found:
        output.say(f"{email} has no role.")
        return
    output.table(("Role", "Stations", "Agencies", "Channels", "Given by", "Given (UTC)"), found)


@roles.command("grant")
@click.argument("email")
@click.argument("role", type=click.Choice(STAFF_ROLES))
@click.option("--station", "stations", multiple=True, metavar="IATA", help="Only at this airport; repeats.")
@click.option("--agency", "agencies", multiple=True, metavar="CODE", help="Only for this agency; repeats.")
@click.option("--channel", "channels", multiple=True, type=click.Choice([*Channel]), help="Only in this one; repeats.")
@reason_option
@json_option
@click.pass_obj
def grant(
    output: Output,
    email: str,
    role: str,
    stations: tuple[str, ...],
    agencies: tuple[str, ...],
    channels: tuple[str, ...],
    reason: str,
) -> None:
    """Give EMAIL a ROLE: at once while fewer than two people could sign it, else once one of them has."""

    async def give(services: AccountServices) -> Approval | None:
        found = []
        async with services.database.connection() as connection:
            for number, code in enumerate(agencies):
                agency = await find_agency(connection, code=code)
                if agency is None:
                    raise ValidationFailed([(f"agencies[{number}]", "names no agency")])
                found.append(agency.id)
        wanted = Grant(role, stations or None, tuple(found) or None, channels or None)
        return await give_or_ask(services, await find_account(services, email), wanted, reason, actor())

    _tell(output, with_accounts(output, give), f"{email} is {role} now.")


@roles.command("revoke")
@click.argument("email")
@click.argument("role", type=click.Choice(STAFF_ROLES))
@reason_option
@json_option
@click.pass_obj
def revoke(output: Output, email: str, role: str, reason: str) -> None:
    """Take a ROLE of EMAIL away, as it is given. To stop somebody at once: `ais accounts lock`."""

    async def take(services: AccountServices) -> Approval | None:
        return await take_or_ask(services, await find_account(services, email), role, reason, actor())

    _tell(output, with_accounts(output, take), f"{email} is {role} no more.")


@roles.command("approvals")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def approvals(output: Output, limit: int) -> None:
    """What waits for a second person, the newest first. It is signed over the API, by somebody who has signed in."""

    async def look(services: AccountServices) -> list[ApprovalBody]:
        return await open_approvals(services.database, limit)

    rows = [
        (
            each.id,
            each.kind,
            each.subject,
            each.reason,
            each.requested_by,
            f"{each.expires_at:%Y-%m-%d %H:%M:%S}",
        )
        for each in with_accounts(output, look)
    ]
    columns = ("id", "kind", "subject", "reason", "requested_by", "expires_at")
    output.document({"approvals": [dict(zip(columns, row, strict=True)) for row in rows]})
    if not rows:
        output.say("Nothing waits for a second person.")
        return
    output.table(("Approval", "Kind", "About", "Reason", "Asked by", "Until (UTC)"), rows)


def _tell(output: Output, waits: Approval | None, done: str) -> None:
    if waits is None:
        output.document({"changed": True, "approval": None})
        output.say(done)
        return
    approval = encode_id(ids.APPROVAL, waits.id)
    output.document({"changed": False, "approval": approval})
    output.say(f"{approval} waits for a second person until {waits.expires_at:%Y-%m-%d %H:%M:%S} UTC.")
