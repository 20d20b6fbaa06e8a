"""More notices about accounts: second factors, new devices, old tokens, and what waits for a second person."""

from migrations.script import run_sql

revision = "0036"
down_revision = "0035"

UPGRADE = """
ALTER TABLE notices DROP CONSTRAINT notices_about;
ALTER TABLE notices ADD CONSTRAINT notices_about CHECK
    ((order_id IS NULL) = (kind IN ('verify_address', 'account_exists', 'reset_password', 'password_changed',
                                    'second_factor_added', 'second_factor_removed', 'new_device', 'refresh_reused',
                                    'approval_waiting'))) NOT VALID;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
