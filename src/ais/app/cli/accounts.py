"""``ais accounts``: who can sign in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TextIO, TypeVar

import click

from ais.accounts import (
    STAFF_ROLES,
    Account,
    AccountServices,
    Grant,
    User,
    UserKind,
    ask_reset,
    create_user,
    find_account,
    give_or_ask,
    list_accounts,
    public_id,
    reset_second_factor,
    set_locked,
)
from ais.app.accounts import open_accounts
from ais.app.cli.edge import actor, with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.platform.database import Database
from ais.platform.settings import Settings

Answer = TypeVar("Answer")
_MADE = "made with the account"
_KINDS = (UserKind.TRAVELLER.value, UserKind.STAFF.value)


@click.group()
def accounts() -> None:
    """Who can sign in: travellers, staff, the users of agencies."""


def with_accounts(output: Output, work: Callable[[AccountServices], Awaitable[Answer]]) -> Answer:
    """The answer of ``work``, given what the use cases of accounts need."""

    async def run(database: Database, settings: Settings) -> Answer:
        services = open_accounts(settings, database)
        try:
            return await work(services)
        finally:
            services.passwords.close()

    return with_database(output, run, tells=True)


@accounts.command("create")
@click.argument("email")
@click.option("--kind", type=click.Choice(_KINDS), default=UserKind.STAFF.value, show_default=True, help="Whose it is.")
@click.option("--name", help="How the person is called.")
@click.option("--language", type=click.Choice(("ar", "en")), default="en", show_default=True, help="Of their mails.")
@click.option("--role", "roles", multiple=True, type=click.Choice(STAFF_ROLES), help="A role without limits; repeats.")
@click.option("--password-file", type=click.File("r"), help="Read the password there (- is standard input).")
@json_option
@click.pass_obj
def create(
    output: Output,
    email: str,
    kind: str,
    name: str | None,
    language: str,
    roles: tuple[str, ...],
    password_file: TextIO | None,
) -> None:
    """Make an account for EMAIL, with a password that is asked for.

    The first people of an installation are made so; once two of them could sign it, a role waits for one of them.
    """
    password = _password(password_file)

    async def make(services: AccountServices) -> tuple[User, list[str]]:
        user = await create_user(
            services,
            kind=UserKind(kind),
            email=email,
            password=password,
            name=name,
            language=language,
            actor=actor(),
        )
        waiting = []
        for role in roles:
            waits = await give_or_ask(services, user, Grant(role), _MADE, actor())
            waiting += [role] if waits is not None else []
        return user, waiting

    user, waiting = with_accounts(output, make)
    given = [role for role in roles if role not in waiting]
    output.document({"id": public_id(user.id), "kind": user.kind, "roles": given, "waiting": waiting})
    output.say(f"{public_id(user.id)} may sign in as {email}.")
    if waiting:
        output.say(f"A second person must sign: {', '.join(waiting)}.")


@accounts.command("list")
@click.option("--kind", type=click.Choice([each.value for each in UserKind]), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def list_(output: Output, kind: str | None, limit: int) -> None:
    """Accounts, the newest first, with address, roles and whether they have a second factor."""

    async def look(services: AccountServices) -> list[Account]:
        return await list_accounts(services, kind=UserKind(kind) if kind else None, limit=limit)

    found = with_accounts(output, look)
    output.document({"accounts": [_document(each) for each in found]})
    if not found:
        output.say("There are no accounts.")
        return
    output.table(
        ("Id", "Address", "Kind", "Status", "Roles", "Second factor", "Made (UTC)"),
        [
            (
                public_id(each.user.id),
                each.email,
                each.user.kind,
                each.user.status,
                each.roles,
                "on" if each.user.has_second_factor else "off",
                f"{each.user.created_at:%Y-%m-%d %H:%M:%S}",
            )
            for each in found
        ],
    )


@accounts.command("lock")
@click.argument("email")
@json_option
@click.pass_obj
def lock(output: Output, email: str) -> None:
    """Keep EMAIL from signing in, and end all its sessions. Exit code 1 if it is locked already."""
    changed = _set_locked(output, email, locked=True)
    _tell(output, changed, f"{email} is locked.", f"{email} is locked already.")


@accounts.command("unlock")
@click.argument("email")
@json_option
@click.pass_obj
def unlock(output: Output, email: str) -> None:
    """Let EMAIL sign in again. Exit code 1 if it is not locked."""
    changed = _set_locked(output, email, locked=False)
    _tell(output, changed, f"{email} may sign in again.", f"{email} is not locked.")


@accounts.command("reset")
@click.argument("email")
@json_option
@click.pass_obj
def reset(output: Output, email: str) -> None:
    """For who has lost everything: take the second factor away, end all sessions, mail a link for a new password."""

    async def begin_anew(services: AccountServices) -> bool:
        user = await find_account(services, email)
        await reset_second_factor(services, user, actor())
        await ask_reset(services, email=email, language=user.language)
        return True

    _tell(output, with_accounts(output, begin_anew), f"A link for a new password goes to {email}.", "")


def _set_locked(output: Output, email: str, *, locked: bool) -> bool:
    async def change(services: AccountServices) -> bool:
        return await set_locked(services, await find_account(services, email), actor(), locked=locked)

    return with_accounts(output, change)


def _tell(output: Output, changed: bool, done: str, otherwise: str) -> None:
    output.document({"changed": changed})
    if not changed:
        output.note(otherwise)
        end(NOT_SO)
    output.say(done)


def _password(file: TextIO | None) -> str:
    """The password, from the file's first line or asked for; never from the command line, which others can read."""
    if file is not None:
        return file.readline().rstrip("\r\n")
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked


def _document(account: Account) -> dict[str, object]:
    return {
        "id": public_id(account.user.id),
        "email": account.email,
        "kind": account.user.kind,
        "status": account.user.status,
        "roles": account.roles,
        "second_factor": account.user.has_second_factor,
        "created_at": account.user.created_at,
    }
