"""``ais order``: what was sold, and giving it up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click
import msgspec

from ais.accounts import ApprovalBody
from ais.app.cli.edge import actor, with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.app.cli.reasons import reason_option
from ais.kit import Money, decode_id, ids
from ais.kit.ids import CancellationQuoteId, OrderId
from ais.orders import (
    EVERYTHING,
    CancellationQuoteBody,
    CancelOrder,
    Order,
    OrderBody,
    OrderFilter,
    OrderNotFound,
    OrderStatus,
    RefundTo,
    RetimeRule,
    confirm_quote,
    find_order,
    history_of,
    list_orders,
    masked,
    note_personal_read,
    open_people,
    order_body,
    quote_cancellation,
    release_order,
    void_order,
    wish_of,
)
from ais.platform.database import Connection, Database
from ais.platform.idempotency import Answer, RequestKey, fingerprint
from ais.platform.settings import Settings
from ais.platform.telemetry import CORRELATION_ID
from ais.platform.vault import HIDDEN, open_texts
from ais.ticketing import documents_of_order


class _Shown(msgspec.Struct):
    body: OrderBody
    history: list[dict[str, Any]]


@click.group()
def order() -> None:
    """What was sold: one order with its history, or a list."""


@order.command("show")
@click.argument("name", metavar="LOCATOR|ORDER_ID")
@click.option("--personal", is_flag=True, help="Contact, dates of birth, documents and reasons in full; it is audited.")
@json_option
@click.pass_obj
def show(output: Output, name: str, personal: bool) -> None:
    """Show an order: passengers, flights, documents, money, and everything that happened to it.

    It is named by its record locator or its id (ord_…). Contact and dates of birth are masked. Exit code 1 if there is
    none.
    """

    async def look(database: Database, _settings: Settings) -> _Shown | None:
        async with database.unit_of_work(actor()) as uow:
            found = await _find(uow.connection, name)
            if found is None:
                return None
            people = open_people(database.vault, found)
            if personal:
                await note_personal_read(uow, found)
            else:
                people = masked(people)
            documents = await documents_of_order(uow.connection, found.id)
            body = order_body(found, people, documents, now=database.clock.now(), language="en")
            history = await history_of(uow.connection, found.id)
            written = await open_texts(uow.connection, uow.vault, [move["reason"] for move in history])
            for move, each in zip(history, written, strict=True):
                move["reason"] = each.text if personal or each.key is None else HIDDEN
            return _Shown(body, history)

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
        wanted = OrderFilter(scope=EVERYTHING, status=OrderStatus(status) if status else None, limit=limit)
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
    output.limited(limit, len(rows))


@order.command("cancel")
@click.argument("name", metavar="LOCATOR|ORDER_ID")
@click.option("--passenger", "passengers", multiple=True, help="Only this passenger (pas_…); repeat.")
@click.option("--segment", "segments", multiple=True, help="Only this flight (seg_…), with its slice; repeat.")
@click.option(
    "--refund-to",
    type=click.Choice([each.value for each in RefundTo]),
    default=RefundTo.ORIGINAL_PAYMENT.value,
    show_default=True,
    help="Where the money goes.",
)
@click.option("--yes", is_flag=True, help="Confirm the quote at once.")
@json_option
@click.pass_obj
def cancel(
    output: Output, name: str, passengers: tuple[str, ...], segments: tuple[str, ...], refund_to: str, yes: bool
) -> None:
    """Quote what comes back if an order, or a part of it, is given up; with --yes give it up.

    The fare's rules decide, or, where the airline has cancelled or changed a flight, everything unflown comes back.
    Above AIS_REFUND_APPROVAL_ABOVE it waits for a second person, who has signed in. Exit code 1 if there is no such
    order, or nothing of it can be given up.
    """

    async def give_up(database: Database, settings: Settings) -> tuple[CancellationQuoteBody, _Done | None]:
        async with database.connection() as connection:
            found = await _find(connection, name)
        if found is None:
            raise OrderNotFound
        services = _services(settings, database)
        wish = wish_of(passengers or None, segments or None, refund_to)
        who, correlation = actor(), CORRELATION_ID.get()
        quoted = await quote_cancellation(services, who, correlation, None, found.id, wish, "en")
        quote = msgspec.json.decode(quoted.body, type=CancellationQuoteBody)
        if not yes:
            return quote, None
        quote_id = decode_id(ids.CANCELLATION_QUOTE, quote.id)
        assert quote_id is not None
        # The quote is this command's own: its id is the key, so that nothing can be done twice.
        key = RequestKey(f"cli cancel {quote.id}", quote.id, fingerprint({}))
        answer = await confirm_quote(services, who, correlation, key, CancellationQuoteId(quote_id), "en")
        return quote, _done(answer)

    quote, done = with_database(output, give_up, tells=True)
    output.document({"quote": quote, **_told(done)})
    output.table(
        ("Passenger", "Flight", "Kind", "Code", "Paid>", "Kept>", "Back>", "Rule"),
        [
            (line.passenger_id, line.segment_id, line.kind, line.code, line.paid.amount, line.kept.amount,
             line.refunded.amount, line.rule)
            for line in quote.lines
        ],
    )  # fmt: skip
    output.say(f"fee {quote.fee.amount}, comes back {quote.refund.amount} {quote.refund.currency}")
    if done is None:
        output.say(
            f"Nothing is given up yet: --yes confirms it, or the quote {quote.id} until {quote.expires_at:%H:%M} UTC."
        )
    elif isinstance(done, ApprovalBody):
        _say_waits(output, done)
    else:
        is_owed = Money.parse(quote.refund.amount, quote.refund.currency).minor > 0
        what_follows = "the refund is under way" if is_owed else "nothing comes back"
        output.say(f"{done.record_locator} is {done.status}; {what_follows}.")


@order.command("void")
@click.argument("name", metavar="LOCATOR|ORDER_ID")
@click.option("--passenger", "passengers", multiple=True, help="Only this passenger's (pas_…); repeat.")
@reason_option
@json_option
@click.pass_obj
def void(output: Output, name: str, passengers: tuple[str, ...], reason: str) -> None:
    """Undo the documents of an order on their day of issue: all that was paid for them goes back, whatever the fare's
    rules say. Above AIS_REFUND_APPROVAL_ABOVE it waits for a second person, who has signed in.

    Exit code 1 if there is no such order, a coupon is not open any more, or the day of issue is over.
    """

    async def undo(database: Database, settings: Settings) -> _Done:
        async with database.connection() as connection:
            found = await _find(connection, name)
        if found is None:
            raise OrderNotFound
        services = _services(settings, database)
        only = wish_of(passengers or None, None).passenger_ids
        answer = await void_order(services, actor(), CORRELATION_ID.get(), None, found.id, reason, "en", only)
        return _done(answer)

    done = with_database(output, undo, tells=True)
    output.document(_told(done))
    if isinstance(done, ApprovalBody):
        _say_waits(output, done)
    else:
        output.say(f"{done.record_locator} is {done.ticketing_status.replace('_', ' ')}; the refund is under way.")


@order.command("release")
@click.argument("name", metavar="LOCATOR|ORDER_ID")
@reason_option
@json_option
@click.pass_obj
def release(output: Output, name: str, reason: str) -> None:
    """Let the passengers of an order fly although a bank has taken its money for good: their coupons are open again.

    Exit code 1 if there is no such order, the bank still decides, or no coupon is suspended. To give the seats back
    instead: `ais order cancel`.
    """

    async def free(database: Database, _settings: Settings) -> tuple[Order, int]:
        async with database.unit_of_work(actor()) as uow:
            found = await _find(uow.connection, name)
            if found is None:
                raise OrderNotFound
            return found, await release_order(uow, found.id, reason)

    found, released = with_database(output, free)
    output.document({"record_locator": found.record_locator, "coupons": released})
    output.say(f"{found.record_locator}: {released} coupons are open again.")


_Done = OrderBody | ApprovalBody
"""What became of it: done, or it waits for a second person."""


def _services(settings: Settings, database: Database) -> CancelOrder:
    from ais.app.composition import open_gateways
    from ais.app.rights import refund_limits

    return CancelOrder(
        database,
        open_gateways(settings, database),
        timedelta(minutes=settings.quote_minutes),
        settings.accounting_timezone,
        timedelta(minutes=settings.step_up_minutes),
        refund_limits=refund_limits(settings),
        retime_rule=RetimeRule(settings.moved_above),
    )


def _done(answer: Answer) -> _Done:
    if answer.status == 202:
        return msgspec.json.decode(answer.body, type=ApprovalBody)
    return msgspec.json.decode(answer.body, type=OrderBody)


def _told(done: _Done | None) -> dict[str, Any]:
    waits = isinstance(done, ApprovalBody)
    return {"order": None if waits else done, "approval": done if waits else None}


def _say_waits(output: Output, approval: ApprovalBody) -> None:
    until = f"{approval.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    output.say(f"{approval.id} waits for a second person until {until}; nothing is done yet.")


async def _find(connection: Connection, name: str) -> Order | None:
    order_id = decode_id(ids.ORDER, name.lower())
    if order_id is not None:
        return await find_order(connection, OrderId(order_id))
    found = await list_orders(connection, OrderFilter(scope=EVERYTHING, record_locator=name.upper(), limit=1))
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
                f"{passenger.family_name or ''}/{passenger.given_name or ''} {passenger.title or ''}".rstrip(),
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
