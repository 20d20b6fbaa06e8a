"""``ais staff``: what the program cannot decide by itself."""

from __future__ import annotations

from typing import Any

import click

from ais.app.cli.edge import actor, with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.platform.database import Database
from ais.platform.settings import Settings
from ais.platform.staff_queue import StaffMatter, list_staff_queue, resolve_staff_queue


@click.group()
def staff() -> None:
    """What a person must look at: wrong amounts, failed refunds, oversold cabins, ticket numbers that ran out."""


@staff.command("list")
@click.option("--all", "every", is_flag=True, help="Also what is resolved, the last resolved first.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def list_(output: Output, every: bool, limit: int) -> None:
    """List what waits for a person, the longest waiting first.

    \b
    payment_amount             another sum than was due came in; the order waits
    payment_currency           money came in another currency than asked for; not counted, it goes back by itself
    payment_of_cancelled_order money came for an order that was cancelled
    payment_without_order      money came for an order that is gone
    webhook_dead               what a provider told us could not be handled; see `ais webhooks`
    refund_failed              money did not go back; see `ais refunds retry`
    payment_disputed           a payer disputes a payment at the bank; see `ais disputes list`
    dispute_lost               the bank has kept the money; the order's coupons may still be good
    cash_difference            a drawer did not hold what it should; see `ais cash shifts`
    cash_refund_waiting        a refund of a cash payment waits to be handed out; see `ais cash pay-out`
    refund_at_provider         somebody gave money back at the provider's side; its coupons are still good
    ticket_numbers_exhausted   the carrier's ranges are used up; see `ais tickets add-range`
    notice_failed              a mail did not reach its mail server; see `ais notices list`
    reconciliation             something at the provider is not in the books as it is there; see `ais reconcile --past`
    overbooked_by_change       a change left more seats sold than there are; the leg cabin is closed for sale

    A matter is listed once, with what was found when it was raised. Exit code 0, also if there are none.
    """  # noqa: D301  # click reads \b as: keep these lines

    async def look(database: Database, _settings: Settings) -> list[StaffMatter]:
        async with database.connection() as connection:
            return await list_staff_queue(connection, with_resolved=every, limit=limit)

    found = with_database(output, look)
    output.document({"matters": found})
    if not found:
        output.say("Nothing waits for a person." if not every else "Nothing was ever put before a person.")
        return
    columns: tuple[str, ...] = ("Kind", "Subject", "Details", "Raised (UTC)")
    if every:
        columns += ("Resolved (UTC)", "By")
    output.table(columns, [_row(matter)[: len(columns)] for matter in found])


@staff.command("resolve")
@click.argument("kind")
@click.argument("subject")
@json_option
@click.pass_obj
def resolve(output: Output, kind: str, subject: str) -> None:
    """Close the open matter of KIND about SUBJECT, as `ais staff list` names them.

    It only says that a person has looked after it; nothing else is changed. If it happens again it is listed again.
    Exit code 1 if no such matter is open.
    """

    async def close(database: Database, _settings: Settings) -> bool:
        async with database.unit_of_work(actor()) as uow:
            return await resolve_staff_queue(uow, kind, subject)

    resolved = with_database(output, close)
    output.document({"kind": kind, "subject": subject, "resolved": resolved})
    if not resolved:
        output.note(f"No {kind} about {subject} is open.")
        end(NOT_SO)
    output.say(f"{kind} about {subject} is resolved.")


def _row(matter: StaffMatter) -> tuple[Any, ...]:
    return (
        matter.kind,
        matter.subject,
        [f"{name.replace('_', ' ')} {value}" for name, value in matter.details.items()],
        f"{matter.raised_at:%Y-%m-%d %H:%M:%S}",
        f"{matter.resolved_at:%Y-%m-%d %H:%M:%S}" if matter.resolved_at else None,
        matter.resolved_by,
    )
