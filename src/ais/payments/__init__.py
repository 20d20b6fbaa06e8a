"""Payments: money that comes in, goes back, and what the provider says of it.

A payment is one attempt to pay an order, known here by its id alone. It is begun in a transaction, called at the
provider outside of any, and settled in another; a message of the provider is stored and is only a hint to settle.
Amounts are what is due: nobody outside names one. A refund is decided under the payment's lock, never exceeds what was
received and not given back, and is carried out by a job under its own key.
"""

from ais.payments.domain import (
    HOSTED,
    PAYMENT_TRANSITIONS,
    REFUND_TRANSITIONS,
    NewPayment,
    Payment,
    PaymentMethod,
    PaymentStatus,
    ProviderPayment,
    Refund,
    RefundDestination,
    RefundStatus,
    Settlement,
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
from ais.payments.events import PaymentReported, RefundBegun, RefundSettled
from ais.payments.invariants import INVARIANTS
from ais.payments.ports import Gateways, PaymentGateway
from ais.payments.repository import (
    find_payment,
    find_payment_at_provider,
    find_refund,
    mark_event,
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
from ais.payments.service.receive import mark_unmatched
from ais.payments.service.refund import begin_refund

__all__ = [
    "HOSTED",
    "INVARIANTS",
    "PAYMENT_TRANSITIONS",
    "REFUND_TRANSITIONS",
    "Gateways",
    "NewPayment",
    "OtherAttemptOpen",
    "Payment",
    "PaymentFailed",
    "PaymentGateway",
    "PaymentMethod",
    "PaymentProcessing",
    "PaymentReported",
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
    "TravelCredit",
    "begin_payment",
    "begin_refund",
    "call_provider",
    "close_uncalled_payment",
    "find_payment",
    "find_payment_at_provider",
    "find_refund",
    "issue_travel_credit",
    "mark_event",
    "mark_unmatched",
    "open_attempts",
    "payments_of_order",
    "refunded_of_order",
    "settle_payment",
    "touch_payment",
    "unfinished_payments",
]
