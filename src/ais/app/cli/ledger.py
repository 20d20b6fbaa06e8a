"""``ais ledger``: the books, and the proof that nobody has rewritten them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click
from msgspec import Struct

from ais.app.cli.edge import DAY, actor, with_database
from ais.app.cli.ledger_chain import CHAIN_COMMANDS
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.kit import Money, decode_id, ids, total
from ais.ledger import Account
from ais.ledger.repository.reports import PostingFilter, PostingRow, UnflownRow, postings
from ais.ledger.schemas import (
    BalanceBody,
    SalesBody,
    TrialBalanceBody,
    UnflownBody,
    body_of,
    posting_body,
    postings_as_csv,
    rows_as_csv,
)
from ais.ledger.service import reading
from ais.platform.database import Connection, Database
from ais.platform.settings import Settings
from ais.ticketing import OpenCoupons, open_coupon_values

Found = TypeVar("Found")
csv_option = click.option("--csv", "as_csv", is_flag=True, help="CSV instead of tables.")


@click.group()
def ledger() -> None:
    """The books: balances, sales, unflown value, postings; and the hash chain that shows if they were rewritten.

    A day ends at midnight in AIS_ACCOUNTING_TIMEZONE. Sums are debits less credits where one column shows both.
    """


for command in CHAIN_COMMANDS:
    ledger.add_command(command)


def _read(
    output: Output,
    work: Callable[[Connection, Database, ZoneInfo], Awaitable[Found]],
    report: str,
    *,
    exports: bool,
) -> Found:
    """What ``work`` finds on one snapshot; that a report left as a file is recorded."""

    async def look(database: Database, settings: Settings) -> Found:
        if exports:
            await reading.record_export(database, actor(), report, "csv")
        async with (
            database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await connection.execute("SET LOCAL statement_timeout = 0")
            return await work(connection, database, ZoneInfo(settings.accounting_timezone))

    return with_database(output, look)


def _say(output: Output, name: str, rows: list[Any], kind: type[Struct], *, as_csv: bool, **head: Any) -> None:
    """The rows as a table, as one JSON document under ``name``, or as CSV."""
    if as_csv:
        click.echo(rows_as_csv(rows, kind), nl=False)
        return
    output.document({**head, name: [body_of(kind, row) for row in rows]})
    fields = kind.__struct_fields__
    used = [name for name in fields if any(getattr(row, name) is not None for row in rows)]
    money = {name for name in used if rows and isinstance(getattr(rows[0], name), Money)}
    output.table(
        [name.replace("_", " ").capitalize() + (">" if name in money else "") for name in used],
        [[_shown(getattr(row, name)) for name in used] for row in rows],
    )


def _shown(value: Any) -> Any:
    return value.amount if isinstance(value, Money) else value


@ledger.command("balances")
@click.option("--on", "day", type=DAY, help="At the end of this day; today if it is not given.")
@click.option("--details", is_flag=True, help="Taxes by authority and code, cash by office and shift, and so on.")
@csv_option
@json_option
@click.pass_obj
def balances(output: Output, day: date | None, details: bool, as_csv: bool) -> None:
    """Show what stands on each account, by currency. Exit code 0, also if nothing was ever posted."""

    async def look(connection: Connection, database: Database, zone: ZoneInfo) -> tuple[date, list[Any]]:
        chosen = day or reading.today(database, zone)
        return chosen, await reading.balances_on(connection, chosen, zone, details=details)

    chosen, rows = _read(output, look, "balances", exports=as_csv)
    _say(output, "balances", rows, BalanceBody, as_csv=as_csv, as_of=chosen)


@ledger.command("trial-balance")
@click.argument("first", type=DAY)
@click.argument("last", type=DAY, required=False)
@csv_option
@json_option
@click.pass_obj
def trial_balance(output: Output, first: date, last: date | None, as_csv: bool) -> None:
    """Show each account from the day FIRST to the day LAST (today): opening + debits - credits = closing.

    Exit code 1 if the closings of a currency do not sum to zero.
    """

    async def look(connection: Connection, database: Database, zone: ZoneInfo) -> tuple[date, list[Any]]:
        until = last or reading.today(database, zone)
        return until, await reading.trial_balance_of(connection, first, until, zone)

    until, rows = _read(output, look, "trial-balance", exports=as_csv)
    _say(output, "trial_balance", rows, TrialBalanceBody, as_csv=as_csv, first_day=first, last_day=until)
    currencies = sorted({row.currency for row in rows})
    sums = [total([row.closing for row in rows if row.currency == each], each) for each in currencies]
    if not as_csv:
        output.say(" ".join(f"{each} balances." if not each else f"{each} is too much." for each in sums))
    if any(sums):
        end(NOT_SO)


@ledger.command("daily-sales")
@click.option("--on", "day", type=DAY, help="The day; today if it is not given.")
@csv_option
@json_option
@click.pass_obj
def daily_sales(output: Output, day: date | None, as_csv: bool) -> None:
    """Show what was sold and given back on a day, by channel, seller, form of payment, item, tax and currency.

    Exit code 0, also if nothing was sold.
    """

    async def look(connection: Connection, database: Database, zone: ZoneInfo) -> tuple[date, list[Any]]:
        chosen = day or reading.today(database, zone)
        return chosen, await reading.sales_of(connection, chosen, zone)

    chosen, rows = _read(output, look, "daily-sales", exports=as_csv)
    _say(output, "sales", rows, SalesBody, as_csv=as_csv, day=chosen)


@ledger.command("unflown")
@click.option("--on", "day", type=DAY, help="At the end of this day; today if it is not given.")
@csv_option
@json_option
@click.pass_obj
def unflown(output: Output, day: date | None, as_csv: bool) -> None:
    """Show what is owed as carriage, and hold it against the coupons that could still be used then.

    The second sum is worked out from the coupons and their moves alone. Exit code 1 if the two differ.
    """

    async def look(
        connection: Connection, database: Database, zone: ZoneInfo
    ) -> tuple[date, list[UnflownRow], list[OpenCoupons]]:
        chosen = day or reading.today(database, zone)
        rows = await reading.unflown_on(connection, chosen, zone)
        return chosen, rows, await open_coupon_values(connection, reading.end_of(chosen, zone))

    chosen, rows, coupons = _read(output, look, "unflown", exports=as_csv)
    owed = {
        (account, each.currency): money
        for each in coupons
        for account, money in (
            (Account.UNFLOWN_FARE, each.fare),
            (Account.UNFLOWN_CARRIER_CHARGES, each.carrier_charges),
        )
        if money
    }
    differ = owed != {(row.account, row.currency): row.liability for row in rows}
    _say(
        output,
        "unflown",
        rows,
        UnflownBody,
        as_csv=as_csv,
        as_of=chosen,
        coupons=sum(each.coupons for each in coupons),
        equals_coupons=not differ,
    )
    if not as_csv:
        for each in coupons:
            output.say(f"{each.coupons} open coupons: fares {each.fare}, carrier charges {each.carrier_charges}.")
        output.say("The books and the coupons differ." if differ else "The books and the coupons agree.")
    if differ:
        end(NOT_SO)


class OrderReference(click.ParamType[str]):
    """The id of an order as the API gives it."""

    name = "order"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if decode_id(ids.ORDER, str(value)) is None:
            self.fail(f"{value!r} is not the id of an order, such as ord_01jc….", param, ctx)
        return str(value)


@ledger.command("postings")
@click.option("--order", type=OrderReference(), help="Only those of this order (ord_…).")
@click.option("--kind", help="Only of this kind, such as captured.")
@click.option("--account", type=click.Choice([each.value for each in Account]), help="Only those with this account.")
@click.option("--from", "first", type=DAY, help="Not before this day.")
@click.option("--until", "last", type=DAY, help="Not after this day.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@csv_option
@json_option
@click.pass_obj
def list_postings(
    output: Output,
    order: str | None,
    kind: str | None,
    account: str | None,
    first: date | None,
    last: date | None,
    limit: int,
    as_csv: bool,
) -> None:
    """List postings with their entries, the latest first. Exit code 0, also if there are none."""

    async def look(connection: Connection, _database: Database, zone: ZoneInfo) -> list[PostingRow]:
        wanted = PostingFilter(
            order_id=decode_id(ids.ORDER, order) if order else None,
            kind=kind,
            account=Account(account) if account else None,
            happened_from=reading.begin_of(first, zone) if first else None,
            happened_until=reading.end_of(last, zone) if last else None,
            limit=limit,
        )
        return await postings(connection, wanted)

    found = [posting_body(row) for row in _read(output, look, "postings", exports=as_csv)]
    if as_csv:
        click.echo(postings_as_csv(found), nl=False)
        return
    output.document({"postings": found})
    if not found:
        output.say("There are no such postings.")
        return
    rows: list[tuple[Any, ...]] = []
    for posting in found:
        for number, entry in enumerate(posting.entries):
            head = (
                (f"{posting.happened_at:%Y-%m-%d %H:%M:%S}", posting.kind, posting.cause_id, posting.channel)
                if number == 0
                else ("", "", "", "")
            )
            side = entry.debit or entry.credit
            details = [value for value in (entry.authority, entry.code, entry.provider, entry.office) if value]
            rows.append(
                (*head, entry.account, " ".join(details), entry.debit.amount if entry.debit else "",
                 entry.credit.amount if entry.credit else "", side.currency if side else "")
            )  # fmt: skip
    output.table(("Happened (UTC)", "Kind", "Cause", "Channel", "Account", "Of", "Debit>", "Credit>", "Currency"), rows)
