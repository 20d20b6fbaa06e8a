"""Sales are posted: charges of coupons, to whom a tax is owed, and the postings of what was sold before."""

from migrations.script import run_sql

revision = "0012"
down_revision = "0011"

# A line written by the release before says nothing of the authority, and its coupon nothing of its charges until the
# release has gone: both columns therefore take what that one leaves out.
UPGRADE = """
ALTER TABLE price_lines ADD COLUMN authority text CHECK (authority <> '');
ALTER TABLE coupons ADD COLUMN carrier_charges_minor bigint NOT NULL DEFAULT 0 CHECK (carrier_charges_minor >= 0);

ALTER TABLE price_lines DISABLE TRIGGER price_lines_history;
UPDATE price_lines SET authority = coalesce(tax.country, 'XX')
FROM tax_versions AS tax WHERE tax.id = price_lines.version_id AND price_lines.kind = 'tax';
ALTER TABLE price_lines ENABLE TRIGGER price_lines_history;

UPDATE coupons SET carrier_charges_minor = charge.total
FROM (SELECT passenger_id, order_segment_id, sum(amount_minor)::bigint AS total FROM price_lines
      WHERE kind = 'carrier_charge' GROUP BY passenger_id, order_segment_id) AS charge
WHERE charge.passenger_id = coupons.passenger_id AND charge.order_segment_id = coupons.segment_id
  AND carrier_charges_minor <> charge.total;
"""

# What was paid, sold and given back before there was a ledger; each cause as the program posts it from now on.
POST_THE_PAST = """
WITH captured AS MATERIALIZED (
    SELECT uuidv7() AS posting_id, payment.*, event.recorded_at AS happened_at
    FROM payments AS payment
    LEFT JOIN LATERAL (
        SELECT recorded_at FROM payment_events WHERE payment_id = payment.id AND to_status = 'succeeded'
        ORDER BY id LIMIT 1
    ) AS event ON true
    WHERE payment.status = 'succeeded'
), posted AS (
    INSERT INTO ledger_postings (id, kind, cause_type, cause_id, order_id, form_of_payment, actor, channel, seller_id,
                                 happened_at, entry_count)
    SELECT posting_id, 'captured', 'payment', id::text, order_id, method, 'system:migration', channel, seller_id,
           coalesce(happened_at, updated_at), 2
    FROM captured
)
INSERT INTO ledger_entries (posting_id, number, account, amount_minor, currency, provider)
SELECT posting_id, 1, 'provider_clearing', received_minor, currency, provider FROM captured
UNION ALL SELECT posting_id, 2, 'customer_deposits', -received_minor, currency, NULL FROM captured;

WITH document AS MATERIALIZED (SELECT uuidv7() AS posting_id, documents.* FROM documents),
line AS MATERIALIZED (
    SELECT document.posting_id, row_number() OVER (PARTITION BY document.posting_id
                                                   ORDER BY coupon.number, line.position) + 1 AS number,
           CASE line.kind WHEN 'fare' THEN 'unflown_fare' WHEN 'carrier_charge' THEN 'unflown_carrier_charges'
                          WHEN 'tax' THEN 'tax_payable' ELSE 'rounding' END AS account,
           line.amount_minor, line.currency, coupon.document_id, coupon.number AS coupon_number,
           CASE line.kind WHEN 'tax' THEN coalesce(line.authority, 'XX') END AS authority,
           CASE WHEN line.kind IN ('tax', 'carrier_charge') THEN line.code END AS code
    FROM document
    JOIN coupons AS coupon ON coupon.document_id = document.id
    JOIN price_lines AS line
      ON line.passenger_id = coupon.passenger_id AND line.order_segment_id = coupon.segment_id
    WHERE line.amount_minor <> 0
), sold AS MATERIALIZED (
    SELECT posting_id, sum(amount_minor)::bigint AS amount_minor, currency, count(*) AS lines
    FROM line GROUP BY posting_id, currency
), posted AS (
    INSERT INTO ledger_postings (id, kind, cause_type, cause_id, order_id, actor, channel, seller_id, happened_at,
                                 entry_count)
    SELECT posting_id, 'issued', 'document', id::text, order_id, 'system:migration', channel, seller_id, issued_at,
           lines + 1
    FROM document JOIN sold USING (posting_id)
)
INSERT INTO ledger_entries (posting_id, number, account, amount_minor, currency, authority, code, document_id,
                            coupon_number)
SELECT posting_id, 1, 'customer_deposits', amount_minor, currency, NULL, NULL, NULL, NULL FROM sold
UNION ALL
SELECT posting_id, number, account, -amount_minor, currency, authority, code, document_id, coupon_number FROM line;

-- Until now money went back only where it had bought nothing. A refund that failed is still owed.
WITH moved AS MATERIALIZED (
    SELECT uuidv7() AS posting_id, kind, debited, credited, refund.*, payment.provider, payment.method,
           payment.channel AS sold_through, payment.seller_id
    FROM refunds AS refund JOIN payments AS payment ON payment.id = refund.payment_id
    CROSS JOIN (VALUES ('returned', 'customer_deposits', 'refunds_payable'),
                       ('refunded', 'refunds_payable', 'provider_clearing')) AS move (kind, debited, credited)
    WHERE move.kind = 'returned' OR (refund.status = 'succeeded' AND refund.destination = 'original_payment')
), posted AS (
    INSERT INTO ledger_postings (id, kind, cause_type, cause_id, order_id, form_of_payment, actor, channel, seller_id,
                                 happened_at, entry_count)
    SELECT posting_id, kind, 'refund', id::text, order_id, method, 'system:migration', sold_through, seller_id,
           CASE kind WHEN 'returned' THEN created_at ELSE updated_at END, 2
    FROM moved
)
INSERT INTO ledger_entries (posting_id, number, account, amount_minor, currency, provider)
SELECT posting_id, 1, debited, amount_minor, currency, NULL FROM moved
UNION ALL
SELECT posting_id, 2, credited, -amount_minor, currency, CASE WHEN credited = 'provider_clearing' THEN provider END
FROM moved;
"""


def upgrade() -> None:
    run_sql(UPGRADE)
    run_sql(POST_THE_PAST)
