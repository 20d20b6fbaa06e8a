"""``ais flight``: what happens to a flight, and to the orders on it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from ais.app.cli.edge import DAY, actor, with_database
from ais.app.cli.flights import FLIGHT_NUMBER, FlightNumber, flight_to_change
from ais.app.cli.output import Output, json_option
from ais.app.cli.reasons import reason_option
from ais.kit import encode_id, ids
from ais.platform.database import Database
from ais.platform.settings import Settings

if TYPE_CHECKING:
    from ais.app.schedule_import import FlightGivenUp


@click.group()
def flight() -> None:
    """What happens to a flight, and to the orders on it."""


@flight.command("cancel")
@click.argument("number", type=FLIGHT_NUMBER, metavar="FLIGHT")
@click.argument("day", type=DAY, metavar="DATE")
@reason_option
@click.option(
    "--refunds",
    type=click.Choice(["on-request", "automatic"]),
    default="on-request",
    show_default=True,
    help="Whether what was paid goes back by itself, or when its owner asks for it.",
)
@json_option
@click.pass_obj
def cancel(output: Output, number: FlightNumber, day: date, reason: str, refunds: str) -> None:
    """Cancel FLIGHT on DATE for good, and bring its orders to it.

    Its seats are closed at once. Workers then tell each order, end those that are not paid, and give back everything
    unflown with every fee: by themselves (--refunds automatic), or when the owner asks for a quote. Again, it changes
    nothing that is done. Exit code 1 if there is no such flight, or it has departed.
    """

    async def give_up(database: Database, _settings: Settings) -> FlightGivenUp:
        from ais.app.schedule_import import cancel_flight_for_orders

        with output.progress("Asking for each order to be told") as progress:
            async with database.unit_of_work(actor()) as uow:
                found = await flight_to_change(uow.connection, number, day)
                return await cancel_flight_for_orders(
                    uow, found.id, reason=reason, give_back=refunds == "automatic", progress=progress
                )

    done = with_database(output, give_up, tells=True)
    orders, passengers = len(done.sales.order_ids), done.sales.passengers
    output.document(
        {
            "flight": str(number),
            "date": day,
            "was_cancelled_before": done.changed is None,
            "refunds": refunds,
            "orders": [encode_id(ids.ORDER, order_id) for order_id in done.sales.order_ids],
            "passengers": passengers,
            "seats_sold": done.sales.seats_sold,
        }
    )
    was = "was cancelled before" if done.changed is None else "is cancelled"
    back = "goes back by itself" if refunds == "automatic" else "goes back when its owner asks for it"
    output.say(f"{number} on {day} {was}. {orders} orders with {passengers} passengers are told; their money {back}.")
