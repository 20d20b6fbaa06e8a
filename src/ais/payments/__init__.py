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
    SHIFT_TRANSITIONS,
    Agency,
    AgencyMovement,
    CashReceipt,
    CashShift,
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
    AgencyNotFound,
    PaymentFailed,
    PaymentProcessing,
    ProviderError,
    ProviderTimeout,
    RefundExceedsPaid,
    ShiftNotFound,
    SignatureInvalid,
    TravelCreditNotFound,
)
from ais.payments.events import (
    RefundBegun,
    RefundSettled,
)
from ais.payments.invariants import INVARIANTS
from ais.payments.ports import Gateways, PaymentGateway
from ais.payments.reconciliation import PREFIX as RECONCILIATION_PREFIX
from ais.payments.reconciliation import REASONS as RECONCILIATION_REASONS
from ais.payments.reconciliation import Report as ReconciliationReport
from ais.payments.reconciliation import Window
from ais.payments.repository import (
    agency_statement,
    count_events,
    credit_movements,
    event_attempts,
    find_agency,
    find_credit_by_code,
    find_event,
    find_payment,
    find_refund,
    find_shift,
    list_agencies,
    list_events,
    list_shifts,
    payments_of_order,
    refunded_of_order,
    touch_payment,
    unfinished_payments,
)
from ais.payments.repository.reconciliation import find_report as find_reconciliation
from ais.payments.repository.reconciliation import list_reports as list_reconciliations
from ais.payments.schemas import statement_csv
from ais.payments.service.agency import AgencyGateway, create_agency, set_credit_limit, top_up_agency
from ais.payments.service.cash import CashGateway, close_shift, create_office, open_shift, pay_out_refund
from ais.payments.service.credit import (
    CreditGateway,
    issue_travel_credit,
)
from ais.payments.service.pay import (
    OtherAttemptOpen,
    begin_payment,
    call_provider,
    close_uncalled_payment,
    open_attempts,
    settle_payment,
)
from ais.payments.service.receive import replay_event
from ais.payments.service.reconcile import Reconciler, reconcile
from ais.payments.service.refund import begin_refund

__all__ = [
    "DEAD_LETTERS",
    "EVENT_TRANSITIONS",
    "HOSTED",
    "INVARIANTS",
    "PAYMENT_TRANSITIONS",
    "RECONCILIATION_PREFIX",
    "RECONCILIATION_REASONS",
    "REFUND_TRANSITIONS",
    "SHIFT_TRANSITIONS",
    "Agency",
    "AgencyGateway",
    "AgencyMovement",
    "AgencyNotFound",
    "CashGateway",
    "CashReceipt",
    "CashShift",
    "CreditGateway",
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
    "Reconciler",
    "ReconciliationReport",
    "Refund",
    "RefundBegun",
    "RefundDestination",
    "RefundExceedsPaid",
    "RefundSettled",
    "RefundStatus",
    "Settlement",
    "ShiftNotFound",
    "SignatureInvalid",
    "StoredEvent",
    "TravelCredit",
    "TravelCreditNotFound",
    "Window",
    "agency_statement",
    "begin_payment",
    "begin_refund",
    "call_provider",
    "close_shift",
    "close_uncalled_payment",
    "count_events",
    "create_agency",
    "create_office",
    "credit_movements",
    "event_attempts",
    "find_agency",
    "find_credit_by_code",
    "find_event",
    "find_payment",
    "find_reconciliation",
    "find_refund",
    "find_shift",
    "issue_travel_credit",
    "list_agencies",
    "list_events",
    "list_reconciliations",
    "list_shifts",
    "open_attempts",
    "open_shift",
    "pay_out_refund",
    "payments_of_order",
    "reconcile",
    "refunded_of_order",
    "replay_event",
    "set_credit_limit",
    "settle_payment",
    "statement_csv",
    "top_up_agency",
    "touch_payment",
    "unfinished_payments",
]
