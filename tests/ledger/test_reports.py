"""What the books say, over HTTP and by the command line, from real sales."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tests.factories.in_process import ADULT, CHILD, OPERATOR, bearer, departure, in_process, order_id
from tests.ledger.test_sales_posted import lines_of, minor

from ais.kit import Money, system_actor
from ais.ledger import Account, Posting, coupon_balances, credit, debit, post
from ais.platform.audit import Entry
from ais.ticketing import open_coupon_values

ACTOR = system_actor("test")
POSTED = Entry(action="test.posted", subject="test")
THERE_AND_BACK = [("DMM", "CAI", departure(20)), ("CAI", "DMM", departure(24))]


async def get(program, path, **query):
    answer = await program.http.get(f"/api/v1/ledger/{path}", params=query, headers=OPERATOR)
    assert answer.status_code == 200, answer.text
    return answer.json()


def sums(items, name, of="account"):
    found = {}
    for item in items:
        found[item[of]] = found.get(item[of], 0) + minor(item[name])
    return found


async def paid(program):
    """A paid order there and back with a child."""
    order = await program.order([ADULT, CHILD], slices=THERE_AND_BACK)
    await program.pay(order)
    return program, order


@pytest.fixture(scope="module")
async def sold(shared_program, servers, market, simulator):
    """That order alone on a database, for tests that only read.

    Begins after the program that all tests share, which ends after it: what is opened last is closed first.
    """
    with servers.database(market) as url:
        async with in_process(url, servers.cache_url(), simulator) as program:
            yield await paid(program)


async def test_balances_are_what_was_sold(sold):
    program, order = sold
    lines, total = await lines_of(program, order), minor(order["total"])
    items = (await get(program, "balances"))["items"]
    assert sums(items, "balance") == {
        "provider_clearing": total,
        "customer_deposits": 0,
        "unflown_fare": -lines["fare"],
        "unflown_carrier_charges": -lines["carrier_charge"],
        "tax_payable": -lines["tax"],
    }
    assert {item["account_class"] for item in items if item["account"] == "tax_payable"} == {"liability"}
    taxes = [
        item for item in (await get(program, "balances", details=True))["items"] if item["account"] == "tax_payable"
    ]
    assert {item["authority"] for item in taxes} == {"SA", "EG"}
    assert sum(minor(item["balance"]) for item in taxes) == -lines["tax"]
    assert (await get(program, "balances", as_of="2020-01-01"))["items"] == []


async def test_a_trial_balance_opens_moves_and_closes_at_zero(sold):
    program, order = sold
    today = datetime.now(UTC).date()
    items = (await get(program, "trial-balance", first_day=(today - timedelta(days=1)).isoformat()))["items"]
    assert sum(minor(item["closing"]) for item in items) == 0
    assert sums(items, "debits")["provider_clearing"] == minor(order["total"])
    assert {minor(item["opening"]) for item in items} == {0}
    later = (today + timedelta(days=2)).isoformat()
    items = (await get(program, "trial-balance", first_day=later, last_day=later))["items"]
    assert sums(items, "opening") == sums(items, "closing")
    assert sum(minor(item["debits"]) for item in items) == 0


async def test_daily_sales_say_what_was_sold_by_form_and_tax(sold):
    program, order = sold
    lines = await lines_of(program, order)
    items = (await get(program, "daily-sales", limit=200))["items"]
    assert {(each["channel"], each["seller_id"], each["form_of_payment"]) for each in items} == {("api", None, "card")}
    assert sums(items, "net", of="item") == {
        "unflown_fare": lines["fare"],
        "unflown_carrier_charges": lines["carrier_charge"],
        "tax_payable": lines["tax"],
    }
    sold_taxes = {(each["authority"], each["code"]): minor(each["sold"]) for each in items if each["code"]}
    assert sold_taxes == {
        (authority, code): amount
        for authority, code, amount in await program.rows(
            "SELECT authority, code, sum(amount_minor)::bigint FROM price_lines WHERE order_id = $1"
            " AND kind <> 'fare' GROUP BY 1, 2",
            order_id(order),
        )
    }


async def test_a_cancellation_is_given_back_with_what_was_kept(own_program):
    program, order = await paid(own_program)
    quote = await program.http.post(f"/api/v1/orders/{order['id']}/cancellation-quotes", json={}, headers=bearer(order))
    assert quote.status_code == 201, quote.text
    quote = quote.json()
    confirmed = await program.http.post(
        f"/api/v1/cancellation-quotes/{quote['id']}/confirm",
        json={},
        headers={**bearer(order), "Idempotency-Key": "k" * 40},
    )
    assert confirmed.status_code == 200, confirmed.text
    items = (await get(program, "daily-sales", limit=200))["items"]
    given_back = sum(minor(each["given_back"]) for each in items)
    kept = sum(minor(each["net"]) for each in items)
    assert kept == minor(order["total"]) - minor(quote["refund"])
    assert given_back >= minor(quote["refund"])
    assert sums((await get(program, "unflown"))["items"], "liability") == {}
    assert await program.rows(
        "SELECT DISTINCT posting.happened_at = move.happened_at FROM ledger_postings AS posting, coupon_moves AS move"
        " WHERE posting.kind = 'cancelled' AND move.to_status = 'refunded'"
    ) == [True]


async def test_unflown_on_any_date_is_the_sum_of_the_coupons_open_then(own_program):
    """Coupons that were flown yesterday and the day before, and reports of each evening, from two sides."""
    program, _ = await paid(own_program)
    now = datetime.now(UTC)
    (moved_at,) = await program.rows("SELECT min(issued_at) FROM documents")
    async with program.database.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("DELETE FROM ledger_heads; DELETE FROM ledger_chain")
        await connection.execute("UPDATE documents SET issued_at = issued_at - interval '9 days'")
        await connection.execute("UPDATE coupon_moves SET happened_at = happened_at - interval '9 days'")
        await connection.execute("UPDATE ledger_postings SET happened_at = happened_at - interval '9 days'")
    coupons = await program.rows("SELECT document_id, number FROM coupons ORDER BY document_id, number")
    for days, (document_id, number) in zip((5, 5, 3), coupons, strict=False):
        await fly(program, document_id, number, now - timedelta(days=days))
    values = []
    async with program.database.connection() as connection:
        for days in range(-1, 12):
            until = now - timedelta(days=days)
            day = until.date()
            recomputed = await open_coupon_values(connection, midnight_after(day))
            reported = sums((await get(program, "unflown", as_of=day.isoformat()))["items"], "liability")
            assert reported == {
                account: money.minor
                for each in recomputed
                for account, money in (("unflown_fare", each.fare), ("unflown_carrier_charges", each.carrier_charges))
                if money
            }, day
            values.append(sum(reported.values()))
    assert len(set(values)) == 4
    assert values[-1] == 0
    assert moved_at is not None


def midnight_after(day):
    """The end of a day in Riyadh, three hours before it is over in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=21)


