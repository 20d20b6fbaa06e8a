"""What a guard is, and what several guards are taken away by."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from tests.simulation.mutants.removal import Removal, check, code, index, removed, trigger


@dataclass(frozen=True)
class Guard:
    """One guard, or one with those that stand before it."""

    name: str
    keeps: str
    removals: tuple[Removal, ...]
    behind: str = ""
    unseen: str = ""

    def mutation(self) -> Callable[[str], AbstractAsyncContextManager[None]]:
        """What a storm is given, so that it takes place without this guard."""
        return lambda database_url: removed(self.removals, database_url)


FOR_UPDATE = (" FOR UPDATE", "")
ORDER_LOCK = code("ais.orders.repository:lock_order_row", FOR_UPDATE)
PAYMENT_LOCK = code("ais.payments.repository.payments:lock_payment", FOR_UPDATE)
REFUND_LOCKS = code(
    "ais.payments.repository.refunds:lock_refund",
    ("refunds WHERE id = $1) FOR UPDATE", "refunds WHERE id = $1)"),
    ("refunds WHERE id = $1 FOR UPDATE", "refunds WHERE id = $1"),
)
LOCKING = ("FOR NO KEY UPDATE", "")
DOOR = (
    code("ais.platform.idempotency:find_answer", ("if row is None:", "if True:")),
    code(
        "ais.platform.idempotency:store_answer",
        ("    try:\n", "    return None\n    try:\n"),
    ),
)
PAYMENT_MOVES = code(
    "ais.payments.service.pay:settle_payment",
    ("if moves and not PAYMENT_TRANSITIONS.allows(payment.status, status):", "if False:"),
)
REFUND_CAP = (
    code("ais.payments.service.refund:require_refundable", (" or amount > payment.received - payment.refunded", "")),
    check("payments", "payments_check"),
)
ATTEMPT_CLOSED = (
    code(
        "ais.orders.service.expire:close_attempts",
        ("if found.status is not PaymentStatus.SUCCEEDED:", "if False:"),
    ),
    code(
        "ais.orders.service.settle:settle_order_payment",
        ("if settlement.payment.is_open:", "if False:"),
    ),
)
ONE_ATTEMPT = (
    code("ais.payments.service.pay:begin_payment", ("if not payment.is_open:", "if True:")),
    index("payments_one_open_attempt"),
)
COUPON_MOVES = (
    code(
        "ais.ticketing.service:move_coupons",
        ("COUPON_TRANSITIONS.require(status, target)", "pass"),
    ),
    trigger("coupons", "coupons_status"),
)
QUOTE_BASIS = ("if quote.basis != basis_of(order, coupons.values(), moved):", "if False:")
QUOTE_STATUS = (
    ("if quote.status is QuoteStatus.CONFIRMED:", "if False:"),
    ("if quote.status is QuoteStatus.SUPERSEDED:", "if False:"),
)
ONCE_PER_CAUSE = (
    code(
        "ais.ledger.repository.postings:insert_postings",
        ("ON CONFLICT ON CONSTRAINT ledger_postings_one_per_cause DO NOTHING", ""),
    ),
    check("ledger_postings", "ledger_postings_one_per_cause"),
)
LAST = """
    SELECT amount_minor FROM refunds WHERE order_id = $1 AND status = 'succeeded' ORDER BY updated_at DESC LIMIT 1
"""
