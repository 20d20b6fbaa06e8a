"""Manual capture: money that is held first and taken, or let go, later.

As at Stripe, what is let go of a charge is shown as a refund of it that moved nothing: it has no balance transaction.
"""

from ais_sandbox.stripe import balance, refunds
from ais_sandbox.stripe.account import Account, Call
from ais_sandbox.stripe.clock import now_seconds
from ais_sandbox.stripe.errors import Document, StripeError, unexpected_state

EXPIRE_ACTION = "expire_hold"
HELD_SECONDS = 7 * 24 * 3600


def capture(account: Account, call: Call) -> Document:
    """`POST /v1/payment_intents/{id}/capture`, of all that is held or of `amount_to_capture`, and once."""
    intent = account.payment_intents.get(call.ids["id"], param="intent")
    given = call.parameters
    amount = given.take_integer("amount_to_capture", least=1)
    metadata = given.take_metadata(intent["metadata"])
    given.finish()
    if intent["status"] != "requires_capture":
        message = f"This PaymentIntent could not be captured because it has a status of {intent['status']}. Only a "
        message += "PaymentIntent with one of the following statuses may be captured: requires_capture."
        raise unexpected_state(message, intent)
    held = intent["amount_capturable"]
    amount = held if amount is None else amount
    if amount > held:
        message = "The amount to capture must be less than or equal to the amount that can be captured, which is "
        raise StripeError(400, f"{message}{held}.", code="amount_too_large", param="amount_to_capture")
    charge = account.charges.get(intent["latest_charge"])
    charge.update(captured=True, amount_captured=amount)
    balance.book_charge(account, charge, asynchronous=False)
    intent.update(status="succeeded", amount_capturable=0, amount_received=amount, metadata=metadata)
    account.payment_intents.save(intent)
    account.schedule.drop(intent["id"])
    account.record("charge.captured", charge)
    if amount < held:
        refunds.release(account, charge, held - amount)
    account.record("payment_intent.succeeded", intent)
    return intent


def hold(account: Account, intent: Document, charge: Document) -> None:
    """The bank holds the money for us, for a week. The caller saves the intent."""
    intent.update(
        status="requires_capture",
        amount_capturable=intent["amount"],
        latest_charge=charge["id"],
        next_action=None,
        processing=None,
    )
    account.schedule.add(EXPIRE_ACTION, intent["id"], now_seconds() + HELD_SECONDS, deadline=True)
    account.record("charge.succeeded", charge)
    account.record("payment_intent.amount_capturable_updated", intent)


def let_go(account: Account, intent: Document) -> None:
    """Give up what is held for an intent that is being canceled; without effect on one that holds nothing."""
    if intent["status"] != "requires_capture":
        return
    account.schedule.drop(intent["id"])
    refunds.release(account, account.charges.get(intent["latest_charge"]), intent["amount_capturable"])
    intent["amount_capturable"] = 0


def expire(account: Account, intent_id: str) -> None:
    """The week is over: the bank has let go."""
    intent = account.payment_intents.find(intent_id)
    if intent is None or intent["status"] != "requires_capture":
        return
    charge_id = intent["latest_charge"]
    let_go(account, intent)
    intent.update(status="canceled", canceled_at=now_seconds(), cancellation_reason="automatic")
    account.payment_intents.save(intent)
    account.record("charge.expired", account.charges.get(charge_id))
    account.record("payment_intent.canceled", intent)
