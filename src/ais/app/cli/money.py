"""``ais agency``, ``ais cash``, ``ais credit``: money that the airline keeps itself."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import click
import msgspec

from ais.app.cli.edge import actor, with_database
from ais.app.cli.outcome import NOT_SO, end
from ais.app.cli.output import Output, json_option
from ais.app.cli.reasons import reason_option
from ais.kit import Money, decode_id, encode_id, ids
from ais.kit.ids import CashShiftId, OrderId, RefundId
from ais.orders import EVERYTHING, OrderFilter, PaymentBody, PaymentChoice, list_orders, pay_order
from ais.payments import (
    Agency,
    AgencyMovement,
    CashReceipt,
    CashShift,
    PaymentMethod,
    agency_statement,
    close_shift,
    create_agency,
    create_office,
    credit_movements,
    find_agency,
    find_credit_by_code,
    find_transfer,
    list_agencies,
    list_shifts,
    open_shift,
    pay_out_refund,
    set_credit_limit,
    statement_csv,
    statement_exported,
    top_up_agency,
    write_off_difference,
)
from ais.platform.database import Database
from ais.platform.idempotency import RequestKey, fingerprint
from ais.platform.settings import Settings
from ais.platform.telemetry import CORRELATION_ID


class Sum(click.ParamType[Money]):
    """A sum such as ``1250.00 SAR``."""

    name = "sum"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Money:
        if isinstance(value, Money):
            return value
        amount, _, currency = str(value).partition(" ")
        try:
            money = Money.parse(amount, currency.upper())
        except ValueError:
            self.fail(f"{value!r} is not a sum such as '1250.00 SAR'.", param, ctx)
        if money.minor < 0:
            self.fail("a sum is not below zero.", param, ctx)
        return money


SUM = Sum()


@click.group()
def agency() -> None:
    """Agencies: their deposits, credit limits and statements."""


@agency.command("create")
@click.argument("code")
@click.argument("name")
@click.option("--credit-limit", type=SUM, required=True, help="How much it may owe, such as '0.00 SAR'.")
@json_option
@click.pass_obj
def agency_create(output: Output, code: str, name: str, credit_limit: Money) -> None:
    """Take an agency on, in the currency of its credit limit, with no deposit yet."""

    async def work(database: Database, _settings: Settings) -> Agency:
        async with database.unit_of_work(actor()) as uow:
            return await create_agency(uow, code.upper(), name, credit_limit)

    _show_agencies(output, [with_database(output, work)])


@agency.command("list")
@json_option
@click.pass_obj
def agency_list(output: Output) -> None:
    """List all agencies with what they have and may owe."""

    async def look(database: Database, _settings: Settings) -> list[Agency]:
        async with database.connection() as connection:
            return await list_agencies(connection)

    _show_agencies(output, with_database(output, look))


@agency.command("top-up")
@click.argument("code")
@click.argument("amount", type=SUM)
@click.option("--reference", required=True, help="The bank's reference of the transfer.")
@click.option("--again", is_flag=True, help="It is another transfer than the one that has this reference already.")
@json_option
@click.pass_obj
def agency_top_up(output: Output, code: str, amount: Money, reference: str, again: bool) -> None:
    """Note money of the agency that the bank has received.

    Once for each reference: exit code 1, and nothing is changed, if it was noted before.
    """
    if not amount:
        raise click.UsageError("Nothing was received.")

    async def work(database: Database, _settings: Settings) -> tuple[Agency, AgencyMovement | None]:
        found = await _agency_of(database, code)
        async with database.unit_of_work(actor()) as uow:
            known = None if again else await find_transfer(uow, found.id, reference)
            if known is None:
                await top_up_agency(uow, found.id, amount, reference)
        return await _agency_of(database, code), known

    found, known = with_database(output, work)
    _show_agencies(output, [found])
    if known is not None:
        output.note(f"{known.amount} were noted for {reference} on {known.recorded_at:%Y-%m-%d}: nothing is changed.")
        end(NOT_SO)


@agency.command("set-limit")
@click.argument("code")
@click.argument("credit_limit", type=SUM)
@json_option
@click.pass_obj
def agency_set_limit(output: Output, code: str, credit_limit: Money) -> None:
    """Set how much the agency may owe."""

    async def work(database: Database, _settings: Settings) -> Agency:
        found = await _agency_of(database, code)
        async with database.unit_of_work(actor()) as uow:
            return await set_credit_limit(uow, found.id, credit_limit)

    _show_agencies(output, [with_database(output, work)])


@agency.command("statement")
@click.argument("code")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV.")
@json_option
@click.pass_obj
def agency_show_statement(output: Output, code: str, as_csv: bool) -> None:
    """Show everything that moved the agency's balance, oldest first."""

    async def look(database: Database, _settings: Settings) -> list[AgencyMovement]:
        found = await _agency_of(database, code)
        if as_csv:
            await database.audit(actor(), statement_exported(found))
        async with database.connection() as connection:
            return await agency_statement(connection, found.id)

    movements = with_database(output, look)
    if as_csv:
        click.echo(statement_csv(movements), nl=False)
        return
    rows = [(f"{each.recorded_at:%Y-%m-%d %H:%M:%S}", each.kind, str(each.amount), str(each.balance), each.reference)
            for each in movements]  # fmt: skip
    columns = ("recorded_at", "kind", "amount", "balance", "reference")
    output.document({"movements": [dict(zip(columns, row, strict=True)) for row in rows]})
    headings = ("When (UTC)", "What", "Amount>", "Balance>", "Reference")
    output.table(headings, rows, empty="Nothing has moved its balance yet.")


