"""When what is kept becomes revenue: at once, or at the instant that the airline's rule of the day names."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from ais.kit import Money
from ais.ledger import (
    Account,
    Item,
    Moment,
    Posting,
    PostingError,
    all_rules,
    coupon_balances,
    debit,
    post,
    recognise_breakage,
    recognise_deferred,
    recognise_penalty,
    set_recognition_rule,
)

KEPT_AT = datetime(2027, 3, 1, 10, 0, tzinfo=UTC)
PENALTY = Money(25_000, "SAR")


async def penalty(uow, *, kept_at=KEPT_AT, departs_at=KEPT_AT + timedelta(days=9), money=PENALTY, document_id=None):
    return await recognise_penalty(
        uow,
        money,
        document_id=document_id or uuid4(),
        coupon_number=1,
        kept_at=kept_at,
        departs_at=departs_at,
    )


async def set_rule(database, actor, item, moment, valid_from):
    async with database.unit_of_work(actor) as uow:
        return await set_recognition_rule(uow, item, moment, valid_from)


async def test_from_the_first_day_penalties_and_breakage_are_revenue_at_once(database, actor):
    async with database.unit_of_work(actor) as uow:
        entry = await penalty(uow)
        unused = await recognise_breakage(
            uow, PENALTY, document_id=uuid4(), coupon_number=2, kept_at=KEPT_AT, expires_at=KEPT_AT + timedelta(365)
        )
    assert (entry.account, entry.amount_minor, entry.due_at) == (Account.PENALTY_REVENUE, -25_000, None)
    assert (unused.account, unused.amount_minor, unused.coupon_number) == (Account.BREAKAGE, -25_000, 2)


async def test_a_rule_holds_from_its_day_and_the_one_before_until_then(database, actor):
    assert await set_rule(database, actor, Item.PENALTY, Moment.DEPARTURE, date(2027, 3, 1))
    assert not await set_rule(database, actor, Item.PENALTY, Moment.CANCELLATION, date(2027, 3, 1))
    async with database.unit_of_work(actor) as uow:
        before = await penalty(uow, kept_at=KEPT_AT - timedelta(days=1))
        after = await penalty(uow)
        gone = await penalty(uow, departs_at=KEPT_AT - timedelta(hours=1))
    assert before.account is Account.PENALTY_REVENUE
    assert (after.account, after.due_at) == (Account.DEFERRED_PENALTIES, KEPT_AT + timedelta(days=9))
    assert gone.account is Account.PENALTY_REVENUE
    async with database.connection() as connection:
        rules = await all_rules(connection)
    assert [(rule.item, rule.moment, rule.valid_from) for rule in rules] == [
        (Item.BREAKAGE, Moment.NO_SHOW, date(2000, 1, 1)),
        (Item.PENALTY, Moment.DEPARTURE, date(2027, 3, 1)),
        (Item.PENALTY, Moment.CANCELLATION, date(2000, 1, 1)),
    ]


async def test_a_rule_neither_reaches_back_nor_mixes_items(database, actor):
    today = datetime.now(UTC).date()
    for item, moment, day in (
        (Item.PENALTY, Moment.DEPARTURE, today),
        (Item.PENALTY, Moment.EXPIRY, today + timedelta(days=2)),
        (Item.BREAKAGE, Moment.DEPARTURE, today + timedelta(days=2)),
    ):
        with pytest.raises(ValueError):
            await set_rule(database, actor, item, moment, day)
    async with database.connection() as connection:
        assert len(await all_rules(connection)) == 2
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute("UPDATE recognition_rules SET moment = 'departure' WHERE item = 'penalty'")
    async with database.unit_of_work(actor) as uow:
        with pytest.raises(PostingError, match="no rule for penalty"):
            await penalty(uow, kept_at=datetime(1999, 1, 1, tzinfo=UTC))


async def test_what_was_deferred_is_recognised_once_when_it_is_due(database, actor):
    document, order, now = uuid4(), uuid4(), datetime.now(UTC)
    await set_rule(database, actor, Item.PENALTY, Moment.DEPARTURE, now.date() + timedelta(days=1))
    kept = now + timedelta(days=2)

    async def keep(document_id, departs_at):
        async with database.unit_of_work(actor) as uow:
            entry = await penalty(uow, kept_at=kept, departs_at=departs_at, document_id=document_id)
            await post(
                uow,
                Posting(
                    kind="cancelled",
                    cause_type="quote",
                    cause_id=str(document_id),
                    order_id=order,
                    channel="web",
                    seller_id="agency-7",
                    entries=(debit(Account.BANK, PENALTY), entry),
                ),
            )

    due_at = kept + timedelta(seconds=1)
    await keep(document, due_at)
    await keep(uuid4(), kept + timedelta(days=9))
    async with database.unit_of_work(actor) as uow:
        assert await recognise_deferred(uow) == 0
    async with database.connection() as connection:
        held = await coupon_balances(connection, [document])
    assert [(entry.account, entry.amount_minor) for entry in held] == [(Account.DEFERRED_PENALTIES, -25_000)]
    for expected in (1, 0):
        async with database.unit_of_work(actor) as uow:
            await uow.connection.execute("SET LOCAL ais.clock_shift = '3 days'")
            assert await recognise_deferred(uow) == expected
    async with database.connection() as connection:
        held = await coupon_balances(connection, [document])
        row = await connection.fetchrow("SELECT * FROM ledger_postings WHERE kind = 'penalty_recognised'")
    assert [(entry.account, entry.amount_minor) for entry in held] == [(Account.PENALTY_REVENUE, -25_000)]
    assert (row["happened_at"], row["order_id"], row["channel"], row["seller_id"]) == (due_at, order, "web", "agency-7")
