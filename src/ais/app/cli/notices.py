"""``ais notices``: what people were told, and the way back for what did not reach them."""

from __future__ import annotations

from uuid import UUID

import click

from ais.app.cli.edge import actor, with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.kit import decode_id, encode_id, ids
from ais.notifications import NOTICE_PREFIX, Notice, NoticeStatus, list_notices, retry_notices
from ais.platform.database import Database
from ais.platform.settings import Settings


@click.group()
def notices() -> None:
    """What people are told about their orders by mail."""


@notices.command("list")
@click.option("--status", type=click.Choice([str(status) for status in NoticeStatus]), help="Only of this status.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def list_(output: Output, status: str | None, limit: int) -> None:
    """List notices, the failed first, then the newest.

    waiting: to be sent, or to be tried again; sent: the mail server has it; failed: the server refused it for good, or
    took none for a day, and it waits for you (see `ais notices retry`); withdrawn: no longer true when its turn came.
    Exit code 0, also if there are none.
    """

    async def look(database: Database, _settings: Settings) -> list[Notice]:
        async with database.connection() as connection:
            return await list_notices(connection, status=NoticeStatus(status) if status else None, limit=limit)

    found = with_database(output, look)
    output.document({"notices": [_document(notice) for notice in found]})
    if not found:
        output.say("There is no such notice.")
        return
    output.table(
        ("Id", "Kind", "Order", "Language", "Status", "Tries>", "Written (UTC)", "Last error"),
        [
            (
                notice.public_id,
                notice.kind,
                _order(notice),
                notice.language,
                notice.status,
                notice.attempts,
                f"{notice.created_at:%Y-%m-%d %H:%M:%S}",
                notice.last_error,
            )
            for notice in found
        ],
    )


@notices.command("retry")
@click.argument("notice_ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "every", is_flag=True, help="All failed notices.")
@json_option
@click.pass_obj
def retry(output: Output, notice_ids: tuple[str, ...], every: bool) -> None:
    """Let failed notices be sent again, with a day of their own, to the address that their orders have now.

    Exit code 1 if one of those named was left as it is, because it has not failed.
    """
    if every == bool(notice_ids):
        raise click.UsageError("Name the failed notices (ntc_…), or say --all.")
    wanted = [(text, decode_id(NOTICE_PREFIX, text)) for text in notice_ids]
    unknown = [text for text, identifier in wanted if identifier is None]
    if unknown:
        raise click.UsageError(f"{unknown[0]} is no notice: they are named ntc_…")

    async def bring_back(database: Database, _settings: Settings) -> list[UUID]:
        async with database.unit_of_work(actor()) as uow:
            return await retry_notices(uow, None if every else [found for _, found in wanted if found is not None])

    revived = set(with_database(output, bring_back))
    left = [text for text, identifier in wanted if identifier not in revived]
    output.document({"retried": [encode_id(NOTICE_PREFIX, each) for each in sorted(revived)], "left": left})
    output.say(f"{len(revived)} notices wait again.")
    if left:
        output.note(f"Left as they are: {', '.join(left)}.")
        end(NOT_SO)


def _order(notice: Notice) -> str | None:
    """The order that it is about; None for an account's."""
    return encode_id(ids.ORDER, notice.order_id) if notice.order_id is not None else None


def _document(notice: Notice) -> dict[str, object]:
    return {
        "id": notice.public_id,
        "kind": notice.kind,
        "order_id": _order(notice),
        "language": notice.language,
        "status": notice.status,
        "attempts": notice.attempts,
        "created_at": notice.created_at,
        "sent_at": notice.sent_at,
        "next_try_at": notice.next_try_at if notice.status is NoticeStatus.WAITING else None,
        "last_error": notice.last_error,
    }