@agency.command("pay")
@click.argument("code")
@click.argument("order", metavar="LOCATOR|ORDER_ID")
@json_option
@click.pass_obj
def agency_pay(output: Output, code: str, order: str) -> None:
    """Pay what is due of an order from the agency's deposit and credit."""

    async def work(database: Database, settings: Settings) -> PaymentBody:
        found = await _agency_of(database, code)
        choice = PaymentChoice(method=PaymentMethod.AGENCY_DEPOSIT, funding_id=found.id)
        return await _pay(database, settings, order, choice, seller=found.code)

    _show_payment(output, with_database(output, work, tells=True))


async def _agency_of(database: Database, code: str) -> Agency:
    async with database.connection() as connection:
        found = await find_agency(connection, code=code.upper())
    if found is None:
        raise click.UsageError(f"There is no agency {code}.")
    return found


def _show_agencies(output: Output, found: list[Agency]) -> None:
    rows = [(each.code, each.name, str(each.balance), str(each.credit_limit), str(each.available)) for each in found]
    columns = ("code", "name", "balance", "credit_limit", "available")
    output.document({"agencies": [dict(zip(columns, row, strict=True)) for row in rows]})
    output.table(("Code", "Name", "Balance>", "Credit limit>", "Available>"), rows, empty="There are no agencies.")


async def _pay(
    database: Database, settings: Settings, order: str, choice: PaymentChoice, seller: str | None = None
) -> PaymentBody:
    from ais.app.composition import open_gateways, pay_order_services

    order_id = decode_id(ids.ORDER, order.lower())
    if order_id is None:
        async with database.connection() as connection:
            named = await list_orders(connection, OrderFilter(scope=EVERYTHING, record_locator=order.upper(), limit=1))
        if not named:
            raise click.UsageError(f"There is no order {order}.")
        order_id = named[0].id
    services = pay_order_services(settings, database, open_gateways(settings, database))
    who = msgspec.structs.replace(actor(), seller_id=seller)
    key = RequestKey(f"cli {who.name}", str(uuid4()), fingerprint({}))
    answer, _ = await pay_order(services, who, CORRELATION_ID.get(), key, OrderId(order_id), choice)
    return msgspec.json.decode(answer.body, type=PaymentBody)


def _show_payment(output: Output, payment: PaymentBody) -> None:
    output.document({"payment": payment})
    amount = f"{payment.amount.amount} {payment.amount.currency}"
    output.say(f"{payment.id} {payment.status}: {amount} by {payment.method} for {payment.order_id}")


@click.group()
def cash() -> None:
    """Cash over a counter: offices, shifts, receipts."""


@cash.command("add-office")
@click.argument("code")
@click.argument("name")
@click.option("--currency", required=True, help="What its drawers hold, such as SAR.")
@json_option
@click.pass_obj
def cash_add_office(output: Output, code: str, name: str, currency: str) -> None:
    """Add a place with counters and receipt numbers of its own."""

    async def work(database: Database, _settings: Settings) -> None:
        async with database.unit_of_work(actor()) as uow:
            await create_office(uow, code.upper(), name, currency.upper())

    with_database(output, work)
    output.document({"office": {"code": code.upper(), "name": name, "currency": currency.upper()}})
    output.say(f"Office {code.upper()} has counters now.")


@cash.command("open")
@click.argument("office")
@click.argument("clerk")
@click.argument("opening_float", type=SUM)
@json_option
@click.pass_obj
def cash_open(output: Output, office: str, clerk: str, opening_float: Money) -> None:
    """Open a shift: OFFICE's drawer of CLERK (a staff number) with OPENING_FLOAT in it."""

    async def work(database: Database, _settings: Settings) -> CashShift:
        async with database.unit_of_work(actor()) as uow:
            return await open_shift(uow, office.upper(), clerk, opening_float)

    _show_shifts(output, [with_database(output, work)])


