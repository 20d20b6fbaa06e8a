"""``ais audit``: who did what, and the proof that nobody has rewritten it."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from ais.accounts.audit import CHAIN, EntryFilter, EntryRow, search_entries
from ais.accounts.audit.exporting import EntryGone, export_trail
from ais.accounts.audit.schemas import entry_body
from ais.app.cli.chain import chain_command, export_command, verify_command
from ais.app.cli.edge import actor, with_database
from ais.app.cli.output import Output, json_option
from ais.kit import decode_id, ids
from ais.platform.database import Database
from ais.platform.settings import Settings


@click.group()
def audit() -> None:
    """The audit trail: search, export, and the hash chain that shows if it was rewritten."""


audit.add_command(verify_command(CHAIN, "entries"))
audit.add_command(chain_command(CHAIN, "entries", lambda settings: settings.audit_heads_dir))
audit.add_command(export_command("entry", "entries", export_trail, EntryGone, "docs/verify_audit_export.py"))


class Instant(click.ParamType[datetime]):
    """A date or an instant as ISO 8601 writes it, in UTC if it says nothing else."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not an instant such as 2027-03-28T09:30.", param, ctx)


@audit.command("search")
@click.option("--actor", "who", metavar="ID", help="By this actor: an id, or kind:id such as staff:usr_….")
@click.option("--subject", metavar="ID", help="Done to this: ord_…, pay_…, fare:12.")
@click.option("--action", help="This action, or all of an area: order.cancelled, or order.")
@click.option("--order", metavar="ID", help="About this order, whatever it was done to (ord_…).")
@click.option("--correlation-id", metavar="ID", help="By this request, its jobs included.")
@click.option("--from", "first", type=Instant(), help="Not before this instant or day.")
@click.option("--to", "last", type=Instant(), help="Before this instant or day.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def search(
    output: Output,
    who: str | None,
    subject: str | None,
    action: str | None,
    order: str | None,
    correlation_id: str | None,
    first: datetime | None,
    last: datetime | None,
    limit: int,
) -> None:
    """List entries, the latest first. The search is an entry itself. Exit code 0, also if there are none."""
    order_id = decode_id(ids.ORDER, order) if order else None
    if order and order_id is None:
        raise click.BadParameter(f"{order!r} is not the id of an order.", param_hint="--order")

    async def look(database: Database, _settings: Settings) -> list[EntryRow]:
        wanted = EntryFilter(
            actor=who,
            subject=subject,
            action=action,
            order_id=order_id,
            correlation_id=correlation_id,
            occurred_from=first,
            occurred_until=last,
            limit=limit,
        )
        async with database.unit_of_work(actor()) as uow:
            return await search_entries(uow, wanted)

    found = [entry_body(row) for row in with_database(output, look)]
    output.document({"entries": found})
    if not found:
        output.say("There are no such entries.")
        return
    output.table(
        ("When (UTC)", "Who", "Did", "To", "From where", "Request"),
        [
            (f"{each.occurred_at:%Y-%m-%d %H:%M:%S}", each.actor, each.action, each.subject,
             each.origin, each.correlation_id)
            for each in found
        ],
    )  # fmt: skip
