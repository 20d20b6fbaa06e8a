"""Every statement and lock of this package, a module an aggregate. Lock order: a payment before its refunds."""

from ais.payments.repository.credits import (
    credit_movements,
    credits_to_expire,
    find_credit_by_code,
    find_credit_of_refund,
    insert_credit,
    lock_credit,
    move_credit,
)
from ais.payments.repository.events import (
    mark_event,
    store_event,
)
from ais.payments.repository.payments import (
    close_payment,
    find_payment,
    find_payment_at_provider,
    insert_payment,
    lock_payment,
    payments_of_order,
    touch_payment,
    unfinished_payments,
    write_provider_state,
)
from ais.payments.repository.refunds import (
    find_refund,
    find_refund_at_provider,
    insert_refund,
    lock_refund,
    pending_refunds,
    refunded_of_order,
    write_refund_state,
)

__all__ = [
    "close_payment",
    "credit_movements",
    "credits_to_expire",
    "find_credit_by_code",
    "find_credit_of_refund",
    "find_payment",
    "find_payment_at_provider",
    "find_refund",
    "find_refund_at_provider",
    "insert_credit",
    "insert_payment",
    "insert_refund",
    "lock_credit",
    "lock_payment",
    "lock_refund",
    "mark_event",
    "move_credit",
    "payments_of_order",
    "pending_refunds",
    "refunded_of_order",
    "store_event",
    "touch_payment",
    "unfinished_payments",
    "write_provider_state",
    "write_refund_state",
]
