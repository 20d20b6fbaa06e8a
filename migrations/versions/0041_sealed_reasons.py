"""What staff write about an order or an account by hand rests sealed."""

from migrations.script import run_sql

revision = "0041"
down_revision = "0040"

UPGRADE = """
-- The keys under which it is sealed, destroyed with any person of the order.
CREATE TABLE order_text_keys (
    person_id uuid PRIMARY KEY REFERENCES person_keys,
    order_id  uuid NOT NULL REFERENCES orders
);
CREATE INDEX order_text_keys_order_id ON order_text_keys (order_id);

-- Sealed, 200 characters are longer. What stands there is short enough: the new limit is the wider one.
ALTER TABLE approvals DROP CONSTRAINT approvals_reason_check,
    ADD CONSTRAINT approvals_reason_check CHECK (length(reason) BETWEEN 1 AND 1200) NOT VALID;
ALTER TABLE cancellation_quotes DROP CONSTRAINT cancellation_quotes_waiver_reason_check,
    ADD CONSTRAINT cancellation_quotes_waiver_reason_check CHECK (length(waiver_reason) BETWEEN 1 AND 1200) NOT VALID;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
