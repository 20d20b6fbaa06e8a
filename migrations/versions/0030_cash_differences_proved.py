"""What the last revision promises of old rows is looked at, beside the running system."""

from migrations.script import run_sql

revision = "0030"
down_revision = "0029"

UPGRADE = """
ALTER TABLE cash_shifts VALIDATE CONSTRAINT cash_shifts_written_off;
ALTER TABLE ledger_entries VALIDATE CONSTRAINT ledger_entries_account;
ALTER TABLE ledger_entries VALIDATE CONSTRAINT ledger_entries_dimensions;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
