"""Notices about accounts: they are about no order."""

from migrations.script import run_sql

revision = "0032"
down_revision = "0031"

UPGRADE = """
ALTER TABLE notices ALTER COLUMN order_id DROP NOT NULL;
ALTER TABLE notices ADD CONSTRAINT notices_about CHECK
    ((order_id IS NULL) = (kind IN ('verify_address', 'account_exists', 'reset_password', 'password_changed')));
"""


def upgrade() -> None:
    run_sql(UPGRADE)
