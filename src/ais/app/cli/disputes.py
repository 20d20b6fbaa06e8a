"""``ais disputes``: what payers dispute at their banks."""

from __future__ import annotations

import click

from ais.app.cli.edge import with_database
from ais.app.cli.output import Output, json_option
from ais.kit import encode_id, ids
from ais.payments import Dispute, disputes_to_answer
from ais.platform.database import Database
from ais.platform.settings import Settings


@click.group()
def disputes() -> None:
    """What payers dispute at their banks; evidence is given at the provider."""


@disputes.command("list")
@click.option("--open", "only_open", is_flag=True, help="Only those that are not decided.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def list_(output: Output, only_open: bool, limit: int) -> None:
    """List disputes, the open ones first, those first whose answer is due first."""

    async def look(database: Database, _settings: Settings) -> list[Dispute]:
        async with database.connection() as connection:
            return await disputes_to_answer(connection, only_open=only_open, limit=limit)

    rows = [
        (
            encode_id(ids.DISPUTE, each.id),
            encode_id(ids.ORDER, each.order_id),
            each.provider_dispute_id,
            each.status,
            str(each.amount),
            each.reason,
            f"{each.answer_by:%Y-%m-%d %H:%M}" if each.answer_by is not None else None,
        )
        for each in with_database(output, look)
    ]
    columns = ("id", "order", "at_provider", "status", "amount", "reason", "answer_by")
    output.document({"disputes": [dict(zip(columns, row, strict=True)) for row in rows]})
    if not rows:
        output.say("There are no disputes.")
        return
    output.table(("Dispute", "Order", "At the provider", "State", "Amount>", "Reason", "Answer by (UTC)"), rows)
