"""``ais order``: what was sold."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from ais.app.cli.edge import with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.kit import decode_id, ids
from ais.kit.ids import OrderId
from ais.orders import Order, OrderBody, OrderFilter, OrderStatus, find_order, history_of, list_orders, order_body
from ais.platform.database import Connection, Database
from ais.platform.settings import Settings
from ais.ticketing import documents_of_order


class _Shown(msgspec.Struct):
    body: OrderBody
    history: list[dict[str, Any]]


@click.group()
def order() -> None:
    """What was sold: one order with its history, or a list."""


@order.command("show")
@click.argument("name", metavar="LOCATOR|ORDER_ID")
@json_option
@click.pass_obj
def show(output: Output, name: str) -> None:
    """Show an order: passengers, flights, documents, money, and everything that happened to it.

    It is named by its record locator or its id (ord_…). Exit code 1 if there is none.
    """

    async def look(database: Database, _settings: Settings) -> _Shown | None:
        async with database.connection() as connection:
            found = await _find(connection, name)
            if found is None:
                return None
            documents = await documents_of_order(connection, found.id)
            body = order_body(found, documents, now=database.clock.now(), language="en")
            return _Shown(body, await history_of(connection, found.id))

    shown = with_database(output, look)
    if shown is None:
        output.note(f"There is no order {name}.")
        output.document({"order": None, "history": []})
        end(NOT_SO)
    output.document({"order": shown.body, "history": shown.history})
    _tables(output, shown)


@order.command("list")
@click.option("--status", type=click.Choice([status.value for status in OrderStatus]), help="Only in this state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def list_(output: Output, status: str | None, limit: int) -> None:
    """List orders, the newest first. Exit code 0, also if there are none."""

    async def look(database: Database, _settings: Settings) -> list[Order]:
        wanted = OrderFilter(status=OrderStatus(status) if status else None, limit=limit)
        async with database.connection() as connection:
            return await list_orders(connection, wanted)

    found = with_database(output, look)
    columns = ("locator", "status", "payment", "tickets", "route", "departs_at", "passengers", "total", "created_at")
    rows = [
        (
            each.record_locator,
            each.status,
            each.payment_status,
            each.ticketing_status,
            [f"{one.origin}-{one.destination}" for one in each.slices],
            f"{each.first_departure_at:%Y-%m-%d %H:%M}",
            len(each.passengers),
            str(each.total),
            f"{each.created_at:%Y-%m-%d %H:%M:%S}",
        )
        for each in found
    ]
    output.document({"orders": [dict(zip(columns, row, strict=True)) for row in rows]})
    if not rows:
        output.say("There are no orders.")
        return
    headings = (
        "Locator",
        "Order",
        "Payment",
        "Tickets",
        "Route",
        "Departs (UTC)",
        "Passengers>",
        "Total>",
        "Made (UTC)",
    )
    output.table(headings, rows)


async def _find(connection: Connection, name: str) -> Order | None:
    order_id = decode_id(ids.ORDER, name.lower())
    if order_id is not None:
        return await find_order(connection, OrderId(order_id))
    found = await list_orders(connection, OrderFilter(record_locator=name.upper(), limit=1))
    return found[0] if found else None


def _tables(output: Output, shown: _Shown) -> None:
    body = shown.body
    output.say(f"{body.record_locator}  {body.display_status}  ({body.id})")
    due = f", to be paid by {body.payment_required_by:%Y-%m-%d %H:%M:%S} UTC" if body.payment_required_by else ""
    output.say(f"order {body.status}, payment {body.payment_status}, tickets {body.ticketing_status}{due}")
    output.table(
        ("Passenger", "Type", "Born", "Ticket", "Price>"),
        [
            (
                f"{passenger.family_name}/{passenger.given_name} {passenger.title or ''}".rstrip(),
                passenger.type,
                passenger.born_on,
                passenger.ticket_number,
                next((f"{item.total.amount} {item.total.currency}" for item in body.items
                      if item.passenger_id == passenger.id), None),
            )
            for passenger in body.passengers
        ],
    )  # fmt: skip
    output.table(
        ("Flight", "Route", "Departs", "Arrives", "Cabin", "Class", "Fare basis", "Segment", "Code"),
        [
            (
                f"{segment.marketing_carrier}{segment.flight_number}",
                f"{segment.origin}-{segment.destination}",
                f"{segment.departs_at:%Y-%m-%d %H:%M}",
                f"{segment.arrives_at:%Y-%m-%d %H:%M}",
                segment.cabin,
                segment.booking_class,
                segment.fare_basis,
                segment.status,
                segment.status_code,
            )
            for one in body.slices
            for segment in one.segments
        ],
    )
    if body.documents:
        output.table(
            ("Document", "State", "Coupon>", "Coupon state", "Value>"),
            [
                (document.number, document.status, coupon.number, coupon.status,
                 f"{coupon.value.amount} {coupon.value.currency}")
                for document in body.documents
                for coupon in document.coupons
            ],
        )  # fmt: skip
    output.say(
        f"total {body.total.amount}, paid {body.paid.amount}, refunded {body.refunded.amount}, "
        f"due {body.balance_due.amount} {body.total.currency}"
    )
    output.table(
        ("When (UTC)", "What", "From", "To", "Reason", "Who", "Channel"),
        [
            (f"{move['happened_at']:%Y-%m-%d %H:%M:%S}", move["axis"], move["from_state"], move["to_state"],
             move["reason"], move["actor"], move["channel"])
            for move in shown.history
        ],
        title="History",
    )  # fmt: skip