async def fly(program, document_id, number, at):
    """What closing a flight does to one coupon: its move, and its value earned at the same instant."""
    async with program.database.unit_of_work(ACTOR) as uow:
        held = [
            entry
            for entry in await coupon_balances(uow.connection, [document_id])
            if entry.coupon_number == number and entry.account is not Account.TAX_PAYABLE
        ]
        for status in ("checked_in", "lifted", "flown"):
            await uow.connection.execute(
                "UPDATE coupons SET status = $3 WHERE document_id = $1 AND number = $2", document_id, number, status
            )
        await uow.connection.execute(
            "INSERT INTO coupon_moves (document_id, coupon_number, from_status, to_status, reason, actor, happened_at)"
            " VALUES ($1, $2, 'lifted', 'flown', 'test', 'system:test', $3)",
            document_id,
            number,
            at,
        )
        earned = Money(sum(entry.amount_minor for entry in held), "SAR")
        uow.audit(POSTED)
        await post(
            uow,
            Posting(
                kind="flown",
                cause_type="coupon",
                cause_id=f"{document_id}:{number}",
                happened_at=at,
                entries=(*(entry.reversed() for entry in held), debit(Account.FLOWN_REVENUE, earned)),
            ),
        )


async def test_postings_are_listed_page_by_page(own_program):
    program = own_program
    at = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    async with program.database.unit_of_work(ACTOR) as uow:
        uow.audit(POSTED)
        for number in range(5):
            await post(
                uow,
                Posting(
                    kind="topped_up",
                    cause_type="event",
                    cause_id=f"e{number}",
                    happened_at=at + timedelta(days=number),
                    entries=(
                        debit(Account.BANK, Money(1_000 + number, "KWD")),
                        credit(Account.AGENCY_DEPOSIT, Money(1_000 + number, "KWD"), agency_id="A7"),
                    ),
                ),
            )
    seen, cursor = [], None
    for size in (2, 2, 1):
        page = await get(program, "postings", limit=2, kind="topped_up", **({"cursor": cursor} if cursor else {}))
        assert len(page["items"]) == size
        seen += [item["cause_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (["e4", "e3", "e2", "e1", "e0"], None)
    (found,) = (await get(program, "postings", first_day="2026-01-07", last_day="2026-01-07"))["items"]
    assert found["id"].startswith("pst_")
    assert [(each["account"], each["debit"], each["credit"], each["agency_id"]) for each in found["entries"]] == [
        ("bank", {"amount": "1.002", "currency": "KWD"}, None, None),
        ("agency_deposit", None, {"amount": "1.002", "currency": "KWD"}, "A7"),
    ]
    assert len((await get(program, "postings", account="agency_deposit"))["items"]) == 5
    assert (await get(program, "postings", account="cash"))["items"] == []
    program_sums = (await get(program, "balances", limit=1))["items"]
    assert len(program_sums) == 1


async def test_every_report_comes_as_csv_too(sold):
    program, order = sold
    today = datetime.now(UTC).date().isoformat()
    for path, query in (
        ("balances", {}),
        ("trial-balance", {"first_day": today}),
        ("daily-sales", {}),
        ("unflown", {}),
        ("postings", {"order_id": order["id"]}),
    ):
        by_query = await program.http.get(f"/api/v1/ledger/{path}", params={**query, "format": "csv"}, headers=OPERATOR)
        by_header = await program.http.get(
            f"/api/v1/ledger/{path}", params=query, headers={**OPERATOR, "Accept": "text/csv"}
        )
        assert by_query.status_code == by_header.status_code == 200
        assert by_query.text == by_header.text
        assert by_query.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(by_query.text, newline="")))
        assert len(rows) > 1
        assert {row["currency"] for row in rows} == {"SAR"}
    assert {row["cause_id"][:4] for row in rows} == {"pay_", "doc_"}
    assert sum(round(float(row["debit"] or 0) * 100) for row in rows) == 2 * minor(order["total"])


