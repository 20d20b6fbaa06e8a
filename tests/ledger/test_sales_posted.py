"""What is sold, paid and given back stands in the books, to the last minor unit, and nothing of it on the way."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

from tests.factories.in_process import ADULT, CHILD, INFANT, departure, order_id, payment_id
from tests.orders.test_settling import close_flight, settle

THERE_AND_BACK = [("DMM", "CAI", departure(20)), ("CAI", "DMM", departure(24))]


async def postings_of(program, order):
    """By kind: entries as (account, minor units), those of one account added up."""
    rows = await program.rows(
        """
        SELECT posting.kind, entry.account, sum(entry.amount_minor)::bigint
        FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.posting_id = posting.id
        WHERE posting.order_id = $1 GROUP BY 1, 2
        """,
        order_id(order),
    )
    found = {}
    for kind, account, minor in rows:
        found.setdefault(kind, {})[account] = minor
    return found


async def lines_of(program, order):
    """What was sold, by kind of price line."""
    return dict(
        await program.rows(
            "SELECT kind, sum(amount_minor)::bigint FROM price_lines WHERE order_id = $1 GROUP BY kind",
            order_id(order),
        )
    )


def minor(money):
    return int(money["amount"].replace(".", ""))


async def late_payment(program, method="pm_card_visa"):
    """An order that is paid when its seats are gone, so that the money goes back by itself."""
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment, method)
    async with program.later(minutes=17) as late:
        await close_flight(late, order)
        await settle(late, payment)
        await late.run_jobs()
    return order, payment


async def test_a_sale_becomes_unflown_value_and_taxes_payable(program):
    order = await program.order([ADULT, CHILD, INFANT], slices=THERE_AND_BACK)
    assert await postings_of(program, order) == {}
    payment = await program.pay(order)
    total, lines = minor(order["total"]), await lines_of(program, order)
    assert sum(lines.values()) == total
    assert await postings_of(program, order) == {
        "captured": {"provider_clearing": total, "customer_deposits": -total},
        "issued": {
            "customer_deposits": total,
            "unflown_fare": -lines["fare"],
            "unflown_carrier_charges": -lines["carrier_charge"],
            "tax_payable": -lines["tax"],
        },
    }
    causes = await program.rows(
        "SELECT kind, cause_type, cause_id, channel, form_of_payment FROM ledger_postings WHERE order_id = $1"
        " ORDER BY kind, cause_id",
        order_id(order),
    )
    documents = await program.rows(
        "SELECT id::text FROM documents WHERE order_id = $1 ORDER BY id::text", order_id(order)
    )
    assert causes == [
        ("captured", "payment", str(payment_id(payment)), "api", "card"),
        *(("issued", "document", document, "api", None) for document in documents),
    ]
    assert len(documents) == 3


async def test_each_coupon_and_each_tax_is_posted_for_itself(program):
    order = await program.order([ADULT, CHILD], slices=THERE_AND_BACK)
    await program.pay(order)
    posted = await program.rows(
        """
        SELECT coupon.passenger_id::text, coupon.segment_id::text, entry.account, entry.authority, entry.code,
               sum(-entry.amount_minor)::bigint
        FROM ledger_entries AS entry
        JOIN coupons AS coupon ON (coupon.document_id, coupon.number) = (entry.document_id, entry.coupon_number)
        JOIN documents AS document ON document.id = coupon.document_id
        WHERE document.order_id = $1 GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        """,
        order_id(order),
    )
    sold = await program.rows(
        """
        SELECT line.passenger_id::text, line.order_segment_id::text,
               CASE line.kind WHEN 'fare' THEN 'unflown_fare' WHEN 'carrier_charge' THEN 'unflown_carrier_charges'
                              ELSE 'tax_payable' END, tax.country,
               CASE line.kind WHEN 'fare' THEN NULL ELSE line.code END, sum(line.amount_minor)::bigint
        FROM price_lines AS line LEFT JOIN tax_versions AS tax ON line.kind = 'tax' AND tax.id = line.version_id
        WHERE line.order_id = $1 AND line.amount_minor <> 0 GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
        """,
        order_id(order),
    )
    assert posted == sold
    taxes = {(authority, code) for _, _, account, authority, code, _ in posted if account == "tax_payable"}
    assert {authority for authority, _ in taxes} == {"SA", "EG"}
    moments = await program.rows(
        """
        SELECT DISTINCT posting.happened_at = document.issued_at AND move.happened_at = document.issued_at
        FROM documents AS document JOIN coupon_moves AS move ON move.document_id = document.id
        JOIN ledger_postings AS posting ON posting.cause_id = document.id::text
        WHERE document.order_id = $1
        """,
        order_id(order),
    )
    assert moments == [True]


async def test_money_too_late_for_its_seats_passes_through_and_leaves_nothing(own_program):
    program = own_program
    order, _payment = await late_payment(program)
    total = minor(order["total"])
    assert await postings_of(program, order) == {
        "captured": {"provider_clearing": total, "customer_deposits": -total},
        "returned": {"customer_deposits": total, "refunds_payable": -total},
        "refunded": {"refunds_payable": total, "provider_clearing": -total},
    }


async def test_a_refund_that_the_bank_takes_back_is_owed_again(own_program):
    program = own_program
    order, payment = await late_payment(program, "pm_card_refundFail")
    program.simulator.control("POST", "/transitions/run")
    await program.report(payment)
    total = minor(order["total"])
    assert (await postings_of(program, order))["refund_taken_back"] == {
        "provider_clearing": total,
        "refunds_payable": -total,
    }


async def test_however_often_a_payment_is_reported_it_is_posted_once(program):
    order = await program.order()
    payment = await program.begin_payment(order)
    await program.confirm(payment)
    await asyncio.gather(*(program.report(payment) for _ in range(3)))
    kinds = await program.rows("SELECT kind FROM ledger_postings WHERE order_id = $1 ORDER BY kind", order_id(order))
    assert kinds == ["captured", "issued"]


async def test_what_was_sold_before_there_was_a_ledger_is_posted_when_it_comes(own_program):
    """The statements of the migration, on sales whose postings are taken away, give the same books again."""
    program = own_program
    await program.pay(await program.order([ADULT, CHILD, INFANT], slices=THERE_AND_BACK))
    await late_payment(program)
    books = """
        SELECT posting.kind, posting.cause_id, posting.channel, entry.account, entry.authority, entry.code,
               entry.document_id, entry.coupon_number, entry.provider, sum(entry.amount_minor)::bigint
        FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.posting_id = posting.id
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9
    """
    before = await program.rows(books)
    async with program.database.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        for table in ("ledger_heads", "ledger_chain", "ledger_entries", "ledger_postings"):
            await connection.execute(f"DELETE FROM {table}")
    async with program.database.connection() as connection, connection.transaction():
        await connection.execute(the_past())
        # What the migration posts happened before there was a trail.
        await connection.execute("UPDATE audit_chain_progress SET begun_at = now() + interval '1 second'")
    assert await program.rows(books) == before
    assert len({row[0] for row in before}) == 4


def the_past():
    path = Path(__file__).parents[2] / "migrations/versions/0012_posted_sales.py"
    spec = importlib.util.spec_from_file_location("posted_sales", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.POST_THE_PAST
