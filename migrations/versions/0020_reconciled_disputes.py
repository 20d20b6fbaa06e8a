"""Reconciliation looks at disputes too."""

from migrations.script import run_sql

revision = "0020"
down_revision = "0019"

UPGRADE = """
ALTER TABLE reconciliation_rows DROP CONSTRAINT reconciliation_rows_kind_check;
ALTER TABLE reconciliation_rows ADD CONSTRAINT reconciliation_rows_kind_check
    CHECK (kind IN ('payment', 'refund', 'dispute', 'payout', 'payout_line'));
"""


def upgrade() -> None:
    run_sql(UPGRADE)