@cash.command("shifts")
@click.option("--open", "only_open", is_flag=True, help="Only open ones.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def cash_shifts(output: Output, only_open: bool, limit: int) -> None:
    """List shifts, the newest first."""

    async def look(database: Database, _settings: Settings) -> list[CashShift]:
        async with database.connection() as connection:
            return await list_shifts(connection, only_open=only_open, limit=limit)

    _show_shifts(output, with_database(output, look))


@cash.command("pay")
@click.argument("shift")
@click.argument("order", metavar="LOCATOR|ORDER_ID")
@json_option
@click.pass_obj
def cash_pay(output: Output, shift: str, order: str) -> None:
    """Take what is due of an order in cash."""

    async def work(database: Database, settings: Settings) -> PaymentBody:
        choice = PaymentChoice(method=PaymentMethod.CASH, funding_id=_shift_of(shift))
        return await _pay(database, settings, order, choice)

    _show_payment(output, with_database(output, work, tells=True))


@cash.command("pay-out")
@click.argument("shift")
@click.argument("refund", metavar="REFUND_ID")
@json_option
@click.pass_obj
def cash_pay_out(output: Output, shift: str, refund: str) -> None:
    """Hand out a refund of a cash payment."""
    refund_id = decode_id(ids.REFUND, refund)
    if refund_id is None:
        raise click.UsageError(f"{refund!r} is not the id of a refund.")

    async def work(database: Database, _settings: Settings) -> CashReceipt:
        async with database.unit_of_work(actor()) as uow:
            return await pay_out_refund(uow, _shift_of(shift), RefundId(refund_id))

    receipt = with_database(output, work, tells=True)
    output.document({"receipt": {"number": receipt.printed, "amount": str(receipt.amount)}})
    output.say(f"Receipt {receipt.printed}: {receipt.amount}")


@cash.command("close")
@click.argument("shift")
@click.argument("counted", type=SUM)
@json_option
@click.pass_obj
def cash_close(output: Output, shift: str, counted: Money) -> None:
    """Close a shift with what was counted in its drawer. Exit code 1 if it is not what should have been there."""

    async def work(database: Database, _settings: Settings) -> CashShift:
        async with database.unit_of_work(actor()) as uow:
            return await close_shift(uow, _shift_of(shift), counted)

    closed = with_database(output, work)
    _show_shifts(output, [closed])
    if closed.difference:
        output.note(f"The difference is {closed.difference}; it is in the staff queue.")
        end(NOT_SO)


@cash.command("write-off")
@click.argument("shift")
@reason_option
@json_option
@click.pass_obj
def cash_write_off(output: Output, shift: str, reason: str) -> None:
    """Write off what a closed drawer lacked or had too much. Exit code 1 if there is nothing to write off."""

    async def work(database: Database, _settings: Settings) -> CashShift:
        async with database.unit_of_work(actor()) as uow:
            return await write_off_difference(uow, _shift_of(shift), reason)

    _show_shifts(output, [with_database(output, work, tells=True)])


def _shift_of(text: str) -> CashShiftId:
    found = decode_id(ids.CASH_SHIFT, text)
    if found is None:
        raise click.UsageError(f"{text!r} is not the id of a shift.")
    return CashShiftId(found)


def _show_shifts(output: Output, found: list[CashShift]) -> None:
    rows = [_shift_row(each) for each in found]
    columns = ("id", "office", "clerk", "status", "float", "taken", "paid_out", "counted", "difference")
    output.document({"shifts": [dict(zip(columns, row, strict=True)) for row in rows]})
    headings = ("Shift", "Office", "Clerk", "State", "Float>", "Taken>", "Paid out>", "Counted>", "Difference>")
    output.table(headings, rows, empty="There are no shifts.")


def _shift_row(shift: CashShift) -> tuple[Any, ...]:
    return (
        encode_id(ids.CASH_SHIFT, shift.id),
        shift.office,
        shift.clerk,
        shift.status,
        str(shift.opening_float),
        str(shift.taken),
        str(shift.paid_out),
        str(shift.counted) if shift.counted is not None else None,
        str(shift.difference) if shift.difference is not None else None,
    )


@click.group()
def credit() -> None:
    """Travel credit."""


@credit.command("show")
@click.argument("code")
@json_option
@click.pass_obj
def credit_show(output: Output, code: str) -> None:
    """Show what is left of a travel credit and what moved it. Exit code 1 if there is none of this code."""

    async def look(database: Database, _settings: Settings) -> tuple[Any, list[dict[str, Any]]] | None:
        async with database.connection() as connection:
            found = await find_credit_by_code(connection, code)
            return (found, await credit_movements(connection, found.id)) if found is not None else None

    shown = with_database(output, look)
    if shown is None:
        output.note("There is no travel credit with this code.")
        output.document({"credit": None, "movements": []})
        end(NOT_SO)
    found, movements = shown
    output.document({"credit": {"balance": str(found.balance), "issued": str(found.issued),
                                "expires_at": found.expires_at}, "movements": movements})  # fmt: skip
    output.say(f"{found.balance} of {found.issued} left, until {found.expires_at:%Y-%m-%d %H:%M} UTC")
    output.table(
        ("When (UTC)", "What", "Amount>", "Balance>"),
        [(f"{each['recorded_at']:%Y-%m-%d %H:%M:%S}", each["kind"],
          Money(each["amount_minor"], found.balance.currency).amount,
          Money(each["balance_minor"], found.balance.currency).amount) for each in movements],
    )  # fmt: skip
