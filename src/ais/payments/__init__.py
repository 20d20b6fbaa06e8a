"""Payments: money that comes in, goes back, and what the provider says of it.

A payment is one attempt to pay an order, known here by its id alone. It is begun in a transaction, called at the
provider outside of any, and settled in another; a message of the provider is stored and is only a hint to settle.
Amounts are what is due: nobody outside names one. A refund is decided under the payment's lock, never exceeds what was
received and not given back, and is carried out by a job under its own key.
"""

from ais.payments.domain import (
    DEAD_LETTERS,
    EVENT_TRANSITIONS,
    HOSTED,
    PAYMENT_TRANSITIONS,
    REFUND_TRANSITIONS,
    EventAttempt,
    EventState,
    NewPayment,
    Payment,
    PaymentMethod,
    PaymentStatus,
    ProviderPayment,
    Refund,
    RefundDestination,
    RefundStatus,
    Settlement,
    StoredEvent,
    TravelCredit,
)
from ais.payments.errors import (
    PaymentFailed,
    PaymentProcessing,
    ProviderError,
    ProviderTimeout,
    RefundExceedsPaid,
    SignatureInvalid,
)
from ais.payments.events import RefundBegun, RefundSettled
from ais.payments.invariants import INVARIANTS
from ais.payments.ports import Gateways, PaymentGateway
from ais.payments.repository import (
    count_events,
    event_attempts,
    find_event,
    find_payment,
    find_refund,
    list_events,
    payments_of_order,
    refunded_of_order,
    touch_payment,
    unfinished_payments,
)
from ais.payments.service.credit import issue_travel_credit
from ais.payments.service.pay import (
    OtherAttemptOpen,
    begin_payment,
    call_provider,
    close_uncalled_payment,
    open_attempts,
    settle_payment,
)
from ais.payments.service.receive import replay_event
from ais.payments.service.refund import begin_refund

__all__ = [
    "DEAD_LETTERS",
    "EVENT_TRANSITIONS",
    "HOSTED",
    "INVARIANTS",
    "PAYMENT_TRANSITIONS",
    "REFUND_TRANSITIONS",
    "EventAttempt",
    "EventState",
    "Gateways",
    "NewPayment",
    "OtherAttemptOpen",
    "Payment",
    "PaymentFailed",
    "PaymentGateway",
    "PaymentMethod",
    "PaymentProcessing",
    "PaymentStatus",
    "ProviderError",
    "ProviderPayment",
    "ProviderTimeout",
    "Refund",
    "RefundBegun",
    "RefundDestination",
    "RefundExceedsPaid",
    "RefundSettled",
    "RefundStatus",
    "Settlement",
    "SignatureInvalid",
    "StoredEvent",
    "TravelCredit",
    "begin_payment",
    "begin_refund",
    "call_provider",
    "close_uncalled_payment",
    "count_events",
    "event_attempts",
    "find_event",
    "find_payment",
    "find_refund",
    "issue_travel_credit",
    "list_events",
    "open_attempts",
    "payments_of_order",
    "refunded_of_order",
    "replay_event",
    "settle_payment",
    "touch_payment",
    "unfinished_payments",
]
