"""The currency of money that came in another than was asked for.

What a payment has received and given back is in ``received_currency``; null, as in every row from before, is the
currency that was asked for. A row that has one counts for no order: a release that does not read the column yet sees
money that has gone back as soon as it came, and so nothing that it could give back or spend.
"""

from migrations.script import run_sql

revision = "0043"
down_revision = "0042"

UPGRADE = """
ALTER TABLE payments ADD COLUMN received_currency text;
ALTER TABLE payments ADD CONSTRAINT payments_received_currency CHECK (
    received_currency IS NULL
    OR (received_currency ~ '^[A-Z]{3}$' AND received_currency <> currency AND status = 'succeeded')) NOT VALID;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
