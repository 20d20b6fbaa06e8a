"""``ais departure``: who flew."""

from __future__ import annotations

from datetime import date
from typing import TextIO

import click
import msgspec

from ais.app.cli.edge import DAY, actor, with_database
from ais.app.cli.flights import FLIGHT_NUMBER, FlightNumber, flight_to_change
from ais.app.cli.output import Output, json_option
from ais.orders import ClosedDeparture, close_departure, read_list
from ais.platform.database import Database
from ais.platform.settings import Settings


@click.group()
def departure() -> None:
    """Who flew."""


@departure.command("close")
@click.argument("number", type=FLIGHT_NUMBER, metavar="FLIGHT")
@click.argument("day", type=DAY, metavar="DATE")
@click.option(
    "--list",
    "source",
    type=click.File("r", encoding="utf-8", errors="replace"),
    required=True,
    help='A CSV with the heading "ticket,coupon,locator,name,status" ("-": standard input).',
)
@click.option("--early", is_flag=True, help="Close it more than two hours before it leaves.")
@json_option
@click.pass_obj
def close(output: Output, number: FlightNumber, day: date, source: TextIO, early: bool) -> None:
    """Close FLIGHT on DATE by a list of who boarded.

    Each line names a coupon, by its ticket number (and coupon, where a ticket has several on this flight) or by record
    locator and name as on the ticket (AL HARBI/SARA), and says boarded or no_show. Coupons of those who boarded are
    flown; everybody else did not come. The list is refused as a whole, each wrong line named, with exit code 1; the
    same list again changes nothing.
    """
    listed = read_list(source.read())

    async def shut(database: Database, _settings: Settings) -> ClosedDeparture:
        with output.waiting("Closing the departure"):
            async with database.unit_of_work(actor()) as uow:
                found = await flight_to_change(uow.connection, number, day)
                return await close_departure(uow, found.id, listed, early=early)

    done = with_database(output, shut, tells=True)
    output.document({"flight": str(number), "date": day, **msgspec.to_builtins(done)})
    output.say(
        f"{number} on {day} is closed: {done.flown} flown, {done.no_show} did not come, {done.unchanged} were closed"
        f" before; {done.orders} orders, {done.completed} of them completed."
    )
