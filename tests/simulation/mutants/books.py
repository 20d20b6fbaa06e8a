"""Guards of the books, of disputes and jobs, of the audit trail, of second persons and of our own money."""

from __future__ import annotations

from tests.simulation.mutants.guard import FOR_UPDATE, ONCE_PER_CAUSE, REFUND_LOCKS, Guard
from tests.simulation.mutants.removal import check, code, trigger

BOOKS: tuple[Guard, ...] = (
    # Books.
    Guard(
        "one posting a cause",
        "a payment is booked twice",
        (
            *ONCE_PER_CAUSE,
            code(
                "ais.payments.service.pay:settle_payment",
                ("    if newly_succeeded:", "    if status is PaymentStatus.SUCCEEDED:"),
                ("if not moves and _is_known(payment, found):", "if False:"),
            ),
        ),
        behind="settle once",
    ),
    Guard(
        "balance of a posting",
        "money that is nowhere",
        (
            code(
                "ais.ledger.domain:Posting.written",
                ("if unbalanced:", "if False:"),
                # What such a guard is for: a caller who forgets something.
                ("if entry.amount_minor)", "if entry.amount_minor and entry.account != Account.TAX_PAYABLE)"),
            ),
            trigger("ledger_entries", "ledger_entries_balance"),
        ),
        behind="trigger ledger_entries_balance; and a caller who forgets the taxes",
    ),
    Guard(
        "horizon of the chain",
        "a posting that commits late is left out of the chain",
        (
            code(
                "ais.platform.chain.statements:lock_chain",
                ("pg_snapshot_xmin(at)::text,", "pg_snapshot_xmax(at)::text,"),
            ),
        ),
    ),
    Guard(
        "departure closed once",
        "a flight that is closed again is earned again",
        (
            code("ais.orders.departure.domain:by_steps", ("if coupon.status is not target:", "if True:")),
            *ONCE_PER_CAUSE,
        ),
        behind="one posting a cause",
    ),
    # Disputes and jobs.
    Guard(
        "refunds frozen while disputed",
        "money is given back while a bank has taken it and decides about it",
        (
            code("ais.payments.service.refund:require_undisputed", ("if is_open:", "if False:")),
            code(
                "ais.orders.cancellation.service.quote:require_not_disputed",
                ("if order.payment_status is OrderPaymentStatus.DISPUTED:", "if False:"),
            ),
        ),
        behind="the look at the order's own state",
    ),
    Guard(
        "coupons of a disputed order",
        "people fly on money that a bank has taken",
        (
            code(
                "ais.orders.service.disputed:suspend_by",
                ("if against_us and payment_status is not OrderPaymentStatus.PAID:", "if False:"),
            ),
        ),
    ),
    Guard(
        "job dedupe key",
        "one thing is asked for twice, and two workers do it at once",
        (code("ais.platform.outbox:job_columns", ("[job.dedupe_key for job in wanted],", "[None for _ in wanted],")),),
        unseen="every job looks again under the lock of its row, so that a twin finds it done",
    ),
    # The audit trail and second persons.
    Guard(
        "audit entry of an order's move",
        "an order changes, and nobody can find out by whom",
        (code("ais.orders.service.states:OrderChange.write", ("await record(uow, self._entry())", "pass")),),
    ),
    Guard(
        "audit entry of money that comes",
        "money comes in, and the audit trail does not say so",
        (code("ais.payments.service.pay:settle_payment", ("await record(uow, _moved(payment, settled))", "pass")),),
    ),
    Guard(
        "audit entry of money that goes back",
        "money goes back, and the audit trail does not say so",
        (
            code(
                "ais.payments.service.refund:settle_refund",
                (
                    'await record(uow, refund_entry(f"refund.{found.status}", refund, before=before, after=after))',
                    "pass",
                ),
            ),
        ),
    ),
    Guard(
        "refund limit of one person",
        "one person of staff gives back any sum",
        (
            code(
                "ais.orders.cancellation.service.second_person:is_above_limit",
                ("return limits.is_above(refund + Money(before, refund.currency))", "return False"),
            ),
        ),
    ),
    Guard(
        "second person",
        "somebody signs what they have asked for",
        (
            code(
                "ais.accounts.rights.approvals:require_second_person",
                ("if approval.requested_by == actor.name or not", "if not"),
            ),
            check("approvals", "approvals_second_person"),
        ),
        behind="CHECK approvals_second_person",
    ),
    Guard(
        "one mail a cause",
        "a person is told twice of one thing",
        (
            code(
                "ais.notifications.repository:insert_notice",
                ("ON CONFLICT (kind, cause) DO NOTHING RETURNING id", "RETURNING id"),
            ),
            check("notices", "notices_kind_cause_key"),
        ),
        behind="unique constraint notices_kind_cause_key",
    ),
    # Our own money.
    Guard(
        "twin of a refused click",
        "money that a twin of a refused click took is lost: its attempt is closed, and nobody looks for it",
        (
            code(
                "ais.payments.service.pay:close_uncalled_payment",
                ("if not await has_taken(uow.connection, payment):", "if True:"),
            ),
        ),
    ),
    Guard(
        "money for an open attempt",
        "money is taken for an attempt that has ended",
        (code("ais.payments.service.own:lock_attempt", ("and payment.is_open", "")),),
    ),
    Guard(
        "credit limit of an agency",
        "an agency spends more than its deposit and its credit",
        (
            code(
                "ais.payments.service.agency:AgencyGateway.create",
                ("if agency.available < opening.amount:", "if False:"),
            ),
            check("agencies", "agencies_within_credit"),
        ),
        behind="CHECK agencies_within_credit",
    ),
    Guard(
        "agency lock",
        "two agents spend the same deposit",
        (
            code("ais.payments.repository.agencies:lock_agency", FOR_UPDATE),
            check("agencies", "agencies_within_credit"),
        ),
        behind="CHECK agencies_within_credit",
    ),
    Guard(
        "what is left of a travel credit",
        "a credit buys more than it holds",
        (
            code(
                "ais.payments.service.credit:CreditGateway.create", ("if credit.balance < opening.amount:", "if False:")
            ),
            check("travel_credits", "travel_credits_check"),
            check("travel_credit_movements", "travel_credit_movements_balance_minor_check"),
        ),
        behind="two CHECKs of its balance",
    ),
    Guard(
        "cash paid out once",
        "two clerks hand out one refund",
        (
            REFUND_LOCKS,
            check("cash_receipts", "cash_receipts_kind_cause_id_key"),
        ),
        behind="unique constraint cash_receipts_kind_cause_id_key",
    ),
)
