"""Payouts: the balance on its way to the bank.

An automatic payout carries every transaction that has become available and was in none before, and can be listed by
it. A payout by the API carries a sum; which transactions it is made of, Stripe does not say either.
"""

from ais_sandbox.stripe import balance
from ais_sandbox.stripe.account import Account, Call
from ais_sandbox.stripe.clock import now_seconds
from ais_sandbox.stripe.currencies import read_currency
from ais_sandbox.stripe.errors import Document, StripeError
from ais_sandbox.stripe.ids import object_id

SETTLE_ACTION, DAILY_ACTION = "settle_payout", "pay_out_daily"
_DAY = 24 * 3600
_DAILY = "daily"


def create(account: Account, call: Call) -> Document:
    """`POST /v1/payouts`, of a sum that is available."""
    given = call.parameters
    amount = given.need_integer("amount", least=1)
    currency = read_currency(given.need_text("currency"))
    method = given.take_choice("method", ("instant", "standard")) or "standard"
    texts = {name: given.take_text(name) or None for name in ("description", "statement_descriptor")}
    metadata = given.take_metadata({})
    given.finish()
    if amount > balance.available(account, currency):
        message = "You have insufficient funds in your Stripe account for this transfer. Your card balance is too low."
        message += " You can use the /v1/balance endpoint to view your Stripe balance (for more details, see "
        raise StripeError(400, message + "stripe.com/docs/api#balance).", code="balance_insufficient")
    payout = _new_payout(amount, currency, automatic=False)
    payout.update(texts, method=method, metadata=metadata)
    _send(account, payout)
    return payout


def retrieve(account: Account, call: Call) -> Document:
    """`GET /v1/payouts/{id}`."""
    call.parameters.finish()
    return account.payouts.get(call.ids["id"])


def list_(account: Account, call: Call) -> Document:
    """`GET /v1/payouts`, by status, time of creation and day of arrival."""
    return account.payouts.page(call.parameters, "/v1/payouts")


def update(account: Account, call: Call) -> Document:
    """`POST /v1/payouts/{id}`: only metadata changes."""
    payout = account.payouts.get(call.ids["id"])
    before = dict(payout["metadata"])
    payout["metadata"] = call.parameters.take_metadata(payout["metadata"])
    call.parameters.finish()
    account.payouts.save(payout)
    account.record("payout.updated", payout, {"metadata": before})
    return payout


def pay_out(account: Account) -> list[Document]:
    """An automatic payout in each currency with something available. What is owed to Stripe stays for the next."""
    rows = account.storage.connection.execute(
        "SELECT currency, sum(net) FROM balance_transactions WHERE available_on <= :now"
        " AND id NOT IN (SELECT balance_transaction FROM payout_items) GROUP BY currency ORDER BY currency",
        {"now": now_seconds()},
    ).fetchall()
    made = []
    for currency, amount in rows:
        if amount <= 0:
            continue
        payout = _new_payout(amount, currency, automatic=True)
        account.storage.connection.execute(
            "INSERT INTO payout_items (balance_transaction, payout) SELECT id, ? FROM balance_transactions"
            " WHERE currency = ? AND available_on <= ? AND id NOT IN (SELECT balance_transaction FROM payout_items)",
            (payout["id"], currency, now_seconds()),
        )
        _send(account, payout)
        statement = "INSERT INTO payout_items (balance_transaction, payout) VALUES (?, ?)"
        account.storage.connection.execute(statement, (payout["balance_transaction"], payout["id"]))
        account.record("payout.reconciliation_completed", payout)
        made.append(payout)
    return made


def pay_out_daily(account: Account, _: str) -> None:
    """At midnight UTC, as long as the switch says so."""
    if account.switchboard.money.automatic_payouts:
        pay_out(account)
        schedule_daily(account)


def schedule_daily(account: Account) -> None:
    """Have the next automatic payout made at the coming midnight, and only once."""
    account.schedule.drop(_DAILY)
    account.schedule.add(DAILY_ACTION, _DAILY, (now_seconds() // _DAY + 1) * _DAY, deadline=True)


def settle(account: Account, payout_id: str) -> None:
    """The bank's answer to a payout that is on its way."""
    payout = account.payouts.find(payout_id)
    if payout is None or payout["status"] != "pending":
        return
    payout["trace_id"] = {"status": "unsupported", "value": None}
    if account.switchboard.money.payouts_end == "paid":
        payout["status"] = "paid"
    else:
        back = balance.add(account, "payout_failure", payout["amount"], payout, "STRIPE PAYOUT FAILURE")
        payout.update(
            status="failed",
            failure_balance_transaction=back["id"],
            failure_code="account_closed",
            failure_message="The bank account has been closed.",
        )
    account.payouts.save(payout)
    account.record(f"payout.{payout['status']}", payout)


def _send(account: Account, payout: Document) -> None:
    transaction = balance.add(account, "payout", -payout["amount"], payout, "STRIPE PAYOUT")
    payout["balance_transaction"] = transaction["id"]
    account.payouts.insert(payout)
    account.record("payout.created", payout)
    account.later(SETTLE_ACTION, payout["id"])


def _new_payout(amount: int, currency: str, *, automatic: bool) -> Document:
    created = now_seconds()
    return {
        "id": object_id("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": (created // _DAY + 1) * _DAY,
        "automatic": automatic,
        "balance_transaction": None,
        "created": created,
        "currency": currency,
        "description": "STRIPE PAYOUT" if automatic else None,
        "destination": None,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "completed" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }
