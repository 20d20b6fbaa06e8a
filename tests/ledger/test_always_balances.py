"""Whatever is sold and given back, in currencies of 0, 2 and 3 decimals: the books balance and nothing stays under way.

A small airline is driven by hypothesis through the same postings as the program's; what it owes is kept beside in plain
numbers.
"""

from __future__ import annotations

from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from ais.kit import Money
from ais.ledger import (
    INVARIANTS,
    TRANSITORY,
    Account,
    Posting,
    coupon_balances,
    credit,
    debit,
    order_balances,
    post,
)
from ais.ledger.domain import balances
from ais.platform.invariants import find_violations

CURRENCIES = st.sampled_from(["JPY", "SAR", "KWD"])
AMOUNTS = st.integers(0, 5_000_000)
SALE = st.fixed_dictionaries(
    {
        "currency": CURRENCIES,
        "coupons": st.lists(
            st.fixed_dictionaries({"fare": AMOUNTS, "charge": AMOUNTS, "tax": AMOUNTS}), min_size=1, max_size=4
        ),
        "rounding": st.integers(-9, 9),
        "end": st.lists(st.sampled_from(["fly", "give_up", "no_show", "keep"]), min_size=4, max_size=4),
        "penalty_percent": st.integers(0, 100),
    }
)


def parts(sale, document):
    """What each coupon is worth, as entries of its issue."""
    entries = []
    for number, coupon in enumerate(sale["coupons"], start=1):
        of = {"document_id": document, "coupon_number": number}
        entries += [
            credit(Account.UNFLOWN_FARE, Money(coupon["fare"], sale["currency"]), **of),
            credit(Account.UNFLOWN_CARRIER_CHARGES, Money(coupon["charge"], sale["currency"]), code="YQ", **of),
            credit(Account.TAX_PAYABLE, Money(coupon["tax"], sale["currency"]), authority="SA", code="K7", **of),
        ]
    of = {"document_id": document, "coupon_number": 1}
    return [*entries, credit(Account.ROUNDING, Money(sale["rounding"], sale["currency"]), **of)]


async def sell(uow, sale, order, document):
    entries = parts(sale, document)
    total = Money(-balances(entries)[sale["currency"]], sale["currency"])
    for kind, account in (("captured", Account.PROVIDER_CLEARING), ("issued", None)):
        given = (
            (debit(account, total, provider="stripe"), credit(Account.CUSTOMER_DEPOSITS, total))
            if account
            else (debit(Account.CUSTOMER_DEPOSITS, total), *entries)
        )
        await post(uow, Posting(kind=kind, cause_type="event", cause_id=str(document), order_id=order, entries=given))
    return total.minor


async def end(uow, sale, order, document, number, what):
    """One coupon comes to its end; answers what goes back to the customer."""
    held = [entry for entry in await coupon_balances(uow.connection, [document]) if entry.coupon_number == number]
    value = [entry for entry in held if entry.account not in {Account.TAX_PAYABLE, Account.ROUNDING}]
    worth = Money(-sum(entry.amount_minor for entry in value), sale["currency"])
    cause = f"{document}:{number}"
    if what in {"fly", "no_show"}:
        account = Account.FLOWN_REVENUE if what == "fly" else Account.BREAKAGE
        entries = (*(entry.reversed() for entry in value), credit(account, worth))
        await post(uow, Posting(kind=what, cause_type="coupon", cause_id=cause, order_id=order, entries=entries))
        return 0
    kept = worth.percent(sale["penalty_percent"] * 100)
    taken = [entry.reversed() for entry in held if entry.account is not Account.ROUNDING]
    refund = Money(sum(entry.amount_minor for entry in taken), sale["currency"]) - kept
    promised = (*taken, credit(Account.PENALTY_REVENUE, kept), credit(Account.REFUNDS_PAYABLE, refund))
    await post(uow, Posting(kind="cancelled", cause_type="coupon", cause_id=cause, order_id=order, entries=promised))
    sent = (debit(Account.REFUNDS_PAYABLE, refund), credit(Account.PROVIDER_CLEARING, refund, provider="stripe"))
    await post(uow, Posting(kind="refunded", cause_type="coupon", cause_id=cause, order_id=order, entries=sent))
    return refund.minor


async def test_random_sales_and_refunds_always_balance(database, actor, anyio_backend):
    stories = []

    @given(st.lists(SALE, min_size=1, max_size=6))
    @settings(max_examples=40, database=None)
    def collect(sales):
        stories.append(sales)

    collect()
    clearing, unflown = {}, {}
    for sales in stories:
        async with database.unit_of_work(actor) as uow:
            for sale in sales:
                order, document, currency = uuid4(), uuid4(), sale["currency"]
                taken = await sell(uow, sale, order, document)
                for number, (coupon, what) in enumerate(zip(sale["coupons"], sale["end"], strict=False), start=1):
                    if what == "keep":
                        unflown[currency] = unflown.get(currency, 0) + coupon["fare"] + coupon["charge"]
                        continue
                    taken -= await end(uow, sale, order, document, number, what)
                clearing[currency] = clearing.get(currency, 0) + taken
                held = await order_balances(uow.connection, order)
                assert not [account for account, _ in held if account in TRANSITORY]
                assert sum(held.values()) == 0
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT currency, account, sum(amount_minor)::bigint FROM ledger_entries GROUP BY 1, 2"
        )
    found = {(row[0], row[1]): row[2] for row in rows}
    for currency in ("JPY", "SAR", "KWD"):
        assert sum(minor for (code, _), minor in found.items() if code == currency) == 0
        assert found.get((currency, "provider_clearing"), 0) == clearing.get(currency, 0)
        owed = found.get((currency, "unflown_fare"), 0) + found.get((currency, "unflown_carrier_charges"), 0)
        assert -owed == unflown.get(currency, 0)
    assert await find_violations(database, INVARIANTS) == []
    assert len(found) > 10