async def test_the_books_are_for_staff(program):
    order = await program.order()
    for path in ("balances", "trial-balance?first_day=2026-01-01", "daily-sales", "unflown", "postings", "chain"):
        for headers, status in (({}, 401), (bearer(order), 403), (OPERATOR, 200)):
            answer = await program.http.get(f"/api/v1/ledger/{path}", headers=headers)
            assert answer.status_code == status, (path, answer.text)


@pytest.mark.parametrize(
    "query",
    [
        "balances?as_of=9999-12-31",
        "trial-balance?first_day=0001-01-01",
        "trial-balance?first_day=2027-02-02&last_day=2027-02-01",
        "postings?cursor=none",
        "postings?order_id=ord_1",
        "postings?account=till",
        "unflown?format=xml",
    ],
)
async def test_what_cannot_be_asked_is_refused(program, query):
    answer = await program.http.get(f"/api/v1/ledger/{query}", headers=OPERATOR)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "VALIDATION_ERROR")


async def test_where_the_chain_stands(sold):
    program, _ = sold
    status = await get(program, "chain")
    assert (status["length"] + status["waiting"], status["signed_position"]) == (3, None)


async def test_a_sale_is_of_the_forms_that_paid_it_and_of_no_other_currency(own_program):
    program = own_program
    order = await program.order()
    payment = await program.begin_payment(order)
    intent = f"/v1/payment_intents/{payment['provider_payment_id']}"
    assert (await program.provider.post(intent, data={"currency": "jpy", "amount": 5000})).status_code == 200
    await program.confirm(payment)
    await program.report(payment)
    page = await program.begin_checkout(order)
    program.complete(page)
    await program.report(page)
    items = (await get(program, "daily-sales", limit=200))["items"]
    assert {(each["form_of_payment"], each["sold"]["currency"]) for each in items} == {("checkout", "SAR")}
    assert sum(minor(each["net"]) for each in items) == minor(order["total"])
    rows = (await get(program, "trial-balance", first_day=datetime.now(UTC).date().isoformat()))["items"]
    in_yen = {each["account"]: each["closing"]["amount"] for each in rows if each["closing"]["currency"] == "JPY"}
    assert in_yen == {"provider_clearing": "0", "customer_deposits": "0", "refunds_payable": "0"}


