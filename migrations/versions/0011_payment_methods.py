"""Payments by hosted page, link, agency deposit, cash and travel credit."""

from migrations.script import run_sql

revision = "0011"
down_revision = "0010"

UPGRADE = """
ALTER TABLE payments DROP CONSTRAINT payments_method_check;
ALTER TABLE payments
    ADD CONSTRAINT payments_method_check CHECK (
        method IN ('card', 'checkout', 'pay_link', 'agency_deposit', 'cash', 'travel_credit')) NOT VALID,
    -- What the provider calls the money itself: refunds and disputes name it.
    ADD COLUMN provider_capture_id text,
    ADD COLUMN return_url text,
    ADD COLUMN cancel_url text,
    ADD COLUMN description text NOT NULL DEFAULT '',
    -- The agency, shift or travel credit that pays, of a provider of our own.
    ADD COLUMN funding_id uuid;
ALTER TABLE payments VALIDATE CONSTRAINT payments_method_check;
CREATE UNIQUE INDEX payments_provider_capture_id ON payments (provider, provider_capture_id);
"""


def upgrade() -> None:
    run_sql(UPGRADE)
