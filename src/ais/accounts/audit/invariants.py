"""What must hold of the audit trail by itself."""

from __future__ import annotations

from ais.accounts.audit.repository import CHAIN
from ais.platform.invariants import Invariant

INVARIANTS = (
    *CHAIN.invariants(),
    # The job chains every five seconds; what has waited so long is older than where it goes on, and never comes in.
    Invariant(
        "audit.every_entry_is_chained",
        "No entry lies before the place where chaining goes on without being in the chain.",
        """
        SELECT entry.id, entry.action, entry.recorded_at FROM audit_entries AS entry, audit_chain_progress AS progress
        WHERE entry.transaction_id < progress.next_transaction_id
          AND progress.next_transaction_id <= pg_snapshot_xmax(pg_current_snapshot())
          AND NOT EXISTS (SELECT FROM audit_chain AS link WHERE link.entry_id = entry.id)
        """,
    ),
)
