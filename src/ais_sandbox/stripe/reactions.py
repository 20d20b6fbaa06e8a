"""What follows from what: which objects move when another does, and what each scheduled action does.

Commands go from the higher resource to the lower one (a session confirms its intent); the way back is an event.
"""

from collections.abc import Callable, Mapping

from ais_sandbox.stripe import attempts, balance, captures, checkout_sessions, disputes, payouts, refunds
from ais_sandbox.stripe.account import Account, Reaction

REACTIONS: Mapping[str, tuple[Reaction, ...]] = {
    "charge.succeeded": (disputes.open_by_card,),
    "charge.captured": (disputes.open_by_card,),
    "payment_intent.succeeded": (checkout_sessions.payment_succeeded,),
    "payment_intent.processing": (checkout_sessions.payment_began_processing,),
    "payment_intent.payment_failed": (checkout_sessions.payment_failed,),
}

TRANSITIONS: Mapping[str, Callable[[Account, str], None]] = {
    attempts.SETTLE_ACTION: attempts.settle,
    refunds.SETTLE_ACTION: refunds.settle,
    checkout_sessions.EXPIRE_ACTION: checkout_sessions.expire_by_time,
    captures.EXPIRE_ACTION: captures.expire,
    balance.BOOK_ACTION: balance.book_later,
    disputes.OPEN_ACTION: disputes.open_scheduled,
    disputes.DECIDE_ACTION: disputes.decide,
    payouts.SETTLE_ACTION: payouts.settle,
    payouts.DAILY_ACTION: payouts.pay_out_daily,
}
