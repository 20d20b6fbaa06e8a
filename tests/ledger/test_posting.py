"""What the books take, and what the database refuses whoever asks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from ais.kit import Money
from ais.ledger import (
    ACCOUNT_CLASSES,
    INVARIANTS,
    Account,
    Posting,
    PostingError,
    coupon_balances,
    credit,
    debit,
    order_balances,
    post,
    post_all,
)
from ais.ledger.domain import REQUIRED_DIMENSIONS
from ais.platform.invariants import find_violations

SAR = "SAR"


def capture(minor=10_000, currency=SAR, *, cause=None, **more):
    money = Money(minor, currency)
    return Posting(
        kind="captured",
        cause_type="payment",
        cause_id=cause or str(uuid4()),
        entries=(debit(Account.PROVIDER_CLEARING, money, provider="stripe"), credit(Account.CUSTOMER_DEPOSITS, money)),
        **more,
    )


async def write(database, actor, *postings):
    async with database.unit_of_work(actor) as uow:
        return await post_all(uow, postings)


async def counts(database):
    async with database.connection() as connection:
        return tuple(
            await connection.fetchrow(
                "SELECT (SELECT count(*) FROM ledger_postings), (SELECT count(*) FROM ledger_entries)"
            )
        )


async def test_a_posting_keeps_who_when_where_and_why(database, actor):
    order_id, at = uuid4(), datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
    posting = capture(
        125_050,
        cause="p-1",
        order_id=order_id,
        channel="web",
        seller_id="agency-7",
        form_of_payment="card",
        happened_at=at,
    )
    async with database.unit_of_work(actor) as uow:
        posting_id = await post(uow, posting)
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM ledger_postings")
        entries = await connection.fetch("SELECT * FROM ledger_entries ORDER BY number")
        held = await order_balances(connection, order_id)
    assert row["id"] == posting_id
    assert (row["kind"], row["cause_type"], row["cause_id"], row["order_id"]) == (
        "captured",
        "payment",
        "p-1",
        order_id,
    )
    assert (row["actor"], row["channel"], row["seller_id"], row["form_of_payment"]) == (
        "system:test",
        "web",
        "agency-7",
        "card",
    )
    assert (row["happened_at"], row["entry_count"]) == (at, 2)
    assert row["recorded_at"] > at.replace(year=2020)
    assert [(each["account"], each["amount_minor"], each["currency"], each["provider"]) for each in entries] == [
        ("provider_clearing", 125_050, SAR, "stripe"),
        ("customer_deposits", -125_050, SAR, None),
    ]
    assert held == {(Account.PROVIDER_CLEARING, SAR): 125_050, (Account.CUSTOMER_DEPOSITS, SAR): -125_050}
    assert await find_violations(database, INVARIANTS) == []


async def test_without_a_channel_it_is_the_actors_and_without_a_time_it_is_now(database, actor):
    await write(database, actor, capture())
    async with database.connection() as connection:
        row = await connection.fetchrow("SELECT channel, recorded_at - happened_at AS apart FROM ledger_postings")
    assert row["channel"] == "cli"
    assert abs(row["apart"].total_seconds()) < 1


async def test_entries_of_nothing_are_left_out_and_nothing_at_all_is_no_posting(database, actor):
    money, none = Money(500, SAR), Money(0, SAR)
    some = Posting(
        kind="captured",
        cause_type="payment",
        cause_id="some",
        entries=(
            debit(Account.BANK, money),
            debit(Account.PROVIDER_FEES, none),
            credit(Account.CUSTOMER_DEPOSITS, money),
        ),
    )
    nothing = Posting(kind="captured", cause_type="payment", cause_id="none", entries=(debit(Account.BANK, none),))
    first, second = await write(database, actor, some, nothing)
    assert (first is not None, second) == (True, None)
    assert await counts(database) == (1, 2)


async def test_several_currencies_balance_each_for_itself(database, actor):
    rates = Posting(
        kind="exchanged",
        cause_type="event",
        cause_id="e",
        entries=(
            debit(Account.BANK, Money(375, SAR)),
            credit(Account.EXCHANGE_DIFFERENCE, Money(375, SAR)),
            debit(Account.EXCHANGE_DIFFERENCE, Money(1_000, "KWD")),
            credit(Account.BANK, Money(1_000, "KWD")),
        ),
    )
    assert await write(database, actor, rates) != [None]
    mixed = Posting(
        kind="exchanged",
        cause_type="event",
        cause_id="f",
        entries=(debit(Account.BANK, Money(100, SAR)), credit(Account.BANK, Money(100, "KWD"))),
    )
    with pytest.raises(PostingError, match="does not balance"):
        await write(database, actor, mixed)
    assert await counts(database) == (1, 4)


async def test_a_second_posting_for_the_same_cause_writes_nothing(database, actor):
    (first,) = await write(database, actor, capture(cause="one"))
    again = await write(database, actor, capture(7, cause="one"), capture(9, cause="two"))
    assert first is not None
    assert again[0] is None
    assert again[1] is not None
    assert await counts(database) == (2, 4)
    async with database.connection() as connection:
        assert (
            await connection.fetchval("SELECT sum(amount_minor) FROM ledger_entries WHERE amount_minor > 0") == 10_009
        )


async def test_the_same_cause_twice_in_one_statement_is_one_posting(database, actor):
    answers = await write(database, actor, capture(cause="one"), capture(cause="one"))
    assert sorted(each is None for each in answers) == [False, True]
    assert await counts(database) == (1, 2)


async def post_in_parallel(database, actor, times):
    """As many units of work as asked, all open before the first of them posts the one cause."""
    ready = asyncio.Barrier(times)

    async def once():
        async with database.unit_of_work(actor) as uow:
            await uow.connection.fetchval("SELECT 1")
            await ready.wait()
            return await post(uow, capture(cause="one"))

    return await asyncio.gather(*(once() for _ in range(times)))


async def test_twenty_at_once_for_one_cause_are_one_posting(database, actor):
    answers = await post_in_parallel(database, actor, 20)
    assert sum(each is not None for each in answers) == 1
    assert await counts(database) == (1, 2)


async def test_control_without_the_unique_key_twenty_at_once_are_several(database, actor):
    async with database.connection() as connection:
        await connection.execute(
            """
            ALTER TABLE ledger_postings DROP CONSTRAINT ledger_postings_one_per_cause;
            -- Never violated: it only takes the name that the statement gives.
            ALTER TABLE ledger_postings ADD CONSTRAINT ledger_postings_one_per_cause UNIQUE (id, kind);
            """
        )
    answers = await post_in_parallel(database, actor, 20)
    assert sum(each is not None for each in answers) > 1
    found = await find_violations(database, INVARIANTS)
    assert [each.invariant.name for each in found] == ["ledger.one_posting_per_cause"]


POSTING = """
    INSERT INTO ledger_postings (id, kind, cause_type, cause_id, actor, channel, happened_at, entry_count)
    VALUES ('00000000-0000-7000-8000-000000000001', 'captured', 'payment', 'x', 'system:t', 'cli', ais_now(), 2)
