"""Who disputes does not fly meanwhile: coupons are suspended, and a quote knows what a bank has taken already.

Staff list refunds and disputes by when they were begun, the newest first, of one state or of all.
"""

from migrations.script import run_sql

revision = "0038"
down_revision = "0037"

UPGRADE = """
ALTER TABLE cancellation_quote_lines ADD COLUMN taken_minor bigint DEFAULT 0 NOT NULL;
ALTER TABLE cancellation_quote_lines ADD CONSTRAINT cancellation_quote_lines_taken
    CHECK (taken_minor BETWEEN 0 AND kept_minor - penalty_minor - shortfall_minor) NOT VALID;
ALTER TABLE cancellation_quote_lines VALIDATE CONSTRAINT cancellation_quote_lines_taken;

WITH disputed AS (
    SELECT coupon.document_id, coupon.number, min(dispute.id::text) AS dispute_id
    FROM disputes AS dispute
    JOIN orders ON orders.id = dispute.order_id AND orders.payment_status = 'disputed'
    JOIN documents AS document ON document.order_id = orders.id
    JOIN coupons AS coupon ON coupon.document_id = document.id
    WHERE dispute.status = 'open'
    GROUP BY coupon.document_id, coupon.number
), moved AS (
    UPDATE coupons SET status = 'suspended' FROM disputed
    WHERE coupons.document_id = disputed.document_id AND coupons.number = disputed.number AND coupons.status = 'open'
    RETURNING coupons.document_id, coupons.number, disputed.dispute_id
)
INSERT INTO coupon_moves (document_id, coupon_number, from_status, to_status, reason, actor, source_id)
SELECT document_id, number, 'open', 'suspended', 'disputed', 'system:migration',
       concat_ws(':', 'dispute', dispute_id, document_id, number, 'suspended')
FROM moved;

CREATE INDEX refunds_newest ON refunds (created_at DESC, id DESC);
CREATE INDEX refunds_newest_of_status ON refunds (status, created_at DESC, id DESC);
CREATE INDEX disputes_newest ON disputes (opened_at DESC, id DESC);
CREATE INDEX disputes_newest_of_status ON disputes (status, opened_at DESC, id DESC);
"""


def upgrade() -> None:
    run_sql(UPGRADE)
