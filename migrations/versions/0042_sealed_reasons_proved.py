"""The limits of 0041 hold for all rows; looked at while others write."""

from migrations.script import run_sql

revision = "0042"
down_revision = "0041"

UPGRADE = """
ALTER TABLE approvals VALIDATE CONSTRAINT approvals_reason_check;
ALTER TABLE cancellation_quotes VALIDATE CONSTRAINT cancellation_quotes_waiver_reason_check;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
