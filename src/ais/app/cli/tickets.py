"""``ais tickets``: the ranges that ticket numbers come from."""

from __future__ import annotations

import click

from ais.app.cli.edge import CARRIER, actor, with_database
from ais.app.cli.output import Output, json_option
from ais.platform.database import Database
from ais.platform.settings import Settings
from ais.ticketing import NumberRange, add_number_range, number_ranges

SERIAL = click.IntRange(0, 9_999_999_999)


@click.group()
def tickets() -> None:
    """Where ticket numbers come from."""


@tickets.command("add-range")
@click.argument("carrier", type=CARRIER)
@click.argument("accounting_code")
@click.argument("first", type=SERIAL)
@click.argument("last", type=SERIAL)
@json_option
@click.pass_obj
def add_range(output: Output, carrier: str, accounting_code: str, first: int, last: int) -> None:
    """Give CARRIER the serials FIRST to LAST for its tickets, whose numbers begin with ACCOUNTING_CODE.

    Orders that wait for ticket numbers get them by themselves soon after. Giving the same range again changes nothing;
    a range that overlaps another is refused, and so is the accounting code of another carrier: the exit code is 1 then.
    """

    async def add(database: Database, _settings: Settings) -> bool:
        async with database.unit_of_work(actor()) as uow:
            return await add_number_range(uow, carrier, accounting_code, first, last)

    added = with_database(output, add)
    output.document(
        {"carrier": carrier, "accounting_code": accounting_code, "first": first, "last": last, "added": added}
    )
    numbers = f"{accounting_code}{first:010} to {accounting_code}{last:010}"
    output.say(
        f"{carrier} has {last - first + 1} numbers more: {numbers}."
        if added
        else f"{carrier} has {numbers} already: nothing changed."
    )


@tickets.command("ranges")
@click.option("--carrier", type=CARRIER, help="Only ranges of this carrier.")
@json_option
@click.pass_obj
def ranges(output: Output, carrier: str | None) -> None:
    """List the ranges with how many of their numbers are used and left. Exit code 0, also if there are none."""

    async def look(database: Database, _settings: Settings) -> list[NumberRange]:
        async with database.connection() as connection:
            return await number_ranges(connection, carrier)

    found = with_database(output, look)
    output.document(
        {
            "ranges": [
                {name: getattr(each, name) for name in (*each.__struct_fields__, "left")}
                for each in found
            ]
        }
    )  # fmt: skip
    if not found:
        output.say("There are no ranges of ticket numbers.")
        return
    output.table(
        ("Carrier", "Code", "First>", "Last>", "Used>", "Left>", "Added (UTC)"),
        [
            (each.carrier, each.accounting_code, f"{each.first:010}", f"{each.last:010}", each.used, each.left,
             f"{each.added_at:%Y-%m-%d %H:%M:%S}")
            for each in found
        ],
    )  # fmt: skip
