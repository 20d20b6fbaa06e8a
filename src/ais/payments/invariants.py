"""What must hold of payments and refunds."""

from __future__ import annotations

from ais.platform.invariants import Invariant

INVARIANTS = (
    Invariant(
        "payments.refunds_within_received",
        "What was given back or is on its way is counted exactly, in the currency that came, and never exceeds what was"
        " received.",
        """
        SELECT payment.id, payment.received_minor, payment.refunded_minor,
               coalesce(sum(refund.amount_minor), 0) AS refunds
        FROM payments AS payment
        LEFT JOIN refunds AS refund ON refund.payment_id = payment.id AND refund.status <> 'failed'
        GROUP BY payment.id
        HAVING payment.refunded_minor <> coalesce(sum(refund.amount_minor), 0)
            OR payment.refunded_minor > payment.received_minor
            OR bool_or(refund.currency <> coalesce(payment.received_currency, payment.currency))
        """,
    ),
    Invariant(
        "payments.other_currencies_go_back",
        "Money of another currency than was asked for has gone back whole or is on its way, unless a refund of it has"
        " failed, which is before staff.",
        """
        SELECT id, order_id, received_minor, received_currency, refunded_minor FROM payments
        WHERE received_currency IS NOT NULL AND refunded_minor < received_minor
          AND NOT EXISTS (SELECT FROM refunds WHERE payment_id = payments.id AND status = 'failed')
        """,
    ),
    Invariant(
        "payments.history_ends_at_the_present",
        "The last recorded move of a payment is its present status.",
        """
        SELECT payment.id, payment.status, last.to_status
        FROM payments AS payment
        LEFT JOIN LATERAL (
            SELECT to_status FROM payment_events WHERE payment_id = payment.id ORDER BY id DESC LIMIT 1
        ) AS last ON true
        WHERE last.to_status IS DISTINCT FROM payment.status
        """,
    ),
    Invariant(
        "payments.one_open_attempt",
        "An order has at most one attempt from which money may still come.",
        """
        SELECT order_id, count(*) AS attempts FROM payments
        WHERE status IN ('requires_payment', 'requires_action', 'processing', 'failed')
        GROUP BY order_id HAVING count(*) > 1
        """,
    ),
    Invariant(
        "payments.travel_credit_is_its_movements",
        "What a travel credit holds is the sum of its movements, and what a refund issued is the whole of that refund.",
        """
        SELECT credit.id, credit.balance_minor, coalesce(sum(movement.amount_minor), 0) AS movements
        FROM travel_credits AS credit
        LEFT JOIN refunds AS refund ON refund.id = credit.refund_id
        LEFT JOIN travel_credit_movements AS movement ON movement.credit_id = credit.id
        GROUP BY credit.id, refund.amount_minor
        HAVING credit.balance_minor <> coalesce(sum(movement.amount_minor), 0)
            OR credit.issued_minor IS DISTINCT FROM refund.amount_minor
        """,
    ),
    Invariant(
        "payments.agencies_are_their_movements",
        "What an agency has or owes is the sum of its movements, and never beyond its credit limit.",
        """
        SELECT agency.id, agency.balance_minor, coalesce(sum(movement.amount_minor), 0) AS movements
        FROM agencies AS agency LEFT JOIN agency_movements AS movement ON movement.agency_id = agency.id
        GROUP BY agency.id
        HAVING agency.balance_minor <> coalesce(sum(movement.amount_minor), 0)
            OR agency.balance_minor + agency.credit_limit_minor < 0
        """,
    ),
    Invariant(
        "payments.receipts_in_sequence",
        "The receipts of an office are numbered from 1 without a gap, and are what its shifts took and paid out.",
        """
        SELECT office.id::text AS place, office.next_receipt - 1 AS expected, count(receipt.office_id) AS found
        FROM cash_offices AS office LEFT JOIN cash_receipts AS receipt ON receipt.office_id = office.id
        GROUP BY office.id HAVING office.next_receipt - 1 <> count(receipt.office_id)
        UNION ALL
        SELECT shift.id::text, shift.taken_minor - shift.paid_out_minor, coalesce(sum(receipt.amount_minor), 0)
        FROM cash_shifts AS shift LEFT JOIN cash_receipts AS receipt ON receipt.shift_id = shift.id
        GROUP BY shift.id HAVING shift.taken_minor - shift.paid_out_minor <> coalesce(sum(receipt.amount_minor), 0)
        """,
    ),
    # Joins the ledger: what lies in a drawer, or lacked when it was counted, is on the account of its shift.
    Invariant(
        "payments.drawers_posted",
        "The account of cash holds of each shift what should be in its drawer, and once it is counted what was missing,"
        " until that is written off.",
        """
        SELECT shift.id, shift.status, drawer.minor AS expected, coalesce(books.minor, 0) AS books
        FROM cash_shifts AS shift
        CROSS JOIN LATERAL (
            SELECT CASE WHEN shift.written_off_at IS NOT NULL THEN 0
                        ELSE float_minor + taken_minor - paid_out_minor - coalesce(counted_minor, 0) END AS minor
        ) AS drawer
        LEFT JOIN LATERAL (
            SELECT sum(amount_minor) AS minor FROM ledger_entries AS entry
            WHERE entry.account = 'cash' AND entry.shift = shift.id::text
        ) AS books ON true
        -- A payment whose money was taken and that is not settled yet is on its way into the books.
        WHERE drawer.minor <> coalesce(books.minor, 0)
          AND NOT EXISTS (SELECT FROM payments WHERE provider = 'cash' AND funding_id = shift.id
                          AND status <> 'succeeded' AND id IN (SELECT cause_id FROM cash_receipts WHERE kind = 'paid'))
        """,
    ),
    # Joins the ledger: what the bank holds back is on its account, what was won has come back.
    Invariant(
        "payments.disputes_posted",
        "What disputes have taken and not given back is what the account of chargebacks holds of them.",
        """
        SELECT dispute.id, dispute.status, dispute.amount_minor, posted.amount
        FROM disputes AS dispute
        LEFT JOIN LATERAL (
            SELECT sum(entry.amount_minor) AS amount
            FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.posting_id = posting.id
            WHERE posting.cause_type = 'dispute' AND posting.cause_id = dispute.id::text
              AND entry.account = 'chargebacks'
        ) AS posted ON true
        WHERE coalesce(posted.amount, 0)
              <> CASE WHEN dispute.status IN ('open', 'lost') THEN dispute.amount_minor ELSE 0 END
        """,
    ),
    # Joins the ledger: the books are compared with the money itself.
    Invariant(
        "payments.payouts_posted",
        "Each payout stands in the books with what the bank has of it, nothing if it came back; no other does.",
        """
        SELECT payout.payout_id, payout.amount_minor, posted.cause_id, posted.bank_minor
        FROM payouts AS payout
        FULL JOIN (
            SELECT cause_id, coalesce(sum(amount_minor) FILTER (WHERE account = 'bank'), 0) AS bank_minor
            FROM ledger_postings JOIN ledger_entries ON posting_id = ledger_postings.id
            WHERE kind IN ('paid_out', 'payout_returned') GROUP BY cause_id
        ) AS posted ON posted.cause_id = payout.provider || ':' || payout.payout_id
        WHERE posted.bank_minor IS DISTINCT FROM
              CASE WHEN payout.returned_at IS NULL THEN payout.amount_minor ELSE 0 END
        """,
    ),
    Invariant(
        "payments.captures_posted",
        "Each payment that brought money is posted once, with what it received as it came; no other is.",
        """
        SELECT payment.id, payment.status, payment.received_minor, posted.amount
        FROM payments AS payment
        LEFT JOIN LATERAL (
            SELECT sum(entry.amount_minor) FILTER (WHERE entry.amount_minor > 0) AS amount
            FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.posting_id = posting.id
            WHERE posting.kind = 'captured' AND posting.cause_type = 'payment' AND posting.cause_id = payment.id::text
              AND entry.currency = coalesce(payment.received_currency, payment.currency)
        ) AS posted ON true
        WHERE coalesce(posted.amount, 0) <> payment.received_minor
        UNION ALL
        SELECT NULL, cause_id, NULL, NULL FROM ledger_postings AS posting
        WHERE kind = 'captured' AND cause_type = 'payment'
          AND NOT EXISTS (SELECT FROM payments WHERE payments.id::text = posting.cause_id)
        """,
    ),
    Invariant(
        "payments.refunds_posted",
        "Each refund that succeeded has left the books, and what was taken back has come back to them.",
        """
        SELECT refund.id, refund.status, refund.amount_minor, posted.amount
        FROM refunds AS refund
        LEFT JOIN LATERAL (
            SELECT sum(entry.amount_minor) AS amount
            FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.posting_id = posting.id
            WHERE posting.kind IN ('refunded', 'refund_taken_back') AND posting.cause_type = 'refund'
              AND posting.cause_id = refund.id::text AND entry.account = 'refunds_payable'
        ) AS posted ON true
        WHERE coalesce(posted.amount, 0) <> CASE refund.status WHEN 'succeeded' THEN refund.amount_minor ELSE 0 END
        """,
    ),
)