"""
ENTRY = "INSERT INTO ledger_entries (posting_id, number, account, amount_minor, currency) VALUES "
LINE = "('00000000-0000-7000-8000-000000000001', {}, 'bank', {}, '{}')"


def whole(*lines):
    """One statement that writes the posting and these (amount, currency) entries."""
    values = ", ".join(LINE.format(number, *line) for number, line in enumerate(lines, start=1))
    return f"WITH posting AS ({POSTING}) {ENTRY} {values}"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        pytest.param(whole((5, "SAR"), (-4, "SAR")), "ledger_entries_balance", id="unbalanced"),
        pytest.param(whole((5, "SAR"), (-5, "KWD")), "ledger_entries_balance", id="currencies-mixed"),
        pytest.param(whole((5, "SAR"), (-4, "SAR"), (-1, "SAR")), "ledger_entries_count", id="more-than-said"),
        pytest.param(POSTING, "ledger_postings_entries", id="no-entries"),
        pytest.param(
            f"{POSTING}; {ENTRY} {LINE.format(1, 5, 'SAR')}, {LINE.format(2, -5, 'SAR')}",
            "ledger_postings_entries",
            id="entries-by-a-later-statement",
        ),
        pytest.param(
            f"{whole((5, 'SAR'), (-5, 'SAR'))}; {ENTRY} {LINE.format(3, 7, 'SAR')}, {LINE.format(4, -7, 'SAR')}",
            "ledger_entries_count",
            id="balanced-entries-added-later",
        ),
        pytest.param(
            whole((5, "SAR"), (-5, "SAR")).replace("'bank'", "'till'"), "ledger_entries_account", id="unknown-account"
        ),
        pytest.param(
            whole((5, "SAR"), (-5, "SAR")).replace("'bank'", "'cash'"), "ledger_entries_dimensions", id="no-shift"
        ),
        pytest.param(
            f"{ENTRY} {LINE.format(1, 5, 'SAR')}, {LINE.format(2, -5, 'SAR')}",
            "ledger_entries_posting_id_fkey",
            id="no-posting",
        ),
        pytest.param(
            whole((5, "SAR"), (-5, "SAR"))
            .replace("happened_at,", "happened_at, transaction_id,")
            .replace("ais_now(),", "ais_now(), '3',"),
            "ledger_postings_transaction",
            id="another-transaction",
        ),
    ],
)
async def test_what_the_database_refuses_whoever_asks(database, statement, constraint):
    async with database.connection() as connection:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            async with connection.transaction():
                await connection.execute(statement)
    assert refused.value.constraint_name == constraint
    assert await counts(database) == (0, 0)


@pytest.mark.parametrize("table", ["ledger_postings", "ledger_entries"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"],
    ids=["update", "delete", "truncate"],
)
async def test_history_stays_as_it_was_written(database, actor, table, statement):
    await write(database, actor, capture())
    column = "kind" if table == "ledger_postings" else "amount_minor"
    async with database.connection() as connection:
        with pytest.raises(asyncpg.RestrictViolationError, match="is history"):
            await connection.execute(statement.format(table, column, column))
    assert await counts(database) == (1, 2)


async def test_the_database_knows_the_same_accounts_and_dimensions(database):
    """The CHECK on the account lists the chart; each entry without what its account is kept by is refused."""
    async with database.connection() as connection:
        definition = await connection.fetchval(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ledger_entries_account'"
        )
    listed = {part.split("'")[1] for part in definition.split(",")}
    assert listed == {account.value for account in Account} == {account.value for account in ACCOUNT_CLASSES}
    for account in Account:
        statement = whole((5, "SAR"), (-5, "SAR")).replace("'bank'", f"'{account}'")
        async with database.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.execute(statement)
                refused = False
            except asyncpg.CheckViolationError:
                refused = True
            await transaction.rollback()
        assert refused is (account in REQUIRED_DIMENSIONS), account


def test_an_entry_without_what_its_account_is_kept_by_is_refused():
    with pytest.raises(PostingError, match="cash is kept by office and shift"):
        debit(Account.CASH, Money(1, SAR))
    with pytest.raises(PostingError, match="tax_payable is kept by code"):
        credit(Account.TAX_PAYABLE, Money(1, SAR), authority="SA")


async def test_what_the_books_hold_of_a_coupon(database, actor):
    document, order = uuid4(), uuid4()
    fare, charge, tax = Money(40_000, SAR), Money(2_500, SAR), Money(6_375, SAR)
    coupon = {"document_id": document, "coupon_number": 1}
    issued = Posting(
        kind="issued",
        cause_type="document",
        cause_id=str(document),
        order_id=order,
        entries=(
            debit(Account.CUSTOMER_DEPOSITS, fare + charge + tax),
            credit(Account.UNFLOWN_FARE, fare, **coupon),
            credit(Account.UNFLOWN_CARRIER_CHARGES, charge, **coupon),
            credit(Account.TAX_PAYABLE, tax, authority="SA", code="K7", **coupon),
        ),
    )
    flown = Posting(
        kind="flown",
        cause_type="coupon",
        cause_id=f"{document}:1",
        order_id=order,
        entries=(debit(Account.UNFLOWN_FARE, fare, **coupon), credit(Account.FLOWN_REVENUE, fare)),
    )
    await write(database, actor, issued)
    async with database.connection() as connection:
        held = await coupon_balances(connection, [document])
    assert held == [issued.entries[3], issued.entries[2], issued.entries[1]]
    await write(database, actor, flown)
    async with database.connection() as connection:
        assert await coupon_balances(connection, [document]) == [issued.entries[3], issued.entries[2]]
