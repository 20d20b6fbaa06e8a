"""What must hold of orders, and between orders and what lies below them."""

from __future__ import annotations

from ais.platform.invariants import Invariant

# Every hold of an order: the one it was made with, and those that took its place when it was paid late.
_HOLDS = """
WITH RECURSIVE held AS (
    SELECT orders.id AS order_id, hold.id AS hold_id, hold.status
    FROM orders JOIN holds AS hold ON hold.id = orders.hold_id
    UNION ALL
    SELECT held.order_id, successor.id, successor.status
    FROM held JOIN holds AS successor ON successor.replaces = held.hold_id
)
"""

INVARIANTS = (
    Invariant(
        "orders.lines_sum_to_totals",
        "The total of an order is the sum of its items, and each item the sum of its price lines.",
        """
        SELECT orders.id, orders.total_minor, items.total AS items, lines.total AS lines
        FROM orders
        LEFT JOIN LATERAL (
            SELECT sum(total_minor) AS total FROM order_items WHERE order_id = orders.id
        ) AS items ON true
        LEFT JOIN LATERAL (
            SELECT sum(amount_minor) AS total FROM price_lines WHERE order_id = orders.id
        ) AS lines ON true
        WHERE orders.total_minor IS DISTINCT FROM items.total OR orders.total_minor IS DISTINCT FROM lines.total
        UNION ALL
        SELECT item.order_id, item.total_minor, NULL, sum(line.amount_minor)
        FROM order_items AS item LEFT JOIN price_lines AS line ON line.item_id = item.id
        GROUP BY item.id HAVING item.total_minor IS DISTINCT FROM sum(line.amount_minor)
        """,
    ),
    # Joins payments: what an order says of its money is compared with the money itself.
    Invariant(
        "orders.paid_equals_received",
        "What an order says was paid and given back is what its payments received and its refunds returned, but for"
        " money of another currency.",
        """
        SELECT orders.id, orders.paid_minor, money.received, orders.refunded_minor, back.refunded
        FROM orders
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(received_minor), 0) AS received FROM payments
            WHERE order_id = orders.id AND received_currency IS NULL
        ) AS money ON true
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(refund.amount_minor), 0) AS refunded
            FROM refunds AS refund JOIN payments AS payment ON payment.id = refund.payment_id
            WHERE refund.order_id = orders.id AND refund.status = 'succeeded' AND payment.received_currency IS NULL
        ) AS back ON true
        WHERE orders.paid_minor <> money.received
           OR (orders.refunded_minor <> back.refunded AND NOT EXISTS (
                SELECT FROM jobs WHERE entrypoint = 'orders.on_refund_settled'))
        """,
    ),
    Invariant(
        "orders.paid_covers_total",
        "An order that counts as paid has received at least its total.",
        """
        SELECT id, payment_status, total_minor, paid_minor FROM orders
        WHERE payment_status IN ('paid', 'partially_refunded', 'disputed') AND paid_minor < total_minor
        """,
    ),
    # Joins ticketing: documents follow orders.
    Invariant(
        "orders.coupons_for_confirmed",
        "A confirmed order has a coupon per passenger and segment, void only with its ticket, and one to fly;"
        " a completed one none; others no live one.",
        """
        SELECT orders.id, orders.status, wanted.count AS wanted, found.kept, found.live, found.flyable
        FROM orders
        LEFT JOIN LATERAL (
            SELECT count(*) FROM order_passengers AS passenger
            JOIN order_segments AS segment USING (order_id)
            WHERE order_id = orders.id
        ) AS wanted ON true
        LEFT JOIN LATERAL (
            SELECT count(*) FILTER (WHERE coupons.status NOT IN ('void', 'exchanged')
                                       OR coupons.status = 'void' AND orders.ticketing_status = 'partly_void') AS kept,
                   count(*) FILTER (WHERE coupons.status NOT IN ('void', 'exchanged', 'refunded')) AS live,
                   count(*) FILTER (WHERE coupons.status NOT IN ('void', 'exchanged', 'refunded', 'flown', 'no_show'))
                       AS flyable
            FROM coupons JOIN documents ON documents.id = coupons.document_id
            WHERE documents.order_id = orders.id
        ) AS found ON true
        WHERE CASE orders.status WHEN 'confirmed' THEN found.kept <> wanted.count OR found.flyable = 0
                                 WHEN 'completed' THEN found.kept <> wanted.count OR found.flyable <> 0
                                 ELSE found.live <> 0 END
        """,
    ),
    Invariant(
        "orders.coupon_values_are_fares",
        "The coupons of a ticketed order carry exactly the fares and carrier charges of their passenger and segment.",
        """
        SELECT coupon.document_id, coupon.number, coupon.value_minor, line.fare, coupon.carrier_charges_minor,
               line.charges
        FROM coupons AS coupon
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount_minor) FILTER (WHERE kind = 'fare'), 0) AS fare,
                   coalesce(sum(amount_minor) FILTER (WHERE kind = 'carrier_charge'), 0) AS charges
            FROM price_lines
            WHERE passenger_id = coupon.passenger_id AND order_segment_id = coupon.segment_id
        ) AS line ON true
        WHERE (coupon.value_minor, coupon.carrier_charges_minor) <> (line.fare, line.charges)
        """,
    ),
    Invariant(
        "orders.documents_carry_totals",
        "The tickets of an order that is wholly ticketed carry its total, each passenger's once.",
        """
        SELECT orders.id, orders.total_minor, coalesce(sum(document.total_minor), 0) AS documents
        FROM orders LEFT JOIN documents AS document
          ON document.order_id = orders.id AND document.type = 'ticket' AND document.conjunction_sequence = 1
        WHERE orders.status = 'confirmed' AND orders.ticketing_status IN ('issued', 'partly_void')
        GROUP BY orders.id HAVING orders.total_minor <> coalesce(sum(document.total_minor), 0)
        """,
    ),
    # Joins the ledger and payments: money passes through these accounts on its way, and nothing of it stays there.
    Invariant(
        "orders.transitory_accounts_zero",
        "Nothing of an order that is ticketed or has ended is left on the accounts that money passes through, and of"
        " another currency never.",
        """
        SELECT posting.order_id, entry.account, entry.currency, sum(entry.amount_minor) AS balance
        FROM ledger_entries AS entry
        JOIN ledger_postings AS posting ON posting.id = entry.posting_id
        JOIN orders ON orders.id = posting.order_id
        WHERE entry.account IN ('customer_deposits', 'refunds_payable')
          AND (entry.currency <> orders.currency OR (
            orders.status NOT IN ('pending', 'reserved') AND orders.ticketing_status <> 'issuing'
            -- Money of another sum than was due, and money of a cancelled order, waits for staff.
            AND orders.payment_status IN ('paid', 'partially_refunded', 'refunded', 'disputed')))
          AND NOT EXISTS (SELECT FROM refunds WHERE refunds.order_id = orders.id AND refunds.status <> 'succeeded')
        GROUP BY posting.order_id, entry.account, entry.currency HAVING sum(entry.amount_minor) <> 0
        """,
    ),
    # Joins inventory: seats follow orders.
    Invariant(
        "orders.seats_follow_status",
        "A confirmed order's seats are sold, a reserved order's are its own, an expired or cancelled order has none.",
        f"""{_HOLDS}
        SELECT orders.id, orders.status, array_agg(held.status) AS hold_statuses
        FROM orders JOIN held ON held.order_id = orders.id
        GROUP BY orders.id
        HAVING CASE orders.status
            WHEN 'confirmed' THEN NOT bool_or(held.status = 'confirmed')
            WHEN 'reserved' THEN bool_or(held.status IN ('released', 'confirmed'))
            WHEN 'completed' THEN false
            ELSE bool_or(held.status = 'confirmed' AND EXISTS (
                SELECT FROM hold_items AS item WHERE item.hold_id = held.hold_id AND item.state = 'sold')) END
        """,  # noqa: S608  # made of constants
    ),
    # Joins inventory, schedule and ticketing: seats follow coupons, leg by leg.
    Invariant(
        "orders.holds_fit_orders",
        "What is held or sold for an order are seats for its passengers in booking classes of its segments, those who"
        " gave a flight up not counted.",
        f"""{_HOLDS}
        SELECT orders.id, item.leg_id, item.rbd, item.seats, item.infants, party.seats AS wanted, party.laps
        FROM orders
        JOIN held ON held.order_id = orders.id
        JOIN LATERAL (
            SELECT leg_id, rbd, sum(seats) AS seats, sum(infants) AS infants FROM hold_items
            WHERE hold_id = held.hold_id AND state IN ('held', 'sold') GROUP BY leg_id, rbd
        ) AS item ON true
        JOIN LATERAL (
            SELECT count(*) FILTER (WHERE type <> 'infant') AS seats, count(*) FILTER (WHERE type = 'infant') AS laps
            FROM order_passengers AS passenger
            WHERE passenger.order_id = orders.id AND (
                NOT EXISTS (SELECT FROM documents WHERE documents.order_id = orders.id)
                OR EXISTS (
                    SELECT FROM documents AS document
                    JOIN coupons AS coupon ON coupon.document_id = document.id
                    JOIN order_segments AS sold ON sold.id = coupon.segment_id
                    JOIN segments AS flown ON flown.id = sold.segment_id
                    JOIN legs AS leg ON leg.flight_date_id = flown.flight_date_id
                                    AND leg.sequence BETWEEN flown.board_sequence AND flown.off_sequence
                    WHERE document.order_id = orders.id AND coupon.passenger_id = passenger.id AND leg.id = item.leg_id
                      AND coupon.status NOT IN ('void', 'exchanged', 'refunded')))
        ) AS party ON true
        WHERE item.seats <> party.seats OR item.infants <> party.laps OR NOT EXISTS (
            SELECT FROM order_segments WHERE order_id = orders.id AND booking_class = item.rbd)
        """,  # noqa: S608  # made of constants
    ),
    Invariant(
        "orders.coupons_have_seats",
        "Whoever holds a live coupon has a seat sold, or a place on a lap, on a leg of its segment.",
        """
        SELECT document.order_id, coupon.document_id, coupon.number, coupon.status
        FROM coupons AS coupon
        JOIN documents AS document ON document.id = coupon.document_id
        JOIN orders ON orders.id = document.order_id
        JOIN order_segments AS sold ON sold.id = coupon.segment_id
        JOIN segments AS flown ON flown.id = sold.segment_id
        WHERE coupon.status NOT IN ('void', 'exchanged', 'refunded') AND NOT EXISTS (
            SELECT FROM hold_items AS item
            JOIN legs AS leg ON leg.id = item.leg_id
            WHERE item.hold_id = standing_hold(orders.hold_id) AND item.state = 'sold'
              AND leg.flight_date_id = flown.flight_date_id
              AND leg.sequence BETWEEN flown.board_sequence AND flown.off_sequence)
        """,
    ),
    Invariant(
        "orders.quotes_sum",
        "Of a cancellation quote penalty, what is not refundable and refund are the sums of its lines, which are price"
        " lines at what was paid for them.",
        """
        SELECT quote.id, quote.penalty_minor, quote.non_refundable_minor, quote.refund_minor, line.penalty, line.kept,
               line.refunded
        FROM cancellation_quotes AS quote
        JOIN LATERAL (
            SELECT sum(penalty_minor) AS penalty, sum(kept_minor) AS kept, sum(refunded_minor) AS refunded,
                   bool_and(price.amount_minor = paid_minor AND price.passenger_id = said.passenger_id
                            AND price.order_segment_id = said.order_segment_id) AS is_true
            FROM cancellation_quote_lines AS said
            JOIN price_lines AS price ON price.order_id = said.order_id AND price.position = price_line_position
            WHERE quote_id = quote.id
        ) AS line ON true
        WHERE quote.kind <> 'unticketed' AND (
            quote.penalty_minor IS DISTINCT FROM line.penalty OR quote.refund_minor IS DISTINCT FROM line.refunded
            OR quote.penalty_minor + quote.non_refundable_minor IS DISTINCT FROM line.kept OR NOT line.is_true)
        """,
    ),
    Invariant(
        "orders.given_up_once",
        "A coupon is refunded if and only if exactly one confirmed quote gives it up.",
        """
        SELECT coupon.document_id, coupon.number, coupon.status, given.quotes
        FROM coupons AS coupon
        LEFT JOIN (
            SELECT line.passenger_id, line.order_segment_id, count(DISTINCT line.quote_id) AS quotes
            FROM cancellation_quote_lines AS line
            JOIN cancellation_quotes AS quote ON quote.id = line.quote_id AND quote.status = 'confirmed'
            GROUP BY line.passenger_id, line.order_segment_id
        ) AS given ON given.passenger_id = coupon.passenger_id AND given.order_segment_id = coupon.segment_id
        WHERE coupon.status NOT IN ('void', 'exchanged')
          AND coalesce(given.quotes, 0) <> (coupon.status = 'refunded')::integer
        """,
    ),
    # Joins payments: what was promised back has begun to go back.
    Invariant(
        "orders.refunds_follow_quotes",
        "For what its confirmed quotes promise to the payments, an order has begun refunds.",
        """
        SELECT orders.id, promised.total AS promised, coalesce(begun.total, 0) AS begun
        FROM orders
        JOIN LATERAL (
            SELECT sum(refund_minor) AS total FROM cancellation_quotes
            WHERE order_id = orders.id AND status = 'confirmed' AND refund_to = 'original_payment'
        ) AS promised ON promised.total > 0
        LEFT JOIN LATERAL (
            SELECT sum(amount_minor) AS total FROM refunds
            WHERE order_id = orders.id AND refunds.currency = orders.currency
        ) AS begun ON true
        WHERE promised.total > coalesce(begun.total, 0)
        """,
    ),
    # Joins ticketing: nobody flies on money that a bank has taken and decides about.
    Invariant(
        "orders.disputed_does_not_fly",
        "While a bank decides about an order's money, none of its coupons is open.",
        """
        SELECT orders.id, coupon.document_id, coupon.number
        FROM orders JOIN documents AS document ON document.order_id = orders.id
        JOIN coupons AS coupon ON coupon.document_id = document.id
        WHERE orders.payment_status = 'disputed' AND coupon.status = 'open'
        """,
    ),
    # Joins payments and the ledger: of what a lost dispute took, so much is made up for as the books say.
    Invariant(
        "orders.recovered_is_posted",
        "What confirmed quotes keep because a bank has it already makes chargebacks smaller by as much, and is never"
        " more than banks have taken.",
        """
        SELECT quote.order_id, quote.id AS quote_id, said.taken, posted.recovered
        FROM cancellation_quotes AS quote
        JOIN LATERAL (
            SELECT sum(taken_minor) AS taken FROM cancellation_quote_lines WHERE quote_id = quote.id
        ) AS said ON true
        LEFT JOIN LATERAL (
            SELECT -sum(entry.amount_minor) AS recovered
            FROM ledger_postings AS posting JOIN ledger_entries AS entry ON entry.posting_id = posting.id
            WHERE posting.kind = 'cancelled' AND posting.cause_type = 'quote' AND posting.cause_id = quote.id::text
              AND entry.account = 'chargebacks'
        ) AS posted ON true
        WHERE quote.status = 'confirmed' AND coalesce(said.taken, 0) <> coalesce(posted.recovered, 0)
        UNION ALL
        SELECT quote.order_id, NULL, sum(line.taken_minor), lost.minor
        FROM cancellation_quotes AS quote JOIN cancellation_quote_lines AS line ON line.quote_id = quote.id
        LEFT JOIN LATERAL (
            SELECT sum(dispute.amount_minor) AS minor
            FROM disputes AS dispute JOIN payments AS payment ON payment.id = dispute.payment_id
            WHERE dispute.order_id = quote.order_id AND dispute.status = 'lost' AND payment.received_currency IS NULL
        ) AS lost ON true
        WHERE quote.status = 'confirmed' AND line.taken_minor > 0
        GROUP BY quote.order_id, lost.minor HAVING sum(line.taken_minor) > coalesce(lost.minor, 0)
        """,
    ),
    Invariant(
        "orders.locators_unique",
        "No two orders have the same record locator.",
        "SELECT record_locator, count(*) AS orders FROM orders GROUP BY record_locator HAVING count(*) > 1",
    ),
    # Joins payments and ticketing: one order, one currency.
    Invariant(
        "orders.one_currency",
        "All sums of an order are in its one currency, but for money that came in another and what went back of it.",
        """
        SELECT orders.id, orders.currency, other.kind, other.currency AS found
        FROM orders
        JOIN LATERAL (
            SELECT 'item' AS kind, currency FROM order_items WHERE order_id = orders.id
            UNION SELECT 'price line', currency FROM price_lines WHERE order_id = orders.id
            UNION SELECT 'payment', currency FROM payments WHERE order_id = orders.id
            UNION SELECT 'refund', refund.currency
                FROM refunds AS refund JOIN payments AS payment ON payment.id = refund.payment_id
                WHERE refund.order_id = orders.id AND payment.received_currency IS NULL
            UNION SELECT 'document', currency FROM documents WHERE order_id = orders.id
        ) AS other ON other.currency <> orders.currency
        """,
    ),
    Invariant(
        "orders.history_ends_at_the_present",
        "The last recorded move of each state of an order is its present state.",
        """
        SELECT orders.id, axis.name, axis.present, last.to_state
        FROM orders
        CROSS JOIN LATERAL (VALUES ('order.status', orders.status),
                                   ('order.payment_status', orders.payment_status),
                                   ('order.ticketing_status', orders.ticketing_status)) AS axis (name, present)
        LEFT JOIN LATERAL (
            SELECT to_state FROM order_history WHERE order_id = orders.id AND order_history.axis = axis.name
            ORDER BY order_history.id DESC LIMIT 1
        ) AS last ON true
        WHERE coalesce(last.to_state, CASE axis.name WHEN 'order.payment_status' THEN 'unpaid'
                                                     WHEN 'order.ticketing_status' THEN 'none' END)
              IS DISTINCT FROM axis.present
        """,
    ),
    Invariant(
        "orders.nobody_overdue",
        "No unpaid order stays reserved for more than ten minutes past its time limit.",
        """
        SELECT id, payment_required_by FROM orders
        WHERE status = 'reserved' AND payment_status NOT IN ('paid', 'processing')
          AND payment_required_by < ais_now() - interval '10 minutes'
        """,
    ),
    Invariant(
        "orders.erased_is_forgotten",
        "Whose key is destroyed is found by no hash, and whoever is not erased still has a key.",
        """
        SELECT orders.id, key.id AS person_id FROM orders JOIN person_keys AS key ON key.id = contact_person_id
        WHERE (contact_lookup IS NULL) <> (key.destroyed_at IS NOT NULL)
        UNION ALL
        SELECT passenger.order_id, key.id FROM order_passengers AS passenger
        JOIN person_keys AS key ON key.id = passenger.person_id
        WHERE (passenger.name_lookup IS NULL) <> (key.destroyed_at IS NOT NULL)
        """,
    ),
    Invariant(
        "orders.found_by_a_key_in_use",
        "No order is found by a lookup key that was dropped.",
        """
        SELECT orders.id, lookup_key FROM orders JOIN lookup_keys ON lookup_keys.id = lookup_key
        WHERE dropped_at IS NOT NULL
        """,
    ),
    Invariant(
        "orders.infants_on_laps",
        "Every infant on a lap has an adult of the same order.",
        """
        SELECT infant.id FROM order_passengers AS infant
        JOIN order_passengers AS adult ON adult.id = infant.accompanying_id
        WHERE adult.order_id <> infant.order_id OR adult.type <> 'adult'
        """,
    ),
    Invariant(
        "orders.moves_are_audited",
        "Every change of an order's states since the audit trail began has an entry there, of the same request.",
        """
        SELECT history.order_id, history.axis, history.to_state, history.actor, history.happened_at
        FROM order_history AS history, audit_chain_progress AS trail
        WHERE history.happened_at >= trail.begun_at
          AND NOT EXISTS (SELECT FROM audit_entries AS entry
                          WHERE entry.order_id = history.order_id AND entry.correlation_id = history.correlation_id)
        """,
    ),
    Invariant(
        "orders.postings_are_audited",
        "Every transaction that posted to the books since the audit trail began has left an entry there.",
        """
        SELECT posting.id, posting.kind, posting.cause_type, posting.cause_id, posting.actor
        FROM ledger_postings AS posting, audit_chain_progress AS trail
        WHERE posting.recorded_at >= trail.begun_at
          AND NOT EXISTS (SELECT FROM audit_entries AS entry WHERE entry.transaction_id = posting.transaction_id)
        """,
    ),
    Invariant(
        "orders.waivers_were_signed",
        "A penalty is waived by two: a confirmed quote that waives one has the approval of a second person.",
        """
        SELECT quote.id, quote.order_id, quote.waived_minor FROM cancellation_quotes AS quote
        LEFT JOIN approvals AS signed ON signed.id = quote.approval_id
        WHERE quote.status = 'confirmed' AND quote.waived_minor > 0
          AND (signed.status, signed.kind) IS DISTINCT FROM ('approved', 'waiver')
        """,
    ),
)
