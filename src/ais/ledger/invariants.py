"""What must hold of the books by themselves."""

from __future__ import annotations

from ais.ledger.repository.chain import CHAIN
from ais.platform.invariants import Invariant

INVARIANTS = (
    Invariant(
        "ledger.postings_balance",
        "Every posting balances in each of its currencies, and has the entries that it says it has.",
        """
        SELECT posting.id, posting.kind, posting.entry_count, entry.entries, entry.unbalanced
        FROM ledger_postings AS posting
        LEFT JOIN (
            SELECT posting_id, sum(entries) AS entries,
                   string_agg(currency || ' ' || balance, ', ') FILTER (WHERE balance <> 0) AS unbalanced
            FROM (SELECT posting_id, currency, count(*) AS entries, sum(amount_minor) AS balance
                  FROM ledger_entries GROUP BY posting_id, currency) AS each_currency
            GROUP BY posting_id
        ) AS entry ON entry.posting_id = posting.id
        WHERE entry.unbalanced IS NOT NULL OR entry.entries IS DISTINCT FROM posting.entry_count
        """,
    ),
    Invariant(
        "ledger.one_posting_per_cause",
        "No cause has two postings of one kind.",
        """
        SELECT kind, cause_type, cause_id, count(*) AS postings FROM ledger_postings
        GROUP BY kind, cause_type, cause_id HAVING count(*) > 1
        """,
    ),
    Invariant(
        "ledger.coupons_never_owe",
        "No coupon was given more value, and none had more value taken, than it was issued with.",
        """
        SELECT document_id, coupon_number, account, currency, sum(amount_minor) AS balance
        FROM ledger_entries
        WHERE account IN ('unflown_fare', 'unflown_carrier_charges', 'unflown_ancillaries', 'deferred_penalties',
                          'deferred_breakage')
        GROUP BY document_id, coupon_number, account, currency HAVING sum(amount_minor) > 0
        """,
    ),
    Invariant(
        "ledger.travel_credit_never_below_zero",
        "No travel credit was spent beyond what it was issued with.",
        """
        SELECT credit_id, currency, sum(amount_minor) AS balance FROM ledger_entries WHERE account = 'travel_credit'
        GROUP BY credit_id, currency HAVING sum(amount_minor) > 0
        """,
    ),
    *CHAIN.invariants(),
)
