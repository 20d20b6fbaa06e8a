"""The account's balance: one transaction for each movement of money, with its fee.

Each currency is a balance of its own; nothing is converted. A charge counts at once and can be paid out when its
time has come (`available_on`); what a refund or a dispute takes is gone at once. Stripe keeps the fee of a charge
that is refunded, and that of a dispute that is won.
"""

from ais_sandbox.stripe.account import Account, Call
from ais_sandbox.stripe.clock import now_exact, now_seconds
from ais_sandbox.stripe.currencies import THREE_DECIMAL
from ais_sandbox.stripe.errors import Document, StripeError
from ais_sandbox.stripe.ids import object_id
from ais_sandbox.stripe.payment_methods import behaviour_of

BOOK_ACTION = "book_charge"
_CATEGORIES = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "payout": "payout",
    "payout_failure": "payout_reversal",
}


def retrieve(account: Account, call: Call) -> Document:
    """`GET /v1/balance`: by currency, what can be paid out now and what will be."""
    call.parameters.finish()
    now = now_seconds()
    rows = account.storage.connection.execute(
        "SELECT currency, sum(CASE WHEN available_on <= ? THEN net ELSE 0 END),"
        " sum(CASE WHEN available_on > ? THEN net ELSE 0 END) FROM balance_transactions GROUP BY currency"
        " ORDER BY currency",
        (now, now),
    ).fetchall()
    return {
        "object": "balance",
        "available": [_share(currency, available) for currency, available, _ in rows],
        "livemode": False,
        "pending": [_share(currency, pending) for currency, _, pending in rows],
    }


def retrieve_transaction(account: Account, call: Call) -> Document:
    """`GET /v1/balance_transactions/{id}`."""
    call.parameters.finish()
    return account.balance_transactions.get(call.ids["id"])


def list_transactions(account: Account, call: Call) -> Document:
    """`GET /v1/balance_transactions`, by `currency`, `source`, `type`, time of creation and automatic `payout`."""
    payout_id = call.parameters.take_text("payout")
    narrowed: list[tuple[str, object]] = []
    if payout_id is not None:
        payout = account.payouts.get(payout_id, param="payout", status=400)
        if not payout["automatic"]:
            message = "Balance transaction history can only be filtered on automatic transfers, not manual."
            raise StripeError(400, message, executed=False)
        narrowed.append(("id IN (SELECT balance_transaction FROM payout_items WHERE payout = ?)", payout_id))
    return account.balance_transactions.page(call.parameters, "/v1/balance_transactions", *narrowed)


def available(account: Account, currency: str) -> int:
    """What can be paid out now, in minor units."""
    statement = "SELECT coalesce(sum(net), 0) FROM balance_transactions WHERE currency = ? AND available_on <= ?"
    return int(account.storage.connection.execute(statement, (currency, now_seconds())).fetchone()[0])


def make_available(account: Account) -> None:
    """Have everything that is pending be available now."""
    now = now_seconds()
    statement = "SELECT id FROM balance_transactions WHERE available_on > ?"
    for row in account.storage.connection.execute(statement, (now,)).fetchall():
        transaction = account.balance_transactions.get(row["id"])
        transaction["available_on"] = now
        account.balance_transactions.save(transaction)


def book_charge(account: Account, charge: Document, *, asynchronous: bool) -> None:
    """Count a captured charge, which is saved.

    An asynchronous capture is booked behind the answer: whoever is told of the charge sees no balance transaction
    yet, and `charge.updated` brings it.
    """
    if not asynchronous:
        _book(account, charge)
    elif account.switchboard.money.booked_after_seconds:
        due_at = now_exact() + account.switchboard.money.booked_after_seconds
        account.schedule.add(BOOK_ACTION, charge["id"], due_at)
    else:
        _book_behind(account, charge)


def book_later(account: Account, charge_id: str) -> None:
    """The background's part of an asynchronous capture."""
    charge = account.charges.find(charge_id)
    if charge is not None and charge["balance_transaction"] is None:
        _book_behind(account, charge)


def add(
    account: Account,
    kind: str,
    amount: int,
    source: Document,
    description: str,
    *,
    fee: int = 0,
    fee_name: str = "",
    available_on: int | None = None,
) -> Document:
    """Record a movement: `amount` as it counts for the account, negative for what leaves it."""
    currency = source["currency"]
    detail = {"amount": fee, "application": None, "currency": currency, "description": fee_name, "type": "stripe_fee"}
    created = now_seconds()
    transaction: Document = {
        "id": object_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": created if available_on is None else available_on,
        "balance_type": "payments",
        "created": created,
        "currency": currency,
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [detail] if fee else [],
        "net": amount - fee,
        "reporting_category": _CATEGORIES.get(kind) or ("dispute" if amount < 0 else "dispute_reversal"),
        "source": source["id"],
        "status": "pending",
        "type": kind,
    }
    account.balance_transactions.insert(transaction)
    return transaction


def fee_of(account: Account, amount: int, currency: str) -> int:
    """What a charge costs: a share of the amount, rounded half up, and a fixed sum, together no more than it."""
    money = account.switchboard.money
    fee = (amount * money.charge_fee_basis_points + 5000) // 10_000 + money.charge_fee_fixed.get(currency, 0)
    if currency in THREE_DECIMAL:
        # Such currencies move in tens of their minor unit.
        fee = (fee + 5) // 10 * 10
    return min(fee, amount)


def _book_behind(account: Account, charge: Document) -> None:
    _book(account, charge)
    account.record("charge.updated", charge, {"balance_transaction": None})


def _book(account: Account, charge: Document) -> None:
    details = charge["payment_method_details"]
    kind = "charge" if details["type"] == "card" else "payment"
    amount, now = charge["amount_captured"], now_seconds()
    wait = 0 if behaviour_of(details).available_at_once else account.switchboard.money.available_after_seconds
    transaction = add(
        account,
        kind,
        amount,
        charge,
        charge["description"],
        fee=fee_of(account, amount, charge["currency"]),
        fee_name="Stripe processing fees",
        available_on=now + wait,
    )
    charge["balance_transaction"] = transaction["id"]
    account.charges.save(charge)


def _share(currency: str, amount: int) -> Document:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}