async def test_the_sales_of_a_day_have_every_coupon_given_up_and_read_the_same_ever_after(own_program):
    """Also where a bank has taken the money before, and where all is kept; and whatever pays for the order later."""
    at = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    order, document = uuid4(), uuid4()

    def posting(kind, *entries, cause="1", form=None, days=0):
        return Posting(
            kind=kind,
            cause_type="test",
            cause_id=f"{order} {cause}",
            order_id=order,
            form_of_payment=form,
            happened_at=at + timedelta(days=days),
            entries=entries,
        )

    def sar(minor):
        return Money(minor, "SAR")

    def fare(minor, coupon):
        return debit(Account.UNFLOWN_FARE, sar(minor), document_id=document, coupon_number=coupon)

    def tax(minor):
        return debit(Account.TAX_PAYABLE, sar(minor), authority="SA", code="K7")

    def clearing(minor):
        return debit(Account.PROVIDER_CLEARING, sar(minor), provider="stripe")

    deposits = Account.CUSTOMER_DEPOSITS
    async with own_program.database.unit_of_work(ACTOR) as uow:
        uow.audit(POSTED)
        for written in (
            posting("captured", clearing(3_450), credit(deposits, sar(3_450)), form="card"),
            posting("exchanged", debit(deposits, sar(3_450)), fare(-1_000, 1), fare(-2_000, 2), tax(-450)),
            posting("disputed", debit(Account.CHARGEBACKS, sar(700)), clearing(-700)),
            posting("cancelled", fare(1_000, 1), tax(150), credit(Account.CHARGEBACKS, sar(700)),
                    credit(Account.REFUNDS_PAYABLE, sar(450))),
            posting("refunded", debit(Account.REFUNDS_PAYABLE, sar(450)), clearing(-450)),
            posting("cancelled", fare(2_000, 2), credit(Account.PENALTY_REVENUE, sar(2_000)), cause="2"),
            posting("captured", clearing(9), credit(deposits, sar(9)), cause="2",
                    form="checkout", days=1),
            posting("returned", debit(deposits, sar(9)), clearing(-9), days=1),
        ):  # fmt: skip
            assert await post(uow, written) is not None
    items = (await get(own_program, "daily-sales", day="2026-01-05"))["items"]
    assert {each["form_of_payment"] for each in items} == {"card"}
    assert {each["item"]: (minor(each["sold"]), minor(each["given_back"])) for each in items} == {
        "unflown_fare": (3_000, 3_000),
        "tax_payable": (450, 150),
        "penalty_revenue": (2_000, 0),
    }
