"""``ais refunds``: money on its way back, and the way to try again what failed."""

from __future__ import annotations

from datetime import datetime

import click

from ais.app.cli.edge import actor, with_database
from ais.app.cli.output import Output, json_option
from ais.kit import decode_id, encode_id, ids
from ais.kit.ids import RefundId
from ais.payments import Refund, RefundDestination, RefundStatus, list_refunds, retry_refund
from ais.platform.database import Database
from ais.platform.settings import Settings


@click.group()
def refunds() -> None:
    """Money on its way back."""


@refunds.command("list")
@click.option("--status", type=click.Choice([status.value for status in RefundStatus]), help="Only in this state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def list_(output: Output, status: str | None, limit: int) -> None:
    """List refunds, the newest first. Exit code 0, also if there are none."""

    async def look(database: Database, _settings: Settings) -> list[tuple[Refund, str | None, datetime]]:
        async with database.connection() as connection:
            return await list_refunds(connection, status=RefundStatus(status) if status else None, limit=limit)

    rows = [
        (
            encode_id(ids.REFUND, refund.id),
            encode_id(ids.ORDER, refund.order_id),
            str(refund.amount),
            refund.status,
            refund.destination,
            refund.reason,
            failure,
            f"{begun:%Y-%m-%d %H:%M:%S}",
        )
        for refund, failure, begun in with_database(output, look)
    ]
    columns = ("id", "order", "amount", "status", "to", "reason", "failure", "begun_at")
    output.document({"refunds": [dict(zip(columns, row, strict=True)) for row in rows]})
    if not rows:
        output.say("There are no refunds.")
        return
    output.table(("Refund", "Order", "Amount>", "State", "To", "Reason", "Failure", "Begun (UTC)"), rows)


@refunds.command("retry")
@click.argument("refund", metavar="REFUND_ID")
@click.option("--to-credit", is_flag=True, help="As travel credit, for a card that no longer exists.")
@json_option
@click.pass_obj
def retry(output: Output, refund: str, to_credit: bool) -> None:
    """Begin a refund that failed once more, as a new refund; asking twice begins one."""
    refund_id = decode_id(ids.REFUND, refund)
    if refund_id is None:
        raise click.UsageError(f"{refund!r} is not the id of a refund.")
    to = RefundDestination.TRAVEL_CREDIT if to_credit else RefundDestination.ORIGINAL_PAYMENT

    async def again(database: Database, _settings: Settings) -> Refund:
        async with database.unit_of_work(actor()) as uow:
            return await retry_refund(uow, RefundId(refund_id), to)

    begun = with_database(output, again, tells=True)
    new_id = encode_id(ids.REFUND, begun.id)
    output.document({"refund": {"id": new_id, "status": begun.status, "amount": str(begun.amount)}})
    output.say(f"{new_id}: {begun.amount} {begun.status}")
